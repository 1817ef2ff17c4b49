"""What a network learns from: samples, simulated or labelled, and their batches.

A sample is anything with a length, ``truth`` (structured array of `desinn.simulate.grid.TRUTH`,
of the same length) and ``draw(rng, rows)``, which returns network input (B, W, C) float32 for
some of its rows: with other noise at every call, where it is simulated. Where the network takes
input of any length, the sample has a ``shape``, (W, C), too.
"""

import itertools
import os

import numpy as np

from ..finders.base import NOT_RUN
from ..log import get_logger
from ..simulate.grid import TRUTH
from ..spectra import rebin

PARTS = ("train", "validation")


def make_sample(recipe, part, grid, templates=None, processes=1):
    """Return the simulated sample of a recipe.

    Parameters
    ----------
    recipe : dict
    part : str
        ``train`` or ``validation``: of other seeds, so that they share no spectrum.
    grid : desinn.spectra.Grid
        The network's bins.
    templates : dict, optional
        As `desinn.io.templates.read_templates` returns them.
    processes : int
        How many processes simulate.

    Returns
    -------
    desinn.simulate.sample.TrainingSample
    """
    from ..simulate.sample import TrainingSample
    from ..simulate.survey import SurveySettings

    settings = SurveySettings.from_recipe(recipe["simulation"])
    return TrainingSample(settings, *part_of(recipe, part), grid, templates, processes)


def part_of(recipe, part):
    """Return what tells the parts of a simulated sample apart.

    Parameters
    ----------
    recipe : dict
    part : str
        ``train`` or ``validation``.

    Returns
    -------
    seed, size : int
    """
    number = PARTS.index(part)
    seed = int(np.random.SeedSequence([recipe["seed"], number]).generate_state(1)[0])
    return seed, (recipe["size"], recipe["validation"]["size"])[number]


class LabelledSample:
    """Spectra as they are, with what is known of them.

    Parameters
    ----------
    x : ndarray of float32, shape (B, W, 1)
        Network input.
    truth : structured array, shape (B,)
    """

    def __init__(self, x, truth):
        self.x = x
        self.truth = truth

    def __len__(self):
        return len(self.truth)

    def __getitem__(self, rows):
        return LabelledSample(self.x[rows], self.truth[rows])

    def draw(self, rng, rows):
        """Return the input of some rows; there is no other noise than their own."""
        return self.x[rows]


class Mixed:
    """A simulated sample with labelled spectra among it.

    Parameters
    ----------
    simulated, labelled : sample
    fraction : float
        How much of the whole is labelled, above 0 and below 1: its spectra come several times in
        an epoch if there are few.
    """

    def __init__(self, simulated, labelled, fraction):
        self._parts = simulated, labelled
        count = max(round(len(simulated) * fraction / (1 - fraction)), 1)
        self._rows = np.arange(count) % len(labelled)
        self.truth = np.concatenate([simulated.truth, labelled.truth[self._rows]])

    def __len__(self):
        return len(self.truth)

    def draw(self, rng, rows):
        """Return the input of some rows, (B, W, 1), in their order."""
        simulated, labelled = self._parts
        rows = np.asarray(rows)
        own = rows < len(simulated)
        first = simulated.draw(rng, rows[own])
        x = np.empty((len(rows), *first.shape[1:]), np.float32)
        x[own] = first
        x[~own] = labelled.draw(rng, self._rows[rows[~own] - len(simulated)])
        return x


def split(sample, seed, size):
    """Return two parts of a labelled sample: to train with, and to keep back.

    Parameters
    ----------
    sample : LabelledSample
    seed : int
    size : int
        How many to keep back, but at most a fifth.

    Returns
    -------
    train, held_out : LabelledSample

    Raises
    ------
    ValueError
        If there are fewer than five spectra.
    """
    if len(sample) < 5:
        raise ValueError(f"data: expected 5 spectra or more that can be used, found {len(sample)}")
    rows = np.random.default_rng(seed).permutation(len(sample))
    count = min(size, len(sample) // 5)
    return sample[np.sort(rows[count:])], sample[np.sort(rows[:count])]


def batches(sample, targets, seed, size, first_epoch=0):
    """Yield batches for ever: each epoch has all rows once, but for a last part of a batch.

    Parameters
    ----------
    sample : sample
    targets : ndarray, shape (N, ...)
        Of each row of the sample; or what returns rows of such an array when it is indexed.
    seed : int
    size : int
        Rows of a batch; at most the sample's.
    first_epoch : int
        Where to begin. A batch depends on seed, epoch and its number alone.

    Yields
    ------
    x : ndarray of float32, shape (size, W, C)
    target : ndarray, shape (size, ...)
    """
    for epoch in itertools.count(first_epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(sample))
        for batch in range(len(sample) // size):
            rows = np.sort(order[batch * size : (batch + 1) * size])
            rng = np.random.default_rng([seed, epoch, batch + 1])
            yield sample.draw(rng, rows), targets[rows]


def read_labelled(paths, finder):
    """Read labelled spectra and prepare them, once.

    Parameters
    ----------
    paths : sequence of str
        Lists of labels (`desinn.io.truth.read_labels`), whose spectra lie beside them; or files
        of spectra with a truth HDU.
    finder : desinn.finders.qso.QSOFinder

    Returns
    -------
    LabelledSample
        Without the spectra that cannot be run, and with the TRUESPECTYPE, TRUEZ and (as far as
        the labels tell) BI of the others; SNR is measured.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If a file cannot be read, a list of labels lacks a column, or nothing can be used.
    """
    parts = [part for path in paths for part in _labelled(path)]
    x, truth = [], []
    for spectra, known in parts:
        values, flags = finder.prepare(spectra)
        usable = (flags & NOT_RUN) == 0
        known["SNR"] = _snr(spectra, finder.grid)
        x.append(values[usable])
        truth.append(known[usable])
    if not sum(map(len, x)):
        raise ValueError("data: no spectrum can be used")
    sample = LabelledSample(np.concatenate(x), np.concatenate(truth))
    lost = sum(len(known) for _, known in parts) - len(sample)
    get_logger().info(
        "%d labelled spectra, %d quasars; %d cannot be used",
        len(sample), np.count_nonzero(sample.truth["TRUESPECTYPE"] == "QSO"), lost,
    )  # fmt: skip
    return sample


def _labelled(path):
    """Yield spectra and truth of each file that a path stands for."""
    from ..io.read import read_spectra
    from ..io.truth import beside, is_list, read_labels, read_truth, report_left_out

    if not is_list(path):
        truth, spectra = read_truth([path]), read_spectra(path)
        truth, rows = beside(spectra.targetid, truth, path)
        report_left_out(len(rows), len(spectra))
        yield spectra[rows], _known(truth)
        return
    labels, files = read_labels(path)
    for row, name in enumerate(files):
        if not name:
            raise ValueError(f"{path}: label {row + 1}: expected the name of a file, found none")
        file = os.path.join(os.path.dirname(path), name)
        spectra = read_spectra(file)
        if len(spectra) != 1:
            raise ValueError(f"{file}: expected one spectrum, found {len(spectra)}")
        yield spectra, _known(labels[row : row + 1])


def _known(rows):
    """Return rows of `desinn.io.truth.KNOWN` as our truth, BI above 0 where a label says BAL.

    That there is broad absorption is all that training asks of BI. An evaluation leaves it
    unknown: where BALs alone were known, it would count how many of them are found and never how
    many others are taken for them.
    """
    truth = np.zeros(len(rows), TRUTH)
    for name in set(rows.dtype.names) & set(TRUTH.names):
        truth[name] = rows[name]
    bal = (truth["TRUESPECTYPE"] == "QSO") & (truth["TRUESUBTYPE"] == "BAL")
    truth["BI"][bal & np.isnan(truth["BI"])] = 1.0
    return truth


def _snr(spectra, grid):
    """Return the median signal to noise per 0.8 A of each spectrum, over the bins with data."""
    flux, ivar = rebin(spectra.cameras, grid)  # (B, W)
    width = np.gradient(grid.wave)
    with np.errstate(invalid="ignore"):
        snr = np.where(ivar > 0, flux * np.sqrt(ivar * 0.8 / width), np.nan)
    return [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else 0 for row in snr]

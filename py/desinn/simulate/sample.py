"""A sample to train on: spectra are made once, their noise is drawn anew at every look."""

import numpy as np

from ..log import get_logger
from ..spectra.grids import normalize
from .grid import TRUTH
from .instrument import CONDITIONS, Instrument
from .parallel import in_processes
from .survey import Survey, chunks, generator


class TrainingSample:
    """Noise-free spectra on a network's grid, observed when they are asked for.

    Parameters
    ----------
    settings : desinn.simulate.survey.SurveySettings
    seed : int
    size : int
        Number of spectra.
    grid : desinn.spectra.Grid
        The network's bins.
    templates : dict, optional
        Of `desinn.io.templates.read_templates`.
    processes : int
        How many make the spectra; what they make does not depend on it.

    Attributes
    ----------
    truth : numpy.ndarray
        (N,) of `desinn.simulate.grid.TRUTH`.
    """

    def __init__(self, settings, seed, size, grid, templates=None, processes=1):
        self._grid = grid
        self._boss = settings.boss
        self._instruments = _instruments(settings, grid)
        self.truth = np.zeros(size, TRUTH)
        self._pixels = {name: {} for name in self._instruments}
        tasks = chunks(seed, size)
        with in_processes(_Maker, (settings, templates, grid), processes) as run:
            for (_, first, count), (truth, pixels) in zip(tasks, run(_make, tasks), strict=True):
                self._keep(slice(first, first + count), truth, pixels, size)
                if (first + count) % 25000 < count:
                    get_logger().info("simulated %d of %d spectra", first + count, size)
        self.truth["TARGETID"] = np.arange(size)

    def __len__(self):
        return len(self.truth)

    def _keep(self, rows, truth, pixels, size):
        self.truth[rows] = truth
        for name, arms in pixels.items():
            for arm, values in arms.items():
                kept = self._pixels[name].setdefault(
                    arm, np.empty((size, values.shape[1]), np.float32)
                )
                kept[rows] = values

    def draw(self, rng, rows):
        """Observe spectra, each by one of the instruments.

        Parameters
        ----------
        rng : numpy.random.Generator
        rows : array_like
            (B,) numbers of the spectra.

        Returns
        -------
        numpy.ndarray
            (B, W, 1) float32, as `desinn.finders.qso.QSOFinder.prepare` would give it.
        """
        rows = np.asarray(rows)
        x = np.zeros((rows.size, self._grid.size), np.float32)
        by_boss = rng.random(rows.size) < self._boss
        for name, chosen in (("desi", ~by_boss), ("boss", by_boss)):
            seen, instrument = rows[chosen], self._instruments[name]
            if not seen.size:
                continue
            pixels = {arm: values[seen] for arm, values in self._pixels[name].items()}
            exposure = instrument.expose(rng, pixels, self.truth["SNR"][seen])
            x[chosen] = normalize(*instrument.bins(exposure, self._grid))[0]
        return x[:, :, np.newaxis]  # (B, W) -> (B, W, 1)


class _Maker:
    """What each process needs."""

    def __init__(self, settings, templates, grid):
        self.survey = Survey(settings, templates)
        self.instruments = _instruments(settings, grid)


def _instruments(settings, grid):
    conditions = CONDITIONS[settings.conditions]
    return {
        "desi": Instrument.desi(grid, conditions),
        "boss": Instrument.boss(grid, conditions),
    }


def _make(maker, task):
    """Return truth and noise-free pixels of one chunk."""
    seed, first, count = task
    flux, truth = maker.survey.models(generator(seed, first), count)
    pixels = {name: one.project(flux) for name, one in maker.instruments.items()}
    return truth, pixels

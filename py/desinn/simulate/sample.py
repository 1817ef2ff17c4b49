"""Samples to train on: spectra are made once, their noise is drawn anew at every look."""

import numpy as np

from ..log import get_logger
from ..spectra.grids import normalize
from .grid import TRUTH
from .parallel import in_processes
from .survey import Survey, chunks, generator, make_instrument

INSTRUMENTS = ("desi", "boss")
"""Those that a sample is seen by."""


class Observed:
    """Noise-free spectra on a network's grid, observed when they are asked for.

    Parameters
    ----------
    kind : type
        What draws the spectra: `desinn.simulate.survey.Survey`, or
        `desinn.simulate.sightlines.Sightlines`. It is made once in each process.
    settings : object
        That kind's; with ``conditions`` and ``boss``.
    seed, size : int
    grid : desinn.spectra.Grid
        The network's bins.
    templates : dict, optional
        Of `desinn.io.templates.read_templates`.
    processes : int
        How many make the spectra; what they make does not depend on it.
    native : bool
        Keep all pixels of the instruments, not bins: needed where bins are finer than pixels.

    Attributes
    ----------
    truth : numpy.ndarray
        (N,) of `desinn.simulate.grid.TRUTH`; SNR is that which an observation shall have.
    """

    def __init__(self, kind, settings, seed, size, grid, templates=None, processes=1,
                 native=False):  # fmt: skip
        self.grid = grid
        self._boss = settings.boss
        kept = None if native else grid
        self._instruments = instruments(settings, kept)
        self.truth = np.zeros(size, TRUTH)
        self._pixels = {name: {} for name in self._instruments}
        tasks = chunks(seed, size)
        with in_processes(_Maker, (kind, settings, templates, kept), processes) as run:
            for (_, first, count), (truth, pixels, more) in zip(
                tasks, run(_make, tasks), strict=True
            ):
                self._keep(slice(first, first + count), truth, pixels, size)
                self._note(first, *more)
                if (first + count) % 25000 < count:
                    get_logger().info("simulated %d of %d spectra", first + count, size)
        self.truth["TARGETID"] = np.arange(size)

    def __len__(self):
        return len(self.truth)

    def _note(self, first, *more):
        """Keep what else was drawn of the chunk that begins at `first`: here nothing."""

    def _keep(self, rows, truth, pixels, size):
        self.truth[rows] = truth
        for name, arms in pixels.items():
            for arm, values in arms.items():
                kept = self._pixels[name].setdefault(
                    arm, np.empty((size, values.shape[1]), np.float32)
                )
                kept[rows] = values

    def observe(self, rng, rows):
        """Observe spectra, each by one of the instruments.

        Parameters
        ----------
        rng : numpy.random.Generator
        rows : array_like
            (B,) numbers of the spectra.

        Returns
        -------
        flux, ivar : numpy.ndarray
            (B, W) float32 in the bins of the grid.
        """
        rows = np.asarray(rows)
        flux, ivar = np.zeros((2, rows.size, self.grid.size), np.float32)
        by_boss = rng.random(rows.size) < self._boss
        for name, chosen in (("desi", ~by_boss), ("boss", by_boss)):
            seen, instrument = rows[chosen], self._instruments[name]
            if not seen.size:
                continue
            pixels = {arm: values[seen] for arm, values in self._pixels[name].items()}
            exposure = instrument.expose(rng, pixels, self.truth["SNR"][seen])
            flux[chosen], ivar[chosen] = instrument.bins(exposure, self.grid)
        return flux, ivar


class TrainingSample(Observed):
    """Targets of a quasar survey.

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
    """

    def __init__(self, settings, seed, size, grid, templates=None, processes=1):
        super().__init__(Survey, settings, seed, size, grid, templates, processes)

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
        x, _ = normalize(*self.observe(rng, rows))
        return x[:, :, np.newaxis]  # (B, W) -> (B, W, 1)


def instruments(settings, grid):
    """Return the instruments that see a sample.

    Parameters
    ----------
    settings : object
        With ``conditions``.
    grid : desinn.spectra.Grid or None
        None for native pixels.

    Returns
    -------
    dict
        Name -> `desinn.simulate.instrument.Instrument` that records these.
    """
    return {name: make_instrument(name, settings.conditions, grid) for name in INSTRUMENTS}


class _Maker:
    """What each process needs."""

    def __init__(self, kind, settings, templates, grid):
        self.drawn = kind(settings, templates)
        self.instruments = instruments(settings, grid)


def _make(maker, task):
    """Return truth and noise-free pixels of one chunk, and what else is drawn with them."""
    seed, first, count = task
    flux, truth, *more = maker.drawn.models(generator(seed, first), count)
    pixels = {name: one.project(flux) for name, one in maker.instruments.items()}
    return truth, pixels, more

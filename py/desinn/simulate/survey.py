"""A survey: which classes, how bright, seen by which instrument; spectra and their truth."""

from dataclasses import dataclass, field

import numpy as np

from ..spectra import Camera, Spectra
from .galaxies import GalaxyModels
from .grid import SIZE, TRUTH
from .instrument import CONDITIONS, Instrument
from .quasars import QuasarModels, QuasarSettings
from .settings import settings_from
from .stars import StarModels

CLASSES = ("QSO", "STAR", "GALAXY", "SKY")

CHUNK = 250
"""Spectra that are made from one seed: the same ones for any number of processes."""

TARGETS_PER_SEED = 10_000_000
"""TARGETIDs of a seed begin at this number times the seed, and end before the next."""


@dataclass(frozen=True)
class SurveySettings:
    """What is observed, and how.

    Parameters
    ----------
    mix : dict
        Class (`CLASSES`) -> fraction.
    snr : tuple of float
        Median and scatter (dex) of the S/N per 0.8 A pixel, which is lognormal.
    snr_range : tuple of float
        S/N beyond is set to these.
    split : str or None
        ``train`` or ``test``: which of the templates' coefficient vectors are used.
    conditions : str
        Name of the observing conditions, `desinn.simulate.instrument.CONDITIONS`.
    boss : float
        Fraction of spectra that are seen by BOSS and not by DESI, in training samples.
    quasars : QuasarSettings
    """

    mix: dict = field(
        default_factory=lambda: {"QSO": 0.55, "STAR": 0.27, "GALAXY": 0.12, "SKY": 0.06}
    )
    snr: tuple = (2.0, 0.42)
    snr_range: tuple = (0.2, 20.0)
    split: str | None = "train"
    conditions: str = "training"
    boss: float = 0.4
    quasars: QuasarSettings = field(default_factory=QuasarSettings)

    @classmethod
    def from_recipe(cls, recipe):
        """Return the settings that a recipe's mapping states; the defaults for the rest.

        Parameters
        ----------
        recipe : dict
            Names as above; ``quasars`` is a mapping, too.

        Returns
        -------
        SurveySettings

        Raises
        ------
        ValueError
            If a key, a class or the name of conditions is unknown; all are named at once.
        """
        known = ", ".join(CLASSES)
        unknown = [f"mix: {name} (there are: {known})" for name in recipe.get("mix", {})
                   if name not in CLASSES]  # fmt: skip
        return settings_from(cls, recipe, unknown)


class Survey:
    """Draws targets and observes them.

    Parameters
    ----------
    settings : SurveySettings
    templates : dict, optional
        Of `desinn.io.templates.read_templates`; without them all models are parametric.
    """

    def __init__(self, settings=None, templates=None):
        self.settings = settings or SurveySettings()
        self._galaxies = GalaxyModels(templates)
        self._stars = StarModels(templates)
        self._quasars = QuasarModels(templates, self._galaxies, self.settings.quasars)

    def models(self, rng, n):
        """Draw noise-free spectra.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int

        Returns
        -------
        flux : numpy.ndarray
            (n, W) float32 on `desinn.simulate.grid.WAVE`, of some size near 1; 0 for SKY.
        truth : numpy.ndarray
            (n,) of `desinn.simulate.grid.TRUTH`, in random order of class; TARGETID is not set,
            SNR is that which the observation shall have.
        """
        s = self.settings
        truth = np.zeros(n, TRUTH)
        truth["VMIN_CIV_450"] = truth["VMAX_CIV_450"] = -1
        flux = np.zeros((n, SIZE), np.float32)
        chances = np.array([s.mix.get(name, 0.0) for name in CLASSES])
        drawn = np.array(CLASSES)[rng.choice(len(CLASSES), n, p=chances / chances.sum())]
        truth["TRUESPECTYPE"] = drawn
        rows = np.flatnonzero(drawn == "QSO")
        if rows.size:
            flux[rows], truth[rows] = self._quasars.draw(rng, rows.size, s.split)
        for name, makers in (("STAR", self._stars), ("GALAXY", self._galaxies)):
            rows = np.flatnonzero(drawn == name)
            if rows.size:
                flux[rows], subtype, z = makers.draw(rng, rows.size, s.split)
                truth["TRUESUBTYPE"][rows], truth["TRUEZ"][rows] = subtype, z
        snr = s.snr[0] * 10 ** rng.normal(0, s.snr[1], n)
        truth["SNR"] = np.where(drawn == "SKY", 0, np.clip(snr, *s.snr_range))
        return flux, truth

    def observe(self, rng, n, instrument):
        """Draw and observe targets.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int
        instrument : desinn.simulate.instrument.Instrument

        Returns
        -------
        exposure : desinn.simulate.instrument.Exposure
        truth : numpy.ndarray
            (n,) of `desinn.simulate.grid.TRUTH`.
        """
        flux, truth = self.models(rng, n)
        exposure = instrument.expose(rng, instrument.project(flux), truth["SNR"])
        truth["SNR"] = exposure.snr
        return exposure, truth


def chunks(seed, size):
    """Return what each chunk of a sample is made from.

    Parameters
    ----------
    seed : int
    size : int
        Number of spectra in all.

    Returns
    -------
    list of (int, int, int)
        Seed, number of the first spectrum, and how many there are.
    """
    return [(seed, first, min(CHUNK, size - first)) for first in range(0, size, CHUNK)]


def generator(seed, first):
    """Return the random numbers of one chunk.

    Parameters
    ----------
    seed, first : int
        Of `chunks`.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng([seed, first // CHUNK])


def make_survey(settings, templates, instrument):
    """Return what `observe_chunk` needs, made once in each process.

    Parameters
    ----------
    settings : SurveySettings
    templates : dict or None
    instrument : str
        ``desi`` or ``boss``.

    Returns
    -------
    tuple of (Survey, desinn.simulate.instrument.Instrument)
    """
    return Survey(settings, templates), make_instrument(instrument, settings.conditions)


def make_instrument(name, conditions, grid=None):
    """Return an instrument by its name, and that of the conditions.

    Parameters
    ----------
    name : str
        ``desi`` or ``boss``.
    conditions : str
        Of `desinn.simulate.instrument.CONDITIONS`.
    grid : desinn.spectra.Grid, optional
        For bins instead of native pixels.

    Returns
    -------
    desinn.simulate.instrument.Instrument
    """
    make = {"desi": Instrument.desi, "boss": Instrument.boss}[name]
    return make(grid, CONDITIONS[conditions])


def observe_chunk(made, task):
    """Return spectra and truth of one chunk.

    Parameters
    ----------
    made : tuple
        Of `make_survey`.
    task : tuple of int
        Of `chunks`.

    Returns
    -------
    spectra : desinn.spectra.Spectra
    truth : numpy.ndarray
        (n,) of `desinn.simulate.grid.TRUTH`, with TARGETIDs that no other seed has.
    """
    survey, instrument = made
    seed, first, count = task
    exposure, truth = survey.observe(generator(seed, first), count, instrument)
    truth["TARGETID"] = seed * TARGETS_PER_SEED + first + np.arange(count)
    return instrument.spectra(exposure, truth["TARGETID"]), truth


def join_spectra(parts):
    """Return the spectra of several chunks as one.

    Parameters
    ----------
    parts : list of (Spectra, numpy.ndarray)
        Of `observe_chunk`.

    Returns
    -------
    spectra : desinn.spectra.Spectra
    truth : numpy.ndarray
    """
    truth = np.concatenate([part[1] for part in parts])
    first = parts[0][0]
    cameras = {
        name: Camera(
            camera.wave,
            *(
                _joined([getattr(part[0].cameras[name], what) for part in parts])
                for what in ("flux", "ivar", "mask", "resolution")
            ),
        )
        for name, camera in first.cameras.items()
    }
    return Spectra(truth["TARGETID"], cameras, header=first.header), truth


def _joined(arrays):
    return None if arrays[0] is None else np.concatenate(arrays)

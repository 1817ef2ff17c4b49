"""Quasars at z > 2 with the gas before them: what finders of absorbers learn from."""

from dataclasses import dataclass, field

import numpy as np

from . import absorbers, forest
from .grid import C_KMS, WAVE
from .quasars import QuasarModels, QuasarSettings, note_largest
from .settings import settings_from
from .survey import TARGETS_PER_SEED, generator, make_instrument
from .systems import draw_systems

CATALOG = np.dtype(
    [
        ("TARGETID", "i8"),
        ("TARGET_RA", "f8"),
        ("TARGET_DEC", "f8"),
        ("Z", "f8"),  # with the errors of a catalogue
        ("AI_CIV", "f8"),
        ("NCIV_450", "i4"),
        ("VMIN_CIV_450", "f4", (5,)),  # km/s; -1 where there is no trough
        ("VMAX_CIV_450", "f4", (5,)),
    ]
)
"""A quasar catalogue's row, with the columns of DESI's BAL catalogues."""

DLA_META = np.dtype([("NHI", "f8"), ("Z_DLA", "f8"), ("TARGETID", "i8"), ("DLAID", "i8")])
"""The truth on absorbers, as the mocks of quickquasars have it."""

MOST_ERROR = 1000.0
"""Largest error of a catalogue's redshift, km/s."""

_WIDEST = 500.0  # km/s, deviation of the Lyman-alpha that is left in a trough


@dataclass(frozen=True)
class SightlineSettings:
    """Which sightlines are drawn, and how they are seen; the defaults are those of training.

    Parameters
    ----------
    z : tuple of float
        Least redshift; scale of the exponential beyond; share that is flat instead; largest.
    boost, flat, blends, proximate : float
        As `desinn.simulate.systems.draw_systems` takes them.
    strength : tuple of float
        Range of the factor on the forest's optical depth.
    left : tuple of float
        Share of the strong absorbers in whose trough some Lyman-alpha light is left; its largest
        height over the continuum.
    zero : float
        Deviation of the zero level, over the continuum.
    z_error : float
        Deviation of the catalogue's redshifts, km/s; none is off by more than 1000.
    snr, snr_range, split, conditions, boss
        As for `desinn.simulate.survey.SurveySettings`.
    quasars : QuasarSettings
        Their redshifts are not used.
    """

    z: tuple = (2.0, 0.6, 0.3, 5.0)
    boost: float = 4.0
    flat: float = 0.15
    blends: float = 0.1
    proximate: float = 0.06
    strength: tuple = (0.8, 1.25)
    left: tuple = (0.1, 0.25)
    zero: float = 0.01
    z_error: float = 400.0
    snr: tuple = (2.2, 0.4)
    snr_range: tuple = (0.3, 25.0)
    split: str | None = "train"
    conditions: str = "deep"
    boss: float = 0.15
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
        SightlineSettings

        Raises
        ------
        ValueError
            If a key or the name of conditions is unknown; all are named at once.
        """
        return settings_from(cls, recipe)


class Sightlines:
    """Draws sightlines without noise.

    Parameters
    ----------
    settings : SightlineSettings
    templates : dict, optional
        Of `desinn.io.templates.read_templates`; without them all quasars are parametric.
    """

    def __init__(self, settings=None, templates=None):
        self.settings = settings or SightlineSettings()
        self._quasars = QuasarModels(templates, None, self.settings.quasars)

    def models(self, rng, n):
        """Draw noise-free spectra.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int

        Returns
        -------
        flux : numpy.ndarray
            (n, W) float32 on `desinn.simulate.grid.WAVE`.
        truth : numpy.ndarray
            (n,) of `desinn.simulate.grid.TRUTH`; TARGETID is not set, SNR is that which the
            observation shall have.
        systems : numpy.ndarray
            (A,) of `desinn.simulate.columns.ABSORBER`: the hydrogen on them above 10^17.
        """
        s = self.settings
        z = self._redshifts(rng, n)
        systems = draw_systems(rng, z, s.boost, s.flat, s.blends, s.proximate)

        def gas(rng, flux, truth):
            flux *= forest.transmission(rng, z, rng.uniform(*s.strength, n))
            light = np.median(flux, axis=1)
            seen = absorbers.hi_transmission(rng, systems, n)
            flux *= seen
            flux *= absorbers.metal_transmission(rng, z)
            self._leave(rng, flux, systems, light)
            flux += (light * rng.normal(0, s.zero, n)).astype(np.float32)[:, None]
            note_largest(truth, systems)

        flux, truth = self._quasars.draw(rng, n, s.split, z, gas)
        truth["SNR"] = np.clip(s.snr[0] * 10 ** rng.normal(0, s.snr[1], n), *s.snr_range)
        return flux, truth, systems

    def catalog(self, rng, truth):
        """Return what a quasar catalogue says of them.

        Parameters
        ----------
        rng : numpy.random.Generator
        truth : numpy.ndarray
            (n,) of `desinn.simulate.grid.TRUTH`.

        Returns
        -------
        numpy.ndarray
            (n,) of `CATALOG`.
        """
        rows = np.zeros(len(truth), CATALOG)
        error = rng.normal(0, self.settings.z_error, len(truth))
        error = np.clip(error, -MOST_ERROR, MOST_ERROR)
        rows["TARGETID"] = truth["TARGETID"]
        rows["Z"] = (1 + truth["TRUEZ"]) * (1 + error / C_KMS) - 1
        rows["AI_CIV"] = truth["AI"]
        for name in ("VMIN_CIV_450", "VMAX_CIV_450"):
            known = truth[name] >= 0  # from the catalogue's redshift on
            rows[name] = np.where(known, np.maximum(truth[name] + error[:, None], 0), -1)
        rows["NCIV_450"] = (truth["VMIN_CIV_450"] >= 0).sum(axis=1)
        return rows

    def _redshifts(self, rng, n):
        low, scale, flat, high = self.settings.z
        # The exponential's part below the largest, by its inverse distribution.
        share = -np.expm1(-(high - low) / scale) * rng.random(n)
        steep = low - scale * np.log1p(-share)
        return np.where(rng.random(n) < flat, rng.uniform(low, high, n), steep)

    def _leave(self, rng, flux, systems, light):
        """Put Lyman-alpha of what absorbs, or of the quasar's surroundings, into some troughs."""
        share, height = self.settings.left
        strong = systems[systems["NHI"] > 20]
        for one in strong[rng.random(len(strong)) < share]:
            centre = forest.LYA * (1 + one["Z"]) * (1 + rng.normal(0, 150) / C_KMS)
            width = centre * rng.uniform(0.2, 1) * _WIDEST / C_KMS
            place = slice(*np.searchsorted(WAVE, [centre - 4 * width, centre + 4 * width]))
            shape = np.exp(-0.5 * ((WAVE[place] - centre) / width) ** 2)
            peak = light[one["ROW"]] * rng.uniform(0, height)
            flux[one["ROW"], place] += (peak * shape).astype(np.float32)


def make_sightlines(settings, templates, instrument):
    """Return what `observe_sightlines` needs, made once in each process.

    Parameters
    ----------
    settings : SightlineSettings
    templates : dict or None
    instrument : str
        ``desi`` or ``boss``.

    Returns
    -------
    tuple of (Sightlines, desinn.simulate.instrument.Instrument)
    """
    return Sightlines(settings, templates), make_instrument(instrument, settings.conditions)


def observe_sightlines(made, task):
    """Return spectra and truth of one chunk.

    Parameters
    ----------
    made : tuple
        Of `make_sightlines`.
    task : tuple of int
        Of `desinn.simulate.survey.chunks`.

    Returns
    -------
    spectra : desinn.spectra.Spectra
    truth : numpy.ndarray
        (n,) of `desinn.simulate.grid.TRUTH`, with TARGETIDs that no other seed has.
    catalog : numpy.ndarray
        (n,) of `CATALOG`.
    meta : numpy.ndarray
        (A,) of `DLA_META`.
    """
    lines, instrument = made
    seed, first, count = task
    rng = generator(seed, first)
    flux, truth, systems = lines.models(rng, count)
    exposure = instrument.expose(rng, instrument.project(flux), truth["SNR"])
    truth["SNR"] = exposure.snr
    truth["TARGETID"] = seed * TARGETS_PER_SEED + first + np.arange(count)
    catalog = lines.catalog(rng, truth)
    return instrument.spectra(exposure, truth["TARGETID"]), truth, catalog, _meta(truth, systems)


def _meta(truth, systems):
    """Return the hydrogen as the truth of a file, numbered from each quasar's TARGETID on."""
    meta = np.zeros(len(systems), DLA_META)
    meta["TARGETID"] = truth["TARGETID"][systems["ROW"]]
    meta["Z_DLA"], meta["NHI"] = systems["Z"], systems["NHI"]
    first = np.searchsorted(systems["ROW"], systems["ROW"])
    meta["DLAID"] = 1000 * meta["TARGETID"] + np.arange(len(systems)) - first
    return meta

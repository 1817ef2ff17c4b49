"""Quasars without noise: continuum, lines, dust, winds, hosts, and the gas in front of them."""

from dataclasses import dataclass

import numpy as np

from . import absorbers, bal, columns, dust, forest
from .continuum import Iron, balmer, power_laws, wiggles
from .emission import add_lines, draw_lines, lines_of_composite, lines_of_trends, shifted
from .galaxies import GalaxyModels
from .grid import SIZE, TRUTH, WAVE
from .shift import REST_FIRST, redshifted, rest_table

WEAK_LINES = -0.8
"""log10 of the factor by which the lines of a weak-line quasar are weaker."""

LINE_CENTRES = (1548.2, 1908.7, 2798.0, 4862.7, 6564.6)
"""Where a quasar rebuilt from eigenvectors must not have absorption in place of emission, A."""

OIII = (4960.3, 5008.24)
"""Narrow lines of which the same holds, where the settings ask for it, A."""


@dataclass(frozen=True)
class QuasarSettings:
    """How quasars are drawn; fractions from 0 to 1, the defaults are those of training.

    Parameters
    ----------
    z_min, z_max : float
        Redshifts lie between them.
    z_flat, z_high, z_low : float
        Parts of the redshift distribution: flat in log(1 + z); normal around 2.5 (deviation
        0.5); flat from 0.3 to 2.1. They are normalized.
    families : tuple of (str, float)
        Families of emission lines and the fraction of each: ``parametric``, ``templates``,
        ``trends``, ``composite``. Those whose templates are not at hand become parametric.
    eigenvectors : float
        Fraction that is rebuilt from redrock's eigenvectors, where these reach over the grid and
        make something sensible: none below z = 0.12, and none beyond z of about 4, as they are
        not positive far below the Lyman limit.
    narrow : bool
        Reject what is rebuilt with [OIII] in absorption, too.
    slope : tuple of float
        Mean and deviation of the continuum's slope in f_lambda.
    breaks : tuple
        Rest wavelengths at which the slope changes, A: two numbers, or two ranges.
    varied : bool
        Vary what models disagree about: the shape of the iron emission
        (`desinn.simulate.continuum.Iron.draw_varied`), the continuum by 4 % over some hundred A,
        a shift that all lines of high ionization share.
    iron : str
        Template of iron lines, ``UV`` or ``UVOPT``.
    weak : float
        Fraction of weak-line quasars.
    bal, low_bal, iron_bal : float
        Fractions with broad absorption at z > 1.4; of these, of low ions, and of iron.
    red : tuple of (float, float)
        (fraction, mean E(B-V)) of reddened quasars; the rest has a mean of 0.01.
    host : float
        Fraction with starlight below z = 1.
    """

    z_min: float = 0.05
    z_max: float = 6.0
    z_flat: float = 0.55
    z_high: float = 0.25
    z_low: float = 0.2
    families: tuple = (("parametric", 0.4), ("templates", 0.35), ("trends", 0.25))
    eigenvectors: float = 0.25
    narrow: bool = False
    slope: tuple = (-1.5, 0.5)
    breaks: tuple = (1100.0, 4800.0)
    varied: bool = False
    iron: str = "UVOPT"
    weak: float = 0.015
    bal: float = 0.15
    low_bal: float = 0.15
    iron_bal: float = 0.05
    red: tuple = ((0.08, 0.2), (0.22, 0.06))
    host: float = 0.6


class QuasarModels:
    """Draws noise-free quasars.

    Parameters
    ----------
    templates : dict, optional
        Of `desinn.io.templates.read_templates`; without them all is parametric.
    galaxies : GalaxyModels, optional
        For the hosts; made from `templates` if not given.
    settings : QuasarSettings
    """

    def __init__(self, templates=None, galaxies=None, settings=QuasarSettings()):
        templates = templates or {}
        self.settings = settings
        self._galaxies = galaxies or GalaxyModels(templates)
        iron = templates.get(("IRON", settings.iron))
        self._iron = Iron() if iron is None else Iron(iron.wave, iron.vectors[0])
        self._tables = {
            "trends": templates.get(("QSO", "EMLINETRENDS")),
            "composite": templates.get(("QSO", "COMPOSITE")),
            "templates": _on_rest_grid(templates.get(("QSO", "EMLINES")), fill=0.0),
        }
        self._eigen = {
            name: _on_rest_grid(templates.get(("QSO", name))) for name in ("HIZ", "LOZ")
        }

    def draw(self, rng, n, split=None, z=None, gas=None):
        """Draw quasars.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int
        split : str, optional
            ``train`` or ``test``: which of the templates' coefficient vectors make the hosts.
        z : array_like, optional
            (n,) redshifts, in place of those of the settings.
        gas : callable, optional
            ``gas(rng, flux, truth)`` puts the gas between the quasars and us before them, in
            place, and notes it in the truth; else it is that of `add_gas`.

        Returns
        -------
        flux : numpy.ndarray
            (n, W) float32 on `desinn.simulate.grid.WAVE`: f_lambda, mean 1.
        truth : numpy.ndarray
            (n,) of `desinn.simulate.grid.TRUTH`; TARGETID and SNR are not set.
        """
        settings = self.settings
        truth = np.zeros(n, TRUTH)
        truth["TRUESPECTYPE"] = "QSO"
        z = truth["TRUEZ"] = self._redshifts(rng, n) if z is None else np.asarray(z, "f8")
        rest = WAVE / (1 + z[:, np.newaxis])  # (n, W)
        flux = power_laws(rng, rest, settings.breaks, settings.slope)
        if settings.varied:
            flux *= np.exp(wiggles(rng, n, 24, 0.04, SIZE))
        weak = rng.random(n) < settings.weak
        truth["TRUESUBTYPE"][weak] = "WLQ"
        flux *= 1 + self._emission(rng, z, rest, weak)
        self._rebuild(rng, flux, z, ~weak)
        truth["EBV"] = self._reddening(rng, z)
        flux *= dust.transmission(rest, truth["EBV"], dust.smc)
        self._winds(rng, flux, truth)
        self._add_hosts(rng, flux, z, split)
        (gas or add_gas)(rng, flux, truth)
        flux *= dust.transmission(WAVE, rng.exponential(0.03, n), dust.galactic)
        # Not the median: at z = 6 more than half of the spectrum is dark.
        flux /= np.mean(np.abs(flux), axis=1, keepdims=True)
        return flux.astype(np.float32, copy=False), truth

    def _redshifts(self, rng, n):
        s = self.settings
        parts = np.array([s.z_flat, s.z_high, s.z_low])
        part = rng.choice(3, n, p=parts / parts.sum())
        flat = 10 ** rng.uniform(np.log10(1 + s.z_min), np.log10(1 + s.z_max), n) - 1
        drawn = [flat, rng.normal(2.5, 0.5, n), rng.uniform(0.3, 2.1, n)]
        return np.clip(np.choose(part, drawn), s.z_min, s.z_max)

    def _emission(self, rng, z, rest, weak):
        """Return lines, iron and Balmer continuum, relative to the continuum, (n, W)."""
        n = len(z)
        iron = self._iron.draw_varied if self.settings.varied else self._iron.draw
        ratio = iron(rng, z) + balmer(rng, rest)
        magnitude = np.clip(-22.5 - 3.0 * np.log10(1 + z) / 0.5 + rng.normal(0, 1, n), -29, -21)
        names, chances = zip(*self.settings.families, strict=True)
        family = np.array(names)[rng.choice(len(names), n, p=np.array(chances) / sum(chances))]
        for name in np.unique(family):
            rows = np.flatnonzero(family == name)
            table = self._tables.get(name)
            if name == "templates" and table is not None:
                ratio[rows] = self._template_lines(rng, z[rows], table)
                continue
            lines = _lines(rng, name, magnitude[rows], table)
            if self.settings.varied:
                lines = shifted(rng, lines)
            part = ratio[rows]
            add_lines(part, z[rows], lines)
            ratio[rows] = part
        ratio[weak] *= np.float32(10**WEAK_LINES)
        return ratio

    def _template_lines(self, rng, z, table):
        """Return mixtures of line templates: average to peaky, or average to windy."""
        b = len(z)
        average, peaky, windy, narrow = (
            redshifted(table, REST_FIRST, z, row) for row in range(len(table))
        )
        mix = rng.uniform(-1, 1, (b, 1)).astype(np.float32)
        ratio = np.where(mix > 0, peaky, windy) * np.abs(mix) + (1 - np.abs(mix)) * average
        factor = 10 ** rng.normal(0, 0.22, (b, 1))
        ratio *= np.exp(wiggles(rng, b, 14, 0.3, SIZE)) * factor.astype(np.float32)
        return ratio + narrow * (10 ** rng.normal(-0.1, 0.4, (b, 1))).astype(np.float32)

    def _rebuild(self, rng, flux, z, allowed):
        """Replace a part by the nearest sum of redrock's eigenvectors, where that is sensible."""
        chosen = allowed & (rng.random(len(z)) < self.settings.eigenvectors)
        # HIZ reaches 4500 A in the rest frame, LOZ begins at 1329 A.
        for name, fits in (("HIZ", z > 1.5), ("LOZ", (z <= 1.5) & (z > 0.12))):
            table, rows = self._eigen[name], np.flatnonzero(chosen & fits)
            if table is None or not rows.size:
                continue
            basis = np.stack(
                [redshifted(table, REST_FIRST, z[rows], k) for k in range(len(table))]
            )
            model = _nearest(basis, flux[rows])
            good = _sensible(model, z[rows], self.settings.narrow)
            flux[rows[good]] = model[good]

    def _reddening(self, rng, z):
        u, ebv = rng.random(len(z)), rng.exponential(0.01, len(z))
        start = 0.0
        for fraction, mean in self.settings.red:
            chosen = (u >= start) & (u < start + fraction)
            ebv[chosen] = rng.exponential(mean, np.count_nonzero(chosen))
            start += fraction
        return np.minimum(ebv, np.where(z < 2, 0.8, 0.3))  # beyond, none would be selected

    def _winds(self, rng, flux, truth):
        """Put broad absorption before a part, and say so in the truth."""
        s, z = self.settings, truth["TRUEZ"]
        has = (rng.random(len(z)) < s.bal) & (z > 1.4)
        u = rng.random(len(z))
        kind = np.select([~has, u < s.iron_bal, u < s.iron_bal + s.low_bal],
                         ["", "FeLoBAL", "LoBAL"], "BAL")  # fmt: skip
        transmission, truth["BI"], truth["AI"], edges = bal.troughs(rng, z, kind)
        truth["VMIN_CIV_450"], truth["VMAX_CIV_450"] = edges[:, 0], edges[:, 1]
        flux *= transmission
        truth["TRUESUBTYPE"] = np.where(has, kind, truth["TRUESUBTYPE"])

    def _add_hosts(self, rng, flux, z, split):
        """Add starlight below z = 1: up to 0.6 of the quasar's median, less with distance."""
        rows = np.flatnonzero((z < 1) & (rng.random(len(z)) < self.settings.host))
        if rows.size:
            part = rng.uniform(0, 0.6, rows.size) * (1 - z[rows])
            level = (part * np.median(flux[rows], axis=1))[:, np.newaxis]
            flux[rows] += self._galaxies.hosts(rng, z[rows], split) * level.astype(np.float32)


def add_gas(rng, flux, truth):
    """Put the gas between quasars and us before them, and note the largest HI column of each.

    Parameters
    ----------
    rng : numpy.random.Generator
    flux : numpy.ndarray
        (n, W) on `desinn.simulate.grid.WAVE`, changed in place.
    truth : numpy.ndarray
        (n,) of `desinn.simulate.grid.TRUTH`: TRUEZ is read, NHI and ZDLA are set.
    """
    z = truth["TRUEZ"]
    flux *= forest.transmission(rng, z, rng.uniform(0.85, 1.2, len(truth)))
    systems = columns.draw_hi(rng, z)
    flux *= absorbers.hi_transmission(rng, systems, len(truth))
    flux *= absorbers.metal_transmission(rng, z)
    note_largest(truth, systems)


def note_largest(truth, systems):
    """Note the largest HI column of each sightline in the truth.

    Parameters
    ----------
    truth : numpy.ndarray
        (n,) of `desinn.simulate.grid.TRUTH`: NHI and ZDLA are set where there is a system.
    systems : numpy.ndarray
        (A,) of `desinn.simulate.columns.ABSORBER`.
    """
    systems = systems[np.argsort(systems["NHI"])]  # of several, the largest is written last
    truth["NHI"][systems["ROW"]] = systems["NHI"]
    truth["ZDLA"][systems["ROW"]] = systems["Z"]


def _on_rest_grid(template, fill=np.nan):
    if template is None:
        return None
    return rest_table(template.wave, template.vectors, fill=fill)


def _lines(rng, family, magnitude, table):
    if table is not None and family == "trends":
        return lines_of_trends(rng, magnitude, table)
    if table is not None and family == "composite":
        return lines_of_composite(rng, magnitude, table)
    return draw_lines(rng, magnitude)


def _nearest(basis, flux):
    """Return the sums of K functions (K, B, W) nearest to spectra (B, W), NaN where one ends."""
    left = np.einsum("kbw,lbw->bkl", basis, basis, optimize=True).astype(float)
    right = np.einsum("kbw,bw->bk", basis, flux, optimize=True).astype(float)
    covered = np.isfinite(left).all(axis=(1, 2))
    model = np.full_like(flux, np.nan)
    coefficients = np.linalg.solve(left[covered], right[covered][..., np.newaxis])[..., 0]
    model[covered] = np.einsum("kbw,bk->bw", basis[:, covered], coefficients.astype(np.float32))
    return model


def _sensible(flux, z, narrow):
    """Return which spectra are positive, with no line in absorption; nor [OIII], if `narrow`."""
    middle = np.nan_to_num(np.median(flux, axis=1, keepdims=True))
    good = (middle[:, 0] > 0) & (np.nan_to_num(flux, nan=-1.0) > 0.02 * middle).all(axis=1)
    for centre in LINE_CENTRES:
        good &= _emits(flux, z, centre, 15, 130, 0.9)
    if narrow:
        for centre in OIII:
            good &= _emits(flux, z, centre, 3, 16, 0.97)
    return good


def _emits(flux, z, centre, half, side, least):
    """Return where a line is not weaker than the mean of its sides (cells), or is not seen."""
    emits = np.ones(len(flux), bool)
    place = np.searchsorted(WAVE, centre * (1 + z))
    for row in np.flatnonzero((place > 150) & (place < SIZE - 150)):
        line = flux[row, place[row] - half : place[row] + half].mean()
        sides = flux[row, [place[row] - side, place[row] + side]].mean()
        emits[row] = line > least * sides
    return emits

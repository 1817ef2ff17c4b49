"""Stars, as they come among the targets of a quasar survey."""

import numpy as np

from .archetypes import blended, coefficient_rows, extended, scaled, shares_of
from .atmospheres import Atmospheres
from .dust import galactic, transmission
from .grid import C_KMS, SIZE, WAVE
from .shift import redshifted, rest_table, rest_wave

MIX = {
    "A": 0.13, "B": 0.06, "F": 0.16, "G": 0.12, "K": 0.13, "M": 0.17, "WD": 0.14, "CV": 0.04,
    "CARBON": 0.025, "LDWARF": 0.025, "WD+M": 0.04, "BHB": 0.02,
}  # fmt: skip
"""Share of each type among the contaminants of quasar targets; scaled to a sum of 1."""

VELOCITY = 100.0
"""Standard deviation of the radial velocities, km/s."""

REDDENING = 0.08
"""Mean E(B-V) of the Milky Way in front, mag; exponential."""

PARTS = {"WD+M": ("WD", "M"), "BHB": ("A", "B")}
"""Type made of two others -> which."""

_MARGIN = 30  # cells on both sides, for velocities up to 2000 km/s
_SMOOTH = 301  # cells of the running mean that is taken for the continuum
_SPREAD = 1.5  # of the coefficients of second and further vectors where none are known
_HALVINGS = 4  # of these, as long as the flux is negative somewhere
_DEPTHS = 0.6, 1.6  # exponents that make the features of templates without coefficients vary
_TILT = 0.4  # standard deviation of the change of slope over the whole range, natural logarithm


class StarModels:
    """Stars without noise; templates are brought to the grid once, here.

    Parameters
    ----------
    templates : dict, optional
        Of `desinn.io.templates.read_templates`. Types without a template, or all without any, are
        parametric (`atmospheres`).
    mix : dict, optional
        Type -> share of it; by default `MIX`.

    Raises
    ------
    ValueError
        If `mix` names a type that there is not, or its shares are not positive.

    Examples
    --------
    >>> flux, subtype, z = StarModels().draw(np.random.default_rng(1), 3)
    >>> flux.shape, subtype.dtype, z.dtype
    ((3, 4780), dtype('<U12'), dtype('float64'))
    >>> StarModels(mix={"Q": 1})
    Traceback (most recent call last):
        ...
    ValueError: expected positive shares of A, B, F, G, K, M, WD, CV, CARBON, LDWARF, WD+M, BHB, \
found {'Q': 1}
    """

    def __init__(self, templates=None, mix=None):
        self.mix = shares_of(MIX if mix is None else mix, MIX)
        self._tables = {}
        for (spectype, subtype), template in (templates or {}).items():
            if spectype == "STAR" and subtype in MIX:
                table = _rest(rest_table, template.wave, template.vectors)
                self._tables[subtype] = extended(table), template.coefficients
        self._parametric = Atmospheres(_rest(rest_wave))
        self._curve = galactic(WAVE)

    def draw(self, rng, n, split=None):
        """Draw stars.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int
            How many.
        split : str, optional
            Which of the templates' coefficient vectors: "train", "test", or all.

        Returns
        -------
        flux : numpy.ndarray
            (n, W) float32 f_lambda on `grid.WAVE`, median 1, not negative.
        subtype : numpy.ndarray
            (n,) U12, a key of `mix`.
        z : numpy.ndarray
            (n,) float64, of the radial velocity.

        Raises
        ------
        ValueError
            If `split` is something else.
        """
        coefficient_rows(0, split)
        subtype = rng.choice(np.array(list(self.mix), "U12"), n, p=list(self.mix.values()))
        velocity = np.clip(rng.normal(0, VELOCITY, n), -15 * VELOCITY, 15 * VELOCITY)
        z = velocity / C_KMS
        flux = np.empty((n, SIZE), "f4")
        for kind in np.unique(subtype):
            of = np.flatnonzero(subtype == kind)
            rest = self._of_kind(rng, str(kind), of.size, split)  # (M, R)
            flux[of] = redshifted(rest, -_MARGIN, z[of], np.arange(of.size))
        ebv = rng.exponential(REDDENING, n)
        flux *= transmission(WAVE, ebv, lambda wave: self._curve)
        return scaled(flux), subtype, z

    def _of_kind(self, rng, kind, n, split):
        """Return spectra (n, R) at rest."""
        if kind == "WD+M":
            white, red = (self._single(rng, part, n, split) for part in PARTS[kind])
            return white + red * np.exp(rng.normal(0, 0.8, (n, 1))).astype("f4")
        if kind == "BHB" and all(part in self._tables for part in PARTS[kind]):
            first, second = (self._single(rng, part, n, split) for part in PARTS[kind])
            share = rng.uniform(0.2, 0.8, (n, 1)).astype("f4")
            return share * first + (1 - share) * second
        return self._single(rng, kind, n, split)

    def _single(self, rng, kind, n, split):
        """Return spectra (n, R) at rest of one star each, 1 in the median."""
        if kind not in self._tables:
            return scaled(self._parametric.draw(rng, kind, n))
        table, coefficients = self._tables[kind]
        if coefficients is not None:
            return scaled(blended(rng, coefficients, n, split) @ table)
        return _deepened(rng, scaled(_combined(rng, table, n)))


def _rest(function, *arguments):
    return function(*arguments, first=-_MARGIN, size=SIZE + 2 * _MARGIN)


def _combined(rng, table, n):
    """Return combinations (n, R) of vectors whose coefficients are not known: mostly the first."""
    weights = rng.normal(0, _SPREAD, (n, len(table))).astype("f4")
    weights[:, 0] = 1
    flux = weights @ table
    for _ in range(_HALVINGS):
        bad = flux.min(axis=1) <= 0
        weights[bad, 1:] /= 2
        flux[bad] = weights[bad] @ table
    return flux


def _deepened(rng, flux):
    """Return spectra (n, R) with features of varied depth on continua of varied slope."""
    half = _SMOOTH // 2
    padded = np.pad(flux, ((0, 0), (half + 1, half)), mode="edge").astype("f8")
    total = np.cumsum(padded, axis=1)
    level = (total[:, _SMOOTH:] - total[:, :-_SMOOTH]) / _SMOOTH  # (n, R)
    level = np.maximum(level, 1e-3).astype("f4")
    power = rng.uniform(*_DEPTHS, (len(flux), 1)).astype("f4")
    tilt = rng.normal(0, _TILT, (len(flux), 1)) * np.linspace(-0.5, 0.5, flux.shape[1])
    return level * np.exp(tilt).astype("f4") * (flux / level) ** power

"""Galaxies: with lines and without, lone [OII], and the hosts of quasars."""

import numpy as np

from . import populations
from .archetypes import blended, coefficient_rows, extended, scaled, shares_of
from .grid import WAVE
from .nebula import add_lines
from .shift import REST_FIRST, redshifted, rest_table

MIX = {
    "GALAXY": 0.55, "ELG": 0.14, "LONE OII": 0.09, "PASSIVE": 0.06, "STARBURST": 0.08,
    "TYPE2": 0.08,
}  # fmt: skip
"""Share of each subtype; scaled to a sum of 1. Of GALAXY are the templates, if there are any."""

REDSHIFTS = {
    "ELG": (0.05, 1.65),
    "LONE OII": (0.7, 1.65),
    "PASSIVE": (0.0, 1.2),
    "STARBURST": (0.0, 1.65),
    "TYPE2": (0.02, 1.3),
}
"""Subtype -> range of redshifts, evenly filled. GALAXY: 70 % even to 1, the rest gamma."""

LARGEST_Z = 1.7

_BLEND = 0.5  # greatest share of the second of two blended galaxies
_TILT = 0.3  # standard deviation of the parametric continua's slopes
_NEGATIVE = -0.3  # times the median: combinations below it are no galaxies
_TRIES = 20


class GalaxyModels:
    """Galaxies without noise; templates are brought to the rest-frame grid once, here.

    Parameters
    ----------
    templates : dict, optional
        Of `desinn.io.templates.read_templates`. Without a galaxy template that has coefficients,
        all galaxies are parametric (`populations`, `nebula`).
    mix : dict, optional
        Subtype -> share of it; by default `MIX`.

    Raises
    ------
    ValueError
        If `mix` names a subtype that there is not, or its shares are not positive.

    Examples
    --------
    >>> models = GalaxyModels()
    >>> flux, subtype, z = models.draw(np.random.default_rng(1), 3)
    >>> flux.shape, subtype.dtype, z.dtype
    ((3, 4780), dtype('<U12'), dtype('float64'))
    >>> models.draw(np.random.default_rng(1), 3, split="both")
    Traceback (most recent call last):
        ...
    ValueError: expected a split of train, test or None, found 'both'
    """

    def __init__(self, templates=None, mix=None):
        self.mix = shares_of(MIX if mix is None else mix, MIX)
        self._populations = populations.table()
        template = (templates or {}).get(("GALAXY", ""))
        self._table = self._coefficients = None
        if template is not None and template.coefficients is not None:
            self._table = extended(rest_table(template.wave, template.vectors))
            self._coefficients = template.coefficients

    def draw(self, rng, n, split=None):
        """Draw galaxies.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int
            How many.
        split : str, optional
            Which of the template's coefficient vectors: "train", "test", or all.

        Returns
        -------
        flux : numpy.ndarray
            (n, W) float32 f_lambda on `grid.WAVE`, median 1, not negative.
        subtype : numpy.ndarray
            (n,) U12, a key of `mix`.
        z : numpy.ndarray
            (n,) float64, 0 to 1.7.

        Raises
        ------
        ValueError
            If `split` is something else.
        """
        coefficient_rows(0, split)
        subtype = rng.choice(np.array(list(self.mix), "U12"), n, p=list(self.mix.values()))
        z = np.empty(n)
        flux = np.empty((n, WAVE.size), "f4")
        for kind in np.unique(subtype):
            of = np.flatnonzero(subtype == kind)
            z[of] = _redshifts(rng, str(kind), of.size)
            flux[of] = self._of_kind(rng, str(kind), z[of], split)
        return flux, subtype, z

    def hosts(self, rng, z, split=None):
        """Draw the starlight of quasars' host galaxies.

        Parameters
        ----------
        rng : numpy.random.Generator
        z : array_like
            (B,) float64 redshifts, 0 to 6.5. The templates end at 1167 A (rest); from there to
            shorter wavelengths they go on evenly.
        split : str, optional
            Which of the template's coefficient vectors: "train", "test", or all.

        Returns
        -------
        numpy.ndarray
            (B, W) float32 f_lambda on `grid.WAVE`, median 1, not negative.

        Raises
        ------
        ValueError
            If `split` is something else, or a redshift is beyond the tables.
        """
        coefficient_rows(0, split)
        return self._of_kind(rng, "GALAXY", np.asarray(z, "f8"), split)

    def _of_kind(self, rng, kind, z, split):
        """Return galaxies (B, W) of one subtype."""
        if kind == "GALAXY" and self._table is not None:
            return self._from_templates(rng, z, split)
        weights = populations.shares(rng, kind, len(z))
        flux = redshifted(weights @ self._populations, REST_FIRST, z, np.arange(len(z)))
        tilt = rng.normal(0, _TILT, (len(z), 1)) * np.log(WAVE / np.median(WAVE))
        flux = scaled(flux * np.exp(tilt).astype("f4"))
        add_lines(rng, flux, z, kind)
        return scaled(flux)

    def _from_templates(self, rng, z, split):
        """Return combinations (B, W) of the eigenvectors, drawn again where they are negative."""
        flux = np.empty((len(z), WAVE.size), "f4")
        wanted = np.arange(len(z))
        for _ in range(_TRIES):
            weights = blended(rng, self._coefficients, wanted.size, split, _BLEND)
            flux[wanted] = redshifted(
                weights @ self._table, REST_FIRST, z[wanted], np.arange(wanted.size)
            )
            level = np.median(flux[wanted], axis=1)
            wanted = wanted[(level <= 0) | (flux[wanted].min(axis=1) < _NEGATIVE * level)]
            if not wanted.size:
                break
        return scaled(flux)


def _redshifts(rng, kind, n):
    if kind in REDSHIFTS:
        return rng.uniform(*REDSHIFTS[kind], n)
    near = rng.random(n) < 0.7
    return np.where(near, rng.random(n), np.minimum(rng.gamma(2, 0.2, n), LARGEST_Z))

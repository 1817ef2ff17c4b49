"""Narrow emission lines of galaxies: which there are, how strong, and drawn into spectra."""

from typing import NamedTuple

import numpy as np

from .grid import CELL_KMS, SIZE
from .profiles import add_gaussians, cell_width
from .shift import cell_of

LINES = {
    "[NeV]3347": 3346.79, "[NeV]3427": 3426.85, "[OII]3727": 3727.09, "[OII]3730": 3729.88,
    "[NeIII]": 3869.86, "Hdelta": 4102.89, "Hgamma": 4341.68, "[OIII]4364": 4364.44,
    "HeII": 4687.02, "Hbeta": 4862.68, "[OIII]4960": 4960.30, "[OIII]5008": 5008.24,
    "[OI]": 6302.05, "[NII]6550": 6549.85, "Halpha": 6564.61, "[NII]6585": 6585.27,
    "[SII]6718": 6718.29, "[SII]6733": 6732.67,
}  # fmt: skip
"""Line -> rest wavelength, A (vacuum)."""

WIDTHS = 40.0, 300.0
"""Least and greatest sigma, km/s."""

_BALMER = {"Hdelta": 0.26, "Hgamma": 0.47, "Hbeta": 1.0, "Halpha": 2.86}
_ATTENUATION = 0.25  # mean reddening of H-beta against H-alpha, mag
_OIII_RATIO, _NII_RATIO = 2.98, 3.05  # fixed by atomic physics


class Gas(NamedTuple):
    """What shines, as means and scatters of log10.

    Parameters
    ----------
    strength : tuple of float
        Rest equivalent width of [OII] (both lines), A.
    oii, oiii : tuple of float
        [OII] and [OIII] 5008 over H-beta.
    nii, sii, oi : tuple of float
        [NII] 6585, [SII] (both lines) and [OI] 6302 over H-alpha.
    hard : tuple of float or None
        [NeV] 3427 over [OIII] 5008; None for gas that stars ionise.
    """

    strength: tuple
    oii: tuple = (0.45, 0.2)
    oiii: tuple = (0.1, 0.35)
    nii: tuple = (-0.6, 0.25)
    sii: tuple = (-0.45, 0.15)
    oi: tuple = (-1.5, 0.2)
    hard: tuple | None = None


GASES = {
    "GALAXY": Gas((0.9, 0.35)),
    "ELG": Gas((1.6, 0.3), oiii=(0.3, 0.3)),
    "STARBURST": Gas((1.9, 0.25), oii=(0.2, 0.2), oiii=(0.65, 0.2), nii=(-1.0, 0.3)),
    "TYPE2": Gas(
        (1.2, 0.35), oii=(0.4, 0.2), oiii=(0.95, 0.15), nii=(-0.05, 0.15), sii=(-0.3, 0.15),
        oi=(-0.8, 0.2), hard=(-0.9, 0.25),
    ),
    "LONE OII": Gas((1.7, 0.3)),
}  # fmt: skip
"""Subtype of galaxy -> its gas; subtypes that are not here have none."""


def add_lines(rng, flux, z, kind):
    """Add the narrow lines of one kind of galaxy to its continuum, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    flux : numpy.ndarray
        (B, W) float32 continuum on `grid.WAVE`.
    z : numpy.ndarray
        (B,) float64 redshifts.
    kind : str
        Subtype; "LONE OII" has nothing but [OII], and subtypes without gas get nothing.
    """
    if kind not in GASES or not len(z):
        return
    gas = GASES[kind]
    ratios = _ratios(rng, gas, len(z))
    if kind == "LONE OII":
        ratios = {name: ratio for name, ratio in ratios.items() if name.startswith("[OII]")}
    width = np.exp(rng.uniform(*np.log(WIDTHS), len(z))) / CELL_KMS
    area = 10 ** rng.normal(*gas.strength, len(z)) * (1 + z)  # A, observed
    area *= _level(flux, z) / cell_width(3728.5 * (1 + z))
    for name, ratio in ratios.items():
        # Equal fluxes are lower where the cells are wider.
        wider = LINES[name] / 3728.5
        add_gaussians(flux, cell_of(LINES[name] * (1 + z)), width, area * ratio / wider)


def _level(flux, z):
    """Return the continuum (B,) at [OII], or at the end of the grid nearest to it."""
    cell = np.clip(cell_of(3728.5 * (1 + z)).astype(int), 20, SIZE - 21)
    around = flux[np.arange(len(z))[:, None], cell[:, None] + np.arange(-20, 20)]
    return np.maximum(np.median(around, axis=1), 1e-2)


def _ratios(rng, gas, n):
    """Return line -> flux (n,) over that of [OII], of both lines."""

    def drawn(mean, scatter):
        return 10 ** rng.normal(mean, scatter, n)

    # Dust dims H-beta, by which the others are measured, more than H-alpha.
    dust = 10 ** (0.4 * rng.exponential(_ATTENUATION, n))
    flux = {name: np.full(n, ratio) for name, ratio in _BALMER.items()}
    flux["Halpha"] = 2.86 * dust
    flux["[OIII]5008"] = drawn(*gas.oiii)
    flux["[OIII]4960"] = flux["[OIII]5008"] / _OIII_RATIO
    flux["[NeIII]"] = 0.1 * flux["[OIII]5008"] * drawn(0, 0.15)
    flux["[NII]6585"] = flux["Halpha"] * np.minimum(drawn(*gas.nii), 2)
    flux["[NII]6550"] = flux["[NII]6585"] / _NII_RATIO
    sulphur = flux["Halpha"] * drawn(*gas.sii)
    flux["[SII]6718"], flux["[SII]6733"] = 0.57 * sulphur, 0.43 * sulphur
    flux["[OI]"] = flux["Halpha"] * drawn(*gas.oi)
    if gas.hard:
        flux["[NeV]3427"] = flux["[OIII]5008"] * drawn(*gas.hard)
        flux["[NeV]3347"] = 0.37 * flux["[NeV]3427"]
        flux["HeII"] = drawn(-0.7, 0.15)
        flux["[OIII]4364"] = 0.015 * flux["[OIII]5008"]
    oxygen = drawn(*gas.oii)
    red = rng.uniform(0.45, 0.6, n)  # of the doublet: from dense to thin gas
    ratios = {name: value / oxygen for name, value in flux.items()}
    return {"[OII]3727": 1 - red, "[OII]3730": red, **ratios}

"""What absorbers let through: hydrogen from Lyman limits to DLAs, and metals.

Metallicities are those of Rafelski et al. (2012), velocity widths follow them as in Ledoux et al.
(2006).
"""

import numpy as np

from .columns import redshifts
from .grid import C_KMS, SIZE, WAVE
from .voigt import (
    LINES,
    LYMAN,
    LYMAN_LIMIT,
    METALS,
    central_depth,
    damping,
    imprint,
    limit_edge,
    limit_tau,
)

# 12 + log10 of the solar abundance (Asplund et al. 2009), with what is locked in dust taken off.
_ABUNDANCES = {"CII": 8.43, "OI": 8.69, "MgI": 5.2, "MgII": 7.5, "AlII": 6.2, "AlIII": 5.6,
               "SiII": 7.45, "SiIII": 6.9, "FeII": 7.1}  # fmt: skip

# log10 of the columns of highly ionised metals against that of CIV.
_HIGH_IONS = {"CIV": 0.0, "SiIV": -0.6, "NV": -0.9, "OVI": 0.5}

# Intervening doublets: ion, lines per unit redshift at 1 + z = 3, power of 1 + z, exponential
# scale of the rest equivalent width above the least one, A (MgII: Nestor et al. 2005; CIV:
# Cooksey et al. 2013), and the other ions that come with it.
_DOUBLETS = (
    ("MgII", 1.0, 0.5, 0.70, ("FeII", "MgI")),
    ("CIV", 2.1, -1.2, 0.43, ("SiIV",)),
)
_LEAST_WIDTH = 0.2

# Systems at the quasar itself: what share of quasars, with which ions.
_ASSOCIATED = 0.2
_ASSOCIATED_IONS = ("CIV", "SiIV", "NV", "OVI")


def hi_transmission(rng, absorbers, n, metals=True):
    """Return what systems of neutral hydrogen let through: Lyman series, limit and metals.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness: Doppler parameters, metallicities, kinematics.
    absorbers : numpy.ndarray
        (A,) of `ABSORBER`, from `draw_hi` or made by hand.
    n : int
        Number of sightlines B.
    metals : bool
        Whether metal lines come with them. Those of low ions go with N(HI) and metallicity.

    Returns
    -------
    numpy.ndarray
        (B, W) float32 on `grid.WAVE`.

    Raises
    ------
    ValueError
        If a row lies outside of 0 ... n - 1.
    """
    outside = (absorbers["ROW"] < 0) | (absorbers["ROW"] >= n)
    if outside.any():
        found = absorbers["ROW"][outside][0]
        raise ValueError(f"absorbers: expected rows 0 to {n - 1}, found {found}")
    seen = np.ones((n, SIZE), "f4")
    b = np.clip(rng.normal(30, 8, len(absorbers)), 15, 60)
    _imprint_series(seen, absorbers, b)
    _imprint_limits(seen, absorbers)
    if metals:
        _imprint_metals(rng, seen, absorbers)
    return seen


def metal_transmission(rng, z, rate=1.0):
    """Return what metal systems without (much) hydrogen let through.

    Intervening MgII and CIV doublets with the ions that come with them, at the observed
    incidence, and narrow absorption at the quasar itself in CIV, SiIV, NV, OVI and Lyman-alpha.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    z : array_like
        (B,) redshifts of the quasars.
    rate : float
        Factor on all numbers.

    Returns
    -------
    numpy.ndarray
        (B, W) float32 on `grid.WAVE`.

    Raises
    ------
    ValueError
        If `rate` is negative or not finite, or a redshift is not finite.
    """
    z = redshifts(z)
    if not 0 <= rate < np.inf:
        raise ValueError(f"rate: expected a finite number not below 0, found {rate}")
    seen = np.ones((len(z), SIZE), "f4")
    for ion, incidence, power, scale, others in _DOUBLETS:
        row, at = _draw_doublets(rng, z, ion, rate * incidence, power)
        width = _LEAST_WIDTH + rng.exponential(scale, len(row))
        _imprint_system(rng, seen, row, at, width, ion, others)
    _imprint_associated(rng, seen, z, rate)
    return seen


def _imprint_series(seen, absorbers, b):
    """Multiply in the Lyman lines of all systems."""
    rest, strength, gamma = np.array([LINES[name] for name in LYMAN]).T  # (L,)
    row, z, log_n = (absorbers[name][:, None] for name in ("ROW", "Z", "NHI"))  # (A, 1)
    b = b[:, None]
    values = np.broadcast_arrays(
        row,
        rest * (1 + z),
        central_depth(log_n, rest, strength, b),
        b,
        damping(rest, gamma, b),
    )
    imprint(seen, *(value.ravel() for value in values))


def _imprint_limits(seen, absorbers):
    """Multiply in the Lyman limits of the systems that have theirs on the grid."""
    last = np.searchsorted(WAVE, LYMAN_LIMIT * limit_edge() * (1 + absorbers["Z"]))
    for system, cells in zip(absorbers, last, strict=True):
        if cells:
            tau = limit_tau(WAVE[:cells], system["Z"], system["NHI"])
            seen[system["ROW"], :cells] *= np.exp(-tau).astype("f4")


def _imprint_metals(rng, seen, absorbers):
    """Multiply in the metal lines of systems of hydrogen."""
    row, z, log_n = (absorbers[name] for name in ("ROW", "Z", "NHI"))
    metallicity = rng.normal(-0.22 * z - 0.65, 0.5)
    # The velocity that holds nine tenths of the absorption is 2.33 Doppler parameters.
    b = np.clip(10 ** ((metallicity + 4.33) / 1.55) / 2.33 * rng.lognormal(0, 0.2, len(z)), 8, 150)
    # Ionised gas holds more metals for its neutral hydrogen.
    neutral = np.where(log_n < 20.3, 20.3 + 0.6 * (log_n - 20.3), log_n)
    columns = {
        ion: neutral + metallicity + abundance - 12 + rng.normal(0, 0.15, len(z))
        for ion, abundance in _ABUNDANCES.items()
    }
    _imprint_ions(seen, row, z, b, columns)
    ionised = 14.1 + 0.6 * (metallicity + 1.5) + 0.15 * np.minimum(log_n - 20.3, 0)
    ionised = ionised + rng.normal(0, 0.35, len(z))
    columns = {
        ion: ionised + offset + rng.normal(0, 0.2, len(z)) for ion, offset in _HIGH_IONS.items()
    }
    # High ions live in other gas: broader, and not quite at rest with the neutral one.
    shifted = (1 + z) * (1 + rng.normal(0, 30, len(z)) / C_KMS) - 1
    _imprint_ions(seen, row, shifted, 1.4 * b, columns)


def _imprint_ions(seen, row, z, b, columns):
    """Multiply in all lines of ions with (A,) log10 columns, at (A,) redshifts and widths."""
    for ion, rest, strength in METALS.values():
        if ion in columns:
            depth = central_depth(columns[ion], rest, strength, b)
            imprint(seen, row, rest * (1 + z), depth, b)


def _draw_doublets(rng, z, ion, incidence, power):
    """Return rows and redshifts of intervening systems whose doublet is on the grid."""
    rest = _strongest(ion)[0]
    # (1 + z)^power has a simple integral: (1 + z)^(1 + power) but for the factor before it.
    low = np.minimum(WAVE[0] / rest, 1 + z) ** (1 + power)
    high = np.minimum(WAVE[-1] / rest, 1 + z) ** (1 + power)
    expected = incidence * 3.0**-power / (1 + power) * (high - low)  # (B,)
    row = np.repeat(np.arange(len(z)), rng.poisson(expected))
    wanted = low[row] + rng.random(len(row)) * (high - low)[row]
    return row, wanted ** (1 / (1 + power)) - 1


def _strongest(ion):
    """Return rest wavelength and oscillator strength of the strongest line of an ion."""
    return max(((rest, f) for name, rest, f in METALS.values() if name == ion), key=lambda x: x[1])


def _imprint_system(rng, seen, row, z, width, ion, others):
    """Multiply in systems whose strongest line of one ion has the equivalent `width`, A."""
    rest, strength = _strongest(ion)
    tau = rng.lognormal(np.log(2), 0.8, len(row))
    b = C_KMS * width / rest / _area(tau)
    for other, wave, f in METALS.values():
        if other == ion:
            imprint(seen, row, wave * (1 + z), tau * f * wave / (strength * rest), b)
    for other in others:
        # What an ion that is not asked for has: half as deep, give or take.
        reference = np.prod(_strongest(other))
        depth = tau * rng.lognormal(np.log(0.5), 0.6, len(row)) / reference
        for name, wave, f in METALS.values():
            if name == other:
                imprint(seen, row, wave * (1 + z), depth * f * wave, b)


def _area(tau):
    """Return the area of a Gaussian line of this central depth, in Doppler parameters."""
    u = np.linspace(-4, 4, 161)
    return -np.expm1(-tau[:, None] * np.exp(-(u**2))).sum(axis=1) * (u[1] - u[0])


def _imprint_associated(rng, seen, z, rate):
    """Multiply in narrow systems at the quasars: mostly outflowing, a few falling in."""
    row = np.repeat(np.arange(len(z)), rng.poisson(rate * _ASSOCIATED, len(z)))
    velocity = np.where(
        rng.random(len(row)) < 0.6, rng.normal(0, 500, len(row)), -rng.exponential(4000, len(row))
    )
    at = (1 + z[row]) * (1 + velocity / C_KMS) - 1
    width = _LEAST_WIDTH + rng.exponential(0.7, len(row))
    _imprint_system(rng, seen, row, at, width, _ASSOCIATED_IONS[0], _ASSOCIATED_IONS[1:])
    rest, strength, _ = LINES["Lya"]
    column = rng.normal(14.3, 0.5, len(row))
    b = np.full(len(row), 60.0)
    imprint(seen, row, rest * (1 + at), central_depth(column, rest, strength, b), b)

"""How many systems of neutral hydrogen there are on the sightlines of quasars.

The column densities follow f(N, X) of Prochaska et al. (2014, MNRAS 438, 476): their spline at
z = 2.5, which goes as (1 + z)^1.5 at fixed N.
"""

from functools import lru_cache

import numpy as np

from .voigt import CROSS_SECTION

ABSORBER = np.dtype([("ROW", "i8"), ("Z", "f8"), ("NHI", "f8")])
"""A system of neutral hydrogen: row of its quasar, redshift, log10 of the column in cm^-2."""

MAX_NHI = 22.5
"""Largest log10 of a column density."""

# Below this the Lyman series is off the grid; MgII comes by itself, from `absorbers`.
_LOWEST_Z = 1.5

# log10 N, log10 f(N, X) at z = 2.5; the last point goes on with the slope before it.
_PIVOTS = (
    (12.0, 15.0, 17.0, 18.0, 20.0, 21.0, 21.5, 22.0, MAX_NHI),
    (-9.72, -14.41, -17.94, -19.39, -21.28, -22.82, -23.95, -25.50, -27.05),
)
_EVOLUTION = 1.5
_MATTER = 0.3  # of a flat universe


def log_incidence(log_nhi, z=2.5):
    """Return log10 of f(N, X), the absorbers per column density and absorption distance.

    Parameters
    ----------
    log_nhi : array_like
        log10 of the column density, cm^-2, from 12 to 22.5.
    z : float or array_like
        Redshift; anything that broadcasts with `log_nhi`.

    Returns
    -------
    numpy.ndarray
        float64, of the broadcast shape, cm^2.
    """
    from scipy.interpolate import PchipInterpolator

    evolution = _EVOLUTION * np.log10((1 + np.asarray(z, "f8")) / 3.5)
    return PchipInterpolator(*_PIVOTS)(log_nhi) + evolution


def absorption_distance(z):
    """Return dX/dz, the absorption distance per redshift, in a flat universe of matter 0.3.

    Parameters
    ----------
    z : array_like
        Redshift.

    Returns
    -------
    numpy.ndarray
        float64, of the shape of `z`.
    """
    scale = 1 + np.asarray(z, "f8")
    return scale**2 / np.sqrt(_MATTER * scale**3 + 1 - _MATTER)


def opacity(z, max_nhi):
    """Return the Lyman continuum's effective optical depth per redshift, at the limit.

    Parameters
    ----------
    z : array_like
        Redshift of the absorbing gas.
    max_nhi : float
        Only absorbers of a smaller log10 N are counted.

    Returns
    -------
    numpy.ndarray
        float64, of the shape of `z`.
    """
    log_n = np.linspace(_PIVOTS[0][0], max_nhi, 2000)
    tau = CROSS_SECTION * 10**log_n
    integrand = 10 ** (log_incidence(log_n) + log_n) * np.log(10) * -np.expm1(-tau)
    total = np.sum(integrand) * (log_n[1] - log_n[0])
    evolution = ((1 + np.asarray(z, "f8")) / 3.5) ** _EVOLUTION
    return total * evolution * absorption_distance(z)


def draw_hi(rng, z, min_nhi=17.0, boost=1.0):
    """Draw the systems of neutral hydrogen on the sightlines of quasars.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    z : array_like
        (B,) redshifts of the quasars. The systems lie between 1.5 and there.
    min_nhi : float
        Least log10 of the column density, cm^-2; 12 to 22.5. The greatest is 22.5.
    boost : float
        Factor on the observed number, for training.

    Returns
    -------
    numpy.ndarray
        (A,) of `ABSORBER`, sorted by row. Any number, also none.

    Raises
    ------
    ValueError
        If `min_nhi` or `boost` are out of range, or a redshift is not finite.

    Examples
    --------
    >>> draw_hi(np.random.default_rng(1), [3.0], min_nhi=20.3, boost=0).size
    0
    >>> draw_hi(np.random.default_rng(1), [3.0], min_nhi=23)
    Traceback (most recent call last):
        ...
    ValueError: min_nhi: expected 12 to below 22.5, found 23
    """
    z = redshifts(z)
    if not _PIVOTS[0][0] <= min_nhi < MAX_NHI:
        raise ValueError(f"min_nhi: expected 12 to below {MAX_NHI}, found {min_nhi}")
    if not 0 <= boost < np.inf:
        raise ValueError(f"boost: expected a finite number not below 0, found {boost}")
    log_n, above, at, up_to = _tables(float(min_nhi))
    expected = np.interp(z, at, up_to)  # (B,)
    row = np.repeat(np.arange(len(z)), rng.poisson(boost * expected))  # (A,)
    found = np.empty(len(row), ABSORBER)
    found["ROW"] = row
    found["Z"] = np.interp(rng.random(len(row)) * expected[row], up_to, at)
    found["NHI"] = np.interp(rng.random(len(row)), above, log_n)
    return found


def draw_columns(rng, n, min_nhi):
    """Draw column densities alone, as they are distributed above one.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    min_nhi : float
        Least log10 of the column density, cm^-2; 12 to 22.5.

    Returns
    -------
    numpy.ndarray
        (n,) float64 log10 of the column density.
    """
    log_n, above, _, _ = _tables(float(min_nhi))
    return np.interp(rng.random(n), above, log_n)


def redshifts(z):
    """Return redshifts as an array, or raise.

    Parameters
    ----------
    z : array_like
        (B,) redshifts.

    Returns
    -------
    numpy.ndarray
        (B,) float64.

    Raises
    ------
    ValueError
        If the shape is another or one is not finite.
    """
    z = np.asarray(z, "f8")
    if z.ndim != 1 or not (np.isfinite(z) & (z > -1)).all():
        raise ValueError(f"z: expected (B,) finite redshifts above -1, found {z}")
    return z


@lru_cache(maxsize=16)
def _tables(min_nhi):
    """Return log N and the share of systems below it; z and the systems expected up to there."""
    log_n = np.linspace(min_nhi, MAX_NHI, 2000)
    density = 10 ** (log_incidence(log_n) + log_n) * np.log(10)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(log_n)
    share = np.concatenate([[0], np.cumsum(steps)])
    z = np.linspace(_LOWEST_Z, 9, 2000)
    per_z = share[-1] * ((1 + z) / 3.5) ** _EVOLUTION * absorption_distance(z)
    up_to = np.concatenate([[0], np.cumsum(0.5 * (per_z[1:] + per_z[:-1]) * np.diff(z))])
    return log_n, share / share[-1], z, up_to

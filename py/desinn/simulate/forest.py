"""The Lyman-alpha forest: what the gas between a quasar and us lets through.

The optical depth is lognormal, ``tau = t(z) exp(s(z) g)`` with a Gaussian field g of variance 1.
Mean flux and power spectrum of the *flux* are the observed ones: t and s follow from the mean and
the variance of the flux, and the correlation of g from that of the flux, by inverting how the
transform maps one to the other. So the power comes out right although the transform bends it.

The mean flux is that of Kamble et al. (2020, ApJ 892, 70), the power spectrum the fit of
Palanque-Delabrouille et al. (2013, A&A 559, A85).
"""

from functools import lru_cache

import numpy as np

from .columns import opacity, redshifts
from .grid import CELL_KMS, SIZE, STEP, WAVE
from .voigt import LINES, LYMAN, LYMAN_LIMIT

LYA = LINES["Lya"][0]
"""Rest wavelength of Lyman-alpha, A."""

# tau = A (1 + z)^B. Beyond the break it is steeper, to what Bosman et al. (2018) see at z = 6.
_TAU, _SLOPE, _BREAK, _STEEP = 0.00554, 3.182, 5.2, 9.0

# Palanque-Delabrouille et al. (2013), their table of the fit: amplitude, slope, curvature,
# evolution of amplitude and of slope; pivot in s/km and in 1 + z.
_A, _N, _ALPHA, _B, _BETA = 0.064, -2.55, -0.10, 3.55, -0.28
_K0, _PIVOT = 0.009, 4.0

# The fit of the power is taken as it is up to here; beyond, lognormal fields become too tame.
_LAST_POWER_Z = 5.0

# Redshifts at which the lognormal model is worked out.
_Z = np.arange(1.6, 7.25, 0.1)

# Longest Fourier series, and the shortest, which is good enough for the bluest forests.
_LONGEST, _SHORTEST = 8192, 512

# Cells by which a series is longer than the forest, so that its ends do not know each other.
_APART = 64

# Cells by which the tables go on beyond the grid: a factor of 3 in the optical depth.
_MARGIN = 1500

# log10 N below which systems are not drawn one by one: here they absorb on average.
_DRAWN_FROM = 17.0

# Rest wavelength around which a row's power is that of the fit, A: the middle of the forest.
_MIDDLE = 1120.0


def mean_flux(z, strength=1.0):
    """Return the mean transmission in Lyman-alpha.

    Parameters
    ----------
    z : array_like
        Redshift of the gas.
    strength : float or array_like
        Factor on the effective optical depth.

    Returns
    -------
    numpy.ndarray
        float64, of the broadcast shape. A measurement for z from 2.2 to 4; continued in step
        with others up to 6.
    """
    scale = 1 + np.asarray(z, "f8")
    steeper = np.maximum(scale / (1 + _BREAK), 1) ** (_STEEP - _SLOPE)
    return np.exp(-strength * _TAU * scale**_SLOPE * steeper)


def power(k, z):
    """Return the observed one-dimensional power spectrum of the flux contrast F / <F> - 1.

    Parameters
    ----------
    k : array_like
        Wavenumber, s/km.
    z : float or array_like
        Redshift of the gas; anything that broadcasts with `k`.

    Returns
    -------
    numpy.ndarray
        float64, of the broadcast shape, km/s. A measurement for k from 0.001 to 0.02 and z from
        2.2 to 4.4. At low k, where the formula would turn over, it is constant.
    """
    scale = (1 + np.asarray(z, "f8")) / _PIVOT
    slope = _N + _BETA * np.log(scale)
    turning = _K0 * np.exp(-(0.5 * slope + 1) / _ALPHA)
    x = np.maximum(k, turning) / _K0
    return np.pi * _A / _K0 * x ** (2 + slope + _ALPHA * np.log(x)) * scale**_B


def transmission(rng, z, strength=1.0):
    """Draw the transmission of the forest: all Lyman lines, and the continuum below 912 A.

    Mean and power spectrum are those of `mean_flux` and `power`. Each value is the transmission
    at the middle of its cell: the power is that of the formula up to the Nyquist frequency, with
    no window of the cells in it. Higher Lyman lines are the same gas, moved by whole cells (by at
    most 35 km/s too much). Systems of log N(HI) above 17, which have Lyman limits of their own,
    come from `absorbers`; what all smaller ones take from the continuum below 912 A is here, as
    a mean.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    z : array_like
        (B,) redshifts of the quasars.
    strength : float or array_like
        Factor on the effective optical depth, one for all or (B,), from 1/3 to 3. The power
        follows it: it is the one observed where the optical depth is that much.

    Returns
    -------
    numpy.ndarray
        (B, W) float32 on `grid.WAVE`, 1 redward of Lyman-alpha.

    Raises
    ------
    ValueError
        If a redshift is not finite, or a strength is out of range.

    Examples
    --------
    >>> transmission(np.random.default_rng(1), [1.0, 3.0]).mean(axis=1).round(2)
    array([1.  , 0.91], dtype=float32)
    >>> transmission(np.random.default_rng(1), [1.0, 3.0], strength=20)
    Traceback (most recent call last):
        ...
    ValueError: strength: expected 1/3 to 3, found 20.0 to 20.0
    """
    z = redshifts(z)
    strength = np.broadcast_to(np.asarray(strength, "f8"), z.shape)
    if not ((strength >= 1 / 3) & (strength <= 3)).all():
        raise ValueError(
            f"strength: expected 1/3 to 3, found {strength.min()} to {strength.max()}"
        )
    seen = np.ones((len(z), SIZE), "f4")
    cells = np.searchsorted(WAVE, LYA * (1 + z))  # (B,) cells that begin blueward of Lyman-alpha
    for size, rows in _rows_by_size(cells):
        last = cells[rows].max()
        tau = _lya_tau(rng, z[rows], cells[rows], strength[rows], size)
        tau = _all_lines(tau)
        _add_continuum(tau, z[rows], strength[rows])
        seen[rows, :last] = np.exp(-tau)
    return seen


def _rows_by_size(cells):
    """Yield lengths of Fourier series, and the rows whose forest fits into that and no less."""
    size, below = _SHORTEST, 0
    while size <= _LONGEST:
        rows = np.flatnonzero((cells > below) & (cells <= size - _APART))
        if rows.size:
            yield size, rows
        size, below = 2 * size, size - _APART


def _lya_tau(rng, z, cells, strength, size):
    """Return (B, L) float32 optical depths in Lyman-alpha, 0 redward of it."""
    from scipy import fft

    log_t, spread, _ = _model()
    middle = np.rint(((1 + z) * _MIDDLE / LYA - 1 - _Z[0]) / (_Z[1] - _Z[0]))
    middle = np.clip(middle, 0, len(_Z) - 1).astype(int)
    field = rng.standard_normal((len(z), size + 2), dtype="f4").view("c8")  # (B, size / 2 + 1)
    field *= _fourier_amplitudes(size)[middle]
    last = cells.max()
    gauss = fft.irfft(field, size, axis=1)[:, :last]
    # A stronger forest is that of a higher redshift: a slice further on in the tables.
    shift = np.rint(np.log10(strength) / _SLOPE / STEP).astype(int)
    place = _MARGIN + shift[:, None] + np.arange(last)  # (B, L)
    gauss *= spread[place]
    gauss += log_t[place]
    tau = np.exp(gauss, out=gauss)
    tau[np.arange(last) >= cells[:, None]] = 0
    return tau


def _all_lines(tau):
    """Return (B, L) optical depths with the higher Lyman lines of the same gas added."""
    total = tau.copy()
    for shift, ratio in _higher_lines():
        if shift < tau.shape[1]:
            total[:, :-shift] += ratio * tau[:, shift:]
    return total


@lru_cache(maxsize=1)
def _higher_lines():
    """Return (cells below Lyman-alpha, f lambda over that of Lyman-alpha) of each line."""
    wave, strength, _ = np.array([LINES[name] for name in LYMAN]).T
    ratio = strength * wave / (strength[0] * wave[0])
    shift = np.rint(np.log10(wave[0] / wave) / STEP).astype(int)
    # All lines above: strengths go as n^-3, and they lie within 4 A of the limit.
    n = len(LYMAN) + 1
    rest = ratio[-1] * n**3 / (2 * (n + 0.5) ** 2)
    last = round(np.log10(wave[0] / (LYMAN_LIMIT + 1.5)) / STEP)
    pairs = [*zip(shift[1:].tolist(), ratio[1:], strict=True), (last, rest)]
    return tuple((cells, np.float32(value)) for cells, value in pairs)


def _add_continuum(tau, z, strength):
    """Add to (B, L) optical depths the mean photoionisation of small systems, below 912 A."""
    limit = np.searchsorted(WAVE, LYMAN_LIMIT * (1 + z))  # (B,)
    last = limit.max()
    if not last:
        return
    at, up_to = _continuum()
    here = WAVE[:last] / LYMAN_LIMIT - 1
    gas = np.interp(z, at, up_to)[:, None] - np.interp(here, at, up_to)  # (B, cells)
    gas = np.maximum(gas, 0) * strength[:, None]
    tau[:, :last] += (gas * (1 + here) ** 3).astype("f4")


@lru_cache(maxsize=1)
def _continuum():
    """Return redshifts, and the integral of opacity over (1 + z)^3 up to there."""
    z = np.linspace(1.5, 9, 2000)
    weight = opacity(z, _DRAWN_FROM) / (1 + z) ** 3
    return z, np.concatenate([[0], np.cumsum(0.5 * (weight[1:] + weight[:-1]) * np.diff(z))])


@lru_cache(maxsize=8)
def _fourier_amplitudes(size):
    """Return (Z, size / 2 + 1) amplitudes of a series of that length and unit variance."""
    amplitudes = _model()[2]
    chosen = amplitudes[:, :: _LONGEST // size].copy()
    chosen[:, [0, -1]] *= np.sqrt(2)  # irfft takes their real parts only
    variance = (chosen[:, [0, -1]] ** 2).sum(axis=1) + 4 * (chosen[:, 1:-1] ** 2).sum(axis=1)
    return chosen * (size / np.sqrt(variance))[:, None]


@lru_cache(maxsize=1)
def _model():
    """Return the lognormal model that has the observed mean flux and power.

    Returns
    -------
    log_t, spread : numpy.ndarray
        (margin + W + margin,) float32 parameters at the redshift of Lyman-alpha in each cell.
    amplitudes : numpy.ndarray
        (Z, N / 2 + 1) float32 root of the power of the Gaussian field, in any unit.
    """
    k = 2 * np.pi * np.fft.rfftfreq(_LONGEST, CELL_KMS)
    wanted = power(k, np.minimum(_Z, _LAST_POWER_Z)[:, None])
    correlation = np.fft.irfft(wanted, _LONGEST, axis=1) / CELL_KMS  # (Z, N)
    tame = _Z <= _LAST_POWER_Z
    log_t, spread = _lognormal(mean_flux(_Z), np.where(tame, correlation[:, 0], np.nan))
    # (Z, N) correlation of the Gaussian field, then its power; beyond the last, the last's.
    field = np.array([_unbent(*values) for values in zip(log_t, spread, correlation, strict=True)])
    field[~tame] = field[tame][-1]
    spectrum = np.maximum(np.fft.rfft(field, axis=1).real, 0)
    cells = np.arange(-_MARGIN, SIZE + _MARGIN)
    at = np.log10(WAVE[0] / LYA) + STEP * cells  # log10(1 + z)
    tables = (np.interp(at, np.log10(1 + _Z), table).astype("f4") for table in (log_t, spread))
    return *tables, np.sqrt(spectrum).astype("f4")


@lru_cache(maxsize=1)
def _quadrature():
    """Return nodes and weights of averages over a Gaussian of unit variance."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    return nodes, weights / weights.sum()


def _lognormal(mean, variance):
    """Return (Z,) log t and s for the wanted mean of F and variance of F / <F>.

    Where the variance is NaN, s is that of the last redshift before.
    """
    given = np.isfinite(variance)
    spread = np.where(given, 0, np.nan)
    low, high = np.full(given.sum(), 0.01), np.full(given.sum(), 8.0)
    for _ in range(30):
        middle = 0.5 * (low + high)
        log_t = _log_t(mean[given], middle)
        too_wide = _moment(log_t, middle, 2) / mean[given] ** 2 - 1 > variance[given]
        low, high = np.where(too_wide, low, middle), np.where(too_wide, middle, high)
    spread[given] = middle
    spread[~given] = middle[-1]
    return _log_t(mean, spread), spread


def _log_t(mean, spread):
    """Return (Z,) log t at which the mean flux is as wanted, for given s."""
    low, high = np.full(mean.shape, -30.0), np.full(mean.shape, 20.0)
    for _ in range(40):
        middle = 0.5 * (low + high)
        too_bright = _moment(middle, spread, 1) > mean
        low, high = np.where(too_bright, middle, low), np.where(too_bright, high, middle)
    return middle


def _moment(log_t, spread, order):
    """Return (Z,) the mean of F^order."""
    nodes, weights = _quadrature()
    tau = np.exp(log_t[:, None] + spread[:, None] * nodes)  # (Z, nodes)
    return np.exp(-order * tau) @ weights


def _unbent(log_t, spread, correlation):
    """Return the (N,) correlation of the Gaussian field that gives this one of the flux.

    By Mehler's formula, the flux's correlation is a power series in the field's, with squared
    Hermite coefficients of the transform.
    """
    nodes, weights = _quadrature()
    flux = np.exp(-np.exp(log_t + spread * nodes))
    flux = flux / (weights @ flux)
    before, here, series = np.zeros_like(nodes), np.ones_like(nodes), [0.0]
    for order in range(1, 40):  # Hermite functions of unit norm
        before, here = here, (nodes * here - np.sqrt(order - 1) * before) / np.sqrt(order)
        series.append((weights @ (flux * here)) ** 2)
    field = np.linspace(-0.5, 1, 3001)
    return np.interp(correlation, np.polynomial.polynomial.polyval(field, series), field)

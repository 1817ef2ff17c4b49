"""Broad absorption lines: troughs of outflows from quasars, and the indices that measure them.

An outflow is a few components of absorbing gas, each a range of velocities. All ions see the same
gas, with strengths of their own; those of low ionisation only the slower part of it. What a trough
leaves over at its bottom is the light that the gas does not cover.
"""

import numpy as np

from .columns import redshifts
from .grid import C_KMS, SIZE, STEP, WAVE

KINDS = ("", "BAL", "LoBAL", "FeLoBAL")
"""No trough; high ions only; MgII and AlIII as well; FeII as well."""

CIV = 1549.06
"""Rest wavelength from which velocities of CIV troughs are counted, A."""

HIGHEST = 25000.0
"""Largest velocity that the two indices count, and of the troughs' fast ends, km/s."""

# Ion -> (lines in A with their relative strengths), optical depth against CIV as mean and
# scatter of its log10.
_HIGH = {
    "CIV": (((1548.20, 1.0), (1550.78, 0.5)), 0.0, 0.0),
    "SiIV": (((1393.76, 1.0), (1402.77, 0.5)), -0.4, 0.3),
    "NV": (((1238.82, 1.0), (1242.80, 0.5)), 0.0, 0.2),
    "OVI": (((1031.93, 1.0), (1037.62, 0.5)), 0.1, 0.2),
    "Lya": (((1215.67, 1.0),), -0.3, 0.3),
}
_LOW = {
    "AlIII": (((1854.72, 1.0), (1862.79, 0.5)), -0.1, 0.3),
    "MgII": (((2796.35, 1.0), (2803.53, 0.5)), 0.0, 0.3),
    "AlII": (((1670.79, 1.0),), -0.6, 0.4),
    "CII": (((1334.53, 0.7), (1335.71, 0.7)), -0.3, 0.3),
}

# Multiplets of FeII from the ground term (UV 1, 2 + 3, 8) and from excited ones, as lines that
# stand for them.
_IRON = {
    "FeII": (
        ((2586.65, 0.5), (2600.17, 1.0), (2612.65, 0.6), (2618.40, 0.4), (2626.45, 0.6),
         (2631.83, 0.5), (2344.21, 0.6), (2349.02, 0.5), (2359.83, 0.4), (2365.55, 0.4),
         (2374.46, 0.3), (2382.76, 1.0), (2389.36, 0.5), (2396.36, 0.7), (2405.62, 0.6),
         (2411.80, 0.4), (1608.45, 0.25), (1621.69, 0.15), (1635.40, 0.1)),
        -0.1, 0.3,
    ),
    "FeII*": (
        ((1702.04, 0.4), (1726.39, 0.3), (1761.38, 0.3), (1786.75, 0.5), (2332.02, 0.4),
         (2484.9, 0.2), (2562.54, 0.5), (2740.36, 0.8), (2747.34, 0.7), (2756.55, 1.0)),
        -0.8, 0.6,
    ),
}  # fmt: skip

# The cells on which troughs are made: as wide as those of the spectra.
_FIRST, _CELLS = -40, 460
_LOG_WAVE = np.log(WAVE)
_LOG_SHIFT = STEP * np.log(10) * (_FIRST + np.arange(_CELLS))
VELOCITY = C_KMS * np.tanh(_LOG_SHIFT)
"""(V,) float64 outflow velocities on which troughs are made, km/s, rising, -2800 to 28700."""

_MOST = 4  # components of an outflow

MOST_TROUGHS = 5
"""Of a quasar, those whose ends are stated."""

# Least width of what the absorption index counts, km/s.
_AI_WIDTH = 450.0


def balnicity_index(velocity, flux):
    """Return the balnicity index BI of Weymann et al. (1991).

    Parameters
    ----------
    velocity : array_like
        (V,) outflow velocity from CIV at the quasar's redshift, km/s, rising.
    flux : array_like
        (B, V) or (V,) flux over continuum.

    Returns
    -------
    numpy.ndarray
        (B,) or () float64, km/s: the integral of 1 - flux / 0.9 over 3000 to 25000 km/s, of
        troughs that are continuously more than 10 % deep, after their first 2000 km/s. What a
        trough has below 3000 km/s does not count as part of these.

    Examples
    --------
    >>> v = np.arange(0.0, 30000.0, 10.0)
    >>> box = np.where((v >= 5000) & (v < 10000), 0.45, 1.0)
    >>> float(balnicity_index(v, box).round())
    1500.0
    """
    return _index(velocity, flux, 3000.0, 2000.0)


def absorption_index(velocity, flux):
    """Return the absorption index AI of Hall et al. (2002), as the SDSS and DESI use it.

    Parameters
    ----------
    velocity : array_like
        (V,) outflow velocity from CIV at the quasar's redshift, km/s, rising.
    flux : array_like
        (B, V) or (V,) flux over continuum.

    Returns
    -------
    numpy.ndarray
        (B,) or () float64, km/s: as the balnicity index, but over 0 to 25000 km/s and after the
        first 450 km/s of each trough.
    """
    return _index(velocity, flux, 0.0, _AI_WIDTH)


def trough_edges(velocity, flux):
    """Return where the troughs that the absorption index counts begin and end.

    Parameters
    ----------
    velocity : array_like
        (V,) outflow velocity from CIV at the quasar's redshift, km/s, rising.
    flux : array_like
        (B, V) flux over continuum.

    Returns
    -------
    numpy.ndarray
        (B, 2, 5) float32, km/s: the slow ends and the fast ends of the first five stretches of
        450 km/s or more, between 0 and 25000 km/s, that are more than 10 % deep; -1 where there
        are fewer. DESI's VMIN_CIV_450 and VMAX_CIV_450.

    Examples
    --------
    >>> v = np.arange(0.0, 30000.0, 10.0)
    >>> box = np.where((v >= 5000) & (v < 10000), 0.45, 1.0)
    >>> trough_edges(v, [box])[0, :, 0]
    array([5000., 9990.], dtype=float32)
    """
    velocity, flux = np.asarray(velocity, "f8"), np.asarray(flux, "f8")
    inside = (velocity >= 0) & (velocity <= HIGHEST)
    velocity, deep = velocity[inside], flux[:, inside] < 0.9
    edges = np.full((len(flux), 2, MOST_TROUGHS), -1, "f4")
    for row, cells in enumerate(deep):
        change = np.flatnonzero(np.diff(cells.astype(int), prepend=0, append=0))
        first, last = velocity[change[::2]], velocity[change[1::2] - 1]
        wide = last - first >= _AI_WIDTH
        for side, ends in enumerate((first[wide], last[wide])):
            edges[row, side, : min(len(ends), MOST_TROUGHS)] = ends[:MOST_TROUGHS]
    return edges


def troughs(rng, z, kind):
    """Draw the broad absorption troughs of quasars.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    z : array_like
        (B,) redshifts.
    kind : array_like
        (B,) of str, each one of `KINDS`.

    Returns
    -------
    transmission : numpy.ndarray
        (B, W) float32 on `grid.WAVE`; 1 where the kind is ``''``.
    bi, ai : numpy.ndarray
        (B,) float32 balnicity and absorption index of the CIV trough, km/s, also where CIV is
        not on the grid. All kinds but ``''`` have AI > 0, and about four in five BI > 0.
    edges : numpy.ndarray
        (B, 2, 5) float32 of `trough_edges`.

    Raises
    ------
    ValueError
        If a kind is unknown, the lengths differ, or a redshift is not finite.

    Examples
    --------
    >>> _, bi, ai, _ = troughs(np.random.default_rng(1), [2.0, 2.0], ["", "BAL"])
    >>> float(bi[0]), float(ai[0]), bool(ai[1] > 0)
    (0.0, 0.0, True)
    >>> troughs(np.random.default_rng(1), [2.0], ["HiBAL"])
    Traceback (most recent call last):
        ...
    ValueError: kind: expected one of '', 'BAL', 'LoBAL', 'FeLoBAL', found 'HiBAL'
    """
    z, kind = redshifts(z), np.asarray(kind, "U")
    if kind.shape != z.shape:
        raise ValueError(f"expected (B,) redshifts and kinds, found {z.shape} and {kind.shape}")
    unknown = kind[~np.isin(kind, KINDS)]
    if unknown.size:
        expected = ", ".join(repr(name) for name in KINDS)
        raise ValueError(f"kind: expected one of {expected}, found {str(unknown[0])!r}")
    seen = np.ones((len(z), SIZE), "f4")
    bi, ai = np.zeros(len(z), "f4"), np.zeros(len(z), "f4")
    edges = np.full((len(z), 2, MOST_TROUGHS), -1, "f4")
    rows = np.flatnonzero(kind != "")
    low = kind[rows] != "BAL"
    depth, covered = _outflows(rng, len(rows), low)
    slow = _slow_part(rng, depth)
    for i, row in enumerate(rows):
        ions = _ions(rng, str(kind[row]))
        for name, (lines, strength, share) in ions.items():
            gas = depth[i] if name in _HIGH else slow[i]
            _absorb(seen[row], z[row], gas * strength, covered[i] * share, lines)
    velocity, flux = _civ(depth, covered)
    bi[rows], ai[rows] = balnicity_index(velocity, flux), absorption_index(velocity, flux)
    edges[rows] = trough_edges(velocity, flux)
    return seen, bi, ai, edges


def _index(velocity, flux, lowest, width):
    """Return the integral that both indices are, over what follows `width` of a trough."""
    velocity, flux = np.asarray(velocity, "f8"), np.asarray(flux, "f8")
    middle = 0.5 * (velocity[1:] + velocity[:-1])
    edges = np.concatenate([[velocity[0]], middle, [velocity[-1]]])
    edges = np.clip(edges, lowest, HIGHEST)
    excess = 1 - flux / 0.9  # (..., V)
    # Where the trough that a cell is in begins: at the last edge that is not within one.
    begins = np.maximum.accumulate(np.where(excess > 0, -np.inf, edges[1:]), axis=-1)
    begins = np.maximum(begins, edges[0])
    counted = np.clip(edges[1:] - np.maximum(begins + width, edges[:-1]), 0, None)
    return np.sum(np.where(excess > 0, excess, 0) * counted, axis=-1)


def _outflows(rng, n, low):
    """Return (n, V) optical depths of CIV's stronger line, and (n,) covered shares."""
    depth = np.zeros((n, _CELLS))
    count = rng.integers(1, _MOST + 1, n)
    count[rng.random(n) < 0.4] = 1
    strong = rng.random(n) < 0.65  # made with BI > 0
    for k in range(_MOST):
        main = (k == 0) & strong
        start, width, tau = _components(rng, n, main, low)
        shape = _edges(rng, start, width) * _slope(rng, start, width) * _ragged(rng, n)
        depth += np.where(k < count, tau, 0)[:, None] * shape
    covered = np.where(strong, rng.uniform(0.55, 1, n), rng.uniform(0.4, 1, n))
    return depth, covered


def _components(rng, n, main, low):
    """Return (n,) slow ends and widths in km/s and optical depths of one component each.

    The one that makes the balnicity index is beyond 3000 km/s and broad. Quasars with low ions
    have slower outflows, which reach down to zero.
    """
    width = np.clip(10 ** rng.normal(3.2, 0.3, n), 500, 8000)
    width = np.where(main, np.clip(10 ** rng.normal(3.65, 0.15, n), 3200, 8000), width)
    fastest = np.where(low & ~main, 12000, HIGHEST) - width
    start = rng.uniform(0, 1, n) ** 1.3 * np.maximum(fastest, 0)
    start = np.where(rng.random(n) < 0.2, np.maximum(rng.normal(200, 300, n), -100), start)
    start = np.where(main, rng.uniform(0, 1, n) ** 1.3 * (fastest - 3000) + 3000, start)
    tau = 10 ** np.where(main, rng.uniform(-0.1, 0.9, n), rng.uniform(-0.15, 0.8, n))
    return start, width, tau


def _edges(rng, start, width):
    """Return (n, V) boxes in velocity with soft edges, steeper or shallower."""
    soft = np.minimum(rng.uniform(40, 400, (2, len(start))), 0.12 * width)
    rise = (VELOCITY - start[:, None]) / soft[0][:, None]
    fall = (start[:, None] + width[:, None] - VELOCITY) / soft[1][:, None]
    return 0.25 * (1 + np.tanh(rise)) * (1 + np.tanh(fall))


def _slope(rng, start, width):
    """Return (n, V) factors that tilt a trough: deeper on one side, by up to three."""
    within = np.clip((VELOCITY - start[:, None]) / width[:, None] - 0.5, -0.5, 0.5)
    return np.exp(rng.uniform(-1.1, 1.1, len(start))[:, None] * within)


def _ragged(rng, n):
    """Return (n, V) positive smooth noise around 1, of one scale a row: 150 to 1500 km/s."""
    frequency = np.fft.rfftfreq(2 * _CELLS)
    scale = 10 ** rng.uniform(0.3, 1.3, n)  # cells
    smooth = np.exp(-2 * (np.pi * frequency * scale[:, None]) ** 2)
    noise = rng.standard_normal((n, 2 * _CELLS))
    noise = np.fft.irfft(np.fft.rfft(noise, axis=1) * smooth, axis=1)[:, :_CELLS]
    # A kernel of s cells leaves 1 / (2 sqrt(pi) s) of the variance.
    noise *= np.sqrt(2 * np.sqrt(np.pi) * scale)[:, None]
    return np.exp(rng.uniform(0, 0.4, n)[:, None] * noise)


def _slow_part(rng, depth):
    """Return (n, V) optical depths of the gas that holds low ions: the slower part of it all."""
    gas = np.cumsum(depth, axis=1)
    share = gas / np.maximum(gas[:, -1:], 1e-30)
    kept = rng.uniform(0.3, 1.0, (len(depth), 1))
    return depth / (1 + np.exp((share - kept) / 0.03))


def _ions(rng, kind):
    """Return ion -> (lines, optical depth and covered share against CIV), for a kind."""
    tables = {"BAL": [_HIGH], "LoBAL": [_HIGH, _LOW], "FeLoBAL": [_HIGH, _LOW, _IRON]}[kind]
    # Iron comes with thick gas, whose lines run into each other.
    more = rng.uniform(0.2, 0.8) if kind == "FeLoBAL" else 0.0
    ions = {}
    for table in tables:
        for name, (lines, mean, scatter) in table.items():
            offset, least = (0.0, 0.8) if table is _HIGH else (more, 0.5)
            share = 1.0 if name == "CIV" else rng.uniform(least, 1)
            ions[name] = lines, 10 ** rng.normal(mean + offset, scatter), share
    return ions


def _absorb(seen, z, depth, covered, lines):
    """Multiply the trough of one ion, given on `VELOCITY`, into a (W,) transmission."""
    tau, touched = np.zeros(SIZE), []
    for wave, strength in lines:
        centre = np.log(wave * (1 + z))
        low, high = np.searchsorted(_LOG_WAVE, centre - _LOG_SHIFT[[-1, 0]])
        at = centre - _LOG_WAVE[low:high]
        tau[low:high] += strength * np.interp(at, _LOG_SHIFT, depth)
        touched += [low, high]
    part = slice(min(touched), max(touched))
    seen[part] *= (1 + covered * np.expm1(-tau[part])).astype("f4")


def _civ(depth, covered):
    """Return velocities (V,) and the transmissions (n, V) of CIV troughs, counted from `CIV`."""
    lines = _HIGH["CIV"][0]
    tau = np.zeros((len(depth), _CELLS))
    for wave, strength in lines:
        # Seen from CIV, the bluer line is further out.
        at = _LOG_SHIFT - np.log(CIV / wave)
        for row, gas in zip(tau, depth, strict=True):
            row += strength * np.interp(at, _LOG_SHIFT, gas)
    return VELOCITY, 1 + covered[:, None] * np.expm1(-tau)

"""Voigt profiles: atomic lines, their optical depth, and how they are pressed into spectra."""

from types import MappingProxyType

import numpy as np

from .grid import C_KMS, CELL_KMS, SIZE, STEP
from .shift import cell_of

LYMAN_LIMIT = 911.7534
"""Wavelength of the ionisation edge of neutral hydrogen, A."""

CROSS_SECTION = 6.30e-18
"""Cross-section of neutral hydrogen at the edge, cm^2."""

SERIES = 16
"""Highest upper level of the Lyman lines that are made one by one."""

# sqrt(pi) e^2 / (m_e c), for a wavelength in A and a velocity in km/s.
_DEPTH = 1.49736e-15

# Wings are cut where their optical depth is this, and lines that are no deeper left out.
_NEGLIGIBLE, _WEAKEST = 1e-3, 1e-2

# Samples a cell in narrow lines, which may be narrower than a cell.
_OVERSAMPLING = 3

# Half-width in cells up to which a line counts as narrow.
_NARROW = 32

# Lyman lines have names up to the sixth; radiative widths (s^-1) are those of the upper levels.
_GREEK = ("a", "b", "g", "d", "e", "z")
_WIDTHS = (6.265e8, 1.897e8, 8.127e7, 4.204e7, 2.450e7)

# Ion -> (rest wavelength in A, vacuum; oscillator strength): Morton (2003).
_METALS = {
    "CII": ((1334.5323, 0.1278),),
    "OI": ((1302.1685, 0.0480),),
    "MgI": ((2852.9631, 1.83),),
    "MgII": ((2796.3543, 0.6155), (2803.5315, 0.3058)),
    "AlII": ((1670.7886, 1.74),),
    "AlIII": ((1854.7184, 0.559), (1862.7910, 0.278)),
    "SiII": (
        (1190.4158, 0.292),
        (1193.2897, 0.582),
        (1260.4221, 1.18),
        (1304.3702, 0.0863),
        (1526.7070, 0.133),
        (1808.0129, 0.00208),
    ),
    "SiIII": ((1206.5000, 1.63),),
    "SiIV": ((1393.7602, 0.513), (1402.7729, 0.254)),
    "FeII": (
        (1608.4508, 0.0577),
        (2344.2130, 0.114),
        (2374.4604, 0.0313),
        (2382.7642, 0.320),
        (2586.6496, 0.0691),
        (2600.1725, 0.239),
    ),
    "CIV": ((1548.204, 0.1899), (1550.781, 0.09475)),
    "NV": ((1238.821, 0.156), (1242.804, 0.0777)),
    "OVI": ((1031.9261, 0.1325), (1037.6167, 0.0658)),
}


def voigt_tau(wave, z, log_nhi, b=30.0, line="Lya"):
    """Return the optical depth of one line, a Voigt profile.

    Parameters
    ----------
    wave : array_like
        Observed wavelengths, A (vacuum).
    z : float or array_like
        Redshift of the absorber; anything that broadcasts with `wave`.
    log_nhi : float or array_like
        log10 of the column density of the ion, cm^-2.
    b : float or array_like
        Doppler parameter, km/s.
    line : str
        One of `LINES`: ``Lya`` to ``Lyz``, ``Ly8`` to ``Ly16``, or a metal line as ``SiII 1260``
        (those without damping wings: they do not matter at the columns of metals).

    Returns
    -------
    numpy.ndarray
        float64 optical depths, of the broadcast shape.

    Raises
    ------
    ValueError
        If there is no such line, or b is not above 0.

    Examples
    --------
    >>> float(voigt_tau(1215.6701 * 3.5, z=2.5, log_nhi=14.0).round(3))
    2.525
    >>> voigt_tau(4000.0, z=2.5, log_nhi=14.0, line="Lyq")
    Traceback (most recent call last):
        ...
    ValueError: line: expected one of Lya, Lyb, Lyg, Lyd, Lye, Lyz, Ly8, ..., found 'Lyq'
    """
    if line not in LINES:
        raise ValueError(f"line: expected one of {', '.join([*LINES][:7])}, ..., found {line!r}")
    if not np.all(np.asarray(b) > 0):
        raise ValueError(f"b: expected Doppler parameters above 0 km/s, found {b}")
    rest, strength, gamma = LINES[line]
    wave, z, log_nhi, b = (np.asarray(value, "f8") for value in (wave, z, log_nhi, b))
    u = C_KMS / b * (rest * (1 + z) / wave - 1)
    return central_depth(log_nhi, rest, strength, b) * profile(u, damping(rest, gamma, b))


def central_depth(log_n, rest, strength, b):
    """Return the optical depth at the centre of lines without damping.

    Parameters
    ----------
    log_n : array_like
        log10 of the column density, cm^-2.
    rest, strength : array_like
        Rest wavelength, A, and oscillator strength.
    b : array_like
        Doppler parameter, km/s.

    Returns
    -------
    numpy.ndarray
        float64, of the broadcast shape.
    """
    return _DEPTH * 10.0 ** np.asarray(log_n, "f8") * strength * rest / b


def damping(rest, gamma, b):
    """Return the ratio of the Lorentzian to the Doppler width, the ``a`` of Voigt profiles.

    Parameters
    ----------
    rest, gamma : array_like
        Rest wavelength, A, and radiative width, s^-1.
    b : array_like
        Doppler parameter, km/s.

    Returns
    -------
    numpy.ndarray
        float64, of the broadcast shape.
    """
    return 1e-13 * np.asarray(gamma, "f8") * rest / (4 * np.pi * b)


def profile(u, a):
    """Return the Voigt function H(a, u), 1 at the centre of a line without damping.

    Parameters
    ----------
    u : array_like
        Distance from the centre in Doppler widths.
    a : array_like
        Damping, see `damping`. 0 gives a Gaussian.

    Returns
    -------
    numpy.ndarray
        Of the broadcast shape, in the precision of `u`.
    """
    if not np.any(a):
        return np.exp(-np.square(u))
    from scipy.special import wofz

    return wofz(u + 1j * np.asarray(a)).real


def limit_tau(wave, z, log_nhi):
    """Return the optical depth of photoionisation from the ground state of hydrogen.

    Parameters
    ----------
    wave : array_like
        Observed wavelengths, A.
    z : float or array_like
        Redshift of the absorber.
    log_nhi : float or array_like
        log10 of its column density of neutral hydrogen, cm^-2.

    Returns
    -------
    numpy.ndarray
        float64, of the broadcast shape. It falls with the cube of the frequency, and begins
        where the Lyman lines above `SERIES` would be: oscillator strength per frequency goes on
        smoothly over the edge, so there the unresolved lines look the same.
    """
    ratio = np.asarray(wave, "f8") / (LYMAN_LIMIT * (1 + np.asarray(z, "f8")))
    tau = CROSS_SECTION * 10.0 ** np.asarray(log_nhi, "f8") * ratio**3
    return np.where(ratio < limit_edge(), tau, 0.0)


def limit_edge():
    """Return where `limit_tau` begins, in units of the Lyman limit.

    Returns
    -------
    float
    """
    return 1 / (1 - 1 / (SERIES + 0.5) ** 2)


def imprint(transmission, row, wave, tau, b, a=0.0):
    """Multiply absorption lines into transmissions, touching only the cells that they reach.

    Parameters
    ----------
    transmission : numpy.ndarray
        (B, W) on `grid.WAVE`; changed in place.
    row : array_like
        (M,) int row of each line.
    wave : array_like
        (M,) observed wavelength of its centre, A. It may be off the grid.
    tau, b, a : array_like
        (M,) optical depth as of `central_depth`, Doppler parameter in km/s, damping as of
        `damping`. Lines of a central depth below 0.01 are left out, wings are cut at 0.001.
    """
    row, wave, tau, b, a = np.broadcast_arrays(row, wave, tau, b, a)
    near = np.rint(cell_of(wave) - 0.5).astype(int)
    core, wings = _reach(tau, b, a)
    # Where the wings do not come out of the core, a Gaussian is as good, and quicker.
    damped = wings > core
    half = np.maximum(core, wings)
    seen = (tau > _WEAKEST) & (near + half >= 0) & (near - half < SIZE)
    # Sizes by powers of two: a few shapes, each of them one array operation.
    size = 2 ** np.ceil(np.log2(np.maximum(half, 4))).astype(int)
    a = np.where(damped, a, 0)
    for kind in (False, True):
        for cells in np.unique(size[seen & (damped == kind)]):
            chosen = np.flatnonzero(seen & (damped == kind) & (size == cells))
            values = (part[chosen] for part in (row, near, wave, tau, b, a))
            _imprint_alike(transmission, min(int(cells), SIZE), *values)


def _imprint_alike(transmission, half, row, near, wave, tau, b, a):
    """Multiply (M,) lines of one half-width, in cells, into the transmissions."""
    samples = _OVERSAMPLING if half <= _NARROW else 1
    within = (np.arange(samples) + 0.5) / samples - 0.5
    offset = within[:, None] + np.arange(-half, half + 1)  # (S, cells) from the nearest middle
    from_centre = near + 0.5 - cell_of(wave)
    from_centre, tau, b, a = (value[:, None, None] for value in (from_centre, tau, b, a))
    shift = STEP * np.log(10) * (from_centre + offset)  # ln of wavelength over line, (M, S, cells)
    if a.any():
        u = C_KMS / b * np.expm1(-shift)
    else:  # only wings need the exact formula, and float64
        u, tau = (C_KMS / b * shift).astype("f4"), tau.astype("f4")
    seen = np.exp(-tau * profile(u, a)).mean(axis=1, dtype="f4")  # (M, cells)
    first, last = np.maximum(near - half, 0), np.minimum(near + half + 1, SIZE)
    skipped = first - (near - half)
    for line, i, j, k, values in zip(row, first, last, skipped, seen, strict=True):
        transmission[line, i:j] *= values[k : k + j - i]


def _reach(tau, b, a):
    """Return the cells on either side of the centre where core and wings are not negligible."""
    ratio = np.maximum(tau / _NEGLIGIBLE, 1)
    cells = np.array([np.sqrt(np.log(ratio)), np.sqrt(ratio * a / np.sqrt(np.pi))]) * b / CELL_KMS
    return np.minimum(np.ceil(cells) + 1, SIZE).astype(int)


def _hydrogen(level):
    """Return wavelength, oscillator strength and width of the Lyman line from level n.

    The strengths are the exact ones of hydrogen; the widths beyond Lyman-epsilon count only the
    decay to the ground state, five sixths of all.
    """
    n = float(level)
    wave = LYMAN_LIMIT / (1 - n**-2)
    strength = 2**8 * n**5 * (n - 1) ** (2 * n - 4) / (3 * (n + 1) ** (2 * n + 4))
    decay = 6.67025e15 / wave**2 * strength / 3
    return wave, strength, _WIDTHS[level - 2] if level - 2 < len(_WIDTHS) else decay


def _name(level):
    return "Ly" + (_GREEK[level - 2] if level - 2 < len(_GREEK) else str(level))


LYMAN = tuple(_name(level) for level in range(2, SERIES + 1))
"""Names of the Lyman lines, from the strongest."""

METALS = MappingProxyType(
    {f"{ion} {int(rest)}": (ion, rest, f) for ion, lines in _METALS.items() for rest, f in lines}
)
"""Name -> (ion, rest wavelength in A, oscillator strength) of the metal lines."""

LINES = MappingProxyType(
    {
        **{_name(level): _hydrogen(level) for level in range(2, SERIES + 1)},
        **{name: (rest, f, 0.0) for name, (_, rest, f) in METALS.items()},
    }
)
"""Name -> (rest wavelength in A, oscillator strength, radiative width in s^-1)."""

"""DESI's spectrographs in formulae: traces and point-spread functions of the three arms."""

import numpy as np

from .optics import BUNDLE

FIBERS = 500
"""Fibres of a spectrograph."""

SHAPES = {"b": (4096, 4096), "r": (4128, 4114), "z": (4128, 4114)}
"""Arm -> (Y, X) of its CCD."""

WAVES = {"b": (3600.0, 5930.0), "r": (5600.0, 7720.0), "z": (7470.0, 9824.0)}
"""Arm -> wavelengths in A between its first row and its last."""

# Pixels between fibres of a bundle, and between bundles, as in r0.
_PITCH, _GAP = 7.31, 17.7

# Pixels by which the middle of the fibres is off that of the CCD, in r0.
_OFF = -25.0

# Traces of r0: Legendre coefficients of x, over the place across the CCD; rows below the CCD at
# which the polynomials begin, rows that they go on beyond it; coefficients of y, of second and
# third order; rows by which the outermost fibres are ahead.
_X = (0.0, 6.0, 3.0, 0.0, -1.8)
_BELOW, _ABOVE, _Y = 100.0, 196.0, (60.0, 7.0)
_SMILE = 118.0

# Widths along x and y in pixels (means, and Legendre coefficients); r0's, with b and z near them.
_SIGMA = {
    "b": ((1.04, 0.02, -0.05), (1.08, 0.05, 0.02)),
    "r": ((1.06, 0.0, -0.06), (1.13, 0.09, 0.0)),
    "z": ((1.12, 0.02, -0.04), (1.20, 0.06, 0.02)),
}

# Gauss-Hermite coefficients that r0 has in common over its CCD.
_CORE = {
    **{(0, 0): 1.0, (2, 0): -0.005, (0, 2): 0.025, (2, 2): -0.012, (0, 3): -0.01},
    **{(4, 0): 0.0, (0, 4): 0.008, (2, 4): 0.013, (4, 2): 0.012, (6, 0): 0.005, (0, 6): 0.006},
}

# Shear that grows across the CCD, of opposite signs at its sides.
_SHEAR = 0.08

# Height of the tails: in r0's files they are 0; with these some 1, 1 and 2 % of the light.
_TAILS = {"b": 4e-4, "r": 4e-4, "z": 9e-4}


def parametric_psf(arm):
    """Return traces and point-spread function of an arm.

    Parameters
    ----------
    arm : str
        ``b``, ``r`` or ``z``.

    Returns
    -------
    dict
        As `desinn.io.psf.read_psf` returns it: 500 traces in 20 bundles of 25.

    Raises
    ------
    ValueError
        If there is no such arm.
    """
    if arm not in SHAPES:
        raise ValueError(f"arm: expected one of {', '.join(SHAPES)}, found {arm!r}")
    number = np.arange(FIBERS)
    across = (number - 249.5) / 249.5
    height, width = SHAPES[arm]
    low, high = WAVES[arm]
    step = (high - low) / height
    limits = (low - _BELOW * step, high + _ABOVE * step)
    return {
        "camera": f"{arm}0",
        "shape": SHAPES[arm],
        "trace_range": limits,
        "range": limits,
        "x": _x(number, across, width),
        "y": _y(across, height),
        "params": _params(arm, across),
    }


def _x(number, across, width):
    places = number * _PITCH + number // BUNDLE * (_GAP - _PITCH)
    x = across[:, None] * np.array(_X)  # (F, K)
    middle = x @ [1, 0, -0.5, 0, 0.375]  # Legendre polynomials at 0
    x[:, 0] += places - places.mean() + (width - 1) / 2 + _OFF - middle
    return x


def _y(across, height):
    y = np.zeros((len(across), 4))
    half = (height + _BELOW + _ABOVE) / 2
    y[:, 0] = half - _BELOW - _SMILE / 3 + _SMILE * across**2
    y[:, 1] = half + 20 * across**2 - _Y[1]
    y[:, 2:] = _Y
    y[:, 0] -= _Y[0]
    return y


def _params(arm, across):
    one = np.ones((len(across), 1))
    params = {f"GHSIG{axis}": one * value for axis, value in zip("XY", _SIGMA[arm], strict=True)}
    params |= {f"GH-{i}-{j}": one * value for (i, j), value in _CORE.items()}
    params["GH-1-1"] = _SHEAR * across[:, None] * np.array([1.0, 0.3])
    tails = {"AMP": _TAILS[arm], "CORE": 1.0, "XSCA": 1.0, "YSCA": 1.0, "INDE": 2.0}
    return params | {f"TAIL{name}": one * value for name, value in tails.items()}

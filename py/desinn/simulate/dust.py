"""Dust: how much light of each wavelength is left."""

import numpy as np

GALACTIC_RV = 3.1
SMC_RV = 2.93

_IR_A, _IR_B, _IR_POWER = 0.574, -0.527, 1.61
_OPTICAL_A = (1, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999)
_OPTICAL_B = (0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002)
_FAR_A, _FAR_B = (-1.073, -0.628, 0.137, -0.070), (13.670, 4.257, -0.420, 0.374)
_GALACTIC_RANGE = 0.3, 10.0  # 1 / um

_SMC_TERMS = (  # amplitude, wavelength (um), shape, power: Pei (1992), table 4
    (185, 0.042, 90, 2),
    (27, 0.08, 5.50, 4),
    (0.005, 0.22, -1.95, 2),
    (0.010, 9.7, -1.95, 2),
    (0.012, 18, -1.80, 2),
    (0.030, 25, 0, 2),
)
_TABLE_STEP = 5e-4  # log10 of the wavelength: below any structure of the curves


def galactic(wave):
    """Return the extinction curve of the Milky Way: Cardelli, Clayton & Mathis (1989), R_V 3.1.

    Parameters
    ----------
    wave : array_like
        Wavelength, A; beyond 1000 A and 3.3 um the curve goes on with its last value.

    Returns
    -------
    numpy.ndarray
        float64 A(lambda) / E(B-V), of the shape of `wave`.
    """
    x = np.clip(1e4 / np.asarray(wave, "f8"), *_GALACTIC_RANGE)  # 1 / um
    infrared = x**_IR_POWER
    y = np.clip(x, 1.1, 3.3) - 1.82
    optical = _polynomial(_OPTICAL_A, y), _polynomial(_OPTICAL_B, y)
    ranges = [x < 1.1, x <= 3.3]
    a = np.select(ranges, [_IR_A * infrared, optical[0]], _ultraviolet(x, 0))
    b = np.select(ranges, [_IR_B * infrared, optical[1]], _ultraviolet(x, 1))
    return GALACTIC_RV * a + b


def smc(wave):
    """Return the extinction curve of the Small Magellanic Cloud: the fit of Pei (1992).

    It rises steeply to the ultraviolet, without a bump at 2175 A, as the dust of most quasars.

    Parameters
    ----------
    wave : array_like
        Wavelength, A.

    Returns
    -------
    numpy.ndarray
        float64 A(lambda) / E(B-V), of the shape of `wave`.
    """
    wave = np.asarray(wave, "f8") / 1e4  # um
    curve = np.zeros_like(wave)  # A(lambda) / A(B)
    for amplitude, centre, shape, power in _SMC_TERMS:
        ratio = (wave / centre) ** power
        curve += amplitude / (ratio + 1 / ratio + shape)
    return (SMC_RV + 1) * curve


def transmission(wave, ebv, law=galactic):
    """Return what dust leaves of the light.

    Parameters
    ----------
    wave : array_like
        (W,) or (B, W) wavelengths where the dust is, A.
    ebv : array_like
        (B,) E(B-V), mag.
    law : callable
        Extinction curve: `galactic` or `smc`.

    Returns
    -------
    numpy.ndarray
        (B, W) float32, at most 1.

    Examples
    --------
    >>> transmission([4400, 5500], [0, 0.1]).round(3)
    array([[1.   , 1.   ],
           [0.685, 0.752]], dtype=float32)
    """
    wave, ebv = np.asarray(wave, "f8"), np.asarray(ebv, "f4")
    curve = law(wave) if wave.ndim == 1 else _looked_up(wave, law)
    return np.exp(np.float32(-0.4 * np.log(10)) * ebv[:, None] * curve.astype("f4"))


def _looked_up(wave, law):
    """Return the curve at many wavelengths out of a fine table, which costs a tenth."""
    low, high = np.log10([wave.min(), wave.max()])
    table = np.arange(low, high + 2 * _TABLE_STEP, _TABLE_STEP)
    return np.interp(wave, 10**table, law(10**table))


def _ultraviolet(x, which):
    """Return a or b of Cardelli et al. beyond 3.3 / um; which: 0 for a, 1 for b."""
    fall = np.clip(x - 5.9, 0, None)
    if which == 0:
        near = 1.752 - 0.316 * x - 0.104 / ((x - 4.67) ** 2 + 0.341)
        near += fall**2 * (-0.04473 - 0.009779 * fall)
        far = _FAR_A
    else:
        near = -3.090 + 1.825 * x + 1.206 / ((x - 4.62) ** 2 + 0.263)
        near += fall**2 * (0.2130 + 0.1207 * fall)
        far = _FAR_B
    return np.where(x < 8, near, _polynomial(far, x - 8))


def _polynomial(coefficients, x):
    return np.polynomial.polynomial.polyval(x, coefficients)

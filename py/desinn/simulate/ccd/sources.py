"""What is before the fibres: sky, lamps, galaxies, quasars and stars; electrons per A."""

import numpy as np

from .. import sky
from ..grid import C_KMS
from .light import dispersion, make_lines

# Electrons per second and A of a fibre's dark sky between its lines: 22.3 to 20 mag per square
# arcsecond through 1.8 of them, 9 square metres and some 20 to 35 % of the light.
_SKY = (
    *((3600, 0.008), (4000, 0.02), (5000, 0.05), (6000, 0.1), (7000, 0.12), (8000, 0.16)),
    *((9000, 0.2), (9500, 0.17), (9824, 0.1)),
)

# Mercury and nitrogen, of which `sky.LINES` has none: wavelength, strength as there.
_BLUE_SKY = np.array([(3915, 0.2), (4047.7, 0.1), (4359.6, 0.3), (5200.5, 0.4), (5462.3, 0.4)])

_SKY_AREA = 2.0  # A; the electrons in a line of strength 1, over those of the continuum per A

# `sky.LINES` follow from noise, of which the read noise hides the more, the darker the sky is:
# factors that bring [OI], NaI and OH to their usual 250, 50, 100 ... rayleighs.
_HIDDEN = ((5500, 5.0), (5900, 3.0), (6300, 2.2), (7300, 1.5), (8000, 1.0))

# Which part of the light is recorded, over that in the red.
_RESPONSE = (
    *((3600, 0.25), (4000, 0.5), (5000, 0.75), (6500, 1.0), (8000, 1.0), (9000, 0.9)),
    *((9600, 0.6), (9824, 0.45)),
)

# Emission lines of galaxies: vacuum wavelength (A), strength relative to the group's.
EMISSION = np.array(
    [
        *((3727.09, 0.7), (3729.88, 1.0), (3869.9, 0.15), (4341.7, 0.25), (4862.68, 0.5)),
        *((4960.3, 0.3), (5008.24, 0.9), (5877.3, 0.06), (6302.0, 0.1), (6549.9, 0.15)),
        *((6564.6, 1.5), (6585.3, 0.45), (6718.3, 0.3), (6732.7, 0.25)),
    ]
)

# Absorption lines: wavelength (A), depth relative to the deepest.
_STELLAR = np.array(
    [
        *((3836.5, 0.8), (3890.2, 0.9), (3934.8, 0.9), (3969.6, 1.0), (4102.9, 1.0)),
        *((4227.9, 0.3), (4305.6, 0.5), (4341.7, 1.0), (4862.7, 1.0), (5176.6, 0.5)),
        *((5270.9, 0.3), (5895.6, 0.4), (6564.6, 0.9), (8500.4, 0.3), (8544.4, 0.5)),
        *((8664.5, 0.4),),
    ]
)

# Broad lines of quasars: wavelength (A), height over the continuum.
_BROAD = np.array(
    [
        (1215.7, 3),
        (1549, 1.2),
        (1908.7, 0.7),
        (2799, 0.7),
        (4341.7, 0.3),
        (4862.7, 0.8),
        (6564.6, 3),
    ]
)

# Lines of arc lamps (Hg, Cd, Ar, Ne, Kr, Xe, Zn): vacuum wavelength in A, relative strength.
_LAMPS = """
3611.5 .2  3651.2 .5  3655.9 .2  3664.3 .2  4047.7 .5  4078.9 .03  4340.4 .05  4359.6 1
4679.5 .4  4723.5 .2  4801.3 .7  4811.9 .3  4917.4 .03  5087.2 1  5462.3 1  5571.8 .2
5771.2 .4  5792.3 .4  5854.1 .3  5872.5 .3  5883.5 .1  5946.5 .1  5977.2 .05  6031.7 .1
6076 .2  6097.9 .3  6144.8 .4  6165.3 .2  6218.9 .15  6268.2 .2  6306.5 .15  6336.2 .4
6384.8 .4  6404 .8  6440.2 .6  6508.3 .5  6534.7 .3  6600.8 .3  6680.1 .4  6718.9 .2
6931.4 .3  6967.4 .3  7034.4 .6  7069.2 .2  7149 .05  7175.9 .2  7247.2 .4  7274.9 .2
7386 .3  7440.9 .2  7490.9 .1  7505.9 .4  7516.7 .3  7603.6 .8  7637.2 .6  7687.4 .4
7696.7 .4  7725.9 .4  7856.9 .3  7950.4 .4  8008.4 .3  8017 .4  8061.7 .3  8106.6 .5
8115.1 1  8117.5 .8  8192.3 .4  8234 .2  8266.8 .3  8282.4 .3  8300.4 .5  8379.9 .2
8410.5 .3  8426.9 .4  8497.7 .2  8510.2 .4  8523.8 .3  8593.6 .1  8656.8 .2  8670.3 .1
8779.2 .4  8785.8 .2  8821.8 .3  8931.1 .3  8954.7 .3  9047.9 .2  9125.5 .5  9165 .2
9227 .2  9356.8 .1  9660.4 .2  9787.2 .2  9802.4 .2
"""
LAMPS = np.array(_LAMPS.split(), np.float64).reshape(-1, 2)
"""(N, 2) wavelength in A and relative strength of the lines of arc lamps."""

_SCREEN = ((3600, 0.1), (4500, 0.4), (6000, 0.8), (7500, 1.0), (9824, 0.8))  # the flat's lamp


def response(wave):
    """Return which part of the light is recorded, over that in the red.

    Parameters
    ----------
    wave : array_like
        Wavelengths in A.

    Returns
    -------
    numpy.ndarray
        float64, in the shape of `wave`; the air's absorption included.
    """
    return np.interp(wave, *np.transpose(_RESPONSE)) * sky.transmission(wave)


def sky_continuum(optics):
    """Return the light of a dark sky between its lines.

    Parameters
    ----------
    optics : desinn.simulate.ccd.optics.Optics

    Returns
    -------
    numpy.ndarray
        (F, Y) float64 electrons per second.
    """
    return np.interp(optics.wave, *np.transpose(_SKY)) * dispersion(optics)


def sky_lines(rng, optics):
    """Return the lines of a sky; their bands' strengths differ from one to the next.

    Parameters
    ----------
    rng : numpy.random.Generator
    optics : desinn.simulate.ccd.optics.Optics

    Returns
    -------
    numpy.ndarray
        (N,) of `desinn.simulate.ccd.light.LINE`: electrons per second.
    """
    wave, strength = np.concatenate([sky.LINES, _BLUE_SKY]).T
    rate = np.interp(wave, *np.transpose(_SKY)) * _SKY_AREA * strength
    rate *= np.interp(wave, *np.transpose(_HIDDEN))
    rate *= np.exp(rng.normal(0, 0.3) + rng.normal(0, 0.2, wave.size))
    rows = optics.rows_at(wave)  # (F, L)
    return make_lines(np.arange(len(rows))[:, None], rows, 0.0, rate)


def lamp_lines(rng, optics):
    """Return the lines of arc lamps, with many faint ones between those that are known.

    Parameters
    ----------
    rng : numpy.random.Generator
    optics : desinn.simulate.ccd.optics.Optics

    Returns
    -------
    numpy.ndarray
        (N,) of `desinn.simulate.ccd.light.LINE`: of the brightest 1.
    """
    faint = np.stack([rng.uniform(3600, 9824, 400), 10 ** rng.uniform(-4, -1.5, 400)], axis=1)
    wave, strength = np.concatenate([LAMPS, faint]).T
    strength = strength * 10 ** rng.normal(0, 0.3, strength.size)
    rows = optics.rows_at(wave)
    return make_lines(np.arange(len(rows))[:, None], rows, 0.0, strength)


def screen(optics):
    """Return the light of the lamp that illuminates the flat-field screen.

    Parameters
    ----------
    optics : desinn.simulate.ccd.optics.Optics

    Returns
    -------
    numpy.ndarray
        (F, Y) float64, at most 1.
    """
    return np.interp(optics.wave, *np.transpose(_SCREEN))


def redshifts(rng, n, wave):
    """Draw redshifts most of which have a strong line between two wavelengths.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    wave : tuple of float
        Lowest and highest, A.

    Returns
    -------
    numpy.ndarray
        (n,) float64 from 0.01 to 1.7.
    """
    strong = EMISSION[EMISSION[:, 1] >= 0.5, 0]
    aimed = rng.uniform(*wave, n) / rng.choice(strong, n) - 1
    use = (rng.random(n) < 0.7) & (aimed > 0.01) & (aimed < 1.7)
    return np.where(use, aimed, rng.uniform(0.01, 1.7, n))


def galaxies(rng, wave, z):
    """Draw continua of galaxies.

    Parameters
    ----------
    rng : numpy.random.Generator
    wave : numpy.ndarray
        (n, Y) A.
    z : numpy.ndarray
        (n,).

    Returns
    -------
    numpy.ndarray
        (n, Y) float64 of mean 1.
    """
    rest = wave / (1 + z[:, None])
    old = rng.random((len(z), 1))
    step = 1 - (0.2 + 0.5 * old) * (rest < 4000) * np.clip((4000 - rest) / 100, 0, 1)
    flux = (rest / 5000) ** (2.5 * old - 1.5) * step
    depth = rng.uniform(0, 0.5, len(z)) * old[:, 0]
    return _scaled(flux * _absorbed(rest, depth, rng.uniform(200, 400, len(z))))


def quasars(rng, wave):
    """Draw continua of quasars with their broad lines.

    Parameters
    ----------
    rng : numpy.random.Generator
    wave : numpy.ndarray
        (n, Y) A.

    Returns
    -------
    numpy.ndarray
        (n, Y) float64 of mean 1.
    """
    n = len(wave)
    rest = wave / (1 + rng.uniform(0.3, 3.5, (n, 1)))
    flux = (rest / 3000) ** rng.normal(-0.6, 0.4, (n, 1))
    for line, height in _BROAD:
        sigma = line * rng.uniform(1000, 4000, (n, 1)) / C_KMS
        strength = height * rng.lognormal(0, 0.4, (n, 1))
        flux *= 1 + strength * np.exp(-0.5 * ((rest - line) / sigma) ** 2)
    return _scaled(flux * np.where(rest < 1215.7, 0.7, 1))


def stars(rng, wave):
    """Draw spectra of stars.

    Parameters
    ----------
    rng : numpy.random.Generator
    wave : numpy.ndarray
        (n, Y) A.

    Returns
    -------
    numpy.ndarray
        (n, Y) float64 of mean 1.
    """
    n = len(wave)
    flux = (wave / 6000) ** rng.uniform(-3, 4, (n, 1))
    return _scaled(flux * _absorbed(wave, rng.uniform(0, 0.7, n), rng.uniform(50, 700, n)))


def _absorbed(rest, depth, width):
    """Return the transmission of stars' lines, (n, Y)."""
    left = np.ones_like(rest)
    for line, share in _STELLAR:
        sigma = line * width[:, None] / C_KMS
        left *= 1 - share * depth[:, None] * np.exp(-0.5 * ((rest - line) / sigma) ** 2)
    return left


def _scaled(flux):
    return flux / flux.mean(axis=1, keepdims=True)


def emission_lines(rng, optics, fibers, z, electrons):
    """Draw the narrow emission lines of galaxies.

    Parameters
    ----------
    rng : numpy.random.Generator
    optics : desinn.simulate.ccd.optics.Optics
    fibers : numpy.ndarray
        (n,) places among the optics' fibres.
    z, electrons : numpy.ndarray
        (n,) redshift, and electrons in a line of strength 1.

    Returns
    -------
    numpy.ndarray
        (N,) of `desinn.simulate.ccd.light.LINE`.
    """
    wave = EMISSION[:, 0] * (1 + z[:, None])  # (n, L)
    rows = [
        np.interp(w, optics.wave[f], np.arange(optics.shape[0]), left=np.nan, right=np.nan)
        for f, w in zip(fibers, wave, strict=True)
    ]
    rows = np.array(rows).reshape(wave.shape)
    light = electrons[:, None] * EMISSION[:, 1] * 10 ** rng.normal(0, 0.25, wave.shape)
    light *= response(wave)
    step = dispersion(optics).mean() if len(optics.x) else 1.0
    sigma = wave * 10 ** rng.normal(1.8, 0.25, (len(z), 1)) / C_KMS / step  # some 60 km/s
    return make_lines(fibers[:, None], rows, sigma, light)

"""The light of each kind of exposure: science, twilight, arc, flat, dark, bias."""

import numpy as np

from . import sources
from .light import LINE, Light, add_lines, dispersion, make_lines, no_light, resampled

# Shares of fibres that are broken, and deviation of how much light one lets through.
_BROKEN, _UNEVEN = 0.01, 0.05

# Shares of the targets; of the galaxies, those with emission lines.
_TARGETS = {"galaxy": 0.6, "quasar": 0.15, "star": 0.25}
_EMITTING = 0.6

# Scatter of the brightness of objects and of their lines (ln); range of standard stars,
# electrons per second and A: some mag 18 to 15.5.
_SCATTER = 1.0
_STANDARD = (0.8, 8.0)

# Electrons per second and A of a fibre for 1e-17 erg/s/cm2/A/arcsec2 at 8000 A, the unit in
# which lists of sky lines come: 1.8 arcsec2, 9 m2, a third of the light.
_SKY_UNIT = 0.2

_TWILIGHT_LINES = 300  # absorption lines of the sun that `sources.stars` does not have

# Lines in a lamp's spectrum: highest within so many A, so many times the median around, with
# the light so far to either side.
_ALONE, _CONTRAST, _SIDE = 2.0, 20.0, 1.5


def make_light(rng, kind, optics, seconds, settings, sky=None, lamps=None):
    """Draw the light of an exposure.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        Of `desinn.simulate.ccd.settings.KINDS`.
    optics : desinn.simulate.ccd.optics.Optics
    seconds : float
        Exposure time.
    settings : desinn.simulate.ccd.settings.CcdSettings
    sky : tuple of numpy.ndarray, optional
        Wavelengths (evenly spaced, A) and lines of the sky, 1e-17 erg/s/cm2/A/arcsec2; instead
        of the list in `desinn.simulate.sky`.
    lamps : tuple of numpy.ndarray, optional
        Wavelengths and light of arc lamps per A, in any unit; instead of `sources.LAMPS`.

    Returns
    -------
    desinn.simulate.ccd.light.Light
    """
    if kind in ("dark", "bias") or not len(optics.x):
        return no_light(optics)
    through = np.maximum(rng.normal(1, _UNEVEN, len(optics.x)), 0)
    through[rng.random(through.size) < _BROKEN] = 0
    if kind == "science":
        light = _science(rng, optics, seconds, settings, sky)
    elif kind == "arc":
        light = _arc(rng, optics, settings, lamps)
    else:
        light = _even(rng, optics, settings, kind == "twilight")
    light.lines["ELECTRONS"] *= through[light.lines["FIBER"]]
    return Light((light.electrons * through[:, None]).astype(np.float32), light.lines)


def loguniform(rng, limits, size=None):
    """Draw numbers that are even in the logarithm.

    Parameters
    ----------
    rng : numpy.random.Generator
    limits : tuple of float
        Lowest and highest; where the lowest is 0, that is what comes.
    size : int, optional

    Returns
    -------
    float or numpy.ndarray
    """
    low, high = limits
    share = rng.random(size)
    return low * (high / low) ** share if low > 0 else low * share


def _science(rng, optics, seconds, settings, sky):
    bright = loguniform(rng, settings.sky)
    electrons = (bright * seconds * sources.sky_continuum(optics)).astype(np.float32)
    if sky is None:
        lines = sources.sky_lines(rng, optics)
        lines["ELECTRONS"] *= seconds
        add_lines(electrons, lines)
    else:
        wave, density = sky
        rate = _SKY_UNIT * np.asarray(wave) / 8000 * sources.response(wave)
        density = seconds * rate * density
        electrons += resampled(optics, wave, density).astype(np.float32)
    continua, lines = _objects(rng, optics, settings)
    electrons += (seconds * continua).astype(np.float32)
    lines["ELECTRONS"] *= seconds
    add_lines(electrons, lines)
    return Light(electrons, lines)


def _objects(rng, optics, settings):
    """Return continua (F, Y) and lines of the objects, electrons per second."""
    n = len(optics.x)
    sky, standard = (rng.uniform(*part) for part in (settings.sky_fibers, settings.standards))
    shares = np.array([sky, standard, *((1 - sky - standard) * np.array([*_TARGETS.values()]))])
    kinds = rng.choice(["sky", "standard", *_TARGETS], n, p=shares)
    level = loguniform(rng, settings.objects) * rng.lognormal(0, _SCATTER, n)
    level[kinds == "sky"] = 0
    level[kinds == "standard"] = loguniform(rng, _STANDARD, (kinds == "standard").sum())
    limits = optics.wave.min(), optics.wave.max()
    z = sources.redshifts(rng, n, limits)
    shape = np.zeros_like(optics.wave)
    for kind in ("galaxy", "quasar", "star", "standard"):
        rows = np.flatnonzero(kinds == kind)
        if rows.size:
            shape[rows] = _shape(rng, kind, optics.wave[rows], z[rows])
    continua = level[:, None] * shape * sources.response(optics.wave) * dispersion(optics)
    emitting = np.flatnonzero((kinds == "galaxy") & (rng.random(n) < _EMITTING))
    strength = loguniform(rng, settings.lines) * rng.lognormal(0, _SCATTER, emitting.size)
    return continua, sources.emission_lines(rng, optics, emitting, z[emitting], strength)


def _shape(rng, kind, wave, z):
    if kind == "galaxy":
        return sources.galaxies(rng, wave, z)
    return sources.quasars(rng, wave) if kind == "quasar" else sources.stars(rng, wave)


def _arc(rng, optics, settings, lamps):
    brightest = loguniform(rng, settings.lamp)
    electrons = np.full(optics.x.shape, 1e-4 * brightest * rng.random(), np.float32)
    if lamps is None:
        lines = sources.lamp_lines(rng, optics)
        lines["ELECTRONS"] *= brightest
        add_lines(electrons, lines)
        return Light(electrons, lines)
    wave, density = (np.asarray(part, np.float64) for part in lamps)
    peaks, strength = lamp_peaks(wave, density)
    unit = brightest / max(strength.max(initial=0), 1e-30)
    electrons += (unit * resampled(optics, wave, density)).astype(np.float32)
    rows = optics.rows_at(peaks)
    fibers = np.arange(len(rows))[:, None]
    return Light(electrons, make_lines(fibers, rows, 0.0, unit * strength))


def lamp_peaks(wave, density):
    """Find the lines in a lamp's spectrum.

    Parameters
    ----------
    wave : numpy.ndarray
        (W,) A, evenly spaced.
    density : numpy.ndarray
        (W,) light per A.

    Returns
    -------
    wave : numpy.ndarray
        (L,) of the lines, A.
    strength : numpy.ndarray
        (L,) their light.
    """
    from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

    step = wave[1] - wave[0]
    alone = 2 * round(_ALONE / step) + 1
    around = median_filter(density, 10 * alone, mode="nearest")
    peak = density == maximum_filter1d(density, alone)
    peak &= (density > _CONTRAST * around) & (density > 0)
    near = 2 * round(_SIDE / step) + 1
    light = near * step * uniform_filter1d(density, near, mode="constant")
    return wave[peak], light[peak]


def _even(rng, optics, settings, twilight):
    """Return light that is smooth, or that of the sun."""
    level = loguniform(rng, settings.screen) * sources.screen(optics)
    if twilight:
        sun = sources.stars(rng, optics.wave[:1])[0] * _sun(rng, optics.wave[0])
        level *= [np.interp(wave, optics.wave[0], sun) for wave in optics.wave]  # (F, Y)
    return Light(level.astype(np.float32), np.zeros(0, LINE))


def _sun(rng, wave):
    """Return what the sun's many lines leave, (Y,)."""
    left = np.ones_like(wave)
    where = rng.uniform(3600, 9824, _TWILIGHT_LINES)
    depth = rng.uniform(0, 0.6, _TWILIGHT_LINES) * (4000 / where) ** 2
    for line, share in zip(where, depth, strict=True):
        left *= 1 - share * np.exp(-0.5 * ((wave - line) / rng.uniform(0.3, 1.5)) ** 2)
    return left

"""What a CCD makes of light and of cosmic rays: gains, noise, defects, trails, its mask."""

from dataclasses import dataclass

import numpy as np

from .kinds import loguniform

# Bits of the mask, as DESI's pipeline has them (desispec.maskbits, ccdmask).
BAD, HOT, DEAD, SATURATED, COSMIC = 1, 2, 4, 8, 16

_WHOLE = 4096  # columns of a CCD, for which numbers of bad ones hold

# Electrons in 1000 s: the mean of hot pixels and columns, which decay exponentially; and the
# deviation of the noise that bad columns have, over the read noise.
_HOT, _BAD_NOISE = 2000.0, 10.0

_CTE_LENGTH = (2.0, 8.0)  # pixels
_TRAIL_LENGTH = (5.0, 15.0)  # pixels

_SMOOTH = 32  # pixels of a bin of the scattered light
_SCATTER = 8.0  # bins over which it spreads (sigma)

_ROWS = 256  # drawn together


@dataclass(frozen=True, eq=False)
class Readout:
    """What is read out, as the pipeline would have it before it looks for cosmic rays.

    Parameters
    ----------
    image, ivar : numpy.ndarray
        (Y, X) float32 electrons and their inverse variance: 1 / (read noise^2 + the image where
        it is positive), 0 where masked.
    mask : numpy.ndarray
        (Y, X) uint32, bits as above; COSMIC is never set.
    readnoise : numpy.ndarray
        (Y, X) float32 electrons.
    clean : numpy.ndarray
        (Y, X) float32: the image without noise and cosmic rays.
    """

    image: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    readnoise: np.ndarray
    clean: np.ndarray


@dataclass(frozen=True)
class Amplifier:
    """A quarter of the CCD.

    Parameters
    ----------
    area : tuple of slice
        Its rows and columns; perhaps none.
    up, right : bool
        Whether it reads out towards higher rows and columns.
    noise, gain, offset : float
        Read noise in electrons, relative gain, zero in electrons.
    left_behind, decay : float
        Share of the charge that its transfer leaves behind, and pixels over which that comes.
    trail, width : float
        Amplitude of the dark trails and their length, pixels.
    """

    area: tuple
    up: bool
    right: bool
    noise: float
    gain: float
    offset: float
    left_behind: float
    decay: float
    trail: float
    width: float


def make_amplifiers(rng, shape, middle, settings):
    """Draw the four amplifiers.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (Y, X).
    middle : tuple of int
        Row and column at which the quarters meet; perhaps outside.
    settings : desinn.simulate.ccd.settings.CcdSettings

    Returns
    -------
    list of Amplifier
    """
    row, column = (int(np.clip(m, 0, size)) for m, size in zip(middle, shape, strict=True))
    found = []
    for up in (False, True):
        for right in (False, True):
            area = (
                (slice(row, None) if up else slice(row)),
                (slice(column, None) if right else slice(column)),
            )
            bad = rng.random() < settings.bad_cte
            found.append(
                Amplifier(
                    area,
                    up,
                    right,
                    noise=rng.uniform(*settings.read_noise),
                    gain=rng.normal(1, settings.gain_error),
                    offset=rng.normal(0, settings.offset),
                    left_behind=loguniform(rng, settings.cte) * bad,
                    decay=rng.uniform(*_CTE_LENGTH),
                    trail=rng.normal(0, settings.trail),
                    width=rng.uniform(*_TRAIL_LENGTH),
                )
            )
    return found


def scattered(light, share):
    """Return light of which a share is spread widely.

    Parameters
    ----------
    light : numpy.ndarray
        (Y, X) float32.
    share : float

    Returns
    -------
    numpy.ndarray
        (Y, X) float32.
    """
    from scipy.ndimage import gaussian_filter

    edges = [np.arange(0, size, _SMOOTH) for size in light.shape]
    sums = np.add.reduceat(np.add.reduceat(light, edges[0], axis=0), edges[1], axis=1)
    sizes = [np.diff(np.append(e, n)) for e, n in zip(edges, light.shape, strict=True)]
    coarse = gaussian_filter(sums / np.outer(*sizes), _SCATTER, mode="nearest")
    centres = [e + (s - 1) / 2 for e, s in zip(edges, sizes, strict=True)]
    rows, columns = (np.arange(size) for size in light.shape)
    tall = np.array([np.interp(rows, centres[0], column) for column in coarse.T])  # (bins, Y)
    wide = np.array([np.interp(columns, centres[1], row) for row in tall.T])  # (Y, X)
    return ((1 - share) * light + share * wide).astype(np.float32)


def read_out(rng, light, charge, seconds, settings, middle):
    """Expose a CCD and read it out.

    Parameters
    ----------
    rng : numpy.random.Generator
    light, charge : numpy.ndarray
        (Y, X) float32 electrons of light, and of cosmic rays.
    seconds : float
        Exposure time.
    settings : desinn.simulate.ccd.settings.CcdSettings
    middle : tuple of int
        Row and column at which the amplifiers' quarters meet.

    Returns
    -------
    Readout
    """
    shape = light.shape
    amplifiers = make_amplifiers(rng, shape, middle, settings)
    mask, warm = _defects(rng, shape, seconds, settings)
    light = scattered(light, loguniform(rng, settings.scattered)) + warm
    light *= 1 + settings.flat * _normal(rng, shape)
    light[mask & DEAD > 0] = 0
    well = rng.uniform(*settings.saturation)
    full = light + charge >= well
    mask[full] |= SATURATED
    np.minimum(light, well, out=light)
    rays = np.minimum(charge, well - light)
    noise, readnoise = _noise(rng, light, amplifiers)  # rays fluctuate by themselves
    zero = settings.dark * np.float32(seconds / 900) * _normal(rng, shape)
    for amplifier in amplifiers:
        _transfer(amplifier, light, rays, zero)
    noise[mask & BAD > 0] *= np.float32(_BAD_NOISE)
    clean = light + zero
    image = clean + rays + noise
    good = mask == 0
    ivar = np.where(good, 1 / (readnoise**2 + np.maximum(image, 0)), 0).astype(np.float32)
    return Readout(image, ivar, mask, readnoise, clean)


def _normal(rng, shape):
    return rng.standard_normal(shape, np.float32)


def _defects(rng, shape, seconds, settings):
    """Return the mask of bad pixels, and the electrons that hot ones have of themselves."""
    mask = np.zeros(shape, np.uint32)
    warm = np.zeros(shape, np.float32)
    scale = _HOT * seconds / 1000
    for bit, rate in ((HOT, settings.hot), (DEAD, settings.dead)):
        place = rng.integers(0, mask.size, rng.poisson(rate * 1e-6 * mask.size))
        mask.flat[place] |= bit
        if bit == HOT:
            warm.flat[place] += rng.exponential(scale, place.size).astype(np.float32)
    for bit in (BAD, HOT):
        for column in rng.integers(0, shape[1], rng.poisson(settings.columns * shape[1] / _WHOLE)):
            first = rng.integers(0, shape[0]) if rng.random() < 0.5 else 0
            mask[first:, column] |= bit
            warm[first:, column] += (bit == HOT) * rng.exponential(scale)
    return mask, warm


def _noise(rng, signal, amplifiers):
    """Return the noise of light and amplifiers, and the read noise."""
    readnoise = np.zeros(signal.shape, np.float32)
    for amplifier in amplifiers:
        readnoise[amplifier.area] = amplifier.noise
    noise = readnoise * _normal(rng, signal.shape)
    for first in range(0, len(signal), _ROWS):  # what is drawn is in double precision
        part = np.maximum(signal[first : first + _ROWS], 0)
        noise[first : first + _ROWS] += rng.poisson(part) - part
    return noise, readnoise


def _transfer(amplifier, light, rays, zero):
    """Move the charge of a quarter to its amplifier; all three arrays change in place."""
    area = amplifier.area
    if not light[area].size:
        return
    for charge in (light, rays):
        charge[area] = amplifier.gain * _left_behind(charge[area], amplifier)
    zero[area] += amplifier.offset
    light[area] -= _trails(light[area], amplifier)
    rays[area] -= _trails(rays[area], amplifier)


def _left_behind(charge, amplifier):
    """Return charge of which some comes later: in rows that are farther from the amplifier."""
    if amplifier.left_behind == 0:
        return charge
    from scipy.signal import lfilter

    step = np.float32(np.exp(-1 / amplifier.decay))
    order = slice(None, None, -1 if amplifier.up else 1)
    weights = np.array([0, 1 - step], np.float32), np.array([1, -step], np.float32)
    later = lfilter(*weights, charge[order], axis=0)[order]
    share = np.float32(amplifier.left_behind)
    return (1 - share) * charge + share * later


def _trails(charge, amplifier):
    """Return what is missing in the columns that are read after a bright pixel.

    It is (d / width) exp(-d / width) at a distance d: the shape that DESI corrects for.
    """
    from scipy.signal import lfilter

    step = np.exp(-1 / amplifier.width)
    order = slice(None, None, -1 if amplifier.right else 1)
    ahead = np.array([0, amplifier.trail * step / amplifier.width], np.float32)
    back = np.array([1, -2 * step, step**2], np.float32)
    return lfilter(ahead, back, charge[:, order], axis=1)[:, order]

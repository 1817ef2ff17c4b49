"""Cosmic rays out of real dark exposures, and clean images out of several of the same field.

The recipe of DESI's first network for them: pixels of a dark above 250 electrons are the seeds of
rays, each of which reaches as far as its pixels stand out of the noise.
"""

from typing import NamedTuple

import numpy as np

SEED = 250.0
"""Electrons above which a pixel of a dark exposure is that of a cosmic ray."""

LEVEL = 3.0
"""Down to how many times the noise a ray is followed."""

# How often the variance of a median of n values is that of their mean, for Gaussian noise: from
# the integrals of the normal distribution's order statistics, n = 1, 2, ...; pi / 2 at last.
_MEDIAN_OVER_MEAN = (1.0, 1.0, 1.3460, 1.1928, 1.4342, 1.2885, 1.4731, 1.3455, 1.4949, 1.3834)

# Rows of an image at a time, so that memory does not grow with the image.
_ROWS = 64


class Ray(NamedTuple):
    """A cosmic ray cut out of an exposure.

    Parameters
    ----------
    y, x : int
        Place of the low corner.
    charge : numpy.ndarray
        (H, W) float32 electrons, 0 where the ray did not hit.
    hit : numpy.ndarray
        (H, W) bool.
    """

    y: int
    x: int
    charge: np.ndarray
    hit: np.ndarray


class MedianImage(NamedTuple):
    """What `median_exposures` returns.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32 median, 0 where no exposure has the pixel.
    ivar : numpy.ndarray
        (Y, X) float32 inverse variance of that median, 0 there.
    typical : numpy.ndarray
        (Y, X) float32 median of the exposures' own, 0 there: how noisy one of them is.
    """

    image: np.ndarray
    ivar: np.ndarray
    typical: np.ndarray


def extract_rays(dark, noise, seed=SEED, level=LEVEL, bad=None):
    """Cut the cosmic rays out of a dark exposure.

    Parameters
    ----------
    dark : array_like
        (Y, X) electrons, with bias and dark current subtracted.
    noise : float or array_like
        Electrons, one number or (Y, X): what a pixel without a ray scatters by, as the read noise.
        Not 1 / sqrt(ivar), which grows with the very charge of a ray.
    seed : float
        Electrons. A ray has at least one pixel above it.
    level : float
        A ray reaches over all pixels above ``level * noise`` that touch one another, also at
        their corners.
    bad : array_like of bool, optional
        (Y, X) pixels that are no good. What touches one of them is left out as a whole: part of a
        ray would be learned as a ray, and a hot column is none. Pixels that are not finite are
        bad, too.

    Returns
    -------
    list of Ray
        In the order of their first pixels.

    Raises
    ------
    ValueError
        If the shapes do not fit, the noise is not above 0, or ``level * noise`` is above the
        seed's charge.

    Examples
    --------
    >>> dark = np.zeros((5, 6))
    >>> dark[2, 1:4] = 40, 900, 7
    >>> [(ray.y, ray.x, ray.charge) for ray in extract_rays(dark, noise=3.0)]
    [(2, 1, array([[ 40., 900.]], dtype=float32))]
    >>> extract_rays(dark, noise=0.0)
    Traceback (most recent call last):
        ...
    ValueError: noise: expected above 0, found 0.0
    """
    from scipy import ndimage

    dark = _image("dark", dark)
    above, bad = _levels(dark, noise, seed, level, bad)
    corners = np.ones((3, 3), bool)
    labels, count = ndimage.label(above | bad, structure=corners)
    wanted = np.zeros(count + 1, bool)
    wanted[labels[above & (dark > seed)]] = True
    wanted[labels[bad]] = False
    boxes = ndimage.find_objects(labels)
    return [_cut(dark, labels, boxes[label - 1], label) for label in np.flatnonzero(wanted)]


def plant(rng, shape, rays, count):
    """Return the charge of cosmic rays at random places.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (Y, X) of the image.
    rays : sequence of tuple
        (y, x, charge, hit) each: those of `extract_rays`, or of a file. Each may come several
        times.
    count : int
        How many, for instance ``rng.poisson(1.4 * seconds)``.

    Returns
    -------
    numpy.ndarray
        (Y, X) float32 electrons, above 0 in exactly the pixels that were hit. Rays have their
        middles in the image, and are cut at its sides; where they cross, they add up.

    Raises
    ------
    ValueError
        If there is no ray to choose from.
    """
    image = np.zeros(shape, np.float32)
    if not count:
        return image
    if not len(rays):
        raise ValueError(f"rays: expected some to choose {count} from, found none")
    chosen = rng.integers(len(rays), size=count)
    middles = rng.integers((0, 0), shape, size=(count, 2))
    for number, middle in zip(chosen, middles, strict=True):
        _, _, charge, hit = rays[number]
        _add(image, np.where(hit, charge, 0), middle)
    return image


def median_exposures(images, ivars):
    """Return the median of exposures of the same field, which no cosmic ray survives.

    Parameters
    ----------
    images : sequence of array_like
        N of (Y, X) electrons, on one scale.
    ivars : sequence of array_like
        N of (Y, X); a pixel with 0 (masked), or that is not finite, is left out of the median.

    Returns
    -------
    MedianImage

    Raises
    ------
    ValueError
        If there is no exposure, or the shapes differ.

    Examples
    --------
    >>> images = [[[10.0, 1.0]], [[12.0, 900.0]], [[11.0, 3.0]]]
    >>> ivars = [[[0.1, 0.1]], [[0.1, 0.0]], [[0.1, 0.1]]]
    >>> median_exposures(images, ivars).image
    array([[11.,  2.]], dtype=float32)
    >>> median_exposures(images, ivars[:2])
    Traceback (most recent call last):
        ...
    ValueError: ivars: expected 3 as there are images, found 2
    """
    images = [_image(f"image {number}", image) for number, image in enumerate(images)]
    ivars = [_image(f"ivar {number}", ivar) for number, ivar in enumerate(ivars)]
    if not images:
        raise ValueError("images: expected at least one, found none")
    if len(ivars) != len(images):
        raise ValueError(f"ivars: expected {len(images)} as there are images, found {len(ivars)}")
    shape = images[0].shape
    for array in (*images, *ivars):
        if array.shape != shape:
            raise ValueError(f"images: expected all of shape {shape}, found {array.shape}")
    result = MedianImage(*(np.zeros(shape, np.float32) for _ in MedianImage._fields))
    for first in range(0, shape[0], _ROWS):
        rows = slice(first, first + _ROWS)
        parts = _median_of_rows([i[rows] for i in images], [i[rows] for i in ivars])
        for whole, part in zip(result, parts, strict=True):
            whole[rows] = part
    return result


def _levels(dark, noise, seed, level, bad):
    """Return which pixels are above the noise, and which are bad."""
    noise = np.asarray(noise)
    if noise.shape not in ((), dark.shape):
        raise ValueError(f"noise: expected one number or {dark.shape}, found {noise.shape}")
    bad = np.zeros(dark.shape, bool) if bad is None else np.asarray(bad)
    if bad.dtype != bool or bad.shape != dark.shape:
        found = f"{bad.dtype} {bad.shape}"
        raise ValueError(f"bad: expected bool {dark.shape}, found {found}")
    bad = bad | ~np.isfinite(dark)
    used = noise[~bad] if noise.ndim else noise
    lowest = used.min(initial=np.inf)
    if not lowest > 0:
        raise ValueError(f"noise: expected above 0, found {lowest}")
    if not level * used.max(initial=0) <= seed:
        raise ValueError(f"seed: expected at least {level} times the noise, found {seed}")
    return (dark > level * noise) & ~bad, bad


def _cut(dark, labels, box, label):
    hit = labels[box] == label
    charge = np.where(hit, dark[box], np.float32(0))
    return Ray(box[0].start, box[1].start, charge, hit)


def _add(image, charge, middle):
    """Add a charge (H, W) to an image around a pixel, as far as it is inside."""
    here, there = [], []
    for centre, size, length in zip(middle, charge.shape, image.shape, strict=True):
        low = int(centre) - size // 2
        first, last = max(low, 0), min(low + size, length)
        here.append(slice(first, last))
        there.append(slice(first - low, last - low))
    image[tuple(here)] += charge[tuple(there)]


def _median_of_rows(images, ivars):
    """Return median, ivar of the median, and median ivar: N of (y, X) -> three of (y, X)."""
    images, ivars = np.stack(images), np.stack(ivars)  # (N, y, X)
    use = np.isfinite(images) & np.isfinite(ivars) & (ivars > 0)
    count = use.sum(axis=0)  # (y, X)
    median = _middle(images, use, count)
    # Where the exposures differ in noise, their densities at the centre add up.
    root = np.sqrt(ivars, where=use, out=np.zeros(ivars.shape, np.float64)).sum(axis=0)
    ivar = root**2 / (np.maximum(count, 1) * _median_over_mean(count))
    return median, ivar, _middle(ivars, use, count)


def _middle(values, use, count):
    """Return the median of the values in use, 0 where there is none: (N, y, X) -> (y, X)."""
    ordered = np.sort(np.where(use, values, np.inf), axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, np.maximum(count - 1, 0))
    pair = np.take_along_axis(ordered, np.stack([low, high]), axis=0)  # (2, y, X)
    return np.where(count, pair.astype(np.float64).mean(axis=0), 0)


def _median_over_mean(count):
    known = np.array(_MEDIAN_OVER_MEAN)
    many = np.maximum(count, 1).astype(np.float64)
    # Beyond the table: fitted to the same integrals for n = 11 to 20.
    beyond = np.pi / 2 * many / (many + np.where(count % 2, 0.447, 1.374))
    return np.where(count <= known.size, known[np.clip(count, 1, known.size) - 1], beyond)


def _image(name, values):
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        found = f"{array.dtype} {array.shape}"
        raise ValueError(f"{name}: expected real numbers (Y, X), found {found}")
    return array.astype(np.float32, copy=False)

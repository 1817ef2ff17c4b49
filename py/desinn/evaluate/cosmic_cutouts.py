"""The worst of what a finder of cosmic rays did, cut out of the images for eyes."""

from dataclasses import dataclass

import numpy as np

from ..io.ccd_truth import Truth
from .cosmic_pixels import LEFT_OUT

REACH = 16
"""Pixels on either side of the middle of a cut-out."""


@dataclass(frozen=True, eq=False)
class CutOut:
    """A piece of an image.

    Parameters
    ----------
    weight : float
        How bad it is.
    about : dict
        What is known of it: ``name``, ``exposure``, ``camera``, ``y``, ``x`` and others.
    image : numpy.ndarray
        (N, N) float32, NaN beyond the image and where pixels are masked.
    ray, marked : numpy.ndarray
        (N, N) bool.
    """

    weight: float
    about: dict
    image: np.ndarray
    ray: np.ndarray
    marked: np.ndarray


class CutOuts:
    """The worst of many.

    Parameters
    ----------
    most : int
        So many are kept.
    """

    def __init__(self, most):
        self._most = most
        self._kept = []

    def __iter__(self):
        return iter(self._kept)

    def __len__(self):
        return len(self._kept)

    def add(self, candidates, layers, about):
        """Keep those of an image that are among the worst.

        Parameters
        ----------
        candidates : numpy.ndarray
            Structured, a row for each, with WEIGHT, Y, X and more columns to be kept.
        layers : tuple of numpy.ndarray
            (Y, X) each: image, bits of its truth, what is marked, classes of its pixels.
        about : dict
            What is known of the image.
        """
        order = np.argsort(-candidates["WEIGHT"], kind="stable")[: self._most]
        for row in candidates[order]:
            known = {name.lower(): row[name].item() for name in row.dtype.names}
            weight = known.pop("weight")
            if len(self._kept) == self._most and weight <= self._kept[-1].weight:
                break
            self._kept.append(CutOut(weight, {**about, **known}, *_cut(layers, known)))
            self._kept.sort(key=lambda cutout: -cutout.weight)
            del self._kept[self._most :]


def missed_rays(rays):
    """Return rays that were not found, weighted by the charge that could be seen.

    Parameters
    ----------
    rays : numpy.ndarray
        Of `desinn.evaluate.cosmic_pixels.RAY_ROW`.

    Returns
    -------
    numpy.ndarray
        Structured, for `CutOuts`.
    """
    missed = rays[~rays["FOUND"] & (rays["NPIX"] > 0)]
    names = ("Y", "X", "KIND", "CHARGE", "NPIX", "MARKED", "BEST")
    dtype = [("WEIGHT", "f8"), *((name, rays.dtype[name]) for name in names)]
    result = np.zeros(len(missed), dtype)
    for name in names:
        result[name] = missed[name]
    result["WEIGHT"] = missed["SEEN_CHARGE"]
    return result


def false_marks(marked, probability, line):
    """Return connected false marks, weighted by the number of their pixels.

    Parameters
    ----------
    marked : numpy.ndarray
        (Y, X) bool, where marks are false.
    probability : numpy.ndarray
        (Y, X).
    line : numpy.ndarray
        (Y, X) bool, near lines.

    Returns
    -------
    numpy.ndarray
        Structured, for `CutOuts`: centre, number of pixels, highest probability, and how many
        are near lines.
    """
    from scipy.ndimage import label

    dtype = [("WEIGHT", "f8"), ("Y", "f8"), ("X", "f8"), ("NPIX", "i8"), ("BEST", "f8"),
             ("LINE", "i8")]  # fmt: skip
    pixel = np.flatnonzero(marked)
    if not pixel.size:
        return np.zeros(0, dtype)
    regions, number = label(marked, np.ones((3, 3)))
    region = regions.flat[pixel] - 1
    result = np.zeros(number, dtype)
    size = np.bincount(region)
    for name, place in zip("YX", np.divmod(pixel, marked.shape[1]), strict=True):
        result[name] = np.bincount(region, place) / size
    result["NPIX"] = size
    result["LINE"] = np.bincount(region, line.flat[pixel]).astype(np.int64)
    np.maximum.at(result["BEST"], region, probability.flat[pixel].astype(np.float64))
    result["WEIGHT"] = size + result["BEST"]  # of the same size, the surest
    return result


def _cut(layers, place):
    """Return image, rays and marks around a place."""
    image, bits, marked, classes = layers
    size = 2 * REACH + 1
    cut = np.full((size, size), np.nan, np.float32), np.zeros((size,) * 2, bool)
    cut = (*cut, np.zeros((size,) * 2, bool))
    first = [round(place[name]) - REACH for name in "yx"]
    inside = tuple(
        slice(max(low, 0), min(low + size, length))
        for low, length in zip(first, image.shape, strict=True)
    )
    there = tuple(
        slice(part.start - low, part.stop - low) for part, low in zip(inside, first, strict=True)
    )
    cut[0][there] = np.where(classes[inside] == LEFT_OUT, np.nan, image[inside])
    cut[1][there] = bits[inside] & Truth.RAY > 0
    cut[2][there] = marked[inside]
    return cut

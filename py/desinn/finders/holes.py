"""Pixels of an image that are no good, filled in from what is left and right of them.

Spectra on a CCD run along y: there a pixel's neighbours are most like it, so they come first.
"""

import numpy as np

REACH = 8
"""A good pixel is looked for so far to each side."""


def fill_holes(image, bad, reach=REACH):
    """Return an image whose bad pixels are interpolated.

    A bad pixel gets the value of the straight line between the next good ones in its column; of
    one of them, where there is none on the other side; else the same along its row; else 0.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Bad pixels may hold anything.
    bad : ndarray of bool, shape (Y, X)
    reach : int
        So far from it good ones are looked for.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        `image` itself where nothing is bad.

    Examples
    --------
    >>> image = np.float32([[1, 5], [np.nan, 6], [3, 7]])
    >>> fill_holes(image, np.isnan(image))
    array([[1., 5.],
           [2., 6.],
           [3., 7.]], dtype=float32)
    """
    place = np.flatnonzero(bad)
    if not place.size:
        return image
    filled = image.copy()
    values = np.zeros(place.size, np.float32)
    left = np.ones(place.size, bool)
    for axis in (0, 1):
        found, between = _between(image, bad, place[left], axis, reach)
        rows = np.flatnonzero(left)[found]
        values[rows] = between[found]
        left[rows] = False
    filled.reshape(-1)[place] = values
    return filled


def _between(image, bad, place, axis, reach):
    """Return for which places there is a good pixel along an axis, and what is between them."""
    total, weight = np.zeros((2, place.size))
    for direction in (-1, 1):
        value, distance = _next(image, bad, place, axis, direction, reach)
        # The nearer one counts in proportion to how far the other is: inverse distances.
        near = np.where(distance > 0, 1 / np.maximum(distance, 1), 0)
        total += near * value
        weight += near
    found = weight > 0
    return found, np.divide(total, weight, out=np.zeros_like(total), where=found)


def _next(image, bad, place, axis, direction, reach):
    """Return the next good pixel to one side of each place, and how far it is; 0 for none."""
    at = np.unravel_index(place, image.shape)
    fixed, moving, size = at[1 - axis], at[axis], image.shape[axis]
    value, distance = np.zeros(place.size), np.zeros(place.size, np.int64)
    for step in range(1, reach + 1):
        there = moving + direction * step
        open_ = np.flatnonzero((distance == 0) & (there >= 0) & (there < size))
        index = (there[open_], fixed[open_]) if axis == 0 else (fixed[open_], there[open_])
        good = ~bad[index]
        value[open_[good]] = image[index][good]
        distance[open_[good]] = step
    return value, distance

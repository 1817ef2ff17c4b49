"""Marked pixels of a CCD image, taken together to cosmic rays, and what each ray left."""

import numpy as np

from .holes import fill_holes

RAY = np.dtype(
    [
        ("X", "f8"),
        ("Y", "f8"),
        ("XMIN", "i4"),
        ("XMAX", "i4"),
        ("YMIN", "i4"),
        ("YMAX", "i4"),
        ("NPIX", "i4"),
        ("CHARGE", "f4"),
        ("PEAK", "f4"),
        ("MAXPROB", "f4"),
    ]
)
"""A ray: centre of charge, first and last pixel of its box, pixels, electrons, those of its
brightest pixel, and the largest probability. Places are from 0, at the centres of pixels."""


def measure_rays(image, probability, found, bad):
    """Return what each group of marked pixels is; pixels touch at sides or corners.

    A ray's charge is what its pixels hold above those around them: the image minus what
    `desinn.finders.holes.fill_holes` puts there, with all that is marked, masked or not finite
    as holes. What a ray left in other pixels does not count, be they masked, or too faint to be
    marked; and the latter are what it is measured against.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32, electrons.
    probability : numpy.ndarray
        (Y, X) float32.
    found : numpy.ndarray
        (Y, X) bool: marked by the network, not grown.
    bad : numpy.ndarray
        (Y, X) bool: masked.

    Returns
    -------
    numpy.ndarray
        (R,) of `RAY`, in the order of Y, then X. The centre is that of the charge; of the box's
        pixels alone, where none holds more than what is around it.

    Examples
    --------
    >>> image = np.float32([[2, 2, 2, 2], [2, 8, 2, 2], [2, 2, 14, 2], [2, 2, 2, 2]])
    >>> rays = measure_rays(image, image / 16, image > 2, image < 0)
    >>> rays[["X", "Y", "NPIX", "CHARGE", "PEAK", "MAXPROB"]].tolist()
    [(1.6666666666666667, 1.6666666666666667, 2, 18.0, 12.0, 0.875)]
    """
    place, first = _groups(found)
    rays = np.zeros(first.size, RAY)
    if not rays.size:
        return rays
    filled = fill_holes(image, found | bad | ~np.isfinite(image))
    charge = image.reshape(-1)[place].astype(np.float64) - filled.reshape(-1)[place]
    rays["NPIX"] = np.diff(first, append=place.size)
    rays["CHARGE"] = np.add.reduceat(charge, first)
    rays["PEAK"] = np.maximum.reduceat(charge, first)
    rays["MAXPROB"] = np.maximum.reduceat(probability.reshape(-1)[place], first)
    weight = np.maximum(charge, 0)
    weight += np.repeat(np.add.reduceat(weight, first) == 0, rays["NPIX"])
    for name, at in zip("YX", np.divmod(place, image.shape[1]), strict=True):
        rays[name] = np.add.reduceat(weight * at, first) / np.add.reduceat(weight, first)
        rays[f"{name}MIN"] = np.minimum.reduceat(at, first)
        rays[f"{name}MAX"] = np.maximum.reduceat(at, first)
    return rays[np.lexsort((rays["X"], rays["Y"]))]


def _groups(found):
    """Return marked pixels, one group after the other, and where each group begins."""
    from scipy import ndimage

    labels, count = ndimage.label(found, np.ones((3, 3), bool))
    place = np.flatnonzero(found)
    group = labels.reshape(-1)[place]
    order = np.argsort(group, kind="stable")
    return place[order], np.searchsorted(group[order], np.arange(1, count + 1))

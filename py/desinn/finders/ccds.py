"""CCDs: which network is for which, which of their pixels tell nothing, and marks that grow."""

import numpy as np

ARMS = ("b", "r", "z")

NETWORKS = tuple(f"cosmics-{arm}" for arm in ARMS)
"""Names of the networks that `network_for` may return."""


def network_for(camera, meta=None):
    """Return the name of the network for a CCD.

    Parameters
    ----------
    camera : str
        As "r0", in any case.
    meta : Mapping, optional
        The image's header, of which CCDTYPE is used: a red CCD made by ITL is thin, as the blue
        ones are, and so are the tracks in it.

    Returns
    -------
    str
        One of `NETWORKS`.

    Raises
    ------
    ValueError
        If the camera is of no arm.

    Examples
    --------
    >>> network_for("r0"), network_for("R0", {"CCDTYPE": "ITL"})
    ('cosmics-r', 'cosmics-b')
    >>> network_for("unknown")
    Traceback (most recent call last):
        ...
    ValueError: camera: expected b, r or z and a number, found 'unknown'
    """
    arm = str(camera).strip().lower()[:1]
    if arm not in ARMS:
        raise ValueError(f"camera: expected b, r or z and a number, found {camera!r}")
    thin = arm == "r" and "ITL" in str({} if meta is None else meta.get("CCDTYPE", "")).upper()
    return "cosmics-b" if thin else f"cosmics-{arm}"


def no_good(mask, ivar, cosmic):
    """Return which pixels of an exposure a finder of cosmic rays is to leave alone.

    Parameters
    ----------
    mask : numpy.ndarray
        (Y, X) unsigned integers, 0 where the pixel is good.
    ivar : numpy.ndarray
        (Y, X).
    cosmic : int
        The bit of cosmic rays in `mask`. It does not count: what was marked before is to be
        found again.

    Returns
    -------
    numpy.ndarray
        (Y, X) bool: where any other bit is set, or ivar is not above 0.

    Examples
    --------
    >>> no_good(np.uint32([[0, 16, 17, 0]]), np.float32([[1, 1, 1, np.nan]]), 16)
    array([[False, False,  True,  True]])
    """
    return (mask & ~mask.dtype.type(cosmic) != 0) | ~(ivar > 0)


def grown(found, pixels):
    """Return a mask grown in all eight directions.

    Parameters
    ----------
    found : numpy.ndarray
        (Y, X) bool.
    pixels : int
        By how many.

    Returns
    -------
    numpy.ndarray
        (Y, X) bool; `found` itself for 0 pixels.

    Raises
    ------
    ValueError
        If `pixels` is below 0.
    """
    if pixels < 0:
        raise ValueError(f"grow: expected 0 or more pixels, found {pixels}")
    if not pixels:
        return found
    from scipy import ndimage

    return ndimage.binary_dilation(found, np.ones((3, 3), bool), iterations=pixels)

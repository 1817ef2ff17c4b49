"""desispec: its masking of cosmic rays, done by our networks."""

import functools
import importlib
import os
import sys

import numpy as np

from ..finders.base import load_model
from ..log import get_logger

ARMS = ("b", "r", "z")
_NAME = "reject_cosmic_rays"


def reject_cosmic_rays(
    img,
    nsig=None,
    cfudge=None,
    c2fudge=None,
    niter=None,
    dilate=None,
    threshold=None,
    grow=0,
    model=None,
):
    """Mark cosmic rays in an image's mask, as ``desispec.cosmics.reject_cosmic_rays`` does.

    Parameters
    ----------
    img : desispec.image.Image
        With pix (Y, X) in electrons, ivar, mask, camera ("r0") and meta (the header); its mask
        gets the bit ``ccdmask.COSMIC`` of desispec. A mask that is None is made first, as Image
        makes it.
    nsig, cfudge, c2fudge, niter, dilate : optional
        What the method of SDSS takes, by which desispec calls. Without effect.
    threshold : float, optional
        A pixel with a larger probability is a cosmic ray. Without it the network's own.
    grow : int
        Pixels to mark around those found, in all eight directions.
    model : str, os.PathLike or desinn.finders.cosmics.CosmicRayFinder, optional
        Weights, or a finder. Without it the network for the CCD (`network_for`).

    Raises
    ------
    ImportError
        If desispec is not installed.
    FileNotFoundError
        If there are no such weights.
    ValueError
        If the camera is of no arm, or `grow` is below 0.

    Examples
    --------
    >>> from desispec.io import read_image  # doctest: +SKIP
    >>> image = read_image("preproc-r0-00051060.fits")  # doctest: +SKIP
    >>> reject_cosmic_rays(image, threshold=0.5)  # doctest: +SKIP
    """
    log = get_logger()
    ccdmask = _desispec("desispec.maskbits").ccdmask
    tuning = {"nsig": nsig, "cfudge": cfudge, "c2fudge": c2fudge, "niter": niter, "dilate": dilate}
    given = ", ".join(key for key, value in tuning.items() if value is not None)
    if given:
        log.debug("desinn's finder of cosmic rays has no %s: without effect", given)
    if img.mask is None:
        img.mask = np.where(img.ivar == 0, np.uint32(ccdmask.BAD), np.uint32(0))
    model = network_for(img.camera, img.meta) if model is None else model
    finder = load_model(model) if isinstance(model, str | os.PathLike) else model
    # What was marked before is to be found again; other bad pixels are the finder's business.
    bad = (img.mask & ~np.uint32(ccdmask.COSMIC) != 0) | ~(img.ivar > 0)
    rejected = grown(finder.find(img.pix, threshold, mask=bad), grow)
    img.mask[rejected] |= ccdmask.COSMIC
    log.info("camera %s: %d pixels of cosmic rays", img.camera, np.count_nonzero(rejected))


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


def use_desinn_cosmics(threshold=None, grow=0, model=None):
    """Put `reject_cosmic_rays` in the place of desispec's, wherever desispec has it.

    That is ``desispec.cosmics``, where preproc looks it up at each call, and all of desispec's
    modules that have imported it by its name, as ``desispec.scripts.rejectcosmics`` does; those
    imported later get ours anyway. Processes that are forked have it; those that are spawned
    have to call this themselves. Called again, it replaces the settings.

    Parameters
    ----------
    threshold, grow, model : optional
        As for `reject_cosmic_rays`, for all calls that do not give them.

    Returns
    -------
    callable
        Without arguments: puts desispec's own back.

    Raises
    ------
    ImportError
        If desispec is not installed.

    Examples
    --------
    >>> undo = use_desinn_cosmics(grow=1)  # doctest: +SKIP
    >>> desispec.preproc.preproc(...)  # doctest: +SKIP
    >>> undo()  # doctest: +SKIP
    """
    current = getattr(_desispec("desispec.cosmics"), _NAME)
    ours = functools.partial(reject_cosmic_rays, threshold=threshold, grow=grow, model=model)
    ours.desispecs_own = getattr(current, "desispecs_own", current)
    _replace(current, ours)
    return functools.partial(_replace, ours, ours.desispecs_own)


def _replace(old, new):
    """Put a function in the place of another in all modules of desispec that have it."""
    for name, module in list(sys.modules.items()):
        inside = name.split(".")[0] == "desispec"
        if inside and getattr(module, "__dict__", {}).get(_NAME) is old:
            setattr(module, _NAME, new)


def _desispec(module):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"desispec is needed: {error}") from None

"""desispec: its masking of cosmic rays, done by our networks."""

import functools
import importlib
import os
import sys

import numpy as np

from ..finders.base import load_model
from ..finders.ccds import grown, network_for, no_good
from ..log import get_logger

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
        makes it. Its header, where there is one, gets CRMODEL, CRMODSHA (name and sha256 of the
        network), CRTHRESH and CRGROW.
    nsig, cfudge, c2fudge, niter, dilate : optional
        What the method of SDSS takes, by which desispec calls. Without effect.
    threshold : float, optional
        A pixel with a larger probability is a cosmic ray. Without it the network's own.
    grow : int
        Pixels to mark around those found, in all eight directions.
    model : str, os.PathLike or desinn.finders.cosmics.CosmicRayFinder, optional
        Weights, or a finder. Without it the network for the CCD
        (`desinn.finders.ccds.network_for`).

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
    bad = no_good(img.mask, img.ivar, ccdmask.COSMIC)
    threshold = finder.threshold if threshold is None else threshold
    rejected = grown(finder.find(img.pix, threshold, mask=bad), grow)
    img.mask[rejected] |= ccdmask.COSMIC
    if img.meta is not None:
        _note(img.meta, finder.network.header, threshold, grow)
    log.info("camera %s: %d pixels of cosmic rays", img.camera, np.count_nonzero(rejected))


def _note(meta, network, threshold, grow):
    """Write into an image's header what marked it, as `desi_find_cosmics` does."""
    cards = {
        "CRMODEL": network.get("name"),
        "CRMODSHA": network.get("sha256"),
        "CRTHRESH": float(threshold),
        "CRGROW": grow,
    }
    meta.update({key: value for key, value in cards.items() if value is not None})


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

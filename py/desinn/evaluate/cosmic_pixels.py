"""Simulated CCD images: what their pixels and cosmic rays can say of a finder."""

import numpy as np

from ..finders.ccds import no_good
from ..io.ccd_truth import Truth
from ..io.preproc import COSMIC

CLEAN, LINE, RING, RAY = 0, 1, 2, 3
"""Classes of pixels: without rays; the same, near bright lines; touched by a ray, yet not of it;
the first class of rays' pixels, of which there are one for each place and S/N."""

PLACES = ("on traces", "between traces", "without light")
"""Where a ray is: in exposures with light on traces or not, or in those without light."""

SNR_EDGES = (5.0, 10.0, 30.0, 100.0)
"""Between the bins of a pixel's S/N: electrons of rays over the noise without them."""

CLASSES = RAY + len(PLACES) * (len(SNR_EDGES) + 1)
"""How many classes there are."""

LEFT_OUT = 255
"""In the place of a class: a masked pixel."""

DARK = ("dark", "bias", "zero")
"""Kinds of exposures without light."""

RAY_ROW = np.dtype(
    [
        ("KIND", "U4"),
        ("Y", "f8"),
        ("X", "f8"),
        ("CHARGE", "f8"),  # electrons, wherever they are
        ("SEEN_CHARGE", "f8"),  # on the pixels of `own_pixels`
        ("NPIX", "i8"),  # of these; 0 where all are masked
        ("PLACE", "i8"),  # of `PLACES`
        ("SCORE", "f8"),  # found at all lower thresholds
        ("BEST", "f8"),  # highest of its pixels
        ("FOUND", "?"),  # at the finder's threshold
        ("MARKED", "i8"),  # pixels above it
    ]
)
"""A ray and what a finder made of it."""


def exposure_kind(frame):
    """Return what an exposure is.

    Parameters
    ----------
    frame : desinn.io.preproc.Preproc

    Returns
    -------
    str
        KIND of a simulation, else FLAVOR, in lower case.
    """
    header = frame.header
    return str(header.get("KIND", header.get("FLAVOR", "unknown"))).strip().lower()


def device_of(frame):
    """Return the kind of CCD.

    Parameters
    ----------
    frame : desinn.io.preproc.Preproc

    Returns
    -------
    str
        DEVICE of a simulation, else CCDTYPE.
    """
    header = frame.header
    return str(header.get("DEVICE", header.get("CCDTYPE", "unknown"))).strip()


def bad_pixels(frame):
    """Return the pixels that do not count.

    Parameters
    ----------
    frame : desinn.io.preproc.Preproc

    Returns
    -------
    numpy.ndarray
        (Y, X) bool: masked for something else than cosmic rays, or of no ivar.
    """
    return no_good(frame.mask, frame.ivar, COSMIC)


def classes_of(frame, truth, charge):
    """Return the class of each pixel.

    Parameters
    ----------
    frame : desinn.io.preproc.Preproc
    truth : desinn.io.ccd_truth.CcdTruth
    charge : numpy.ndarray
        (Y, X) electrons of all rays.

    Returns
    -------
    numpy.ndarray
        (Y, X) uint8 below `CLASSES`, or `LEFT_OUT`.
    """
    bits = truth.bits
    classes = np.where(bits & Truth.LINE > 0, np.uint8(LINE), np.uint8(CLEAN))
    classes[bits & Truth.TOUCHED > 0] = RING
    hit = np.flatnonzero(bits & Truth.RAY)
    values = charge.flat[hit]
    light = np.maximum(frame.image.flat[hit] - values, 0)
    snr = values / np.sqrt(frame.readnoise.flat[hit] ** 2 + light)
    place = _places(bits.flat[hit] & Truth.TRACE > 0, exposure_kind(frame))
    classes.flat[hit] = RAY + place * (len(SNR_EDGES) + 1) + np.digitize(snr, SNR_EDGES)
    classes[bad_pixels(frame)] = LEFT_OUT
    return classes


def _places(on_trace, kind):
    if kind in DARK:
        return np.full(on_trace.shape, PLACES.index("without light"))
    return np.where(on_trace, PLACES.index("on traces"), PLACES.index("between traces"))


def own_pixels(truth, classes, charge):
    """Return the pixels by which rays are judged: each ray's own.

    Parameters
    ----------
    truth : desinn.io.ccd_truth.CcdTruth
    classes : numpy.ndarray
        (Y, X) of `classes_of`.
    charge : numpy.ndarray
        (Y, X) electrons of all rays.

    Returns
    -------
    numpy.ndarray
        Rows of the truth's ``ray``, ``pixel``, ``electrons``: those of unmasked pixels with the
        bit RAY in which at least half of the charge is the ray's.
    """
    kind = classes.flat[truth.pixel]
    seen = (kind >= RAY) & (kind != LEFT_OUT)
    return np.flatnonzero(seen & (truth.electrons >= 0.5 * charge.flat[truth.pixel]))


def judge_rays(truth, rows, probability, threshold, kind):
    """Return what a finder made of each ray.

    Parameters
    ----------
    truth : desinn.io.ccd_truth.CcdTruth
    rows : numpy.ndarray
        Of `own_pixels`.
    probability : numpy.ndarray
        (Y, X).
    threshold : float
        A pixel with a larger probability is marked.
    kind : str
        Of the exposure.

    Returns
    -------
    numpy.ndarray
        (R,) of `RAY_ROW`. A ray is found where at least half of its own pixels are marked.
    """
    result = np.zeros(len(truth.rays), RAY_ROW)
    for name in ("KIND", "Y", "X", "CHARGE"):
        result[name] = truth.rays[name]
    ray, pixel = truth.ray[rows], truth.pixel[rows]
    value = probability.flat[pixel].astype(np.float64)
    result["NPIX"] = np.bincount(ray, minlength=len(result))
    result["SEEN_CHARGE"] = np.bincount(ray, truth.electrons[rows], len(result))
    result["MARKED"] = np.bincount(ray, value > threshold, len(result)).astype(np.int64)
    on_trace = np.bincount(ray, truth.bits.flat[pixel] & Truth.TRACE > 0, len(result))
    result["PLACE"] = _places(2 * on_trace >= result["NPIX"], kind)
    value = value[np.lexsort((-value, ray))]
    there = np.flatnonzero(result["NPIX"])
    first = np.cumsum(result["NPIX"])[there] - result["NPIX"][there]
    result["BEST"][there] = value[first]
    result["SCORE"][there] = value[first + (result["NPIX"][there] + 1) // 2 - 1]
    result["FOUND"] = (result["SCORE"] > threshold) & (result["NPIX"] > 0)
    return result

"""What networks over images see: an image scaled, normalised, padded, without holes.

It is made window by window, when a window is asked for: in the cache of the thread that needs it.
"""

import numpy as np

from .header import section
from .holes import REACH, fill_holes

PREPARE = {
    "scale": float,
    "normalize": str,
    "pad_multiple": int,
    "pad_side": str,
    "pad_value": float,
    "channels": [str],
}
CHANNELS = {"probability": ["image"], "image": ["image outside mask", "mask"]}
"""What each output needs as the channels of the input."""
NORMALIZE = {"probability": ("none", "mean-std", "asinh"), "image": ("none", "mean-std")}
"""What may be done to each output's images after they are divided by ``scale``."""

ROWS = 256
"""So many rows at once are searched for pixels that are no good."""


def read_prepare(header, output):
    """Return how a header says that images are prepared.

    Parameters
    ----------
    header : dict
        Of a weights file of kind ``cosmics``.
    output : str
        Name of the network's output, ``probability`` or ``image``.

    Returns
    -------
    dict
        As `PREPARE`.

    Raises
    ------
    ValueError
        If the section ``prepare`` lacks something or says what is not known.
    """
    prepare = section(header, "prepare", PREPARE)
    expected = {
        "normalize": NORMALIZE[output],
        "pad_side": ("low",),
        "channels": (CHANNELS[output],),
    }
    for key, choices in expected.items():
        if prepare[key] not in choices:
            found = prepare[key]
            raise ValueError(f"prepare: {key}: expected one of {choices}, found {found!r}")
    for key in ("scale", "pad_multiple"):
        if not prepare[key] > 0:
            raise ValueError(f"prepare: {key}: expected above 0, found {prepare[key]}")
    return prepare


class ImageInput:
    """A network's input, made window by window.

    Parameters
    ----------
    prepare : dict
        From `read_prepare`.
    image : ndarray, shape (Y, X)
        In electrons, any real dtype and byte order.
    bad : ndarray of bool, shape (Y, X), optional
        Pixels that may hold anything: they are interpolated
        (`desinn.finders.holes.fill_holes`).
    mask : ndarray of bool, shape (Y, X), optional
        What a network fills in, for networks that do so.

    Attributes
    ----------
    shape : tuple of int
        (Y', X', C), with the padding at the low sides.
    mean, deviation : float
        ``image = (x * deviation + mean) * scale``, where nothing else is done to it.

    Raises
    ------
    ValueError
        If all pixels are equal, where a network needs a deviation of one.
    """

    def __init__(self, prepare, image, bad=None, mask=None):
        self._prepare, self._image = prepare, image
        self._bad = bad if bad is not None and bad.any() else None
        self._mask = mask
        multiple = prepare["pad_multiple"]
        self._before = [-n % multiple for n in image.shape]
        sizes = [n + low for n, low in zip(image.shape, self._before, strict=True)]
        self.shape = (*sizes, len(prepare["channels"]))
        self.mean, self.deviation = np.float32(0), np.float32(1)
        if prepare["normalize"] == "mean-std":
            self._measure()

    def _measure(self):
        """Take mean and deviation of the whole image."""
        image = self._scaled((slice(None), slice(None)))
        self.mean, self.deviation = image.mean(), image.std()
        if not self.deviation > 0:
            raise ValueError("image: all pixels are equal, a mean-std network needs others")

    def __getitem__(self, window):
        """Return the input in a window of it: two slices -> float32 (Y, X, C)."""
        spans = [range(*cut.indices(n)) for cut, n in zip(window, self.shape[:2], strict=True)]
        x = np.full((*map(len, spans), self.shape[2]), self._prepare["pad_value"], np.float32)
        # The part of the window that lies on the image, in pixels of the image.
        cut = tuple(slice(max(span.start - low, 0), max(span.stop - low, 0))
                    for span, low in zip(spans, self._before, strict=True))  # fmt: skip
        part = self._normalized(cut)
        below = tuple(slice(n - size, None) for n, size in zip(x.shape, part.shape, strict=False))
        if self._mask is None:
            x[(*below, 0)] = part
        else:
            mask = self._mask[cut]
            x[(*below, 0)] = part * (1 - mask.astype(np.float32))
            x[(*below, 1)] = mask
        return x

    def _normalized(self, cut):
        image = self._scaled(cut)
        if self._prepare["normalize"] == "mean-std":
            image -= self.mean
            image /= self.deviation
        elif self._prepare["normalize"] == "asinh":
            asinh(image)
        return image

    def _scaled(self, cut):
        """Return some of the image, without holes and divided by the scale."""
        image = self._filled(cut)
        image /= np.float32(self._prepare["scale"])
        return image

    def _filled(self, cut):
        """Return a copy of some of the image as float32, without holes."""
        with np.errstate(over="ignore"):  # what is too large for float32 is bad
            if self._bad is None or not self._bad[cut].any():
                return self._image[cut].astype(np.float32)
            # Good pixels are looked for as far as `REACH` beyond.
            spans = [range(*c.indices(n)) for c, n in zip(cut, self._image.shape, strict=True)]
            wider = tuple(slice(max(s.start - REACH, 0), s.stop + REACH) for s in spans)
            image = self._image[wider].astype(np.float32)
        inner = tuple(slice(s.start - w.start, s.stop - w.start)
                      for s, w in zip(spans, wider, strict=True))  # fmt: skip
        return fill_holes(image, self._bad[wider])[inner]


def asinh(x):
    """Replace each value by its inverse hyperbolic sine, as ``sign(x) log(|x| + sqrt(x^2 + 1))``.

    Several times as fast as `numpy.arcsinh`; off by the rounding of a float32 near 1 at most.

    Parameters
    ----------
    x : ndarray of float32
        Larger values than 1e18 are taken as that: their squares are no float32.
    """
    size = np.minimum(np.abs(x), np.float32(1e18))
    y = size * size
    y += np.float32(1)
    np.sqrt(y, out=y)
    y += size
    np.log(y, out=y)
    np.copysign(y, x, out=x)


def checked_image(image):
    """Return an image as an array, or raise unless it is one.

    Parameters
    ----------
    image : array_like, shape (Y, X)
        Any real dtype and byte order.

    Returns
    -------
    ndarray, shape (Y, X)

    Raises
    ------
    ValueError
        If it is not two-dimensional, empty, or not real numbers.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype.kind not in "fiu" or not image.size:
        found = f"{image.dtype} of shape {image.shape}"
        raise ValueError(f"image: expected real numbers of shape (Y, X), found {found}")
    return image


def checked_mask(mask, shape):
    """Return a mask as bool, true where any bit is set, or raise unless it fits.

    Parameters
    ----------
    mask : array_like
    shape : tuple of int
        The image's.

    Returns
    -------
    ndarray of bool, shape (Y, X)

    Raises
    ------
    ValueError
        If it has another shape.
    """
    mask = np.asarray(mask)
    if mask.shape != shape:
        raise ValueError(f"mask: expected shape {shape} as the image's, found {mask.shape}")
    return mask.astype(bool)


def bad_pixels(image):
    """Return which pixels are no finite float32.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        From `checked_image`.

    Returns
    -------
    ndarray of bool, shape (Y, X)
    """
    if image.dtype.kind != "f":
        return np.zeros(image.shape, bool)
    bad = np.empty(image.shape, bool)
    most = np.finfo(np.float32).max
    for first in range(0, len(image), ROWS):
        rows = slice(first, first + ROWS)
        np.less_equal(np.abs(image[rows]), most, out=bad[rows])  # not so where NaN, either
    return np.logical_not(bad, out=bad)

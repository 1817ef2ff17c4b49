"""Cosmic rays: U-Nets that mark them in an image, and that fill in what they cover.

Source: Zhang & Bloom 2020 (deepCR, arXiv:1907.09500).
"""

import numpy as np

from ..nn.tiling import period
from .base import section
from .holes import fill_holes

PREPARE = {
    "scale": float,
    "normalize": str,
    "pad_multiple": int,
    "pad_side": str,
    "pad_value": float,
    "channels": list,
}
CHANNELS = {"probability": ["image"], "image": ["image outside mask", "mask"]}
"""What each output needs as the channels of the input."""
NORMALIZE = {"probability": ("none", "mean-std", "asinh"), "image": ("none", "mean-std")}
"""What may be done to each output's images after they are divided by ``scale``."""


def cosmics_finder(network):
    """Return a `CosmicRayFinder` or a `CosmicRayFiller`, by the output that the network has.

    Parameters
    ----------
    network : desinn.nn.Network

    Returns
    -------
    CosmicRayFinder or CosmicRayFiller

    Raises
    ------
    ValueError
        If the network has another output, or its header does not say all that is needed.
    """
    outputs = list(network.graph.outputs)
    kinds = {"probability": CosmicRayFinder, "image": CosmicRayFiller}
    if len(outputs) != 1 or outputs[0] not in kinds:
        raise ValueError(f"outputs: expected one of {', '.join(kinds)}, found {outputs}")
    return kinds[outputs[0]](network)


class _ImageNetwork:
    """Runs a network on a whole image, prepared as its header says.

    Parameters
    ----------
    network : desinn.nn.Network
        Of kind ``cosmics``: one input (B, Y, X, C), one output (B, Y, X, 1).

    Raises
    ------
    ValueError
        If the network's header does not say all that is needed.
    """

    def __init__(self, network):
        self.network = network
        self._prepare = section(network.header, "prepare", PREPARE)
        self._output = next(iter(network.graph.outputs))
        expected = {
            "normalize": NORMALIZE[self._output],
            "pad_side": ("low",),
            "channels": (CHANNELS[self._output],),
        }
        for key, choices in expected.items():
            if self._prepare[key] not in choices:
                found = self._prepare[key]
                raise ValueError(f"prepare: {key}: expected one of {choices}, found {found!r}")
        for key in ("scale", "pad_multiple"):
            if not self._prepare[key] > 0:
                raise ValueError(f"prepare: {key}: expected above 0, found {self._prepare[key]}")
        self._check_shapes()

    def _check_shapes(self):
        """Raise unless an image comes out as large as it goes in, and can be cut into tiles."""
        graph = self.network.graph
        step = max(period(graph))
        if self._prepare["pad_multiple"] % step:
            found = self._prepare["pad_multiple"]
            raise ValueError(
                f"prepare: pad_multiple: expected a multiple of the strides, {step}, found {found}"
            )
        size = 8 * self._prepare["pad_multiple"]
        shape = (size, size, len(self._prepare["channels"]))
        shapes = graph.shapes_for(dict.fromkeys(graph.inputs, shape))
        found = shapes[graph.outputs[self._output]]
        if found != (size, size, 1):
            raise ValueError(f"outputs: expected {(size, size, 1)} for {shape}, found {found}")

    def prepare(self, image, mask=None):
        """Return the network's input, and how to turn its values back into the image's.

        Parameters
        ----------
        image : array_like, shape (Y, X)
            In electrons, any real dtype and byte order; finite.
        mask : array_like of bool, shape (Y, X), optional
            What is to be filled in, for networks that do so.

        Returns
        -------
        x : ndarray of float32, shape (1, Y', X', C)
            Scaled, normalised and padded at the low sides to a multiple of ``pad_multiple``.
        mean, deviation : float
            ``image = (x * deviation + mean) * scale``, where nothing else is done to it.

        Raises
        ------
        ValueError
            If the image is not two-dimensional, not finite, or the mask has another shape.
        """
        image = _checked_image(image) / np.float32(self._prepare["scale"])
        mean, deviation = np.float32(0), np.float32(1)
        if self._prepare["normalize"] == "mean-std":
            mean, deviation = image.mean(), image.std()
            if not deviation > 0:
                raise ValueError("image: all pixels are equal, a mean-std network needs others")
            image = (image - mean) / deviation
        elif self._prepare["normalize"] == "asinh":
            image = np.arcsinh(image)
        if self._output == "probability":
            layers = [image]
        else:
            mask = _checked_mask(mask, image.shape)
            layers = [image * (1 - mask), mask]
        x = np.stack(layers, axis=-1)  # (Y, X) -> (Y, X, C)
        multiple = self._prepare["pad_multiple"]
        before = [(-n % multiple, 0) for n in image.shape]
        padded = np.pad(x, [*before, (0, 0)], constant_values=self._prepare["pad_value"])
        return padded[np.newaxis], mean, deviation

    def _run(self, x, shape):
        """Return the output without the padding: (1, Y', X', 1) -> (Y, X)."""
        y = self.network.on_tiles(x[0], self._output)[:, :, 0]
        return y[y.shape[0] - shape[0] :, y.shape[1] - shape[1] :]


class CosmicRayFinder(_ImageNetwork):
    """Marks cosmic rays in CCD images.

    Pixels that are masked, and those that are not finite, are interpolated from their neighbours
    before the network sees them (`desinn.finders.holes.fill_holes`), and are never marked: what a
    ray left there nobody can tell.

    Parameters
    ----------
    network : desinn.nn.Network
        With the output ``probability``.

    Attributes
    ----------
    threshold : float
        A pixel with a larger probability is a cosmic ray.

    Examples
    --------
    >>> from desinn import load_model
    >>> finder = load_model("cosmics.npz")  # doctest: +SKIP
    >>> rays = finder.find(image, mask=mask)  # doctest: +SKIP
    """

    def __init__(self, network):
        super().__init__(network)
        self.threshold = section(network.header, "interpret", {"threshold": float})["threshold"]

    def probability(self, image, mask=None):
        """Return for each pixel the probability that a cosmic ray hit it.

        The image is run in tiles, on as many threads as BLAS would use.

        Parameters
        ----------
        image : array_like, shape (Y, X)
            In electrons, any real dtype and byte order.
        mask : array_like, shape (Y, X), optional
            Pixels that are no good: true, or any bit set.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            0 where a pixel is masked or not finite.

        Raises
        ------
        ValueError
            If the image is not two-dimensional, or the mask has another shape.
        """
        image, bad = _good_and_bad(image, mask)
        if bad.all():  # as where all amplifiers are bad; nothing to normalise by
            return np.zeros(image.shape, np.float32)
        x, _, _ = self.prepare(fill_holes(image, bad))
        result = self._run(x, image.shape)
        result[bad] = 0
        return result

    def find(self, image, threshold=None, mask=None):
        """Return which pixels a cosmic ray hit.

        Parameters
        ----------
        image : array_like, shape (Y, X)
        threshold : float, optional
            In place of the file's own.
        mask : array_like, shape (Y, X), optional
            As for `probability`.

        Returns
        -------
        ndarray of bool, shape (Y, X)
        """
        least = self.threshold if threshold is None else threshold
        return self.probability(image, mask) > least

    def clean(self, image, threshold=None, mask=None):
        """Return the image with the pixels that a cosmic ray hit interpolated.

        Parameters
        ----------
        image : array_like, shape (Y, X)
        threshold, mask
            As for `find`. What is masked stays as it is, and nothing is interpolated from it.

        Returns
        -------
        cleaned : ndarray of float32, shape (Y, X)
        rays : ndarray of bool, shape (Y, X)
        """
        rays = self.find(image, threshold, mask)
        image, bad = _good_and_bad(image, mask)
        return np.where(rays, fill_holes(image, rays | bad), image), rays


class CosmicRayFiller(_ImageNetwork):
    """Fills in pixels that cosmic rays hit, from their neighbourhood.

    Parameters
    ----------
    network : desinn.nn.Network
        With the output ``image``.
    """

    def fill(self, image, mask):
        """Return the image with new values where the mask is set.

        Parameters
        ----------
        image : array_like, shape (Y, X)
            In electrons.
        mask : array_like of bool, shape (Y, X)

        Returns
        -------
        ndarray of float32, shape (Y, X)
        """
        x, mean, deviation = self.prepare(image, mask)
        filled = self._run(x, np.shape(image)) * deviation + mean
        filled *= np.float32(self._prepare["scale"])
        return np.where(mask, filled, _checked_image(image))


def _good_and_bad(image, mask):
    """Return an image as float32, and which pixels are masked or not finite."""
    image = _checked_image(image, finite=False)
    bad = ~np.isfinite(image)
    if mask is not None:
        bad |= _checked_mask(mask, image.shape) > 0
    return image, bad


def _checked_image(image, finite=True):
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype.kind not in "fiu" or not image.size:
        found = f"{image.dtype} of shape {image.shape}"
        raise ValueError(f"image: expected real numbers of shape (Y, X), found {found}")
    with np.errstate(over="ignore"):  # what is too large for float32 is not finite then
        image = image.astype(np.float32)
    bad = np.count_nonzero(~np.isfinite(image)) if finite else 0
    if bad:
        raise ValueError(
            f"image: expected finite pixels, found {bad} of {image.size} that are not"
        )
    return image


def _checked_mask(mask, shape):
    mask = np.asarray(mask, dtype=bool)
    if mask.shape != shape:
        raise ValueError(f"mask: expected shape {shape} as the image's, found {mask.shape}")
    return mask.astype(np.float32)

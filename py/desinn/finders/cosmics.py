"""Cosmic rays: U-Nets that mark them in an image, and that fill in what they cover.

Source: Zhang & Bloom 2020 (deepCR, arXiv:1907.09500).
"""

import numpy as np

from ..nn.tiling import period
from .header import section
from .holes import fill_holes
from .image_input import (
    ImageInput,
    bad_pixels,
    checked_image,
    checked_mask,
    read_prepare,
)


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
        self._output = next(iter(network.graph.outputs))
        self._prepare = read_prepare(network.header, self._output)
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
        """Return the network's input for an image that is whole.

        Parameters
        ----------
        image : array_like, shape (Y, X)
            In electrons, any real dtype and byte order; finite.
        mask : array_like of bool, shape (Y, X), optional
            What is to be filled in, for networks that do so.

        Returns
        -------
        ImageInput
            Of shape (Y', X', C): scaled, normalised and padded at the low sides to a multiple
            of ``pad_multiple``. ``[:, :]`` is all of it.

        Raises
        ------
        ValueError
            If the image is not two-dimensional, not finite, or the mask has another shape; or if
            all pixels are equal, for a network whose images are normalised.
        """
        image = checked_image(image)
        if bad := np.count_nonzero(bad_pixels(image)):
            raise ValueError(
                f"image: expected finite pixels, found {bad} of {image.size} that are not"
            )
        if self._output == "probability":
            return ImageInput(self._prepare, image)
        return ImageInput(self._prepare, image, mask=checked_mask(mask, image.shape))

    def _run(self, x, shape):
        """Return the output without the padding: an `ImageInput` -> (Y, X)."""
        y = self.network.on_tiles(x, self._output)[:, :, 0]
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
            If the image is not two-dimensional, or the mask has another shape; or if all pixels
            that are left are equal, for a network whose images are normalised.
        """
        image, bad = _good_and_bad(image, mask)
        if bad.all():  # as where all amplifiers are bad; nothing to normalise by
            return np.zeros(image.shape, np.float32)
        result = self._run(ImageInput(self._prepare, image, bad), image.shape)
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
        with np.errstate(over="ignore"):  # what is too large for float32 stays, as infinite
            image = image.astype(np.float32)
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

        Raises
        ------
        ValueError
            As for `prepare`.
        """
        x = self.prepare(image, mask)
        filled = self._run(x, np.shape(image)) * x.deviation + x.mean
        filled *= np.float32(self._prepare["scale"])
        return np.where(mask, filled, np.asarray(image, np.float32))


def _good_and_bad(image, mask):
    """Return an image, and which pixels are masked or not finite."""
    image = checked_image(image)
    bad = bad_pixels(image)
    if mask is not None:
        bad |= checked_mask(mask, image.shape)
    return image, bad

"""Pooling: max and average, under windows or over everything."""

import math

import numpy as np

from . import geometry
from .ops import Whole, flag, padding, positives, register, show

LARGEST_WINDOW = 2**16
"""Pixels: they are taken one by one."""


class Windowed(geometry.Sliding):
    """What has the windows of a pool."""

    schema = {"kernel": positives, "stride": positives, "padding": padding}

    @property
    def dilation(self):
        """Windows have no gaps."""
        return (1,) * len(self.kernel)

    def pooled_shape(self, shape):
        """Return the number of windows along each axis, and C."""
        self.check_rank(shape, "a pool")
        if math.prod(self.kernel) > LARGEST_WINDOW:
            raise ValueError(f"windows {self.kernel} have more than {LARGEST_WINDOW} pixels")
        explicit = () if isinstance(self.padding, str) else self.padding
        if any(max(pair) >= k for pair, k in zip(explicit, self.kernel, strict=False)):
            raise ValueError(
                f"padding {explicit} would leave windows {self.kernel} without a pixel"
            )
        return (*self.outputs(shape[:-1]), shape[-1])

    def _taps(self, x, value):
        """Yield, for each position in the kernel, the pixels that it sees."""
        sizes = x.shape[1:-1]
        padded = geometry.pad(x, self.pads(sizes), value)
        for _, view in geometry.taps(padded, self.kernel, self.stride, self.outputs(sizes)):
            yield view


class Pool(Windowed):
    """One number for each window and channel."""

    def output_shape(self, shape):
        """Return the number of windows along each axis, and C."""
        return self.pooled_shape(shape)

    def _combined(self, x, value, combine):
        """Return what a ufunc makes of the pixels under each window; `value` is the padding."""
        views = self._taps(x, value)
        result = next(views).copy()
        for view in views:
            combine(result, view, out=result)
        return result


@register("max_pool")
class MaxPool(Pool):
    """The largest pixel under each window; padding never wins."""

    def apply(self, params, x):
        """Return the maxima."""
        return self._combined(x, -np.inf, np.maximum)


@register("average_pool")
class AveragePool(Pool):
    """The mean of the pixels under each window.

    With `count_padding` zeros of the padding count as pixels (torch's default), without it the
    mean is over true pixels only (TensorFlow).
    """

    schema = {**Pool.schema, "count_padding": flag}

    def apply(self, params, x):
        """Return the means."""
        total = self._combined(x, 0.0, np.add)
        if self.count_padding or self.padding == "valid":
            return total / x.dtype.type(np.prod(self.kernel))
        ones = np.ones((1, *x.shape[1:-1], 1), x.dtype)
        return total / self._combined(ones, 0.0, np.add)


class GlobalPool(Whole):
    """One number for each channel, of all pixels.

    With `keep_axes` each spatial axis stays, of size 1; without it C alone does.
    """

    schema = {"keep_axes": flag}

    def output_shape(self, shape):
        """Return C, behind ones for the spatial axes where they are kept."""
        if len(shape) < 2:
            raise ValueError(f"a global pool takes a shape of (..., C), found {show(shape)}")
        ones = (1,) * (len(shape) - 1)
        return (*ones, shape[-1]) if self.keep_axes else shape[-1:]

    @staticmethod
    def _spatial(x):
        return tuple(range(1, x.ndim - 1))


@register("global_max_pool")
class GlobalMaxPool(GlobalPool):
    """The largest pixel of each channel."""

    def apply(self, params, x):
        """Return the maxima."""
        return x.max(axis=self._spatial(x), keepdims=self.keep_axes)


@register("global_average_pool")
class GlobalAveragePool(GlobalPool):
    """The mean of all pixels of each channel."""

    def apply(self, params, x):
        """Return the means; added up in float64, as there may be many pixels."""
        axes = self._spatial(x)
        return x.mean(axis=axes, keepdims=self.keep_axes, dtype=np.float64).astype(x.dtype)

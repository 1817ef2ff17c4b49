"""Pooling: max and average."""

import numpy as np

from . import geometry
from .ops import Op, flag, padding, positives, register, spatial_rank


class Pool(Op):
    """One number for each window and channel."""

    schema = {"kernel": positives, "stride": positives, "padding": padding}

    @property
    def dilation(self):
        """Windows have no gaps."""
        return (1,) * len(self.kernel)

    def output_shape(self, shape):
        """Return the number of windows along each axis, and C."""
        spatial_rank(shape, len(self.kernel), "a pool")
        geometry.same_rank(kernel=self.kernel, stride=self.stride, padding=self.padding)
        explicit = () if isinstance(self.padding, str) else self.padding
        if any(max(pair) >= k for pair, k in zip(explicit, self.kernel, strict=False)):
            raise ValueError(
                f"padding {explicit} would leave windows {self.kernel} without a pixel"
            )
        return (*self._outputs(shape[:-1]), shape[-1])

    def _outputs(self, sizes):
        return geometry.output_sizes(sizes, self.kernel, self.stride, self.dilation, self.padding)

    def reach(self, axis, low, high, size):
        """Return the pixels under the windows."""
        return geometry.reach(self, axis, low, high, size)

    def _windows(self, x, value):
        """Return the outputs' size and, for each position in the kernel, the pixels it sees."""
        sizes = x.shape[1:-1]
        amounts = geometry.pads(sizes, self.kernel, self.stride, self.dilation, self.padding)
        outputs = self._outputs(sizes)
        padded = geometry.pad(x, amounts, value)
        return outputs, (
            view for _, view in geometry.taps(padded, self.kernel, self.stride, outputs)
        )


@register("max_pool")
class MaxPool(Pool):
    """The largest pixel under each window; padding never wins."""

    def apply(self, params, x):
        """Return the maxima."""
        _, views = self._windows(x, -np.inf)
        result = next(views).copy()
        for view in views:
            np.maximum(result, view, out=result)
        return result


@register("average_pool")
class AveragePool(Pool):
    """The mean of the pixels under each window.

    With `count_padding` zeros of the padding count as pixels (torch's default), without it the
    mean is over true pixels only (TensorFlow).
    """

    schema = {**Pool.schema, "count_padding": flag}

    def apply(self, params, x):
        """Return the means."""
        total = self._sum(x)
        if self.count_padding or self.padding == "valid":
            return total / x.dtype.type(np.prod(self.kernel))
        return total / self._sum(np.ones((1, *x.shape[1:-1], 1), x.dtype))

    def _sum(self, x):
        _, views = self._windows(x, 0.0)
        result = next(views).copy()
        for view in views:
            result += view
        return result

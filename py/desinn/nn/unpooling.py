"""Unpooling: back to the size before a pool, by repetition or by the places of the maxima."""

import numpy as np

from . import geometry
from .ops import Op, along, positives, register, show, spatial_rank
from .pooling import Windowed


@register("unpool")
class Unpool(Op):
    """Each pixel repeated so many times along each axis: nearest-neighbour upsampling."""

    schema = {"factors": positives}

    def output_shape(self, shape):
        """Return the larger shape."""
        spatial_rank(shape, len(self.factors), "an unpool")
        sizes = zip(shape[:-1], self.factors, strict=True)
        return (*(None if n is None else n * f for n, f in sizes), shape[-1])

    def apply(self, params, x):
        """Return `x` with its pixels repeated."""
        for axis, factor in enumerate(self.factors, 1):
            x = np.repeat(x, factor, axis=axis)
        return x

    def run(self, params, arrays, out, finish, scratch):
        """Finish every pixel once, and copy it to where it repeats."""
        views = (
            out[(slice(None), *map(slice, first, (None,) * len(first), self.factors))]
            for first in np.ndindex(*self.factors)
        )
        done = next(views)
        finish(arrays[0], done)
        for view in views:
            np.copyto(view, done)

    def reach(self, axis, low, high, size):
        """Return the pixels that repeat there."""
        factor = self.factors[axis]
        return low // factor, high // factor

    def turns(self, axis):
        """Return the factor: so many pixels are the same one."""
        return along(self.factors, axis)


@register("max_unpool")
class MaxUnpool(Windowed):
    """Each pixel to where a max pool had found its window's largest; 0 elsewhere.

    Two inputs: the pixels (B, *pooled, C), and the array (B, *sizes, C) that the max pool took,
    in which the places are found anew; kernel, stride and padding are the pool's. So the output
    has the size that the pool took, whatever its remainder, and no indices are handed on. Of
    equal pixels the first in a window counts (in C order); where windows overlap and several put
    something on one pixel, the last window does.
    """

    arity = 2

    def output_shape(self, shape, taken):
        """Return the shape of what the max pool took."""
        pooled = self.pooled_shape(taken)
        if shape != pooled:
            raise ValueError(
                f"expected the shape {show(pooled)} of the max pool of {show(taken)}, "
                f"found {show(shape)}"
            )
        return taken

    def apply(self, params, x, taken):
        """Return zeros with the pixels of `x` among them."""
        winners = self._winners(taken)
        amounts = self.pads(taken.shape[1:-1])
        full = geometry.pad(np.zeros(taken.shape, x.dtype), amounts)
        taps = [view for _, view in geometry.taps(full, self.kernel, self.stride, x.shape[1:-1])]
        # Of several windows over a pixel, the last has it at the first of its places.
        for tap in reversed(range(len(taps))):
            np.copyto(taps[tap], x, where=winners == tap)
        return geometry.crop(full, amounts)

    def _winners(self, taken):
        """Return for each window and channel the place in the kernel of the largest pixel."""
        views = self._taps(taken, -np.inf)
        largest = next(views).copy()
        winners = np.zeros(largest.shape, np.intp)
        for tap, view in enumerate(views, 1):
            np.copyto(winners, tap, where=view > largest)
            np.maximum(largest, view, out=largest)
        return winners

    def reach_in(self, number, axis, low, high, sizes):
        """Return the windows over the pixels `low` to `high`, or what these windows saw."""
        before = -self.reach(axis, 0, 0, sizes[1])[0]
        extent, stride = self.kernel[axis], self.stride[axis]
        ends = -((extent - 1 - low - before) // stride), (high + before) // stride
        first, last = min(ends), max(ends)  # between windows there is none
        return self.reach(axis, first, last, sizes[1]) if number else (first, last)

    def turns(self, axis):
        """Return the stride: so many pixels lie between two windows."""
        return along(self.stride, axis)

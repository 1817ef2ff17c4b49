"""Layers that join arrays or only move pixels: add, concat, crop, pad, reshape and others."""

import math

import numpy as np

from .geometry import crop, pad
from .ops import (
    Op,
    Whole,
    counts,
    integer,
    integers,
    number,
    register,
    show,
    sizes,
    spatial_rank,
)


@register("add")
class Add(Op):
    """The sum of arrays of one shape, such as a layer's output and what went into it."""

    arity = None

    def output_shape(self, *shapes):
        """Return the shape that all have."""
        if len(set(shapes)) > 1:
            raise ValueError(f"shapes must agree, found {' and '.join(map(show, shapes))}")
        return shapes[0]

    def apply(self, params, *arrays):
        """Return the sum."""
        return sum(arrays[1:], start=arrays[0])

    def run(self, params, arrays, out, finish, scratch):
        """Add into `out` and finish there."""
        total = arrays[0]
        for array in arrays[1:]:
            total = np.add(total, array, out=out)
        finish(total, out)


@register("concat")
class Concat(Op):
    """Arrays side by side along an axis, counted with B as 0."""

    schema = {"axis": integer}
    arity = None

    def output_shape(self, *shapes):
        """Return the first shape with the sizes along the axis added up."""
        rank = len(shapes[0]) + 1
        axis = self.axis + rank if self.axis < 0 else self.axis
        if not 0 < axis < rank:
            raise ValueError(f"axis {self.axis} is not one of the {rank - 1} axes after B")
        if any(len(shape) != rank - 1 for shape in shapes):
            raise ValueError(f"shapes must have one rank, found {', '.join(map(show, shapes))}")
        rest = {(*shape[: axis - 1], None, *shape[axis:]) for shape in shapes}
        if len(rest) > 1:
            found = " and ".join(show(shape) for shape in shapes)
            raise ValueError(f"shapes must agree but for axis {self.axis}, found {found}")
        sizes = [shape[axis - 1] for shape in shapes]
        total = None if None in sizes else sum(sizes)
        return (*shapes[0][: axis - 1], total, *shapes[0][axis:])

    def apply(self, params, *arrays):
        """Return the arrays joined."""
        return np.concatenate(arrays, axis=self.axis)

    def reach(self, axis, low, high, size):
        """Return the same pixels, but along the axis of the joint; all, where it may be that."""
        return None if self.axis == axis + 1 or self.axis < -1 else (low, high)


class Ends(Op):
    """What puts pixels at the ends of each spatial axis (`sign` 1), or takes them away (-1)."""

    schema = {"amounts": counts}

    def output_shape(self, shape):
        """Return the larger or smaller shape."""
        spatial_rank(shape, len(self.amounts), f"a {self.name}")
        pairs = zip(shape[:-1], self.amounts, strict=True)
        return (*(_change(n, self.sign * a, self.sign * b) for n, (a, b) in pairs), shape[-1])

    def reach(self, axis, low, high, size):
        """Return the same pixels, counted from where the input begins."""
        before = self.sign * self.amounts[axis][0]
        return low - before, high - before


@register("crop")
class Crop(Ends):
    """Cut pixels from both ends of each spatial axis."""

    sign = -1

    def apply(self, params, x):
        """Return the middle of `x`."""
        return crop(x, self.amounts)


@register("pad")
class Pad(Ends):
    """Put pixels of one value before and after each spatial axis."""

    schema = {**Ends.schema, "value": number}
    sign = 1

    def apply(self, params, x):
        """Return `x` with its border."""
        return pad(x, self.amounts, self.value)


@register("reshape")
class Reshape(Whole):
    """Another shape (without B) for the same values in the same order; one size may be -1."""

    schema = {"shape": sizes}

    def output_shape(self, shape):
        """Return the new shape with -1 worked out."""
        if None in shape:
            raise ValueError(f"a reshape must know its input's shape, found {show(shape)}")
        known = math.prod(n for n in self.shape if n != -1)
        free = self.shape.count(-1)
        total = math.prod(shape)
        fits = total % known == 0 if free else known == total
        if not fits:
            raise ValueError(
                f"{total} values {show(shape)} do not fill the shape {show(self.shape)}"
            )
        return tuple(total // known if n == -1 else n for n in self.shape)

    def apply(self, params, x):
        """Return `x` in the new shape."""
        return x.reshape(len(x), *self.output_shape(x.shape[1:]))


@register("flatten")
class Flatten(Whole):
    """All axes but B as one, the channels running fastest."""

    def output_shape(self, shape):
        """Return the number of values."""
        if None in shape:
            raise ValueError(f"a flatten must know its input's shape, found {show(shape)}")
        return (math.prod(shape),)

    def apply(self, params, x):
        """Return an array of shape (B, C)."""
        return x.reshape(len(x), math.prod(x.shape[1:]))  # not -1: B may be 0


@register("transpose")
class Transpose(Whole):
    """The axes after B in another order: a permutation of 1, 2, ..."""

    schema = {"axes": integers}

    def output_shape(self, shape):
        """Return the permuted shape."""
        if sorted(self.axes) != list(range(1, len(shape) + 1)):
            expected = ", ".join(map(str, range(1, len(shape) + 1)))
            raise ValueError(f"axes must be {expected} in some order, found {show(self.axes)}")
        return tuple(shape[a - 1] for a in self.axes)

    def apply(self, params, x):
        """Return a view with the axes exchanged."""
        return x.transpose(0, *self.axes)


def _change(size, before, after):
    if size is None:
        return None
    if size + before + after < 1:
        raise ValueError(f"nothing is left of a size of {size} less {-before} and {-after}")
    return size + before + after

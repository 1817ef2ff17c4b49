"""Sizes, paddings and windows: the arithmetic that convolution and pooling share.

Everything is n-dimensional: a spatial size, kernel, stride, dilation or padding is a sequence
with one entry for each spatial axis. A size that is not known yet is None.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .ops import Op, spatial_rank


def effective(kernel, dilation):
    """Return the extent of a dilated kernel along each axis.

    Parameters
    ----------
    kernel, dilation : sequence of int

    Returns
    -------
    tuple of int
    """
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


def pads(sizes, kernel, stride, dilation, padding):
    """Return how many zeros stand before and after each spatial axis.

    Parameters
    ----------
    sizes : sequence of int or None
        The spatial size of the input. Where it is None and the stride is not 1, a multiple of
        the stride is assumed.
    kernel, stride, dilation : sequence of int
        One entry for each axis.
    padding : str or sequence of (int, int)
        ``"valid"``, ``"same"`` (TensorFlow's arithmetic: the odd zero goes to the end, and the
        amount depends on the size), or the amounts themselves.

    Returns
    -------
    list of (int, int)
    """
    if padding == "valid":
        return [(0, 0)] * len(kernel)
    if padding == "same":
        extents = effective(kernel, dilation)
        return [_same(n, k, s) for n, k, s in zip(sizes, extents, stride, strict=True)]
    return [tuple(pair) for pair in padding]


def _same(size, extent, stride):
    remainder = size % stride if size is not None else 0
    total = max(extent - (remainder or stride), 0)
    return total // 2, total - total // 2


def output_sizes(sizes, kernel, stride, dilation, padding):
    """Return the spatial size of a convolution's or a pooling's output (None where unknown).

    Parameters
    ----------
    sizes, kernel, stride, dilation, padding
        As for `pads`.

    Returns
    -------
    tuple of int or None

    Raises
    ------
    ValueError
        If the kernel is larger than the padded input.
    """
    amounts = pads(sizes, kernel, stride, dilation, padding)
    extents = effective(kernel, dilation)
    out = []
    for n, k, s, (low, high) in zip(sizes, extents, stride, amounts, strict=True):
        if n is not None and n + low + high < k:
            raise ValueError(
                f"a kernel that spans {k} does not fit into a padded size of {n + low + high}"
            )
        out.append(None if n is None else (n + low + high - k) // s + 1)
    return tuple(out)


def transposed_crops(kernel, stride, padding):
    """Return what is cut from each end of the full output of a transposed convolution.

    The full output of n pixels is ``(n - 1) * stride + kernel`` long. ``"valid"`` and ``"same"``
    are TensorFlow's: outputs of ``n * stride + max(kernel - stride, 0)`` and ``n * stride``.
    A negative amount adds zeros instead (torch's ``output_padding``).

    Parameters
    ----------
    kernel, stride : sequence of int
    padding : str or sequence of (int, int)

    Returns
    -------
    list of (int, int)
    """
    if padding == "valid":
        return [(0, min(k - s, 0)) for k, s in zip(kernel, stride, strict=True)]
    if padding == "same":
        lows = [max(k - s, 0) // 2 for k, s in zip(kernel, stride, strict=True)]
        return [(low, k - s - low) for low, k, s in zip(lows, kernel, stride, strict=True)]
    return [tuple(pair) for pair in padding]


def pad(x, amounts, value=0.0):
    """Pad the spatial axes of `x`; return `x` itself where there is nothing to do.

    Parameters
    ----------
    x : ndarray, shape (B, ..., C)
    amounts : sequence of (int, int)
        Before and after each spatial axis.
    value : float

    Returns
    -------
    ndarray
    """
    if not any(low or high for low, high in amounts):
        return x
    return np.pad(x, [(0, 0), *amounts, (0, 0)], constant_values=value)


def crop(x, amounts):
    """Cut the spatial axes of `x`: a view.

    Parameters
    ----------
    x : ndarray, shape (B, ..., C)
    amounts : sequence of (int, int)
        Before and after each spatial axis.

    Returns
    -------
    ndarray
    """
    sizes = zip(amounts, x.shape[1:-1], strict=True)
    return x[(slice(None), *(slice(low, n - high) for (low, high), n in sizes))]


def patches(x, kernel, stride, dilation):
    """Return all windows of `x` as a view that copies nothing.

    Parameters
    ----------
    x : ndarray, shape (B, *sizes, C)
        Already padded; any strides.
    kernel, stride, dilation : sequence of int

    Returns
    -------
    ndarray, shape (B, *output, *kernel, C)
        A read-only view in which pixels repeat.
    """
    outputs = output_sizes(x.shape[1:-1], kernel, stride, dilation, "valid")
    steps = x.strides[1:-1]
    shape = (x.shape[0], *outputs, *kernel, x.shape[-1])
    over = tuple(t * s for t, s in zip(steps, stride, strict=True))
    within = tuple(t * d for t, d in zip(steps, dilation, strict=True))
    strides = (x.strides[0], *over, *within, x.strides[-1])
    return as_strided(x, shape, strides, writeable=False)


def taps(x, kernel, stride, outputs):
    """Yield, for each position in the kernel, its index and the pixels that it sees.

    Parameters
    ----------
    x : ndarray, shape (B, *sizes, C)
        Already padded.
    kernel, stride, outputs : sequence of int
        `outputs` is the spatial size of the result.

    Yields
    ------
    index : tuple of int
    view : ndarray, shape (B, *outputs, C)
    """
    for index in np.ndindex(*kernel):
        spans = zip(index, stride, outputs, strict=True)
        cut = tuple(slice(i, i + (n - 1) * s + 1, s) for i, s, n in spans)
        yield index, x[(slice(None), *cut)]


def same_rank(**attributes):
    """Raise a ValueError unless all attributes that are sequences have one entry for each axis.

    Parameters
    ----------
    **attributes : sequence or str
    """
    ranks = {k: len(v) for k, v in attributes.items() if not isinstance(v, str)}
    if len(set(ranks.values())) > 1:
        found = ", ".join(f"{k} {n}" for k, n in ranks.items())
        raise ValueError(
            f"kernel, stride, dilation and padding must have one entry an axis, found {found}"
        )


class Sliding(Op):
    """A layer whose windows slide over its input: it has kernel, stride, dilation, padding."""

    def pads(self, sizes):
        """Return how many zeros stand before and after each spatial axis of such an input."""
        return pads(sizes, self.kernel, self.stride, self.dilation, self.padding)

    def outputs(self, sizes):
        """Return the number of windows along each spatial axis of such an input."""
        return output_sizes(sizes, self.kernel, self.stride, self.dilation, self.padding)

    def check_rank(self, shape, what):
        """Raise a ValueError unless a shape and the attributes have one rank."""
        spatial_rank(shape, len(self.kernel), what)
        same_rank(
            kernel=self.kernel, stride=self.stride, dilation=self.dilation, padding=self.padding
        )

    def spare_shape(self, *shapes):
        """Return the shape of the padded input, the last one; what is not known counts as 0."""
        *sizes, channels = shapes[-1]
        amounts = zip(sizes, self.pads(sizes), strict=True)
        return (*((n or 0) + low + high for n, (low, high) in amounts), channels)

    def reach(self, axis, low, high, size):
        """Return the first and last pixel of the input under the windows `low` to `high`."""
        sizes = [None] * axis + [size] + [None] * (len(self.kernel) - axis - 1)
        first = low * self.stride[axis] - self.pads(sizes)[axis][0]
        extent = effective(self.kernel, self.dilation)[axis]
        return first, first + (high - low) * self.stride[axis] + extent - 1

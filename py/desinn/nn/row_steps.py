"""Layers over images that lie row by row, channels between: arrays (Y, C, X).

A convolution multiplies a matrix with windows of rows that lie in memory one behind another: the
rows y to y + k of all channels are a matrix of k C lines as they are, without a copy. What each
column of the kernel gives is moved along x and added afterwards.

Each class here is one family of layers: made from a folded step, run over blocks of rows so small
that what is made of them stays in the cache.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from . import geometry
from .convolution import Conv, TransposedConv
from .pooling import AveragePool, MaxPool

BLOCK_VALUES = 2**19
"""How many values of a layer are worked on at once: 2 MB; found by measuring."""


def supported(step):
    """Return whether a layer can be run so.

    Parameters
    ----------
    step : desinn.nn.folding.Step

    Returns
    -------
    bool
    """
    family = FAMILIES.get(type(step.op))
    return family is not None and len(step.op.kernel) == 2 and family.takes(step.op)


class ConvRows:
    """A convolution.

    Parameters
    ----------
    step : desinn.nn.folding.Step
    """

    def __init__(self, step):
        self._op = step.op
        self._gaps = step.op.dilation[0] > 1
        high, wide = step.op.kernel
        matrix, bias = step.params["matrix"][:-1], step.params["matrix"][-1]
        self._bias = bias[:, np.newaxis]
        self._whole = np.ascontiguousarray(matrix.T)  # (filters, high wide C)
        kernel = matrix.reshape(high, wide, -1, len(bias)).transpose(1, 3, 0, 2)
        # (wide, filters, high, C) -> (wide filters, high C)
        self._columns = np.ascontiguousarray(kernel.reshape(wide * len(bias), -1))

    @staticmethod
    def takes(op):
        """Return whether it can be run so: all can."""
        return True

    def run(self, x, out, finish, scratch):
        """Write the layer's output.

        Parameters
        ----------
        x : ndarray, shape (Y, C, X)
            With the zeros that the padding adds.
        out : ndarray, shape (Y', filters, X')
        finish : callable
            The activation: ``finish(x, out)``.
        scratch : desinn.nn.arena.Arena
        """
        slides = self._slides(x)
        parts = self._slide if slides else self._unfold
        made = len(self._columns) if slides else self._unfolded(x.shape[1])
        for rows in _blocks(out, made):
            target = out[rows]
            first, *others = parts(x[rows.start * self._op.stride[0] :], target, scratch)
            np.add(first, self._bias, out=target)
            for part in others:
                target += part
            finish(target, target)

    def _slides(self, x):
        """Return whether windows of rows are matrices as they lie in memory."""
        behind = x.strides[0] == x.shape[1] * x.strides[1]  # not so for a part of the channels
        plain = self._op.stride[1] == 1 and not self._gaps
        return plain and (behind or self._op.kernel[0] == 1)

    def _unfolded(self, channels):
        """Return how many values are copied or summed for each pixel of the output."""
        lines = self._op.kernel[0] if self._gaps else self._op.stride[0]
        return max(len(self._whole), lines * self._op.kernel[1] * channels)

    def _slide(self, x, out, scratch):
        """Return what each column of the kernel adds, multiplied with all of x at once."""
        rows, filters, width = out.shape
        (high, wide), step = self._op.kernel, self._op.dilation[1]
        stack = _stacked(x, rows, high, self._op.stride[0])
        sums = scratch.take("sums", (rows, wide, filters, x.shape[2]))
        np.matmul(self._columns, stack, out=sums.reshape(rows, wide * filters, -1))
        return [sums[:, k, :, k * step : k * step + width] for k in range(wide)]

    def _unfold(self, x, out, scratch):
        """Return the whole sums, after windows were unfolded: along x, and y if it has gaps."""
        rows, filters, width = out.shape
        (high, wide), (down, right) = self._op.kernel, self._op.stride
        below, beside = self._op.dilation
        row, channel, pixel = x.strides
        if self._gaps:
            lines, steps = (rows, high), (row * down, row * below)
        else:
            lines, steps = ((rows - 1) * down + high, 1), (row, row)
        taps = as_strided(
            x,
            (*lines, wide, x.shape[1], width),
            (*steps, pixel * beside, channel, pixel * right),
            writeable=False,
        )
        columns = scratch.take("columns", taps.shape)
        np.copyto(columns, taps)
        columns = columns.reshape(lines[0], -1, width)
        stack = columns if self._gaps else _stacked(columns, rows, high, down)
        sums = scratch.take("sums", (rows, filters, width))
        np.matmul(self._whole, stack, out=sums)
        return [sums]


class TransposedRows:
    """A transposed convolution whose kernels lie side by side.

    Parameters
    ----------
    step : desinn.nn.folding.Step
    """

    def __init__(self, step):
        self._kernel = step.op.kernel
        kernel, bias = step.params["kernel"], step.params["bias"]
        taps = np.prod(self._kernel)
        self._bias = np.tile(bias, taps)[:, np.newaxis]
        # (high, wide, C, filters) -> (high wide filters, C)
        matrix = kernel.transpose(0, 1, 3, 2).reshape(taps * len(bias), -1)
        self._matrix = np.ascontiguousarray(matrix)

    @staticmethod
    def takes(op):
        """Return whether no pixel of the output belongs to two of the input, or is cut off."""
        crops = geometry.transposed_crops(op.kernel, op.stride, op.padding)
        return op.kernel == op.stride and not np.any(crops)

    def run(self, x, out, finish, scratch):
        """Write the layer's output (Y high, filters, X wide); else as `ConvRows.run`."""
        high, wide = self._kernel
        width = x.shape[2]
        for rows in _blocks(x, len(self._matrix)):
            part, target = x[rows], out[rows.start * high : rows.stop * high]
            sums = scratch.take("sums", (len(part), len(self._matrix), width))
            np.matmul(self._matrix, part, out=sums)
            sums += self._bias
            finish(sums, sums)
            taps = sums.reshape(len(part), high, wide, -1, width)
            for i, j in np.ndindex(high, wide):
                target[i::high, :, j::wide] = taps[:, i, j]


class PoolRows:
    """A pooling whose windows lie side by side.

    Parameters
    ----------
    step : desinn.nn.folding.Step
    """

    def __init__(self, step):
        self._kernel = step.op.kernel
        self._mean = isinstance(step.op, AveragePool)

    @staticmethod
    def takes(op):
        """Return whether each pixel belongs to at most one window."""
        return op.kernel == op.stride and op.padding == "valid"

    def run(self, x, out, finish, scratch):
        """Write the layer's output (Y // high, C, X // wide); else as `ConvRows.run`."""
        high, wide = self._kernel
        channels, width = x.shape[1], out.shape[2] * wide
        for rows in _blocks(out, channels * wide):
            target = out[rows]
            seen = x[rows.start * high : rows.stop * high, :, :width]
            lines = scratch.take("sums", (len(target), channels, width))
            self._join([seen[i::high] for i in range(high)], lines)
            self._join([lines[..., j::wide] for j in range(wide)], target)
            if self._mean:
                target /= np.float32(high * wide)
            finish(target, target)

    def _join(self, parts, out):
        """Write the largest of some arrays, or their sum."""
        first, *others = parts
        if not others:
            np.copyto(out, first)
        for part in others:
            (np.add if self._mean else np.maximum)(first, part, out=out)
            first = out


FAMILIES = {
    Conv: ConvRows,
    TransposedConv: TransposedRows,
    MaxPool: PoolRows,
    AveragePool: PoolRows,
}
"""What runs the layers that can be run so."""


def _blocks(image, made):
    """Yield slices of the rows of (Y, C, X), where `made` values belong to each pixel of a row."""
    height, _, width = image.shape
    step = max(1, BLOCK_VALUES // (made * width))
    for first in range(0, height, step):
        yield slice(first, min(first + step, height))


def _stacked(x, count, high, step):
    """Return windows of rows of (Y, C, X), that lie behind each other: (count, high C, X)."""
    shape = (count, high * x.shape[1], x.shape[2])
    return as_strided(x, shape, (step * x.strides[0], *x.strides[1:]), writeable=False)

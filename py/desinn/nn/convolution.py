"""Convolution and transposed convolution, on any number of axes."""

import math

import numpy as np

from . import geometry, winograd, winograd_line
from .normalization import weight_norm
from .ops import Op, along, crops, flag, padding, positive, positives, register, spatial_rank

PIECE_VALUES = 2**19
"""How many values of unfolded windows are multiplied at once: 2 MB, which stays in the cache."""

SHORT_RUN = 8
"""Windows whose pixels lie side by side in fewer than so many are unfolded tap by tap."""


class Weighted(Op):
    """A layer with a kernel whose last axis are the output channels, and perhaps a bias.

    With `weight_norm` the file holds `direction` and `gain` in place of the kernel.
    """

    def weights(self, kernel_shape):
        """Return the shapes of the parameters of a layer with such a kernel."""
        channels = kernel_shape[-1:]
        if self.weight_norm:
            shapes = {"direction": kernel_shape, "gain": channels}
        else:
            shapes = {"kernel": kernel_shape}
        return {**shapes, "bias": channels} if self.bias else shapes

    def plain_weights(self, params):
        """Return kernel and bias, as they are meant."""
        if self.weight_norm:
            kernel = weight_norm(params["direction"], params["gain"])
        else:
            kernel = params["kernel"]
        zeros = np.zeros(kernel.shape[-1], kernel.dtype)
        return kernel, params.get("bias", zeros)


class Convolution(Weighted):
    """What both convolutions share: kernel (kernel..., C, filters) and bias (filters,)."""

    schema = {
        "filters": positive,
        "kernel": positives,
        "stride": positives,
        "bias": flag,
        "weight_norm": flag,
    }

    def parameters(self, shape):
        """Return kernel (or direction and gain) and bias."""
        return self.weights((*self.kernel, shape[-1], self.filters))


@register("conv")
class Conv(Convolution, geometry.Sliding):
    """Convolution as networks mean it (a correlation): nothing is mirrored.

    ``out[b, y, f] = bias[f] + sum_kc x[b, y*stride + k*dilation - before, c] kernel[k, c, f]``
    """

    schema = {**Convolution.schema, "dilation": positives, "padding": padding}

    def output_shape(self, shape):
        """Return the number of windows along each axis, and the filters."""
        self.check_rank(shape, "a conv")
        return (*self.outputs(shape[:-1]), self.filters)

    def borders(self, *sizes):
        """Return the zeros that the padding adds, and those that tiles of a line need more."""
        pads = self.pads(sizes)
        if winograd_line.fits(self):
            ((low, high),) = pads
            (size,) = self.outputs(sizes)
            return [(low, max(high, winograd_line.needed(self, size) - sizes[0] - low))]
        return pads

    def apply(self, params, x):
        """Return the sums over all windows."""
        kernel, bias = self.plain_weights(params)
        padded = geometry.pad(x, self.pads(x.shape[1:-1]))
        # (B, *output, *kernel, C) times (*kernel, C, filters)
        windows = geometry.patches(padded, self.kernel, self.stride, self.dilation)
        return np.tensordot(windows, kernel, axes=kernel.ndim - 1) + bias

    def ready(self, params, depth=0):
        """Return kernel and bias as one matrix (prod(kernel) * C + 1, filters).

        `run` puts a column of ones beside the windows, so that the product adds the bias. Where
        Winograd's way can be used, its kernel is there too.
        """
        kernel = params["kernel"].reshape(-1, self.filters)
        matrix = np.concatenate([kernel, params["bias"][np.newaxis]])
        ways = {"matrix": matrix}
        for way in (winograd, winograd_line):
            ways.update(way.ready(self, params["kernel"], depth))
        return ways

    def run(self, params, arrays, out, finish, scratch):
        """Unfold some windows at a time, multiply, and finish while they are in the cache."""
        scheme = winograd.scheme_for(params, out.shape[1])
        if scheme is not None:
            for x, y in zip(arrays[0], out, strict=True):
                winograd.convolve(scheme, params, x, y, finish, scratch)
        elif "line" in params and _is_dense(arrays[0]):
            winograd_line.convolve(params, arrays[0], out, finish, scratch)
        elif math.prod(self.kernel) == 1:
            self._run_single(params, arrays[0], out, finish, scratch)
        elif self._is_narrow(arrays[0].shape[-1]):
            self._run_narrow(params, arrays[0], out, finish, scratch)
        else:
            self._run_wide(params, arrays, out, finish, scratch)

    def _run_wide(self, params, arrays, out, finish, scratch):
        windows = geometry.patches(arrays[0], self.kernel, self.stride, self.dilation)
        terms = len(params["matrix"]) - 1  # of one window: prod(kernel) * C
        for cut in _cuts(out.shape[:-1], PIECE_VALUES // max(terms, self.filters)):
            part = windows[cut]  # (b, y, ..., *kernel, C)
            pixels = part.shape[: out.ndim - 1]
            columns = scratch.take("columns", (math.prod(pixels), terms + 1))
            columns[:, terms] = 1
            np.copyto(columns.reshape(*pixels, terms + 1)[..., :terms].reshape(part.shape), part)
            sums = scratch.take("sums", (len(columns), self.filters))
            np.matmul(columns, params["matrix"], out=sums)
            _finish(sums, out[cut], finish)

    def _is_narrow(self, channels):
        """Return whether the pixels of a window lie in memory in runs too short to copy."""
        return len(self.kernel) > 1 and channels * self.kernel[-1] < SHORT_RUN

    def _run_narrow(self, params, x, out, finish, scratch):
        """Unfold tap by tap: the pixels that one tap sees lie in long runs."""
        terms = len(params["matrix"]) - 1
        windows = geometry.patches(x, self.kernel, self.stride, self.dilation)
        for cut in _cuts(out.shape[:-1], PIECE_VALUES // max(terms, self.filters)):
            part = windows[cut]  # (b, y, ..., *kernel, C)
            pixels = part.shape[: out.ndim - 1]
            columns = scratch.take("columns", (terms + 1, math.prod(pixels)))
            columns[terms] = 1
            for row, tap in zip(columns, np.ndindex(part.shape[len(pixels) :]), strict=False):
                np.copyto(row.reshape(pixels), part[(..., *tap)])
            sums = scratch.take("sums", (columns.shape[1], self.filters))
            np.matmul(columns.T, params["matrix"], out=sums)
            _finish(sums, out[cut], finish)

    def _run_single(self, params, x, out, finish, scratch):
        """Multiply windows of a single pixel: there is nothing to unfold."""
        kernel, bias = params["matrix"][:-1], params["matrix"][-1]
        pixels = x[(slice(None), *(slice(None, None, step) for step in self.stride))]
        most = PIECE_VALUES // max(len(kernel), self.filters)
        for cut in _cuts(out.shape[:-1], most):
            part = pixels[cut]  # (b, y, ..., C)
            sums = scratch.take("sums", (*part.shape[:-1], self.filters))
            np.matmul(part, kernel, out=sums)
            sums += bias
            _finish(sums, out[cut], finish)


def _is_dense(x):
    """Return whether the pixels of (B, W, C) lie in memory without gaps."""
    return x.strides[1:] == (x.shape[2] * x.itemsize, x.itemsize)


def _cuts(shape, most):
    """Yield index pairs that cut (B, *sizes) into pieces of at most about `most` pixels.

    Several members of the batch at once where they are small; else some rows of one.
    """
    batch, rows = shape[:2]
    inner = math.prod(shape[2:])
    members = max(1, most // (rows * inner))
    step = rows if members * rows * inner <= most else max(1, most // inner)
    for b in range(0, batch, members):
        for y in range(0, rows, step):
            # Not beyond the last row: there may be windows behind it, over zeros of `borders`.
            yield slice(b, b + members), slice(y, min(y + step, rows))


def _finish(sums, target, finish):
    """Write `sums` with the activation into `target`, a view with borders around it.

    Its last two axes are taken as one: long runs are what NumPy's loops are fast on.
    """
    *outer, x, c = target.shape
    finish(sums.reshape(*outer, x * c), target.reshape(*outer, x * c))


@register("transposed_conv")
class TransposedConv(Convolution):
    """Transposed convolution: each pixel of the input lays down its kernel in the output.

    ``full[b, y * stride + k, f] += sum_c x[b, y, c] kernel[k, c, f]``, cut as
    `desinn.nn.geometry.transposed_crops` says, plus bias.
    """

    schema = {**Convolution.schema, "padding": crops}

    def output_shape(self, shape):
        """Return the size of the output."""
        spatial_rank(shape, len(self.kernel), "a transposed conv")
        geometry.same_rank(kernel=self.kernel, stride=self.stride, padding=self.padding)
        full = zip(self._full(shape[:-1]), self._crops(), strict=True)
        sizes = [None if n is None else n - sum(cut) for n, cut in full]
        if any(n is not None and n < 1 for n in sizes):
            raise ValueError(f"padding {self.padding} leaves nothing of the output")
        return (*sizes, self.filters)

    def spare_shape(self, shape):
        """Return the shape of what the output is cut from."""
        return (*self._full(shape[:-1]), self.filters)

    def _crops(self):
        return geometry.transposed_crops(self.kernel, self.stride, self.padding)

    def _full(self, sizes):
        spans = zip(sizes, self.kernel, self.stride, strict=True)
        return [None if n is None else (n - 1) * s + k for n, k, s in spans]

    def reach(self, axis, low, high, size):
        """Return the pixels whose kernels touch `low` to `high`."""
        before, extent, stride = self._crops()[axis][0], self.kernel[axis], self.stride[axis]
        return -((extent - 1 - low - before) // stride), (high + before) // stride

    def turns(self, axis):
        """Return the stride: so many pixels lie between two of the input."""
        return along(self.stride, axis)

    def run(self, params, arrays, out, finish, scratch):
        """Lay kernels side by side that do not overlap, row by row; else as `apply`."""
        if len(self.kernel) != 2 or self.kernel != self.stride or np.any(self._crops()):
            super().run(params, arrays, out, finish, scratch)
            return
        (x,), (high, wide) = arrays, self.kernel
        kernel = params["kernel"].transpose(0, 2, 1, 3)  # (high, C, wide, filters)
        matrices = [kernel[y].reshape(x.shape[-1], -1) for y in range(high)]
        bias = np.tile(params["bias"], wide)
        for cut in _cuts(x.shape[:-1], PIECE_VALUES // max(x.shape[-1], len(bias))):
            part = x[cut]
            sums = scratch.take("sums", (*part.shape[:-1], len(bias)))
            for y, matrix in enumerate(matrices):
                np.matmul(part, matrix, out=sums)
                sums += bias
                span = slice(cut[1].start * high + y, cut[1].stop * high, high)
                rows = out[cut[0], span]  # (b, y, X wide, filters)
                _finish(sums.reshape(rows.shape), rows, finish)

    def apply(self, params, x):
        """Return the overlapping kernels, added up."""
        kernel, bias = self.plain_weights(params)
        sizes = x.shape[1:-1]
        full = np.zeros((len(x), *self._full(sizes), self.filters), x.dtype)
        for index, view in geometry.taps(full, self.kernel, self.stride, sizes):
            view += x @ kernel[index]
        crops = self._crops()
        # A negative crop is a border of zeros; what is left is cut.
        full = geometry.pad(full, [(max(-a, 0), max(-b, 0)) for a, b in crops])
        spans = zip(crops, full.shape[1:-1], strict=True)
        cut = tuple(slice(max(a, 0), n - max(b, 0)) for (a, b), n in spans)
        return full[(slice(None), *cut)] + bias

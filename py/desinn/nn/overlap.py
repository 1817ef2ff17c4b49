"""Windows of a series that overlap by all but one pixel, and what their layers have in common.

A pixel of a layer inside a window is *shared* if no padding is behind it: then it depends on
where it lies in the series and not on the window, and one dense array over the series holds it
for all windows. The others, at the *edges* of the windows, differ from window to window.
"""

from dataclasses import dataclass

import numpy as np


def first_seen(op, size):
    """Return the pixel under the first tap for the first pixel of the output: 0 or in the padding.

    Parameters
    ----------
    op : desinn.nn.convolution.Conv or desinn.nn.pooling.Pool
        Of one axis.
    size : int
        Of the input.

    Returns
    -------
    int
    """
    return -op.pads([size])[0][0]


def seen_by(op, size):
    """Return for each pixel of a layer's output the pixels of its input that it sees.

    Parameters
    ----------
    op : desinn.nn.convolution.Conv or desinn.nn.pooling.Pool
        Of one axis.
    size : int
        Of the input.

    Returns
    -------
    list of list of int
        In the order of the kernel; padding is left out.
    """
    (outputs,) = op.outputs([size])
    taps = first_seen(op, size) + np.arange(op.kernel[0]) * op.dilation[0]
    every = (taps + i * op.stride[0] for i in range(outputs))
    return [seen[(seen >= 0) & (seen < size)].tolist() for seen in every]


@dataclass(frozen=True)
class Layout:
    """Where the pixels of a layer lie within a window, and which of them are shared.

    Attributes
    ----------
    size : int
        Pixels within a window.
    step, origin : int
        Pixel i stands at ``origin + step * i``, in pixels of the series from the window's first.
    first, last : int
        Those from `first` to before `last` are shared; both are `size` where none is.
    channels : int
    """

    size: int
    step: int
    origin: int
    first: int
    last: int
    channels: int

    def at(self, i):
        """Return where pixel `i` stands."""
        return self.origin + self.step * i

    def shared(self, i):
        """Return whether pixel `i` is shared."""
        return self.first <= i < self.last

    def edges(self):
        """Return the pixels that are not shared."""
        return [*range(self.first), *range(self.last, self.size)]

    def edge(self, i):
        """Return the number of pixel `i` among the edges."""
        return i if i < self.first else i - (self.last - self.first)

    def rows(self, count):
        """Return how many rows the dense array has for so many windows."""
        return count + self.step * (self.last - self.first - 1) if self.last > self.first else 0

    def after(self, op, channels, taps):
        """Return the layout of the next layer.

        Parameters
        ----------
        op : desinn.nn.convolution.Conv or desinn.nn.pooling.Pool
            Of one axis.
        channels : int
        taps : list of list of int
            For each pixel of the next layer those that it sees, within the window.
        """
        size = len(taps)
        whole = [
            i for i, seen in enumerate(taps)
            if len(seen) == op.kernel[0] and self.shared(seen[0]) and self.shared(seen[-1])
        ]  # fmt: skip
        first, last = (whole[0], whole[-1] + 1) if whole else (size, size)
        step = self.step * op.stride[0]
        return Layout(size, step, self.at(first_seen(op, self.size)), first, last, channels)


@dataclass
class Values:
    """The values of a layer in some windows that follow one another.

    Attributes
    ----------
    layout : Layout
    dense : ndarray, shape (rows, C)
        The shared pixels; row 0 is pixel `first` of the first window.
    edges : ndarray, shape (count, edges, C)
        The others, for each window.
    """

    layout: Layout
    dense: np.ndarray
    edges: np.ndarray

    def of(self, i):
        """Return pixel `i` in each window, a view (count, C)."""
        if not self.layout.shared(i):
            return self.edges[:, self.layout.edge(i)]
        start = self.layout.step * (i - self.layout.first)
        return self.dense[start : start + len(self.edges)]

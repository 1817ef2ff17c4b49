"""Window by window: what is done with a network that takes windows of one size."""

import numpy as np


class Windows:
    """All windows of all members, a batch that is copied out as it is asked for.

    Parameters
    ----------
    x : ndarray
        (B, W, C).
    length, step : int
        Pixels of a window, and from one window to the next.
    """

    def __init__(self, x, length, step):
        view = np.lib.stride_tricks.sliding_window_view(x, length, axis=1)[:, ::step]
        self._view = view.swapaxes(2, 3)  # (B, windows, C, length) -> (B, windows, length, C)

    def __len__(self):
        return self._view.shape[0] * self._view.shape[1]

    def __getitem__(self, part):
        """Return the windows of a slice, (n, length, C)."""
        numbers = np.arange(len(self))[part]
        return np.ascontiguousarray(self._view[np.divmod(numbers, self._view.shape[1])])


def by_window(run, length, step):
    """Return a callable that gives `run` the windows of an array."""
    return lambda x: run(Windows(x, length, step))

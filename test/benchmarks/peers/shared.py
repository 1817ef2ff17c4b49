"""Ours, over all windows of a series with shared convolutions."""

import numpy as np

PACKAGES = ("desinn", "numpy")
CHOICES = [{}]


def load(header, arrays, threads):
    """Return a callable: series -> outputs side by side. The environment sets the threads."""
    from desinn.nn import Network
    from desinn.nn.windows import SharedWindows

    shared = SharedWindows(Network(header, arrays))

    def run(x):
        rows = [np.concatenate(list(shared(series).values()), axis=-1) for series in x]
        return np.concatenate(rows)  # (B windows, C)

    return run

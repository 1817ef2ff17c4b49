"""Peers that leave it to their caller how much to run at once."""

import numpy as np

BATCHES = (16, 32, 64, 128, 256, 1000, None)
"""The sizes to try; None for all at once."""


def in_batches(run, batch):
    """Return a callable that gives `run` some members at a time and joins what it returns."""

    def whole(x):
        step = batch or len(x)
        out = None
        for start in range(0, len(x), step):
            part = run(x[start : start + step])
            if out is None:
                out = np.empty((len(x), *part.shape[1:]), part.dtype)
            out[start : start + step] = part
        return out

    return whole

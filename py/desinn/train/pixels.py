"""Cosmic rays pixel by pixel: targets, loss and figures of a network over images.

With the probability p that the network says of a pixel, and y = 1 where a ray left more than three
sigmas of the pixel's noise, over the M pixels whose class is known, the loss is ::

    sum(-P y log p - (1 - y) log(1 - p)) / M

Not known are pixels that are masked, and those where a ray left less than that, but not nothing.
"""

import numpy as np

from .losses import SMALLEST
from .metrics import ratio

FALSE_RATES = {"rate_0005": 5e-5, "rate_001": 1e-4, "rate_01": 1e-3}
"""Name of a true-positive rate -> the false-positive rate (0.005, 0.01, 0.1 %) that it is at."""


class PixelTargets:
    """What the network shall say of each pixel, made when it is asked for.

    Parameters
    ----------
    sample : desinn.train.frame_sample.FrameSample

    Attributes
    ----------
    shape : tuple of int
        (N, Y, X, 2): class, whether it is known.
    """

    def __init__(self, sample):
        self._sample = sample
        self.shape = (len(sample), *sample.shape[:-1], 2)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Return the targets of some rows, (B, Y, X, 2) float32, from (B,) numbers."""
        classes = [self._sample.classes(row) for row in np.asarray(rows)]
        return np.stack([np.stack(pair, axis=-1) for pair in classes]).astype(np.float32)


def loss_value(target, predicted, positive_weight=1.0):
    """Return the loss, in NumPy.

    Parameters
    ----------
    target : ndarray, shape (B, Y, X, 2)
        As `PixelTargets` has them.
    predicted : ndarray, shape (B, Y, X, 1)
    positive_weight : float
        P of the formula.

    Returns
    -------
    float
    """
    known = target[..., 1] > 0
    y = target[..., 0][known].astype(np.float64)
    p = np.clip(predicted[..., 0][known].astype(np.float64), SMALLEST, 1 - SMALLEST)
    entropy = -(positive_weight * y * np.log(p) + (1 - y) * np.log(1 - p)).sum()
    return float(entropy / max(known.sum(), 1))


def keras_loss(positive_weight=1.0):
    """Return the loss for Keras: the same as `loss_value`.

    Parameters
    ----------
    positive_weight : float

    Returns
    -------
    callable
        Of target and predicted tensors, shaped as for `loss_value`; returns a scalar tensor.
    """
    from keras import ops

    def loss(target, predicted):
        known = target[..., 1]
        y = known * target[..., 0]
        p = ops.clip(predicted[..., 0], SMALLEST, 1 - SMALLEST)
        entropy = -ops.sum(positive_weight * y * ops.log(p) + (known - y) * ops.log(1 - p))
        return entropy / ops.maximum(ops.sum(known), 1.0)

    return loss


def pixel_metrics(predicted, target):
    """Return how well pixels are told apart.

    Parameters
    ----------
    predicted : ndarray, shape (B, Y, X, 1)
    target : ndarray, shape (B, Y, X, 2)

    Returns
    -------
    dict of float
        Of pixels whose class is known: ``completeness`` and ``purity`` at a probability of 0.5;
        the true-positive rates of `FALSE_RATES`. NaN where there is nothing to count.
    """
    known = target[..., 1] > 0
    y, p = target[..., 0][known] > 0, predicted[..., 0][known]
    said = p > 0.5
    hits = np.count_nonzero(y & said)
    figures = {
        "completeness": ratio(hits, np.count_nonzero(y)),
        "purity": ratio(hits, np.count_nonzero(said)),
    }
    false, true = np.sort(p[~y]), p[y]
    for name, rate in FALSE_RATES.items():
        most = int(rate * len(false))  # of the false ones may pass
        least = false[len(false) - 1 - most] if len(false) else -np.inf
        figures[name] = ratio(np.count_nonzero(true > least), len(true))
    return figures

"""What the training makes small; each loss in NumPy, to read and to check, and for Keras.

``quasarnet`` is that of Busca & Balland 2018 (arXiv:1808.09955): for each output

    -sum(y log p) / N1 - sum((1 - y) log(1 - p)) / N0 + sum(y (o - o')^2) / N1

over all spectra and boxes of a batch, with N1 boxes that hold the line and N0 that do not. So
hits and misses weigh alike however rare the line is, and p is no probability. ``bernoulli`` does
without that balance: its first two terms are the mean cross-entropy of the boxes, and p is the
probability that the line is there.

Targets are those of `desinn.train.targets`; where a target is unknown its spectrum counts for
nothing in that output. The losses of the outputs are added.
"""

import numpy as np

SMALLEST = 2.0**-23
"""Probabilities are kept so far from 0 and 1: a step of float32 below 1."""


def loss_value(target, predicted, weights, name="quasarnet", positive_weight=1.0,
               offset_weight=1.0):  # fmt: skip
    """Return a loss, in NumPy.

    Parameters
    ----------
    target : ndarray, shape (B, outputs, 2 * boxes + 1)
        Boxes, offsets, and whether they are known.
    predicted : ndarray, shape (B, outputs, 2 * boxes)
        Confidences, then offsets.
    weights : sequence of float
        Of each output.
    name : str
        ``quasarnet`` or ``bernoulli``.
    positive_weight, offset_weight : float
        What the first and the last term are multiplied with.

    Returns
    -------
    float
    """
    total = 0.0
    count = predicted.shape[-1] // 2
    for head, weight in enumerate(weights):
        known = target[:, head, -1] > 0
        y, o = np.split(target[known, head, :-1].astype(np.float64), 2, axis=-1)  # (B, boxes)
        p, q = np.split(predicted[known, head].astype(np.float64), 2, axis=-1)
        p = np.clip(p, SMALLEST, 1 - SMALLEST)
        ones, zeros = max(y.sum(), 1), max((1 - y).sum(), 1)
        hits, misses = -(y * np.log(p)).sum(), -((1 - y) * np.log(1 - p)).sum()
        if name == "quasarnet":
            value = positive_weight * hits / ones + misses / zeros
        else:
            value = (positive_weight * hits + misses) / max(count * known.sum(), 1)
        total += weight * (value + offset_weight * (y * (o - q) ** 2).sum() / ones)
    return float(total)


def keras_loss(weights, name="quasarnet", positive_weight=1.0, offset_weight=1.0):
    """Return a loss for Keras: the same as `loss_value`, over all outputs at once.

    Parameters
    ----------
    weights : sequence of float
    name : str
    positive_weight, offset_weight : float

    Returns
    -------
    callable
        Of target and predicted tensors, shaped as for `loss_value`; returns a scalar tensor.
    """
    from keras import ops

    weights = np.asarray(weights, np.float32)

    def loss(target, predicted):
        count = predicted.shape[-1] // 2
        known = target[..., -1:]  # (B, outputs, 1)
        y, o = known * target[..., :count], target[..., count:-1]  # (B, outputs, boxes)
        p, q = predicted[..., :count], predicted[..., count:]
        p = ops.clip(p, SMALLEST, 1 - SMALLEST)
        without = known - y
        ones = ops.maximum(ops.sum(y, axis=(0, 2)), 1.0)  # (outputs,)
        zeros = ops.maximum(ops.sum(without, axis=(0, 2)), 1.0)
        hits = -ops.sum(y * ops.log(p), axis=(0, 2))
        misses = -ops.sum(without * ops.log(1 - p), axis=(0, 2))
        if name == "quasarnet":
            value = positive_weight * hits / ones + misses / zeros
        else:
            number = ops.maximum(count * ops.sum(known, axis=(0, 2)), 1.0)
            value = (positive_weight * hits + misses) / number
        value += offset_weight * ops.sum(y * ops.square(o - q), axis=(0, 2)) / ones
        return ops.sum(weights * value)

    return loss

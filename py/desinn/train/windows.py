"""The published training of networks that find absorbers: labels and loss of windows.

Sources: Parks et al. 2018 (arXiv:1709.04962), Wang et al. 2022 (arXiv:2201.00827). Each window
stands for the pixel at its middle: is there an absorber within 0.15 window lengths, how many
pixels away, and with which column density? With y, o and n as true, y', o' and n' as said, the
loss is the sum of three means over all windows of a batch,

    C mean(-y log y' - (1 - y) log(1 - y')) + Q mean((o - o')^2)
        + R mean(n / (n + 1e-6) (n - n')^2)

where o and n are 0 without an absorber. So the offset shall be 0 there, while n' is free.
"""

import numpy as np

from ..finders.absorbers import LYA, MIN_DLA
from .losses import SMALLEST
from .metrics import absorber_figures, bright_and_all

NEAR = 0.15
"""An absorber counts for windows whose middle is within so many window lengths of it."""

LEAST = 19.3
"""log10 N(HI) above which an absorber counts."""

REST = (912.0, 1220.0)
"""Rest wavelengths of the quasar between which absorbers count, A."""

BLUEST = 3700.0
"""Observed wavelength from which on absorbers count, A."""

_TINY = 1e-6


def counts(absorbers, z):
    """Return which absorbers the published labels are of.

    Parameters
    ----------
    absorbers : structured array, shape (A,)
        Z and NHI (log10).
    z : array_like, shape (A,)
        Redshifts of their quasars.

    Returns
    -------
    ndarray of bool, shape (A,)
    """
    seen = LYA * (1 + absorbers["Z"])
    rest = seen / (1 + np.asarray(z))
    inside = (rest > REST[0]) & (rest < REST[1]) & (seen >= BLUEST)
    return inside & (absorbers["NHI"] > LEAST)


def window_labels(lya, lyb, pixels, window):
    """Return what the windows of one sightline shall give, for each pixel as the middle.

    Parameters
    ----------
    lya, lyb : ndarray of int, shape (A,)
        Pixels of the Lyman-alpha and Lyman-beta lines of its absorbers, on the spectrum or not.
    pixels : int
        Length L of the spectrum.
    window : int
        Pixels of a window.

    Returns
    -------
    label : ndarray of int8, shape (L,)
        1 near an absorber. Else -1, not to be used: up to twice as far from one, and as near to
        its Lyman-beta line. Else 0.
    nearest : ndarray of int64, shape (L,)
        Number of the nearest absorber where the label is 1, else -1.

    Examples
    --------
    >>> label, nearest = window_labels(np.array([4]), np.array([11]), 14, 10)
    >>> print(label)
    [ 0  0 -1  1  1  1 -1  0  0  0 -1 -1 -1  0]
    """
    near = int(NEAR * window)
    label, nearest = np.zeros(pixels, np.int8), np.full(pixels, -1)
    if not lya.size:
        return label, nearest
    middles = np.arange(pixels)
    apart = np.abs(lya[:, np.newaxis] - middles)  # (A, L)
    closest = apart.min(axis=0)
    beta = np.abs(lyb[:, np.newaxis] - middles).min(axis=0)
    label[(closest <= 2 * near) | (beta <= near)] = -1
    label[closest <= near] = 1
    nearest[label == 1] = apart.argmin(axis=0)[label == 1]
    return label, nearest


def loss_value(target, predicted, class_weight=1.0, offset_weight=0.5, nhi_weight=1.0):
    """Return the loss, in NumPy.

    Parameters
    ----------
    target : ndarray, shape (B, 3)
        Label, offset, log10 N(HI).
    predicted : ndarray, shape (B, 3)
        Stacked as `desinn.finders.dla_windows.OUTPUTS`.
    class_weight, offset_weight, nhi_weight : float
        C, Q and R of the formula; the defaults are as published.

    Returns
    -------
    float
    """
    y, offset, nhi = target.astype(np.float64).T
    p, o, n = predicted.astype(np.float64).T
    p = np.clip(p, SMALLEST, 1 - SMALLEST)
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    columns = nhi / (nhi + _TINY) * (nhi - n) ** 2
    total = class_weight * entropy + offset_weight * (offset - o) ** 2 + nhi_weight * columns
    return float(total.mean())


def keras_loss(class_weight=1.0, offset_weight=0.5, nhi_weight=1.0):
    """Return the loss for Keras: the same as `loss_value`.

    Parameters
    ----------
    class_weight, offset_weight, nhi_weight : float
        As for `loss_value`.

    Returns
    -------
    callable
        Of target and predicted tensors, shaped as for `loss_value`; returns a scalar tensor.
    """
    from keras import ops

    def loss(target, predicted):
        y, offset, nhi = target[:, 0], target[:, 1], target[:, 2]
        p = ops.clip(predicted[:, 0], SMALLEST, 1 - SMALLEST)
        entropy = -(y * ops.log(p) + (1 - y) * ops.log(1 - p))
        places = ops.square(offset - predicted[:, 1])
        columns = nhi / (nhi + _TINY) * ops.square(nhi - predicted[:, 2])
        total = class_weight * entropy + offset_weight * places + nhi_weight * columns
        return ops.mean(total)

    return loss


def window_metrics(predicted, target, truth, snr=0.0):
    """Return how well windows are told apart, and the errors of those with an absorber.

    Parameters
    ----------
    predicted, target : ndarray, shape (B, 3)
        As for `loss_value`.
    truth : structured array, shape (B,)
        With SNR.
    snr : float
        The figures are for S/N above this, but for those that end in ``_all``.

    Returns
    -------
    dict of float
        As `desinn.train.metrics.absorber_figures` has them, the offset in pixels.
    """
    return bright_and_all(_figures, predicted, target, truth["SNR"], snr)


def _figures(predicted, target):
    near = target[:, 0] > 0
    _, offset, nhi = (predicted[near].astype(np.float64) - target[near]).T
    return absorber_figures(near, predicted[:, 0], offset, nhi, target[near, 2] >= MIN_DLA)

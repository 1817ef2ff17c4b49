"""Absorbers cell by cell: targets, loss and figures of a network over whole sightlines.

The network says five things of each cell, stacked along the last axis: confidence p that an
absorber is near, offset o to it in cells, its n = log10 N(HI), and the natural logarithms of the
1-sigma errors of o and n. With y = 1 in cells near an absorber and 0 elsewhere, over the M cells
whose class is known and the M1 of them with y = 1, the loss is ::

    c sum(-P y log p - (1 - y) log(1 - p)) / M
        + a sum(y g(o - o', s_o)) / M1 + b sum(y g(n - n', s_n)) / M1,
    g(d, s) = w (d^2 / (2 s^2) + log s)

a mean cross-entropy and two Gaussian likelihoods. w is 1, or s^(2 beta) taken as a constant
(Seitzer et al. 2022, arXiv:2203.09168), by which cells with a large error are not given up.
"""

import numpy as np

from ..finders.absorbers import LYA, MIN_DLA
from .losses import SMALLEST
from .metrics import absorber_figures, bright_and_all, median_and_mad

NEAR = 4.0
"""A cell is near an absorber that is no more than so many cells away."""

LEAST = 19.5
"""log10 N(HI) from which on an absorber is one for the class."""

UNSURE = 19.0
"""Near absorbers between this and `LEAST` the class is left open."""

LNERR = (-5.0, 3.0)
"""Within these the logarithms of errors are kept: no single cell may rule the loss."""


class SightlineTargets:
    """What the network shall say in each cell, made from the list of absorbers when asked for.

    Parameters
    ----------
    sample : desinn.train.sightline_sample.SightlineSample
        Its absorbers (ROW, Z, NHI), cells (N, K), searched (N, K) and cell.
    near : float
        See `NEAR`.

    Attributes
    ----------
    shape : tuple of int
        (N, K, 4): class, whether it is known, offset, log10 N.

    Examples
    --------
    >>> targets = SightlineTargets(sample)  # doctest: +SKIP
    >>> targets[np.array([3, 5])].shape  # doctest: +SKIP
    (2, 320, 4)
    """

    def __init__(self, sample, near=NEAR):
        self._sample, self._near = sample, near
        self.shape = (*sample.cells.shape, 4)
        absorbers = sample.absorbers[sample.absorbers["NHI"] >= UNSURE]
        # The strongest of a row comes last: what it is assigned to stays its own.
        absorbers = absorbers[np.lexsort((absorbers["NHI"], absorbers["ROW"]))]
        self._at = np.log10(LYA * (1 + absorbers["Z"]))
        self._nhi = absorbers["NHI"]
        self._first = np.searchsorted(absorbers["ROW"], np.arange(len(sample) + 1))

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Return the targets of some rows.

        Parameters
        ----------
        rows : ndarray of int, shape (B,)

        Returns
        -------
        ndarray of float32, shape (B, K, 4)
            The class is 1 near an absorber of log10 N >= 19.5; unknown up to twice as far, near
            one of 19.0 to 19.5, and where absorbers are not searched for; else 0. Offset and log10
            N are those of the strongest absorber near the cell, 0 where there is none.
        """
        rows = np.asarray(rows)
        target = np.zeros((len(rows), *self.shape[1:]), np.float32)
        row, absorber = self._of(rows)  # (A,)
        cells = self._sample.cells[rows]  # (B, K)
        apart = (self._at[absorber, np.newaxis] - cells[row]) / self._sample.cell  # (A, K)
        strong = (self._nhi[absorber] >= LEAST)[:, np.newaxis]
        near = np.abs(apart) <= self._near
        a, k = np.nonzero(near & strong)
        target[row[a], k, 0] = 1
        target[row[a], k, 2] = apart[a, k]
        target[row[a], k, 3] = self._nhi[absorber[a]]
        a, k = np.nonzero((near & ~strong) | ((np.abs(apart) <= 2 * self._near) & strong))
        unsure = np.zeros(cells.shape, bool)
        unsure[row[a], k] = True
        known = (target[..., 0] > 0) | ~unsure
        target[..., 1] = known & self._sample.searched[rows]
        return target

    def _of(self, rows):
        """Return, for each absorber of these rows, which of them it is in, and its own number."""
        first = self._first[rows]
        count = self._first[rows + 1] - first
        row = np.repeat(np.arange(len(rows)), count)
        before = np.cumsum(count) - count
        return row, np.arange(count.sum()) + np.repeat(first - before, count)


def loss_value(target, predicted, class_weight=10.0, positive_weight=1.0, offset_weight=1.0,
               nhi_weight=1.0, beta=0.0):  # fmt: skip
    """Return the loss, in NumPy.

    Parameters
    ----------
    target : ndarray, shape (B, K, 4)
        As `SightlineTargets` has them.
    predicted : ndarray, shape (B, K, 5)
        Stacked as `desinn.finders.dla.OUTPUTS`.
    class_weight, positive_weight, offset_weight, nhi_weight : float
        c, P, a and b of the formula.
    beta : float
        0 to 1.

    Returns
    -------
    float
    """
    known = target[..., 1] > 0
    y, _, offset, nhi = target[known].astype(np.float64).T
    p, *said = predicted[known].astype(np.float64).T
    p = np.clip(p, SMALLEST, 1 - SMALLEST)
    entropy = -(positive_weight * y * np.log(p) + (1 - y) * np.log(1 - p)).sum()
    total = class_weight * entropy / max(known.sum(), 1)
    near = y > 0
    for weight, true, value, lnerr in (
        (offset_weight, offset, said[0], said[2]),
        (nhi_weight, nhi, said[1], said[3]),
    ):
        lnerr = np.clip(lnerr[near], *LNERR)
        terms = 0.5 * ((value - true)[near] / np.exp(lnerr)) ** 2 + lnerr
        total += weight * (np.exp(2 * beta * lnerr) * terms).sum() / max(near.sum(), 1)
    return float(total)


def keras_loss(class_weight=10.0, positive_weight=1.0, offset_weight=1.0, nhi_weight=1.0,
               beta=0.0):  # fmt: skip
    """Return the loss for Keras: the same as `loss_value`.

    Parameters
    ----------
    class_weight, positive_weight, offset_weight, nhi_weight, beta : float
        As for `loss_value`.

    Returns
    -------
    callable
        Of target and predicted tensors, shaped as for `loss_value`; returns a scalar tensor.
    """
    from keras import ops

    def gaussian(apart, lnerr):
        lnerr = ops.clip(lnerr, *LNERR)
        terms = 0.5 * ops.square(apart * ops.exp(-lnerr)) + lnerr
        return ops.stop_gradient(ops.exp(2 * beta * lnerr)) * terms

    def loss(target, predicted):
        known = target[..., 1]  # (B, K)
        y = known * target[..., 0]
        p = ops.clip(predicted[..., 0], SMALLEST, 1 - SMALLEST)
        hits, misses = -y * ops.log(p), -(known - y) * ops.log(1 - p)
        entropy = ops.sum(positive_weight * hits + misses)
        ones = ops.maximum(ops.sum(y), 1.0)
        total = class_weight * entropy / ops.maximum(ops.sum(known), 1.0)
        offset = gaussian(predicted[..., 1] - target[..., 2], predicted[..., 3])
        nhi = gaussian(predicted[..., 2] - target[..., 3], predicted[..., 4])
        return total + ops.sum(y * (offset_weight * offset + nhi_weight * nhi)) / ones

    return loss


def sightline_metrics(predicted, target, truth, snr=0.0):
    """Return how well cells are told apart, the errors near absorbers, and how honest they are.

    Parameters
    ----------
    predicted : ndarray, shape (B, K, 5)
        Stacked as `desinn.finders.dla.OUTPUTS`.
    target : ndarray, shape (B, K, 4)
        As `SightlineTargets` has them.
    truth : structured array, shape (B,)
        With SNR.
    snr : float
        The figures are for S/N above this, but for those that end in ``_all``.

    Returns
    -------
    dict of float
        Of cells whose class is known: ``completeness``, ``purity`` (at a confidence of 0.5). Of
        cells near an absorber, at any confidence: ``offset_error`` in cells, and ``nhi_bias`` and
        ``nhi_error`` where log10 N >= 20.3 (median and 1.48 MAD of what is said less what is
        true); ``offset_pull``, ``nhi_pull`` (1.48 MAD of that over the error that is said). The
        same for all S/N, as ``completeness_all`` and so on. NaN where there is nothing to count.
    """
    return bright_and_all(_figures, predicted, target, truth["SNR"], snr)


def _figures(predicted, target):
    known = target[..., 1] > 0
    near = known & (target[..., 0] > 0)
    _, offset, nhi, *lnerr = predicted[near].astype(np.float64).T
    offset, nhi = offset - target[near, 2], nhi - target[near, 3]
    offset_err, nhi_err = np.exp(np.clip(lnerr, *LNERR))
    figures = absorber_figures(
        near[known], predicted[known, 0], offset, nhi, target[near, 3] >= MIN_DLA
    )
    figures["nhi_pull"] = median_and_mad(nhi / nhi_err)[1]
    figures["offset_pull"] = median_and_mad(offset / offset_err)[1]
    return figures

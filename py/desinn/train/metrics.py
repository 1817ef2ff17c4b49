"""How good a network is, on a held-out sample: the figures of one line of the log."""

import numpy as np

from ..evaluate.intervals import spread
from ..evaluate.scoring import as_bal, score

STRICT = 0.99
"""The confidence that desispec's validredshifts asks for."""


def quasar_metrics(finder, outputs, truth, snr=0.0):
    """Return completeness, purity, redshift errors and how well broad absorption is found.

    Parameters
    ----------
    finder : desinn.finders.qso.QSOFinder
    outputs : dict of ndarray, shape (B, 2 * boxes)
        The network's.
    truth : structured array, shape (B,)
        TRUESPECTYPE, TRUEZ, SNR, BI.
    snr : float
        All figures are for S/N above this, but for ``completeness_all`` and ``purity_all``.

    Returns
    -------
    dict of float
        As `desinn.evaluate.score` has them: ``completeness``, ``purity`` (at the file's own
        thresholds), ``completeness_99``, ``purity_99`` (at a confidence of 0.99),
        ``completeness_all``, ``purity_all`` (at any S/N); ``catastrophic`` (wrong redshifts, of
        the quasars found), ``dv_median`` and ``dv_spread`` (median and 1.48 MAD of the others, in
        km/s). As `desinn.evaluate.scoring.as_bal` has them, where the network has CIV_BAL:
        ``bal_found`` and ``bal_false``. NaN where there is nothing to count.
    """
    found = finder.interpret(outputs, np.zeros(len(truth), np.int32))
    every = score(found, truth)
    bright = truth["SNR"] > snr
    found, truth = found[bright], truth[bright]
    own, strict = score(found, truth), score(found, truth, STRICT, finder.n_thresh)
    figures = {
        "completeness": own.completeness,
        "purity": own.purity,
        "completeness_99": strict.completeness,
        "purity_99": strict.purity,
        "completeness_all": every.completeness,
        "purity_all": every.purity,
        "catastrophic": own.wrong,
        "dv_median": own.median,
        "dv_spread": own.mad,
    }
    if "CIV_BAL" in finder.bal_lines:
        rest = finder.bal_lines["CIV_BAL"]
        bal = as_bal(found, truth, finder.grid, rest, finder.c_thresh)
        figures["bal_found"], figures["bal_false"] = bal
    return {name: figure.value for name, figure in figures.items()}


def absorber_figures(near, confidence, offset, nhi, strong):
    """Return how well cells or windows near absorbers are found, and the errors there.

    Parameters
    ----------
    near : ndarray of bool, shape (M,)
        Whether each cell or window is near an absorber.
    confidence : ndarray, shape (M,)
    offset, nhi : ndarray, shape (K,)
        What is said less what is true, of the K that are near.
    strong : ndarray of bool, shape (K,)
        Which of them are near a DLA.

    Returns
    -------
    dict of float
        ``completeness`` and ``purity`` at a confidence of 0.5; ``nhi_bias`` and ``nhi_error``
        (median and 1.48 MAD) of the strong ones, ``offset_error`` (1.48 MAD) of all. NaN where
        there is nothing to count.
    """
    said = confidence > 0.5
    found = np.count_nonzero(near & said)
    bias, error = median_and_mad(nhi[strong])
    return {
        "completeness": ratio(found, np.count_nonzero(near)),
        "purity": ratio(found, np.count_nonzero(said)),
        "nhi_bias": bias,
        "nhi_error": error,
        "offset_error": median_and_mad(offset)[1],
    }


def median_and_mad(values):
    """Return median and 1.48 MAD of some numbers.

    Parameters
    ----------
    values : ndarray, shape (N,)

    Returns
    -------
    median, mad : float
        NaN if there are no numbers.
    """
    if not values.size:
        return float("nan"), float("nan")
    median, mad = spread(values)
    return float(median), float(mad)


def ratio(count, total):
    """Return a part of some things.

    Parameters
    ----------
    count, total : int

    Returns
    -------
    float
        NaN if there are none.
    """
    return count / total if total else float("nan")


def bright_and_all(figures, predicted, target, snr, least):
    """Return figures for high S/N, and for all.

    Parameters
    ----------
    figures : callable
        Of `predicted` and `target`; returns a dict.
    predicted, target : ndarray, shape (B, ...)
    snr : ndarray, shape (B,)
    least : float
        What S/N must be above.

    Returns
    -------
    dict
        Those for S/N above `least`, and those for all with ``_all`` at the end of their names.
    """
    bright = snr > least
    every = figures(predicted, target)
    return figures(predicted[bright], target[bright]) | {f"{k}_all": v for k, v in every.items()}

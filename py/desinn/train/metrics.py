"""How good a network is, on a held-out sample: the figures of one line of the log."""

import numpy as np

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

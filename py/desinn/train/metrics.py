"""How good a network is, on a held-out sample: the figures of one line of the log."""

import numpy as np

from ..simulate.grid import C_KMS

CATASTROPHIC = 6000.0
"""Redshifts that are off by more than this (km/s) are wrong, not uncertain."""
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
        ``completeness``, ``purity``, ``catastrophic`` and ``dv`` are for S/N above this;
        ``completeness_all`` and ``purity_all`` for all spectra.

    Returns
    -------
    dict of float
        ``completeness``, ``purity`` (at the file's own threshold), ``completeness_99``,
        ``purity_99`` (at a confidence of 0.99), ``completeness_all``, ``purity_all``;
        ``catastrophic`` (fraction of the quasars found whose redshift is off by more than 6000
        km/s), ``dv_median`` and ``dv_spread`` (1.4826 MAD) of the quasars found, km/s;
        ``bal_found`` and ``bal_false`` (fractions of quasars with and without broad absorption
        that are said to have it). NaN where there is nothing to count.
    """
    rows = finder.interpret(outputs, np.zeros(len(truth), np.int32))
    is_qso, bright = truth["TRUESPECTYPE"] == "QSO", truth["SNR"] > snr
    found = rows["IS_QSO_QN"] == 1
    lines = np.stack([rows[f"C_{name}"] for name in finder.lines], axis=1)
    strict = np.count_nonzero(lines > STRICT, axis=1) >= finder.n_thresh
    good = found & is_qso & bright
    dv = C_KMS * (rows["Z_QN"] - truth["TRUEZ"])[good] / (1 + truth["TRUEZ"][good])
    middle = _median(dv)
    metrics = {
        "completeness": share(found, is_qso & bright),
        "purity": share(is_qso, found & bright),
        "completeness_99": share(strict, is_qso & bright),
        "purity_99": share(is_qso, strict & bright),
        "completeness_all": share(found, is_qso),
        "purity_all": share(is_qso, found),
        "catastrophic": share(np.abs(dv) > CATASTROPHIC, np.ones(dv.size, bool)),
        "dv_median": middle,
        "dv_spread": 1.4826 * _median(np.abs(dv - middle)),
    }
    return metrics | _bal_metrics(finder, rows, truth, is_qso & bright)


def _bal_metrics(finder, rows, truth, use):
    """Return how many of those with and without broad absorption are said to have it."""
    if not finder.bal_lines:
        return {}
    said = np.any([rows[f"C_{name}"] > finder.c_thresh for name in finder.bal_lines], axis=0)
    return {
        "bal_found": share(said, use & (truth["BI"] > 0)),
        "bal_false": share(said, use & (truth["BI"] == 0)),
    }


def share(which, among):
    """Return the fraction of one group that is in another.

    Parameters
    ----------
    which, among : ndarray of bool, shape (B,)

    Returns
    -------
    float
        NaN if nothing is in `among`.
    """
    total = np.count_nonzero(among)
    return float(np.count_nonzero(which & among) / total) if total else float("nan")


def _median(values):
    return float(np.median(values)) if values.size else float("nan")

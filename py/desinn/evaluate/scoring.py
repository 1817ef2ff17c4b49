"""What a finder found against what is true: one score, and the same by bins and classes."""

from dataclasses import dataclass, replace

import numpy as np

from ..finders.targets import boxes
from ..spectra.lines import C_KMS
from .intervals import Rate, Statistic, bootstrap, rate

CATASTROPHIC = 6000.0
"""A redshift that is wrong by more than this, in km/s, is no redshift."""

THRESHOLDS = (0.5, 0.95, 0.99)
"""Confidences at which DESI's programs cut."""

SNR_BINS = ((0.2, 0.5), (0.5, 1), (1, 2), (2, 5), (5, 20), (2, np.inf))
Z_BINS = ((0, 0.5), (0.5, 1), (1, 1.5), (1.5, 2), (2, 2.5), (2.5, 3), (3, 4), (4, 7))


@dataclass(frozen=True, eq=False)
class Score:
    """How good the results for B spectra are.

    Attributes
    ----------
    completeness : Rate
        Quasars found, of all quasars. What was not run was not found.
    right : Rate
        Quasars found with a redshift that is not catastrophic, of all quasars.
    purity : Rate
        Quasars, of all that was found; sky fibres apart.
    sky : Rate
        Sky fibres in which a quasar was found, of all sky fibres.
    wrong : Rate
        Quasars with a catastrophic redshift, of those found.
    median, mad : Statistic
        Of dv in km/s of the quasars found, without catastrophic ones: median, 1.48 MAD.
    missed, false, catastrophic, not_run : ndarray of bool, shape (B,)
        Quasars not found; others found (sky too); found with a catastrophic redshift; not run.
    dv : ndarray of float64, shape (B,)
        c (z - z_true) / (1 + z_true) in km/s of the quasars found, else NaN.
    """

    completeness: Rate
    right: Rate
    purity: Rate
    sky: Rate
    wrong: Rate
    median: Statistic
    mad: Statistic
    missed: np.ndarray
    false: np.ndarray
    catastrophic: np.ndarray
    not_run: np.ndarray
    dv: np.ndarray


def emission_lines(found):
    """Return the names of the emission lines of a catalogue.

    Parameters
    ----------
    found : structured array
        With a column C_x for each line x.

    Returns
    -------
    list of str
        Without broad absorption (C_x_BAL), which makes no quasar.
    """
    names = [name[2:] for name in found.dtype.names if name.startswith("C_")]
    return [name for name in names if not name.endswith("_BAL")]


def is_quasar(found, c_thresh=None, n_thresh=1):
    """Return which rows of a catalogue are quasars at some thresholds.

    Parameters
    ----------
    found : structured array, shape (B,)
    c_thresh : float, optional
        Without it the catalogue's own decision, IS_QSO_QN.
    n_thresh : int

    Returns
    -------
    ndarray of bool, shape (B,)
    """
    run = found["IS_QSO_QN"] != -1
    if c_thresh is None:
        return run & (found["IS_QSO_QN"] == 1)
    over = np.zeros(len(found), int)
    for name in emission_lines(found):
        over += found[f"C_{name}"] > c_thresh  # never true of NaN
    return run & (over >= n_thresh)


def score(found, truth, c_thresh=None, n_thresh=1, limit=CATASTROPHIC, confidence=0.95, seed=0):
    """Compare results with the truth, row by row.

    Parameters
    ----------
    found : structured array, shape (B,)
        As `desinn.finders.qso.QSOFinder.interpret` returns: IS_QSO_QN, Z_QN, C_x.
    truth : structured array, shape (B,)
        TRUESPECTYPE (QSO, SKY, or anything else) and TRUEZ.
    c_thresh, n_thresh : optional
        As in `is_quasar`.
    limit : float
        Redshifts wrong by more than this, in km/s, are catastrophic.
    confidence : float
        Of the intervals.
    seed : int
        Of the resampling that gives the intervals of median and 1.48 MAD.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        If the numbers of rows differ.

    Examples
    --------
    >>> found = np.array([(1, 2.0), (1, 0.3), (0, 1.0)], [("IS_QSO_QN", "i2"), ("Z_QN", "f8")])
    >>> known = [("TRUESPECTYPE", "U8"), ("TRUEZ", "f8")]
    >>> truth = np.array([("QSO", 2.001), ("STAR", 0.0), ("QSO", 1.0)], known)
    >>> result = score(found, truth)
    >>> result.completeness.value, result.purity.value, result.median.value.__round__()
    (0.5, 0.5, -100)
    >>> score(found, truth[:2])
    Traceback (most recent call last):
        ...
    ValueError: expected as many rows found as true ones, found 3 and 2
    """
    if len(found) != len(truth):
        counts = f"{len(found)} and {len(truth)}"
        raise ValueError(f"expected as many rows found as true ones, found {counts}")
    quasar, sky = (truth["TRUESPECTYPE"] == name for name in ("QSO", "SKY"))
    called = is_quasar(found, c_thresh, n_thresh)
    caught = called & quasar
    dv = np.where(caught, C_KMS * (found["Z_QN"] - truth["TRUEZ"]) / (1 + truth["TRUEZ"]), np.nan)
    wrong = caught & ~(np.abs(dv) <= limit)
    median, mad = bootstrap(np.random.default_rng(seed), dv[caught & ~wrong], confidence)
    return Score(
        completeness=rate(called, quasar, confidence),
        right=rate(caught & ~wrong, quasar, confidence),
        purity=rate(quasar, called & ~sky, confidence),
        sky=rate(called, sky, confidence),
        wrong=rate(wrong, caught, confidence),
        median=median,
        mad=mad,
        missed=quasar & ~called,
        false=called & ~quasar,
        catastrophic=wrong,
        not_run=found["IS_QSO_QN"] == -1,
        dv=dv,
    )


def by_snr(found, truth, bins=SNR_BINS, **options):
    """Return the score in each bin of S/N, found and true objects alike.

    Parameters
    ----------
    found, truth : structured array, shape (B,)
        The truth with SNR; NaN is in no bin.
    bins : sequence of (float, float)
        From (included) and to (excluded).
    **options
        As in `score`.

    Returns
    -------
    list of (tuple, Score)
        Of the bins with anything in them.
    """
    scores = []
    for low, high in bins:
        rows = (truth["SNR"] >= low) & (truth["SNR"] < high)
        if rows.any():
            scores.append(((low, high), score(found[rows], truth[rows], **options)))
    return scores


def by_redshift(found, truth, bins=Z_BINS, **options):
    """Return the score in each bin of redshift.

    The purity is that of the objects found at a redshift in the bin; all else is said of the
    quasars whose true redshift lies in it.

    Parameters
    ----------
    found, truth : structured array, shape (B,)
    bins : sequence of (float, float)
        From (included) and to (excluded).
    **options
        As in `score`.

    Returns
    -------
    list of (tuple, Score)
        Of the bins with anything in them.
    """
    scores = []
    quasar = truth["TRUESPECTYPE"] == "QSO"
    thresholds = {key: options[key] for key in ("c_thresh", "n_thresh") if key in options}
    called = is_quasar(found, **thresholds)
    sky = truth["TRUESPECTYPE"] == "SKY"
    for low, high in bins:
        there = quasar & (truth["TRUEZ"] >= low) & (truth["TRUEZ"] < high)
        put_there = called & ~sky & (found["Z_QN"] >= low) & (found["Z_QN"] < high)
        if there.any() or put_there.any():
            result = score(found[there], truth[there], **options)
            purity = rate(quasar, put_there, options.get("confidence", 0.95))
            scores.append(((low, high), replace(result, purity=purity)))
    return scores


def by_class(found, truth, c_thresh=None, n_thresh=1, confidence=0.95):
    """Return which fraction of each class was found as quasars.

    Parameters
    ----------
    found, truth : structured array, shape (B,)
        The truth with TRUESPECTYPE and TRUESUBTYPE.
    c_thresh, n_thresh, confidence : optional
        As in `score`.

    Returns
    -------
    list of (str, str, Rate)
        Class, subtype and the fraction, QSO first. A class of several subtypes has one more
        entry, with subtype ``all``.
    """
    called = is_quasar(found, c_thresh, n_thresh)
    kinds = truth["TRUESPECTYPE"]
    rates = []
    for kind in sorted(set(kinds.tolist()), key=lambda name: (name != "QSO", name)):
        of = kinds == kind
        subtypes = sorted(set(truth["TRUESUBTYPE"][of].tolist()))
        if len(subtypes) > 1:
            rates.append((kind, "all", rate(called, of, confidence)))
        for subtype in subtypes:
            rows = of & (truth["TRUESUBTYPE"] == subtype)
            rates.append((kind, subtype, rate(called, rows, confidence)))
    return rates


def as_bal(found, truth, grid, rest, threshold=0.5, confidence=0.95):
    """Return how many quasars were found to have broad absorption at CIV.

    Parameters
    ----------
    found, truth : structured array, shape (B,)
        With C_CIV_BAL; the truth with BI, NaN where unknown.
    grid : desinn.spectra.Grid
        The network's: only quasars whose CIV lies on it count.
    rest : float
        Rest wavelength of CIV in A.
    threshold : float
        Confidence above which a quasar is found as BAL.
    confidence : float
        Of the intervals.

    Returns
    -------
    bal, other : Rate
        Found as BAL of the quasars with BI > 0, and of those with BI = 0.
    """
    box, _ = boxes(grid, 1, rest, truth["TRUEZ"])
    quasar = (truth["TRUESPECTYPE"] == "QSO") & (box >= 0)
    seen = found["C_CIV_BAL"] > threshold
    return tuple(
        rate(seen, quasar & rows, confidence) for rows in (truth["BI"] > 0, truth["BI"] == 0)
    )

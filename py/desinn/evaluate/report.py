"""Everything that is said of a finder, as plain numbers: fit for JSON, tables and pictures."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from .intervals import Rate, Statistic
from .reliability import Reliability, of_catalog
from .scoring import (
    CATASTROPHIC,
    THRESHOLDS,
    Score,
    as_bal,
    by_class,
    by_redshift,
    by_snr,
    is_quasar,
    score,
)

RATES = ("completeness", "right", "purity", "sky", "wrong")
FAILURES = ("missed", "false", "catastrophic")


@dataclass(frozen=True)
class Options:
    """What an evaluation is to be made with.

    Attributes
    ----------
    c_thresh : tuple of float
        Thresholds on the confidence of a line, one section of the report each.
    n_thresh : int or None
        Lines that make a quasar; None: the weights file's own number.
    limit : float
        In km/s, as in `desinn.evaluate.score`.
    bal_thresh : float
        Confidence above which broad absorption counts.
    confidence : float
        Of the intervals.
    seed : int
        Of the resampling.
    failures : int
        So many failures are listed at most, of each kind.
    """

    c_thresh: tuple = THRESHOLDS
    n_thresh: int | None = None
    limit: float = CATASTROPHIC
    bal_thresh: float = 0.5
    confidence: float = 0.95
    seed: int = 0
    failures: int = 48


def evaluate(sample, options=None, name="qso"):
    """Return the whole report on a sample.

    Parameters
    ----------
    sample : desinn.evaluate.sample.Sample
    options : Options, optional
    name : str
        What was evaluated.

    Returns
    -------
    dict
        Numbers, texts, lists and dicts only; what is not known is None. ``doc/evaluate.rst``
        describes it.
    """
    options = options or Options()
    found, truth = sample.found, sample.truth
    kinds, counts = np.unique(truth["TRUESPECTYPE"], return_counts=True)
    content = {
        "name": name,
        "rows": len(sample),
        "classes": dict(zip(kinds.tolist(), counts.tolist(), strict=True)),
        "options": {**asdict(options), "c_thresh": list(options.c_thresh)},
        "thresholds": [_section(sample, c, options) for c in options.c_thresh],
        "bal": _bal(sample, options),
        "reliability": of_catalog(found, truth, sample.grid, sample.n_boxes, sample.lines),
        "not_run": [_row(sample, i) for i in np.flatnonzero(found["IS_QSO_QN"] == -1)],
    }
    return plain(content)


def _section(sample, c_thresh, options):
    found, truth = sample.found, sample.truth
    cut = {"c_thresh": c_thresh, "n_thresh": options.n_thresh or sample.n_thresh}
    how = {**cut, "limit": options.limit, "confidence": options.confidence, "seed": options.seed}
    total = score(found, truth, **how)
    failures = {}
    for kind in FAILURES:
        rows = np.flatnonzero(getattr(total, kind))[: options.failures]
        failures[kind] = [_row(sample, i) for i in rows]
    return {
        **cut,
        "all": total,
        "snr": [{"from": a, "to": b, **plain(s)} for (a, b), s in by_snr(found, truth, **how)],
        "redshift": [
            {"from": a, "to": b, **plain(s)} for (a, b), s in by_redshift(found, truth, **how)
        ],
        "class": [
            {"class": kind, "subtype": subtype, "found": fraction}
            for kind, subtype, fraction in by_class(
                found, truth, **cut, confidence=options.confidence
            )
        ],
        "failures": failures,
    }


def _bal(sample, options):
    if "CIV_BAL" not in sample.lines:
        return None
    bal, other = as_bal(
        sample.found,
        sample.truth,
        sample.grid,
        sample.lines["CIV_BAL"],
        options.bal_thresh,
        options.confidence,
    )
    return {"bal": bal, "other": other} if bal.n or other.n else None


def _row(sample, i):
    """Return what one wants to know of a row that failed."""
    found, truth = sample.found[i], sample.truth[i]
    return {
        "targetid": found["TARGETID"],
        "name": truth["NAME"],
        "class": truth["TRUESPECTYPE"],
        "subtype": truth["TRUESUBTYPE"],
        "z_true": truth["TRUEZ"],
        "z": found["Z_QN"],
        "confidence": found["Z_QN_CONF"],
        "snr": truth["SNR"],
        "flag": found["QN_FLAG"] if "QN_FLAG" in found.dtype.names else None,
    }


def called(sample, c_thresh, options):
    """Return which rows of a sample are quasars at one of the report's thresholds.

    Parameters
    ----------
    sample : desinn.evaluate.sample.Sample
    c_thresh : float
    options : Options

    Returns
    -------
    ndarray of bool, shape (B,)
    """
    return is_quasar(sample.found, c_thresh, options.n_thresh or sample.n_thresh)


def plain(value):
    """Return the same in numbers, texts, lists and dicts that JSON knows.

    Parameters
    ----------
    value : object
        Of this package's classes and NumPy's, nested in dicts and lists.

    Returns
    -------
    dict, list, str, int, float, bool or None
        None in place of NaN and inf.
    """
    if isinstance(value, (Rate, Statistic)):
        return plain({"value": value.value, **asdict(value)})
    if isinstance(value, Score):
        return _plain_score(value)
    if isinstance(value, Reliability):
        return plain(vars(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain_score(value):
    """Return the numbers of a score; its rows are counted, false ones as for the purity."""
    numbers = {name: getattr(value, name) for name in (*RATES, "median", "mad")}
    counts = {name: getattr(value, name).sum() for name in (*FAILURES, "not_run")}
    return plain({**numbers, **counts, "false": value.purity.n - value.purity.k})

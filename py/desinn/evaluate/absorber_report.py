"""Everything that is said of a finder of absorbers, as plain numbers."""

from dataclasses import asdict, dataclass

import numpy as np

from ..finders.absorbers import MIN_DLA
from .absorber_errors import QUANTITIES, errors, pairs_of, pulls
from .absorber_scores import (
    FINE_SNR_BINS,
    NHI_BINS,
    SNR_BINS,
    by_nhi,
    by_snr,
    completeness_at_purity,
    curve,
    outcome,
    purity_at_completeness,
    score,
)
from .absorbers import WITHIN
from .report import plain

LEVELS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Purities, and completenesses, at which the best of the other is told."""


@dataclass(frozen=True)
class AbsorberOptions:
    """What an evaluation is to be made with.

    Attributes
    ----------
    threshold : float
        Least DLA_CONFIDENCE of a detection.
    min_snr : float or None
    proximate : bool
    within : float
        As in `desinn.evaluate.absorbers.select`, for the record.
    confidence : float
        Of the intervals.
    seed : int
        Of the resampling.
    failures : int
        So many are listed at most, of each kind.
    """

    threshold: float
    min_snr: float | None = None
    proximate: bool = False
    within: float = WITHIN
    confidence: float = 0.95
    seed: int = 0
    failures: int = 48


def evaluate_absorbers(sample, options, name="dla"):
    """Return the whole report on a sample.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    options : AbsorberOptions
    name : str
        What was evaluated.

    Returns
    -------
    dict
        Numbers, texts, lists and dicts only; what is not known is None, as are the ends of bins
        without end. ``doc/evaluate.rst`` describes it.
    """
    scores = curve(sample, confidence=options.confidence)
    pairs = pairs_of(sample, options.threshold)
    content = {
        "name": name,
        "kind": "dla",
        "options": asdict(options),
        "numbers": sample.numbers,
        **_rates(sample, options),
        "curve": [vars(s) for s in scores],
        "at_purity": _levels(scores, completeness_at_purity),
        "at_completeness": _levels(scores, purity_at_completeness),
        "errors": _by_quantity(errors, pairs, "true", options),
        "pulls": {by: _by_quantity(pulls, pairs, by, options) for by in ("true", "found")},
        "failures": _failures(sample, options),
    }
    return plain(content)


def _rates(sample, options):
    threshold, how = options.threshold, {"confidence": options.confidence}
    coarse, fine = (
        [
            {**_ends(ends), "sightlines": lines, **vars(s)}
            for ends, lines, s in by_snr(sample, threshold, bins, **how)
        ]
        for bins in (SNR_BINS, FINE_SNR_BINS)
    )
    columns = [{**_ends(ends), **vars(s)} for ends, s in by_nhi(sample, threshold, **how)]
    total = {"sightlines": len(sample.sightlines), **vars(score(sample, threshold, **how))}
    return {"all": total, "snr": coarse, "fine_snr": fine, "nhi": columns}


def _ends(ends):
    return {"from": ends[0], "to": ends[1]}


def _levels(scores, best):
    found = [(level, best(scores, level)) for level in LEVELS]
    return [{"level": level, **vars(s)} for level, s in found if s is not None]


def _by_quantity(tell, pairs, by, options):
    """Return what is told of all pairs, and of those in bins of S/N and of log N."""
    nhi = pairs["NHI" if by == "found" else "NHI_TRUE"]
    enough = nhi >= MIN_DLA
    groups = [("all", (-np.inf, np.inf), enough)]
    groups += [("snr", ends, enough & _inside(pairs["SNR"], ends)) for ends in SNR_BINS]
    groups += [("nhi", ends, _inside(nhi, ends)) for ends in NHI_BINS]
    return {
        quantity: [
            {
                "by": kind,
                **_ends(ends),
                "pairs": rows.sum(),
                **vars(tell(pairs[rows], quantity, options.confidence, options.seed)),
            }
            for kind, ends, rows in groups
            if rows.any()
        ]
        for quantity in QUANTITIES
    }


def _inside(values, ends):
    return (values >= ends[0]) & (values < ends[1])


def _failures(sample, options):
    """Return the strongest DLAs that were missed, and the surest detections that are none."""
    result = outcome(sample, options.threshold)
    truth, found = sample.truth, sample.found
    missed = np.flatnonzero(sample.counts & (truth["NHI"] >= MIN_DLA) & ~result.hit)
    missed = missed[np.argsort(-truth["NHI"][missed], kind="stable")][: options.failures]
    false = np.flatnonzero(result.detection & (found["NHI"] >= MIN_DLA) & ~result.real)
    false = false[np.argsort(-found["DLA_CONFIDENCE"][false], kind="stable")][: options.failures]
    # Whatever there is of those missed: below the threshold, too weak, or with a flag.
    anything = sample.partners(np.ones(len(found), bool))
    candidate = {row: i for i, row in enumerate(anything.tolist()) if row >= 0}
    return {
        "missed": [_row(sample, candidate.get(row), row) for row in missed.tolist()],
        "false": [_row(sample, row, _or_none(result.partner[row])) for row in false.tolist()],
    }


def _or_none(row):
    return None if row < 0 else int(row)


def _row(sample, found, true):
    """Return what one wants to know of one that failed; None for a row that is not there."""
    lines = sample.truth_line[true] if found is None else sample.found_line[found]
    line = sample.sightlines[lines]
    row = {"targetid": line["TARGETID"], "z_qso": line["Z_QSO"], "snr": sample.snr(lines)}
    entries = (
        ("z_true", sample.truth, true, "Z_DLA"),
        ("nhi_true", sample.truth, true, "NHI"),
        ("z", sample.found, found, "Z_DLA"),
        ("nhi", sample.found, found, "NHI"),
        ("confidence", sample.found, found, "DLA_CONFIDENCE"),
        ("flag", sample.found, found, "DLAFLAG"),
    )
    return row | {key: None if i is None else rows[name][i] for key, rows, i, name in entries}

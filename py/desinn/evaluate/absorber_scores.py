"""Completeness and purity of absorbers that were found, at one threshold and along all of them.

Who is matched with whom depends on what is asked: what does not pass the threshold, or lies below
the column density in question, is no partner, so that a weak candidate beside a DLA cannot take
its place.
"""

from dataclasses import dataclass

import numpy as np

from ..finders.absorbers import MIN_DLA
from .absorbers import NEARLY_DLA
from .calibration import CANDIDATES
from .intervals import Rate, rate

SNR_BINS = ((-np.inf, 1), (1, 3), (3, np.inf))
FINE_SNR_BINS = ((-np.inf, 0.5), (0.5, 1), (1, 2), (2, 3), (3, 5), (5, 10), (10, np.inf))
NHI_BINS = ((20.0, 20.3), (20.3, 20.6), (20.6, 20.9), (20.9, 21.2), (21.2, 21.5), (21.5, np.inf))

STEPS = 200
"""Thresholds of a curve, at most."""


@dataclass(frozen=True)
class Score:
    """How good what was found is at one threshold.

    Attributes
    ----------
    threshold : float
        Least DLA_CONFIDENCE.
    completeness : Rate
        DLAs matched with a detection of log N >= 20.0, of all DLAs (20.3 or more).
    completeness_strict : Rate
        DLAs matched with a detection of log N >= 20.3.
    purity : Rate
        Detections of log N >= 20.3 matched with an absorber of 20.0 or more, of all such.
    purity_strict : Rate
        Those matched with a DLA.
    """

    threshold: float
    completeness: Rate
    completeness_strict: Rate
    purity: Rate
    purity_strict: Rate


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of each row of a sample at one threshold.

    Attributes
    ----------
    threshold : float
    hit, hit_strict : ndarray of bool, shape (T,)
        Matched with a detection of log N >= 20.0; of log N >= 20.3.
    detection : ndarray of bool, shape (A,)
        Of log N >= 20.0, and not matched with what does not count.
    partner : ndarray of int64, shape (A,)
        Row of the truth, -1 where there is none.
    real, real_strict : ndarray of bool, shape (A,)
        Detections matched with an absorber of log N >= 20.0; of log N >= 20.3.
    """

    threshold: float
    hit: np.ndarray
    hit_strict: np.ndarray
    detection: np.ndarray
    partner: np.ndarray
    real: np.ndarray
    real_strict: np.ndarray


def outcome(sample, threshold):
    """Return what became of each absorber, true and found, at one threshold.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    threshold : float
        Detections have at least this DLA_CONFIDENCE.

    Returns
    -------
    Outcome
    """
    nhi, passed = sample.found["NHI"], sample.passed(threshold)
    strict = sample.partners(passed & (nhi >= MIN_DLA))
    loose = sample.partners(passed & (nhi >= NEARLY_DLA))
    partner = np.where(nhi >= MIN_DLA, strict, loose)
    matched = partner >= 0
    # A row more at the end, which those without a partner get.
    counts = np.append(sample.counts, True)[partner]
    true_nhi = np.append(sample.truth["NHI"], -np.inf)[partner]
    detection = passed & (nhi >= NEARLY_DLA) & counts
    hit, hit_strict = np.zeros((2, len(sample.truth)), bool)
    hit[loose[loose >= 0]] = True
    hit_strict[strict[strict >= 0]] = True
    real = detection & matched & (true_nhi >= NEARLY_DLA)
    return Outcome(
        float(threshold), hit, hit_strict, detection, partner, real, real & (true_nhi >= MIN_DLA)
    )


def score(sample, threshold, confidence=0.95):
    """Return completeness and purity at one threshold.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    threshold : float
    confidence : float
        Of the intervals.

    Returns
    -------
    Score
    """
    return _score(sample, outcome(sample, threshold), confidence)


def _score(sample, result, confidence, line=None, nhi=(MIN_DLA, np.inf)):
    """Return the score on some sightlines, (S,) bool, and of some column densities."""
    truth, found = (
        (rows["NHI"] >= nhi[0]) & (rows["NHI"] < nhi[1]) for rows in (sample.truth, sample.found)
    )
    truth, found = truth & sample.counts, found & result.detection
    if line is not None:
        truth, found = truth & line[sample.truth_line], found & line[sample.found_line]
    return Score(
        result.threshold,
        rate(result.hit, truth, confidence),
        rate(result.hit_strict, truth, confidence),
        rate(result.real, found, confidence),
        rate(result.real_strict, found, confidence),
    )


def by_snr(sample, threshold, bins=SNR_BINS, confidence=0.95):
    """Return the score in each bin of SNR_REDSIDE.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    threshold : float
    bins : sequence of (float, float)
        From (included) and to (excluded).
    confidence : float
        Of the intervals.

    Returns
    -------
    list of (tuple, int, Score)
        Bin, number of sightlines, and score; without bins that have no sightline.
    """
    result = outcome(sample, threshold)
    snr = sample.snr(slice(None))
    lines = [(snr >= low) & (snr < high) for low, high in bins]
    return [
        (ends, int(line.sum()), _score(sample, result, confidence, line))
        for ends, line in zip(bins, lines, strict=True)
        if line.any()
    ]


def by_nhi(sample, threshold, bins=NHI_BINS, confidence=0.95):
    """Return the completeness in bins of the true, and the purity in bins of the found log N.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    threshold : float
    bins : sequence of (float, float)
        From (included) and to (excluded), none below 20.0. In one below 20.3 the numbers mean the
        same: found at 20.0 or more, and strictly at 20.3; true with 20.0 or more, and with 20.3.
    confidence : float
        Of the intervals.

    Returns
    -------
    list of (tuple, Score)
        Of the bins with anything in them.
    """
    result = outcome(sample, threshold)
    scores = [(ends, _score(sample, result, confidence, nhi=ends)) for ends in bins]
    return [(ends, s) for ends, s in scores if s.completeness.n or s.purity.n]


def curve(sample, thresholds=None, confidence=0.95):
    """Return the score at many thresholds.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    thresholds : sequence of float, optional
        Without them at most `STEPS` of the confidences themselves, evenly in rank, so that no
        part of the curve is passed over however the confidences are spread.
    confidence : float
        Of the intervals.

    Returns
    -------
    list of Score
        In the order of the thresholds, the lowest first where there were none.
    """
    if thresholds is None:
        rows = sample.passed(-np.inf) & (sample.found["NHI"] >= NEARLY_DLA)
        values = np.unique(sample.found["DLA_CONFIDENCE"][rows])
        if values.size > STEPS:
            values = values[np.linspace(0, values.size - 1, STEPS).round().astype(int)]
        thresholds = values.tolist()
    return [score(sample, threshold, confidence) for threshold in thresholds]


def completeness_at_purity(scores, purity, strict=False):
    """Return the most complete score that is at least so pure.

    Parameters
    ----------
    scores : sequence of Score
        As `curve` gives.
    purity : float
    strict : bool
        Use the strict numbers of both.

    Returns
    -------
    Score or None
        None where none is so pure.
    """
    return _best_with(scores, "purity", purity, "completeness", strict)


def purity_at_completeness(scores, completeness, strict=False):
    """Return the purest score that is at least so complete.

    Parameters
    ----------
    scores : sequence of Score
    completeness : float
    strict : bool
        As in `completeness_at_purity`.

    Returns
    -------
    Score or None
        None where none is so complete.
    """
    return _best_with(scores, "completeness", completeness, "purity", strict)


def _best_with(scores, given, least, wanted, strict):
    given, wanted = (f"{name}_strict" if strict else name for name in (given, wanted))

    def goodness(score):
        return getattr(score, wanted).value, getattr(score, given).value

    fit = [s for s in scores if getattr(s, given).value >= least and getattr(s, wanted).n]
    return max(fit, key=goodness, default=None)


def best_threshold(sample, min_completeness=None, min_purity=None, thresholds=CANDIDATES):
    """Return the threshold that a weights file should state.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
        Of a calibration set, as `desinn.evaluate.absorbers.select` gives.
    min_completeness : float, optional
        The purest one that is at least so complete.
    min_purity : float, optional
        The most complete one that is at least so pure; not with the other. Without either, the
        one of the largest harmonic mean of the two; all with the one-sided tolerance.
    thresholds : sequence of float
        Those to choose from.

    Returns
    -------
    float
        Of several equally good ones that nearest to 0.5.

    Raises
    ------
    ValueError
        If there is no true or no found DLA to judge by, both limits are given, or none of the
        thresholds reaches the limit.
    """
    if min_completeness is not None and min_purity is not None:
        raise ValueError("expected min_completeness or min_purity, found both")
    scores = curve(sample, np.asarray(thresholds).tolist())
    scores = [s for s in scores if s.completeness.k and s.purity.n]
    if not scores:
        raise ValueError("expected DLAs that are there and found, to choose by, found none")
    goodness = _harmonic
    if min_completeness is not None:
        scores, goodness = _at_least(scores, "completeness", min_completeness), _purity
    elif min_purity is not None:
        scores, goodness = _at_least(scores, "purity", min_purity), _completeness
    best = max(map(goodness, scores))
    fit = [s.threshold for s in scores if goodness(s) >= best - 1e-12]
    return min(fit, key=lambda threshold: abs(threshold - 0.5))


def _at_least(scores, name, least):
    fit = [s for s in scores if getattr(s, name).value >= least]
    if not fit:
        most = max(getattr(s, name).value for s in scores)
        raise ValueError(f"{name}: expected a threshold with {least:g}, found at most {most:.4f}")
    return fit


def _completeness(score):
    return score.completeness.value


def _purity(score):
    return score.purity.value


def _harmonic(score):
    c, p = _completeness(score), _purity(score)
    return 2 * c * p / (c + p) if c + p else 0.0

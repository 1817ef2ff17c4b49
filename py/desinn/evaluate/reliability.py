"""Whether a confidence is a probability: predicted against observed, head by head."""

from dataclasses import dataclass

import numpy as np

from ..finders.targets import boxes, place
from .intervals import NAN, wilson


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram.

    Attributes
    ----------
    edges : ndarray of float64, shape (N + 1,)
        Of the bins of confidence.
    count : ndarray of int, shape (N,)
        Rows in each bin.
    predicted, observed : ndarray of float64, shape (N,)
        Mean confidence; fraction that was right. NaN in an empty bin.
    low, high : ndarray of float64, shape (N,)
        Wilson's 95 % interval of the observed fraction (of the unweighted counts).
    error : float
        Expected calibration error: mean distance of predicted and observed, over
        the rows.
    """

    edges: np.ndarray
    count: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: float


def reliability(confidence, right, weight=None, bins=10):
    """Compare confidences with how often they were right.

    Parameters
    ----------
    confidence : array_like, shape (B,)
        0 to 1.
    right : array_like of bool, shape (B,)
    weight : array_like, shape (B,), optional
        Of the rows, 0 or more.
    bins : int
        Bins of equal width.

    Returns
    -------
    Reliability

    Raises
    ------
    ValueError
        If a confidence is not between 0 and 1.

    Examples
    --------
    >>> result = reliability([0.05, 0.95, 0.95, 0.95, 0.95], [False, True, True, True, False])
    >>> print(result.observed[[0, 9]], round(result.error, 4))
    [0.   0.75] 0.17
    """
    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, bool)
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise ValueError("confidence: expected numbers from 0 to 1")
    weight = np.ones(confidence.shape) if weight is None else np.asarray(weight, np.float64)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    total, predicted, observed = (
        np.bincount(which, weight * values, bins) for values in (1.0, confidence, right)
    )
    count, hits = (np.bincount(which[rows], minlength=bins) for rows in (slice(None), right))
    away = np.abs(predicted - observed).sum()
    with np.errstate(invalid="ignore"):
        predicted, observed = predicted / total, observed / total
    low, high = np.array([wilson(*pair) for pair in zip(hits, count, strict=True)]).T
    error = float(away / total.sum()) if total.sum() else NAN
    edges = np.linspace(0, 1, bins + 1)
    return Reliability(edges, count, predicted, observed, low, high, error)


def true_box(truth, name, grid, n_boxes, rest):
    """Return the box in which the truth has a line, and where that is known.

    Parameters
    ----------
    truth : structured array, shape (B,)
        TRUESPECTYPE, TRUEZ, and BI, NaN where unknown.
    name : str
        The line; in ``x_BAL`` only quasars with BI > 0 have one.
    grid : desinn.spectra.Grid
    n_boxes : int
    rest : float
        Rest wavelength of the line in A.

    Returns
    -------
    box : ndarray of int, shape (B,)
        -1 where there is no line.
    known : ndarray of bool, shape (B,)
        False where BI would have to be known and is not, or the line is off the grid.
    """
    quasar = truth["TRUESPECTYPE"] == "QSO"
    known = np.ones(len(truth), bool)
    box, _ = boxes(grid, n_boxes, rest, truth["TRUEZ"])
    if name.endswith("_BAL"):
        known = ~quasar | (np.isfinite(truth["BI"]) & (box >= 0))
        quasar = quasar & (truth["BI"] > 0)
    return np.where(quasar, box, -1), known


def near(box, true):
    """Return where a box is right within one: lines stand at the borders of boxes, too.

    Parameters
    ----------
    box, true : ndarray of int, shape (B,)
        The best box; that of the truth, -1 where there is no line.

    Returns
    -------
    ndarray of bool, shape (B,)
    """
    return (true >= 0) & (np.abs(box - true) <= 1)


def of_catalog(found, truth, grid, n_boxes, lines, bins=10):
    """Return the reliability diagram of each head from a catalogue.

    Parameters
    ----------
    found, truth : structured array, shape (B,)
        The catalogue with C_x and Z_x for each line x.
    grid : desinn.spectra.Grid
    n_boxes : int
    lines : dict
        Name -> rest wavelength in A, of absorption too.
    bins : int

    Returns
    -------
    dict of Reliability
        Of the lines of which something is known.
    """
    run = found["IS_QSO_QN"] != -1
    results = {}
    for name, rest in lines.items():
        true, known = true_box(truth, name, grid, n_boxes, rest)
        rows = run & known
        if not rows.any():
            continue
        wave = rest * (1 + found[f"Z_{name}"][rows])
        box = np.floor(place(grid, n_boxes, wave)).astype(np.int64)
        results[name] = reliability(found[f"C_{name}"][rows], near(box, true[rows]), bins=bins)
    return results

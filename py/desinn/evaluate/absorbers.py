"""Absorbers that were found beside those that are there: who matches whom, and what counts."""

from dataclasses import dataclass

import numpy as np

from ..finders.absorbers import LYA, MIN_DLA, NOT_SEARCHED, PROXIMATE, DLAFlag
from ..spectra.lines import C_KMS

WITHIN = 10.0
"""Matches are at most so far apart at Lyman-alpha, observed, A."""

NEARLY_DLA = 20.0
"""With the one-sided tolerance the other side of a match needs this log10 of a column only."""

NO_SNR = -1.0
"""S/N of a spectrum without coverage; it is in no bin."""


@dataclass(eq=False)
class AbsorberSample:
    """What was found and what is true on the sightlines that count.

    Attributes
    ----------
    found : structured array, shape (A,)
    truth : structured array, shape (T,)
    sightlines : structured array, shape (S,)
    found_line, truth_line : ndarray of int
        (A,), (T,) index of each one's sightline.
    usable : ndarray of bool, shape (A,)
        What may count as a detection: no flag speaks against it.
    counts : ndarray of bool, shape (T,)
        What has to be found: inside the searched range, and not proximate where these are left
        out. A detection matched with anything else is left out of the purity.
    pairs : tuple of ndarray of int, each of shape (P,)
        Rows of `found` and of `truth` that are near enough, those to be preferred first.
    numbers : dict
        How many sightlines and absorbers count, and how many do not, and why.
    """

    found: np.ndarray
    truth: np.ndarray
    sightlines: np.ndarray
    found_line: np.ndarray
    truth_line: np.ndarray
    usable: np.ndarray
    counts: np.ndarray
    pairs: tuple
    numbers: dict

    def snr(self, lines):
        """Return SNR_REDSIDE of some sightlines, by index; NaN where there is none."""
        snr = self.sightlines["SNR_REDSIDE"][lines].astype(np.float64)
        return np.where(snr == NO_SNR, np.nan, snr)

    def partners(self, found, truth=None):
        """Return which true absorber each one found is matched with.

        Parameters
        ----------
        found : ndarray of bool, shape (A,)
            What may be matched.
        truth : ndarray of bool, shape (T,), optional

        Returns
        -------
        ndarray of int64, shape (A,)
            -1 where there is none.
        """
        keep = found[self.pairs[0]]
        if truth is not None:
            keep &= truth[self.pairs[1]]
        return _one_to_one(*(rows[keep] for rows in self.pairs), len(self.found))

    def passed(self, threshold):
        """Return which of those found count as detections at a threshold, (A,) bool."""
        return self.usable & (self.found["DLA_CONFIDENCE"] >= float(threshold))


def match(found, truth, within=WITHIN):
    """Match what was found with what is true, one to one on each sightline.

    True DLAs (log N >= 20.3) come first, then absorbers of 20.0 or more, then all others. Among
    these the closest pair is matched first; where pairs are equally close, the first in the order
    of `found`, then of `truth`.

    Parameters
    ----------
    found : structured array, shape (A,)
        TARGETID, Z_DLA; NaN matches nothing.
    truth : structured array, shape (T,)
        TARGETID, Z_DLA, NHI.
    within : float
        Largest distance at Lyman-alpha, observed, in A.

    Returns
    -------
    ndarray of int64, shape (A,)
        Row of the truth, -1 where there is none.

    Examples
    --------
    >>> columns = [("TARGETID", "i8"), ("Z_DLA", "f8"), ("NHI", "f8")]
    >>> found = np.array([(7, 2.503, 20.5), (7, 2.501, 21.0), (8, 2.5, 20.4)], columns)
    >>> truth = np.array([(7, 2.5, 21.1), (7, 2.504, 19.0), (8, 2.6, 20.5)], columns)
    >>> match(found, truth)
    array([ 1,  0, -1])
    """
    return _one_to_one(*_near(found, truth, within), len(found))


def _near(found, truth, within):
    """Return all (found, truth) near enough, in the order in which they are to be matched."""
    wave, true_wave = (LYA * (1 + rows["Z_DLA"]) for rows in (found, truth))
    order = np.lexsort((true_wave, truth["TARGETID"]))
    targets, line = np.unique(truth["TARGETID"], return_inverse=True)
    # Sightlines side by side on one axis, so far apart that none reaches into the next.
    step = np.ptp(true_wave) + 4 * within if len(truth) else 0.0
    axis = (line.reshape(-1) * step + true_wave)[order]
    at = np.searchsorted(targets, found["TARGETID"])
    known = np.isfinite(wave) & np.isin(found["TARGETID"], targets)
    place = np.where(known, at * step + wave, -np.inf)
    room = 1.5 * within  # which bin is exact is seen below, without the error of large numbers
    low, high = np.searchsorted(axis, place - room), np.searchsorted(axis, place + room, "right")
    number = np.where(known, high - low, 0)
    rows = np.repeat(np.arange(len(found)), number)  # (P,)
    first = np.cumsum(number) - number
    partners = order[np.arange(rows.size) - np.repeat(first - low, number)]
    distance = np.abs(wave[rows] - true_wave[partners])
    keep = (distance <= within) & (found["TARGETID"][rows] == truth["TARGETID"][partners])
    rows, partners, distance = rows[keep], partners[keep], distance[keep]
    rank = -np.digitize(truth["NHI"][partners], (NEARLY_DLA, MIN_DLA))
    best = np.lexsort((partners, rows, distance, rank))
    return rows[best], partners[best]


def _one_to_one(rows, partners, size):
    """Take pairs in their order, each of which ends all others of the same two.

    A pair that is the first of both of its two is taken in any order, so all of these at once.
    """
    result = np.full(size, -1, np.int64)
    while rows.size:
        first = _is_first(rows) & _is_first(partners)
        result[rows[first]] = partners[first]
        keep = ~np.isin(rows, rows[first]) & ~np.isin(partners, partners[first])
        rows, partners = rows[keep], partners[keep]
    return result


def _is_first(values):
    first = np.zeros(values.size, bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


def select(found, truth, sightlines, min_snr=None, proximate=False, known=None, within=WITHIN):
    """Return what counts: absorbers, true and found, on the sightlines that were searched.

    Parameters
    ----------
    found : structured array
        As `desinn.io.absorbers.read_dla_catalog` gives.
    truth : structured array
        As `desinn.io.absorbers.read_absorbers` gives.
    sightlines : structured array
        As `desinn.io.absorbers.read_dla_catalog` gives.
    min_snr : float, optional
        Leave out sightlines with less SNR_REDSIDE.
    proximate : bool
        Count absorbers within 3000 km/s of the quasar, or behind it, too.
    known : ndarray of int64, optional
        TARGETIDs of which the truth is known; other sightlines are left out.
    within : float
        As in `match`.

    Returns
    -------
    AbsorberSample

    Raises
    ------
    ValueError
        If a quasar has two sightlines, or something was found where there is none.
    """
    targets, times = np.unique(sightlines["TARGETID"], return_counts=True)
    if np.any(times > 1):
        twice = targets[times > 1][0]
        raise ValueError(f"expected one sightline for each quasar, found two of TARGETID {twice}")
    strange = found["TARGETID"][~np.isin(found["TARGETID"], targets)]
    if strange.size:
        raise ValueError(f"expected a sightline for each absorber, found none of {strange[0]}")
    searched = (sightlines["SIGHTLINE_FLAG"] & int(NOT_SEARCHED)) == 0
    searched &= np.isfinite(sightlines["ZMIN"]) & np.isfinite(sightlines["ZMAX"])
    told = searched & (True if known is None else np.isin(sightlines["TARGETID"], known))
    use = told & (True if min_snr is None else sightlines["SNR_REDSIDE"] >= min_snr)
    lines = sightlines[use]
    inside, there = (np.isin(r["TARGETID"], lines["TARGETID"]) for r in (truth, found))
    sample = _sample(found[there], truth[inside], lines, proximate, within)
    sample.numbers = {
        "sightlines": len(lines),
        "not_searched": int((~searched).sum()),
        "not_known": int((searched & ~told).sum()),
        "low_snr": int((told & ~use).sum()),
        "dlas": _dlas(sample.truth[sample.counts]),
        "dlas_not_counted": _dlas(sample.truth[~sample.counts]),
        "dlas_elsewhere": _dlas(truth[~inside]),
        "found": len(sample.found),
    }
    return sample


def _dlas(truth):
    return int(np.count_nonzero(truth["NHI"] >= MIN_DLA))


def _sample(found, truth, lines, proximate, within):
    order = np.argsort(lines["TARGETID"])
    found_line, truth_line = (
        order[np.searchsorted(lines["TARGETID"], rows["TARGETID"], sorter=order)]
        for rows in (found, truth)
    )
    low, high = lines["ZMIN"][truth_line], lines["ZMAX"][truth_line]
    counts = (truth["Z_DLA"] >= low) & (truth["Z_DLA"] <= high)
    usable = np.isfinite(found["Z_DLA"]) & np.isfinite(found["NHI"])
    against = ~int(DLAFlag.PROXIMATE) if proximate else ~0
    usable &= (found["DLAFLAG"] & against) == 0
    if not proximate:
        counts &= ~_proximate(truth["Z_DLA"], lines["Z_QSO"][truth_line])
        usable &= ~_proximate(found["Z_DLA"], lines["Z_QSO"][found_line])
    pairs = _near(found, truth, within)
    return AbsorberSample(found, truth, lines, found_line, truth_line, usable, counts, pairs, {})


def _proximate(z, z_qso):
    return C_KMS * (z_qso - z) / (1 + z_qso) < PROXIMATE

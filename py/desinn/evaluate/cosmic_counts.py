"""Counts of pixels by class and probability: rates at any threshold, of any number of images."""

from dataclasses import dataclass, field

import numpy as np

from .cosmic_pixels import CLASSES, CLEAN, LEFT_OUT, LINE, PLACES, RAY, RING, SNR_EDGES
from .intervals import Rate, wilson

LOWEST, HIGHEST = -30.0, 17.0
"""Log-odds between which probabilities are told apart: 1e-13, and what float32 has below 1."""

PER_UNIT = 256
"""Bins in a unit of log-odds: counts of two neighbouring thresholds differ by less than 1 %,
where they fall by less than a factor of 10 in a unit."""

BINS = int((HIGHEST - LOWEST) * PER_UNIT)
"""Bins of the histograms, each without its lower end, and with its upper one."""

FALSE, RAYS = (CLEAN, LINE), tuple(range(RAY, CLASSES))
"""Classes that are false if marked; those that are true."""

_ROWS = 256  # of an image at a time


@dataclass(eq=False)
class Counts:
    """Pixels of images.

    Attributes
    ----------
    histogram : numpy.ndarray
        (CLASSES, BINS) int64: pixels by class and log-odds.
    marked : numpy.ndarray
        (CLASSES, 2) int64: pixels by class and whether they are above the image's threshold.
    frames, masked : int
        Images; pixels left out.
    """

    histogram: np.ndarray = field(default_factory=lambda: np.zeros((CLASSES, BINS), np.int64))
    marked: np.ndarray = field(default_factory=lambda: np.zeros((CLASSES, 2), np.int64))
    frames: int = 0
    masked: int = 0

    def __iadd__(self, other):
        """Add what other images say."""
        self.histogram += other.histogram
        self.marked += other.marked
        self.frames += other.frames
        self.masked += other.masked
        return self

    def add(self, classes, probability, threshold):
        """Count an image.

        Parameters
        ----------
        classes : numpy.ndarray
            (Y, X) of `desinn.evaluate.cosmic_pixels.classes_of`.
        probability : numpy.ndarray
            (Y, X) from 0 to 1.
        threshold : float
            A pixel with a larger probability is marked.
        """
        self.frames += 1
        for first in range(0, len(classes), _ROWS):
            part = classes[first : first + _ROWS]
            use = part != LEFT_OUT
            kind = part[use].astype(np.int64)
            value = probability[first : first + _ROWS][use]
            self.masked += use.size - kind.size
            key = kind * BINS + bins_of(value)
            self.histogram += np.bincount(key, minlength=CLASSES * BINS).reshape(CLASSES, BINS)
            key = 2 * kind + (value > threshold)
            self.marked += np.bincount(key, minlength=2 * CLASSES).reshape(CLASSES, 2)

    def above(self, classes):
        """Return how many pixels of some classes are above each threshold.

        Parameters
        ----------
        classes : sequence of int

        Returns
        -------
        numpy.ndarray
            (BINS + 1,) int64: at the lower end of each bin, and 0; the first counts all.
        """
        some = self.histogram[list(classes)].sum(axis=0)
        return np.append(np.cumsum(some[::-1])[::-1], 0)

    def index_at(self, level, false=FALSE):
        """Return the lowest threshold at which at most a part of the pixels is false.

        Parameters
        ----------
        level : float
            The part.
        false : sequence of int
            Classes that are false if marked.

        Returns
        -------
        int or None
            Number of a bin, whose lower end is the threshold (`threshold_of`). None where there
            are no such pixels, or too many are as sure as can be.
        """
        above = self.above(false)
        if not above[0]:
            return None
        index = int(np.argmax(above <= level * above[0]))
        return index if index < BINS else None

    def rate_at(self, index, classes, confidence=0.95):
        """Return which part of some classes is above a threshold.

        Parameters
        ----------
        index : int
            As `index_at` returns it.
        classes : sequence of int
        confidence : float
            Of the interval.

        Returns
        -------
        desinn.evaluate.intervals.Rate
        """
        above = self.above(classes)
        return ratio(above[index], above[0], confidence)

    def rate(self, classes, confidence=0.95):
        """Return which part of some classes is marked, at the images' own thresholds.

        Parameters
        ----------
        classes : sequence of int
        confidence : float
            Of the interval.

        Returns
        -------
        desinn.evaluate.intervals.Rate
        """
        some = self.marked[list(classes)].sum(axis=0)
        return ratio(some[1], some.sum(), confidence)

    def precision(self, false=FALSE, confidence=0.95):
        """Return which part of the marked pixels are rays', of these and of false ones.

        Parameters
        ----------
        false : sequence of int
        confidence : float
            Of the interval.

        Returns
        -------
        desinn.evaluate.intervals.Rate
        """
        true, wrong = (self.marked[list(some), 1].sum() for some in (RAYS, false))
        return ratio(true, true + wrong, confidence)

    def curve(self, points=200):
        """Return true-positive rates over false-positive ones, along the threshold.

        Parameters
        ----------
        points : int
            How many at most, evenly in the logarithm of the false-positive rate.

        Returns
        -------
        list of dict
            ``threshold``, ``false``, ``true``; none where one of the rates is of no pixels.
        """
        false, true = self.above(FALSE), self.above(RAYS)
        if not (false[0] and true[0]):
            return []
        levels = np.geomspace(1 / false[0], 1, points) * false[0]
        index = np.unique([np.argmax(false <= level) for level in levels])
        return [
            {"threshold": threshold_of(i), "false": false[i] / false[0], "true": true[i] / true[0]}
            for i in index[index < BINS].tolist()
        ]


STRICT = (*FALSE, RING)
"""Classes that are false if marked, where touched pixels count as such."""


ALL_PLACES, ALL_BINS = range(len(PLACES)), range(len(SNR_EDGES) + 1)
"""Numbers of all places, and of all bins of S/N."""


def ray_classes(places=ALL_PLACES, bins=ALL_BINS):
    """Return the classes of rays' pixels in some places, of some S/N.

    Parameters
    ----------
    places : iterable of int
        Of `desinn.evaluate.cosmic_pixels.PLACES`.
    bins : iterable of int
        Between `desinn.evaluate.cosmic_pixels.SNR_EDGES`.

    Returns
    -------
    list of int
    """
    return [RAY + place * len(ALL_BINS) + number for place in places for number in bins]


def bins_of(probability):
    """Return the bins that probabilities are in.

    Parameters
    ----------
    probability : numpy.ndarray

    Returns
    -------
    numpy.ndarray
        int64, of the same shape. Bin i holds those above ``threshold_of(i)``, up to
        ``threshold_of(i + 1)``; the first all that are smaller, the last all that are larger.
    """
    value = np.asarray(probability, np.float64)
    with np.errstate(divide="ignore"):
        odds = np.log(value) - np.log1p(-value)
    place = np.clip((odds - LOWEST) * PER_UNIT, 0, BINS)
    return np.maximum(np.ceil(place).astype(np.int64) - 1, 0)


def threshold_of(index):
    """Return the lower end of a bin.

    Parameters
    ----------
    index : int

    Returns
    -------
    float
        A probability.

    Examples
    --------
    >>> threshold_of(30 * PER_UNIT)
    0.5
    """
    return float(1 / (1 + np.exp(-(LOWEST + index / PER_UNIT))))


def ratio(k, n, confidence=0.95):
    """Return a fraction with its interval.

    Parameters
    ----------
    k, n : int
    confidence : float

    Returns
    -------
    desinn.evaluate.intervals.Rate
    """
    k, n = int(k), int(n)
    return Rate(k, n, *wilson(k, n, confidence))

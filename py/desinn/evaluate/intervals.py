"""Numbers that were measured, with the interval in which the true one lies."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

NAN = float("nan")
MAD_TO_SIGMA = 1.48
"""Ratio of standard deviation and median absolute deviation of a Gaussian."""

RESAMPLES = 500
DRAWS_AT_ONCE = 2**20
"""How many numbers the bootstrap holds at a time."""


@dataclass(frozen=True)
class Rate:
    """A fraction k of n with its interval.

    Attributes
    ----------
    k, n : int
    low, high : float
        Ends of the interval; 0 and 1 where n is 0.
    """

    k: int
    n: int
    low: float
    high: float

    @property
    def value(self):
        """The fraction k / n; NaN where n is 0."""
        return self.k / self.n if self.n else NAN


@dataclass(frozen=True)
class Statistic:
    """A statistic of n numbers with its interval.

    Attributes
    ----------
    value : float
        NaN where n is 0.
    n : int
    low, high : float
        Ends of the interval; NaN where n is below 2.
    """

    value: float
    n: int
    low: float
    high: float


def wilson(k, n, confidence=0.95):
    """Return Wilson's interval for a fraction.

    Parameters
    ----------
    k, n : int
        So many of so many.
    confidence : float
        Probability that such an interval covers the true fraction.

    Returns
    -------
    low, high : float
        0 and 1 where `n` is 0.

    Raises
    ------
    ValueError
        If not 0 <= k <= n, or the confidence is not between 0 and 1.

    Examples
    --------
    >>> low, high = wilson(9, 10)
    >>> print(f"{low:.4f} {high:.4f}")
    0.5958 0.9821
    >>> wilson(11, 10)
    Traceback (most recent call last):
        ...
    ValueError: expected 0 <= k <= n, found k 11, n 10
    """
    if not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n, found k {k}, n {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, found {confidence}")
    if n == 0:
        return 0.0, 1.0
    s = NormalDist().inv_cdf((1 + confidence) / 2)
    p, weight = k / n, 1 + s * s / n
    centre = (p + s * s / (2 * n)) / weight
    half = s * ((p * (1 - p) + s * s / (4 * n)) / n) ** 0.5 / weight
    # The ends belong to the interval exactly, which rounding would not give.
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def rate(yes, of, confidence=0.95):
    """Return the fraction of rows `of` that are also `yes`.

    Parameters
    ----------
    yes, of : ndarray of bool, shape (B,)
    confidence : float

    Returns
    -------
    Rate
    """
    k, n = int(np.count_nonzero(yes & of)), int(np.count_nonzero(of))
    return Rate(k, n, *wilson(k, n, confidence))


def spread(values):
    """Return the median along the last axis, and 1.48 times the median absolute deviation.

    Parameters
    ----------
    values : array_like, shape (..., N)

    Returns
    -------
    median, mad : ndarray, shape (...)

    Examples
    --------
    >>> median, mad = spread([1, 2, 3, 4, 100])
    >>> print(median, mad)
    3.0 1.48
    """
    values = np.asarray(values, np.float64)
    median = np.median(values, axis=-1)
    away = np.abs(values - median[..., np.newaxis])
    return median, MAD_TO_SIGMA * np.median(away, axis=-1)


def clipped(values, limit=3.0):
    """Return the mean and standard deviation along the last axis without outliers.

    Parameters
    ----------
    values : array_like, shape (..., N)
    limit : float
        What is further from the median than so many times 1.48 MAD is left out, once.

    Returns
    -------
    mean, deviation : ndarray, shape (...)

    Examples
    --------
    >>> mean, deviation = clipped([1, 3, 2, 1, 3, 100])
    >>> print(mean, round(float(deviation), 4))
    2.0 0.8944
    """
    values = np.asarray(values, np.float64)
    median, mad = spread(values)
    away = np.abs(values - median[..., np.newaxis])
    inside = away <= limit * mad[..., np.newaxis]  # at least half of them, as MAD is a median
    return _moments(values, inside)


def moments(values):
    """Return the mean and standard deviation along the last axis.

    Parameters
    ----------
    values : array_like, shape (..., N)

    Returns
    -------
    mean, deviation : ndarray, shape (...)
    """
    values = np.asarray(values, np.float64)
    return _moments(values, np.ones(values.shape, bool))


def _moments(values, inside):
    number = inside.sum(axis=-1)
    mean = (values * inside).sum(axis=-1) / number
    square = ((values - mean[..., np.newaxis]) ** 2 * inside).sum(axis=-1) / number
    return mean, np.sqrt(square)


def bootstrap(rng, values, confidence=0.95, resamples=RESAMPLES, of=spread):
    """Return median and 1.48 MAD of some numbers, with intervals from resampling.

    Parameters
    ----------
    rng : numpy.random.Generator
    values : array_like, shape (N,)
    confidence : float
    resamples : int
        How many sets of N are drawn from the numbers, with replacement.
    of : callable
        What is told of the numbers, a pair: `spread`, `clipped` or `moments`.

    Returns
    -------
    median, mad : Statistic
        The intervals are percentiles of the statistics of the drawn sets.

    Examples
    --------
    >>> median, mad = bootstrap(np.random.default_rng(1), np.arange(101.0))
    >>> print(median.value, median.low < 50 < median.high, mad.value)
    50.0 True 37.0
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        return Statistic(NAN, 0, NAN, NAN), Statistic(NAN, 0, NAN, NAN)
    centre = of(values)
    ends = [(NAN, NAN), (NAN, NAN)]
    if values.size > 1:
        drawn = np.concatenate([of(values[i]) for i in _draws(rng, values.size, resamples)], 1)
        levels = [(1 - confidence) / 2, (1 + confidence) / 2]
        ends = np.quantile(drawn, levels, axis=1).T.tolist()  # (2 statistics, 2 ends)
    return tuple(
        Statistic(float(value), values.size, *pair)
        for value, pair in zip(centre, ends, strict=True)
    )


def _draws(rng, size, resamples):
    """Yield the indices of the drawn sets, some sets at a time."""
    at_once = max(1, DRAWS_AT_ONCE // size)
    for start in range(0, resamples, at_once):
        yield rng.integers(size, size=(min(at_once, resamples - start), size))

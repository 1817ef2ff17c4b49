"""Errors of absorbers that were found and are there: how large, and how honest the stated ones."""

from dataclasses import dataclass

import numpy as np

from .intervals import Rate, Statistic, bootstrap, clipped, moments, rate

PAIR = np.dtype(
    [
        ("TARGETID", "i8"),
        ("SNR", "f8"),  # SNR_REDSIDE; NaN where there is none
        ("Z", "f8"),
        ("Z_ERR", "f8"),
        ("Z_TRUE", "f8"),
        ("NHI", "f8"),
        ("NHI_ERR", "f8"),
        ("NHI_TRUE", "f8"),
    ]
)
"""What was found, and the absorber it is matched with."""

WEAKEST = 19.0
"""Absorbers with a lower log10 of the column are no partners: a DLA is not one of these."""

FAR = 3.0
"""Pulls beyond are counted, and left out of the clipped mean and spread."""

QUANTITIES = ("NHI", "Z")


@dataclass(frozen=True)
class Errors:
    """How far N pairs are apart, found - true.

    Attributes
    ----------
    median, mad : Statistic
        Median, and 1.48 MAD.
    mean, sigma : Statistic
        Mean and standard deviation of those within three times 1.48 MAD of the median.
    deviation : Statistic
        Standard deviation of all, those that are far off among them.
    """

    median: Statistic
    mad: Statistic
    mean: Statistic
    sigma: Statistic
    deviation: Statistic


@dataclass(frozen=True)
class Pulls:
    """(found - true) / stated error of N pairs.

    Attributes
    ----------
    mean, spread : Statistic
        Mean and standard deviation of all.
    clipped_mean, clipped_spread : Statistic
        Of those within three times 1.48 MAD of the median.
    mad : Statistic
        1.48 MAD.
    far : Rate
        Part with a pull above 3 or below -3; of a Gaussian 0.0027.
    without : int
        Pairs without a finite error above 0, which are in none of these numbers.
    """

    mean: Statistic
    spread: Statistic
    clipped_mean: Statistic
    clipped_spread: Statistic
    mad: Statistic
    far: Rate
    without: int


def pairs_of(sample, threshold, weakest=WEAKEST):
    """Return what passes a threshold, whatever its log N, beside the absorber that it is.

    Parameters
    ----------
    sample : desinn.evaluate.absorbers.AbsorberSample
    threshold : float
    weakest : float
        Least true log N of a partner.

    Returns
    -------
    structured array of dtype PAIR
        Without those whose partner does not count.
    """
    partner = sample.partners(sample.passed(threshold), sample.truth["NHI"] >= weakest)
    rows = np.flatnonzero(partner >= 0)
    rows = rows[sample.counts[partner[rows]]]
    found, truth = sample.found[rows], sample.truth[partner[rows]]
    pairs = np.zeros(len(rows), PAIR)
    pairs["SNR"] = sample.snr(sample.found_line[rows])
    pairs["TARGETID"] = found["TARGETID"]
    for quantity in QUANTITIES:
        name = {"Z": "Z_DLA"}.get(quantity, quantity)
        pairs[quantity], pairs[f"{quantity}_ERR"] = found[name], found[f"{name}_ERR"]
        pairs[f"{quantity}_TRUE"] = truth[name]
    return pairs


def difference(pairs, quantity):
    """Return found - true.

    Parameters
    ----------
    pairs : structured array of dtype PAIR, shape (N,)
    quantity : str
        NHI (log10) or Z.

    Returns
    -------
    ndarray of float64, shape (N,)
    """
    return pairs[quantity] - pairs[f"{quantity}_TRUE"]


def pull(pairs, quantity):
    """Return (found - true) / error of the pairs that state an error.

    Parameters
    ----------
    pairs : structured array of dtype PAIR, shape (N,)
    quantity : str
        NHI or Z.

    Returns
    -------
    ndarray of float64, shape (M,)
    """
    rows = with_error(pairs, quantity)
    return difference(rows, quantity) / rows[f"{quantity}_ERR"]


def with_error(pairs, quantity):
    """Return the pairs that state a finite error above 0.

    Parameters
    ----------
    pairs : structured array of dtype PAIR, shape (N,)
    quantity : str
        NHI or Z.

    Returns
    -------
    structured array of dtype PAIR, shape (M,)
    """
    error = pairs[f"{quantity}_ERR"]
    return pairs[np.isfinite(error) & (error > 0)]


def errors(pairs, quantity, confidence=0.95, seed=0):
    """Return how far found and true values are apart.

    Parameters
    ----------
    pairs : structured array of dtype PAIR
    quantity : str
        NHI or Z.
    confidence : float
        Of the intervals.
    seed : int
        Of the resampling that gives them.

    Returns
    -------
    Errors
    """
    values, rng = difference(pairs, quantity), np.random.default_rng(seed)
    return Errors(
        *bootstrap(rng, values, confidence),
        *bootstrap(rng, values, confidence, of=clipped),
        bootstrap(rng, values, confidence, of=moments)[1],
    )


def pulls(pairs, quantity, confidence=0.95, seed=0):
    """Return what the pulls tell of the stated errors.

    Parameters
    ----------
    pairs : structured array of dtype PAIR
    quantity : str
        NHI or Z.
    confidence : float
        Of the intervals.
    seed : int
        Of the resampling that gives them.

    Returns
    -------
    Pulls
    """
    values, rng = pull(pairs, quantity), np.random.default_rng(seed)
    return Pulls(
        *bootstrap(rng, values, confidence, of=moments),
        *bootstrap(rng, values, confidence, of=clipped),
        bootstrap(rng, values, confidence)[1],
        rate(np.abs(values) > FAR, np.ones(values.size, bool), confidence),
        len(pairs) - values.size,
    )

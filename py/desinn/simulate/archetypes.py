"""Templates as models: which coefficient vectors, how they are blended, where they end."""

import numpy as np

SPLITS = ("train", "test")
"""Names of the two parts of the coefficient vectors: three quarters, and one quarter."""


def shares_of(mix, known):
    """Return the shares of a mix, scaled to a sum of 1.

    Parameters
    ----------
    mix : dict
        Name -> share.
    known : iterable of str
        The names that there are.

    Returns
    -------
    dict
        Name -> share, float.

    Raises
    ------
    ValueError
        If a name is not known, or the shares are not positive.
    """
    total = sum(mix.values())
    if not set(mix) <= set(known) or min(mix.values(), default=0) < 0 or not total > 0:
        raise ValueError(f"expected positive shares of {', '.join(known)}, found {mix}")
    return {name: share / total for name, share in mix.items()}


def coefficient_rows(n, split=None):
    """Return which coefficient vectors are used.

    Parameters
    ----------
    n : int
        How many there are.
    split : str, optional
        "train": all but every fourth; "test": every fourth; all by default.

    Returns
    -------
    numpy.ndarray
        (M,) int.

    Raises
    ------
    ValueError
        If `split` is something else.
    """
    rows = np.arange(n)
    if split is None:
        return rows
    if split not in SPLITS:
        raise ValueError(f"expected a split of {', '.join(SPLITS)} or None, found {split!r}")
    return rows[(rows % 4 == 3) == (split == "test")]


def blended(rng, coefficients, n, split=None, most=0.3):
    """Draw coefficient vectors of real objects, half of them blended with another one.

    Parameters
    ----------
    rng : numpy.random.Generator
    coefficients : numpy.ndarray
        (N, K) the vectors.
    n : int
        How many to draw.
    split : str, optional
        Which of them, as for `coefficient_rows`.
    most : float
        The greatest share of the second vector.

    Returns
    -------
    numpy.ndarray
        (n, K) float32, the length of each about 1.

    Raises
    ------
    ValueError
        If there are too few vectors for a split, or `split` is none.
    """
    rows = coefficient_rows(len(coefficients), split)
    if not rows.size:
        raise ValueError(f"expected more than {len(coefficients)} vectors to split off {split!r}")
    unit = coefficients / np.linalg.norm(coefficients, axis=1, keepdims=True)
    first, second = unit[rng.choice(rows, (2, n))]
    share = (rng.uniform(0, most, n) * (rng.random(n) < 0.5))[:, None]
    return ((1 - share) * first + share * second).astype("f4")


def extended(table):
    """Let functions go on smoothly where a template ends.

    Parameters
    ----------
    table : numpy.ndarray
        (K, R) float32 with NaN at the ends; changed in place.

    Returns
    -------
    numpy.ndarray
        The same, with the mean of the last 50 cells on either side in place of NaN. The means of
        combined functions are the combined means.

    Raises
    ------
    ValueError
        If it is NaN everywhere.
    """
    good = np.flatnonzero(np.isfinite(table).all(axis=0))
    if not good.size:
        raise ValueError("a template that does not reach into the grid")
    first, last = good[0], good[-1] + 1
    table[:, :first] = table[:, first : first + 50].mean(axis=1, keepdims=True)
    table[:, last:] = table[:, max(first, last - 50) : last].mean(axis=1, keepdims=True)
    return table


def scaled(flux):
    """Scale spectra to a median of 1, and cut what is negative.

    Parameters
    ----------
    flux : numpy.ndarray
        (B, W) float32; changed in place.

    Returns
    -------
    numpy.ndarray
        The same. A spectrum that is mostly zero is scaled by its mean.
    """
    np.maximum(flux, 0, out=flux)
    level = np.median(flux, axis=1, keepdims=True)
    mean = flux.mean(axis=1, keepdims=True)
    flux /= np.where(level > 1e-3 * mean, level, np.maximum(mean, np.finfo("f4").tiny))
    return flux

"""Rest-frame functions on a log grid, and how they look at a redshift: a shift in cells.

Cells are numbered as those of `grid.WAVE`: cell 0 begins at 3502 A and each is `grid.STEP` wide in
log10 of the wavelength. Rest-frame tables go on to negative numbers on the same grid, so that a
redshift moves everything by ``log10(1 + z) / STEP`` cells, whatever the wavelength.
"""

import numpy as np

from ..spectra.grids import LOG_3600
from .grid import BEFORE, SIZE, STEP

REST_FIRST = -8800
"""First cell of a table that reaches to z = 6.5 and a little beyond: 461 A."""

REST_SIZE = 8800 + SIZE + 20
"""Cells of such a table: up to 10575 A, so that approaching sources (z < 0) are inside too."""


def cell_of(wave):
    """Return the position of wavelengths on the grid of cells.

    Parameters
    ----------
    wave : float or array_like
        Wavelength, A.

    Returns
    -------
    float or numpy.ndarray
        float64 position: a whole number at the left edge of the cell of that number.
    """
    return (np.log10(wave) - LOG_3600) / STEP + BEFORE


def rest_edges(first=REST_FIRST, size=REST_SIZE):
    """Return the edges of the cells of a rest-frame table.

    Parameters
    ----------
    first, size : int
        Number of the first cell, and how many there are.

    Returns
    -------
    numpy.ndarray
        (size + 1,) float64, A.
    """
    return 10 ** (LOG_3600 + STEP * (first - BEFORE + np.arange(size + 1)))


def rest_wave(first=REST_FIRST, size=REST_SIZE):
    """Return the centres of the cells of a rest-frame table.

    Parameters
    ----------
    first, size : int
        Number of the first cell, and how many there are.

    Returns
    -------
    numpy.ndarray
        (size,) float64, A.
    """
    return 10 ** (LOG_3600 + STEP * (first - BEFORE + 0.5 + np.arange(size)))


def rest_table(wave, values, first=REST_FIRST, size=REST_SIZE, fill=np.nan):
    """Average functions over the cells of a rest-frame grid.

    The functions are taken as straight between their points, and the averages are exact: nothing
    is lost of a finely sampled function, and a coarse one is interpolated.

    Parameters
    ----------
    wave : array_like
        (P,) wavelengths of the points, A, rising; any spacing.
    values : array_like
        (K, P) or (P,) functions.
    first, size : int
        Number of the first cell, and how many there are.
    fill : float
        Value of the cells that `wave` does not cover wholly.

    Returns
    -------
    numpy.ndarray
        (K, size) float32.

    Raises
    ------
    ValueError
        If `wave` does not rise, or its length is not that of the functions.

    Examples
    --------
    >>> rest_table([4000, 5000], [[1, 1]], first=1000, size=2)
    array([[1., 1.]], dtype=float32)
    >>> rest_table([4000, 5000, 4500], [[1, 1, 1]], first=1000, size=2)
    Traceback (most recent call last):
        ...
    ValueError: expected rising wavelengths of (3,) points and values (K, 3), found values (1, 3)
    """
    wave, values = np.asarray(wave, "f8"), np.atleast_2d(np.asarray(values, "f8"))
    if wave.ndim != 1 or values.shape[1:] != wave.shape or not (np.diff(wave) > 0).all():
        raise ValueError(
            f"expected rising wavelengths of {wave.shape} points and values (K, {wave.size}), "
            f"found values {values.shape}"
        )
    edges = rest_edges(first, size)
    means = np.diff(_integral(wave, values, edges), axis=1) / np.diff(edges)
    outside = (edges[:-1] < wave[0]) | (edges[1:] > wave[-1])
    return np.where(outside, fill, means).astype("f4")


def redshifted(table, first, z, which=0):
    """Return rest-frame functions as they are seen on the observed cells of `grid.WAVE`.

    Parameters
    ----------
    table : numpy.ndarray
        (K, R) functions on rest-frame cells (of `rest_table`).
    first : int
        Number of the table's first cell.
    z : array_like
        (B,) float64 redshifts.
    which : int or array_like
        (B,) row of the table for each spectrum, or one for all.

    Returns
    -------
    numpy.ndarray
        (B, W) float32: the values only. Factors of 1 + z, which f_lambda would need, are the
        caller's. Between two cells the values are interpolated: at most one cell (69 km/s) of
        smoothing. NaN of the table stays NaN.

    Raises
    ------
    ValueError
        If the table does not reach over the observed wavelengths at each z.

    Examples
    --------
    >>> redshifted(np.ones((1, REST_SIZE), "f4"), REST_FIRST, [2.5]).shape
    (1, 4780)
    >>> redshifted(np.ones((1, REST_SIZE), "f4"), REST_FIRST, [2.5, 9])
    Traceback (most recent call last):
        ...
    ValueError: the table covers z from -0.00459 to 6.59, found z from 2.5 to 9
    """
    z = np.asarray(z, "f8")
    shift = np.log10(1 + z) / STEP
    whole = np.floor(shift).astype(int)
    start = -whole - first - 1  # the column before observed cell 0
    if z.size and (start.min() < 0 or start.max() + SIZE + 1 > table.shape[1]):
        low, high = (10 ** (STEP * cells) - 1 for cells in _reach(table, first))
        raise ValueError(
            f"the table covers z from {low:.3g} to {high:.3g}, "
            f"found z from {z.min():.3g} to {z.max():.3g}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(table, SIZE + 1, axis=1)
    seen = windows[which, start].astype("f4", copy=False)  # (B, W + 1)
    part = (shift - whole).astype("f4")[:, None]
    return seen[:, 1:] + part * (seen[:, :-1] - seen[:, 1:])


def _reach(table, first):
    """Return the least and the greatest shift, in cells, that the table allows."""
    return -(first + table.shape[1] - SIZE), -first


def _integral(wave, values, edges):
    """Return the integrals of (K, P) functions, straight between points, up to each edge."""
    steps = np.diff(wave)
    areas = np.cumsum(0.5 * (values[:, 1:] + values[:, :-1]) * steps, axis=1)
    areas = np.concatenate([np.zeros((len(values), 1)), areas], axis=1)
    inside = np.clip(edges, wave[0], wave[-1])
    left = np.clip(np.searchsorted(wave, inside, "right") - 1, 0, len(steps) - 1)
    beyond = inside - wave[left]
    slope = (values[:, left + 1] - values[:, left]) / steps[left]
    return areas[:, left] + beyond * (values[:, left] + 0.5 * slope * beyond)

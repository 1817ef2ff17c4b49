"""The part of a quasar's spectrum in which absorbers are searched, its brightness and S/N.

All of it works on spectra in the bins of a grid, as `desinn.spectra.rebin` gives them.
"""

import numpy as np

from .absorbers import LYA, NOT_SEARCHED, SIGHTLINE, SightlineFlag
from .base import input_flags

REST = (912.0, 1220.0)
"""Rest wavelengths of the quasar between which absorbers are searched, A."""

BLUEST = 3600.0
"""Observed wavelength from which on absorbers are searched, A."""

FOREST = (1040.0, 1205.0)
"""Rest wavelengths of SNR_FOREST, A."""

RED_SIDE = (1420.0, 1480.0)
"""Rest wavelengths of SNR_REDSIDE, A."""

PIXEL = 0.8
"""Width of the pixel that S/N is stated for, A: DESI's."""

_LEAST = 10  # bins with data from which a median is taken
_COVERED = 0.2  # part of the range that must have data
_FARTHEST = 1e3  # redshifts beyond are as good as this one: far from any grid


def searched_range(z, rest=REST, bluest=BLUEST):
    """Return between which wavelengths absorbers are searched.

    Parameters
    ----------
    z : array_like
        (B,) redshifts of the quasars.
    rest : tuple of float
        Rest wavelengths of the quasar, A.
    bluest : float
        Least observed wavelength, A.

    Returns
    -------
    first, last : numpy.ndarray
        (B,) float64 observed wavelengths, A; NaN where there is nothing between them or z is not
        a finite number above -1.
    """
    z = np.asarray(z, np.float64)
    scale = np.where(np.isfinite(z) & (z > -1), 1 + np.minimum(z, _FARTHEST), np.nan)
    first, last = np.maximum(rest[0] * scale, bluest), rest[1] * scale
    empty = ~(last > first)
    return np.where(empty, np.nan, first), np.where(empty, np.nan, last)


def snr(flux, ivar, grid, z, rest):
    """Return the mean signal to noise per 0.8 A over a range of rest wavelengths.

    Parameters
    ----------
    flux, ivar : numpy.ndarray
        (B, W) in the bins of `grid`, which are not narrower than the cameras' pixels.
    grid : desinn.spectra.Grid
    z : array_like
        (B,) redshifts.
    rest : tuple of float
        `FOREST` or `RED_SIDE`, A.

    Returns
    -------
    numpy.ndarray
        (B,) float32, -1 where no bin has data: the convention of the DESI DLA Toolkit.
    """
    per_bin = np.sqrt(PIXEL / np.diff(_edges(grid)))  # (W,)
    first, place = _places(grid, z, rest)
    values = _taken(flux, place) * np.sqrt(_taken(ivar, place)) * _taken(per_bin[None], place)
    good = (_taken(ivar, place) > 0) & first
    number = good.sum(axis=1)
    total = np.where(good, values, 0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), -1).astype(np.float32)


def brightness(flux, ivar, grid, z, ranges):
    """Return the median flux in the first of several rest ranges that has data.

    Parameters
    ----------
    flux, ivar : numpy.ndarray
        (B, W) in the bins of `grid`.
    grid : desinn.spectra.Grid
    z : array_like
        (B,) redshifts.
    ranges : sequence of (float, float)
        Rest wavelengths, A; a range counts if it has data in ten bins or more.

    Returns
    -------
    numpy.ndarray
        (B,) float64, NaN where no range has data.
    """
    found = np.full(len(flux), np.nan)
    for rest in ranges:
        inside, place = _places(grid, z, rest)
        good = (_taken(ivar, place) > 0) & inside
        ordered = np.sort(np.where(good, _taken(flux, place), np.inf), axis=1)
        number = good.sum(axis=1)
        middle = np.stack([np.maximum(number - 1, 0) // 2, number // 2], axis=1)
        middle = np.minimum(middle, ordered.shape[1] - 1)
        with np.errstate(invalid="ignore"):
            median = np.take_along_axis(ordered, middle, axis=1).mean(axis=1)
        found = np.where(np.isnan(found) & (number >= _LEAST), median, found)
    return found


def sightlines(spectra, z, flux, ivar, grid, scale, rest=REST, bluest=BLUEST):
    """Return the rows of the sightlines: range, S/N, and why one cannot be searched.

    The range ends where the data do. A sightline is searched if a fifth of its range has data.

    Parameters
    ----------
    spectra : desinn.spectra.Spectra
        B spectra.
    z : array_like
        (B,) redshifts of the quasars.
    flux, ivar : numpy.ndarray
        (B, W) the spectra in the bins of `grid`.
    grid : desinn.spectra.Grid
    scale : numpy.ndarray
        (B,) of `brightness`.
    rest : tuple of float
        Searched rest wavelengths, A.
    bluest : float
        Least observed wavelength, A.

    Returns
    -------
    numpy.ndarray
        (B,) of `desinn.finders.absorbers.SIGHTLINE`.
    """
    z = np.asarray(z, np.float64)
    first, last = searched_range(z, rest, bluest)
    rows = np.zeros(len(spectra), SIGHTLINE)
    rows["TARGETID"], rows["Z_QSO"] = spectra.targetid, z
    rows["SNR_FOREST"] = snr(flux, ivar, grid, z, FOREST)
    rows["SNR_REDSIDE"] = snr(flux, ivar, grid, z, RED_SIDE)
    edges = _edges(grid)
    inside = (edges[1:] > first[:, None]) & (edges[:-1] < last[:, None])  # (B, W)
    has_data = (ivar > 0) & inside
    enough = has_data.sum(axis=1) > _COVERED * inside.sum(axis=1)
    flags = input_flags(spectra, np.isfinite(scale) & (scale > 0), enough)
    out = ~np.isfinite(first) | ~inside.any(axis=1)
    flags[out] = SightlineFlag.OUT_OF_RANGE
    rows["SIGHTLINE_FLAG"] = flags
    searched = (flags & NOT_SEARCHED) == 0
    first = np.maximum(first, edges[has_data.argmax(axis=1)])
    last = np.minimum(last, edges[grid.size - has_data[:, ::-1].argmax(axis=1)])
    rows["ZMIN"] = np.where(searched, first / LYA - 1, np.nan)
    rows["ZMAX"] = np.where(searched, last / LYA - 1, np.nan)
    return rows


def _edges(grid):
    """Return the (W + 1,) edges of a grid's bins, A."""
    wave = grid.wave
    last = wave[-1] ** 2 / wave[-2] if grid.spacing == "log" else 2 * wave[-1] - wave[-2]
    return np.append(wave, last)


def _places(grid, z, rest):
    """Return which of (B, N) bins lie in a rest range, and their numbers, cut to the grid."""
    # What is no redshift is far from any grid, too.
    z = np.where(np.isfinite(z) & (np.asarray(z) > -1), np.minimum(z, _FARTHEST), -0.999)
    low, high = (grid.bin_of(wave * (1 + z)) for wave in rest)  # (B,)
    place = low[:, None] + np.arange(max(np.max(high - low, initial=0), 1))  # (B, N)
    inside = (place < high[:, None]) & (place >= 0) & (place < grid.size)
    return inside, np.clip(place, 0, grid.size - 1)


def _taken(values, place):
    """Return (B, N) bins of each row of (B, W); or of the one row that there is."""
    if len(values) == 1 and len(place) != 1:
        return values[0][place]
    return np.take_along_axis(values, place, axis=1)

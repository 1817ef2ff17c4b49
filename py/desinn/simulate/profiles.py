"""Shapes of lines and bands, which stars and galaxies share."""

import numpy as np

from .grid import STEP

_REACH = 5  # widths of a Gaussian beyond which nothing is left of it


def lines(wave, centres, width, power=2):
    """Return the sum of bell-shaped lines of height 1.

    Parameters
    ----------
    wave : numpy.ndarray
        (R,) wavelengths, A.
    centres : array_like
        (L,) wavelengths of the lines, A.
    width : float
        Half-width at half the height, A.
    power : float
        How the wings fall: 2 as Lorentz's, 2.5 as Stark's.

    Returns
    -------
    numpy.ndarray
        (R,) float64.
    """
    distance = np.abs(wave - np.asarray(centres, "f8")[:, None])  # (L, R)
    return (1 / (1 + (distance / width) ** power)).sum(axis=0)


def bands(wave, heads, length):
    """Return the sum of molecular bands: a sharp head of height 1 and an exponential tail.

    Parameters
    ----------
    wave : numpy.ndarray
        (R,) wavelengths, A.
    heads : array_like
        (L,) wavelengths of the heads, A.
    length : float
        Scale of the tails, A: positive for tails to the red, negative to the blue.

    Returns
    -------
    numpy.ndarray
        (R,) float64.
    """
    behind = (wave - np.asarray(heads, "f8")[:, None]) / length  # (L, R)
    return np.where(behind >= 0, np.exp(-np.clip(behind, 0, None)), 0).sum(axis=0)


def edge(wave, centre, width):
    """Return a smooth step from 1 (shorter wavelengths) to 0.

    Parameters
    ----------
    wave : numpy.ndarray
        (R,) wavelengths, A.
    centre, width : float
        Where the step is, and how wide, A.

    Returns
    -------
    numpy.ndarray
        (R,) float64.
    """
    return 0.5 * (1 - np.tanh((wave - centre) / width))


def add_gaussians(flux, centre, sigma, area):
    """Add one Gaussian emission line to each spectrum, in place.

    Parameters
    ----------
    flux : numpy.ndarray
        (B, W) float32 on the cells of `grid.WAVE`.
    centre : numpy.ndarray
        (B,) position in cells (of `shift.cell_of`); lines outside add nothing.
    sigma : numpy.ndarray
        (B,) width, cells.
    area : numpy.ndarray
        (B,) integral of the line over cells: the sum of what is added.
    """
    if not len(flux):
        return
    sigma = np.sqrt(sigma**2 + 1 / 12)  # the average over a cell widens narrow lines so
    half = int(np.ceil(_REACH * sigma.max()))
    cells = np.floor(centre).astype(int)[:, None] + np.arange(-half, half + 1)  # (B, C)
    distance = (cells + 0.5 - centre[:, None]) / sigma[:, None]
    peak = area / (np.sqrt(2 * np.pi) * sigma)
    added = peak[:, None] * np.exp(-0.5 * distance**2)
    row, column = np.nonzero((cells >= 0) & (cells < flux.shape[1]))
    flux[row, cells[row, column]] += added[row, column].astype(flux.dtype)


def cell_width(wave):
    """Return how wide the cell at a wavelength is.

    Parameters
    ----------
    wave : float or numpy.ndarray
        Wavelength, A.

    Returns
    -------
    float or numpy.ndarray
        float64, A.
    """
    return np.asarray(wave, "f8") * np.log(10) * STEP

"""What lies under a quasar's lines: power laws, the Balmer continuum, and iron."""

import numpy as np

from .grid import CELL_KMS, WAVE
from .shift import REST_FIRST, redshifted, rest_table, rest_wave

# Centre (A), sigma (A) and height of the blends of iron lines, after the shape of the templates of
# Vestergaard & Wilkes 2001 (ApJS 134, 1) and Boroson & Green 1992 (ApJS 80, 109).
IRON_BLENDS = (
    (1130, 25, 0.2), (1625, 30, 0.15), (1786, 18, 0.35), (1890, 40, 0.3), (2075, 45, 0.55),
    (2250, 50, 0.55), (2380, 55, 1.0), (2500, 55, 1.1), (2600, 40, 0.8), (2750, 40, 0.4),
    (2900, 50, 0.45), (2965, 25, 0.3), (3180, 50, 0.3), (3500, 70, 0.15), (4190, 60, 0.18),
    (4570, 60, 0.4), (4680, 40, 0.15), (4930, 25, 0.12), (5190, 50, 0.32), (5310, 60, 0.32),
)  # fmt: skip

IRON_WIDTHS = (1200.0, 2200.0, 3500.0)
"""Sigmas, km/s, to which an iron template is broadened."""

BALMER_EDGE = 3646.0


def power_laws(rng, rest, breaks=(1100.0, 4800.0), slope=(-1.5, 0.5)):
    """Draw broken power laws in f_lambda.

    Parameters
    ----------
    rng : numpy.random.Generator
    rest : numpy.ndarray
        (B, W) rest wavelengths, A.
    breaks : tuple
        Where the slope changes, A: flatter on either side (Vanden Berk et al. 2001, figure 5).
        Two numbers, or two ranges from which each quasar's are drawn.
    slope : tuple of float
        Mean and deviation of the slope between the breaks.

    Returns
    -------
    numpy.ndarray
        (B, W) float32, 1 at 2000 A.
    """
    b = len(rest)
    middle = rng.normal(*slope, (b, 1)).astype(np.float32)
    red = middle + np.abs(rng.normal(0.9, 0.5, (b, 1))).astype(np.float32)
    blue = middle + rng.normal(0.7, 0.5, (b, 1)).astype(np.float32)
    x = np.log10(rest.astype(np.float32))
    pivot = np.float32(np.log10(2000))
    low, high = (_break(rng, b, place) for place in breaks)
    inner = np.clip(x, low, high) - pivot
    log_flux = middle * inner + blue * np.minimum(x - low, 0) + red * np.maximum(x - high, 0)
    return np.exp(log_flux * np.float32(np.log(10)))


def _break(rng, b, place):
    """Return log10 of where slopes change, a number or (b, 1)."""
    if np.ndim(place):
        place = rng.uniform(*place, (b, 1))
    return np.log10(place).astype(np.float32)


def balmer(rng, rest):
    """Draw the bump of Balmer continuum and blended high Balmer lines.

    Parameters
    ----------
    rng : numpy.random.Generator
    rest : numpy.ndarray
        (B, W) rest wavelengths, A.

    Returns
    -------
    numpy.ndarray
        (B, W) float32, relative to the continuum: at most 0.25.
    """
    away = (rest - BALMER_EDGE).astype(np.float32)
    shape = np.exp(np.where(away < 0, away / 900, -((away / 150) ** 2)))
    return rng.uniform(0, 0.25, (len(rest), 1)).astype(np.float32) * shape


class Iron:
    """The forest of iron lines, at three widths.

    Parameters
    ----------
    wave, flux : array_like, optional
        (W,) template in the rest frame, A and f_lambda; without one, broad blends.
    """

    def __init__(self, wave=None, flux=None):
        if wave is None:
            wave = rest_wave()
            flux = sum(h * np.exp(-0.5 * ((wave - c) / s) ** 2) for c, s, h in IRON_BLENDS)
        fine = np.nan_to_num(rest_table(wave, flux))[0]
        table = np.stack([_broadened(fine, sigma / CELL_KMS) for sigma in IRON_WIDTHS])
        cells = rest_wave()
        bump = (cells > 2200) & (cells < 2700)
        self._table = (table / table[:, bump].mean(axis=1, keepdims=True)).astype(np.float32)

    def draw(self, rng, z, strength=(-0.7, 0.25)):
        """Draw iron emission relative to the continuum.

        Parameters
        ----------
        rng : numpy.random.Generator
        z : numpy.ndarray
            (B,) redshifts.
        strength : tuple of float
            Mean and deviation of log10 of its mean over 2200-2700 A.

        Returns
        -------
        numpy.ndarray
            (B, W) float32. The optical part varies on its own by 0.25 dex.
        """
        b = len(z)
        iron = redshifted(self._table, REST_FIRST, z, rng.integers(0, len(self._table), b))
        iron *= (10 ** rng.normal(*strength, (b, 1))).astype(np.float32)
        optical = (10 ** rng.normal(0, 0.25, (b, 1))).astype(np.float32)
        return np.where(3500 * (1 + z[:, np.newaxis]) < WAVE, iron * optical, iron)

    def draw_varied(self, rng, z, strength=(-0.7, 0.35)):
        """Draw iron emission of more shapes than the template has.

        Parameters
        ----------
        rng, z, strength
            As for `draw`.

        Returns
        -------
        numpy.ndarray
            (B, W) float32. Its blends vary by 0.3 (in ln) against each other; beyond some place
            between 2950 and 3700 A it goes on stronger or weaker by 0.5 dex, or, in a quarter of
            them, not at all: templates disagree about what is there.
        """
        b = len(z)
        iron = self.draw(rng, z, strength) * np.exp(wiggles(rng, b, 18, 0.3, WAVE.size))
        beyond = 10 ** rng.normal(-0.1, 0.5, (b, 1)) * (rng.random((b, 1)) > 0.25)
        place = rng.uniform(2950, 3700, (b, 1)) * (1 + z[:, np.newaxis])
        softness = rng.uniform(0.002, 0.02, (b, 1))
        step = 1 / (1 + np.exp(-np.clip(np.log10(WAVE / place) / softness, -30, 30)))
        return iron * (1 + (beyond - 1) * step).astype(np.float32)


def _broadened(table, sigma):
    """Return a function of cells convolved with a Gaussian of so many cells."""
    reach = int(4 * sigma) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(table, kernel / kernel.sum(), "same")


def wiggles(rng, b, knots, sigma, size):
    """Draw smooth random functions.

    Parameters
    ----------
    rng : numpy.random.Generator
    b, size : int
        How many, and on how many points.
    knots : int
        Evenly spaced points that are drawn; between them a cosine.
    sigma : float
        Deviation at the knots.

    Returns
    -------
    numpy.ndarray
        (b, size) float32, mean 0.
    """
    values = rng.normal(0, sigma, (b, knots)).astype(np.float32)
    place = np.linspace(0, knots - 1, size)
    left = np.minimum(place.astype(int), knots - 2)
    part = ((1 - np.cos(np.pi * (place - left))) / 2).astype(np.float32)
    return values[:, left] * (1 - part) + values[:, left + 1] * part

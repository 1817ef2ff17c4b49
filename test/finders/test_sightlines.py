"""Searched range, brightness and S/N of sightlines."""

import numpy as np
import pytest

from desinn.finders.sightlines import FOREST, RED_SIDE, brightness, searched_range, snr
from desinn.spectra import Camera, Grid, rebin

GRID = Grid.log(step=2e-4, size=2180)


def test_range_by_hand():
    first, last = searched_range([2.0, 3.5, np.nan, 1.9, -2.0])
    assert first[:2] == pytest.approx([3600, 912 * 4.5])
    assert last[:2] == pytest.approx([3660, 1220 * 4.5])
    assert np.isnan(first[2:]).all()
    assert np.isnan(last[2:]).all()


def test_snr_is_per_pixel_of_desi():
    """S/N 3 in each pixel of 0.8 A, as in pixels half as wide that have 3 / sqrt(2)."""
    for width, per_pixel in ((0.8, 3.0), (0.4, 3.0 / np.sqrt(2))):
        wave = np.arange(3600, 9000, width)
        one = np.ones((2, wave.size))
        flux, ivar = rebin([Camera(wave, one, one * per_pixel**2)], GRID)
        for rest in (FOREST, RED_SIDE):
            assert snr(flux, ivar, GRID, [2.5, 3.0], rest) == pytest.approx(3.0, rel=0.03)


def test_snr_without_coverage_is_minus_one():
    flux, ivar = np.ones((3, 2180)), np.ones((3, 2180))
    ivar[1] = 0
    got = snr(flux, ivar, GRID, [1.0, 2.5, np.nan], FOREST)
    assert got.tolist() == [-1, -1, -1]
    assert got.dtype == np.float32


def test_brightness_is_a_median_of_the_first_range_with_data():
    flux, ivar = np.ones((3, 2180)), np.ones((3, 2180))
    inside = (GRID.wave > 1420 * 3.5) & (GRID.wave < 1480 * 3.5)
    flux[:, inside] = 5.0
    flux[0, np.flatnonzero(inside)[:20]] = 1e6  # spikes
    ivar[1, inside] = 0
    ivar[2] = 0
    ranges = [(1420, 1480), (1270, 1340)]
    got = brightness(flux, ivar, GRID, np.full(3, 2.5), ranges)
    assert got[:2].tolist() == [5.0, 1.0]
    assert np.isnan(got[2])


def test_brightness_of_few_bins_does_not_count():
    flux, ivar = np.ones((1, 2180)), np.zeros((1, 2180))
    inside = np.flatnonzero((GRID.wave > 1420 * 3.5) & (GRID.wave < 1480 * 3.5))
    ivar[0, inside[:9]] = 1
    assert np.isnan(brightness(flux, ivar, GRID, [2.5], [(1420, 1480)]))[0]
    ivar[0, inside[:10]] = 1
    assert brightness(flux, ivar, GRID, [2.5], [(1420, 1480)])[0] == 1

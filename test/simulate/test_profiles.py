"""Lines, bands and edges."""

import numpy as np
import pytest

from desinn.simulate import profiles
from desinn.simulate.grid import SIZE, WAVE


def test_lines_have_their_height_and_width():
    value = profiles.lines(np.array([5000.0, 5003, 4997]), [5000], 3)
    np.testing.assert_allclose(value, [1, 0.5, 0.5])


def test_wings_fall_with_the_power():
    wave = np.array([5100.0])
    assert profiles.lines(wave, [5000], 3, 2.5) < profiles.lines(wave, [5000], 3)


@pytest.mark.parametrize("side", [1, -1])
def test_bands_are_on_one_side(side):
    wave = 5000.0 + side * np.array([-1, 0, 100])
    np.testing.assert_allclose(profiles.bands(wave, [5000], side * 100), [0, 1, np.exp(-1)])


def test_an_edge():
    np.testing.assert_allclose(profiles.edge(np.array([0.0, 100, 1e4]), 100, 5), [1, 0.5, 0])


@pytest.mark.parametrize("sigma", [0.6, 4.0])
@pytest.mark.parametrize("centre", [100.0, 2000.3, 4000.9])
def test_a_gaussian_has_its_area_and_place(sigma, centre):
    flux = np.zeros((1, SIZE), "f4")
    profiles.add_gaussians(flux, np.array([centre]), np.array([sigma]), np.array([7.0]))
    cells = np.arange(SIZE) + 0.5
    assert flux.sum() == pytest.approx(7, rel=5e-4)
    mean = (flux[0] * cells).sum() / flux.sum()
    assert mean == pytest.approx(centre, abs=2e-3)
    width = np.sqrt((flux[0] * (cells - mean) ** 2).sum() / flux.sum())
    assert width == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=4e-3)


def test_gaussians_at_and_beyond_the_ends():
    flux = np.zeros((4, SIZE), "f4")
    profiles.add_gaussians(flux, np.array([-500, 0, SIZE, 9e4]), np.full(4, 3.0), np.ones(4))
    np.testing.assert_allclose(flux.sum(axis=1), [0, 0.5, 0.5, 0], atol=1e-3)


def test_no_gaussians():
    profiles.add_gaussians(np.zeros((0, SIZE), "f4"), *np.zeros((3, 0)))


def test_cells_widen():
    np.testing.assert_allclose(profiles.cell_width(WAVE[:-1]), np.diff(WAVE), rtol=2e-4)

import numpy as np
import pytest

from desinn.simulate import sky


@pytest.fixture(scope="module")
def pixels():
    edges = 3600 + 0.8 * np.arange(7780)
    return edges, (edges[1:] + edges[:-1]) / 2


def test_lines_are_in_order_and_positive():
    assert (np.diff(sky.LINES[:, 0]) > 0).all()
    assert (sky.LINES[:, 1] > 0).all()


def test_a_lone_line_is_as_high_as_its_strength_says(pixels):
    edges, wave = pixels
    glow = sky.glow(edges, 0.76).sum(axis=0)
    peak = glow[abs(wave - 5578.4) < 2].max()
    assert peak == pytest.approx(25, rel=0.15)
    assert glow[wave < 5500].max() < 1e-6
    np.testing.assert_allclose(sky.glow(edges, 0.76, 0.4).sum(axis=0), 0.4 * glow)


def test_wider_pixels_dilute_lines(pixels):
    edges, _ = pixels
    fine, coarse = (sky.glow(edges[::step], 0.76).sum(axis=0) for step in (1, 4))
    total = fine[: 4 * coarse.size].reshape(-1, 4).mean(axis=1)
    np.testing.assert_allclose(coarse, total, rtol=1e-6, atol=1e-9)


def test_residuals_follow_the_lines_up_to_a_height(pixels):
    edges, _ = pixels
    groups = sky.glow(edges, 0.76)
    shape, total = sky.residual_shape(groups).sum(axis=0), groups.sum(axis=0)
    faint = total < 30
    np.testing.assert_allclose(shape[faint], total[faint])
    np.testing.assert_allclose(shape[~faint], 30)


def test_the_air_absorbs_in_its_bands():
    assert sky.transmission(7612) < 0.5
    np.testing.assert_array_equal(sky.transmission([3600, 6000, 8700, 10300]), 1)

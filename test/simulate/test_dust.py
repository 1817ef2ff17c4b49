"""Extinction curves against published values."""

import numpy as np
import pytest

from desinn.simulate.dust import GALACTIC_RV, SMC_RV, galactic, smc, transmission

CARDELLI = {  # 1 / um -> A / A(V) at R_V 3.1: table 3 of Cardelli, Clayton & Mathis (1989)
    2.78: 1.569, 2.27: 1.337, 1.82: 1.0, 1.43: 0.751, 1.11: 0.479, 0.80: 0.282, 0.63: 0.190,
    0.46: 0.114,
}  # fmt: skip

PREVOT = {  # A -> E(lambda - V) / E(B - V): Prevot et al. (1984)
    1275: 13.54, 1385: 11.51, 1490: 9.84, 1647: 8.49, 1810: 7.17, 2000: 6.38, 2220: 5.30,
    2550: 3.91, 2995: 2.65, 3704: 1.67, 4255: 1.00, 5291: 0.0,
}  # fmt: skip


@pytest.mark.parametrize(("x", "expected"), CARDELLI.items())
def test_the_milky_way_in_the_optical_and_infrared(x, expected):
    assert galactic(1e4 / x) / GALACTIC_RV == pytest.approx(expected, abs=0.016)


def test_the_milky_way_in_the_ultraviolet():
    """The bump, and the values that are used of GALEX's bands (Wyder et al. 2007: 8.24, 8.2)."""
    assert galactic(1528) == pytest.approx(8.24, abs=0.2)
    assert galactic(2175) > 1.15 * galactic([1900, 2500]).max()


def test_the_parts_of_the_curve_meet():
    joints = 1e4 / np.array([1.1, 3.3, 5.9, 8.0])
    np.testing.assert_allclose(galactic(joints - 0.01), galactic(joints + 0.01), rtol=0.01)


def test_the_curve_goes_on_beyond_its_range():
    assert galactic(500) == galactic(1000)
    assert galactic(5e4) == galactic(1e5)


@pytest.mark.parametrize(("wave", "expected"), PREVOT.items())
def test_the_small_magellanic_cloud(wave, expected):
    assert smc(wave) - SMC_RV == pytest.approx(expected, rel=0.04, abs=0.2)


def test_the_small_magellanic_cloud_is_steep_without_a_bump():
    wave = np.arange(1000, 11000, 10)
    assert (np.diff(smc(wave)) < 0).all()
    assert smc(1216) > 1.5 * galactic(1216)


@pytest.mark.parametrize("law", [galactic, smc])
def test_transmission_is_of_the_magnitudes(law):
    wave = np.array([1500.0, 4400, 5500, 9000])
    left = transmission(wave, [0, 0.1, 1], law)
    assert left.dtype == np.float32
    assert left.shape == (3, 4)
    np.testing.assert_array_equal(left[0], 1)
    np.testing.assert_allclose(-2.5 * np.log10(left[2]), law(wave), rtol=1e-5)
    np.testing.assert_allclose(left[1] ** 10, left[2], rtol=1e-4)


@pytest.mark.parametrize("law", [galactic, smc])
def test_each_spectrum_with_wavelengths_of_its_own(law):
    wave = np.linspace(3500, 10500, 300) / np.array([[1.0], [3.4], [6.0]])
    ebv = np.array([0.3, 0.05, 0.02])
    expected = 10 ** (-0.4 * ebv[:, None] * law(wave))
    np.testing.assert_allclose(transmission(wave, ebv, law), expected, rtol=2e-4)

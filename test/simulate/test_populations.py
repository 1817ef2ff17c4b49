"""Parametric starlight: breaks, slopes, shares."""

import numpy as np
import pytest

from desinn.simulate import populations
from desinn.simulate.shift import rest_wave


@pytest.fixture(scope="module")
def light():
    """Population -> (R,) light."""
    return dict(zip(populations.NAMES, populations.table(), strict=True))


def level(flux, wave, width=15):
    """Return the mean flux about a rest wavelength."""
    return flux[np.abs(rest_wave() - wave) < width].mean()


def test_light_is_positive_everywhere(light):
    for flux in light.values():
        assert flux.dtype == np.float32
        assert flux.min() > 0
        assert 0.7 < level(flux, 5600) < 1.3


def test_the_break_at_4000_is_of_old_stars(light):
    breaks = {name: level(flux, 4050, 50) / level(flux, 3890, 50) for name, flux in light.items()}
    assert breaks["old"] > 1.35
    assert breaks["flat"] < 1


def test_the_balmer_break_is_of_middle_age(light):
    breaks = {name: level(flux, 4030, 10) / level(flux, 3580) for name, flux in light.items()}
    assert breaks["middle"] > 1.4
    assert max(breaks["young"], breaks["flat"]) < 1


def test_young_is_blue(light):
    blue = [level(light[name], 3000) for name in ("old", "middle", "young")]
    assert (np.diff(blue) > 0).all()


@pytest.mark.parametrize("kind", populations.SHARES)
def test_shares_sum_to_one(kind):
    weights = populations.shares(np.random.default_rng(1), kind, 50)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    zero = np.array(populations.SHARES[kind]) == 0
    assert not weights[:, zero].any()

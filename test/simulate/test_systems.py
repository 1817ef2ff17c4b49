"""Which absorbers stand on a sightline."""

import numpy as np
import pytest

from desinn.simulate.forest import LYA
from desinn.simulate.grid import C_KMS
from desinn.simulate.systems import draw_systems


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_without_boost_as_observed(rng):
    """DLAs per sightline from 3600 A to z = 3: some 0.2 (l(z) of 0.2 to 0.25)."""
    found = draw_systems(rng, np.full(4000, 3.0))
    strong = found[(found["NHI"] >= 20.3) & (found["Z"] > 3600 / LYA - 1)]
    assert 0.15 < len(strong) / 4000 < 0.3
    assert found["NHI"].min() >= 17


@pytest.mark.parametrize("z", [2.3, 3.5])
def test_boost_multiplies_strong_ones(rng, z):
    """At each redshift by the same factor."""
    plain, more = (draw_systems(rng, np.full(8000, z), boost, blends=0) for boost in (0, 3.0))
    strong = [(found["NHI"] >= 19).sum() for found in (plain, more)]
    assert strong[1] / strong[0] == pytest.approx(4.0, rel=0.08)


def test_sorted_by_row_and_redshift(rng):
    found = draw_systems(rng, [2.5, 3.5, 4.5] * 20, boost=3)
    assert (np.lexsort([found["Z"], found["ROW"]]) == np.arange(len(found))).all()


def test_flat_ones_reach_the_largest_columns(rng):
    flat = draw_systems(rng, np.full(3000, 3.0), boost=1, flat=1, blends=0)
    steep = draw_systems(rng, np.full(3000, 3.0), boost=1, flat=0, blends=0)
    assert (flat["NHI"] > 21.5).sum() > 5 * (steep["NHI"] > 21.5).sum()


def test_companions(rng):
    """One beside each of those that were added, 400 to 3500 km/s away."""
    z = np.full(2000, 3.0)
    alone = draw_systems(rng, z, boost=2, blends=0, proximate=0, min_nhi=22.4)
    beside = draw_systems(rng, z, boost=2, blends=1, proximate=0, min_nhi=22.4)
    assert len(beside) == pytest.approx(2 * len(alone), rel=0.1)
    pairs = beside[np.isin(beside["ROW"], np.flatnonzero(np.bincount(beside["ROW"]) == 2))]
    apart = C_KMS * np.diff(pairs["Z"].reshape(-1, 2), axis=1) / (1 + pairs["Z"][::2, None])
    assert apart.min() > 395
    assert apart.max() < 3550


def test_proximate_ones(rng):
    near = draw_systems(rng, np.full(2000, 3.0), boost=2, blends=0, proximate=1, min_nhi=22.4)
    velocity = C_KMS * (near["Z"] - 3.0) / 4.0
    assert np.median(velocity) == pytest.approx(-450, abs=120)
    assert velocity.max() == pytest.approx(1000, abs=1)

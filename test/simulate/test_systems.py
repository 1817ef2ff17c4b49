"""Which absorbers stand on a sightline."""

import numpy as np
import pytest

from desinn.simulate.grid import C_KMS
from desinn.simulate.systems import LYA, draw_systems


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_without_boost_as_observed(rng):
    """DLAs per sightline from 3600 A to z = 3: some 0.2 (l(z) of 0.2 to 0.25)."""
    found = draw_systems(rng, np.full(4000, 3.0))
    strong = found[(found["NHI"] >= 20.3) & (found["Z"] > 3600 / LYA - 1)]
    assert 0.15 < len(strong) / 4000 < 0.3
    assert found["NHI"].min() >= 17


def test_boost_adds_strong_ones(rng):
    plain, more = (draw_systems(rng, np.full(2000, 3.0), boost, blends=0) for boost in (0, 2.0))
    strong = [(found["NHI"] >= 19).sum() / 2000 for found in (plain, more)]
    assert strong[1] - strong[0] == pytest.approx(2.0, abs=0.15)


def test_sorted_by_row_and_redshift(rng):
    found = draw_systems(rng, [2.5, 3.5, 4.5] * 20, boost=3)
    assert (np.lexsort([found["Z"], found["ROW"]]) == np.arange(len(found))).all()


def test_flat_ones_reach_the_largest_columns(rng):
    flat = draw_systems(rng, np.full(3000, 3.0), boost=1, flat=1, blends=0)
    steep = draw_systems(rng, np.full(3000, 3.0), boost=1, flat=0, blends=0)
    assert (flat["NHI"] > 21.5).sum() > 5 * (steep["NHI"] > 21.5).sum()


def test_companions_and_proximate_ones(rng):
    z = np.full(2000, 3.0)
    alone = draw_systems(rng, z, boost=1, blends=0, proximate=0)
    beside = draw_systems(rng, z, boost=1, blends=1, proximate=0)
    more = (beside["NHI"] > 19).sum() - (alone["NHI"] > 19).sum()
    assert more == pytest.approx(2000, rel=0.15)
    near = draw_systems(rng, z, boost=1, blends=0, proximate=1)
    velocity = C_KMS * (near["Z"] - 3.0) / 4.0
    assert (np.abs(velocity) < 6000).sum() > 1800
    assert alone["Z"].max() < 3.0 < near["Z"].max()

"""Charged particles in silicon: their ways, and what they leave."""

import numpy as np
import pytest

from desinn.simulate.ray_tracks import (
    ELECTRON_ENERGY,
    KEV_PER_ELECTRON,
    SPOT_ENERGY,
    TRACE_ANGLE,
    electron_deposits,
    muon_deposits,
    muon_paths,
    path_length,
    spots,
    stopping_power,
    worms,
)

WIDE = np.array([1e5, 1e5, 100.0])
LEVEL, UPRIGHT = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])


def straight_down(n, thickness):
    """Return start, towards, length and size of vertical muons."""
    size = np.array([1e4, 1e4, thickness])
    start = np.tile([5e3, 5e3, thickness], (n, 1))
    towards = np.tile([0.0, 0.0, -1.0], (n, 1))
    return start, towards, np.full(n, thickness), size


def mode(values, width):
    """Return the middle of the window that holds most of the values."""
    values = np.sort(values)
    inside = np.searchsorted(values, values + width) - np.arange(len(values))
    return values[inside.argmax()] + width / 2


def test_path_length_by_hand():
    """Straight down; at 60 degrees, twice as long; out through the side; along an edge."""
    start = np.array([[50.0, 50, 0], [50, 50, 0], [50, 99, 0], [0, 50, 50]])
    half = np.sqrt(3) / 2
    towards = np.array([[0, 0, 1.0], [half, 0, 0.5], [0, half, 0.5], [1, 0, 0]])
    length = path_length(start, towards, np.array([1e3, 100.0, 100.0]))
    np.testing.assert_allclose(length, [100, 200, 1 / half, 1000])


@pytest.mark.parametrize(("up", "cosine"), [(LEVEL, 4 / 5), (UPRIGHT, 8 / 15)])
def test_angles_to_the_normal(up, cosine):
    """The flux through a slab is cos^2 of the zenith angle times its cosine to the slab."""
    start, towards, length = muon_paths(np.random.default_rng(1), 20000, WIDE, up)
    assert np.abs(towards[:, 2]).mean() == pytest.approx(cosine, abs=0.01)
    assert (towards @ up <= 0).all()
    np.testing.assert_allclose(np.linalg.norm(towards, axis=1), 1)
    end = start + length[:, None] * towards
    for point in (start, end):
        assert ((point > -1e-6) & (point < WIDE + 1e-6)).all()


def test_each_face_has_its_part():
    """Of a cube on level ground the top sees half of all muons, the sides the rest alike."""
    size = np.full(3, 100.0)
    start, towards, _ = muon_paths(np.random.default_rng(2), 20000, size, LEVEL)
    face = (start == 0) | (start == size)
    assert (face.sum(axis=1) == 1).all()
    np.testing.assert_allclose(face.mean(axis=0), [0.25, 0.25, 0.5], atol=0.015)
    assert (start[face[:, 2], 2] == 100).all()
    assert ((start[:, 0] == 0) == (face[:, 0] & (towards[:, 0] > 0))).all()


@pytest.mark.parametrize("part", [0.0, 0.4, 1.0])
def test_along_the_traces(part):
    _, towards, _ = muon_paths(np.random.default_rng(3), 4000, WIDE, UPRIGHT, part)
    angle = np.degrees(np.arctan2(np.abs(towards[:, 1]), np.abs(towards[:, 0])))
    by_chance = 0.003  # few are level, which the axis Y is here
    assert (angle <= TRACE_ANGLE).mean() == pytest.approx(part + by_chance, abs=0.03)
    assert part == 0 or (towards[angle < TRACE_ANGLE, 0] > 0).mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("thickness", "expected"), [(250.0, 80), (20.0, 67)])
def test_most_probable_loss(thickness, expected):
    """Landau's: it grows with the logarithm of the thickness; 4 xi wide; a tail on one side."""
    n = 6000
    start, towards, length, size = straight_down(n, thickness)
    found = muon_deposits(np.random.default_rng(4), start, towards, length, size)
    total = np.bincount(found["RAY"], found["ELECTRONS"], n) / thickness
    peak = mode(total, 0.1 * expected)
    assert peak == pytest.approx(expected, rel=0.05)
    assert np.median(total) > peak
    assert (total > 1.5 * peak).mean() > 20 * (total < 0.5 * peak).mean()


def test_loss_fluctuates_on_the_way():
    start, towards, length, size = straight_down(1, 3000.0)
    found = muon_deposits(np.random.default_rng(5), start, towards, length, size)
    straight = found[np.hypot(found["Y"] - 5e3, found["X"] - 5e3) == 0]
    assert len(straight) == 1000
    np.testing.assert_allclose(np.diff(straight["Z"]), -3.0)
    per_micron = straight["ELECTRONS"] / 3
    assert 60 < np.median(per_micron) < 75
    assert per_micron.max() > 4 * np.median(per_micron)


def test_knocked_out_electrons():
    """Their number follows 1 / E above 30 keV; they leave the way, forward."""
    n = 3000
    start, towards, length, size = straight_down(n, 250.0)
    found = muon_deposits(np.random.default_rng(6), start, towards, length, size)
    aside = np.hypot(found["Y"] - 5e3, found["X"] - 5e3)
    with_one = np.unique(found["RAY"][aside > 0])
    expected = 1 - np.exp(-0.0178 * (1 / 30 - 1 / 1000) * 250)
    assert len(with_one) / n == pytest.approx(expected, abs=0.02)
    assert aside.max() > 50


def test_no_muons():
    nothing = np.empty((0, 3))
    found = muon_deposits(np.random.default_rng(1), nothing, nothing, np.empty(0), WIDE)
    assert len(found) == 0


@pytest.mark.parametrize(("energy", "mass_power"), [(20.0, 9.9), (100.0, 3.19), (1000.0, 1.49)])
def test_stopping_power(energy, mass_power):
    """Near the tabulated ones of silicon (MeV cm2/g at 2.33 g/cm3), which know a little more."""
    assert stopping_power(energy) == pytest.approx(mass_power * 0.233, rel=0.06)


def one_electron(rng, n, energy, size):
    start = np.tile(size / 2, (n, 1))
    towards = np.tile([1.0, 0.0, 0.0], (n, 1))
    return electron_deposits(rng, start, towards, np.full(n, energy), size)


def test_electrons_leave_all_they_have():
    size = np.full(3, 1e4)
    found = one_electron(np.random.default_rng(7), 20, 300.0, size)
    total = np.bincount(found["RAY"], found["ELECTRONS"])
    np.testing.assert_allclose(total, 300 / KEV_PER_ELECTRON, rtol=1e-9)
    assert (found["ELECTRONS"] >= 0).all()


def test_ranges_of_electrons():
    """Scattered, they get between a third and all of the path's length (77 um, 850 um) away."""
    size = np.full(3, 1e5)
    for energy, path in ((100.0, 77.0), (500.0, 720.0)):
        found = one_electron(np.random.default_rng(8), 200, energy, size)
        away = np.linalg.norm(np.stack([found[c] for c in "YXZ"], axis=1) - size / 2, axis=1)
        far = np.zeros(200)
        np.maximum.at(far, found["RAY"], away)
        assert path / 3 < np.median(far) < path
        assert far.max() < 1.3 * path


def test_electrons_wander_and_lose_more_at_the_end():
    size = np.full(3, 1e5)
    found = one_electron(np.random.default_rng(9), 300, 400.0, size)
    order = np.argsort(found["RAY"], kind="stable")
    found = found[order]
    first = np.searchsorted(found["RAY"], np.arange(300))
    begin = (found["Y"] - size[0] / 2)[first + 20]  # 100 um gone
    assert np.median(begin) > 80
    assert 5 < np.median(np.abs(found["X"] - size[0] / 2)[first + 20]) < 50
    early = np.median(found["ELECTRONS"][first[:, None] + np.arange(10)])
    last = np.append(first[1:], len(found))
    late = np.median(found["ELECTRONS"][last[:, None] - np.arange(20, 30)])
    assert late > 1.5 * early


def test_electrons_that_leave_the_slab_are_gone():
    size = np.array([1e4, 1e4, 20.0])
    found = one_electron(np.random.default_rng(10), 100, 500.0, size)
    assert found["Z"].min() >= 0
    assert found["Z"].max() <= 20
    total = np.bincount(found["RAY"], found["ELECTRONS"], 100) * KEV_PER_ELECTRON
    assert np.median(total) < 250


def test_worms():
    size = np.array([3e3, 3e3, 1e9])
    found = worms(np.random.default_rng(11), 400, size)
    energy = np.bincount(found["RAY"], found["ELECTRONS"]) * KEV_PER_ELECTRON
    low, high = ELECTRON_ENERGY
    assert low - 1e-6 <= energy.min()
    assert energy.max() <= high + 1e-6
    assert np.median(energy) == pytest.approx(np.sqrt(low * high), rel=0.2)
    assert len(worms(np.random.default_rng(11), 0, size)) == 0


def test_spots():
    size = np.array([300.0, 600.0, 250.0])
    found = spots(np.random.default_rng(12), 3000, size)
    np.testing.assert_array_equal(found["RAY"], np.arange(3000))
    energy = found["ELECTRONS"] * KEV_PER_ELECTRON
    assert np.median(energy) == pytest.approx(np.sqrt(np.prod(SPOT_ENERGY)), rel=0.15)
    for axis, length in zip("YXZ", size, strict=True):
        assert found[axis].mean() == pytest.approx(length / 2, rel=0.05)
        assert found[axis].min() >= 0
        assert found[axis].max() <= length

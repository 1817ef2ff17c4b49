"""Real cosmic rays: cut out of darks, planted again, and gone from medians."""

import numpy as np
import pytest

from desinn.io.rays import read_rays, write_rays
from desinn.simulate.real_rays import Ray, extract_rays, median_exposures, plant


def dark_with_rays(seed=3, shape=(120, 150), noise=2.5):
    """Return a dark, the pixels of four rays in it, and the noise."""
    rng = np.random.default_rng(seed)
    hits = np.zeros(shape, bool)
    rows = np.arange(20, 50)
    hits[rows, rows // 2 + 30] = True  # a diagonal track that touches itself at corners only
    hits[70, 20:25] = hits[90:93, 100] = hits[100, 140] = True
    dark = rng.normal(0, noise, shape).clip(-2 * noise, 2 * noise)
    dark[hits] += rng.uniform(100, 200, shape)[hits]
    for peak in ((25, 42), (70, 22), (91, 100), (100, 140)):
        dark[peak] = 2000
    return dark.astype(np.float32), hits, noise


def assert_same(rays, others):
    assert len(rays) == len(others)
    for one, other in zip(rays, others, strict=True):
        assert one[:2] == other[:2]
        np.testing.assert_array_equal(one[2], other[2])
        np.testing.assert_array_equal(one[3], other[3])


def test_rays_are_found_with_their_pixels_and_charges():
    dark, hits, noise = dark_with_rays()
    rays = extract_rays(dark, noise)
    assert [(ray.y, ray.x) for ray in rays] == [(20, 40), (70, 20), (90, 100), (100, 140)]
    image, found = np.zeros_like(dark), np.zeros(dark.shape, bool)
    for y, x, charge, hit in rays:
        place = slice(y, y + hit.shape[0]), slice(x, x + hit.shape[1])
        image[place] += charge
        found[place] |= hit
        assert charge.dtype == np.float32
        assert not charge[~hit].any()
    np.testing.assert_array_equal(found, hits)
    np.testing.assert_array_equal(image, np.where(hits, dark, 0))


def test_planted_rays_come_back_exactly(tmp_path):
    dark, _, noise = dark_with_rays()
    rays = extract_rays(dark, noise)
    write_rays(tmp_path / "rays.npz", rays)
    stored, _ = read_rays(tmp_path / "rays.npz")
    for number, ray in enumerate(stored):
        charge = plant(np.random.default_rng(number), (300, 300), [ray], 1)
        (found,) = extract_rays(charge, noise)
        np.testing.assert_array_equal(found.charge, rays[number].charge)
        np.testing.assert_array_equal(found.hit, rays[number].hit)


def test_planted_rays_are_whole_where_they_do_not_meet():
    rays = extract_rays(*dark_with_rays()[::2])
    charge = plant(np.random.default_rng(8), (2000, 2000), rays, 40)
    expected = {(ray.charge.tobytes(), ray.hit.shape) for ray in rays}
    found = [
        ray
        for ray in extract_rays(charge, 1e-3)
        if 0 < ray.y < 2000 - len(ray.hit) and 0 < ray.x < 2000 - ray.hit.shape[1]
    ]
    assert len(found) > 30
    assert {(ray.charge.tobytes(), ray.hit.shape) for ray in found} == expected


def test_a_ray_reaches_down_to_the_level():
    dark = np.zeros((9, 9))
    dark[4, 1:8] = 7.4, 7.6, 251, 30, 8, 7.5, 500
    dark[0, 0] = 249  # no seed
    (one, two) = extract_rays(dark, 2.5)
    assert (one.y, one.x, one.charge.tolist()) == (4, 2, [[np.float32(7.6), 251, 30, 8]])
    assert (two.y, two.x, two.charge.tolist()) == (4, 7, [[500]])
    (all_of_it,) = extract_rays(dark, 2.5, level=2.9)
    assert all_of_it.hit.sum() == 7
    assert len(extract_rays(dark, 2.5, seed=248)) == 3


def test_noise_may_differ_from_pixel_to_pixel():
    dark = np.zeros((3, 6))
    dark[1] = 12, 300, 12, 12, 300, 12
    noise = np.full((3, 6), 2.0)
    noise[:, 3:] = 5
    one, two = extract_rays(dark, noise)
    assert (one.hit.sum(), two.hit.sum()) == (3, 1)


def test_what_touches_bad_pixels_is_left_out():
    dark = np.zeros((20, 20))
    dark[2, 2:6] = dark[12, 12] = 1000
    bad = np.zeros((20, 20), bool)
    bad[3, 6] = True
    assert [ray.y for ray in extract_rays(dark, 3.0, bad=bad)] == [12]
    dark[13, 13] = np.nan
    assert extract_rays(dark, 3.0, bad=bad) == []
    noise = np.where(bad, 0.0, 3.0)  # a dead pixel's noise does not matter
    assert extract_rays(dark, noise, bad=bad) == []


def test_a_dark_without_rays():
    assert extract_rays(np.zeros((5, 5)), 3.0) == []
    assert extract_rays(np.zeros((5, 5)), 3.0, bad=np.ones((5, 5), bool)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dark": np.zeros(5)}, r"dark: expected real numbers \(Y, X\), found float64 \(5,\)"),
        ({"noise": np.ones((2, 2))}, r"noise: expected one number or \(5, 5\)"),
        ({"noise": -1.0}, r"noise: expected above 0, found -1\.0"),
        ({"noise": np.nan}, "noise: expected above 0, found nan"),
        ({"noise": 100.0}, r"seed: expected at least 3\.0 times the noise, found 250\.0"),
        ({"bad": np.zeros((5, 5))}, r"bad: expected bool \(5, 5\), found float64"),
        ({"bad": np.zeros((5, 4), bool)}, r"bad: expected bool \(5, 5\)"),
    ],
)
def test_what_cannot_be_extracted(change, message):
    with pytest.raises(ValueError, match=message):
        extract_rays(**{"dark": np.zeros((5, 5)), "noise": 3.0, **change})


def test_planting_is_seeded_and_counts():
    spot = Ray(0, 0, np.ones((1, 1), np.float32), np.ones((1, 1), bool))
    images = [plant(np.random.default_rng(seed), (30, 40), [spot], 50) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()
    assert images[0].sum() == 50
    assert images[0].dtype == np.float32
    assert not plant(np.random.default_rng(1), (30, 40), [spot], 0).any()


def test_rays_are_spread_evenly_and_cut_at_the_sides():
    square = Ray(0, 0, np.ones((3, 3), np.float32), np.ones((3, 3), bool))
    image = plant(np.random.default_rng(4), (10, 12), [square], 20000)
    inside = image[1:-1, 1:-1]
    expected = 20000 * 9 / 120
    assert np.abs(inside / expected - 1).max() < 0.12  # 4 times the scatter of 1500
    assert np.abs(image[0, 1:-1].mean() / (expected * 2 / 3) - 1) < 0.06
    assert plant(np.random.default_rng(4), (1, 1), [square], 5).item() == 5


def test_only_what_was_hit_is_planted():
    ray = (0, 0, np.array([[5.0, 7.0]], np.float32), np.array([[True, False]]))
    image = plant(np.random.default_rng(0), (9, 9), [ray], 1)
    assert image.sum() == 5


def test_no_rays_to_plant():
    with pytest.raises(ValueError, match="rays: expected some to choose 3 from, found none"):
        plant(np.random.default_rng(0), (9, 9), [], 3)


# --- medians


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 10, 11, 16])
def test_the_ivar_of_a_median(count):
    """Against the scatter of medians of noise; more rows than are taken at a time."""
    rng = np.random.default_rng(count)
    noise = 3.0
    images = rng.normal(50, noise, (count, 150, 200))
    median = median_exposures(images, np.full(images.shape, noise**-2))
    np.testing.assert_allclose(median.image, np.median(images, axis=0), rtol=1e-6)
    np.testing.assert_allclose(median.typical, noise**-2, rtol=1e-6)
    assert np.var(median.image) * median.ivar[0, 0] == pytest.approx(1, abs=0.04)
    assert {array.dtype for array in median} == {np.dtype(np.float32)}


def test_masked_pixels_are_left_out():
    images = np.array([[[1, 5, 9, 7]], [[2, np.nan, 9e9, 7]], [[4, 6, np.inf, 7]]], float)
    ivars = np.array([[[1, 1, 1, 0]], [[1, 1, 0, 0]], [[4, 1, 1, np.nan]]], float)
    median = median_exposures(list(images), list(ivars))
    np.testing.assert_allclose(median.image, [[2, 5.5, 9, 0]])
    # Three of differing noise, two, one, none.
    np.testing.assert_allclose(median.ivar, [[(1 + 1 + 2) ** 2 / 3 / 1.346, 2, 1, 0]], rtol=1e-5)
    np.testing.assert_allclose(median.typical, [[1, 1, 1, 0]])


def test_no_ray_survives_a_median():
    rng = np.random.default_rng(5)
    images = rng.normal(100, 5, (5, 80, 80))
    ray = Ray(0, 0, np.full((4, 4), 5000, np.float32), np.ones((4, 4), bool))
    images += [plant(rng, (80, 80), [ray], 5) for _ in images]
    assert median_exposures(images, np.full(images.shape, 0.04)).image.max() < 150


def test_integers_in_files_order():
    images = [np.full((2, 2), value, ">i2") for value in (1, 2, 30)]
    median = median_exposures(images, [np.ones((2, 2), ">f4")] * 3)
    np.testing.assert_array_equal(median.image, np.full((2, 2), 2, np.float32))


@pytest.mark.parametrize(
    ("images", "ivars", "message"),
    [
        ([], [], "images: expected at least one, found none"),
        ([np.ones((2, 2))] * 2, [np.ones((2, 2))], "ivars: expected 2 .* found 1"),
        ([np.ones((2, 2)), np.ones((2, 3))], [np.ones((2, 2))] * 2, r"\(2, 2\), found \(2, 3\)"),
        ([np.ones(2)], [np.ones(2)], "image 0: expected real numbers"),
        ([np.ones((2, 2))], [np.ones((2, 2), bool)], "ivar 0: expected real numbers"),
    ],
)
def test_exposures_that_do_not_fit(images, ivars, message):
    with pytest.raises(ValueError, match=message):
        median_exposures(images, ivars)

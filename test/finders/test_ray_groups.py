"""Groups of marked pixels and what they measure."""

import numpy as np
import pytest

from desinn.finders.holes import fill_holes
from desinn.finders.ray_groups import RAY, measure_rays

SHAPE = (30, 40)
NONE = np.zeros(SHAPE, bool)


def image_of(pixels, light=10.0):
    """Return an even image with charge on some pixels, and where that is."""
    image = np.full(SHAPE, light, np.float32)
    found = NONE.copy()
    for (y, x), charge in pixels.items():
        image[y, x] += charge
        found[y, x] = True
    return image, found


def test_pixels_that_touch_are_one_ray():
    """At a side, at a corner; and in the order of Y, then X."""
    image, found = image_of(
        {(9, 9): 100, (10, 10): 300, (10, 11): 0, (20, 5): 50, (20, 7): 60, (2, 30): 7}
    )
    probability = image / 1000
    rays = measure_rays(image, probability, found, NONE)
    assert rays.dtype == RAY
    assert rays["NPIX"].tolist() == [1, 3, 1, 1]
    assert rays["CHARGE"].tolist() == [7, 400, 50, 60]
    assert rays["PEAK"].tolist() == [7, 300, 50, 60]
    assert rays["X"].tolist() == [30, 9.75, 5, 7]
    assert rays["Y"].tolist() == [2, 9.75, 20, 20]
    box = rays[["XMIN", "XMAX", "YMIN", "YMAX"]]
    assert box.tolist() == [(30, 30, 2, 2), (9, 11, 9, 10), (5, 5, 20, 20), (7, 7, 20, 20)]
    np.testing.assert_array_equal(rays["MAXPROB"], np.float32([0.017, 0.31, 0.06, 0.07]))


def test_all_groups_of_noise():
    """Against each group taken by itself."""
    from scipy.ndimage import label

    rng = np.random.default_rng(1)
    image = rng.normal(100, 10, SHAPE).astype(np.float32)
    probability = rng.random(SHAPE, np.float32)
    found, bad = probability > 0.85, NONE.copy()
    bad[:, 17] = True
    found &= ~bad
    rays = measure_rays(image, probability, found, bad)
    labels, count = label(found, np.ones((3, 3)))
    assert len(rays) == count > 20
    difference = image.astype(float) - fill_holes(image, found | bad)
    expected = []
    for n in range(1, count + 1):
        y, x = np.nonzero(labels == n)
        one = difference[y, x]
        weight = one.clip(0) if (one > 0).any() else np.ones(len(y))
        expected.append(((y * weight).sum() / weight.sum(), (x * weight).sum() / weight.sum(),
                         one.sum(), one.max(), len(y), probability[y, x].max()))  # fmt: skip
    names = ["Y", "X", "CHARGE", "PEAK", "NPIX", "MAXPROB"]
    np.testing.assert_allclose(rays[names].tolist(), sorted(expected), rtol=1e-5, atol=1e-4)


def test_masked_pixels_are_no_neighbours():
    image, found = image_of({(10, 10): 100})
    bad = NONE.copy()
    image[9, 10], image[11, 10] = 5000, np.nan
    bad[9, 10] = True
    assert measure_rays(image, image, found, bad)["CHARGE"] == 100


def test_rays_that_hold_less_than_is_around_them():
    image, found = image_of({(4, 4): -5, (4, 5): -6, (4, 6): -6})
    (ray,) = measure_rays(image, image, found, NONE)
    assert (ray["CHARGE"], ray["PEAK"], ray["X"], ray["Y"]) == (-17, -5, 5, 4)


def test_nothing_marked():
    image, found = image_of({})
    assert measure_rays(image, image, found, NONE).tolist() == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_all_is_marked(shape):
    image = np.full(shape, 3, np.float32)
    (ray,) = measure_rays(image, image / 4, image > 0, image < 0)
    assert (ray["NPIX"], ray["CHARGE"]) == (image.size, 3 * image.size)  # nothing to compare with
    assert (ray["Y"], ray["X"]) == tuple((n - 1) / 2 for n in shape)

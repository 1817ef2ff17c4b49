"""Tests for desinn.finders.image_input."""

import numpy as np
import pytest

from desinn.finders.holes import fill_holes
from desinn.finders.image_input import ImageInput, asinh, bad_pixels, checked_mask

PREPARE = {
    "scale": 4.0,
    "normalize": "asinh",
    "pad_multiple": 4,
    "pad_side": "low",
    "pad_value": -1.0,
    "channels": ["image"],
}


def plain(prepare, image, bad):
    """Return the input made of the whole image at once, in double precision."""
    image = fill_holes(image.astype("f4"), bad) / np.float64(prepare["scale"])
    if prepare["normalize"] == "asinh":
        image = np.arcsinh(image)
    if prepare["normalize"] == "mean-std":
        image = (image - image.mean()) / image.std()
    before = [(-n % prepare["pad_multiple"], 0) for n in image.shape]
    return np.pad(image, before, constant_values=prepare["pad_value"])[:, :, np.newaxis]


@pytest.mark.parametrize("normalize", ["none", "mean-std", "asinh"])
@pytest.mark.parametrize("dtype", [">f4", "f8", ">i2"])
def test_windows_are_cut_from_the_whole(normalize, dtype):
    """Holes too, whose neighbours lie in other windows."""
    rng = np.random.default_rng(1)
    image = rng.normal(50, 30, (41, 50)).astype(dtype)
    bad = rng.random(image.shape) < 0.3
    bad[10:30, 7] = True
    prepare = {**PREPARE, "normalize": normalize}
    x = ImageInput(prepare, image, bad)
    assert x.shape == (44, 52, 1)
    expected = plain(prepare, image, bad)
    np.testing.assert_allclose(x[:, :], expected, rtol=1e-5, atol=1e-6)
    for window in np.s_[0:44, 0:52], np.s_[0:20, 8:24], np.s_[16:44, 36:52], np.s_[0:2, 0:1]:
        np.testing.assert_array_equal(x[window], x[:, :][window])


def test_a_mask_is_a_channel_of_its_own():
    image = np.arange(15, dtype="f4").reshape(3, 5) + 1
    mask = image > 12
    prepare = {**PREPARE, "scale": 1.0, "normalize": "none", "channels": ["outside", "mask"]}
    x = ImageInput(prepare, image, mask=mask)[:, :]
    np.testing.assert_array_equal(x[1:, 3:, 0], np.where(mask, 0, image))
    np.testing.assert_array_equal(x[1:, 3:, 1], mask)
    assert (x[0] == -1).all()


def test_asinh_at_all_sizes():
    x = np.float32([0.0, 1e-30, 1e-4, 0.3, 1, 40, 1e6, 1e17])
    x = np.concatenate([x, -x])
    found = x.copy()
    asinh(found)
    np.testing.assert_allclose(found, np.arcsinh(x.astype("f8")), rtol=3e-7, atol=1.2e-7)
    huge = np.float32([3e38, -3e38])
    asinh(huge)
    assert np.isfinite(huge).all()


def test_what_is_no_finite_float32_is_bad():
    image = np.array([[1.0, np.nan, np.inf], [-np.inf, 1e300, -3e38]])
    np.testing.assert_array_equal(bad_pixels(image), [[0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(bad_pixels(image.astype(">f8")), bad_pixels(image))
    assert not bad_pixels(np.ones((2, 2), ">i4")).any()


def test_any_bit_of_a_mask_counts():
    found = checked_mask(np.uint32([[0, 1, 1 << 31]]), (1, 3))
    np.testing.assert_array_equal(found, [[False, True, True]])

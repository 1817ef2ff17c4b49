"""What a CCD adds: its noise against ivar, its mask, trails, charge left behind, saturation."""

import numpy as np
import pytest

from desinn.simulate.ccd import detector
from desinn.simulate.ccd.detector import BAD, DEAD, HOT, SATURATED, read_out, scattered
from desinn.simulate.ccd.settings import CcdSettings

IDEAL = {
    **{"gain_error": 0.0, "offset": 0.0, "flat": 0.0, "dark": 0.0, "hot": 0.0, "dead": 0.0},
    **{"columns": 0.0, "bad_cte": 0.0, "trail": 0.0, "scattered": (1e-9, 1e-9)},
}


def read(light, charge=None, seconds=900.0, seed=1, middle=None, **settings):
    light = np.asarray(light, np.float32)
    charge = np.zeros_like(light) if charge is None else np.asarray(charge, np.float32)
    middle = middle or [size // 2 for size in light.shape]
    settings = CcdSettings(**IDEAL | settings)
    return read_out(np.random.default_rng(seed), light, charge, seconds, settings, middle)


@pytest.mark.parametrize("level", [0.0, 5.0, 1000.0])
def test_noise_is_what_ivar_says(level):
    out = read(np.full((200, 200), level))
    pull = (out.image - out.clean) * np.sqrt(out.ivar)
    assert np.mean(out.image - out.clean) == pytest.approx(0, abs=0.3)
    # Where there is little light, pixels that noise makes brighter have less ivar.
    assert np.std(pull) == pytest.approx(1, abs=0.04 if level == 1000 else 0.12)
    found = np.mean((out.image - out.clean) ** 2)
    assert found == pytest.approx(np.mean(out.readnoise**2) + level, rel=0.04)
    expected = 1 / (out.readnoise**2 + np.maximum(out.image, 0))
    np.testing.assert_allclose(out.ivar, expected, rtol=1e-6)
    assert [a.dtype for a in (out.image, out.ivar, out.readnoise, out.clean)] == [np.float32] * 4
    assert out.mask.dtype == np.uint32


def test_four_amplifiers():
    out = read(np.zeros((60, 40)), middle=(20, 30), gain_error=0.1)
    assert len(np.unique(out.readnoise)) == 4
    assert len(np.unique(out.readnoise[:20, :30])) == 1
    assert out.readnoise.min() >= 2
    assert out.readnoise.max() <= 6
    bright = read(np.full((60, 40), 1e4), middle=(20, 30), gain_error=0.1).clean
    assert len(np.unique(bright.round(-1))) == 4


def test_a_cut_far_from_the_middle_has_one_amplifier():
    assert len(np.unique(read(np.zeros((20, 20)), middle=(-500, 900)).readnoise)) == 1


def test_defects_are_masked_and_have_no_ivar():
    out = read(np.full((300, 300), 50.0), hot=2000.0, dead=2000.0, columns=40.0)
    for bit in (BAD, HOT, DEAD):
        assert (out.mask & bit > 0).any()
    np.testing.assert_array_equal(out.ivar == 0, out.mask > 0)
    assert out.image[out.mask == HOT].mean() > 500
    only_dead = out.mask == DEAD
    assert abs(out.clean[only_dead]).max() == 0
    assert np.std(out.image[out.mask == BAD]) > 3 * np.std(out.image[out.mask == 0])


def test_bright_pixels_are_saturated():
    light = np.full((40, 40), 100.0)
    charge = np.zeros((40, 40))
    light[5, 5], charge[20, 20] = 5e5, 5e5
    out = read(light, charge, saturation=(60_000.0, 60_000.0))
    assert np.argwhere(out.mask & SATURATED).tolist() == [[5, 5], [20, 20]]
    assert out.image[5, 5] == pytest.approx(6e4, rel=0.05)
    assert out.image[20, 20] == pytest.approx(6e4, rel=0.05)
    assert out.clean[20, 20] == pytest.approx(100, rel=0.01)


def test_rays_are_in_the_image_and_not_in_clean():
    charge = np.zeros((40, 40))
    charge[10:13, 10:13] = 3000
    out = read(np.full((40, 40), 10.0), charge)
    np.testing.assert_allclose((out.image - out.clean)[10:13, 10:13], 3000, rtol=0.1)
    np.testing.assert_allclose(out.clean, 10, rtol=1e-3)


def test_charge_left_behind_comes_later_and_is_kept():
    light = np.zeros((60, 30))
    light[10, 5] = light[50, 5] = 1e4
    clean = read(light, bad_cte=1.0, cte=(0.01, 0.01)).clean
    assert clean[10, 5] == pytest.approx(9900, rel=1e-3)
    assert clean[11, 5] > clean[12, 5] > 1  # away from the lower amplifier
    assert clean[49, 5] > clean[48, 5] > 1  # and from the upper one
    assert abs(clean[[9, 51], 5]).max() < 0.1
    assert clean[:30].sum() == pytest.approx(1e4, rel=0.01)


def test_dark_trails_follow_in_the_order_of_reading():
    light = np.zeros((40, 80))
    light[5, 10] = light[5, 70] = 1e5
    clean = read(light, trail=1e-2, saturation=(1e6, 1e6)).clean
    for x, ahead in ((10, 1), (70, -1)):
        trail = clean[5, [x + 4 * ahead, x + 8 * ahead]]
        before = clean[5, [x - 2 * ahead, x - 5 * ahead]]
        assert abs(before).max() < 0.1
        assert abs(trail).min() > 1


def test_scattered_light_is_smooth_and_kept():
    light = np.zeros((200, 300), np.float32)
    light[100, 150] = 1e6
    out = scattered(light, 0.01)
    assert out[100, 150] == pytest.approx(0.99e6, rel=1e-3)
    assert out.sum() == pytest.approx(1e6, rel=0.02)
    rest = np.delete(out.ravel(), 100 * 300 + 150)
    assert rest.min() > 0
    assert rest.max() < 1


def test_bias_frames_have_no_dark_residuals():
    assert not read(np.zeros((20, 20)), seconds=0.0, dark=1.0).clean.any()
    assert read(np.zeros((20, 20)), seconds=900.0, dark=1.0).clean.std() == pytest.approx(
        1, abs=0.2
    )


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (33, 2)])
def test_small_shapes(shape):
    out = read(np.ones(shape))
    assert out.image.shape == out.mask.shape == shape


def test_the_bit_of_cosmic_rays_is_never_set():
    out = read(np.full((100, 100), 50.0), hot=2000.0, dead=2000.0, columns=400.0)
    assert not (out.mask & detector.COSMIC).any()

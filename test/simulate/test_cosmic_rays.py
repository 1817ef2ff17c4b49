"""Cosmic rays on CCDs."""

import dataclasses

import numpy as np
import pytest

from desinn.simulate import ray_tracks
from desinn.simulate.cosmic_rays import DEVICES, FULL, KINDS, Device, cosmic_rays, spread

SHAPE = (256, 256)
ENOUGH = 120 / 1.4 * FULL / 256**2
"""Seconds for 120 rays on them."""


def only(kind, name="thick", **changes):
    """Return a device that sees one kind alone."""
    mix = tuple(float(kind == other) for other in KINDS)
    return dataclasses.replace(DEVICES[name], mix=mix, **changes)


def deposit(y, x, z, electrons=1000.0):
    """Return one deposit; y and x in pixels, z in um."""
    return np.array([(0, y * 15.0, x * 15.0, z, electrons)], ray_tracks.DEPOSIT)


@pytest.fixture(scope="module")
def drawn():
    return {name: cosmic_rays(np.random.default_rng(1), SHAPE, ENOUGH, name) for name in DEVICES}


def test_a_seed_says_all(drawn):
    again = cosmic_rays(np.random.default_rng(1), SHAPE, ENOUGH, DEVICES["thick"])
    np.testing.assert_array_equal(again.charge, drawn["thick"].charge)
    np.testing.assert_array_equal(again.table, drawn["thick"].table)
    other = cosmic_rays(np.random.default_rng(2), SHAPE, ENOUGH, "thick")
    assert (other.charge != again.charge).any()


@pytest.mark.parametrize("name", DEVICES)
def test_the_parts_make_the_whole(drawn, name):
    rays = drawn[name]
    assert rays.charge.dtype == rays.electrons.dtype == np.float32
    assert rays.ray.dtype == rays.pixel.dtype == np.int64
    total = np.zeros(SHAPE)
    for row, ray in enumerate(rays.table):
        pixel, electrons = rays.pixels(row)
        y, x = np.unravel_index(pixel, SHAPE)
        assert len(np.unique(pixel)) == len(pixel) > 0
        assert ray["CHARGE"] == pytest.approx(electrons.sum(), rel=1e-5)
        assert ray["NPIX"] == (electrons > 1).sum()
        assert ray["Y"] == pytest.approx(np.average(y, weights=electrons), abs=1e-3)
        assert ray["X"] == pytest.approx(np.average(x, weights=electrons), abs=1e-3)
        total[y, x] += electrons
    np.testing.assert_allclose(rays.charge, total, rtol=1e-5)
    assert set(rays.table["KIND"]) == set(KINDS)


def test_no_such_ray(drawn):
    rays = drawn["thin"]
    for row in (-1, len(rays)):
        with pytest.raises(IndexError, match=f"ray {row}: there are {len(rays)}"):
            rays.pixels(row)


def test_numbers_are_poissonian():
    rng = np.random.default_rng(3)
    seconds = 12 / 1.4 * FULL / 32**2
    found = [len(cosmic_rays(rng, (32, 32), seconds, only("spot"))) for _ in range(400)]
    assert np.mean(found) == pytest.approx(12, abs=0.6)
    assert np.var(found) == pytest.approx(12, rel=0.25)
    fewer = [len(cosmic_rays(rng, (16, 32), seconds, only("spot"), 0.7)) for _ in range(200)]
    assert np.mean(fewer) == pytest.approx(3, abs=0.4)


def test_a_track_keeps_its_charge():
    device = DEVICES["thick"]
    size = device.size((64, 64))
    start, towards = np.array([[480.0, 307.5, 250.0]]), np.array([[0.6, 0.0, -0.8]])
    length = ray_tracks.path_length(start, towards, size)
    found = ray_tracks.muon_deposits(np.random.default_rng(4), start, towards, length, size)
    _, pixel, electrons = spread(found, (64, 64), device)
    assert electrons.sum() == pytest.approx(found["ELECTRONS"].sum(), rel=1e-3)
    y = pixel // 64
    # 250 um deep: 312.5 um long, 187.5 um = 12.5 pixels seen from above, from 32 on.
    assert (y[electrons > 50].min(), y[electrons > 50].max()) == (31, 44)
    # The far side, where it comes in, is wider.
    wide = [np.average((pixel[y == row] % 64 - 20) ** 2, weights=electrons[y == row])
            for row in (33, 43)]  # fmt: skip
    assert wide[0] > 1.3 * wide[1]


@pytest.mark.parametrize(("depth", "sigma"), [(250.0, 6.0), (62.5, 3.0)])
def test_diffusion_by_hand(depth, sigma):
    """A spot's variance: of the diffusion, and of the pixel it is integrated over."""
    device = only("spot", diffusion=6.0)
    variance = []
    for shift in np.linspace(0, 1, 8, endpoint=False):
        _, pixel, electrons = spread(deposit(10 + shift, 10.5, depth, 1e5), (21, 21), device)
        y = pixel // 21 + 0.5 - 10 - shift
        variance.append(np.average(y**2, weights=electrons))
        assert np.average(pixel % 21, weights=electrons) == pytest.approx(10, abs=1e-4)
    assert np.mean(variance) == pytest.approx((sigma / 15) ** 2 + 1 / 12, rel=0.01)


def test_what_falls_beside_is_cut():
    device = only("spot")
    for y, x, part in ((5, 5, 1), (0, 5, 0.5), (0, 10, 0.25), (-3, 5, 0)):
        ray, _, electrons = spread(deposit(y, x, 250.0), (10, 10), device)
        assert electrons.sum() == pytest.approx(1000 * part, rel=1e-3)
        assert (len(ray) > 0) == (part > 0)


def test_thicker_silicon_has_larger_rays(drawn):
    sizes = [drawn[name].table["NPIX"].mean() for name in ("thin", "thick", "thickest")]
    assert 2 * sizes[0] < sizes[1] < 0.8 * sizes[2]
    lengths = [np.percentile(drawn[name].table["LENGTH"], 90) for name in DEVICES]
    assert lengths[0] < 5 < 15 < lengths[1] < lengths[2]


def test_rays_are_as_large_and_bright_as_seen():
    """In thick silicon some 15 pixels above 3 sigma; charges from tens to 10^5."""
    seconds = 600 / 1.4 * FULL / 512**2
    rays = cosmic_rays(np.random.default_rng(5), (512, 512), seconds, "thick")
    above = np.bincount(rays.ray, rays.electrons > 9)
    assert np.median(above) < 15 < above.mean() < 40
    charge = rays.table["CHARGE"]
    assert 1e3 < np.median(charge) < 2e4
    assert np.percentile(charge, 2) < 100
    assert np.percentile(charge, 98) > 7e4


def test_lengths():
    """Those of muons are straight and can be long, spots have none."""
    spots = cosmic_rays(np.random.default_rng(6), (64, 64), ENOUGH, only("spot"))
    assert (spots.table["LENGTH"] == 0).all()
    upright = only("muon", tilt=0.0)
    muons = cosmic_rays(np.random.default_rng(6), SHAPE, ENOUGH, upright).table
    # Through level silicon half are within 33 degrees: cos^4 = 1/2.
    expected = 250 / 15 * np.tan(np.arccos(0.5**0.25))
    assert np.median(muons["LENGTH"]) == pytest.approx(expected, rel=0.25)


def test_where_the_zenith_is():
    """With the zenith along Y, muons run that way; turned by 90 degrees, the other."""
    ratios = []
    for roll in (0.0, 90.0):
        rays = cosmic_rays(np.random.default_rng(7), SHAPE, ENOUGH, only("muon", roll=roll))
        extent = [np.ptp(np.divmod(rays.pixels(row)[0], 256), axis=1) for row in range(len(rays))]
        extent = np.median(extent, axis=0)
        ratios.append(extent[0] / extent[1])
    assert ratios[0] > 1.3
    assert ratios[1] < 1 / 1.3


def test_along_the_traces():
    rays = cosmic_rays(np.random.default_rng(8), SHAPE, ENOUGH, only("muon"), along=1.0)
    place = np.array([np.ptp(np.divmod(rays.pixels(row)[0], 256), axis=1) for row in range(60)])
    assert np.median(place[:, 0]) > 2 * np.median(place[:, 1])
    assert np.percentile(place[:, 0], 80) > 5 * np.median(place[:, 1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2)])
def test_tiny_images(shape):
    seconds = 60 / 1.4 * FULL / np.prod(shape)
    rays = cosmic_rays(np.random.default_rng(9), shape, seconds, "thick", along=0.5)
    assert rays.charge.shape == shape
    assert (rays.charge > 0).all()
    assert 0 <= rays.pixel.min() <= rays.pixel.max() < np.prod(shape)


@pytest.mark.parametrize(("shape", "seconds"), [((40, 30), 0), ((0, 7), 1e6), ((7, 0), 1e6)])
def test_nothing(shape, seconds):
    rays = cosmic_rays(np.random.default_rng(1), shape, seconds, "thin")
    assert len(rays) == len(rays.ray) == len(rays.pixel) == 0
    assert rays.charge.shape == shape
    assert not rays.charge.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (8, 8, 8)}, r"shape: expected \(Y, X\), found \(8, 8, 8\)"),
        ({"shape": (8, -1)}, "shape: expected"),
        ({"shape": (8.0, 8)}, "shape: expected"),
        ({"seconds": -1}, "seconds: expected a number from 0 on, found -1"),
        ({"seconds": np.nan}, "seconds: expected a number from 0 on, found nan"),
        ({"rate": np.inf}, "rate: expected a number from 0 on, found inf"),
        ({"along": 1.5}, "along: expected a part from 0 to 1, found 1.5"),
        ({"device": "red"}, "device: expected one of thin, thick, thickest, found red"),
    ],
)
def test_what_cannot_be_drawn(changes, message):
    arguments = {"shape": (8, 8), "seconds": 1.0, "device": "thin", **changes}
    with pytest.raises(ValueError, match=message):
        cosmic_rays(np.random.default_rng(1), **arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thickness": 0}, "mine: thickness: expected more than 0, found 0"),
        ({"rate": -1.0}, "mine: rate: expected more than 0"),
        ({"mix": (0.5, 0.5)}, "mine: mix: expected parts of muon, worm, spot"),
        ({"mix": (0.5, 0.6, -0.1)}, "mine: mix: expected"),
        ({"mix": (0.5, 0.5, 0.5)}, "mine: mix: expected"),
    ],
)
def test_devices_that_cannot_be(changes, message):
    made = {"name": "mine", "thickness": 9.0, "diffusion": 3.0, "mix": (0, 0, 1), **changes}
    with pytest.raises(ValueError, match=message):
        Device(**made)

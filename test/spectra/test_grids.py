"""Grids, rebinning and normalising, against loops that say what is meant."""

import json
import math
import tracemalloc

import numpy as np
import pytest

from desinn.spectra import Camera, Grid, normalize, rebin
from desinn.spectra.grids import ROWS_AT_ONCE

DESI_WAVE = np.round(3600 + 0.8 * np.arange(7781), 1)
GRIDS = {
    "log": Grid.log(),
    "linear": Grid.linear(),
    "narrow": Grid.log(start=3.7, step=7e-4, size=57),
    "coarse": Grid.linear(start=4100, step=77.7, size=31),
}


def test_published_grids():
    log, linear = Grid.log(), Grid.linear()
    assert log.wave.shape == (443,)
    assert log.wave[0] == pytest.approx(3600, abs=1e-9)
    assert log.wave[-1] == pytest.approx(9960.99, abs=0.005)
    assert linear.wave.shape == (458,)
    assert linear.wave[[0, 1, -1]].tolist() == [3600.0, 3613.6, 9815.2]
    assert np.array_equal(linear.wave, np.round(np.arange(3600, 9824.8, 13.6), 1))


def test_linear_edges_keep_the_decimals_of_start_and_step():
    assert Grid.linear(4000.0, 0.25, 4).wave.tolist() == [4000.0, 4000.25, 4000.5, 4000.75]
    assert Grid.linear(3600.2, 0.1, 3).wave.tolist() == [3600.2, 3600.3, 3600.4]
    assert Grid.linear(4000.0, 1e-12, 2).wave[1] == 4000.0
    assert Grid.linear(1e4, 2e16, 2).wave[1] == 2e16 + 1e4


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_bin_of_is_the_bin_whose_edges_enclose(grid):
    wave = np.random.default_rng(3).uniform(3000, 11000, 5000)
    bins = grid.bin_of(wave)
    assert bins.dtype == np.int64
    inside = (bins >= 0) & (bins < grid.size)
    assert inside.any()
    assert not inside.all()
    edges = grid.wave
    expected = np.searchsorted(edges, wave, side="right") - 1
    assert np.array_equal(bins[inside], expected[inside])
    assert (wave[bins < 0] < edges[0]).all()
    assert (wave[bins >= grid.size] > edges[-1]).all()


def test_edges_of_the_linear_grid_fall_into_their_own_bin():
    grid = Grid.linear()
    assert np.array_equal(grid.bin_of(grid.wave), np.arange(grid.size))


def test_first_pixel_of_desi_is_in_the_first_bin():
    assert Grid.log().bin_of(3600.0) == 0
    assert Grid.log().bin_of(DESI_WAVE)[-1] == 435


def test_bins_of_desi_pixels_are_the_published_ones(reference):
    text = (reference / "qso" / "regrid.txt").read_text()
    expected = np.array(json.loads(text))
    assert np.array_equal(Grid.log().bin_of(DESI_WAVE), expected)


@pytest.mark.parametrize("wave", [0.0, -1.0, np.nan, np.inf])
def test_bin_of_refuses_what_is_no_wavelength(wave):
    with pytest.raises(ValueError, match="finite wavelengths above 0"):
        Grid.log().bin_of([5000.0, wave])


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_header_round_trip_through_json(grid):
    assert Grid.from_header(json.loads(json.dumps(grid.to_header()))) == grid


def test_header_takes_numpy_numbers_and_gives_plain_ones():
    header = Grid("log", np.float64(3.5), np.float32(0.5), np.int64(3)).to_header()
    assert header == {"spacing": "log", "start": 3.5, "step": 0.5, "size": 3}
    assert [type(value) for value in header.values()] == [str, float, float, int]


def test_from_header_names_all_problems_at_once():
    header = {"spacing": "cubic", "start": "3600", "size": True, "stepp": 1, "colour": 2}
    with pytest.raises(ValueError, match=r"^grid: ") as caught:
        Grid.from_header(header)
    text = str(caught.value)
    for part in (
        "step: missing",
        "stepp: unknown",
        "colour: unknown",
        "spacing: expected 'log' or 'linear', found 'cubic'",
        "start: expected a finite number, found '3600'",
        "size: expected an integer above 0, found True",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spacing", None),
        ("spacing", ["log"]),
        ("start", math.nan),
        ("start", True),
        ("step", 0.0),
        ("step", -1e-3),
        ("step", math.inf),
        ("step", None),
        ("size", 0),
        ("size", 443.0),
        ("size", "443"),
    ],
)
def test_wrong_values_are_refused_everywhere(name, value):
    header = {**Grid.log().to_header(), name: value}
    with pytest.raises(ValueError, match=f"^grid: {name}: expected"):
        Grid.from_header(header)
    with pytest.raises(ValueError, match=f"^grid: {name}: expected"):
        Grid(**header)


def test_from_header_wants_a_mapping():
    with pytest.raises(ValueError, match="expected a mapping, found list"):
        Grid.from_header(["log"])


def loop_rebin(cameras, grid):
    """Say what `rebin` means, one pixel at a time."""
    rows = len(cameras[0])
    total, ivar = np.zeros((rows, grid.size)), np.zeros((rows, grid.size))
    for camera in cameras:
        for row in range(rows):
            for pixel, number in enumerate(grid.bin_of(camera.wave)):
                f, w = float(camera.flux[row, pixel]), float(camera.ivar[row, pixel])
                masked = camera.mask is not None and camera.mask[row, pixel]
                good = math.isfinite(f) and math.isfinite(w) and w > 0 and not masked
                if good and 0 <= number < grid.size:
                    total[row, number] += f * w
                    ivar[row, number] += w
    return np.divide(total, ivar, out=np.zeros_like(total), where=ivar != 0), ivar


def random_camera(rng, rows, masked):
    """Make spectra with gaps in wavelength, bad pixels of every kind and some odd size."""
    ends = np.sort(rng.uniform(3000, 11000, 2))
    wave = np.unique(rng.uniform(*ends, rng.integers(1, 400)))
    gap = rng.uniform(*ends)
    wave = wave[(wave < gap) | (wave > gap + 300)] if wave[0] < gap else wave
    shape = (rows, wave.size)
    flux = rng.normal(size=shape).astype(rng.choice(["f4", "f8"]))
    ivar = rng.exponential(size=shape).astype(np.float32)
    flux[rng.random(shape) < 0.02] = np.nan
    flux[rng.random(shape) < 0.02] = -np.inf
    ivar[rng.random(shape) < 0.02] = np.inf
    ivar[rng.random(shape) < 0.1] = 0
    ivar[rng.random(shape) < 0.05] = -1
    mask = (rng.random(shape) < 0.1).astype(np.uint32) << 7 if masked else None
    return Camera(wave, flux, ivar, mask)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_rebin_is_the_loop(grid, seed):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 6))
    cameras = [random_camera(rng, rows, bool(k % 2)) for k in range(rng.integers(1, 4))]
    flux, ivar = rebin(cameras, grid)
    expected_flux, expected_ivar = loop_rebin(cameras, grid)
    assert flux.dtype == ivar.dtype == np.float64
    assert np.array_equal(ivar == 0, expected_ivar == 0)
    np.testing.assert_allclose(ivar, expected_ivar, rtol=1e-12, atol=0)
    np.testing.assert_allclose(flux, expected_flux, rtol=1e-9, atol=1e-12)


def desi_like(rows, seed=0):
    """Make two overlapping cameras on DESI's wavelengths."""
    rng = np.random.default_rng(seed)
    parts = {"b": slice(2000, 2751), "r": slice(2700, 3300)}
    cameras = {}
    for name, pixels in parts.items():
        wave = DESI_WAVE[pixels]
        flux = rng.normal(2, 1, (rows, wave.size)).astype(np.float32)
        cameras[name] = Camera(wave, flux, rng.exponential(1, flux.shape).astype(np.float32))
    return cameras


def test_rebin_takes_a_mapping_too_and_adds_cameras_where_they_overlap():
    cameras = desi_like(2)
    flux, ivar = rebin(cameras, Grid.log())
    again = rebin(list(cameras.values()), Grid.log())
    assert np.array_equal(flux, again[0])
    parts = [rebin([camera], Grid.log())[1] for camera in cameras.values()]
    assert ((parts[0] > 0) & (parts[1] > 0)).any()
    np.testing.assert_allclose(ivar, parts[0] + parts[1], rtol=1e-14)


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 5])
def test_a_row_does_not_depend_on_its_company(rows):
    cameras = desi_like(rows)
    flux, ivar = rebin(cameras, Grid.log())
    x, valid = normalize(flux, ivar)
    assert x.shape == flux.shape == (rows, 443)
    assert valid.shape == (rows,)
    for row in range(0, rows, 11):
        alone = rebin({name: camera[[row]] for name, camera in cameras.items()}, Grid.log())
        assert np.array_equal(alone[0][0], flux[row])
        assert np.array_equal(alone[1][0], ivar[row])
        assert np.array_equal(normalize(*alone)[0][0], x[row])


def memory_beside_output(work, *arguments):
    tracemalloc.start()
    try:
        output = work(*arguments)
        return tracemalloc.get_traced_memory()[1] - sum(array.nbytes for array in output)
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_rows():
    used = []
    for rows in (ROWS_AT_ONCE, 20 * ROWS_AT_ONCE):
        cameras = desi_like(rows)
        flux, ivar = rebin(cameras, Grid.log())
        rebinning = memory_beside_output(rebin, cameras, Grid.log())
        used.append((rebinning, memory_beside_output(normalize, flux, ivar)))
    few, many = used
    assert many[0] < 1.5 * few[0]
    assert many[1] < 1.5 * few[1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["flux", "ivar"])
def test_a_bad_pixel_changes_no_other_row_by_a_bit(part, value):
    cameras = desi_like(5)
    before = normalize(*rebin(cameras, Grid.log()))
    getattr(cameras["b"], part)[2, 100] = value
    after = normalize(*rebin(cameras, Grid.log()))
    others = [0, 1, 3, 4]
    assert np.array_equal(before[0][others], after[0][others])
    assert not np.array_equal(before[0][2], after[0][2])
    assert after[1].all()
    assert np.isfinite(after[0]).all()


def test_rebin_outside_the_grid_gives_nothing():
    camera = Camera([3000.0, 3001.0], np.ones((2, 2)), np.ones((2, 2)))
    flux, ivar = rebin([camera], Grid.log())
    assert not flux.any()
    assert not ivar.any()


@pytest.mark.parametrize(("cameras", "found"), [([], "none"), ({}, "none"), ("two", r"\[1, 2\]")])
def test_rebin_refuses_unequal_or_no_cameras(cameras, found):
    if cameras == "two":
        cameras = [Camera([4000.0], np.ones((n, 1)), np.ones((n, 1))) for n in (1, 2)]
    with pytest.raises(ValueError, match=f"one number of rows, found {found}"):
        rebin(cameras, Grid.log())


def test_normalize_is_weighted_mean_and_rms():
    rng = np.random.default_rng(1)
    flux, ivar = rng.normal(5, 2, (4, 50)), rng.exponential(1, (4, 50))
    flux[:, :7] = ivar[:, :7] = 0
    x, valid = normalize(flux, ivar)
    assert x.dtype == np.float32
    assert valid.all()
    for row in range(4):
        mean = np.average(flux[row], weights=ivar[row])
        rms = np.sqrt(np.average((flux[row] - mean) ** 2, weights=ivar[row]))
        np.testing.assert_allclose(x[row], (flux[row] - mean) / rms, rtol=1e-6)
        np.testing.assert_allclose(x[row, :7], -mean / rms, rtol=1e-6)


def test_normalize_works_in_float64():
    flux = 1e6 + np.random.default_rng(2).normal(size=(1, 443))
    x, _ = normalize(flux, np.ones_like(flux))
    np.testing.assert_allclose(x[0], (flux[0] - flux.mean()) / flux.std(), atol=1e-6)


@pytest.mark.parametrize(
    ("flux", "ivar"),
    [
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]),
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
        ([0.1, 0.1, 0.1], [0.3, 0.7, 1.1]),
        ([5.0, 0.0, 0.0], [2.0, 0.0, 0.0]),
        ([1.0, np.nan, 3.0], [1.0, 0.0, 1.0]),
        ([1.0, 2.0, 3.0], [1.0, np.inf, 1.0]),
        ([1e200, -1e200, 3.0], [1.0, 1.0, 1.0]),
        ([1e300, 2.0, 3.0], [1e300, 1.0, 1.0]),
        ([1.0, 2.0, 3e38], [1.0, 1.0, 1e-300]),
    ],
    ids=["no ivar", "zero", "constant", "one bin", "nan", "inf", "overflow", "product", "cast"],
)
def test_what_cannot_be_normalized_is_zero_and_not_valid(flux, ivar):
    flux = np.array([flux, [1.0, 2.0, 4.0]])
    ivar = np.array([ivar, [1.0, 1.0, 1.0]])
    x, valid = normalize(flux, ivar)
    assert valid.tolist() == [False, True]
    assert not x[0].any()
    assert x[1].any()


def test_constant_spectra_are_not_valid_after_rebinning():
    camera = desi_like(3)["b"]
    camera.flux[:2] = [[0.1], [7.3]]
    assert normalize(*rebin([camera], Grid.log()))[1].tolist() == [False, False, True]


def test_sums_that_overflow_make_their_row_not_valid_without_a_warning():
    camera = Camera([4000.0, 4000.1], [[1e300, 1e300], [1.0, 2.0]], [[1e300, 1.0], [1.0, 1.0]])
    flux, ivar = rebin([camera], Grid.log())
    assert not normalize(flux, ivar)[1][0]
    assert flux[1].max() == 1.5


def test_normalize_does_not_depend_on_the_memory_layout():
    rng = np.random.default_rng(4)
    flux, ivar = rng.normal(size=(9, 443)), rng.exponential(size=(9, 443))
    turned = normalize(np.asfortranarray(flux), np.asfortranarray(ivar))
    assert np.array_equal(normalize(flux, ivar)[0], turned[0])


@pytest.mark.parametrize(("a", "b"), [((2, 3), (2, 4)), ((3,), (3,))])
def test_normalize_refuses_wrong_shapes(a, b):
    with pytest.raises(ValueError, match="expected equal shapes"):
        normalize(np.ones(a), np.ones(b))

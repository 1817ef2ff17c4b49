"""Rows of one target become one, and nothing else changes."""

import numpy as np
import pytest

from desinn.spectra import Camera, Spectra
from desinn.spectra.coaddition import TARGETS_AT_ONCE, coadd

WAVE = np.array([4000.0, 4001.0, 4002.0])


def one_camera(flux, ivar, mask=None, resolution=None):
    flux, ivar = np.array(flux, "f4"), np.array(ivar, "f4")
    return Camera(WAVE, flux, ivar, mask, resolution)


def random_spectra(targetid, seed=0):
    rng = np.random.default_rng(seed)
    shape = (len(targetid), WAVE.size)
    cameras = {
        name: Camera(
            WAVE + shift,
            rng.normal(size=shape).astype("f4"),
            rng.exponential(size=shape).astype("f4"),
            (rng.random(shape) < 0.3).astype("u4") * rng.integers(1, 8, shape).astype("u4"),
            rng.random((shape[0], 5, shape[1])).astype("f4"),
        )
        for name, shift in {"b": 0, "r": 1000}.items()
    }
    fibermap = np.zeros(len(targetid), [("TARGETID", "i8"), ("EXPID", "i4")])
    fibermap["TARGETID"], fibermap["EXPID"] = targetid, np.arange(len(targetid))
    return Spectra(None, cameras, fibermap, {"TILEID": 1}, "spectra.fits")


def by_hand(camera, rows):
    """Return flux, ivar, mask and resolution of the mean of rows, pixel by pixel."""
    width, diagonals = camera.flux.shape[1], camera.resolution.shape[1]
    flux, ivar = np.zeros(width), np.zeros(width)
    mask, resolution = np.zeros(width, "u4"), np.zeros((diagonals, width))
    for pixel in range(width):
        good = [row for row in rows if camera.mask[row, pixel] == 0]
        weights = camera.ivar[good, pixel].astype("f8")
        ivar[pixel] = weights.sum()
        if good:
            flux[pixel] = np.average(camera.flux[good, pixel], weights=weights)
            matrix = camera.resolution[good, :, pixel]
            resolution[:, pixel] = np.average(matrix, axis=0, weights=weights)
        else:
            mask[pixel] = np.bitwise_and.reduce(camera.mask[rows, pixel])
            resolution[:, pixel] = camera.resolution[rows, :, pixel].mean(axis=0)
    return flux, ivar, mask, resolution


def test_mean_ivar_mask_and_resolution_are_those_by_hand():
    targetid = [30, 10, 30, -7, 10, 20, 30, -7]
    spectra = random_spectra(targetid)
    result = coadd(spectra)
    assert result.targetid.tolist() == [30, 10, -7, 20]
    assert result.fibermap["EXPID"].tolist() == [0, 1, 3, 5]
    assert (result.header, result.source) == ({"TILEID": 1}, "spectra.fits")
    for name, camera in result.cameras.items():
        for row, target in enumerate(result.targetid):
            rows = np.flatnonzero(spectra.targetid == target)
            if rows.size > 1:
                expected = by_hand(spectra.cameras[name], rows)
                found = (camera.flux, camera.ivar, camera.mask, camera.resolution)
                for array, values in zip(found, expected, strict=True):
                    np.testing.assert_allclose(array[row], values, rtol=2e-7, atol=1e-7)
        assert camera.flux.dtype == camera.ivar.dtype == camera.resolution.dtype == np.float32


def test_rows_that_occur_once_are_unchanged_bit_for_bit():
    spectra = random_spectra([5, 6, 5])
    odd = spectra.cameras["b"]
    odd.flux[1], odd.ivar[1], odd.mask[1] = np.nan, [0.1, -1.0, np.inf], 4
    row = coadd(spectra).cameras["b"]
    assert row.flux[1].tobytes() == odd.flux[1].tobytes()
    assert row.ivar[1].tobytes() == odd.ivar[1].tobytes()
    assert row.mask[1].tolist() == [4, 4, 4]
    assert row.resolution[1].tobytes() == odd.resolution[1].tobytes()


def test_where_nothing_repeats_the_spectra_themselves_come_back():
    spectra = random_spectra([3, -1, 2, -1])
    assert coadd(spectra) is spectra
    nothing = spectra[:0]
    assert coadd(nothing) is nothing


def test_missing_targetids_are_never_merged_but_negative_ones_are():
    result = coadd(random_spectra([-1, -5, -1, -5, -1]))
    assert result.targetid.tolist() == [-1, -5, -1, -1]
    assert result.fibermap["EXPID"].tolist() == [0, 1, 2, 4]


def test_pixels_without_use_do_not_count():
    flux = [[1, np.nan, 5], [3, 7, np.inf], [np.nan, 9, 1]]
    ivar = [[1, 1, 0], [1, 1, 1], [0, np.inf, -2]]
    result = coadd(Spectra([1, 1, 1], {"b": one_camera(flux, ivar)})).cameras["b"]
    assert result.flux.tolist() == [[2, 7, 0]]
    assert result.ivar.tolist() == [[2, 1, 0]]
    assert result.mask is None


def test_masks_are_kept_only_where_all_rows_have_them():
    mask = np.array([[1, 3, 1], [2, 6, 0]], "u4")
    camera = one_camera([[1, 1, 1], [2, 2, 2]], [[1, 1, 1], [1, 1, 0]], mask)
    result = coadd(Spectra([1, 1], {"b": camera})).cameras["b"]
    assert result.mask.tolist() == [[0, 2, 0]]
    assert result.ivar.tolist() == [[0, 0, 0]]


def test_a_bad_resolution_at_a_masked_pixel_does_no_harm():
    resolution = np.ones((2, 1, 3), "f4")
    resolution[0, 0, 0] = np.nan
    mask = np.array([[1, 0, 0], [0, 0, 0]], "u4")
    camera = one_camera([[1] * 3, [2] * 3], [[1] * 3] * 2, mask, resolution)
    result = coadd(Spectra([1, 1], {"b": camera})).cameras["b"]
    assert result.resolution.tolist() == [[[1, 1, 1]]]


def test_rows_can_be_left_out_of_one_camera():
    camera = one_camera([[1] * 3, [3] * 3, [5] * 3], [[1] * 3] * 3)
    other = Camera(WAVE + 1000, camera.flux, camera.ivar)
    spectra = Spectra([1, 1, 1], {"b": camera, "r": other})
    result = coadd(spectra, {"b": [True, False, True]})
    assert result.cameras["b"].flux.tolist() == [[3, 3, 3]]
    assert result.cameras["b"].ivar.tolist() == [[2, 2, 2]]
    assert result.cameras["r"].ivar.tolist() == [[3, 3, 3]]
    result = coadd(spectra, {"b": [False, True, False]})
    assert result.cameras["b"].flux.tolist() == [[3, 3, 3]]


def test_a_target_with_all_rows_left_out_keeps_them():
    camera = one_camera([[1] * 3, [3] * 3, [9] * 3, [9] * 3], [[1] * 3] * 4)
    spectra = Spectra([1, 1, 2, 2], {"b": camera})
    result = coadd(spectra, {"b": np.array([False, False, True, False])})
    assert result.cameras["b"].flux[:, 0].tolist() == [2, 9]
    assert result.cameras["b"].ivar[:, 0].tolist() == [2, 1]


@pytest.mark.parametrize("use", [[True], [1, 0], np.ones((2, 1), bool)])
def test_what_is_left_out_is_said_in_bools(use):
    spectra = Spectra([1, 1], {"b": one_camera([[1] * 3] * 2, [[1] * 3] * 2)})
    with pytest.raises(ValueError, match=r"use: camera b: expected 2 bools, found "):
        coadd(spectra, {"b": use})


def test_many_targets_are_worked_on_in_blocks():
    targets = 2 * TARGETS_AT_ONCE + 1
    spectra = random_spectra(np.tile(np.arange(targets), 3))
    result = coadd(spectra)
    assert result.targetid.tolist() == list(range(targets))
    for row in (0, TARGETS_AT_ONCE - 1, TARGETS_AT_ONCE, targets - 1):
        expected = by_hand(spectra.cameras["r"], row + targets * np.arange(3))
        np.testing.assert_allclose(result.cameras["r"].flux[row], expected[0], rtol=2e-6)


def test_sums_that_float32_cannot_hold_are_not_usable():
    camera = one_camera([[1] * 3] * 2, [[3e38] * 3] * 2)
    result = coadd(Spectra([1, 1], {"b": camera}))
    assert not result.cameras["b"].has_data().any()


def test_spectra_without_fibermap():
    camera = one_camera([[1] * 3, [2] * 3], [[1] * 3] * 2)
    result = coadd(Spectra([4, 4], {"b": camera}))
    assert result.fibermap is None
    assert result.targetid.tolist() == [4]

"""The truth of simulated CCD images: bits, files, errors."""

import dataclasses
import warnings

import numpy as np
import pytest
from astropy.io import fits

from desinn.io.ccd_truth import CcdTruth, Truth, read_ccd_truth, truth_bits, write_ccd_truth
from desinn.io.preproc import read_preproc, with_cosmics, write_preproc
from helpers.cosmic_frames import SHAPE, make_frame


@pytest.fixture
def made():
    return make_frame(line=[(5, slice(7, 9))], trace=[(slice(None), 20)])


@pytest.mark.parametrize("name", ["preproc-r1-00300000.fits", "preproc-r1-00300000.fits.gz"])
def test_image_and_truth_come_back(tmp_path, made, name):
    frame, truth = made
    write_ccd_truth(tmp_path / name, frame, truth)
    again, image = read_ccd_truth(tmp_path / name), read_preproc(tmp_path / name)
    np.testing.assert_array_equal(image.image, frame.image)
    assert image.header.items() >= frame.header.items()
    for part in ("bits", "ray", "pixel", "electrons", "rays"):
        found, expected = getattr(again, part), getattr(truth, part)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    assert again.header["SEED"] == 3
    assert [again.header[f"BIT{i}"] for i in range(4)] == ["RAY", "TOUCHED", "LINE", "TRACE"]


def test_checksums_are_right_and_long_texts_come_back(tmp_path, made):
    frame, truth = made
    truth.header["SETTINGS"] = "settings " * 200
    write_ccd_truth(tmp_path / "a.fits", frame, truth)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
            assert [hdu.name for hdu in hdus][4:] == ["TRUTH", "RAYS", "RAYPIX"]
            np.testing.assert_array_equal(hdus["TRUTH"].data, truth.bits)
            assert "CHECKSUM" in hdus["RAYPIX"].header
    settings = read_ccd_truth(tmp_path / "a.fits").header["SETTINGS"]
    assert settings.strip() == truth.header["SETTINGS"].strip()


def test_a_copy_with_marks_keeps_the_truth(tmp_path, made):
    frame, truth = made
    write_ccd_truth(tmp_path / "a.fits", frame, truth)
    with_cosmics(tmp_path / "a.fits", tmp_path / "b.fits", frame.image > 100)
    np.testing.assert_array_equal(read_ccd_truth(tmp_path / "b.fits").bits, truth.bits)


def test_an_image_without_rays(tmp_path, made):
    frame, truth = made
    none = np.zeros(0, np.int64)
    empty = CcdTruth(truth.bits * 0, truth.rays[:0], none, none, np.zeros(0, np.float32))
    write_ccd_truth(tmp_path / "a.fits", frame, empty)
    again = read_ccd_truth(tmp_path / "a.fits")
    assert len(again.rays) == len(again.ray) == 0
    assert not again.charge().any()
    assert repr(again) == "CcdTruth(40 x 60 pixels, 0 rays)"


def test_charge_is_the_sum_of_all_rays():
    _, truth = make_frame(rays=([(3, 4, 50.0)], [(3, 4, 25.0), (3, 5, 7.0)]))
    assert truth.charge()[3, 4:6].tolist() == [75.0, 7.0]
    assert truth.charge().sum() == 82.0


def test_bits():
    ray, charge = np.zeros((5, 5), bool), np.zeros((5, 5))
    ray[0, 0], charge[4, 4], charge[4, 2] = True, 1.5, 0.5
    bits = truth_bits(ray, charge, ~ray, ray)
    touched = np.argwhere(bits & Truth.TOUCHED).tolist()
    assert touched == [[0, 0], [0, 1], [1, 0], [1, 1], [4, 4]]
    assert bits[0, 0] == Truth.RAY | Truth.TOUCHED | Truth.TRACE
    assert bits[4, 2] == Truth.LINE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bits": np.zeros(SHAPE, int)}, "TRUTH: expected uint8"),
        ({"electrons": np.zeros(3, np.float32)}, "columns of one length"),
        ({"ray": np.full(12, 2)}, "RAY: expected numbers from 0 to below 2, found 2 to 2"),
        ({"pixel": np.full(12, 2400)}, "PIXEL: expected numbers from 0 to below 2400"),
        ({"ray": np.arange(12)[::-1] // 6}, "sorted by RAY"),
    ],
)
def test_parts_that_do_not_fit(made, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(made[1], **changes)


def test_truth_of_another_shape(tmp_path, made):
    frame, truth = made
    small = dataclasses.replace(truth, bits=np.zeros((50, 50), np.uint8))
    with pytest.raises(ValueError, match=r"a\.fits: TRUTH: expected shape \(40, 60\)"):
        write_ccd_truth(tmp_path / "a.fits", frame, small)


def test_a_file_without_truth(tmp_path, made):
    write_preproc(tmp_path / "a.fits", made[0])
    with pytest.raises(ValueError, match=r"a\.fits: without the HDUs TRUTH, RAYS, RAYPIX"):
        read_ccd_truth(tmp_path / "a.fits")


def test_a_table_without_a_column(tmp_path, made):
    write_ccd_truth(tmp_path / "a.fits", *made)
    with fits.open(tmp_path / "a.fits") as hdus:
        hdus["RAYPIX"].columns.del_col("ELECTRONS")
        hdus.writeto(tmp_path / "b.fits")
    with pytest.raises(ValueError, match=r"b\.fits: RAYPIX: expected a table with a column ELEC"):
        read_ccd_truth(tmp_path / "b.fits")

"""SDSS files, with and without names, and with everything missing that can be."""

import numpy as np
import pytest

from desinn.io.boss import BAD_PIXEL, FIBERMAP, read_spec, read_spplate, targetid_of
from desinn.spectra import Grid, normalize, rebin
from helpers.boss_file import write_spec, write_spplate

BRIGHTSKY, NODATA, BADSKYCHI = 1 << 23, 1 << 24, 1 << 27


@pytest.fixture
def spec(tmp_path):
    return tmp_path / "spec.fits"


@pytest.fixture
def spplate(tmp_path):
    return tmp_path / "spPlate.fits"


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_a_spec_file_is_read(spec, named, case):
    pixels = write_spec(spec, named=named, case=case)
    spectra = read_spec(spec)
    assert len(spectra) == 1
    assert list(spectra.cameras) == ["boss"]
    camera = spectra.cameras["boss"]
    assert np.array_equal(camera.flux[0], pixels[case("flux")])
    assert np.array_equal(camera.ivar[0], pixels[case("ivar")])
    assert camera.flux.dtype == np.float32
    assert spectra.fibermap.dtype == FIBERMAP
    assert spectra.fibermap[0].item() == (3655052400030, 3655, 55240, 30, 110.5, 40.25)
    assert spectra.targetid.tolist() == [3655052400030]
    assert spectra.header["COEFF0"] == 3.5527
    assert spectra.source == str(spec)


def test_wavelengths_are_those_meant_not_those_of_float32(spec):
    write_spec(spec)
    expected = 10 ** (3.5527 + 1e-4 * np.arange(60))
    np.testing.assert_allclose(read_spec(spec).cameras["boss"].wave, expected, rtol=1e-12)


def test_only_bits_that_say_the_data_are_wrong_mask_a_pixel(spec):
    write_spec(spec)
    mask = read_spec(spec).cameras["boss"].mask[0]
    assert np.flatnonzero(mask).tolist() == [6, 7]
    assert mask[[6, 7]].tolist() == [NODATA, BADSKYCHI]
    mask = read_spec(spec, bad=~0).cameras["boss"].mask[0]
    assert mask[[5, 6, 7]].tolist() == [BRIGHTSKY, NODATA, BRIGHTSKY | BADSKYCHI]
    assert not BAD_PIXEL & BRIGHTSKY
    assert not read_spec(spec, bad=0).cameras["boss"].mask.any()


def test_pixels_without_ivar_are_not_usable(spec):
    write_spec(spec)
    _, ivar, _ = read_spec(spec).cameras["boss"].usable()
    assert np.flatnonzero(ivar[0] == 0).tolist() == [6, 7, 8]


def test_a_spec_file_without_and_mask(spec):
    write_spec(spec, drop=["and_mask"])
    assert not read_spec(spec).cameras["boss"].mask.any()


def test_coordinates_are_those_of_the_plug_or_none(spec):
    write_spec(spec, row={"RA": None, "DEC": None, "PLUG_RA": 1.5, "PLUG_DEC": -2.5})
    assert read_spec(spec).fibermap[["TARGET_RA", "TARGET_DEC"]][0].item() == (1.5, -2.5)
    write_spec(spec, row={"RA": None, "DEC": None})
    assert np.isnan(read_spec(spec).fibermap["TARGET_RA"][0])


@pytest.mark.parametrize("column", ["flux", "loglam", "ivar"])
def test_a_missing_column_of_pixels_is_an_error(spec, column):
    write_spec(spec, drop=[column])
    with pytest.raises(ValueError, match=r"spec.fits: expected a table with LOGLAM, FLUX, IVAR"):
        read_spec(spec)


def test_a_missing_row_of_the_fibre_is_an_error(spec):
    write_spec(spec, row={"PLATE": None})
    with pytest.raises(ValueError, match=r"spec.fits: expected one row with PLATE.*, found 2$"):
        read_spec(spec)  # the table of lines, which has the columns but is not meant


def test_impossible_numbers_name_the_file(spec):
    write_spec(spec, row={"MJD": 0})
    with pytest.raises(ValueError, match=r"spec.fits: mjd: expected 50000 to 149999, found 0"):
        read_spec(spec)


def test_targetids_are_read_in_decimal_and_differ():
    assert targetid_of(3655, 55240, 30) == 3655052400030
    numbers = targetid_of(
        np.array([266, 3655, 3656, 15000])[:, None, None],
        np.array([50000, 51602, 55240, 149999])[:, None],
        np.array([0, 1, 1000, 9999]),
    )
    assert numbers.dtype == np.int64
    assert np.unique(numbers).size == 64
    assert (numbers > 0).all()
    assert numbers.max() < 9010 << 42  # the least of DESI's


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((-1, 55240, 1), "plate: expected 0 to 999999, found -1"),
        ((1, 49999, 1), "mjd: expected 50000 to 149999, found 49999"),
        ((1, 55240, [5, 10000]), "fiberid: expected 0 to 9999, found 10000"),
    ],
)
def test_numbers_that_would_collide_are_refused(numbers, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        targetid_of(*numbers)


def test_an_spplate_file_is_read(spplate):
    flux, ivar, _ = write_spplate(spplate)
    spectra = read_spplate(spplate)
    camera = spectra.cameras["boss"]
    assert np.array_equal(camera.flux, flux)
    assert np.array_equal(camera.ivar, ivar)
    np.testing.assert_allclose(camera.wave, 10 ** (3.5527 + 1e-4 * np.arange(60)), rtol=1e-14)
    assert np.argwhere(camera.mask).tolist() == [[2, 4]]
    assert np.count_nonzero(read_spplate(spplate, bad=~0).cameras["boss"].mask) == 2
    assert spectra.targetid.tolist() == [7102066660000 + number for number in (1, 2, 3, 4)]
    assert spectra.fibermap["TARGET_DEC"].tolist() == [20, 19, 18, 17]
    assert spectra.fibermap["PLATE"].tolist() == [7102] * 4


@pytest.mark.parametrize("key", ["COEFF0", "COEFF1", "PLATEID", "MJD"])
def test_a_missing_keyword_is_an_error(spplate, key):
    write_spplate(spplate, header={key: None})
    with pytest.raises(ValueError, match=rf"spPlate.fits: missing keywords .*: {key}$"):
        read_spplate(spplate)


def test_other_missing_parts_are_errors(spplate):
    write_spplate(spplate, plugmap=False)
    with pytest.raises(ValueError, match=r"spPlate.fits: expected a table with FIBERID, RA, DEC"):
        read_spplate(spplate)
    write_spplate(spplate, images=2, plugmap=False)
    with pytest.raises(ValueError, match=r"spPlate.fits: expected images of .*, found 2 HDUs$"):
        read_spplate(spplate)
    write_spplate(spplate, images=2)
    with pytest.raises(ValueError, match=r"spPlate.fits: expected an image in HDU 2, found none"):
        read_spplate(spplate)


def test_real_spec_files_have_the_layout(reference):
    paths = sorted((reference / "spectra" / "boss").glob("spec-*.fits"))
    assert len(paths) == 90
    for path in paths:
        spectra = read_spec(path)
        plate, mjd, fiberid = map(int, path.stem.split("-")[1:])
        assert spectra.targetid.tolist() == [targetid_of(plate, mjd, fiberid)]
        camera = spectra.cameras["boss"]
        np.testing.assert_allclose(np.diff(np.log10(camera.wave)), 1e-4, rtol=1e-6)
        assert normalize(*rebin(spectra.cameras, Grid.log()))[1].all()

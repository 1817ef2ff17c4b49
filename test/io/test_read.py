"""Each kind of file is known by what is in it, whatever it is called."""

import numpy as np
import pytest

from desinn.io.boss import read_spec, read_spplate
from desinn.io.desi import BAD_FIBERSTATUS, read_cframe, read_coadd
from desinn.io.read import read_spectra
from helpers.boss_file import write_spec, write_spplate
from helpers.desi_file import write_frame, write_hdus

WAVE = 3600 + 0.8 * np.arange(30)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.fits"


def write_spectra_file(path, targetid, status=None):
    rng = np.random.default_rng(8)
    columns = [("TARGETID", "i8")] + ([("FIBERSTATUS", "i4")] if status is not None else [])
    fibermap = np.zeros(len(targetid), columns)
    fibermap["TARGETID"] = targetid
    if status is not None:
        fibermap["FIBERSTATUS"] = status
    shape = (len(targetid), WAVE.size)
    hdus = {"FIBERMAP": fibermap}
    for number, camera in enumerate("BR"):
        hdus[f"{camera}_WAVELENGTH"] = WAVE + 2000 * number
        hdus[f"{camera}_FLUX"] = rng.normal(size=shape).astype("f4")
        hdus[f"{camera}_IVAR"] = np.ones(shape, "f4")
        hdus[f"{camera}_RESOLUTION"] = np.ones((shape[0], 3, shape[1]), "f4")
    write_hdus(path, hdus)
    return hdus


def assert_same(found, expected):
    assert found.targetid.tolist() == expected.targetid.tolist()
    assert list(found.cameras) == list(expected.cameras)
    for name, camera in expected.cameras.items():
        assert np.array_equal(found.cameras[name].wave, camera.wave)
        assert np.array_equal(found.cameras[name].flux, camera.flux)
        assert np.array_equal(found.cameras[name].ivar, camera.ivar)


def test_a_coadd(path):
    write_spectra_file(path, [5, 3, -9])
    assert_same(read_spectra(path), read_coadd(path))
    assert read_spectra(path).cameras["b"].resolution is None
    assert read_spectra(path, resolution=True).cameras["b"].resolution.shape == (3, 3, 30)


def test_a_spectra_file_is_coadded_by_targetid(path):
    hdus = write_spectra_file(path, [5, -9, 5, -1, -9, -1])
    spectra = read_spectra(path, resolution=True)
    assert spectra.targetid.tolist() == [5, -9, -1, -1]
    mean = hdus["B_FLUX"][[0, 2]].mean(axis=0)
    np.testing.assert_allclose(spectra.cameras["b"].flux[0], mean, atol=1e-6)
    assert np.array_equal(spectra.cameras["r"].ivar[:, 0], [2, 2, 1, 1])
    assert spectra.cameras["b"].resolution.shape == (4, 3, 30)
    assert len(read_coadd(path)) == 6


def test_bad_exposures_are_left_out_in_the_cameras_they_are_bad_in(path):
    bad_fibre, bad_amplifier_b, harmless = 1 << 9, 1 << 22, 1 << 3
    hdus = write_spectra_file(path, [5, 5, 5], [harmless, bad_fibre, bad_amplifier_b])
    spectra = read_spectra(path)
    assert np.array_equal(spectra.cameras["b"].flux[0], hdus["B_FLUX"][0])
    mean = hdus["R_FLUX"][[0, 2]].mean(axis=0)
    np.testing.assert_allclose(spectra.cameras["r"].flux[0], mean, atol=1e-6)
    assert bad_fibre & BAD_FIBERSTATUS
    assert not (harmless | bad_amplifier_b) & BAD_FIBERSTATUS


def test_a_cframe(path):
    write_frame(path, "r3")
    spectra = read_spectra(path, resolution=True)
    assert_same(spectra, read_cframe(path))
    assert list(spectra.cameras) == ["r"]
    assert spectra.cameras["r"].resolution is not None


def test_sdss_files(path):
    write_spec(path)
    assert_same(read_spectra(path), read_spec(path))
    write_spec(path, named=False, case=str.lower)
    assert_same(read_spectra(path), read_spec(path))
    write_spplate(path)
    assert_same(read_spectra(path), read_spplate(path))


def test_a_file_without_fibermap_keeps_its_rows(path):
    hdus = write_spectra_file(path, [1, 2])
    del hdus["FIBERMAP"]
    write_hdus(path, hdus)
    assert read_spectra(path).targetid.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("hdus", "found"),
    [
        ({"REDSHIFTS": np.zeros(2, [("Z", "f8")]), "TSNR2": np.zeros(3)}, "REDSHIFTS, TSNR2"),
        ({None: np.zeros((2, 3))}, "an image"),
        ({}, "nothing"),
    ],
)
def test_anything_else_is_one_error_that_says_what_was_wanted_and_found(path, hdus, found):
    write_hdus(path, hdus)
    wanted = r"expected a DESI coadd .*, a cframe .*, an SDSS spec file .* or an spPlate file .*"
    with pytest.raises(ValueError, match=rf"some.fits: {wanted}, found {found}$"):
        read_spectra(path)


def test_an_image_without_coefficients_is_no_spplate(path):
    write_spplate(path, header={"COEFF0": None})
    with pytest.raises(ValueError, match=r", found an image, an image, an image, a table$"):
        read_spectra(path)


def test_a_partial_file_is_told_what_it_lacks(path):
    hdus = write_spectra_file(path, [1, 2])
    del hdus["B_IVAR"]
    write_hdus(path, hdus)
    with pytest.raises(ValueError, match=r"some.fits: camera b: missing HDU B_IVAR$"):
        read_spectra(path)


def test_no_file_and_no_fits_file(path):
    with pytest.raises(FileNotFoundError, match=r"some.fits: there is no such file"):
        read_spectra(path)
    path.write_text("nothing of the kind")
    with pytest.raises(OSError, match=r"some.fits: not a readable FITS file"):
        read_spectra(path)


def test_real_files_of_each_kind(reference):
    mocks = read_spectra(reference / "spectra" / "spectra-16-1375.fits")
    assert list(mocks.cameras) == ["b", "r", "z"]
    assert list(read_spectra(reference / "qso" / "test_coadd.fits").cameras) == ["b", "r", "z"]
    for path in (reference / "spectra" / "boss").glob("spec-*-00*.fits"):
        assert list(read_spectra(path).cameras) == ["boss"]
    with pytest.raises(ValueError, match=r"found TRUTH, TRUTH_QSO, DLA_META$"):
        read_spectra(reference / "spectra" / "truth-16-1375.fits")

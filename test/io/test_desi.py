"""DESI files, whole and with every part missing that may be or may not be."""

import fitsio
import numpy as np
import pytest
from astropy.io import fits

from desinn.io.desi import (
    BAD_AMPLIFIER,
    BAD_FIBERSTATUS,
    TRUTH_HDU,
    read_cframe,
    read_coadd,
    read_truth,
)
from desinn.spectra import Grid, normalize, rebin
from helpers.desi_file import frame_hdus, write_frame

ROWS = 4
WAVE = {"B": 3600 + 0.8 * np.arange(50), "R": 5760 + 0.8 * np.arange(40)}


def make_hdus():
    """Return HDU name -> array of a small coadd, in DESI's order."""
    rng = np.random.default_rng(5)
    fibermap = np.zeros(ROWS, [("TARGETID", "i8"), ("OBJTYPE", "S3"), ("XY", "f4", (2,))])
    fibermap["TARGETID"] = 39633360325084288 + np.array([3, 1, 2, 0])
    fibermap["OBJTYPE"] = b"TGT"
    hdus = {"FIBERMAP": fibermap}
    for camera, wave in WAVE.items():
        shape = (ROWS, wave.size)
        hdus[f"{camera}_WAVELENGTH"] = wave
        hdus[f"{camera}_FLUX"] = rng.normal(size=shape).astype(np.float32)
        hdus[f"{camera}_IVAR"] = rng.exponential(size=shape).astype(np.float32)
        hdus[f"{camera}_MASK"] = (rng.random(shape) < 0.2).astype(np.uint32) << 31
        hdus[f"{camera}_RESOLUTION"] = rng.random((ROWS, 3, wave.size)).astype(np.float32)
    return hdus


def write(path, hdus):
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(None, header={"TILEID": 80605, "HISTORY": "written by a test"})
        for name, array in hdus.items():
            fits.write(array, extname=name)
    return path


@pytest.fixture
def coadd(tmp_path):
    return tmp_path / "coadd.fits"


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_all_of_a_coadd_is_read(tmp_path, suffix):
    hdus = make_hdus()
    path = write(tmp_path / f"coadd{suffix}", hdus)
    spectra = read_coadd(path, resolution=True)
    assert list(spectra.cameras) == ["b", "r"]
    assert spectra.targetid.tolist() == hdus["FIBERMAP"]["TARGETID"].tolist()
    assert spectra.fibermap["OBJTYPE"].tolist() == ["TGT"] * ROWS
    assert spectra.fibermap["XY"].shape == (ROWS, 2)
    assert spectra.fibermap.dtype["TARGETID"].isnative
    assert spectra.header["TILEID"] == 80605
    assert "HISTORY" not in spectra.header
    assert spectra.source == str(path)
    parts = {"wave": "WAVELENGTH", "flux": "FLUX", "ivar": "IVAR", "mask": "MASK"}
    for name, camera in spectra.cameras.items():
        for attribute, part in {**parts, "resolution": "RESOLUTION"}.items():
            array = getattr(camera, attribute)
            expected = hdus[f"{name.upper()}_{part}"]
            assert array.dtype == expected.dtype
            assert array.dtype.isnative
            assert np.array_equal(array, expected)


def test_resolution_is_read_only_when_wanted(coadd):
    spectra = read_coadd(write(coadd, make_hdus()))
    assert spectra.cameras["b"].resolution is None
    assert spectra.cameras["b"].mask is not None


def test_hdus_are_found_in_any_order_and_case(coadd):
    hdus = make_hdus()
    turned = {name.lower(): hdus[name] for name in reversed(hdus)}
    path = write(coadd, turned)
    with fitsio.FITS(str(path), "rw") as fits:
        for hdu in list(fits)[1:]:
            hdu.write_key("EXTNAME", hdu.get_extname().lower())
    spectra = read_coadd(path)
    assert list(spectra.cameras) == ["b", "r"]
    assert np.array_equal(spectra.cameras["r"].flux, hdus["R_FLUX"])
    assert spectra.targetid.tolist() == hdus["FIBERMAP"]["TARGETID"].tolist()


def test_without_fibermap_mask_and_resolution(coadd, monkeypatch):
    messages = []
    monkeypatch.setattr(
        "desinn.spectra.container.get_logger",
        lambda: type(
            "Log", (), {"warning": lambda self, text, *args: messages.append(text % args)}
        )(),
    )
    hdus = {k: v for k, v in make_hdus().items() if k.endswith(("WAVELENGTH", "FLUX", "IVAR"))}
    spectra = read_coadd(write(coadd, hdus))
    assert spectra.fibermap is None
    assert spectra.cameras["b"].mask is None
    assert spectra.targetid.tolist() == [-1] * ROWS
    assert np.array_equal(spectra.cameras["b"].flux, hdus["B_FLUX"])
    assert messages == [f"{coadd}: no fibermap, all {ROWS} TARGETIDs are -1"]


def test_a_missing_camera_is_left_out(coadd):
    hdus = {name: array for name, array in make_hdus().items() if not name.startswith("B_")}
    assert list(read_coadd(write(coadd, hdus)).cameras) == ["r"]


@pytest.mark.parametrize("part", ["WAVELENGTH", "FLUX", "IVAR"])
def test_a_partial_camera_is_an_error(coadd, part):
    hdus = make_hdus()
    del hdus[f"R_{part}"]
    with pytest.raises(ValueError, match=f"coadd.fits: camera r: missing HDU R_{part}$"):
        read_coadd(write(coadd, hdus))


def test_all_missing_hdus_are_named(coadd):
    hdus = make_hdus()
    del hdus["R_IVAR"], hdus["R_WAVELENGTH"]
    with pytest.raises(ValueError, match=r"missing HDU R_WAVELENGTH, R_IVAR$"):
        read_coadd(write(coadd, hdus))


def test_no_camera_is_an_error_that_says_what_is_there(coadd):
    hdus = {"FIBERMAP": make_hdus()["FIBERMAP"], "REDSHIFTS": np.zeros(3)}
    with pytest.raises(ValueError, match=r"like B_FLUX, found FIBERMAP, REDSHIFTS$"):
        read_coadd(write(coadd, hdus))
    with pytest.raises(ValueError, match=r"like B_FLUX, found none with a name$"):
        read_coadd(write(coadd, {}))


def test_fibermap_without_targetid_is_an_error(coadd):
    fibermap = np.zeros(ROWS, [("FIBER", "i4")])
    with pytest.raises(ValueError, match=r"coadd.fits: fibermap: .*TARGETID, found FIBER$"):
        read_coadd(write(coadd, {**make_hdus(), "FIBERMAP": fibermap}))


def test_fibermap_that_is_no_table_is_an_error(coadd):
    with pytest.raises(ValueError, match=r"coadd.fits: fibermap: expected a structured array"):
        read_coadd(write(coadd, {**make_hdus(), "FIBERMAP": np.zeros((ROWS, 2))}))


def test_fibermap_of_another_length_is_an_error(coadd):
    hdus = make_hdus()
    hdus["FIBERMAP"] = hdus["FIBERMAP"][:-1]
    with pytest.raises(ValueError, match=r"coadd.fits: camera b: expected 3 rows.*found 4"):
        read_coadd(write(coadd, hdus))


def test_two_hdus_of_one_name_are_an_error(coadd):
    path = write(coadd, make_hdus())
    with fitsio.FITS(str(path), "rw") as fits:
        fits.write(np.zeros((ROWS, 50), np.float32), extname="B_FLUX")
    with pytest.raises(ValueError, match=r"coadd.fits: expected one HDU B_FLUX, found two"):
        read_coadd(path)


def test_a_wrong_shape_names_file_and_camera(coadd):
    hdus = {**make_hdus(), "R_IVAR": np.ones((ROWS, 7), np.float32)}
    with pytest.raises(ValueError, match=r"coadd.fits: camera r: ivar: .*found \(4, 7\)"):
        read_coadd(write(coadd, hdus))


def test_a_table_in_place_of_an_image_is_an_error(coadd):
    hdus = make_hdus()
    hdus["B_FLUX"] = hdus["FIBERMAP"]
    with pytest.raises(ValueError, match="camera b: expected an image in HDU B_FLUX, found none"):
        read_coadd(write(coadd, hdus))


def test_compressed_masks_are_read(coadd):
    hdus = make_hdus()
    mask = hdus.pop("B_MASK") >> 31
    path = write(coadd, hdus)
    with fitsio.FITS(str(path), "rw") as fits:
        fits.write(mask.astype(np.int32), extname="B_MASK", compress="GZIP")
    assert np.array_equal(read_coadd(path).cameras["b"].mask, mask)


def test_zero_rows(coadd):
    hdus = make_hdus()
    images = [fits.ImageHDU(WAVE["B"], name="B_WAVELENGTH")]
    images += [fits.ImageHDU(hdus[f"B_{p}"][:0], name=f"B_{p}") for p in ("FLUX", "IVAR", "MASK")]
    table = fits.BinTableHDU(hdus["FIBERMAP"][:0], name="FIBERMAP")
    fits.HDUList([fits.PrimaryHDU(), table, *images]).writeto(coadd)
    spectra = read_coadd(coadd)
    assert len(spectra) == 0
    assert spectra.cameras["b"].flux.shape == (0, 50)


def test_missing_truncated_and_foreign_files_are_named(coadd):
    with pytest.raises(FileNotFoundError, match=r"coadd.fits: there is no such file$"):
        read_coadd(coadd)
    write(coadd, make_hdus())
    coadd.write_bytes(coadd.read_bytes()[:-4000])
    with pytest.raises(OSError, match=r"coadd.fits: truncated or damaged"):
        read_coadd(coadd)
    coadd.write_text("no FITS file")
    with pytest.raises(OSError, match=r"coadd.fits: not a readable FITS file"):
        read_coadd(coadd)


def test_preprocessing_of_real_spectra_is_the_published(reference):
    spectra = read_coadd(reference / "qso" / "test_coadd.fits")
    x, valid = normalize(*rebin(spectra.cameras, Grid.log()))
    expected = np.load(reference / "qso" / "coadd_x.npy")
    assert np.flatnonzero(~valid).tolist() == [11]
    assert np.abs(x[valid] - expected).max() < 1e-5


def test_a_mock_file_with_everything(reference):
    spectra = read_coadd(reference / "spectra" / "spectra-16-1375.fits", resolution=True)
    assert list(spectra.cameras) == ["b", "r", "z"]
    assert (spectra.targetid > 0).all()
    for camera in spectra.cameras.values():
        assert camera.mask.shape == camera.flux.shape
        assert camera.resolution.shape[::2] == camera.flux.shape


def test_a_cframe_is_one_camera(tmp_path):
    path = tmp_path / "cframe.fits"
    hdus = write_frame(path, "b0")
    spectra = read_cframe(path, resolution=True)
    camera = spectra.cameras["b"]
    parts = {"wave": "WAVELENGTH", "flux": "FLUX", "ivar": "IVAR", "resolution": "RESOLUTION"}
    for attribute, part in parts.items():
        assert np.array_equal(getattr(camera, attribute), hdus[part])
    assert np.array_equal(camera.mask, hdus["MASK"])
    assert np.array_equal(spectra.fibermap["FIBER"], hdus["FIBERMAP"]["FIBER"])
    assert spectra.header["EXPID"] == 12345
    assert read_cframe(str(path)).cameras["b"].resolution is None


def test_cframes_of_one_exposure_are_joined(tmp_path):
    paths = [tmp_path / f"{camera}.fits" for camera in ("z3", "b3", "r3")]
    hdus = {path.stem[0]: write_frame(path, path.stem, SEEING=path.stem) for path in paths}
    spectra = read_cframe(paths)
    assert list(spectra.cameras) == ["b", "r", "z"]
    for name, camera in spectra.cameras.items():
        assert np.array_equal(camera.flux, hdus[name]["FLUX"])
    assert spectra.header["EXPID"] == 12345
    assert not {"CAMERA", "SEEING"} & set(spectra.header)
    assert spectra.source == str(paths[0])


def test_cframes_are_matched_by_targetid(tmp_path):
    blue, red = tmp_path / "b.fits", tmp_path / "r.fits"
    write_frame(blue, "b0")
    hdus = frame_hdus("r0")
    order = [2, 0, 3, 1]
    write_frame(red, "r0", {name: a if a.ndim == 1 and name == "WAVELENGTH" else a[order]
                            for name, a in hdus.items()})  # fmt: skip
    spectra = read_cframe([blue, red])
    assert spectra.targetid.tolist() == [100, 101, 102, 103]
    assert np.array_equal(spectra.cameras["r"].flux, hdus["FLUX"])


def test_cframes_without_fibermap_are_matched_by_their_rows(tmp_path):
    paths = []
    for camera in ("b0", "r0"):
        paths.append(tmp_path / f"{camera}.fits")
        hdus = frame_hdus(camera)
        del hdus["FIBERMAP"]
        write_frame(paths[-1], camera, hdus)
    spectra = read_cframe(paths)
    assert spectra.targetid.tolist() == [-1] * 4
    assert list(spectra.cameras) == ["b", "r"]


@pytest.mark.parametrize(
    ("camera", "header", "message"),
    [
        ("r1", {}, r"expected exposure 12345, spectrograph 0 as in .*b.fits, found .* 1$"),
        ("r0", {"EXPID": 7}, r"expected exposure 12345, .*, found exposure 7, spectrograph 0$"),
        ("b0", {}, r"expected another camera than those before, found b again$"),
        ("r0", {"CAMERA": None}, r"expected HDUs FLUX.* and a keyword CAMERA.*CAMERA missing$"),
    ],
)
def test_cframes_that_do_not_belong_together(tmp_path, camera, header, message):
    blue, other = tmp_path / "b.fits", tmp_path / "other.fits"
    write_frame(blue, "b0")
    write_frame(other, camera, **header)
    with pytest.raises(ValueError, match=rf"other.fits: {message}"):
        read_cframe([blue, other])


@pytest.mark.parametrize(("rows", "first"), [(3, 100), (4, 101)])
def test_cframes_of_other_targets(tmp_path, rows, first):
    blue, red = tmp_path / "b.fits", tmp_path / "r.fits"
    write_frame(blue, "b0")
    write_frame(red, "r0", frame_hdus("r0", rows=rows, first=first))
    with pytest.raises(ValueError, match=r"r.fits: expected the TARGETIDs of .*b.fits"):
        read_cframe([blue, red])


def test_a_cframe_without_flux_or_no_cframe_at_all(tmp_path, coadd):
    hdus = frame_hdus("b0")
    del hdus["WAVELENGTH"]
    write_frame(tmp_path / "b.fits", "b0", hdus)
    with pytest.raises(ValueError, match=r"b.fits: expected HDUs FLUX.*, found FLUX, IVAR, MASK"):
        read_cframe(tmp_path / "b.fits")
    with pytest.raises(ValueError, match=r"coadd.fits: expected HDUs FLUX.*CAMERA missing$"):
        read_cframe(write(coadd, make_hdus()))
    with pytest.raises(ValueError, match=r"^paths: expected at least one cframe file, found none"):
        read_cframe([])


def test_truth_is_read_from_our_files_and_from_desis_mocks(coadd):
    truth = np.zeros(ROWS, [("TARGETID", "i8"), ("TRUEZ", "f8"), ("TRUESPECTYPE", "S8")])
    truth["TRUEZ"], truth["TRUESPECTYPE"] = [0.5, 1.5, 2.5, 3.5], b"QSO"
    for name in (TRUTH_HDU, "TRUTH"):
        found = read_truth(write(coadd, {**make_hdus(), name: truth}))
        assert found["TRUEZ"].tolist() == [0.5, 1.5, 2.5, 3.5]
        assert found["TRUESPECTYPE"].tolist() == ["QSO"] * ROWS
        assert found.dtype["TRUEZ"].isnative


def test_where_there_is_no_truth(coadd):
    assert read_truth(write(coadd, make_hdus())) is None
    other = np.zeros(ROWS, [("TARGETID", "i8"), ("Z", "f8")])  # somebody's redshifts
    assert read_truth(write(coadd, {**make_hdus(), TRUTH_HDU: other})) is None
    assert read_truth(write(coadd, {TRUTH_HDU: np.zeros((2, 2))})) is None
    coadd.unlink()
    with pytest.raises(FileNotFoundError, match=r"coadd.fits: there is no such file"):
        read_truth(coadd)


def test_truth_of_real_mocks(reference):
    truth = read_truth(reference / "spectra" / "truth-16-1375.fits")
    assert (truth["TRUEZ"] > 1.8).all()


def test_bits_are_those_of_desispec():
    masks = pytest.importorskip("desispec.fiberbitmasking")
    for camera, bit in BAD_AMPLIFIER.items():
        assert masks.get_all_fiberbitmask_with_amp(camera) == BAD_FIBERSTATUS | bit

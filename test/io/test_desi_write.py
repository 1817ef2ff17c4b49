"""What is written is a coadd to us and to DESI's programs, whole or not at all."""

import importlib.util
import os

import fitsio
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from desinn.io.desi import TRUTH_HDU, read_coadd, read_truth
from desinn.io.desi_tables import coadd_tables
from desinn.io.desi_write import write_coadd
from desinn.io.read import read_spectra
from desinn.spectra import Camera, Spectra

ROWS = 6
IDS = 7000 + np.arange(ROWS)
PARTS = ("WAVELENGTH", "FLUX", "IVAR", "MASK", "RESOLUTION")


def make_spectra(rows=ROWS, kind="f4", mask="u4", resolution=True, **kwargs):
    rng = np.random.default_rng(2)
    cameras = {}
    for name, start in {"b": 3600, "r": 5760, "z": 7520}.items():
        shape = (rows, 50)
        cameras[name] = Camera(
            start + 0.8 * np.arange(50),
            rng.normal(size=shape).astype(kind),
            rng.exponential(size=shape).astype(kind),
            (rng.random(shape) < 0.2).astype(mask) if mask else None,
            rng.random((rows, 11, 50)).astype(kind) if resolution else None,
        )
    return Spectra(kwargs.pop("targetid", IDS[:rows]), cameras, **kwargs)


def make_truth(rows=ROWS):
    truth = np.zeros(rows, [("TARGETID", "i8"), ("TRUESPECTYPE", "U8"), ("TRUEZ", "f8")])
    truth["TARGETID"], truth["TRUESPECTYPE"] = IDS[:rows], "GALAXY"
    truth["TRUEZ"] = np.linspace(0.5, 3, rows)
    return truth


def full(objtype="TGT"):
    """Return spectra and tables with all that DESI has."""
    tables = coadd_tables(IDS, objtype)
    spectra = make_spectra(fibermap=tables.pop("FIBERMAP"), header={"TILEID": 5, "NONE": None})
    return spectra, {**tables, TRUTH_HDU: make_truth()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "coadd.fits"


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_what_was_written_is_read(tmp_path, suffix):
    path = tmp_path / f"coadd{suffix}"
    spectra, tables = full()
    write_coadd(path, spectra, tables)
    found = read_coadd(path, resolution=True)
    assert found.targetid.tolist() == IDS.tolist()
    assert found.header["TILEID"] == 5
    assert found.fibermap.dtype == spectra.fibermap.dtype
    assert np.array_equal(found.fibermap, spectra.fibermap)
    for name, camera in spectra.cameras.items():
        for part in ("wave", "flux", "ivar", "mask", "resolution"):
            assert np.array_equal(getattr(found.cameras[name], part), getattr(camera, part))
    truth = read_truth(path)
    assert truth["TRUEZ"].tolist() == make_truth()["TRUEZ"].tolist()
    assert truth["TRUESPECTYPE"].tolist() == ["GALAXY"] * ROWS
    assert read_spectra(path).targetid.tolist() == IDS.tolist()


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_the_layout_is_desis(tmp_path, suffix):
    path = tmp_path / f"coadd{suffix}"
    spectra, tables = full()
    write_coadd(path, spectra, {**tables, "notes": make_truth()})
    with fits.open(path, checksum=True) as hdus:  # a wrong sum would warn, which is an error
        names = [f"{camera}_{part}" for camera in "BRZ" for part in PARTS]
        expected = ["PRIMARY", "FIBERMAP", "EXP_FIBERMAP", *names, "SCORES", TRUTH_HDU, "NOTES"]
        assert [hdu.name for hdu in hdus] == expected
        assert hdus["B_WAVELENGTH"].header["BUNIT"] == "Angstrom"
        assert hdus["R_FLUX"].header["BUNIT"] == "10**-17 erg/(s cm2 Angstrom)"
        assert hdus["Z_IVAR"].header["BUNIT"] == "10**+34 (s2 cm4 Angstrom2) / erg2"
        bits = {part: hdus[f"B_{part}"].header["BITPIX"] for part in PARTS}
        assert bits == {
            "WAVELENGTH": -64, "FLUX": -32, "IVAR": -32, "MASK": 32, "RESOLUTION": -32
        }  # fmt: skip
        assert all(hdu.header["CHECKSUM"] != "0" * 16 for hdu in hdus)
        assert "desinn" in hdus[0].header["DEPNAM*"].values()


def test_double_precision_is_written_as_single(path):
    spectra = make_spectra(kind="f8", mask="u8", targetid=IDS)
    write_coadd(path, spectra)
    camera = read_coadd(path, resolution=True).cameras["b"]
    assert camera.flux.dtype == camera.ivar.dtype == camera.resolution.dtype == np.float32
    assert camera.wave.dtype == np.float64
    np.testing.assert_allclose(camera.flux, spectra.cameras["b"].flux, rtol=1e-7)


def test_the_highest_bit_of_a_mask_survives(path):
    spectra = make_spectra()
    spectra.cameras["z"].mask[2, 3] = 1 << 31
    write_coadd(path, spectra)
    assert read_coadd(path).cameras["z"].mask[2, 3] == 1 << 31


def test_a_mask_of_more_than_32_bits_is_refused(path):
    spectra = make_spectra(mask="u8")
    spectra.cameras["r"].mask[0, 0] = 1 << 32
    with pytest.raises(ValueError, match=r"coadd.fits: camera r: mask: expected 32 bits"):
        write_coadd(path, spectra)
    assert not os.listdir(path.parent)


def test_the_least_that_spectra_have(path):
    write_coadd(path, make_spectra(mask=None, resolution=False))
    found = read_coadd(path, resolution=True)
    assert found.fibermap.dtype.names == ("TARGETID",)
    assert found.targetid.tolist() == IDS.tolist()
    assert found.cameras["b"].mask is None
    assert found.cameras["b"].resolution is None


def test_no_rows(path):
    tables = coadd_tables([])
    spectra = make_spectra(rows=0, targetid=[], fibermap=tables.pop("FIBERMAP"))
    write_coadd(path, spectra, tables)
    found = read_coadd(path)
    assert len(found) == 0
    assert found.cameras["b"].flux.shape == (0, 50)


def test_tables_may_be_astropys(path):
    write_coadd(path, make_spectra(), {TRUTH_HDU: Table(make_truth())})
    assert read_truth(path)["TRUEZ"].tolist() == make_truth()["TRUEZ"].tolist()


@pytest.mark.parametrize("name", [TRUTH_HDU, "SCORES", "FIBERMAP"])
def test_tables_must_have_the_rows_of_the_spectra(path, name):
    turned = make_truth()[::-1]
    with pytest.raises(ValueError, match=rf"coadd.fits: {name}: expected the TARGETIDs"):
        write_coadd(path, make_spectra(), {name: turned})
    with pytest.raises(ValueError, match=rf"coadd.fits: {name}: expected the TARGETIDs"):
        write_coadd(path, make_spectra(), {name: np.zeros(ROWS, [("Z", "f4")])})


def test_a_name_that_would_break_desispec_is_refused(path):
    with pytest.raises(ValueError, match=r"coadd.fits: QSO_TRUTH: expected a name without under"):
        write_coadd(path, make_spectra(), {"qso_truth": make_truth()})
    assert not os.listdir(path.parent)


def test_what_cannot_be_stored_names_the_table(path):
    table = np.zeros(ROWS, [("A", "O")])
    with pytest.raises(ValueError, match=r"coadd.fits: NOTES: column A: expected numbers"):
        write_coadd(path, make_spectra(), {"NOTES": table})


def test_files_are_replaced_only_when_asked(path):
    write_coadd(path, make_spectra())
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"coadd.fits: exists already"):
        write_coadd(path, make_spectra())
    assert path.read_bytes() == before
    write_coadd(path, make_spectra(mask=None), overwrite=True)
    assert read_coadd(path).cameras["b"].mask is None


def test_a_failure_leaves_nothing(path, monkeypatch):
    def broken(*args):
        raise OSError("disk full")

    monkeypatch.setattr("desinn.io.desi_write.fill_checksums", broken)
    with pytest.raises(OSError, match="disk full"):
        write_coadd(path, make_spectra())
    assert not os.listdir(path.parent)


def test_what_was_read_can_be_written(path, tmp_path):
    spectra, tables = full()
    write_coadd(path, spectra, tables)
    again = tmp_path / "again.fits"
    write_coadd(again, read_coadd(path, resolution=True), tables)
    with fitsio.FITS(str(path)) as one, fitsio.FITS(str(again)) as two:
        for first, second in zip(one[1:], two[1:], strict=True):
            assert first.get_extname() == second.get_extname()
            assert np.array_equal(first.read(), second.read())


def test_desispec_reads_it_with_the_truth(path):
    io = pytest.importorskip("desispec.io")
    spectra, tables = full(["TGT"] * (ROWS - 1) + ["SKY"])
    write_coadd(path, spectra, tables)
    found = io.read_spectra(str(path))
    assert found.bands == ["b", "r", "z"]
    assert np.array_equal(found.flux["b"], spectra.cameras["b"].flux)
    assert np.array_equal(found.mask["z"], spectra.cameras["z"].mask)
    assert found.exp_fibermap is not None
    assert found.scores is not None
    assert np.array_equal(found.extra_catalog["TRUEZ"], make_truth()["TRUEZ"])
    some = io.read_spectra(str(path), targetids=IDS[[4, 1]])
    assert np.array_equal(some.extra_catalog["TARGETID"], IDS[[4, 1]])
    ours = Spectra.from_desispec(found)
    assert ours.targetid.tolist() == IDS.tolist()


@pytest.mark.skipif(not importlib.util.find_spec("redrock"), reason="redrock is not installed")
def test_redrock_reads_it(path):
    from redrock.external.desi import DistTargetsDESI

    spectra, tables = full()
    write_coadd(path, spectra, tables)
    targets = DistTargetsDESI([str(path)], cosmics_nsig=0)
    assert list(targets.all_target_ids) == IDS.tolist()
    assert len(targets.local()[0].spectra) == 3
    assert targets.fibermap["COADD_NUMEXP"].tolist() == [1] * ROWS
    assert "TSNR2_LRG" in targets.tsnr2.colnames

"""Psf files: traces and parameters as they stand there, and errors that name the file."""

import numpy as np
import pytest

from desinn.io.psf import NEEDED, read_psf

FIBERS, TERMS = 3, 4


@pytest.fixture
def parts():
    """What `write` puts into a file."""
    names = [*NEEDED, "GH-0-0", "GH-1-2"]
    coefficients = np.arange(len(names) * FIBERS * TERMS, dtype=float)
    return {
        "x": 1.0 + np.arange(FIBERS * 5.0).reshape(FIBERS, 5),
        "y": 2.0 + np.arange(FIBERS * 6.0).reshape(FIBERS, 6),
        "traces": {"WAVEMIN": 5500.0, "WAVEMAX": 7800.0},
        "header": {
            "PSFTYPE": "GAUSS-HERMITE",
            "CAMERA": "R3",
            "NPIX_X": 40,
            "NPIX_Y": 60,
            "WAVEMIN": 5501.0,
            "WAVEMAX": 7801.0,
        },
        "params": names,
        "coefficients": 1 + coefficients.reshape(len(names), FIBERS, TERMS),
        "degrees": [0 if name == "GH-0-0" else TERMS - 1 for name in names],
        "extra": ["XTRACE", "YTRACE"],
    }


@pytest.fixture
def write(tmp_path, parts):
    def write():
        import fitsio

        path = tmp_path / "psf-r3.fits"
        table = np.zeros(
            len(parts["params"]),
            [
                ("PARAM", "S8"),
                ("COEFF", "f8", parts["coefficients"].shape[1:]),
                ("LEGDEGX", "i4"),
                ("LEGDEGW", "i4"),
            ],
        )
        table["PARAM"] = parts["params"]
        table["COEFF"] = parts["coefficients"][: len(table)]
        table["LEGDEGW"] = parts["degrees"][: len(table)]
        with fitsio.FITS(path, "rw", clobber=True) as fits:
            for name, what in zip(parts["extra"], "xy", strict=False):
                fits.write(parts[what], extname=name, header=parts["traces"])
            fits.write(table, extname="PSF", header=parts["header"])
        return path

    return write


def test_what_is_written_is_read(write, parts):
    psf = read_psf(write())
    assert psf["camera"] == "r3"
    assert psf["shape"] == (60, 40)
    assert psf["trace_range"] == (5500.0, 7800.0)
    assert psf["range"] == (5501.0, 7801.0)
    np.testing.assert_array_equal(psf["x"], parts["x"])
    np.testing.assert_array_equal(psf["y"], parts["y"])
    np.testing.assert_array_equal(psf["params"]["GH-1-2"], parts["coefficients"][-1])


def test_leftovers_beyond_the_degree_are_dropped(write, parts):
    found = read_psf(write())["params"]["GH-0-0"]
    np.testing.assert_array_equal(found[:, 0], parts["coefficients"][-2][:, 0])
    assert not found[:, 1:].any()


def test_a_missing_hdu_is_named(write, parts):
    parts["extra"] = ["XTRACE"]
    with pytest.raises(ValueError, match=r"psf-r3\.fits: missing HDU YTRACE"):
        read_psf(write())


def test_a_missing_parameter_is_named(write, parts):
    parts["params"] = parts["params"][1:]
    with pytest.raises(ValueError, match=r"missing PARAM GHSIGX"):
        read_psf(write())


@pytest.mark.parametrize("where", ["header", "traces"])
def test_a_missing_keyword_is_named(write, parts, where):
    del parts[where]["WAVEMAX"]
    with pytest.raises(ValueError, match="expected keyword WAVEMAX"):
        read_psf(write())


def test_a_keyword_without_a_number_is_named(write, parts):
    parts["header"]["NPIX_X"] = "many"
    with pytest.raises(ValueError, match=r"psf-r3\.fits: expected keyword NPIX_X with a number"):
        read_psf(write())


def test_wavelengths_that_do_not_rise_are_refused(write, parts):
    parts["traces"]["WAVEMAX"] = 10.0
    with pytest.raises(ValueError, match="expected WAVEMIN < WAVEMAX, found 5500, 10"):
        read_psf(write())


def test_another_type_is_refused(write, parts):
    parts["header"]["PSFTYPE"] = "PIXELS"
    with pytest.raises(ValueError, match="expected GAUSS-HERMITE, found PIXELS"):
        read_psf(write())


def test_other_numbers_of_fibres_are_refused(write, parts):
    parts["y"] = parts["y"][:2]
    with pytest.raises(ValueError, match="YTRACE: expected 3 fibres as in XTRACE, found 2"):
        read_psf(write())
    parts["x"] = parts["x"][:2]
    with pytest.raises(ValueError, match=r"GHSIGX: expected \(2, K\) coefficients"):
        read_psf(write())


def test_traces_of_one_dimension_are_refused(write, parts):
    parts["x"] = parts["x"][0]
    with pytest.raises(ValueError, match="XTRACE: expected 2 dimensions, found 1"):
        read_psf(write())


def test_a_file_without_the_table_is_refused(tmp_path, parts):
    import fitsio

    path = tmp_path / "traces.fits"
    with fitsio.FITS(path, "rw") as fits:
        for name, what in (("XTRACE", "x"), ("YTRACE", "y")):
            fits.write(parts[what], extname=name, header=parts["traces"])
    with pytest.raises(ValueError, match=r"traces\.fits: expected a table with columns PARAM"):
        read_psf(path)


def test_a_real_file(reference):
    psf = read_psf(reference / "ccd" / "psf-r0-00051060.fits")
    assert psf["camera"] == "r0"
    assert psf["shape"] == (4128, 4114)
    assert psf["x"].shape == psf["y"].shape == (500, 7)
    np.testing.assert_array_equal(psf["params"]["GH-0-0"], np.eye(1, 4) * np.ones((500, 1)))

"""Absorbers in files, true and found."""

import fitsio
import numpy as np
import pytest

from desinn.io.absorbers import (
    FOUND_ABSORBER,
    SEARCHED,
    TRUE_ABSORBER,
    read_absorbers,
    read_dla_catalog,
    read_known_targets,
    read_threshold,
)
from helpers.absorbers import found_of, lines_of, true_of, write_dlacat, write_truth

TRUTH = true_of((7, 4000, 20.5), (7, 4300, 17.2), (8, 4100, 21.0))
FOUND = found_of((8, 4101, 21.1, 0.9), (7, 4000, 20.1, 0.8), (7, 4500, 20.9, 0.1))
LINES = lines_of((7, 2.5), (8, 0.5), (9, -1, 32))


def test_simulated_absorbers(tmp_path):
    rows = read_absorbers([write_truth(tmp_path / "a.fits", TRUTH)])
    assert rows.dtype == TRUE_ABSORBER
    np.testing.assert_array_equal(rows, TRUTH)


def test_many_files_one_after_the_other(tmp_path):
    other = true_of((9, 4000, 20.5))
    paths = [write_truth(tmp_path / "b.fits", other), write_truth(tmp_path / "a.fits", TRUTH)]
    assert read_absorbers(paths)["TARGETID"].tolist() == [9, 7, 7, 8]
    assert len(read_absorbers([])) == 0


def test_no_absorber_is_no_error(tmp_path):
    assert len(read_absorbers([write_truth(tmp_path / "a.fits", TRUTH[:0])])) == 0


def test_names_in_numbers_and_none_at_all(tmp_path):
    """As quickquasars has them; the order of the columns is another, and their case."""
    columns = {"nhi": TRUTH["NHI"].astype("f4"), "DLAID": np.array([70, 71, 80]),
               "TARGETID": TRUTH["TARGETID"], "Z_DLA": TRUTH["Z_DLA"]}  # fmt: skip
    for names, expected in (
        (list(columns), ["70", "71", "80"]),
        (["nhi", "TARGETID", "Z_DLA"], [""] * 3),
    ):
        with fitsio.FITS(str(tmp_path / "q.fits"), "rw", clobber=True) as fits:
            fits.write([columns[n] for n in names], names=names, extname="DLA_META")
        rows = read_absorbers([tmp_path / "q.fits"])
        assert rows["DLAID"].tolist() == expected
        assert rows["NHI"] == pytest.approx(TRUTH["NHI"], abs=1e-5)


def test_what_is_no_truth_is_named(tmp_path):
    path = write_dlacat(tmp_path / "c.fits", FOUND, LINES)
    with pytest.raises(
        ValueError, match=r"c\.fits: expected a table DLA_META, found DLACAT, CAND"
    ):
        read_absorbers([path])
    with fitsio.FITS(str(tmp_path / "d.fits"), "rw") as fits:
        fits.write({"Z": TRUTH["Z_DLA"], "TARGETID": TRUTH["TARGETID"]}, extname="DLA_META")
    with pytest.raises(ValueError, match=r"DLA_META: expected a column Z_DLA, found Z, TARGETID"):
        read_absorbers([tmp_path / "d.fits"])
    with fitsio.FITS(str(tmp_path / "e.fits"), "rw") as fits:
        for _ in range(2):
            fits.write({"TARGETID": TRUTH["TARGETID"]}, extname="DLA_META")
    with pytest.raises(ValueError, match=r"e\.fits: expected one HDU DLA_META, found two"):
        read_absorbers([tmp_path / "e.fits"])
    with pytest.raises(FileNotFoundError, match=r"none\.fits"):
        read_absorbers([tmp_path / "none.fits"])


@pytest.mark.parametrize(
    ("name", "value"), [("Z_DLA", np.nan), ("Z_DLA", -1.5), ("NHI", 3e20), ("NHI", np.nan)]
)
def test_what_is_no_absorber_is_named(name, value, tmp_path):
    truth = TRUTH.copy()
    truth[name][1] = value
    with pytest.raises(ValueError, match=r"a\.fits: DLA_META: row 1: expected Z_DLA above -1"):
        read_absorbers([write_truth(tmp_path / "a.fits", truth)])


def test_quasars_of_two_files_must_differ(tmp_path):
    paths = [write_truth(tmp_path / f"{name}.fits", TRUTH) for name in "ab"]
    with pytest.raises(ValueError, match=r"b\.fits: .*found TARGETID 7 in .*a\.fits, too"):
        read_absorbers(paths)


def test_quasars_that_are_known(tmp_path):
    known = write_truth(tmp_path / "a.fits", TRUTH, [9, 7, 8])
    more = write_truth(tmp_path / "b.fits", TRUTH[:0], [3])
    bare = write_truth(tmp_path / "c.fits", true_of((5, 4000, 20.0)))
    assert read_known_targets([known, more]).tolist() == [3, 7, 8, 9]
    assert read_known_targets([known, bare]) is None
    assert read_known_targets([]) is None
    path = str(tmp_path / "d.fits")
    fitsio.write(path, {"TARGETID": np.array(["7a"])}, extname="FIBERMAP")
    with pytest.raises(ValueError, match=r"d\.fits: column TARGETID: expected integers"):
        read_known_targets([path])


def test_a_catalogue(tmp_path):
    found, lines = read_dla_catalog(write_dlacat(tmp_path / "c.fits", FOUND, LINES))
    assert (found.dtype, lines.dtype) == (FOUND_ABSORBER, SEARCHED)
    np.testing.assert_array_equal(found, FOUND)
    np.testing.assert_array_equal(lines, LINES)
    assert found["IN_CATALOG"].tolist() == [True, False, False]


def test_an_empty_catalogue(tmp_path):
    found, lines = read_dla_catalog(write_dlacat(tmp_path / "c.fits", FOUND[:0], LINES))
    assert (len(found), len(lines)) == (0, 3)


def test_what_a_catalogue_lacks_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"a\.fits: expected a table DLACAT, found DLA_META"):
        read_dla_catalog(write_truth(tmp_path / "a.fits", TRUTH))
    path = str(tmp_path / "c.fits")
    with fitsio.FITS(path, "rw") as fits:
        fits.write({"TARGETID": FOUND["TARGETID"], "Z_DLA": FOUND["Z_DLA"]}, extname="DLACAT")
    with pytest.raises(ValueError, match=r"c\.fits: DLACAT: expected a column RA, found TARGETID"):
        read_dla_catalog(path)


def test_the_threshold_of_a_catalogue(tmp_path):
    stated = write_dlacat(tmp_path / "c.fits", FOUND, LINES, {"MIN_CONF": 0.25})
    assert read_threshold(stated) == 0.25
    assert read_threshold(write_dlacat(tmp_path / "d.fits", FOUND, LINES)) is None
    words = write_dlacat(tmp_path / "e.fits", FOUND, LINES, {"MIN_CONF": "high"})
    with pytest.raises(ValueError, match=r"e\.fits: expected keyword MIN_CONF with a number"):
        read_threshold(words)

"""Catalogues with missing, renamed or strange columns: one line that names them, or the same."""

import os

import numpy as np
import pytest

from desinn.io.absorbers import read_dla_catalog
from desinn.scripts.desinn import main, parse
from helpers import absorbers, damage, input_files
from helpers.input_files import REDSHIFTS, TARGETS, write_catalogue, write_hdus, write_redrock
from helpers.input_programs import argv, assert_same, rows_of, run, run_main

TEXT = np.full(6, "QSO", "S6")


def _changed(write, change):
    def write_changed(path):
        write(path)
        path.write_bytes(change(path.read_bytes()))

    return write_changed


def _catalogue(**columns):
    return lambda path: write_catalogue(path, **columns)


def _redrock(**columns):
    return lambda path: write_redrock(path, **columns)


# The option that takes it, what writes it, and what has to be said of it.
FAULTS = {
    "no-targetid": ("-q", _catalogue(TARGETID=None), "HDU QSO_CAT: missing TARGETID, found DEC, "),
    "no-z": ("-q", _catalogue(Z=None), "HDU QSO_CAT: missing Z (or Z_QN), found DEC, RA, TARGET"),
    "renamed": (
        "-q",
        _catalogue(TARGETID=None, TARGET_ID=TARGETS),
        "HDU QSO_CAT: missing TARGETID, found DEC, RA, TARGET_ID, Z",
    ),
    "no-fiberid": (
        "-q",
        _catalogue(TARGETID=None, PLATE=TARGETS, MJD=TARGETS),
        "HDU QSO_CAT: missing TARGETID",
    ),
    "targetid-of-floats": (
        "-q",
        _catalogue(TARGETID=TARGETS.astype("f8")),
        "column TARGETID: expected integers, found dtype ",
    ),
    "targetid-of-text": (
        "-q",
        _catalogue(TARGETID=TEXT),
        "column TARGETID: expected integers, found dtype ",
    ),
    "z-of-text": ("-q", _catalogue(Z=TEXT), "column Z: expected numbers, found dtype "),
    "ra-of-text": ("-q", _catalogue(RA=TEXT), "column RA: expected numbers, found dtype "),
    "pixel-of-floats": (
        "-q",
        _catalogue(HPXPIXEL=REDSHIFTS),
        "column HPXPIXEL: expected integers, found dtype ",
    ),
    "plate-of-text": (
        "-q",
        _catalogue(TARGETID=None, PLATE=TEXT, MJD=TARGETS + 55000, FIBERID=TARGETS),
        "plate: expected integers, found dtype ",
    ),
    "mjd-too-small": (
        "-q",
        _catalogue(TARGETID=None, PLATE=TARGETS, MJD=TARGETS, FIBERID=TARGETS),
        "mjd: expected 50000 to 149999, found 100",
    ),
    "troughs-differ": (
        "-q",
        _catalogue(VMIN_CIV_450=np.zeros((6, 2)), VMAX_CIV_450=np.zeros((6, 3))),
        "expected as many of VMIN_CIV_450 as of VMAX_CIV_450, found 2 and 3",
    ),
    "an-image": (
        "-q",
        lambda path: write_hdus(path, {"QSO_CAT": np.zeros((6, 4))}),
        "expected a table with TARGETID and Z, found no table",
    ),
    "a-coadd": (
        "-q",
        input_files.write_coadd,
        "expected a table with TARGETID and Z, found FIBERMAP (FIBERSTATUS, TARGETID, TARGET_RA)",
    ),
    "cut-off": (
        "-q",
        _changed(write_catalogue, lambda content: content[:-2000]),
        "truncated or damaged: expected ",
    ),
    "a-million-rows": (
        "-q",
        _changed(write_catalogue, lambda c: damage.with_cards(c, "QSO_CAT", {"NAXIS2": 10**6})),
        "truncated or damaged: expected ",
    ),
    "renamed-hdu": (
        "--redrock",
        _changed(write_redrock, lambda c: damage.renamed(c, {"REDSHIFTS": "ZALL"})),
        "expected HDU REDSHIFTS, found ZALL, FIBERMAP",
    ),
    "swapped-hdus": (
        "--redrock",
        _changed(
            write_redrock,
            lambda c: damage.renamed(c, {"REDSHIFTS": "FIBERMAP", "FIBERMAP": "REDSHIFTS"}),
        ),
        "HDU REDSHIFTS: missing Z, SPECTYPE",
    ),
    "no-spectype": ("--redrock", _redrock(SPECTYPE=None), "HDU REDSHIFTS: missing SPECTYPE"),
    "renamed-z": (
        "--redrock",
        _redrock(Z=None, REDSHIFT=REDSHIFTS),
        "HDU REDSHIFTS: missing Z",
    ),
    "spectype-of-numbers": (
        "--redrock",
        _redrock(SPECTYPE=TARGETS),
        "column SPECTYPE: expected text, found dtype ",
    ),
    "redrock-z-of-text": (
        "--redrock",
        _redrock(Z=TEXT),
        "column Z: expected numbers, found dtype ",
    ),
    "redrock-of-an-image": (
        "--redrock",
        lambda path: write_hdus(path, {"REDSHIFTS": np.zeros((6, 4))}),
        "expected a table in HDU REDSHIFTS, found an image",
    ),
    "fibermap-of-an-image": (
        "--redrock",
        lambda path: write_hdus(
            path,
            {
                "REDSHIFTS": input_files.redrock_rows(),
                "FIBERMAP": np.zeros((6, 4)),
            },
        ),
        "expected a table in HDU FIBERMAP, found an image",
    ),
}


@pytest.fixture
def search(made, tmp_path):
    """Return a function that searches six quasars of one catalogue or another."""
    infile = tmp_path / "coadd.fits"
    input_files.write_coadd(infile, fine=5)

    def search_with(*catalogue):
        out = tmp_path / f"out-{len(os.listdir(tmp_path))}"
        out.mkdir()
        options = argv("dla", made, [infile], out, list(map(str, catalogue)))
        return run("dla", options), out

    return search_with


@pytest.mark.parametrize("fault", FAULTS)
def test_a_strange_catalogue_is_one_line(fault, search, tmp_path):
    option, write, text = FAULTS[fault]
    path = tmp_path / "cat.fits"
    write(path)
    ended, out = search(option, path)
    assert (ended.status, len(ended.errors)) == (1, 1)
    assert ended.errors[0].startswith(f"{path}: ")
    assert text in ended.errors[0]
    assert "\n" not in ended.errors[0]
    assert os.listdir(out) == []


@pytest.mark.parametrize("option", ["-q", "--redrock"])
def test_one_strange_catalogue_among_several_is_named(option, search, tmp_path):
    """Which quasars were lost nobody would know: nothing is done."""
    good, bad = tmp_path / "good.fits", tmp_path / "bad.fits"
    {"-q": write_catalogue, "--redrock": write_redrock}[option](good)
    bad.write_bytes(good.read_bytes()[:4000])
    ended, out = search(option, good, bad)
    assert (ended.status, len(ended.errors)) == (1, 1)
    assert ended.errors[0].startswith(f"{bad}: ")
    assert os.listdir(out) == []


def test_columns_of_other_kinds_that_hold_the_same(search, tmp_path):
    """Smaller integers, float32 redshifts with few digits, other cases and orders of columns."""
    plain, other = tmp_path / "plain.fits", tmp_path / "other.fits"
    z = np.round(REDSHIFTS * 8) / 8
    write_catalogue(plain, Z=z)
    columns = input_files.catalogue_columns(Z=z.astype(">f4"), TARGETID=TARGETS.astype(">i4"))
    table = input_files.table_of({name.lower(): columns[name] for name in reversed(columns)})
    write_hdus(other, {"zcatalog": table})
    (_, first), (_, second) = search("-q", plain), search("-q", other)
    expected = rows_of("dla", first)
    assert len(expected["DLACAT"]["TARGETID"])
    for name, table in rows_of("dla", second).items():
        assert_same(table, expected[name])


def test_repeated_quasars_of_a_catalogue_count_once(search, tmp_path):
    plain, twice = tmp_path / "plain.fits", tmp_path / "twice.fits"
    write_catalogue(plain)
    columns = input_files.catalogue_columns()
    again = {name: np.concatenate([column, column[::-1]]) for name, column in columns.items()}
    again["Z"][6:] = 4.5
    write_hdus(twice, {"QSO_CAT": input_files.table_of(again)})
    (_, first), (ended, second) = search("-q", plain), search("-q", twice)
    assert (ended.status, ended.errors) == (0, [])
    text = "6 of 12 rows repeat a TARGETID; the first of each is used"
    assert ended.warnings == [f"{twice}: {text}"]
    expected = rows_of("dla", first)
    for name, table in rows_of("dla", second).items():
        assert_same(table, expected[name])


ABSORBERS = {
    "no-table": (lambda c: damage.without(c, "SIGHTLINES"), "expected a table SIGHTLINES, found "),
    "renamed": (
        lambda c: damage.renamed(c, {"CANDIDATES": "OTHERS"}),
        "expected a table CANDIDATES, found ",
    ),
    "swapped": (
        lambda c: damage.renamed(c, {"DLACAT": "SIGHTLINES", "SIGHTLINES": "DLACAT"}),
        "DLACAT: expected a column DLAID, found TARGETID, ",
    ),
    "twice": (
        lambda c: damage.renamed(c, {"CANDIDATES": "DLACAT"}),
        "expected one HDU DLACAT, found two",
    ),
    "column": (
        lambda c: damage.with_cards(c, "DLACAT", {"TTYPE1": "'TARGET  '"}),
        "DLACAT: expected a column TARGETID, found TARGET, ",
    ),
    "integers": (
        lambda c: damage.with_cards(c, "SIGHTLINES", {"TFORM1": "'D       '"}),
        "SIGHTLINES: column TARGETID: expected integers, found dtype ",
    ),
    "text": (
        lambda c: damage.with_cards(c, "SIGHTLINES", {"TFORM2": "'8A      '"}),
        "SIGHTLINES: column RA: expected numbers, found dtype ",
    ),
    "cut-off": (lambda c: c[:-3000], "truncated or damaged: expected "),
}


@pytest.mark.parametrize("fault", ABSORBERS)
def test_a_strange_catalogue_of_absorbers_is_one_line(fault, tmp_path):
    change, text = ABSORBERS[fault]
    path, truth = tmp_path / "dla.fits", tmp_path / "truth.fits"
    input_files.write_dlacat(path)
    assert len(read_dla_catalog(path)[1]) == 2
    absorbers.write_truth(truth, absorbers.true_of((7, 4000, 20.5)))
    path.write_bytes(change(path.read_bytes()))
    options = ["evaluate", "dla", str(path), "--truth", str(truth), "--threshold", "0.5"]
    ended = run_main(main, parse(options))
    assert (ended.status, len(ended.errors)) == (1, 1)
    assert ended.errors[0].startswith(f"{path}: {text}")
    assert "\n" not in ended.errors[0]

"""Catalogues: whole, checked, complete with none, one and many rows."""

import os
import platform
import sys
from types import ModuleType

import fitsio
import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import QTable, Table

import desinn
from desinn.io.catalogs import provenance, read_catalog, write_catalog

COLUMNS = [
    ("TARGETID", "i8"),
    ("Z_QN", "f8"),
    ("C", "f4", (6,)),
    ("IS_QSO_QN", "i2"),
    ("FLAG", "u4"),
    ("BITS", "u8"),
    ("GOOD", "?"),
    ("SPECTYPE", "S6"),
    ("SUBTYPE", "U4"),
]


def make_rows(rows):
    table = np.zeros(rows, COLUMNS)
    table["TARGETID"] = 39633360325084288 + np.arange(rows)
    table["Z_QN"] = np.linspace(0, 3, rows)
    table["Z_QN"][:1] = np.nan
    table["C"] = np.arange(6 * rows).reshape(rows, 6)
    table["IS_QSO_QN"] = -1
    table["FLAG"] = 2**32 - 1
    table["BITS"] = 2**63 + 1
    table["GOOD"][::2] = True
    table["SPECTYPE"] = b"QSO"
    table["SUBTYPE"] = "BAL"
    return table


@pytest.fixture
def no_desiutil(monkeypatch):
    """Make desiutil unimportable, whether it is installed or not."""
    for name in ("desiutil", "desiutil.depend"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog.fits"


@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_round_trip(tmp_path, rows, suffix):
    path = tmp_path / f"catalog{suffix}"
    table = make_rows(rows)
    write_catalog(path, table, extname="QN_RR")
    found = read_catalog(path, "qn_rr")
    assert found.dtype.names == table.dtype.names
    assert len(found) == rows
    for name in ("TARGETID", "Z_QN", "C", "IS_QSO_QN", "FLAG", "BITS", "GOOD"):
        assert found.dtype[name] == table.dtype[name]
        assert found.dtype[name].isnative
        np.testing.assert_array_equal(found[name], table[name])
    assert found["SPECTYPE"].tolist() == ["QSO"] * rows
    assert found["SUBTYPE"].tolist() == ["BAL"] * rows
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("rows", [0, 3])
def test_every_hdu_has_a_valid_checksum(path, rows):
    write_catalog(path, make_rows(rows), {"TILEID": 1})
    with fits.open(path, checksum=True) as hdus:  # a wrong sum warns, and warnings are errors
        assert len(hdus) == 2
        for hdu in hdus:
            assert hdu.header["CHECKSUM"]
            assert hdu.header["DATASUM"]
        assert len(hdus[1].data) == rows
        assert hdus[1].name == "CATALOG"


def test_astropy_table_keeps_its_units(path):
    table = Table(make_rows(3))
    table["Z_QN"].unit = "Angstrom"
    table["C"].unit = "km/s"
    write_catalog(path, table)
    header = fitsio.read_header(str(path), 1)
    assert header["TUNIT2"] == "Angstrom"
    assert header["TUNIT3"].replace(" ", "") in ("km/s", "kms-1")
    assert "TUNIT1" not in header or not header["TUNIT1"]
    np.testing.assert_array_equal(read_catalog(path)["C"], table["C"])


def test_masked_floats_become_nan_and_others_are_refused(path):
    table = Table({"N": [1, 2], "Z": [0.5, 1.5]}, masked=True)
    table["Z"].mask = [True, False]
    write_catalog(path, table)
    np.testing.assert_array_equal(read_catalog(path)["Z"], [np.nan, 1.5])
    table["N"].mask = [True, False]
    with pytest.raises(ValueError, match=r"catalog.fits: column N: masked entries"):
        write_catalog(path, table, overwrite=True)


def test_quantities_are_numbers_with_units(path):
    write_catalog(path, QTable({"WAVE": [1.0, 2.0] * units.AA}))
    assert read_catalog(path)["WAVE"].tolist() == [1, 2]
    assert fitsio.read_header(str(path), 1)["TUNIT1"] == "Angstrom"


def test_big_endian_columns_and_text_without_width(path):
    table = np.zeros(0, [("Z", ">f8"), ("NOTHING", "U0"), ("NONE", "S0")])
    write_catalog(path, table)
    assert read_catalog(path).dtype.names == ("Z", "NOTHING", "NONE")


def test_header_cards_and_comments(path):
    cards = {
        "TILEID": (80605, "a tile"),
        "THRESH": np.float32(0.5),
        "LONG": "x" * 200,
        "FORCED": True,
        "AUTHOR": "caf\u00e9\n",
        "NAXIS2": 77,
        "TTYPE1": "WRONG",
        "EXTNAME": "WRONG",
    }
    write_catalog(path, make_rows(2), cards, extname="qn_rr")
    header = fitsio.read_header(str(path), "QN_RR")
    assert header["TILEID"] == 80605
    assert header.get_comment("TILEID") == "a tile"
    assert header["THRESH"] == 0.5
    assert header["LONG"] == "x" * 200
    assert header["FORCED"] is True
    assert header["AUTHOR"] == "caf??"
    assert (header["NAXIS2"], header["TTYPE1"]) == (2, "TARGETID")
    assert read_catalog(path).dtype.names == make_rows(0).dtype.names


@pytest.mark.parametrize("value", [float("nan"), np.inf, 2**63, 10**400, None, [1], b"x"])
def test_header_values_that_fits_has_not_are_refused(path, value):
    with pytest.raises(ValueError, match=r"catalog.fits: KEY: expected text or a finite number"):
        write_catalog(path, make_rows(1), {"KEY": value})
    assert not path.exists()


@pytest.mark.parametrize("key", ["model", "MODEL NAME", "MODELSHA256", "", "MOD\u00c9L"])
def test_what_is_no_keyword_is_refused(path, key):
    with pytest.raises(ValueError, match=r"catalog.fits: expected a FITS keyword like MODEL"):
        write_catalog(path, make_rows(1), {key: 1})


def read_dependencies(path):
    header = fitsio.read_header(str(path), 1)
    found = {}
    for number in range(100):
        if f"DEPNAM{number:02d}" in header:
            found[header[f"DEPNAM{number:02d}"]] = header[f"DEPVER{number:02d}"]
    return found


@pytest.mark.usefixtures("no_desiutil")
def test_dependencies_of_ours(path):
    header = {"DEPNAM00": "desispec", "DEPVER00": "0.70", "DEPNAM01": "numpy", "DEPVER01": "old"}
    write_catalog(path, make_rows(1), header)
    found = read_dependencies(path)
    assert list(found)[:2] == ["desispec", "numpy"]
    assert found["desispec"] == "0.70"
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert found["fitsio"] == fitsio.__version__
    assert found["desinn"] == desinn.__version__
    assert header["DEPVER01"] == "old", "the caller's header must not change"


@pytest.mark.usefixtures("no_desiutil")
def test_what_is_not_installed_is_left_out(path, monkeypatch):
    monkeypatch.setattr("desinn.io.catalogs._DEPENDENCIES", ("numpy", "no-such-package"))
    write_catalog(path, make_rows(1))
    assert set(read_dependencies(path)) == {"python", "numpy", "desinn"}


@pytest.mark.usefixtures("no_desiutil")
def test_too_many_dependencies_are_an_error(path):
    full = {f"DEPNAM{number:02d}": f"package{number}" for number in range(100)}
    with pytest.raises(ValueError, match=r"catalog.fits: no room in the header for more"):
        write_catalog(path, make_rows(1), full)


def test_desiutil_writes_the_dependencies_where_it_is(path, monkeypatch):
    depend = ModuleType("desiutil.depend")
    depend.add_dependencies = lambda header: header.update(DEPNAM00="stub", DEPVER00="1")
    depend.setdep = lambda header, name, version: header.update(DEPNAM01=name, DEPVER01=version)
    monkeypatch.setitem(sys.modules, "desiutil", ModuleType("desiutil"))
    monkeypatch.setitem(sys.modules, "desiutil.depend", depend)
    write_catalog(path, make_rows(1))
    assert read_dependencies(path) == {"stub": "1", "desinn": desinn.__version__}


def test_the_installed_desiutil_is_understood(path):
    depend = pytest.importorskip("desiutil.depend", reason="desiutil is not installed")
    write_catalog(path, make_rows(1))
    header = fitsio.read_header(str(path), 1)
    assert depend.getdep(header, "desinn") == desinn.__version__
    assert depend.hasdep(header, "numpy")


def test_an_existing_file_is_replaced_only_on_request(path):
    write_catalog(path, make_rows(1))
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_catalog(path, make_rows(2))
    assert len(read_catalog(path)) == 1
    write_catalog(path, make_rows(2), overwrite=True)
    assert len(read_catalog(path)) == 2


def test_a_failure_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    write_catalog(path, make_rows(1))

    def fail(self):
        raise OSError("disk full")

    monkeypatch.setattr("fitsio.hdu.base.HDUBase.write_checksum", fail)
    with pytest.raises(OSError, match="disk full"):
        write_catalog(path, make_rows(2), overwrite=True)
    assert len(read_catalog(path)) == 1
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros(2), "expected a table with columns.*found none"),
        (np.zeros((2, 2), [("A", "f4")]), "expected a table"),
        (
            np.zeros(2, [("Z", "f4"), ("z", "f4")]),
            r".*differ not only by case, found \('Z', 'z'\)",
        ),
        (np.zeros(2, [("\u03b1", "f4")]), "expected a table with columns.* ASCII"),
        (np.zeros(2, [("A" * 69, "f4")]), "expected a table with columns"),
        (np.zeros(2, [("A", "f2")]), "column A: .*found dtype float16"),
        (np.zeros(2, [("A", "O")]), "column A: .*found dtype object"),
        (np.zeros(2, [("A", "M8[s]")]), "column A: .*found dtype datetime64"),
        (np.array([("\u03b1",)], [("A", "U1")]), "column A: expected ASCII text only"),
    ],
)
def test_what_fits_cannot_hold_is_refused(path, table, message):
    with pytest.raises(ValueError, match=f"catalog.fits: {message}"):
        write_catalog(path, table)
    assert not os.listdir(path.parent)


def test_read_catalog_says_what_it_did_not_find(path):
    with pytest.raises(FileNotFoundError, match=r"catalog.fits: there is no such file"):
        read_catalog(path)
    write_catalog(path, make_rows(1), extname="QN_RR")
    with pytest.raises(ValueError, match=r"catalog.fits: expected a table PRIORS, found QN_RR$"):
        read_catalog(path, "PRIORS")
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(np.zeros(3))
    with pytest.raises(ValueError, match="expected a table in some HDU, found none with a name"):
        read_catalog(path)


def test_provenance_names_the_model(path):
    header = {"name": "qso-v1", "kind": "qso", "sha256": "b" * 64}
    cards = provenance(header, "a" * 64, "/some/folder/qso-v1.npz")
    assert {key: card[0] for key, card in cards.items()} == {
        "MODEL": "qso-v1",
        "MODELKND": "qso",
        "MODELSHA": "a" * 64,
        "MODELFIL": "qso-v1.npz",
    }
    write_catalog(path, make_rows(0), cards)
    header = fitsio.read_header(str(path), 1)
    names = [line[:8].strip() for line in str(header).split("\n")]
    assert set(cards) <= set(names)
    assert header["MODELSHA"] == "a" * 64
    assert b"CONTINUE" not in path.read_bytes(), "one card each"


def test_provenance_leaves_out_what_is_unknown():
    assert provenance({"name": "x", "sha256": "c"}).keys() == {"MODEL", "MODELSHA"}
    assert provenance({}) == {}

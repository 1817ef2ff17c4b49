"""Several tables in one file."""

import fitsio
import numpy as np
import pytest

from desinn.io.catalogs import read_catalog
from desinn.io.tables import write_tables

ROWS = np.array([(1, "a", 0.5), (2, "bc", 1.5)], [("N", "i8"), ("NAME", "U4"), ("X", "f4")])
COLUMNS = {"X": ("deg", "where it is"), "OTHER": ("km", "not there")}


@pytest.mark.parametrize("name", ["t.fits", "t.fits.gz"])
def test_tables_with_units_and_words(tmp_path, name):
    path = tmp_path / name
    tables = {"FULL": (ROWS, {"OWN": 1}), "EMPTY": (ROWS[:0], {"OWN": 2})}
    write_tables(path, tables, {"BOTH": ("yes", "a remark")}, COLUMNS)
    assert read_catalog(path, "FULL").tolist() == ROWS.tolist()
    assert read_catalog(path, "EMPTY").dtype.names == ROWS.dtype.names
    assert read_catalog(path, "EMPTY").size == 0
    for number, extname in enumerate(("FULL", "EMPTY"), 1):
        header = fitsio.read_header(str(path), ext=extname)
        assert (header["OWN"], header["BOTH"].strip()) == (number, "yes")
        assert header["TUNIT3"].strip() == "deg"
        (card,) = (card for card in header.records() if card["name"] == "TTYPE3")
        assert card["comment"] == "where it is"
        assert "desinn" in [header[key].strip() for key in header if key.startswith("DEPNAM")]


def test_checksums_are_right(tmp_path):
    from astropy.io import fits

    write_tables(tmp_path / "t.fits", {"FULL": (ROWS, {}), "EMPTY": (ROWS[:0], {})}, {}, COLUMNS)
    with fits.open(tmp_path / "t.fits", checksum=True) as hdus:  # warns where they are not
        assert all("CHECKSUM" in hdu.header for hdu in hdus)


def test_whole_or_not_at_all(tmp_path):
    path = tmp_path / "t.fits"
    bad = np.zeros(1, [("C", "O")])
    with pytest.raises(ValueError, match=r"t\.fits: BAD: column C"):
        write_tables(path, {"FULL": (ROWS, {}), "BAD": (bad, {})})
    assert list(tmp_path.iterdir()) == []
    write_tables(path, {"FULL": (ROWS, {})})
    with pytest.raises(FileExistsError):
        write_tables(path, {"FULL": (ROWS, {})})
    write_tables(path, {"FULL": (ROWS[:1], {})}, overwrite=True)
    assert len(read_catalog(path)) == 1

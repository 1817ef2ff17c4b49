"""One table of many files, and where its rows come from."""

import os
import shutil

import fitsio
import numpy as np
import pytest

from desinn.io.catalogs import read_catalog
from desinn.scripts import stacking
from desinn.scripts.crew import Result
from desinn.scripts.stacking import stack, write_stacked


def result(*values):
    return Result({"rows": np.array([(value,) for value in values], [("Z", "f8")])}, {})


@pytest.fixture
def table():
    return stack([result(0.5, 1.5), None, result(), result(2.5)])


INFILES = [("a.fits", True), ("bad.fits", False), ("empty.fits", True), ("f/\u00e4.fits", True)]


def test_rows_follow_the_files(table):
    assert table["Z"].tolist() == [0.5, 1.5, 2.5]
    assert table["INFILE"].tolist() == [0, 0, 3]
    assert table["INFILE"].dtype == np.int32


def test_no_rows_have_columns_all_the_same():
    table = stack([result()])
    assert len(table) == 0
    assert table.colnames == ["Z", "INFILE"]


@pytest.mark.parametrize("name", ["out.fits", "out.fits.gz"])
def test_both_tables_are_in_the_file(table, tmp_path, name):
    path = str(tmp_path / name)
    write_stacked(path, table, {"MODEL": "tiny"}, "QSO", False, INFILES)
    assert os.listdir(tmp_path) == [name]
    with open(path, "rb") as file:
        assert (file.read(2) == b"\x1f\x8b") is name.endswith(".gz")
    assert fitsio.read_header(path, ext="QSO")["MODEL"].strip() == "tiny"
    assert read_catalog(path)["Z"].tolist() == [0.5, 1.5, 2.5]
    infiles = read_catalog(path, "INFILES")
    assert infiles["PATH"].tolist() == ["a.fits", "bad.fits", "empty.fits", "f/\\xe4.fits"]
    assert infiles["NROWS"].tolist() == [2, 0, 0, 1]
    assert infiles["USED"].tolist() == [True, False, True, True]
    assert "DATASUM" in fitsio.read_header(path, ext="INFILES")


@pytest.mark.parametrize(
    ("name", "module", "function"),
    [
        ("out.fits", stacking, "_append"),
        ("out.fits.gz", stacking, "_append"),
        ("out.fits.gz", shutil, "copyfileobj"),
    ],
)
def test_the_file_appears_whole_or_not_at_all(
    table, tmp_path, monkeypatch, name, module, function
):
    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(module, function, full)
    with pytest.raises(OSError, match="no space"):
        write_stacked(str(tmp_path / name), table, {}, "QSO", False, INFILES)
    assert os.listdir(tmp_path) == []


def test_an_existing_file_stays_unless_told(table, tmp_path):
    path = str(tmp_path / "out.fits")
    write_stacked(path, table, {}, "QSO", False, INFILES)
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_stacked(path, table, {}, "QSO", False, INFILES)
    write_stacked(path, table[:1], {}, "QSO", True, INFILES)
    assert len(read_catalog(path)) == 1

"""Results and truth, row by row, from catalogues and spectra."""

import numpy as np
import pytest

from desinn.evaluate.sample import is_catalog, read_sample
from desinn.io.catalogs import write_catalog
from helpers.evaluation import FOUND_ROWS, TRUTH
from helpers.spectra import coadd, write_coadd


def test_catalogues_are_told_from_spectra(tmp_path):
    write_catalog(tmp_path / "qso.fits", FOUND_ROWS)
    assert is_catalog(tmp_path / "qso.fits")
    path = write_coadd(tmp_path / "coadd.fits", coadd())
    assert not is_catalog(path)
    with pytest.raises(ValueError, match="found both"):
        read_sample([str(tmp_path / "qso.fits"), path], [path])
    with pytest.raises(ValueError, match="--truth is needed"):
        read_sample([str(tmp_path / "qso.fits")])


def test_a_sample_of_catalogues(tmp_path):
    names = [str(tmp_path / name) for name in ("a.fits", "b.fits", "truth.fits")]
    write_catalog(names[0], FOUND_ROWS[5:])
    write_catalog(names[1], FOUND_ROWS[:5])
    write_catalog(names[2], TRUTH[::-1], extname="TRUTH")
    sample = read_sample(names[:2], names[2:])
    order = [*range(5, 10), *range(5)]
    assert sample.found["TARGETID"].tolist() == (100 + np.array(order)).tolist()
    assert sample.truth["TRUEZ"].tolist() == TRUTH["TRUEZ"][order].tolist()
    assert sample.truth["ROW"].tolist() == [9 - row for row in order]
    assert sample.files == names[2:]
    assert list(sample.lines)[-1] == "CIV_BAL"


def test_catalogues_must_be_alike_and_known(tmp_path):
    from numpy.lib import recfunctions

    names = [str(tmp_path / name) for name in ("a.fits", "b.fits", "truth.fits")]
    write_catalog(names[0], FOUND_ROWS)
    write_catalog(names[1], recfunctions.drop_fields(FOUND_ROWS, ["C_LYA", "Z_LYA"]))
    write_catalog(names[2], TRUTH, extname="TRUTH")
    with pytest.raises(ValueError, match="the same columns"):
        read_sample(names[:2], names[2:])
    assert "LYA" not in read_sample(names[1:2], names[2:]).lines
    other = FOUND_ROWS.copy()
    other["TARGETID"] += 1000
    write_catalog(names[0], other, overwrite=True)
    with pytest.raises(ValueError, match="says nothing of any"):
        read_sample(names[:1], names[2:])

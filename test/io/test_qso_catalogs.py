"""Catalogues of quasars in the forms in which they come."""

import fitsio
import numpy as np
import pytest

from desinn.io.boss import targetid_of
from desinn.io.qso_catalogs import read_qso_catalog, read_qso_catalogs, read_redrock
from helpers.dla import write_catalogue


def test_what_is_there_is_read(tmp_path):
    path = write_catalogue(tmp_path / "c.fits", [7, 3], [2.5, 3.0],
                           HPXPIXEL=[5, 6], ZWARN=[0, 4])  # fmt: skip
    rows = read_qso_catalog(path)
    names = ("TARGETID", "RA", "DEC", "Z", "HPXPIXEL", "ZWARN")
    assert rows.dtype.names == names
    assert rows["TARGETID"].tolist() == [7, 3]
    assert rows["RA"].tolist() == [10.0, 11.0]
    assert rows["DEC"].tolist() == [20.0, 19.0]
    assert rows["Z"].tolist() == [2.5, 3.0]
    assert rows["HPXPIXEL"].tolist() == [5, 6]
    assert rows["ZWARN"].tolist() == [0, 4]
    assert rows.dtype.isnative


@pytest.mark.parametrize("extname", ["QSO_CAT", "QSOCAT", "ZCATALOG", "qso_cat", "SOMETHING"])
def test_the_hdu_by_its_name_before_others(tmp_path, extname):
    path = str(tmp_path / "c.fits")
    other = np.array([(1, 9.0)], [("TARGETID", "i8"), ("Z", "f8")])
    with fitsio.FITS(path, "rw") as fits:
        if extname != "SOMETHING":  # which has to be the first
            fits.write(other, extname="TRUTH")
        fits.write(np.zeros(1, [("A", "i4")]), extname="A")
    table = np.array([(1, 2.0)], [("targetid", "i8"), ("z", "f8")])
    with fitsio.FITS(path, "rw") as fits:
        fits.write(table, extname=extname)
        fits.write(other, extname="LAST")
    rows = read_qso_catalog(path)
    assert rows["Z"].tolist() == [2.0]
    assert np.isnan(rows["RA"]).all()


def test_other_names_of_columns(tmp_path):
    path = write_catalogue(tmp_path / "c.fits", [1], None, Z=None, TARGET_RA=None,
                           TARGET_DEC=None, RA=[3.0], DEC=[4.0], Z_QN=[2.25])  # fmt: skip
    rows = read_qso_catalog(path)
    assert rows[["RA", "DEC", "Z"]].tolist() == [(3.0, 4.0, 2.25)]


def test_the_table_of_desi_find_qso(tmp_path):
    """There all spectra have a Z_QN, but not all are quasars; elsewhere IS_QSO_QN is a remark."""
    is_qso = np.array([1, 0, -1, 1], "i2")
    columns = {"Z_QN": [2.1, 2.2, np.nan, 2.4], "IS_QSO_QN": is_qso}
    path = write_catalogue(tmp_path / "c.fits", [1, 2, 3, 4], [0] * 4, "QSO_QN", **columns, Z=None)
    assert read_qso_catalog(path)["TARGETID"].tolist() == [1, 4]
    path = write_catalogue(tmp_path / "d.fits", [1, 2, 3, 4], [2.5] * 4, **columns)
    rows = read_qso_catalog(path)
    assert rows["Z"].tolist() == [2.5] * 4


def test_sdss_plates_make_targetids(tmp_path):
    path = write_catalogue(tmp_path / "c.fits", [0], [2.5], "CATALOG", TARGETID=None,
                           PLATE=[3655], MJD=[55240], FIBERID=[30])  # fmt: skip
    assert read_qso_catalog(path)["TARGETID"].tolist() == [targetid_of(3655, 55240, 30)]


def test_troughs_without_the_columns_that_nobody_uses(tmp_path):
    vmin, vmax = np.full((3, 17), -1.0), np.full((3, 17), -1.0)
    vmin[1, :2], vmax[1, :2] = (1000, 5000), (2000, 9000)
    path = write_catalogue(tmp_path / "c.fits", [1, 2, 3], [2.5] * 3,
                           VMIN_CIV_450=vmin, VMAX_CIV_450=vmax)  # fmt: skip
    rows = read_qso_catalog(path)
    assert rows["VMIN_CIV_450"].tolist() == [[-1, -1], [1000, 5000], [-1, -1]]
    assert rows["VMAX_CIV_450"].tolist() == [[-1, -1], [2000, 9000], [-1, -1]]
    path = write_catalogue(tmp_path / "d.fits", [1, 2], [2.5] * 2,
                           VMIN_CIV_450=[-1.0, 5.0], VMAX_CIV_450=[-1.0, 7.0])  # fmt: skip
    assert read_qso_catalog(path)["VMAX_CIV_450"].tolist() == [[-1], [7]]
    path = write_catalogue(tmp_path / "e.fits", [1], [2.5], VMIN_CIV_450=vmin[:1])
    assert "VMIN_CIV_450" not in read_qso_catalog(path).dtype.names
    path = write_catalogue(tmp_path / "f.fits", [1], [2.5], VMIN_CIV_450=vmin[:1],
                           VMAX_CIV_450=vmax[:1, :5])  # fmt: skip
    with pytest.raises(ValueError, match=r"f\.fits: expected as many .* found 17 and 5"):
        read_qso_catalog(path)


def test_the_first_of_repeated_rows_is_kept(tmp_path, caplog):
    path = write_catalogue(tmp_path / "c.fits", [5, 9, 5, 1, 9], [2.1, 2.2, 2.3, 2.4, 2.5])
    rows = read_qso_catalog(path)
    assert rows["TARGETID"].tolist() == [5, 9, 1]
    assert rows["Z"].tolist() == [2.1, 2.2, 2.4]
    assert "c.fits: 2 of 5 rows repeat a TARGETID; the first of each is used" in caplog.text


def test_no_rows(tmp_path):
    assert read_qso_catalog(write_catalogue(tmp_path / "c.fits", [], [])).size == 0
    none = np.zeros((0, 5))
    rows = read_qso_catalog(
        write_catalogue(tmp_path / "d.fits", [], [], VMIN_CIV_450=none, VMAX_CIV_450=none)
    )
    assert rows.size == 0


@pytest.mark.parametrize(
    ("columns", "extname", "text"),
    [
        ({"Z": None}, "QSO_CAT", r"HDU QSO_CAT: missing Z \(or Z_QN\), found TARGETID"),
        ({"TARGETID": None}, "ZCATALOG", "HDU ZCATALOG: missing TARGETID, found TARGET_DEC"),
        ({"Z": None}, "A", r"expected a table with TARGETID and Z, found A \(TARGETID"),
    ],
)
def test_what_is_missing_is_named(tmp_path, columns, extname, text):
    path = write_catalogue(tmp_path / "c.fits", [1], [2.5], extname, **columns)
    with pytest.raises(ValueError, match=rf"c\.fits: {text}"):
        read_qso_catalog(path)


def test_a_file_without_a_table(tmp_path):
    fitsio.write(str(tmp_path / "i.fits"), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="with TARGETID and Z, found no table"):
        read_qso_catalog(tmp_path / "i.fits")


def write_redrock(path, rows, fibermap=None, extname="REDSHIFTS", drop=()):
    dtype = [("TARGETID", "i8"), ("Z", "f8"), ("SPECTYPE", "U6"), ("ZWARN", "i8")]
    table = np.array(rows, dtype)
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(table[[n for n, _ in dtype if n not in drop]].copy(), extname=extname)
        if fibermap is not None:
            columns = [("TARGETID", "i8"), ("TARGET_RA", "f8"), ("TARGET_DEC", "f8")]
            fits.write(np.array(fibermap, columns), extname="FIBERMAP")
    return str(path)


def test_the_quasars_of_redrock(tmp_path, caplog):
    """None is lost for its ZWARN; coordinates go by TARGETID, not by row."""
    first = write_redrock(tmp_path / "a.fits",
                          [(1, 2.5, "QSO", 4), (2, 0.1, "GALAXY", 0), (3, 3.5, "QSO", 0)],
                          [(3, 30.0, -3.0), (1, 10.0, -1.0)])  # fmt: skip
    other = write_redrock(tmp_path / "b.fits", [(3, 9.0, "QSO", 0), (4, 2.0, "QSO", 0)])
    rows = read_redrock([first, other])
    assert rows.dtype.names == ("TARGETID", "RA", "DEC", "Z", "ZWARN")
    assert rows["TARGETID"].tolist() == [1, 3, 4]
    assert rows["Z"].tolist() == [2.5, 3.5, 2.0]
    assert rows["ZWARN"].tolist() == [4, 0, 0]
    np.testing.assert_array_equal(rows["RA"], [10.0, 30.0, np.nan])
    np.testing.assert_array_equal(rows["DEC"], [-1.0, -3.0, np.nan])
    assert "a.fits ...: 1 of 4 rows repeat a TARGETID" in caplog.text
    assert len(read_redrock(first)) == 2
    old = write_redrock(tmp_path / "zbest.fits", [(5, 2.0, "QSO", 0)], extname="ZBEST")
    assert read_redrock(old)["TARGETID"].tolist() == [5]


def test_what_is_no_redrock_file(tmp_path):
    path = write_redrock(tmp_path / "a.fits", [(1, 2.5, "QSO", 0)], extname="RR")
    with pytest.raises(ValueError, match=r"a\.fits: expected HDU REDSHIFTS, found RR"):
        read_redrock(path)
    path = write_redrock(tmp_path / "b.fits", [(1, 2.5, "QSO", 0)], drop=("SPECTYPE",))
    with pytest.raises(ValueError, match=r"b\.fits: HDU REDSHIFTS: missing SPECTYPE"):
        read_redrock(path)
    with pytest.raises(ValueError, match="at least one redrock file, found none"):
        read_redrock([])
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_redrock([tmp_path / "nowhere.fits"])


def test_no_catalogue_is_an_error():
    with pytest.raises(ValueError, match="expected at least one catalogue of quasars, found none"):
        read_qso_catalogs([])


def test_several_catalogues_are_one(tmp_path, caplog):
    """With the columns that both have; the first row of a TARGETID counts."""
    first = write_catalogue(tmp_path / "a.fits", [7, 3], [2.5, 3.0], ZWARN=[0, 4],
                            VMIN_CIV_450=[[5.0, -1], [1.0, 2.0]],
                            VMAX_CIV_450=[[6.0, -1], [2.0, 3.0]])  # fmt: skip
    other = write_catalogue(tmp_path / "b.fits", [4, 3], [2.2, 9.0], HPXPIXEL=[1, 1],
                            VMIN_CIV_450=[[4.0], [8.0]], VMAX_CIV_450=[[5.0], [9.0]])  # fmt: skip
    rows = read_qso_catalogs([first, other])
    assert rows["TARGETID"].tolist() == [7, 3, 4]
    assert rows["Z"].tolist() == [2.5, 3.0, 2.2]
    assert not {"ZWARN", "HPXPIXEL"} & set(rows.dtype.names)
    assert rows["VMIN_CIV_450"].tolist() == [[5, -1], [1, 2], [4, -1]]
    assert "a.fits ..." in caplog.text
    assert (read_qso_catalogs([other]) == read_qso_catalog(other)).all()


def test_troughs_of_another_catalogue(tmp_path):
    """A mock has its redshifts in one file, and in another the troughs of some quasars."""
    redshifts = write_catalogue(tmp_path / "zcat.fits", [7, 3, 4], [2.5, 3.0, 2.2])
    troughs = write_catalogue(tmp_path / "bal_cat.fits", [4, 7], [2.3, 2.6],
                              VMIN_CIV_450=[[100.0, 900.0], [200.0, -1]],
                              VMAX_CIV_450=[[800.0, 999.0], [300.0, -1]])  # fmt: skip
    for paths in ([redshifts, troughs], [troughs, redshifts]):
        rows = np.sort(read_qso_catalogs(paths), order="TARGETID")
        assert rows["TARGETID"].tolist() == [3, 4, 7]
        assert rows["VMIN_CIV_450"].tolist() == [[-1, -1], [100, 900], [200, -1]]
        assert rows["VMAX_CIV_450"].tolist() == [[-1, -1], [800, 999], [300, -1]]
    assert read_qso_catalogs([redshifts, troughs])["Z"].tolist() == [2.5, 3.0, 2.2]

"""Labels and truth tables, and whose row is whose."""

import numpy as np
import pytest

from desinn.io.catalogs import write_catalog
from desinn.io.truth import KNOWN, beside, known, match, read_labels, read_truth, report_left_out
from helpers.evaluation import FOUND_ROWS, TRUTH

LABELS = """\
file,spectype,z,label_source,remark
folder/spec-3655-55240-0030.fits,QSO,2.1,visual inspection,
b.fits,QSO_BAL,2.5,visual inspection,x
c.fits,star,,pipeline,
"""


def labels(tmp_path, text=LABELS):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return str(path)


def rows_of(**columns):
    table = np.zeros(len(next(iter(columns.values()))), KNOWN)
    table["TARGETID"] = -1
    for name, values in columns.items():
        table[name] = values
    return table


def test_labels(tmp_path):
    rows, files = read_labels(labels(tmp_path))
    assert files == ["folder/spec-3655-55240-0030.fits", "b.fits", "c.fits"]
    assert rows["NAME"].tolist() == ["spec-3655-55240-0030.fits", "b.fits", "c.fits"]
    assert rows["TRUESPECTYPE"].tolist() == ["QSO", "QSO", "STAR"]
    assert rows["TRUESUBTYPE"].tolist() == ["", "BAL", ""]
    assert rows["TRUEZ"][:2].tolist() == [2.1, 2.5]
    assert rows["TARGETID"].tolist() == [3655052400030, -1, -1]
    assert np.isnan(rows["TRUEZ"][2])
    assert np.isnan(rows["SNR"]).all()
    assert np.isnan(rows["BI"]).all()


def test_labels_of_one_source(tmp_path):
    upper = tmp_path / "LABELS.CSV"
    upper.write_text(LABELS)
    rows = read_truth([upper], "visual")
    assert rows["NAME"].tolist() == ["spec-3655-55240-0030.fits", "b.fits"]


def test_labels_by_targetid(tmp_path):
    text = "targetid,spectype,z,snr,bi\n12,QSO,1.5,3.5,100\n"
    rows, files = read_labels(labels(tmp_path, text))
    assert files == [""]
    assert rows[["TARGETID", "SNR", "BI"]].tolist() == [(12, 3.5, 100)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,z\na,1\n", "expected columns file or targetid, spectype and z, found file, z"),
        ("spectype,z\nQSO,1\n", "expected columns file or targetid"),
        ("", "found none"),
        ("file,spectype,z\na,QSO,1\nb,QSO,x\n", r"line 3: z: expected a number, found 'x'"),
        ("file,spectype,z\na,QSO,\n", "line 2: a quasar without redshift"),
        ("file,spectype,z\na,,1\n", "line 2: spectype is empty"),
        ("targetid,spectype,z\n1.5,QSO,1\n", r"targetid: expected an integer, found '1\.5'"),
        ("file,spectype,z\na\n", "line 2: spectype is empty"),
        (
            "file,spectype,z\nspec-1234-12345-0001.fits,QSO,1\n",
            "line 2: file: mjd: expected 50000 to 149999, found 12345",
        ),
        ('file,spectype,z\na,"QSO,1\n' + 40_000 * "b,QSO,1\n", "line .*: field larger than"),
    ],
)
def test_what_is_wrong_with_labels_is_said(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"labels\.csv: .*{message}"):
        read_labels(labels(tmp_path, text))


def test_a_source_must_be_there_to_choose(tmp_path):
    with pytest.raises(ValueError, match="expected a column label_source"):
        read_labels(labels(tmp_path, "file,spectype,z\n"), "visual")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_labels(tmp_path / "none.csv")


def test_truth_tables(tmp_path):
    path = str(tmp_path / "truth.fits")
    write_catalog(path, TRUTH, extname="TRUTH")
    rows = read_truth([labels(tmp_path), path])
    assert len(rows) == 13
    assert rows["FILE"].tolist() == 3 * [0] + 10 * [1]
    assert rows["ROW"].tolist() == [*range(3), *range(10)]
    assert rows["TRUESUBTYPE"][[4, 8]].tolist() == ["BAL", "M"]
    assert rows["SNR"][4] == 1.5
    write_catalog(str(tmp_path / "other.fits"), FOUND_ROWS)
    with pytest.raises(ValueError, match=r"other\.fits: expected a truth HDU"):
        read_truth([str(tmp_path / "other.fits")])


def test_truth_tables_must_say_enough():
    with pytest.raises(ValueError, match="t: expected columns TRUESPECTYPE, TRUEZ, found no"):
        known(TRUTH[["TARGETID", "TRUEZ"]], "t")
    bad = TRUTH.copy()
    bad["TRUEZ"][2] = np.nan
    with pytest.raises(ValueError, match="row 2: a quasar without redshift"):
        known(bad)
    few = known(TRUTH[["TRUESPECTYPE", "TRUEZ"]])
    assert np.isnan(few["SNR"]).all()
    assert (few["TARGETID"] == -1).all()


def test_matching_by_targetid():
    truth = rows_of(TARGETID=[5, 3, 9, -1])
    assert match(np.array([9, 4, 5, -1]), truth, "f").tolist() == [2, -1, 0, -1]
    assert match(np.array([9]), truth[:0], "f").tolist() == [-1]


def test_matching_by_name():
    truth = rows_of(NAME=["a.fits", "b.fits", "b.fits"], TARGETID=[-1, 8, 7])
    assert match(np.array([-1]), truth, "folder/a.fits").tolist() == [0]
    assert match(np.array([7, 8]), truth, "folder/b.fits").tolist() == [2, 1]


def test_rows_of_one_file_may_repeat_but_not_else():
    truth = rows_of(TARGETID=[5, 5, 9])
    assert match(np.array([5, 5, 9]), truth, "f").tolist() == [0, 1, 2]
    assert match(np.array([9]), truth, "f").tolist() == [2]
    with pytest.raises(ValueError, match="f: TARGETID 5 is in the truth more than once"):
        match(np.array([9, 5]), truth, "f")


def test_rows_without_targetid_match_nothing():
    truth = rows_of(TARGETID=[-1, -1])
    assert match(np.array([-1, -1]), truth, "f").tolist() == [-1, -1]


def test_what_is_not_known_is_left_out(caplog):
    truth, rows = beside(np.array([9, 4, 5]), rows_of(TARGETID=[5, 3, 9]), "f")
    assert rows.tolist() == [0, 2]
    assert truth["TARGETID"].tolist() == [9, 5]
    report_left_out(len(rows), 3)
    assert "1 of 3 spectra are left out: not in the truth" in caplog.text

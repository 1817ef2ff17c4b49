"""The report as numbers and as tables."""

import json

import numpy as np
import pytest

from desinn.evaluate.report import Options, called, evaluate, plain
from desinn.evaluate.sample import Sample
from desinn.evaluate.tables import Table, render, tables
from desinn.io.truth import known
from helpers.evaluation import FOUND_ROWS, TRUTH


@pytest.fixture
def sample():
    return Sample(FOUND_ROWS, known(TRUTH), [])


def test_the_numbers(sample):
    content = evaluate(sample, name="ten")
    json.dumps(content, allow_nan=False)
    assert content["classes"] == {"GALAXY": 1, "QSO": 5, "SKY": 2, "STAR": 2}
    assert [s["c_thresh"] for s in content["thresholds"]] == [0.5, 0.95, 0.99]
    first = content["thresholds"][0]
    assert first["n_thresh"] == 1
    assert first["all"]["completeness"]["k"] == 3
    assert first["all"]["missed"] == 2
    assert first["snr"][-1]["to"] is None
    assert first["snr"][0]["purity"]["value"] is None
    assert [row["targetid"] for row in first["failures"]["missed"]] == [103, 104]
    assert content["not_run"][0]["z"] is None
    assert content["not_run"][0]["flag"] == 1
    assert content["bal"]["bal"]["k"] == 1
    assert content["reliability"]["MgII"]["predicted"][5] is None


def test_options_reach_the_numbers(sample):
    options = Options(c_thresh=(0.2,), n_thresh=2, limit=200, failures=1, confidence=0.5)
    section = evaluate(sample, options)["thresholds"][0]
    assert section["all"]["completeness"]["k"] == 2
    assert section["all"]["wrong"]["k"] == 2
    assert len(section["failures"]["missed"]) == 1
    narrow = section["all"]["completeness"]
    wide = evaluate(sample, Options(c_thresh=(0.2,), n_thresh=2))["thresholds"][0]["all"]
    assert narrow["low"] > wide["completeness"]["low"]
    assert called(sample, 0.2, options).sum() == 3


def test_the_number_of_lines_is_the_files_own(sample):
    sample.n_thresh = 2
    assert evaluate(sample, Options((0.5,)))["thresholds"][0]["all"]["completeness"]["k"] == 0


def test_nothing_is_said_of_absorption_that_is_not_known(sample):
    sample.truth["BI"] = np.nan
    assert evaluate(sample)["bal"] is None
    del sample.lines["CIV_BAL"]
    assert evaluate(sample)["bal"] is None


def test_plain_is_what_json_knows():
    value = {"a": np.float32(0.5), "b": (np.nan, np.int64(3)), "c": np.array([np.inf, 1])}
    assert plain(value) == {"a": 0.5, "b": [None, 3], "c": [None, 1.0]}


def test_the_tables(sample):
    content = evaluate(sample, name="ten")
    titles = [table.title for table in tables(content)]
    assert titles[:2] == ["All", "Sky fibres"]
    assert "By S/N at c > 0.5" in titles
    assert "By class at c > 0.99" in titles
    assert "Not run" in titles
    assert "False at c > 0.95" in titles
    assert "False at c > 0.99" not in titles  # there are none
    found = {table.title: table for table in tables(content)}
    assert found["All"].rows[0][:4] == ("0.5", "5", "3", "0.6000 (0.2307-0.8824)")
    assert found["All"].rows[0][6:8] == ("2", "1")  # and one in a sky fibre
    assert found["All"].rows[0][9].startswith("300 (300 to 300)")
    assert found["All"].rows[2][9] == "300"  # one has no interval
    assert found["Sky fibres"].rows[0] == ("0.5", "2", "1", "0.5000 (0.0945-0.9055)")
    assert found["By S/N at c > 0.5"].rows[-1][0] == ">= 2"
    assert [row[7] for row in found["By redshift at c > 0.5"].rows] == ["0", "1", "0"]
    assert ("STAR", "M", "1", "1", "1.0000 (0.2065-1.0000)") in found["By class at c > 0.5"].rows
    row = found["False at c > 0.5"].rows[0]
    assert row == ("105", "-", "STAR M", "3.00", "0.0000", "1.1000", "0.700", "0")
    assert found["Not run"].rows[0][5] == "-"


def test_text_is_aligned():
    text = Table("T", ("a", "long head"), [("longer", "1"), ("b", "2")]).text()
    assert text == "T\n-\na       long head\nlonger  1\nb       2\n"


def test_restructuredtext_is_understood(sample):
    from docutils import core

    text = render(evaluate(sample), "rst")
    tree = core.publish_doctree(text, settings_overrides={"halt_level": 2})
    assert len(list(tree.findall(lambda node: node.tagname == "table"))) == len(
        tables(evaluate(sample))
    )


def test_restructuredtext_has_simple_tables():
    text = Table("T", ("a", "long head"), [("longer", "1")]).rst()
    rule = "======  =========\n"
    assert text == f"**T**\n\n{rule}a       long head\n{rule}longer  1\n{rule}"


def test_the_text_says_what_is_what(sample):
    text = render(evaluate(sample, name="ten"))
    assert text.startswith("ten: 10 spectra (1 GALAXY, 5 QSO, 2 SKY, 2 STAR), 1 not run\n")
    assert "|dv| at most 6000 km/s" in text
    assert text.endswith("Intervals in brackets: 95 %.\n")

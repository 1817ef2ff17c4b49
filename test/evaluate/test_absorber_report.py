"""The report on absorbers as numbers and as tables."""

import json

import numpy as np
import pytest

from desinn.evaluate.absorber_report import AbsorberOptions, evaluate_absorbers
from desinn.evaluate.absorber_tables import absorber_tables, render_absorbers
from desinn.evaluate.absorbers import select
from helpers.absorbers import found_of, lines_of, random_case, true_of


@pytest.fixture
def sample():
    """A DLA found, one missed for its flag, one not found at all; one false, one too weak."""
    truth = true_of((1, 4000, 20.7), (2, 4000, 20.4), (2, 4300, 21.9), (3, 4200, 19.2))
    found = found_of(
        (1, 4001, 21.0, 0.9), (2, 4002, 20.5, 0.8, 4), (3, 4500, 20.5, 0.7), (3, 4202, 20.6, 0.8)
    )
    lines = lines_of((1, 0.5), (2, 2.0), (3, 5.0), (4, -1.0, 1))
    return select(found, truth, lines)


@pytest.fixture
def content(sample):
    return evaluate_absorbers(sample, AbsorberOptions(0.3), "three")


def test_the_numbers(content):
    json.dumps(content, allow_nan=False)
    assert content["name"] == "three"
    assert content["numbers"]["not_searched"] == 1
    assert content["all"]["sightlines"] == 3
    assert (content["all"]["completeness"]["k"], content["all"]["completeness"]["n"]) == (1, 3)
    assert (content["all"]["purity"]["k"], content["all"]["purity"]["n"]) == (1, 3)
    assert [(b["from"], b["to"]) for b in content["snr"]] == [(None, 1), (1, 3), (3, None)]
    assert [b["from"] for b in content["nhi"]] == [20.3, 20.6, 20.9, 21.5]
    assert [p["threshold"] for p in content["curve"]] == pytest.approx([0.7, 0.8, 0.9])
    assert [p["level"] for p in content["at_purity"]] == [0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    assert content["at_completeness"] == []
    groups = content["errors"]["NHI"]
    assert [(g["by"], g["from"], g["pairs"]) for g in groups] == [
        ("all", None, 1), ("snr", None, 1), ("nhi", 20.6, 1)
    ]  # fmt: skip
    assert groups[0]["median"]["value"] == pytest.approx(0.3)
    assert groups[0]["median"]["low"] is None
    assert content["pulls"]["true"]["NHI"][0]["mean"]["value"] == pytest.approx(3)
    assert [g["pairs"] for g in content["pulls"]["found"]["NHI"]] == [2, 1, 1, 1, 1]


def test_the_failures(content):
    missed, false = (content["failures"][kind] for kind in ("missed", "false"))
    assert [(row["nhi_true"], row["nhi"], row["flag"]) for row in missed] == [
        (21.9, None, None), (20.4, 20.5, 4)
    ]  # fmt: skip
    assert [(row["targetid"], row["nhi_true"], row["nhi"]) for row in false] == [
        (3, 19.2, 20.6), (3, None, 20.5)
    ]  # fmt: skip
    assert false[0]["snr"] == 5


def test_options_reach_the_numbers(sample):
    high = evaluate_absorbers(sample, AbsorberOptions(0.85, failures=1))
    assert high["all"]["purity"]["n"] == 1
    assert len(high["failures"]["missed"]) == 1
    narrow = evaluate_absorbers(sample, AbsorberOptions(0.3, confidence=0.5))["all"]["purity"]
    wide = evaluate_absorbers(sample, AbsorberOptions(0.3))["all"]["purity"]
    assert wide["high"] > narrow["high"]


def test_the_tables(content):
    found = {table.title: table for table in absorber_tables(content)}
    assert found["All at DLA_CONFIDENCE >= 0.3"].rows[0][:4] == ("all", "3", "3", "1")
    assert [row[0] for row in found["By S/N"].rows] == ["< 1", "1-3", ">= 3"]
    assert "Best with at least a completeness" not in found
    assert found["Along the threshold"].rows[-1][0] == "0.900"
    row = found["Errors of log N, true log N >= 20.3 or as stated"].rows[0]
    assert row == ("all", "1", "0.300", "0.000", "0.300", "0.000", "0.000")
    row = found["Pulls of log N, found log N >= 20.3 or as stated"].rows[1]
    assert row[:3] == ("S/N < 1", "1", "3.00")
    title = "Missed, the strongest first, and what there was of them"
    assert found[title].rows[0][3:6] == (f"{4300 / 1215.67 - 1:.4f}", "21.90", "-")


def test_all_forms(content):
    text = render_absorbers(content)
    assert text.startswith("three: 3 sightlines, 3 DLAs, 4 found\nLeft out: 1 sightlines not sea")
    assert "log N >= 20.3" in text
    assert "are left out." in text
    assert text.endswith("Intervals in brackets: 95 %.\n")
    from docutils import core

    rst = render_absorbers(content, "rst")
    tree = core.publish_doctree(rst, settings_overrides={"halt_level": 2})
    tables = list(tree.findall(lambda node: node.tagname == "table"))
    assert len(tables) == len(absorber_tables(content))


def test_nothing_found():
    empty = select(found_of(), true_of((1, 4000, 20.5)), lines_of((1, 3.0)))
    content = evaluate_absorbers(empty, AbsorberOptions(0.3, proximate=True))
    assert content["curve"] == []
    assert content["errors"] == {"NHI": [], "Z": []}
    assert len(content["failures"]["missed"]) == 1
    assert "count, too." in render_absorbers(content)


def test_a_long_curve_is_shown_in_parts():
    content = evaluate_absorbers(
        select(*random_case(np.random.default_rng(3), 100)), AbsorberOptions(0.5)
    )
    tables = {table.title: table for table in absorber_tables(content)}
    assert len(content["curve"]) > 100
    assert 6 < len(tables["Along the threshold"].rows) <= 12

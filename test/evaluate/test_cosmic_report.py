"""The report on cosmic rays: numbers, tables, what is not there."""

import json

import numpy as np
import pytest

from desinn.evaluate.cosmic_report import LEVELS, CosmicOptions, evaluate_cosmics
from desinn.evaluate.cosmic_scores import CosmicScores
from desinn.evaluate.cosmic_tables import render_cosmics
from helpers.cosmic_frames import SHAPE, SPOT, TRACK, make_frame

HOW = CosmicOptions(thresholds={"net.npz": 0.5})


def probability(frame, seed):
    """Return what is sure of bright pixels, and now and then of others."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-6, 2, SHAPE) + 10 * (frame.image > 100)
    return (1 / (1 + np.exp(-odds))).astype(np.float32)


@pytest.fixture(scope="module")
def scores():
    result = CosmicScores(3)
    kinds = [("b1", "science", "thin"), ("r2", "arc", "thick"), ("r2", "bias", "thick"),
             ("r1", "science", "thin")]  # fmt: skip
    for number, (camera, kind, device) in enumerate(kinds):
        parts = {"line": [(5, slice(0, 50))]} if kind in ("science", "arc") else {}
        header = {"CAMERA": camera, "KIND": kind, "DEVICE": device}
        frame, truth = make_frame(trace=[(slice(None), slice(20, 25))], **parts, **header)
        result.add(frame, truth, probability(frame, number), 0.5, f"{number}.fits")
    return result


@pytest.fixture(scope="module")
def content(scores):
    return evaluate_cosmics(scores, HOW, "some")


def group(content, **wanted):
    wanted = {"arm": None, "exposure": None, "device": None, **wanted}
    (found,) = [g for g in content["groups"] if wanted.items() <= g.items()]
    return found


def test_it_is_json(content):
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    numbers = content["numbers"]
    assert numbers == {"frames": 4, "pixels": 4 * SHAPE[0] * SHAPE[1], "masked": 0, "rays": 8}


def test_groups_add_up(content):
    total = group(content)
    for name in ("completeness", "false", "touched"):
        for by in ("arm", "exposure"):
            others = {"arm", "exposure", "device"} - {by}
            parts = [
                g for g in content["groups"]
                if g[by] is not None and all(g[other] is None for other in others)
            ]  # fmt: skip
            assert sum(g[name]["k"] for g in parts) == total[name]["k"]
            assert sum(g[name]["n"] for g in parts) == total[name]["n"]
    assert group(content, arm="r", device="thick")["frames"] == 2
    assert group(content, arm="r", exposure="bias")["frames"] == 1
    assert not [g for g in content["groups"] if (g["arm"], g["exposure"]) == ("b", "arc")]


def test_levels(content):
    total = group(content)
    assert [entry["level"] for entry in total["levels"]] == list(LEVELS)
    values = [entry["completeness"]["value"] for entry in total["levels"]]
    limits = [entry["threshold"] for entry in total["levels"]]
    assert values == sorted(values)
    assert limits == sorted(limits, reverse=True)
    for entry in total["levels"]:
        assert entry["false"]["value"] <= entry["level"]
    strict = [entry["threshold"] for entry in total["levels_strict"]]
    assert all(np.greater_equal(strict, limits))


def test_places_and_kinds_add_up(content):
    total = group(content)["completeness"]
    whole = [e for e in content["pixels"] if e["from"] is e["to"] is None]
    assert [e["place"] for e in whole] == [None, "on traces", "between traces", "without light"]
    assert whole[0]["completeness"] == total
    assert sum(e["completeness"]["k"] for e in whole[1:]) == total["k"]
    rays = content["rays"]
    for by in ("charge", "kind", "place", "device"):
        assert sum(e["found"]["n"] for e in rays[by]) == rays["all"]["found"]["n"] == 8
    assert rays["all"]["found"]["k"] <= rays["all"]["noticed"]["k"]


def test_lines_are_those_of_exposures_that_have_them(content):
    named = [(entry["exposure"], entry["arm"]) for entry in content["lines"]]
    assert named == [("arc", None), ("arc", "r"), ("science", None), ("science", "b"),
                     ("science", "r")]  # fmt: skip
    assert [entry["false"]["n"] for entry in content["lines"]] == [50, 50, 100, 50, 50]


def test_the_text(content):
    text = render_cosmics(content)
    assert text.startswith("some: 4 images, 9600 pixels (0 more are masked), 8 rays,\n")
    assert "\nMarked: net.npz > 0.5\n" in text
    for title in ("Completeness at", "The same, strict", "At the networks'", "False marks near",
                  "By place", "Rays, by charge", "Missed, ", "False, "):  # fmt: skip
        assert f"\n{title}" in text, title
    assert "\nr science " in text
    assert "95 %, as if each pixel were for itself." in text
    rst = render_cosmics(content, "rst")
    assert "**Rays, by kind**" in rst


def test_masks_reach_no_level_that_they_do_not_have():
    scores = CosmicScores()
    frame, truth = make_frame()
    found = np.zeros(SHAPE, bool)
    found[10, 20:30] = found[35, :50] = True
    scores.add(frame, truth, found)
    content = evaluate_cosmics(scores, CosmicOptions("MASK"))
    assert group(content)["levels"] == []
    assert content["rays"]["all"]["levels"] == [None] * len(LEVELS)
    text = render_cosmics(content)
    assert "Marked: bits of MASK" in text
    assert " -  " in text


def test_without_rays_there_are_only_false_marks():
    frame, truth = make_frame(rays=([(0, 0, 1.0)],), KIND="bias")
    scores = CosmicScores()
    scores.add(frame, truth, np.zeros(SHAPE, np.float32))
    content = evaluate_cosmics(scores, HOW)
    assert content["curve"][0]["points"] == []
    assert content["rays"]["hidden"] == 1
    assert group(content)["levels"] == []
    text = render_cosmics(content)
    assert f"> {SHAPE[0] * SHAPE[1]}" in text
    assert "Completeness at" not in text


def test_failures_are_listed(content, scores):
    failed = content["failures"]
    assert [len(failed[kind]) for kind in ("missed", "false")] == [3, 3]
    weights = [row["weight"] for row in failed["missed"]]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] <= max(sum(e for *_, e in ray) for ray in (TRACK, SPOT))
    assert failed["missed"][0]["name"].endswith(".fits")

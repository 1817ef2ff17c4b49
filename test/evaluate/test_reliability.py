"""Reliability: hand values, and confidences that are probabilities by construction."""

import numpy as np
import pytest

from desinn.evaluate.reliability import near, of_catalog, reliability, true_box
from desinn.spectra import LINES, Grid
from helpers.evaluation import FOUND_ROWS, NAMES, TRUTH

REST = {**LINES, "CIV_BAL": LINES["CIV"]}


def test_hand_values():
    result = reliability([0.05, 0.15, 0.15, 1.0], [False, True, False, True])
    assert result.count.tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    assert result.observed[[0, 1, 9]].tolist() == [0, 0.5, 1]
    assert result.predicted[[0, 1, 9]] == pytest.approx([0.05, 0.15, 1])
    assert result.error == pytest.approx((0.05 + 2 * 0.35 + 0) / 4)
    assert np.isnan(result.observed[2])
    assert (result.low[1], result.high[1]) == pytest.approx((0.0945, 0.9055), abs=1e-3)


def test_weights_count_as_rows():
    result = reliability([0.2, 0.2, 0.9], [True, False, True], [3, 1, 0], bins=2)
    assert result.observed[0] == 0.75
    assert result.error == pytest.approx(0.55)
    assert np.isnan(reliability([0.1], [True], [0]).error)


def test_probabilities_are_reliable():
    rng = np.random.default_rng(1)
    p = rng.random(50_000)
    right = rng.random(p.size) < p
    result = reliability(p, right)
    assert result.error < 0.01
    assert ((result.low <= result.predicted) & (result.predicted <= result.high)).sum() >= 8
    assert reliability(p**3, right).error > 0.1


@pytest.mark.parametrize("confidence", [-0.1, 1.1, np.nan])
def test_confidences_are_from_0_to_1(confidence):
    with pytest.raises(ValueError, match="from 0 to 1"):
        reliability([confidence], [True])


def test_where_a_line_is():
    box, known = true_box(TRUTH, "CIV", Grid.log(), 13, LINES["CIV"])
    assert box[:5].tolist() == [-1, 3, 3, 4, -1]
    assert (box[5:] == -1).all()
    assert known.all()


def test_absorption_is_known_of_some():
    truth = TRUTH.copy()
    truth["BI"][1] = np.nan
    box, known = true_box(truth, "CIV_BAL", Grid.log(), 13, LINES["CIV"])
    assert known[:5].tolist() == [False, False, True, True, False]  # z = 1, 0.5: off the grid
    assert known[5:].all()
    assert box[[2, 3]].tolist() == [3, -1]


def test_near_is_within_one_box():
    found = near(np.array([3, 4, 5, 0]), np.array([4, 4, 3, -1]))
    assert found.tolist() == [True, True, False, False]


def test_heads_of_a_catalogue():
    heads = of_catalog(FOUND_ROWS, TRUTH, Grid.log(), 13, REST)
    assert list(heads) == NAMES
    mgii = heads["MgII"]
    assert mgii.count.sum() == 9  # one was not run
    assert mgii.observed[9] == pytest.approx(2 / 3)  # the sky fibre is wrong
    assert mgii.observed[6] == 0  # catastrophic
    bal = heads["CIV_BAL"]
    assert bal.count.sum() == 8  # nothing is known at z = 1
    assert bal.observed[9] == 1


def test_a_head_of_which_nothing_is_known_is_left_out():
    truth = TRUTH[:4].copy()
    truth["BI"] = np.nan
    heads = of_catalog(FOUND_ROWS[:4], truth, Grid.log(), 13, REST)
    assert list(heads) == NAMES[:-1]

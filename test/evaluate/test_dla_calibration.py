"""Honest errors of absorbers: known mistakes are found and taken back."""

import math

import numpy as np
import pytest

from desinn.evaluate.absorber_errors import pairs_of, pull
from desinn.evaluate.absorbers import select
from desinn.evaluate.dla_calibration import (
    Correction,
    DLACalibration,
    apply,
    bake,
    calibrate,
)
from desinn.nn import Network
from helpers import sightline_network as dark
from helpers.absorbers import found_of, lines_of, random_case, true_of

CELL = 4e-4 * math.log(10)


@pytest.fixture(scope="module")
def case():
    """Errors of 0.1 stated as 0.05, log N too large by 0.08; z right to 8e-4, stated as 0.001."""
    return random_case(np.random.default_rng(11), 600, stated=0.05, shift=0.08)


@pytest.mark.parametrize("by", ["found", "true"])
def test_known_mistakes_are_found(case, by):
    result = calibrate(*case, CELL, threshold=0.3, by=by)
    assert result.nhi.shift == pytest.approx(-0.08, abs=0.02)
    assert result.nhi.error(0.05) == pytest.approx(0.1, rel=0.08)
    assert result.place.shift == pytest.approx(0, abs=0.03)
    stated, off = (error / (3.2 * CELL) for error in (1e-3, 1 / 1215.67))  # at the mean redshift
    assert result.place.error(stated) == pytest.approx(off, rel=0.08)
    assert result.threshold == 0.3
    assert 500 < result.pairs < 1000


def test_the_pulls_are_honest_afterwards(case):
    found, truth, lines = case
    result = calibrate(*case, CELL)
    better = apply(found, result, CELL)
    again = calibrate(better, truth, lines, CELL, threshold=result.threshold)
    stated = better["Z_DLA_ERR"] / (1 + better["Z_DLA"]) / CELL
    for said, error in ((again.nhi, better["NHI_ERR"][0]), (again.place, np.median(stated))):
        assert said.shift == pytest.approx(0, abs=0.01)
        assert said.error(error) == pytest.approx(error, rel=0.03)
    rows = pairs_of(select(better, truth, lines), result.threshold)
    pulled = pull(rows[rows["NHI_TRUE"] >= 20.3], "NHI")
    assert abs(np.median(pulled)) < 0.15
    assert 0.85 < pulled[np.abs(pulled) < 4].std() < 1.15
    assert found["NHI_ERR"][0] == 0.05  # not changed


def test_the_threshold_is_that_of_the_shifted_columns():
    """Without the shift of -0.5 the surest one would be a false detection."""
    true = [20.6 + 0.01 * i for i in range(12)]
    truth = true_of(*((i, 4000, nhi) for i, nhi in enumerate(true)))
    off = np.where(np.arange(12) % 2, 0.45, 0.55)
    found = found_of(
        *((i, 4000 + (-1) ** i, true[i] + off[i], 0.6) for i in range(12)),
        *((i, 4500, 20.6, 0.7) for i in range(12)),
    )
    lines = lines_of(*((i, 3.0) for i in range(12)))
    result = calibrate(found, truth, lines, CELL)
    assert result.nhi.shift == pytest.approx(-0.5, abs=0.01)
    assert result.threshold == 0.5
    strict = calibrate(found, truth, lines, CELL, min_purity=0.9)
    assert strict.threshold == 0.5


def test_outliers_decide_nothing(case):
    found, truth, lines = case
    wild = found.copy()
    wild["NHI"][:20] += 1.5
    before, after = (
        calibrate(*case, CELL, threshold=0.3),
        calibrate(wild, truth, lines, CELL, threshold=0.3),
    )
    assert after.nhi.error(0.05) == pytest.approx(before.nhi.error(0.05), rel=0.05)
    assert after.nhi.shift == pytest.approx(before.nhi.shift, abs=0.01)


def test_errors_that_vary_too_much_or_too_little():
    """What is stated goes as the square of what is: half the slope makes all of it honest."""
    rng = np.random.default_rng(3)
    found, truth, lines = random_case(rng, 1500)
    true = rng.uniform(0.05, 0.4, len(truth))
    found["NHI"][: len(truth)] = truth["NHI"] + rng.normal(0.03, true)
    found["NHI_ERR"][: len(truth)] = 2 * true**2
    result = calibrate(found, truth, lines, CELL, threshold=0.3, by="true")
    assert result.nhi.slope == pytest.approx(0.5, abs=0.05)
    for error in (0.07, 0.15, 0.35):
        assert result.nhi.error(2 * error**2) == pytest.approx(error, rel=0.1)
    assert result.nhi.shift == pytest.approx(-0.03, abs=0.02)


def test_what_cannot_be_calibrated_is_refused(case):
    found, truth, lines = case
    with pytest.raises(ValueError, match="by: expected one of found, true, found 'both'"):
        calibrate(*case, CELL, by="both")
    silent = found.copy()
    silent["Z_DLA_ERR"] = np.nan
    with pytest.raises(
        ValueError, match="Z: expected at least 10 pairs with an error above 0, fou"
    ):
        calibrate(silent, truth, lines, CELL, threshold=0.3)
    exact = found_of(*((i, 4000, 20.5, 0.9) for i in range(12)))
    same = true_of(*((i, 4000, 20.5) for i in range(12)))
    with pytest.raises(ValueError, match="NHI: expected pulls that scatter"):
        calibrate(exact, same, lines_of(*((i, 1.0) for i in range(12))), CELL, threshold=0.3)


def test_into_the_network():
    """What it says afterwards is what was asked for, through an affine as well."""
    header, arrays = dark.header(), dark.arrays()
    header["nodes"].append(
        {"name": "twice", "op": "affine", "inputs": ["nhi"], "scale": 2.0, "shift": -20.0}
    )
    header["outputs"]["nhi"] = "twice"
    said = DLACalibration(Correction(0.1, 0.5, 0.3), Correction(-0.2, 2.0, 0.1), 0.15, 99)
    new, new_arrays = bake(header, arrays, said)
    x = np.zeros((1, 20, 7), "f4")
    before, after = (Network(*both)(x) for both in ((header, arrays), (new, new_arrays)))
    for name, slope, more in (("nhi", 1, 0.1), ("nhi_lnerr", 0.5, 0.3), ("offset", 1, -0.2),
                              ("offset_lnerr", 2, 0.1), ("confidence", 1, 0)):  # fmt: skip
        assert after[name] == pytest.approx(slope * before[name] + more, abs=5e-6)
    assert new["interpret"]["threshold"] == new["interpret"]["floor"] == 0.15
    assert header["interpret"]["threshold"] == 0.5


def test_a_network_that_has_no_bias_there():
    header = dark.header()
    header["outputs"]["nhi_lnerr"] = "confidence"
    with pytest.raises(ValueError, match=r"output nhi_lnerr: expected a conv .* found sigmoid"):
        bake(header, dark.arrays(), DLACalibration(Correction(0.1), Correction(), 0.5, 99))

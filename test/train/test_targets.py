"""Targets from the truth; the finder reads them back."""

import numpy as np
import pytest

from desinn.simulate.grid import TRUTH
from desinn.train.recipe import finder_for
from desinn.train.targets import qso_targets
from helpers.spectra import quasar_model

HEADS = ["LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha", "CIV_BAL"]


@pytest.fixture(scope="module")
def finder():
    return finder_for({**quasar_model()[0], "seed": 1})


def truth_of(*rows):
    truth = np.zeros(len(rows), TRUTH)
    for row, (spectype, z, bi) in enumerate(rows):
        truth[row]["TRUESPECTYPE"], truth[row]["TRUEZ"], truth[row]["BI"] = spectype, z, bi
    return truth


def test_by_hand(finder):
    """Lyman alpha at z = 2.5: bin 1000 log10(1215.67 * 3.5 / 3600) = 72.58, / 34.08."""
    target = qso_targets(finder, truth_of(("QSO", 2.5, 0.0)))[0]
    assert target.shape == (7, 27)
    assert np.flatnonzero(target[0, :13]).tolist() == [2]
    assert target[0, 13 + 2] == pytest.approx(0.1299, abs=1e-4)
    assert np.count_nonzero(target[0, 13:26]) == 1
    assert target[:, -1].tolist() == [1] * 7


def test_lines_off_the_grid_have_no_box(finder):
    target = qso_targets(finder, truth_of(("QSO", 0.5, np.nan)))[0]
    on = dict(zip(HEADS, target[:, :13].any(axis=1), strict=True))
    assert on == dict(zip(HEADS, [False, False, False, True, True, True, False], strict=True))


@pytest.mark.parametrize("spectype", ["STAR", "GALAXY", "SKY"])
def test_others_have_no_line_and_no_broad_absorption(finder, spectype):
    target = qso_targets(finder, truth_of((spectype, 2.5, np.nan)))[0]
    assert not target[:, :-1].any()
    assert target[:, -1].all()


@pytest.mark.parametrize(
    ("z", "bi", "has", "known"),
    [
        (2.5, 800.0, True, True),
        (2.5, 0.0, False, True),
        (2.5, np.nan, False, False),
        (0.5, 0.0, False, False),
        (0.5, 800.0, False, False),
    ],
)
def test_broad_absorption(finder, z, bi, has, known):
    head = qso_targets(finder, truth_of(("QSO", z, bi)))[0, -1]
    assert head[:13].any() == has
    assert head[-1] == known
    if has:
        civ = qso_targets(finder, truth_of(("QSO", z, bi)))[0, 1]
        np.testing.assert_array_equal(head, civ)


def test_the_finder_reads_them_back(finder):
    z = np.linspace(0.05, 6, 500)
    target = qso_targets(finder, truth_of(*(("QSO", value, 0.0) for value in z)))
    outputs = {name: target[:, head, :-1] for head, name in enumerate(HEADS)}
    rows = finder.interpret(outputs, np.zeros(z.size, np.int32))
    np.testing.assert_allclose(rows["Z_QN"], z, atol=1e-5)

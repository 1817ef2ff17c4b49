"""Completeness and purity of absorbers that can be counted by hand."""

import numpy as np
import pytest

from desinn.evaluate.absorber_scores import (
    STEPS,
    best_threshold,
    by_nhi,
    by_snr,
    completeness_at_purity,
    curve,
    outcome,
    purity_at_completeness,
    score,
)
from desinn.evaluate.absorbers import select
from desinn.finders.absorbers import DLAFlag
from helpers.absorbers import found_of, lines_of, random_case, true_of

RATES = ("completeness", "completeness_strict", "purity", "purity_strict")


def counts(scored):
    return [(rate.k, rate.n) for rate in (getattr(scored, name) for name in RATES)]


def one(nhi_true, nhi_found, confidence=0.9, wave=4000, flag=0):
    """Return the counts for one absorber and one detection."""
    truth = true_of((1, 4000, nhi_true))
    found = found_of((1, wave, nhi_found, confidence, flag))
    return counts(score(select(found, truth, lines_of((1, 3.0))), 0.5))


@pytest.mark.parametrize(
    ("nhi_true", "nhi_found", "expected"),
    [
        (20.3, 20.3, [(1, 1), (1, 1), (1, 1), (1, 1)]),
        (20.3, 20.29, [(1, 1), (0, 1), (0, 0), (0, 0)]),
        (20.3, 20.0, [(1, 1), (0, 1), (0, 0), (0, 0)]),
        (20.3, 19.99, [(0, 1), (0, 1), (0, 0), (0, 0)]),
        (20.29, 20.3, [(0, 0), (0, 0), (1, 1), (0, 1)]),
        (20.0, 20.3, [(0, 0), (0, 0), (1, 1), (0, 1)]),
        (19.99, 20.3, [(0, 0), (0, 0), (0, 1), (0, 1)]),
        (20.1, 20.1, [(0, 0), (0, 0), (0, 0), (0, 0)]),
    ],
)
def test_the_tolerance_is_one_sided(nhi_true, nhi_found, expected):
    assert one(nhi_true, nhi_found) == expected


def test_what_does_not_pass_finds_nothing_and_costs_nothing():
    nothing = [(0, 1), (0, 1), (0, 0), (0, 0)]
    assert one(20.5, 20.5, confidence=0.49) == nothing
    assert one(20.5, 20.5, flag=int(DLAFlag.POTENTIAL_BAL)) == nothing
    assert one(20.5, 20.5, confidence=0.5) == [(1, 1)] * 4
    assert one(20.5, 20.5, wave=4011) == [(0, 1), (0, 1), (0, 1), (0, 1)]


def test_a_blend_found_once_is_one_of_two():
    truth = true_of((1, 4000, 20.5), (1, 4008, 20.6))
    found = found_of((1, 4005, 20.9, 0.9))
    sample = select(found, truth, lines_of((1, 3.0)))
    assert counts(score(sample, 0.5)) == [(1, 2), (1, 2), (1, 1), (1, 1)]
    assert outcome(sample, 0.5).hit.tolist() == [False, True]


def test_what_does_not_pass_takes_nobodys_place():
    """A weak, an unsure and a flagged candidate are nearer than the detection."""
    truth = true_of((1, 4000, 20.5))
    found = found_of(
        (1, 4000, 19.8, 0.9), (1, 4001, 20.5, 0.1), (1, 4002, 20.5, 0.9, 1), (1, 4005, 20.6, 0.9)
    )
    sample = select(found, truth, lines_of((1, 3.0)))
    assert counts(score(sample, 0.5)) == [(1, 1)] * 4


def test_a_candidate_below_the_limit_does_not_make_a_detection_false():
    """With the tolerance the nearer one, of 20.1, is the match; the detection's is the DLA."""
    found = found_of((1, 4001, 20.1, 0.9), (1, 4005, 20.6, 0.9))
    sample = select(found, true_of((1, 4000, 20.5)), lines_of((1, 3.0)))
    assert counts(score(sample, 0.5)) == [(1, 1)] * 4


def test_matches_with_what_does_not_count_are_left_out():
    """One just outside of the searched range, and one that is not there."""
    truth = true_of((1, 3699, 20.8))
    found = found_of((1, 3702, 20.8, 0.9), (1, 4000, 20.8, 0.9))
    sample = select(found, truth, lines_of((1, 3.0)))
    assert counts(score(sample, 0.5)) == [(0, 0), (0, 0), (0, 1), (0, 1)]


@pytest.fixture
def sample():
    """Of S/N 0.5, 2 and 5: a DLA missed, one found, one found weakly, and a false one."""
    truth = true_of((1, 4000, 20.4), (2, 4000, 20.7), (3, 4000, 20.4), (3, 4300, 22.0))
    found = found_of(
        (2, 4001, 21.0, 0.9), (3, 4002, 20.2, 0.8), (3, 4500, 20.5, 0.7), (3, 4302, 21.8, 0.6)
    )
    return select(found, truth, lines_of((1, 0.5), (2, 2.0), (3, 5.0), (4, -1.0)))


def test_bins_of_snr(sample):
    bins = {ends: (lines, counts(s)) for ends, lines, s in by_snr(sample, 0.5)}
    assert bins == {
        (-np.inf, 1): (1, [(0, 1), (0, 1), (0, 0), (0, 0)]),
        (1, 3): (1, [(1, 1), (1, 1), (1, 1), (1, 1)]),
        (3, np.inf): (1, [(2, 2), (1, 2), (1, 2), (1, 2)]),
    }
    assert by_snr(sample, 0.5, [(10, 20)]) == []


def test_bins_of_column_densities(sample):
    """Completeness by the true one, purity by what was found."""
    bins = {ends: counts(s) for ends, s in by_nhi(sample, 0.5)}
    assert bins == {
        (20.0, 20.3): [(0, 0), (0, 0), (1, 1), (1, 1)],
        (20.3, 20.6): [(1, 2), (0, 2), (0, 1), (0, 1)],
        (20.6, 20.9): [(1, 1), (1, 1), (0, 0), (0, 0)],
        (20.9, 21.2): [(0, 0), (0, 0), (1, 1), (1, 1)],
        (21.5, np.inf): [(1, 1), (1, 1), (1, 1), (1, 1)],
    }


def test_bins_and_total_agree():
    sample = select(*random_case(np.random.default_rng(8)))
    total = counts(score(sample, 0.5))
    for parts in (
        [s for *_, s in by_snr(sample, 0.5)],
        [s for ends, s in by_nhi(sample, 0.5) if ends[0] >= 20.3],
    ):
        summed = np.sum([counts(s) for s in parts], axis=0)
        assert summed.tolist() == [list(pair) for pair in total]
    narrow = score(sample, 0.5, confidence=0.5).purity
    wide = score(sample, 0.5).purity
    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_tolerance_never_makes_it_worse():
    rng = np.random.default_rng(9)
    sample = select(*random_case(rng, nhi_error=0.4))
    for s in curve(sample):
        assert s.completeness.k >= s.completeness_strict.k
        assert s.purity.k >= s.purity_strict.k
        assert s.purity.n == s.purity_strict.n


def test_the_curve(sample):
    points = curve(sample)
    assert [s.threshold for s in points] == pytest.approx([0.6, 0.7, 0.8, 0.9])
    assert [s.completeness.k for s in points] == [3, 2, 2, 1]
    assert [(s.purity.k, s.purity.n) for s in points] == [(2, 3), (1, 2), (1, 1), (1, 1)]
    assert [counts(s) for s in curve(sample, [0.75])] == [counts(score(sample, 0.75))]
    long = curve(select(*random_case(np.random.default_rng(2), sightlines=400)))
    assert len(long) == STEPS


def test_the_best_with_so_much_of_the_other(sample):
    points = curve(sample)
    assert completeness_at_purity(points, 0.6).threshold == pytest.approx(0.6)
    pure = completeness_at_purity(points, 0.9)
    assert (pure.threshold, pure.completeness.k) == (pytest.approx(0.8), 2)
    assert completeness_at_purity(points, 1.01) is None
    assert purity_at_completeness(points, 0.75).threshold == pytest.approx(0.6)
    assert purity_at_completeness(points, 0.25).purity.value == 1
    assert purity_at_completeness(points, 0.76) is None
    strict = completeness_at_purity(points, 0.9, strict=True)
    assert strict.completeness_strict.k == 1


def test_a_threshold_for_the_weights_file():
    """Four DLAs of confidence 0.9, one of 0.3; false ones of 0.55 and 0.1."""
    truth = true_of(*((i, 4000, 20.8) for i in range(5)))
    found = found_of(
        *((i, 4000, 20.8, 0.9 if i else 0.3) for i in range(5)),
        (1, 4500, 20.8, 0.55),
        (2, 4500, 20.8, 0.1),
    )
    sample = select(found, truth, lines_of(*((i, 3.0) for i in range(5))))
    assert best_threshold(sample) == 0.3  # 5/5 and 5/6; above, 4/5 and 4/4, is less
    assert best_threshold(sample, min_purity=0.9) == 0.56
    assert best_threshold(sample, min_completeness=0.8) == 0.56
    assert best_threshold(sample, min_completeness=0.9) == 0.3
    assert best_threshold(sample, thresholds=[0.05, 0.95]) == 0.05
    with pytest.raises(ValueError, match=r"purity: expected a threshold with 0\.9, found at most"):
        best_threshold(sample, min_purity=0.9, thresholds=[0.05])
    with pytest.raises(ValueError, match="found both"):
        best_threshold(sample, 0.5, 0.5)
    with pytest.raises(ValueError, match="to choose by, found none"):
        best_threshold(select(found[:0], truth, sample.sightlines))


def test_an_empty_catalogue():
    sample = select(found_of(), true_of((1, 4000, 20.5)), lines_of((1, 3.0)))
    assert counts(score(sample, 0.5)) == [(0, 1), (0, 1), (0, 0), (0, 0)]
    assert curve(sample) == []
    assert completeness_at_purity([], 0.5) is None

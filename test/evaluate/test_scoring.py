"""Scores of ten spectra whose every number can be counted by hand."""

import numpy as np
import pytest

from desinn.evaluate.scoring import (
    C_KMS,
    as_bal,
    by_class,
    by_redshift,
    by_snr,
    is_quasar,
    score,
)
from desinn.spectra import LINES, Grid
from helpers.evaluation import FOUND_ROWS, TRUTH


def counts(rate):
    return rate.k, rate.n


def test_the_score():
    result = score(FOUND_ROWS, TRUTH, 0.5)
    assert counts(result.completeness) == (3, 5)
    assert counts(result.right) == (2, 5)
    assert counts(result.purity) == (3, 4)
    assert counts(result.sky) == (1, 2)
    assert counts(result.wrong) == (1, 3)
    assert np.flatnonzero(result.missed).tolist() == [3, 4]
    assert np.flatnonzero(result.false).tolist() == [5, 8]
    assert np.flatnonzero(result.catastrophic).tolist() == [2]
    assert np.flatnonzero(result.not_run).tolist() == [4]
    assert result.median.value == pytest.approx(C_KMS * 0.001)
    assert result.median.n == 2
    assert result.mad.value == pytest.approx(0, abs=1e-6)
    assert np.isnan(result.dv[3:]).all()
    assert result.dv[2] == pytest.approx(C_KMS * (0.9 - 2) / 3)


def test_higher_thresholds_find_fewer():
    result = score(FOUND_ROWS, TRUTH, 0.95)
    assert counts(result.completeness) == (2, 5)
    assert counts(result.purity) == (2, 2)
    assert counts(result.wrong) == (0, 2)
    assert counts(score(FOUND_ROWS, TRUTH, 0.99).completeness) == (1, 5)


def test_without_a_threshold_the_catalogue_decides():
    found = FOUND_ROWS.copy()
    found["IS_QSO_QN"] = [0, 0, 0, 1, -1, 0, 0, 0, 0, 0]
    assert np.flatnonzero(is_quasar(found)).tolist() == [3]
    assert counts(score(found, TRUTH).completeness) == (1, 5)


def test_lines_are_counted_and_absorption_is_not_one():
    assert is_quasar(FOUND_ROWS, 0.2, 2).sum() == 3  # 0.25 of 0.999, 0.97, 0.96
    assert is_quasar(FOUND_ROWS, 0.2, 6).sum() == 3
    found = FOUND_ROWS.copy()
    found["C_CIV_BAL"] = 1
    np.testing.assert_array_equal(is_quasar(found, 0.5), is_quasar(FOUND_ROWS, 0.5))


def test_what_was_not_run_is_never_found():
    found = FOUND_ROWS.copy()
    found["C_LYA"][4] = 1  # against the rules
    assert not is_quasar(found, 0.5)[4]


def test_the_limit_is_a_parameter():
    assert score(FOUND_ROWS, TRUTH, 0.5, limit=200).wrong.k == 3
    assert score(FOUND_ROWS, TRUTH, 0.5, limit=2e5).wrong.k == 0


def test_a_redshift_that_is_none_is_catastrophic():
    found = FOUND_ROWS.copy()
    found["Z_QN"][0] = np.nan
    assert score(found, TRUTH, 0.5).catastrophic[0]


def test_rows_must_belong_together():
    with pytest.raises(ValueError, match="found 10 and 9"):
        score(FOUND_ROWS, TRUTH[1:])


def test_nothing_at_all():
    result = score(FOUND_ROWS[:0], TRUTH[:0], 0.5)
    assert counts(result.completeness) == (0, 0)
    assert np.isnan(result.median.value)


def test_bins_of_snr():
    bins = dict(by_snr(FOUND_ROWS, TRUTH, c_thresh=0.5))
    assert list(bins) == [(0.2, 0.5), (0.5, 1), (1, 2), (2, 5), (2, np.inf)]
    assert counts(bins[2, 5].completeness) == (1, 2)
    assert counts(bins[2, 5].purity) == (1, 2)  # the star of S/N 3
    assert counts(bins[1, 2].purity) == (1, 1)
    assert counts(bins[0.5, 1].wrong) == (1, 1)
    assert all(result.sky.n == 0 for result in bins.values())


def test_bins_of_redshift_are_true_ones_but_for_purity():
    bins = dict(by_redshift(FOUND_ROWS, TRUTH, c_thresh=0.5))
    assert counts(bins[2, 2.5].completeness) == (2, 3)
    assert counts(bins[2, 2.5].wrong) == (1, 2)
    assert counts(bins[2, 2.5].purity) == (1, 1)
    assert counts(bins[0.5, 1].purity) == (1, 1)  # that of z = 2, put there
    assert counts(bins[1, 1.5].purity) == (1, 2)  # with the star
    assert (3, 4) not in bins  # the sky fibre


def test_classes():
    rates = {(kind, sub): counts(rate) for kind, sub, rate in by_class(FOUND_ROWS, TRUTH, 0.5)}
    assert next(iter(rates)) == ("QSO", "all")
    assert rates["QSO", "all"] == (3, 5)
    assert rates["QSO", "BAL"] == (2, 2)
    assert rates["STAR", "all"] == (1, 2)
    assert rates["STAR", "M"] == (1, 1)
    assert rates["GALAXY", ""] == (0, 1)
    assert ("GALAXY", "all") not in rates


def test_broad_absorption():
    bal, other = as_bal(FOUND_ROWS, TRUTH, Grid.log(), LINES["CIV"])
    assert counts(bal) == (1, 2)
    assert counts(other) == (1, 1)  # z = 2.2; at z = 1 and 0.5 CIV is off the grid
    bal, other = as_bal(FOUND_ROWS, TRUTH, Grid.log(), LINES["CIV"], threshold=0.2)
    assert counts(bal) == (2, 2)
    unknown = TRUTH.copy()
    unknown["BI"] = np.nan
    assert [r.n for r in as_bal(FOUND_ROWS, unknown, Grid.log(), LINES["CIV"])] == [0, 0]

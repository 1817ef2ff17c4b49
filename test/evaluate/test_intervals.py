"""Intervals, against published values and by counting how often they hold."""

import math

import numpy as np
import pytest

from desinn.evaluate import bootstrap, spread, wilson
from desinn.evaluate.intervals import clipped, moments, rate


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, method 3 of his table I
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_values(k, n, low, high):
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_ends_where_fractions_end():
    low, high = wilson(3, 11)
    assert wilson(8, 11) == pytest.approx((1 - high, 1 - low))
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_more_confidence_is_wider():
    assert wilson(5, 10, 0.99)[0] < wilson(5, 10)[0] < wilson(5, 10, 0.68)[0]


@pytest.mark.parametrize(("k", "n", "confidence"), [(-1, 3, 0.9), (4, 3, 0.9), (1, 3, 1.0)])
def test_wilson_refuses_what_is_no_fraction(k, n, confidence):
    with pytest.raises(ValueError, match="expected"):
        wilson(k, n, confidence)


def test_rate_counts():
    yes, of = np.array([True, True, False, True]), np.array([True, True, True, False])
    found = rate(yes, of)
    assert (found.k, found.n, found.value) == (2, 3, 2 / 3)
    assert math.isnan(rate(yes, np.zeros(4, bool)).value)


def test_spread_of_hand_values():
    assert spread([1, 2, 3, 4, 100]) == (3.0, 1.48)
    median, mad = spread([[1, 2, 6], [5, 5, 5]])
    assert median.tolist() == [2, 5]
    assert mad.tolist() == [1.48, 0]


def test_spread_of_a_gaussian_is_its_deviation():
    values = np.random.default_rng(2).normal(7, 3, 100_000)
    median, mad = spread(values)
    assert median == pytest.approx(7, abs=0.05)
    assert mad == pytest.approx(3, abs=0.05)


def test_bootstrap_is_seeded():
    values = np.random.default_rng(3).normal(size=50)
    first, second, other = (bootstrap(np.random.default_rng(s), values) for s in (1, 1, 2))
    assert first == second
    assert first != other


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(4)
    found = [bootstrap(rng, rng.normal(5, 2, 80), resamples=200) for _ in range(200)]
    for number, true in enumerate((5, 2 * 1.48 * 0.67449)):
        covered = np.mean([pair[number].low <= true <= pair[number].high for pair in found])
        assert 0.88 < covered < 0.995


def test_bootstrap_draws_large_samples_in_parts(monkeypatch):
    from desinn.evaluate import intervals

    values = np.random.default_rng(5).normal(size=30)
    monkeypatch.setattr(intervals, "DRAWS_AT_ONCE", 1000)
    median, mad = bootstrap(np.random.default_rng(1), values)
    assert median.low < median.value < median.high
    assert mad.low < mad.value < mad.high


def test_bootstrap_of_few():
    median, mad = bootstrap(np.random.default_rng(1), [])
    assert median.n == mad.n == 0
    assert math.isnan(median.value)
    median, _ = bootstrap(np.random.default_rng(1), [4.0])
    assert median.value == 4
    assert math.isnan(median.low)


def test_outliers_are_clipped_once():
    mean, deviation = clipped([[0, 1, -1, 0, 50], [2, 2, 2, 2, 3]])
    assert mean.tolist() == [0, 2]
    assert deviation.tolist() == [pytest.approx(0.5**0.5), 0]
    assert clipped([0, 1, -1, 0, 50], limit=100)[0] == 10


def test_moments_of_hand_values():
    mean, deviation = moments([[1, 3], [5, 5]])
    assert (mean.tolist(), deviation.tolist()) == ([2, 5], [1, 0])


@pytest.mark.parametrize("of", [moments, clipped])
def test_bootstrap_of_other_statistics(of):
    values = np.random.default_rng(6).normal(3, 2, 2000)
    mean, deviation = bootstrap(np.random.default_rng(1), values, of=of)
    assert (mean.value, deviation.value) == pytest.approx(of(values))
    assert mean.low < 3 < mean.high
    assert deviation.high - deviation.low == pytest.approx(2 * 1.96 * 2 / 4000**0.5, rel=0.25)

"""Errors and pulls of absorbers."""

import numpy as np
import pytest

from desinn.evaluate.absorber_errors import PAIR, errors, pairs_of, pull, pulls
from desinn.evaluate.absorbers import select
from helpers.absorbers import found_of, lines_of, random_case, true_of


def pairs(nhi, error, true=20.5):
    rows = np.zeros(len(nhi), PAIR)
    rows["NHI"], rows["NHI_ERR"], rows["NHI_TRUE"] = nhi, error, true
    rows["Z"], rows["Z_TRUE"], rows["Z_ERR"] = 2.501, 2.5, 0.002
    return rows


def test_pairs():
    truth = true_of((1, 4000, 20.5), (2, 4000, 18.9), (2, 4003, 19.5), (3, 3699, 20.5))
    found = found_of(
        (1, 4002, 20.6, 0.9), (2, 4000, 19.4, 0.9), (3, 3702, 20.5, 0.9), (3, 4100, 20.5, 0.9),
        (1, 4000, 20.5, 0.1), (1, 4000, 20.5, 0.9, 1),
    )  # fmt: skip
    sample = select(found, truth, lines_of((1, 3.0), (2, -1), (3, 1.0)))
    rows = pairs_of(sample, 0.5)
    assert rows["TARGETID"].tolist() == [1, 2]
    assert rows["NHI_TRUE"].tolist() == [20.5, 19.5]
    assert rows["SNR"][0] == 3
    assert np.isnan(rows["SNR"][1])
    assert (rows["Z"] - rows["Z_TRUE"]) * 1215.67 == pytest.approx([2, -3])
    assert rows["Z_ERR"].tolist() == [0.001, 0.001]
    assert pairs_of(sample, 0.5, weakest=18)["NHI_TRUE"].tolist() == [20.5, 18.9]


def test_errors_of_hand_values():
    told = errors(pairs(20.5 + np.array([-0.2, -0.1, 0, 0.1, 0.2, 3.0]), 0.1), "NHI")
    assert told.median.value == pytest.approx(0.05)
    assert told.mad.value == pytest.approx(0.15 * 1.48)
    assert told.mean.value == pytest.approx(0)
    assert told.sigma.value == pytest.approx(np.sqrt(0.02))
    assert told.sigma.n == 6
    assert told.sigma.low <= told.sigma.value <= told.sigma.high


def test_pulls_of_hand_values():
    rows = pairs([20.6, 20.4, 20.9, 20.5, 20.7, 20.5], [0.1, 0.1, 0.1, np.nan, 0, -1])
    assert pull(rows, "NHI") == pytest.approx([1, -1, 4])
    told = pulls(rows, "NHI")
    assert told.mean.value == pytest.approx(4 / 3)
    assert told.spread.value == pytest.approx(np.std([1, -1, 4]))
    assert told.mad.value == pytest.approx(2 * 1.48)
    assert (told.far.k, told.far.n, told.without) == (1, 3, 3)
    assert pulls(rows, "Z").mean.value == pytest.approx(0.5)


def test_errors_that_nobody_states():
    told = pulls(pairs([20.6, 20.4], np.nan), "NHI")
    assert (told.mean.n, told.without) == (0, 2)
    assert np.isnan(told.spread.value)


def test_outliers_are_clipped_and_counted():
    rng = np.random.default_rng(3)
    off = rng.normal(0.2, 1, 4000)
    off[:40] = 30
    told = pulls(pairs(20.5 + 0.1 * off, 0.1), "NHI")
    assert told.spread.value > 2
    assert told.clipped_spread.value == pytest.approx(1, abs=0.05)
    assert told.clipped_mean.value == pytest.approx(0.2, abs=0.05)
    assert told.clipped_mean.low < 0.2 < told.clipped_mean.high
    assert told.far.k == pytest.approx(40 + 0.0031 * 4000, abs=12)


def test_errors_of_a_catalogue():
    rows = pairs_of(select(*random_case(np.random.default_rng(4), shift=0.05)), 0.3)
    told = errors(rows, "NHI")
    assert told.sigma.value == pytest.approx(0.1, abs=0.01)
    assert told.median.value == pytest.approx(0.05, abs=0.015)
    assert errors(rows, "Z").mad.value == pytest.approx(1 / 1215.67, rel=0.15)
    assert errors(rows, "NHI") == told  # seeded
    assert errors(rows, "NHI", seed=1) != told

"""Coefficient vectors: which, and how they are blended; where templates end."""

import numpy as np
import pytest

from desinn.simulate import archetypes


def test_training_and_test_share_no_vector():
    train, test = (set(archetypes.coefficient_rows(20, split)) for split in archetypes.SPLITS)
    assert test == {3, 7, 11, 15, 19}
    assert train | test == set(archetypes.coefficient_rows(20)) == set(range(20))
    assert not train & test


def test_an_unknown_split():
    with pytest.raises(ValueError, match="expected a split of train, test or None, found 'both'"):
        archetypes.coefficient_rows(20, "both")


def test_half_of_the_vectors_are_blended():
    drawn = archetypes.blended(np.random.default_rng(1), 5 * np.eye(40), 4000)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.sum(axis=1), 1, rtol=1e-6)
    assert drawn.max(axis=1).min() >= 0.7
    assert 0.44 < ((drawn > 0).sum(axis=1) == 2).mean() < 0.54


@pytest.mark.parametrize("split", archetypes.SPLITS)
def test_blends_are_of_one_part(split):
    drawn = archetypes.blended(np.random.default_rng(1), np.eye(40), 2000, split)
    used = set(np.flatnonzero(drawn.any(axis=0)))
    assert used == set(archetypes.coefficient_rows(40, split))


def test_too_few_vectors_to_split():
    with pytest.raises(ValueError, match="expected more than 3 vectors to split off 'test'"):
        archetypes.blended(np.random.default_rng(1), np.eye(3), 2, "test")


def test_templates_go_on():
    table = np.tile(np.arange(300.0, dtype="f4"), (2, 1))
    table[:, :100] = table[:, 200:] = np.nan
    done = archetypes.extended(table)
    np.testing.assert_array_equal(done[:, :100], np.arange(100, 150).mean())
    np.testing.assert_array_equal(done[:, 200:], np.arange(150, 200).mean())
    np.testing.assert_array_equal(done[0, 100:200], np.arange(100, 200))


def test_a_template_beside_the_grid():
    with pytest.raises(ValueError, match="does not reach into the grid"):
        archetypes.extended(np.full((1, 10), np.nan, "f4"))


def test_scaling():
    flux = np.array([[-1, 2, 4, 6, 8], [0, 0, 0, 0, 5], [0, 0, 0, 0, 0]], "f4")
    np.testing.assert_allclose(
        archetypes.scaled(flux), [[0, 0.5, 1, 1.5, 2], [0, 0, 0, 0, 5], [0, 0, 0, 0, 0]]
    )


def test_shares_sum_to_one():
    assert archetypes.shares_of({"a": 1, "b": 3}, "abc") == {"a": 0.25, "b": 0.75}


@pytest.mark.parametrize("mix", [{"d": 1}, {"a": -1, "b": 2}, {"a": 0}, {}])
def test_a_mix_that_is_none(mix):
    with pytest.raises(ValueError, match="expected positive shares of a, b, c, found"):
        archetypes.shares_of(mix, "abc")

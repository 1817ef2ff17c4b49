"""The published labels and losses of windows: by hand, and the loss against Keras."""

import numpy as np
import pytest

from desinn.simulate.columns import ABSORBER
from desinn.simulate.grid import TRUTH
from desinn.train.windows import (
    counts,
    keras_loss,
    loss_value,
    window_labels,
    window_metrics,
)


def runs(values):
    """Return values that follow each other and how often: [[0, 40], [1, 121], ...]."""
    edges = np.flatnonzero(np.diff(values)) + 1
    return [[int(part[0]), len(part)] for part in np.split(values, edges)]


@pytest.mark.parametrize(("window", "near"), [(400, 60), (600, 90)])
def test_an_absorber_by_hand(window, near):
    label, nearest = window_labels(np.array([500]), np.array([-5000]), 1000, window)
    rest = 500 - 2 * near
    assert runs(label) == [
        [0, rest], [-1, near], [1, 2 * near + 1], [-1, near], [0, rest - 1]
    ]  # fmt: skip
    np.testing.assert_array_equal(nearest, np.where(label == 1, 0, -1))


def test_lyman_beta_is_not_used_but_where_an_absorber_is():
    label, _ = window_labels(np.array([2000]), np.array([500]), 2500, 400)
    assert runs(label[:1500]) == [[0, 440], [-1, 121], [0, 939]]
    label, _ = window_labels(np.array([2000, 450]), np.array([500, -900]), 2500, 400)
    assert runs(label[:1500]) == [[0, 330], [-1, 60], [1, 121], [-1, 60], [0, 929]]


def test_the_nearest_of_two_is_the_one():
    label, nearest = window_labels(np.array([550, 500]), np.array([-900, -950]), 1000, 400)
    assert runs(label) == [[0, 380], [-1, 60], [1, 171], [-1, 60], [0, 329]]
    assert nearest[525] in (0, 1)
    assert set(nearest[440:525]) == {1}
    assert set(nearest[526:611]) == {0}


def test_absorbers_beside_the_spectrum_and_none():
    label, _ = window_labels(np.array([-20]), np.array([-999]), 300, 400)
    assert runs(label) == [[1, 41], [-1, 60], [0, 199]]
    label, nearest = window_labels(np.array([], int), np.array([], int), 5, 400)
    assert not label.any()
    assert (nearest == -1).all()


@pytest.mark.parametrize(
    ("seen", "nhi", "z", "counted"),
    [
        (4000, 20.3, 2.5, True),
        (4000, 19.31, 2.5, True),
        (4000, 19.3, 2.5, False),
        (3699, 20.3, 2.1, False),
        (4000, 20.3, 3.5, False),  # at rest 889 A
        (4000, 20.3, 2.27, False),  # at rest 1223 A
        (4000, 20.3, 2.29, True),
    ],
)
def test_which_absorbers_count(seen, nhi, z, counted):
    absorbers = np.array([(0, seen / 1215.67 - 1, nhi)], ABSORBER)
    assert counts(absorbers, [z]).tolist() == [counted]


# Two windows: an absorber 5 pixels on, and none.
HAND = np.float32([[1, 5, 20.5], [0, 0, 0]])
SAID = np.float32([[0.8, 4, 20.3], [0.3, 3, 17.0]])
CLASS = -np.log(0.8) - np.log(0.7)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (CLASS + 0.5 * (1 + 9) + 0.04) / 2),
        ({"class_weight": 3.0}, (3 * CLASS + 0.5 * (1 + 9) + 0.04) / 2),
        ({"offset_weight": 0.1, "nhi_weight": 2.0}, (CLASS + 0.1 * (1 + 9) + 0.08) / 2),
    ],
)
def test_loss_by_hand(settings, expected):
    """The offset shall be 0 where nothing is; the column density is free there."""
    assert loss_value(HAND, SAID, **settings) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("case", ["mixed", "no absorber", "certain"])
def test_keras_agrees(case):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    rng = np.random.default_rng(1)
    target = np.where(rng.random((50, 1)) < 0.5, rng.uniform(1, 22, (50, 3)), 0).astype("f4")
    target[:, 0] = target[:, 0] > 0
    said = rng.normal(0, 5, (50, 3)).astype("f4")
    said[:, 0] = rng.random(50)
    if case == "no absorber":
        target[:] = 0
    elif case == "certain":
        said[:, 0] = np.round(said[:, 0])
    settings = {"class_weight": 1.3, "offset_weight": 0.6, "nhi_weight": 1.7}
    value = float(keras_loss(**settings)(target, said))
    assert value == pytest.approx(loss_value(target, said, **settings), rel=2e-6)


def test_figures_by_hand():
    target = np.float32([[1, 2, 20.5], [1, -1, 20.3], [1, 0, 19.9], [0, 0, 0], [0, 0, 0]])
    said = target + np.float32([[0, 1, 0.1], [0, 3, 0.3], [0, -1, 5], [0, 9, 9], [0, 9, 9]])
    said[:, 0] = [0.9, 0.2, 0.8, 0.6, 0.1]
    truth = np.zeros(5, TRUTH)
    truth["SNR"] = [5, 5, 5, 1, 5]
    found = window_metrics(said, target, truth, 2.0)
    expected = {"completeness": 2 / 3, "purity": 1, "purity_all": 2 / 3, "nhi_bias": 0.2,
                "nhi_error": 0.148, "offset_error": 2.96}  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert np.isnan(list(window_metrics(said[:0], target[:0], truth[:0]).values())).all()

"""Absorbers cell by cell: targets and loss by hand, and the loss against Keras."""

import numpy as np
import pytest

from desinn.simulate.grid import TRUTH
from desinn.train.sightline import (
    SightlineTargets,
    keras_loss,
    loss_value,
    sightline_metrics,
)
from helpers.absorber_samples import FakeSightlines, placed


def targets_of(*absorbers, size=1, cells=40, near=4.0):
    sample = FakeSightlines(size, cells)
    sample.absorbers = placed(sample, *absorbers)
    return SightlineTargets(sample, near)[np.arange(size)]


def test_an_absorber_by_hand():
    """At 20.25: cells 17 to 24 are within 4 of it; 13 to 28 within 8."""
    target = targets_of((0, 20.25, 20.7))
    assert target.shape == (1, 40, 4)
    assert target.dtype == np.float32
    y, known, offset, nhi = target[0].T
    assert np.flatnonzero(y).tolist() == list(range(17, 25))
    assert np.flatnonzero(known == 0).tolist() == [13, 14, 15, 16, 25, 26, 27, 28]
    np.testing.assert_allclose(offset[17:25], 20.25 - np.arange(17, 25), atol=1e-4)
    assert nhi[17:25] == pytest.approx(20.7, rel=1e-6)
    assert not offset[y == 0].any()
    assert not nhi[y == 0].any()


def test_how_near_is_near():
    target = targets_of((0, 20.25, 20.7), near=2.0)[0]
    assert np.flatnonzero(target[:, 0]).tolist() == [19, 20, 21, 22]
    assert np.flatnonzero(target[:, 1] == 0).tolist() == [17, 18, 23, 24]


@pytest.mark.parametrize("first", [0, 1])
def test_the_strongest_within_reach_is_the_one(first):
    """Whatever the order of the list: cells 16 to 20 are within 4 of both."""
    pair = [(0, 16.1, 20.3), (0, 20.1, 21.0)]
    y, known, offset, nhi = targets_of(*pair[first:], *pair[:first])[0].T
    assert np.flatnonzero(y).tolist() == list(range(13, 25))
    assert nhi[13:25] == pytest.approx([20.3] * 4 + [21.0] * 8)
    assert offset[16] == pytest.approx(0.1, abs=1e-4)
    assert offset[17] == pytest.approx(3.1, abs=1e-4)
    assert known[13:25].all()


def test_weak_absorbers_leave_the_class_open():
    """From 19.0 to 19.5; but not where a stronger one is near, and weaker ones do not count."""
    y, known, offset, nhi = targets_of((0, 10.1, 19.3), (0, 30.1, 18.9))[0].T
    assert not y.any()
    assert not offset.any()
    assert not nhi.any()
    assert np.flatnonzero(known == 0).tolist() == list(range(7, 15))
    y, known, _, nhi = targets_of((0, 10.1, 19.4), (0, 12.1, 19.5))[0].T
    assert np.flatnonzero(y).tolist() == list(range(9, 17))
    assert known[9:17].all()
    assert nhi[9:17] == pytest.approx(19.5)
    assert not known[7:9].any()


def test_only_searched_cells_count():
    sample = FakeSightlines(2, 40)
    sample.absorbers = placed(sample, (1, 10.0, 20.5))
    sample.searched[1, :10] = False
    target = SightlineTargets(sample)[np.array([1])][0]
    assert not target[:10, 1].any()
    assert target[10:15, 1].all()


def test_rows_in_any_order():
    """Those of a batch, without absorbers too, are those of the whole."""
    sample = FakeSightlines(30, 24)
    sample.absorbers = np.concatenate(
        [sample.absorbers[::-1], placed(sample, (4, 3.0, 20.0), (29, 7.0, 19.2))]
    )
    targets = SightlineTargets(sample)
    assert targets.shape == (30, 24, 4)
    assert len(targets) == 30
    whole = targets[np.arange(30)]
    rows = np.array([29, 4, 1, 0, 17])
    np.testing.assert_array_equal(targets[rows], whole[rows])
    assert whole[::2, :, 0].any(axis=1).all()
    assert not whole[1::2, :, 0].any()
    assert targets[np.array([], int)].shape == (0, 24, 4)


# A sightline of four cells: near an absorber, not near one, unknown, near another.
HAND = np.float32([[[1, 1, 0.5, 20.5], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, -1.0, 21.0]]])
SAID = np.float32(
    [
        [
            [0.8, 0.1, 20.3, np.log(0.5), np.log(0.2)],
            [0.3, 9.0, 9.0, 2.0, 2.0],
            [0.9, 9.0, 9.0, 2.0, 2.0],
            [0.6, 0.0, 21.4, 0.0, np.log(0.4)],
        ]
    ]
)
HITS, MISS = -np.log(0.8) - np.log(0.6), -np.log(0.7)
OFFSET = np.array([0.5 * 0.8**2 + np.log(0.5), 0.5])
NHI = np.array([0.5 + np.log(0.2), 0.5 + np.log(0.4)])
SIGMA = np.array([[0.5, 1.0], [0.2, 0.4]])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"class_weight": 1.0}, (HITS + MISS) / 3 + OFFSET.mean() + NHI.mean()),
        ({}, 10 * (HITS + MISS) / 3 + OFFSET.mean() + NHI.mean()),
        (
            {"class_weight": 1.0, "positive_weight": 2.0, "offset_weight": 3.0, "nhi_weight": 0.5},
            (2 * HITS + MISS) / 3 + 3 * OFFSET.mean() + 0.5 * NHI.mean(),
        ),
        (
            {"class_weight": 1.0, "beta": 0.5},
            (HITS + MISS) / 3 + (SIGMA[0] * OFFSET).mean() + (SIGMA[1] * NHI).mean(),
        ),
    ],
)
def test_loss_by_hand(settings, expected):
    assert loss_value(HAND, SAID, **settings) == pytest.approx(expected, rel=1e-5)


def test_what_is_unknown_does_not_count():
    other = SAID.copy()
    other[0, 2] = 0.123
    other[0, 1, 1:] = 0.123  # nothing is there: place and column are free
    assert loss_value(HAND, other) == loss_value(HAND, SAID)
    other[0, 1, 0] = 0.123
    assert loss_value(HAND, other) != loss_value(HAND, SAID)


def test_near_but_not_searched_counts_for_nothing():
    target = HAND.copy()
    target[0, 3, 1] = 0
    expected = (-np.log(0.8) + MISS) / 2 + OFFSET[0] + NHI[0]
    assert loss_value(target, SAID, class_weight=1.0) == pytest.approx(expected, rel=1e-5)


def test_errors_are_kept_within_bounds():
    said = SAID.copy()
    said[0, 0, 3:] = -50
    bounded = said.copy()
    bounded[0, 0, 3:] = -5
    assert loss_value(HAND, said) == loss_value(HAND, bounded)
    said[..., 0] = 1 - np.round(said[..., 0])
    assert np.isfinite(loss_value(HAND, said))


@pytest.mark.parametrize("case", ["mixed", "none near", "nothing known", "certain"])
@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_keras_agrees(case, beta):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    rng = np.random.default_rng(5)
    target = np.concatenate([HAND, rng.permutation(HAND[0])[np.newaxis]])
    said = rng.normal(0, 1, (2, 4, 5)).astype(np.float32)
    said[..., 0], said[..., 2] = rng.random((2, 4)), 20.5 + said[..., 2]
    said[0, 0, 3:] = 8, -9
    if case == "none near":
        target[..., 0] = 0
    elif case == "nothing known":
        target[..., 1] = 0
    elif case == "certain":
        said[..., 0] = np.round(said[..., 0])
    settings = {"class_weight": 7.0, "positive_weight": 1.7, "offset_weight": 0.6,
                "nhi_weight": 2.0, "beta": beta}  # fmt: skip
    value = float(keras_loss(**settings)(target, said))
    assert value == pytest.approx(loss_value(target, said, **settings), rel=5e-6)


def test_beta_changes_the_gradient_of_values_not_of_errors():
    """With beta 1 the gradient of a value is its residual, whatever the error is."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    said = tf.Variable(SAID)
    with tf.GradientTape() as tape:
        loss = keras_loss(class_weight=1.0, beta=1.0)(tf.constant(HAND), said)
    slope = tape.gradient(loss, said).numpy()[0]
    np.testing.assert_allclose(slope[[0, 3], 1], [-0.4 / 2, 1.0 / 2], rtol=1e-5)
    np.testing.assert_allclose(slope[[0, 3], 2], [-0.2 / 2, 0.4 / 2], rtol=1e-4)
    error = (1 - (0.4 / 0.5) ** 2) * 0.5**2 / 2  # of log s, times s^2, one cell of two
    assert slope[0, 3] == pytest.approx(error, rel=1e-4)
    assert not slope[1:3, 1:].any()


def test_figures_by_hand():
    target = np.zeros((2, 6, 4), np.float32)
    target[..., 1] = 1
    target[:, :3] = [[1, 1, 0.5, 20.5], [1, 1, -0.5, 20.3], [1, 1, 0.0, 19.8]]
    target[:, 5, 1] = 0
    said = np.zeros((2, 6, 5), np.float32)
    said[:, :, 0] = [0.9, 0.4, 0.6, 0.7, 0.1, 0.9]
    said[:, :3, 1:3] = target[:, :3, 2:] + [[0.1, 0.1], [0.3, 0.3], [-0.1, -0.5]]
    said[:, :3, 3:] = np.log([[0.1, 0.2], [0.2, 0.1], [0.1, 0.5]])
    said[1, :, 0] = 0
    truth = np.zeros(2, TRUTH)
    truth["SNR"] = 5, 1
    found = sightline_metrics(said, target, truth, 2.0)
    expected = {
        "completeness": 2 / 3,
        "purity": 2 / 3,
        "nhi_bias": 0.2,
        "nhi_error": 1.48 * 0.1,
        "offset_error": 1.48 * 0.2,  # 0.1, 0.3, -0.1
        "nhi_pull": 1.48 * 1.5,  # 0.5, 3, -1
        "offset_pull": 1.48 * 0.5,  # 1, 1.5, -1
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert found["completeness_all"] == pytest.approx(1 / 3)
    assert found["purity_all"] == pytest.approx(2 / 3)
    assert len(found) == 2 * len(expected)


def test_figures_of_nothing():
    nothing = np.zeros((3, 4, 5), np.float32), np.zeros((3, 4, 4), np.float32)
    found = sightline_metrics(*nothing, np.zeros(3, TRUTH))
    assert np.isnan(list(found.values())).all()

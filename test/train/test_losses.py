"""The losses: by hand, and in NumPy against Keras."""

import numpy as np
import pytest

from desinn.train.losses import keras_loss, loss_value


def made(seed=1, batch=6, heads=3, boxes=4):
    """Return targets and predictions, with spectra whose last head is unknown."""
    rng = np.random.default_rng(seed)
    target = np.zeros((batch, heads, 2 * boxes + 1), np.float32)
    target[..., -1] = 1
    for row, head in np.ndindex(batch, heads):
        box = rng.integers(boxes + 1)
        if box < boxes:
            target[row, head, box], target[row, head, boxes + box] = 1, rng.uniform()
    target[::2, -1, -1] = 0
    return target, rng.uniform(0, 1, (batch, heads, 2 * boxes)).astype(np.float32)


# Two spectra, one head of two boxes: the line is in box 1 of the first, nowhere in the second.
HAND = np.float32([[[0, 1, 0, 0.5, 1]], [[0, 0, 0, 0, 1]]])
SAID = np.float32([[[0.2, 0.8, 0.9, 0.3]], [[0.1, 0.4, 0.9, 0.9]]])
HIT, MISS, OFF = -np.log(0.8), -np.log(0.8 * 0.9 * 0.6), 0.04


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, HIT + MISS / 3 + OFF),
        ({"positive_weight": 2.0}, 2 * HIT + MISS / 3 + OFF),
        ({"offset_weight": 3.0}, HIT + MISS / 3 + 3 * OFF),
        ({"name": "bernoulli"}, (HIT + MISS) / 4 + OFF),
        ({"name": "bernoulli", "positive_weight": 2.0}, (2 * HIT + MISS) / 4 + OFF),
    ],
)
def test_by_hand(settings, expected):
    assert loss_value(HAND, SAID, [1.0], **settings) == pytest.approx(expected, rel=1e-6)
    assert loss_value(HAND, SAID, [0.5], **settings) == pytest.approx(expected / 2, rel=1e-6)


def test_what_is_unknown_does_not_count():
    target, predicted = made()
    other = predicted.copy()
    other[::2, -1] = 0.5
    assert loss_value(target, other, [1, 1, 1]) == loss_value(target, predicted, [1, 1, 1])
    other[1, -1] = 0.5
    assert loss_value(target, other, [1, 1, 1]) != loss_value(target, predicted, [1, 1, 1])


def test_certainty_that_is_wrong_is_finite():
    assert 10 < loss_value(HAND, 1 - np.round(SAID), [1.0]) < 40


@pytest.mark.parametrize("name", ["quasarnet", "bernoulli"])
@pytest.mark.parametrize("case", ["mixed", "no line", "nothing known", "certain"])
def test_keras_agrees(name, case):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    target, predicted = made(2)
    if case == "no line":
        target[..., :-1] = 0
    elif case == "nothing known":
        target[:, -1, -1] = 0
    elif case == "certain":
        predicted = np.round(predicted)
    settings = {"name": name, "positive_weight": 1.7, "offset_weight": 0.6}
    weights = [1.0, 1.0, 0.3]
    value = float(keras_loss(weights, **settings)(target, predicted))
    assert value == pytest.approx(loss_value(target, predicted, weights, **settings), rel=2e-6)

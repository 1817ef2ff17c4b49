"""Temperature and bias: found again where they are known, and multiplied into networks."""

import numpy as np
import pytest

from desinn.evaluate.calibration import (
    BIASES,
    TEMPERATURES,
    Calibration,
    bake,
    best_threshold,
    box_nodes,
    class_weights,
    fit,
    sigmoid,
)
from desinn.nn import Network
from desinn.nn.graph import Graph
from helpers.cases import noise
from helpers.spectra import quasar_model


def logits_and_targets(size=40_000, seed=1):
    rng = np.random.default_rng(seed)
    true = rng.normal(-1, 2, size)
    return true, rng.random(size) < sigmoid(true)


def test_sigmoid():
    assert sigmoid([0, np.log(3), -800, 800]) == pytest.approx([0.5, 0.75, 0, 1])


@pytest.mark.parametrize(("temperature", "bias"), [(1, 0), (3, 0.7), (0.4, -2)])
def test_what_was_done_to_logits_is_found(temperature, bias):
    true, target = logits_and_targets()
    found = fit((true - bias) * temperature, target)
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.bias == pytest.approx(bias, abs=0.06)


def test_the_fit_is_the_likeliest():
    true, target = logits_and_targets(2000)
    best = fit(true, target)

    def loss(calibration):
        p = sigmoid(calibration(true))
        return -np.log(np.where(target, p, 1 - p)).mean()

    at_best = loss(best)
    for dt, db in ((0.03, 0), (-0.03, 0), (0, 0.03), (0, -0.03)):
        assert loss(Calibration(best.temperature + dt, best.bias + db)) > at_best


def test_weights_count_as_rows():
    true, target = logits_and_targets(3000)
    weight = np.arange(3000) % 3
    repeated = fit(np.repeat(true, weight), np.repeat(target, weight))
    weighted = fit(true, target, weight)
    assert weighted.temperature == pytest.approx(repeated.temperature, rel=1e-4)
    assert weighted.bias == pytest.approx(repeated.bias, abs=1e-4)


def test_a_perfect_head_stays_finite():
    logit = np.linspace(-1, 1, 100)
    found = fit(logit, logit > 0)
    assert TEMPERATURES[0] <= found.temperature <= TEMPERATURES[1]
    assert BIASES[0] <= found.bias <= BIASES[1]


def test_too_few_examples():
    true, target = logits_and_targets(1000)
    few = target & (np.cumsum(target) <= 9)
    assert fit(true, few) is None
    assert fit(true, ~few) is None
    assert fit(true, target, np.zeros(1000)) is None


@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_baked_in(weight_norm, bias):
    header, arrays = quasar_model()
    node = next(entry for entry in header["nodes"] if entry["name"] == "box2")
    node["weight_norm"], node["bias"] = weight_norm, bias
    if weight_norm:
        arrays["box2/direction"] = arrays.pop("box2/kernel")
        arrays["box2/gain"] = np.linspace(0.5, 2, 13, dtype=np.float32)
    if not bias:
        del arrays["box2/bias"]
    nodes = box_nodes(Graph(header["inputs"], header["nodes"], header["outputs"]), ["CIII"], 13)
    assert nodes == {"CIII": "box2"}
    new, new_arrays = bake(header, arrays, nodes, {"CIII": Calibration(2.5, -0.7)})
    x = noise((6, 443, 1), 3)
    before, after = Network(header, arrays)(x), Network(new, new_arrays)(x)
    p = before["CIII"][:, :13].astype(np.float64)
    expected = sigmoid(np.log(p / (1 - p)) / 2.5 - 0.7)
    np.testing.assert_allclose(after["CIII"][:, :13], expected, atol=1e-5)
    assert np.abs(expected - p).max() > 0.05
    np.testing.assert_array_equal(after["CIII"][:, 13:], before["CIII"][:, 13:])
    np.testing.assert_array_equal(after["LYA"], before["LYA"])
    assert node["bias"] is bias  # the original is as it was


def build(nodes, outputs=None):
    outputs = outputs or {"y": nodes[-1]["name"]}
    return Graph([{"name": "x", "shape": [5]}], nodes, outputs)


def node(name, op, *inputs, **attributes):
    return {"name": name, "op": op, "inputs": list(inputs), **attributes}


DENSE = {"units": 4, "bias": True, "weight_norm": False}


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ([node("s", "sigmoid", "x")], "found sigmoid"),
        ([node("c", "concat", "x", "x", axis=-1)], "found concat of input"),
        (
            [
                node("d", "dense", "x", **DENSE),
                node("r", "relu", "d"),
                node("c", "concat", "r", "d", axis=-1),
            ],
            "found concat of relu",
        ),
        (
            [node("s", "sigmoid", "x"), node("c", "concat", "s", "x", axis=-1)],
            "found concat of sigmoid of input",
        ),
    ],
)
def test_a_network_built_otherwise_is_refused(nodes, found):
    with pytest.raises(ValueError, match=f"output y: expected concat of sigmoid .*{found}$"):
        box_nodes(build(nodes), ["y"], 4)


def head():
    return [
        node("d", "dense", "x", **DENSE),
        node("s", "sigmoid", "d"),
        node("c", "concat", "s", "x", axis=-1),
    ]


def test_the_number_of_boxes_must_fit():
    assert box_nodes(build(head()), ["y"], 4) == {"y": "d"}
    with pytest.raises(ValueError, match="dense with 5 units"):
        box_nodes(build(head()), ["y"], 5)


@pytest.mark.parametrize("shared", ["d", "s"])
def test_a_shared_node_is_refused(shared):
    nodes = [*head(), node("other", "relu", shared)]
    with pytest.raises(ValueError, match=f"node {shared} is used elsewhere"):
        box_nodes(build(nodes, {"y": "c", "o": "other"}), ["y"], 4)
    with pytest.raises(ValueError, match=f"node {shared} is used elsewhere"):
        box_nodes(build(head(), {"y": "c", "o": shared}), ["y"], 4)


def test_class_weights():
    quasar = np.array([True, False, False, False])
    assert class_weights(quasar).tolist() == [1, 1, 1, 1]
    weight = class_weights(quasar, 0.5)
    assert weight[0] / weight.sum() == pytest.approx(0.5)
    assert weight.sum() == pytest.approx(4)
    for prior, rows in ((0.0, quasar), (1.0, quasar), (0.5, quasar[:1]), (0.5, quasar[:0])):
        with pytest.raises(ValueError, match="prior: expected"):
            class_weights(rows, prior)


def test_the_best_threshold():
    confidence = np.array([0.9, 0.8, 0.75, 0.3, 0.2, np.nan])
    quasar = np.array([True, True, False, True, False, True])
    weight = np.ones(6)
    # Below 0.2-0.3: 3 of 4 found with one false: 6/8; above 0.75: 2 of 4: 4/6.
    assert 0.2 <= best_threshold(confidence, quasar, weight) < 0.3
    weight[2] = 10
    assert 0.75 <= best_threshold(confidence, quasar, weight) < 0.8
    assert best_threshold(confidence[[0, 4]], quasar[[0, 4]], weight[[0, 4]]) == 0.5

"""Activations by their formulas, and merged into the layers before them."""

import numpy as np
import pytest

from desinn.nn import Network, evaluate
from desinn.nn.activation import FINISH, described
from desinn.nn.graph import Graph, GraphError
from helpers.cases import arrays_for, noise, one_layer


def with_tail(x):
    """Return (op, attributes, what it means) of each activation that has a formula."""
    below = np.minimum(x, 0)
    return [
        ("relu", {}, np.maximum(x, 0)),
        ("tanh", {}, np.tanh(x)),
        ("sigmoid", {}, 1 / (1 + np.exp(-x))),
        ("leaky_relu", {"slope": 0.1}, np.where(x < 0, 0.1 * x, x)),
        ("leaky_relu", {"slope": 0.0}, np.maximum(x, 0)),
        ("leaky_relu", {"slope": 3.0}, np.where(x < 0, 3.0 * x, x)),
        ("elu", {"alpha": 1.0}, np.where(x < 0, np.exp(below) - 1, x)),
        ("elu", {"alpha": 0.3}, np.where(x < 0, 0.3 * (np.exp(below) - 1), x)),
    ]


NAMES = [f"{op}-{'-'.join(map(str, more.values()))}" for op, more, _ in with_tail(np.zeros(1))]


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_formulas(number):
    x = np.concatenate([noise((3, 5), 1) * 4, [[-50, -1e-3, 0, 1e-3, 50]]])
    op, attributes, expected = with_tail(x)[number]
    header = one_layer(op, [(5,)], **attributes)
    result = evaluate(header, {}, x)["y"]
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, atol=1e-15)
    result = Network(header, {})(x)["y"]
    np.testing.assert_allclose(result, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (4, 6), (3, 4, 6), (2, 3, 4, 6)])
def test_softmax_is_over_the_channels(shape):
    x = 5 * noise((3, *shape), 2).astype(np.float64)
    expected = np.exp(x) / np.exp(x).sum(axis=-1)[..., np.newaxis]
    header = one_layer("softmax", [shape])
    np.testing.assert_allclose(evaluate(header, {}, x)["y"], expected, rtol=1e-13)
    np.testing.assert_allclose(Network(header, {})(x)["y"], expected, rtol=2e-6)


def test_no_activation_overflows():
    x = np.float32([[-1e30, -200.0, 1e30, 200.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for op, attributes in (
            ("softmax", {}),
            ("tanh", {}),
            ("elu", {"alpha": 2.0}),
            ("leaky_relu", {"slope": 0.1}),
        ):
            assert np.isfinite(Network(one_layer(op, [(4,)], **attributes), {})(x)["y"]).all()
    assert Network(one_layer("softmax", [(4,)]), {})(x)["y"].tolist() == [[0, 0, 1, 0]]


BEFORE = {
    "conv": {"filters": 3, "kernel": [3], "stride": [1], "dilation": [1], "padding": "same",
             "bias": True, "weight_norm": False},
    "transposed_conv": {"filters": 3, "kernel": [2], "stride": [2], "padding": "same",
                        "bias": True, "weight_norm": False},
    "dense": {"units": 3, "bias": True, "weight_norm": False},
    "max_pool": {"kernel": [2], "stride": [2], "padding": "valid"},
    "group_norm": {"groups": 2, "epsilon": 1e-3, "scale": True, "center": True},
    "unpool": {"factors": [2]},
    "add": {},
}  # fmt: skip


def followed(op, activation, **attributes):
    """Return a network of a layer and the activation behind it."""
    header = one_layer(op, [(7, 4)], **BEFORE[op])
    node = {"name": "end", "op": activation, "inputs": ["layer"], **attributes}
    return {**header, "nodes": [*header["nodes"], node], "outputs": {"y": "end"}}


@pytest.mark.parametrize("op", BEFORE)
@pytest.mark.parametrize(
    ("activation", "attributes"),
    [("tanh", {}), ("leaky_relu", {"slope": 0.2}), ("elu", {"alpha": 1.5}), ("softmax", {})],
)
def test_a_layer_finishes_with_its_activation(op, activation, attributes):
    header = followed(op, activation, **attributes)
    arrays, x = arrays_for(header), noise((5, 7, 4), 3)
    network = Network(header, arrays)
    assert len(network.steps) == (2 if activation == "softmax" else 1)
    expected = evaluate(header, {k: v.astype("f8") for k, v in arrays.items()}, x.astype("f8"))
    np.testing.assert_allclose(network(x)["y"], expected["y"], atol=2e-6)


def test_layers_with_other_slopes_are_not_one():
    """Heads that do the same share a product; these do not do the same."""
    nodes = []
    for name, slope in (("a", 0.1), ("b", 0.2), ("c", 0.1)):
        nodes += [
            {"name": name, "op": "dense", "inputs": ["x"], **BEFORE["dense"]},
            {"name": f"{name}_end", "op": "leaky_relu", "inputs": [name], "slope": slope},
        ]
    header = {
        "inputs": [{"name": "x", "shape": [4]}],
        "nodes": nodes,
        "outputs": {name: f"{name}_end" for name in "abc"},
    }
    arrays, x = arrays_for(header), noise((6, 4), 1)
    expected, result = evaluate(header, arrays, x), Network(header, arrays)(x)
    for name in "abc":
        assert (expected[name] < 0).any()
        np.testing.assert_allclose(result[name], expected[name], atol=1e-6)


@pytest.mark.parametrize("activation", [("leaky_relu", {"slope": 0.1}), ("tanh", {})])
def test_images_in_tiles(activation):
    op, attributes = activation
    conv = {"filters": 2, "kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1],
            "padding": "same", "bias": True, "weight_norm": False}  # fmt: skip
    header = {
        "inputs": [{"name": "x", "shape": [None, None, 1]}],
        "nodes": [
            {"name": "conv", "op": "conv", "inputs": ["x"], **conv},
            {"name": "end", "op": op, "inputs": ["conv"], **attributes},
        ],
        "outputs": {"y": "end"},
    }
    arrays, image = arrays_for(header), noise((19, 23, 1), 4)
    expected = evaluate(header, arrays, image[np.newaxis])["y"][0]
    found = Network(header, arrays).on_tiles(image, "y", core=8)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"op": "elu"}, "attribute alpha: missing, expected a number that is not negative"),
        ({"op": "elu", "alpha": -1}, "expected a number that is not negative, found -1"),
        ({"op": "elu", "alpha": "1"}, "attribute alpha: expected a finite number, found '1'"),
        ({"op": "leaky_relu", "slope": -0.1}, "expected a number that is not negative, found -0"),
        ({"op": "leaky_relu", "alpha": 0.1}, "unknown for leaky_relu (it has: slope)"),
        ({"op": "tanh", "axis": -1}, "attribute axis: unknown for tanh (it has: none)"),
        ({"op": "softmax", "axis": -1}, "attribute axis: unknown for softmax (it has: none)"),
    ],
)
def test_a_bad_attribute_is_named(node, text):
    with pytest.raises(GraphError) as caught:
        Graph(
            [{"name": "x", "shape": [6, 2]}],
            [{"name": "a", "inputs": ["x"], **node}],
            {"y": "a"},
        )
    assert any(text in problem for problem in caught.value.problems)


def test_an_activation_that_nobody_knows_has_no_function():
    with pytest.raises(KeyError, match="swish"):
        FINISH["swish"]
    with pytest.raises(KeyError, match="relu6"):
        FINISH[("relu6", ("top", 6.0))]
    assert described("tanh") == {"op": "tanh"}


@pytest.mark.parametrize("op", ["tanh", "softmax"])
def test_a_pixel_sees_itself(op):
    header = one_layer(op, [(5, 4, 3)])
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    assert graph.receptive_field("y") == [(0, 0), (0, 0)]

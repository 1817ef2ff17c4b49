"""Fast convolutions with 3 x 3 kernels, narrow inputs and kernels that do not overlap."""

import numpy as np
import pytest

from desinn.nn import Network
from desinn.nn.network import evaluate
from desinn.nn.winograd import Four, Two
from helpers.networks import compare

CONV = {"op": "conv", "kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "padding": "same",
        "bias": True, "weight_norm": False}  # fmt: skip
TRANSPOSED = {"op": "transposed_conv", "kernel": [2, 2], "stride": [2, 2], "padding": "valid",
              "bias": True, "weight_norm": False}  # fmt: skip


def network_of(rng, channels, *layers):
    """Return header and arrays of layers one after the other, each with a relu."""
    nodes, arrays, before = [], {}, "x"
    for number, layer in enumerate(layers):
        name = f"layer_{number}"
        nodes.append({"name": name, "inputs": [before], **layer})
        nodes.append({"name": f"relu_{number}", "op": "relu", "inputs": [name]})
        shape = (*layer["kernel"], channels, layer["filters"])
        arrays[f"{name}/kernel"] = rng.normal(0, 0.2, shape).astype("f4")
        arrays[f"{name}/bias"] = rng.normal(0, 0.2, layer["filters"]).astype("f4")
        channels, before = layer["filters"], f"relu_{number}"
    first = layers[0]["kernel"]
    inputs = [{"name": "x", "shape": [*[None] * len(first), arrays["layer_0/kernel"].shape[-2]]}]
    return {"inputs": inputs, "nodes": nodes, "outputs": {"y": before}}, arrays


@pytest.mark.parametrize("size", [(4, 1), (5, 2), (6, 3), (7, 17), (8, 32), (23, 9), (40, 41)])
@pytest.mark.parametrize("padding", ["same", "valid", [[2, 0], [1, 3]]])
def test_three_by_three(size, padding):
    rng = np.random.default_rng(size)
    if padding == "valid":
        size = (size[0] + 8, size[1] + 8)
    layers = [{**CONV, "padding": padding, "filters": n} for n in (24, 9, 8, 16)]
    header, arrays = network_of(rng, 8, *layers)
    compare(header, arrays, rng.normal(0, 1, (3, *size, 8)).astype("f4"))


@pytest.mark.parametrize("values", [1, 5000, 2**17])
def test_any_size_of_block(values, monkeypatch):
    monkeypatch.setattr("desinn.nn.winograd.BLOCK_VALUES", values)
    rng = np.random.default_rng(1)
    header, arrays = network_of(rng, 16, *[{**CONV, "filters": 16}] * 3)
    compare(header, arrays, rng.normal(0, 1, (2, 45, 30, 16)).astype("f4"))


@pytest.mark.parametrize(
    "other",
    [{"stride": [2, 1]}, {"dilation": [1, 2]}, {"kernel": [3, 1]}, {"kernel": [5, 3]}],
    ids=str,
)
def test_other_convolutions_take_the_other_way(other):
    rng = np.random.default_rng(2)
    header, arrays = network_of(rng, 8, {**CONV, **other, "filters": 8})
    assert set(Network(header, arrays).steps[0].params) == {"matrix"}
    compare(header, arrays, rng.normal(0, 1, (2, 12, 13, 8)).astype("f4"))


def test_the_fast_ways_are_taken():
    """Their kernels differ from what is multiplied otherwise: a wrong one would be seen."""
    rng = np.random.default_rng(3)
    header, arrays = network_of(rng, 8, *[{**CONV, "filters": 8}] * 3)
    x = rng.normal(0, 1, (1, 8, 8, 8)).astype("f4")
    right = Network(header, arrays)(x)["y"]
    for layer, name in enumerate(["two", "two", "four"]):
        network = Network(header, arrays)
        network.steps[layer].params[name][:] = 0
        assert not np.allclose(network(x)["y"], right)


@pytest.mark.parametrize("scheme", [Two, Four])
def test_combinations_of_a_kernel(scheme):
    """A kernel whose rows are 1, 2, 4 is taken at the points, divided by their distances."""
    at = np.array({Two: [0, 1, -1], Four: [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2]}[scheme])
    apart = np.array([np.prod([p - q for q in at if q != p]) for p in at])
    values = (1 + 2 * at + 4 * at**2) / apart
    found = scheme.kernel @ [1, 2, 4]
    if scheme is Two:  # its first and last combinations have the other sign
        values[0] *= -1
    np.testing.assert_allclose(found[:-1], values, rtol=1e-12)
    assert found[-1] == {Two: 4, Four: 4 * 64 / 27}[scheme]


@pytest.mark.parametrize(("depth", "most"), [(1, 5e-7), (3, 1.5e-6)])
def test_the_rounding_error(depth, most):
    rng = np.random.default_rng(6)
    header, arrays = network_of(rng, 32, *[{**CONV, "filters": 32}] * depth)
    x = rng.normal(0, 1, (1, 64, 64, 32)).astype("f4")
    double = {name: array.astype("f8") for name, array in arrays.items()}
    expected = evaluate(header, double, x.astype("f8"))["y"]
    assert np.abs(Network(header, arrays)(x)["y"] - expected).max() < most * expected.max()


def test_joined_layers_of_which_one_is_too_narrow():
    rng = np.random.default_rng(7)
    header, arrays = network_of(rng, 8, {**CONV, "filters": 8})
    header["nodes"].append({"name": "narrow", "inputs": ["x"], **CONV, "filters": 2})
    header["outputs"]["z"] = "narrow"
    header["nodes"].append({"name": "alike", "inputs": ["x"], **CONV, "filters": 8})
    header["outputs"]["u"] = "alike"
    for name, filters in (("narrow", 2), ("alike", 8)):
        arrays[f"{name}/kernel"] = rng.normal(0, 1, (3, 3, 8, filters)).astype("f4")
        arrays[f"{name}/bias"] = np.zeros(filters, "f4")
    x = rng.normal(0, 1, (1, 9, 9, 8)).astype("f4")
    found, expected = Network(header, arrays)(x), evaluate(header, arrays, x)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=2e-5)


@pytest.mark.parametrize("channels", [1, 2])
def test_narrow_inputs(channels):
    rng = np.random.default_rng(4)
    header, arrays = network_of(rng, channels, {**CONV, "filters": 5, "stride": [2, 1]})
    compare(header, arrays, rng.normal(0, 1, (3, 33, 18, channels)).astype("f4"))


@pytest.mark.parametrize(
    "layer",
    [{}, {"kernel": [3, 2], "stride": [3, 2]}, {"kernel": [3, 3]}, {"padding": "same"},
     {"padding": [[0, 1], [0, 0]]}],
    ids=str,
)  # fmt: skip
def test_transposed_convolutions(layer):
    rng = np.random.default_rng(5)
    header, arrays = network_of(rng, 6, {**TRANSPOSED, **layer, "filters": 4})
    compare(header, arrays, rng.normal(0, 1, (3, 5, 7, 6)).astype("f4"))

"""Series and kernels of few steps: the fast way is what is meant, at any size and cut."""

import numpy as np
import pytest

from desinn.nn import Network, convolution, winograd_line
from helpers.networks import compare

CONV = {"op": "conv", "dilation": [1], "bias": True, "weight_norm": False}


def network_of(kernel, stride=1, padding="same", dilation=1, channels=50, filters=48):
    """Return header and arrays: a narrow layer, then the one that is meant, with a relu."""
    rng = np.random.default_rng(kernel)
    nodes = [
        {**CONV, "name": "first", "inputs": ["x"], "filters": channels, "kernel": [1],
         "stride": [1], "padding": "valid"},
        {**CONV, "name": "second", "inputs": ["first"], "filters": filters, "kernel": [kernel],
         "stride": [stride], "padding": padding, "dilation": [dilation]},
        {"name": "y", "op": "relu", "inputs": ["second"]},
    ]  # fmt: skip
    arrays = {
        "first/kernel": rng.normal(0, 1, (1, 2, channels)),
        "first/bias": rng.normal(0, 1, channels),
        "second/kernel": rng.normal(0, 0.1, (kernel, channels, filters)),
        "second/bias": rng.normal(0, 1, filters),
    }
    header = {"inputs": [{"name": "x", "shape": [None, 2]}], "nodes": nodes, "outputs": {"y": "y"}}
    return header, {name: array.astype("f4") for name, array in arrays.items()}


def noise(*shape):
    return np.random.default_rng(shape).normal(0, 1, shape).astype("f4")


@pytest.mark.parametrize("padding", ["same", "valid", [[3, 1]], [[0, 30]]], ids=str)
@pytest.mark.parametrize(("kernel", "stride"), [(5, 1), (9, 2), (10, 2), (13, 3), (15, 3)])
def test_kernels_of_five_steps(kernel, stride, padding):
    header, arrays = network_of(kernel, stride, padding)
    assert "line" in Network(header, arrays).steps[1].params
    for size in (15, 16, 17, 22, 31, 64, 111):
        compare(header, arrays, noise(3, size, 2))


@pytest.mark.parametrize("size", range(1, 15))
def test_short_series(size):
    compare(*network_of(10, 2), noise(2, size, 2))


@pytest.mark.parametrize("values", [1, 3000, 20_000])
def test_any_size_of_block(values, monkeypatch):
    monkeypatch.setattr(winograd_line, "BLOCK_VALUES", values)
    compare(*network_of(10, 2), noise(5, 77, 2))


@pytest.mark.parametrize("size", [33, 34, 61])
def test_the_other_way_in_pieces(size, monkeypatch):
    """The zeros that tiles ask for lie behind the series, where a piece must not reach."""
    monkeypatch.setattr(convolution, "PIECE_VALUES", 2000)
    header, arrays = network_of(5, channels=20)
    assert set(Network(header, arrays).steps[1].params) == {"matrix"}
    compare(header, arrays, noise(3, size, 2))


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": 4, "stride": 1},
        {"kernel": 5, "stride": 1, "dilation": 2},
        {"kernel": 11},
        {"kernel": 8},
        {"dilation": 2},
        {"channels": 20},
        {"filters": 20},
    ],
    ids=str,
)
def test_others_take_the_other_way(changes):
    header, arrays = network_of(**{"kernel": 10, "stride": 2, **changes})
    assert set(Network(header, arrays).steps[1].params) == {"matrix"}
    compare(header, arrays, noise(3, 40, 2))


def test_what_sees_the_input_takes_the_other_way():
    header, arrays = network_of(10, 2)
    header["nodes"] = header["nodes"][1:]
    header["nodes"][0]["inputs"] = ["x"]
    header["inputs"] = [{"name": "x", "shape": [None, 50]}]
    arrays = {name: array for name, array in arrays.items() if name.startswith("second")}
    assert set(Network(header, arrays).steps[0].params) == {"matrix"}
    compare(header, arrays, noise(3, 40, 50))


def test_another_reader_needs_other_zeros():
    """What two layers read has the wider of their borders, and each finds its own place in it."""
    header, arrays = network_of(10, 2)
    wide = {**header["nodes"][1], "name": "wide", "kernel": [4], "padding": [[40, 60]]}
    pool = {"name": "pool", "op": "global_max_pool", "inputs": ["wide"], "keep_axes": False}
    header["nodes"] += [wide, pool]
    header["outputs"] = {"y": "y", "pool": "pool"}
    arrays |= {"wide/kernel": noise(4, 50, 48), "wide/bias": noise(48)}
    compare(header, arrays, noise(3, 33, 2))


def test_the_fast_way_is_taken():
    """Its kernel differs from what is multiplied otherwise: a wrong one would be seen."""
    header, arrays = network_of(10, 2)
    x = noise(2, 40, 2)
    network = Network(header, arrays)
    right = network(x)["y"]
    network.steps[1].params["line"][:] = 0
    assert not np.allclose(network(x)["y"], right)

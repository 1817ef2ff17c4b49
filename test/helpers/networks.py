"""Headers of whole networks, small enough for tests, and what they are compared with."""

import numpy as np

from desinn.nn import Network
from desinn.nn.network import evaluate


def _conv(name, source, filters, kernel, stride=1, padding="same", weight_norm=False):
    rank = len(kernel)
    return {
        "name": name,
        "op": "conv",
        "inputs": [source],
        "filters": filters,
        "kernel": list(kernel),
        "stride": [stride] * rank,
        "dilation": [1] * rank,
        "padding": padding,
        "bias": True,
        "weight_norm": weight_norm,
    }


def _norm(name, source, epsilon):
    node = {"name": name, "op": "batch_norm", "inputs": [source]}
    return {**node, "epsilon": epsilon, "scale": True, "center": True}


def _node(name, op, *sources, **attributes):
    return {"name": name, "op": op, "inputs": list(sources), **attributes}


def _dense(name, source, units):
    return _node(name, "dense", source, units=units, bias=True, weight_norm=False)


def unet(width=4, weight_norm=False):
    """Return the header of a U-Net as deepCR's: two levels, one channel."""
    nodes = []

    def block(name, source, filters):
        nodes.append(_conv(name, source, filters, (3, 3), weight_norm=weight_norm))
        if not weight_norm:
            nodes.append(_norm(f"{name}_bn", name, 1e-5))
        nodes.append(_node(f"{name}_relu", "relu", nodes[-1]["name"]))
        return f"{name}_relu"

    skip = block("b", block("a", "x", width), width)
    pool = {"kernel": [2, 2], "stride": [2, 2], "padding": "valid"}
    nodes.append(_node("down", "max_pool", skip, **pool))
    deep = block("d", block("c", "down", 2 * width), 2 * width)
    up = {"filters": width, **pool, "bias": True, "weight_norm": False}
    nodes.append(_node("up", "transposed_conv", deep, **up))
    nodes.append(_node("both", "concat", skip, "up", axis=-1))
    last = block("f", block("e", "both", width), width)
    nodes.append(_conv("g", last, 1, (1, 1)))
    nodes.append(_node("p", "sigmoid", "g"))
    inputs = [{"name": "x", "shape": [None, None, 1]}]
    return {"inputs": inputs, "nodes": nodes, "outputs": {"probability": "p"}}


def volumes(
    sizes=(64, 64, 10),
    filters=(64, 128, 256, 512, 1024, 2048),
    units=(1000, 49),
    without_bias=(),
):
    """Return the header of a network over volumes: blocks of two convolutions, two dense layers.

    Every convolution pads as `same`: one of 3 x 3 x 3, batch norm, and one of 2 x 2 x 2 that
    halves each axis, in each block. `without_bias` numbers the blocks (from 1) whose two have
    none.
    """
    nodes, source = [], "x"
    for block, count in enumerate(filters, 1):
        bias = block not in without_bias
        first = _conv(f"conv{block}", source, count, (3, 3, 3))
        down = _conv(f"down{block}", f"bn{block}", count, (2, 2, 2), 2)
        nodes += [
            {**first, "bias": bias},
            _norm(f"bn{block}", f"conv{block}", 1e-3),
            {**down, "bias": bias},
        ]
        source = f"down{block}"
    nodes.append(_node("flat", "flatten", source))
    nodes += [_dense("dense1", "flat", units[0]), _dense("dense2", "dense1", units[1])]
    inputs = [{"name": "x", "shape": [*sizes, 1]}]
    return {"inputs": inputs, "nodes": nodes, "outputs": {"y": "dense2"}}


def classifier(size=75):
    """Return the header of a network of nine rows that tells two kinds of images apart.

    Images of three channels. Convolutions pad as `same`; pools as `valid`, so that the odd last
    row and column of 75 and 37 are left out.
    """
    pool = {"kernel": [2, 2], "stride": [2, 2], "padding": "valid"}
    nodes, source = [], "x"
    for row, (filters, kernel) in enumerate(((8, 5), (16, 3), (32, 3)), 1):
        nodes += [
            _conv(f"conv{row}", source, filters, (kernel, kernel)),
            _norm(f"bn{row}", f"conv{row}", 1e-3),
            _node(f"relu{row}", "relu", f"bn{row}"),
            _node(f"pool{row}", "max_pool", f"relu{row}", **pool),
        ]
        source = f"pool{row}"
    nodes.append(_node("flat", "flatten", source))
    source = "flat"
    for row, units in enumerate((64, 32), 1):
        nodes += [_dense(f"dense{row}", source, units)]
        nodes += [_node(f"end{row}", "relu", f"dense{row}")]
        source = f"end{row}"
    nodes += [_dense("logit", source, 2), _node("probability", "softmax", "logit")]
    inputs = [{"name": "x", "shape": [size, size, 3]}]
    return {"inputs": inputs, "nodes": nodes, "outputs": {"probability": "probability"}}


LINES = ("LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha", "CIV_BAL")


def quasarnet(bins=443, filters=100, layers=6, padding="same", boxes=13):
    """Return the header of a QuasarNET (Busca & Balland 2018) of any size."""
    nodes, source = [], "x"
    for i in range(layers):
        nodes += [
            _conv(f"conv{i}", source, filters, (10,), 2, padding),
            _norm(f"bn{i}", f"conv{i}", 1e-3),
            _node(f"relu{i}", "relu", f"bn{i}"),
            _node(f"drop{i}", "dropout", f"relu{i}", rate=0.2),
        ]
        source = f"drop{i}"
    nodes += [
        _node("flat", "flatten", source),
        _dense("common", "flat", filters),
        _norm("common_bn", "common", 1e-3),
        _node("common_relu", "relu", "common_bn"),
    ]
    for i, _ in enumerate(LINES):
        nodes += [
            _dense(f"box{i}", "common_relu", boxes),
            _node(f"box{i}_s", "sigmoid", f"box{i}"),
            _dense(f"offset{i}", "common_relu", boxes),
            _node(f"offset{i}_s", "sigmoid", f"offset{i}"),
            _node(f"scaled{i}", "affine", f"offset{i}_s", scale=1.2, shift=-0.1),
            _node(f"out{i}", "concat", f"box{i}_s", f"scaled{i}", axis=-1),
        ]
    outputs = {name: f"out{i}" for i, name in enumerate(LINES)}
    return {"inputs": [{"name": "x", "shape": [bins, 1]}], "nodes": nodes, "outputs": outputs}


def compare(header, arrays, x):
    """Assert that a network's output y is what the graph means, to 1e-5 of the largest value."""
    found = Network(header, arrays)(x)["y"]
    double = {name: array.astype("f8") for name, array in arrays.items()}
    expected = evaluate(header, double, x.astype("f8"))["y"]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()

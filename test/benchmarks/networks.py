"""Networks of the published shapes, and of the recipes', with random weights.

Speed does not depend on the values of weights, so no reference data is needed. The values keep
every layer's output near 1, and no class is certain: an error anywhere shows in the outputs.
"""

import math

import numpy as np

LINES = ("LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha", "CIV_BAL")

SECTIONS = ("kind", "name", "inputs", "nodes", "outputs", "prepare", "interpret")
"""What a recipe has of a header."""


class _Builder:
    """Nodes one after the other, with random arrays."""

    def __init__(self, name, *shape):
        self.inputs = [{"name": name, "shape": list(shape)}]
        self.nodes = []
        self.arrays = {}
        self._rng = np.random.default_rng(0)

    def add(self, name, op, *inputs, **attributes):
        self.nodes.append({"name": name, "op": op, "inputs": list(inputs), **attributes})
        return name

    def _normal(self, name, *shape, scale, mean=0.0):
        values = self._rng.normal(mean, scale, shape)
        self.arrays[name] = values.astype(np.float32)

    def weights(self, name, *shape):
        """Fill kernel and bias; the gain of 2 makes up for what a ReLU takes away."""
        self._normal(f"{name}/kernel", *shape, scale=math.sqrt(2 / math.prod(shape[:-1])))
        self._normal(f"{name}/bias", shape[-1], scale=0.1)

    def conv(self, name, source, kernel, stride, channels, filters):
        self.weights(name, *kernel, channels, filters)
        sizes = {"kernel": list(kernel), "stride": list(stride), "dilation": [1] * len(kernel)}
        fixed = {"padding": "same", "bias": True, "weight_norm": False}
        return self.add(name, "conv", source, filters=filters, **sizes, **fixed)

    def up(self, name, source, channels, filters):
        """Add a layer that makes an image twice as large."""
        self.weights(name, 2, 2, channels, filters)
        fixed = {"padding": "valid", "bias": True, "weight_norm": False}
        return self.add(
            name, "transposed_conv", source, filters=filters, kernel=[2, 2], stride=[2, 2], **fixed
        )

    def twice(self, name, source, channels, filters):
        """Add convolution, norm and ReLU, and all three again."""
        for i, before in enumerate((channels, filters), 1):
            last = self.conv(f"{name}_conv_{i}", source, (3, 3), (1, 1), before, filters)
            last = self.batch_norm(f"{name}_norm_{i}", last, filters)
            source = self.add(f"{name}_relu_{i}", "relu", last)
        return source

    def dense(self, name, source, channels, units):
        self.weights(name, channels, units)
        return self.add(name, "dense", source, units=units, bias=True, weight_norm=False)

    def batch_norm(self, name, source, channels):
        self._normal(f"{name}/gamma", channels, scale=0.1, mean=1.0)
        for key in ("beta", "mean"):
            self._normal(f"{name}/{key}", channels, scale=0.1)
        self.arrays[f"{name}/variance"] = self._rng.uniform(0.5, 2, channels).astype(np.float32)
        return self.add(name, "batch_norm", source, epsilon=1e-3, scale=True, center=True)


def quasarnet(layers=6, filters=100, bins=443, boxes=13):
    """Return header and arrays of a QuasarNET (Busca & Balland 2018, arXiv:1808.09955)."""
    net = _Builder("input_1", bins, 1)
    last, channels, length = "input_1", 1, bins
    for i in range(1, layers + 1):
        last = net.conv(f"conv_{i}", last, (10,), (2,), channels, filters)
        last = net.batch_norm(f"batch_normalization_{i}", last, filters)
        last = net.add(f"activation_{i}", "relu", last)
        last = net.add(f"dropout_{i}", "dropout", last, rate=0.2)
        channels, length = filters, math.ceil(length / 2)
    last = net.add("flatten", "flatten", last)
    last = net.dense("fc_common", last, length * filters, filters)
    last = net.batch_norm("fc_normalization", last, filters)
    last = net.add("fc_activation", "relu", last)
    outputs = {line: _line(net, i, last, filters, boxes) for i, line in enumerate(LINES)}
    return {"inputs": net.inputs, "nodes": net.nodes, "outputs": outputs}, net.arrays


def _line(net, i, source, channels, boxes):
    """Add the boxes and offsets of one line, shape (B, 2 * boxes)."""
    box = net.dense(f"fc_box_{i}", source, channels, boxes)
    box = net.add(f"fc_box_{i}_activation", "sigmoid", box)
    offset = net.dense(f"fc_offset_{i}", source, channels, boxes)
    offset = net.add(f"fc_offset_{i}_activation", "sigmoid", offset)
    offset = net.add(f"rescale_{i}", "affine", offset, scale=1.2, shift=-0.1)
    return net.add(f"conc_box_{i}", "concat", box, offset, axis=-1)


def deepcr(width=32):
    """Return header and arrays of a deepCR of two levels (Zhang & Bloom 2020)."""
    net = _Builder("image", None, None, 1)
    skip = net.twice("inc", "image", 1, width)
    last = net.add("pool", "max_pool", skip, kernel=[2, 2], stride=[2, 2], padding="valid")
    last = net.twice("down", last, width, 2 * width)
    last = net.up("up", last, 2 * width, width)
    last = net.add("joined", "concat", skip, last, axis=-1)
    last = net.twice("out", last, 2 * width, width)
    last = net.conv("logit", last, (1, 1), (1, 1), width, 1)
    last = net.add("probability", "sigmoid", last)
    return {"inputs": net.inputs, "nodes": net.nodes, "outputs": {"probability": last}}, net.arrays


def of_recipe(name):
    """Return header and arrays of a recipe that comes with desinn."""
    from desinn.files import read_yaml
    from desinn.nn.graph import Graph

    _, recipe = read_yaml(name, "yaml")
    header = {key: recipe[key] for key in SECTIONS}
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    rng = np.random.default_rng(0)
    shapes = graph.parameters().items()
    return header, {name: _random(rng, name, shape) for name, shape in shapes}


def _random(rng, name, shape):
    key = name.split("/")[1]
    if key == "variance":
        values = rng.uniform(0.5, 2, shape)
    elif key == "kernel":  # the gain of 2 makes up for what a ReLU takes away
        values = rng.normal(0, math.sqrt(2 / math.prod(shape[:-1])), shape)
    else:
        values = rng.normal(1 if key == "gamma" else 0, 0.1, shape)
    return values.astype(np.float32)

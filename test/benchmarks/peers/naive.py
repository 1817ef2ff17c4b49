"""The plain way: how QuasarNP goes through a network, and the yardstick for all others.

float64 from the first layer on, a Python loop over the positions of a convolution, batch norm as
it is written down, and the whole batch at once. One spatial axis.
"""

from collections import Counter

import numpy as np

PACKAGES = ("numpy",)
CHOICES = [{}]


def load(header, arrays, threads):
    """Return a callable: input -> outputs side by side. The environment sets the threads."""
    weights = {}
    for name, array in arrays.items():
        node, key = name.split("/")
        weights.setdefault(node, {})[key] = array.astype(np.float64)

    def run(x):
        values = {header["inputs"][0]["name"]: x[:]}
        readers = Counter(header["outputs"].values())
        readers.update(name for node in header["nodes"] for name in node["inputs"])
        for node in header["nodes"]:
            sources = [values[name] for name in node["inputs"]]
            values[node["name"]] = OPS[node["op"]](node, weights.get(node["name"]), *sources)
            del sources
            readers.subtract(node["inputs"])
            for name in node["inputs"]:
                if not readers[name]:
                    values.pop(name, None)  # or the twin would need more memory than its model
        return np.concatenate([values[name] for name in header["outputs"].values()], axis=-1)

    return run


def conv(node, weights, x):
    """Return (B, W, C), one position after the other."""
    kernel, bias = weights["kernel"], weights["bias"]
    (dilation,) = node["dilation"]
    windows = _windows(node, x, dilation, 0)
    out = np.zeros((len(x), len(windows), len(bias)))
    for i, window in enumerate(windows):
        out[:, i] = np.tensordot(window, kernel, axes=2) + bias
    return out


def max_pool(node, weights, x):
    """Return (B, W, C), the largest of each window."""
    return np.stack([window.max(axis=1) for window in _windows(node, x, 1, -np.inf)], axis=1)


def _windows(node, x, dilation, beyond):
    """Return what each position of a layer sees, (B, W, C), with `beyond` around the input."""
    (stride,), (taps,) = node["stride"], node["kernel"]
    extent = dilation * (taps - 1) + 1
    before, after = _padding(node, x.shape[1], stride, extent)
    x = np.pad(x, [(0, 0), (before, after), (0, 0)], constant_values=beyond)
    starts = range(0, x.shape[1] - extent + 1, stride)
    return [x[:, start : start + extent : dilation] for start in starts]


def _padding(node, size, stride, extent):
    """Return the pixels before and after: 'same' puts the odd one behind."""
    if node["padding"] == "valid":
        return 0, 0
    if node["padding"] != "same":
        raise NotImplementedError(f"naive: padding: same or valid, found {node['padding']}")
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def batch_norm(node, weights, x):
    """Return the normalised array."""
    deviation = np.sqrt(weights["variance"] + node["epsilon"])
    return weights["gamma"] * (x - weights["mean"]) / deviation + weights["beta"]


OPS = {
    "conv": conv,
    "max_pool": max_pool,
    "batch_norm": batch_norm,
    "dense": lambda node, weights, x: x @ weights["kernel"] + weights["bias"],
    "relu": lambda node, weights, x: np.maximum(x, 0),
    "sigmoid": lambda node, weights, x: 1 / (1 + np.exp(-x)),
    "dropout": lambda node, weights, x: x,
    "flatten": lambda node, weights, x: x.reshape(len(x), -1),
    "affine": lambda node, weights, x: node["scale"] * x + node["shift"],
    "concat": lambda node, weights, *arrays: np.concatenate(arrays, axis=node["axis"]),
}
"""Op -> function of node, weights and arrays."""

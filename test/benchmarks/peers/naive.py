"""The plain way: how QuasarNP goes through a network, and the yardstick for all others.

float64 from the first layer on, a Python loop over the positions of a convolution, batch norm as
it is written down, and the whole batch at once.
"""

import itertools

import numpy as np

from .forward import forward

PACKAGES = ("numpy",)
CHOICES = [{}]


def load(header, arrays, threads):
    """Return a callable: input -> outputs side by side. The environment sets the threads."""
    weights = {}
    for name, array in arrays.items():
        node, key = name.split("/")
        weights.setdefault(node, {})[key] = array.astype(np.float64)

    def compute(node, *sources):
        return OPS[node["op"]](node, weights.get(node["name"]), *sources)

    return lambda x: np.concatenate(forward(header, compute, x[:]), axis=-1)


def conv(node, weights, x):
    """Return (B, ..., filters), one position after the other."""
    kernel, bias = weights["kernel"], weights["bias"]
    sizes, windows = _windows(node, x, node["dilation"], 0)
    out = np.zeros((len(x), len(windows), len(bias)))
    for i, window in enumerate(windows):
        out[:, i] = np.tensordot(window, kernel, axes=kernel.ndim - 1) + bias
    return out.reshape(len(x), *sizes, -1)


def transposed_conv(node, weights, x):
    """Return (B, ..., filters): every position lays down the kernel, where those before did."""
    kernel, bias = weights["kernel"], weights["bias"]
    if node["padding"] != "valid":
        raise NotImplementedError(f"naive: padding: expected valid, found {node['padding']}")
    steps = list(zip(node["stride"], node["kernel"], strict=True))
    sizes = [(n - 1) * s + k for n, (s, k) in zip(x.shape[1:-1], steps, strict=True)]
    out = np.zeros((len(x), *sizes, len(bias)))
    for place in np.ndindex(x.shape[1:-1]):
        there = [slice(i * s, i * s + k) for i, (s, k) in zip(place, steps, strict=True)]
        values = x[(slice(None), *place)]  # (B, C)
        out[(slice(None), *there)] += np.tensordot(values, kernel, axes=(1, kernel.ndim - 2))
    return out + bias


def max_pool(node, weights, x):
    """Return (B, ..., C), the largest of each window."""
    axes = tuple(range(1, x.ndim - 1))
    sizes, windows = _windows(node, x, [1] * len(axes), -np.inf)
    out = np.stack([window.max(axis=axes) for window in windows], axis=1)
    return out.reshape(len(x), *sizes, -1)


def _windows(node, x, dilation, beyond):
    """Return how many positions a layer has along each axis, and what each position sees.

    Windows are (B, *kernel, C), with `beyond` around the input.
    """
    spans = [d * (taps - 1) + 1 for d, taps in zip(dilation, node["kernel"], strict=True)]
    axes = zip(x.shape[1:-1], node["stride"], spans, strict=True)
    x = np.pad(x, [(0, 0), *(_padding(node, *a) for a in axes), (0, 0)], constant_values=beyond)
    axes = zip(x.shape[1:-1], node["stride"], spans, dilation, strict=True)
    cuts = [
        [slice(start, start + span, d) for start in range(0, size - span + 1, stride)]
        for size, stride, span, d in axes
    ]
    windows = [x[(slice(None), *cut)] for cut in itertools.product(*cuts)]
    return [len(cut) for cut in cuts], windows


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
    "transposed_conv": transposed_conv,
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

"""The nodes of an image network in the plainest float64: a judge that shares nothing with us.

It knows the language of the nodes, and what `prepare` says of images; only the ops of U-Nets.
"""

import numpy as np


def conv(node, p, x):
    if node["weight_norm"]:
        kernel = p["direction"] * p["gain"] / np.sqrt((p["direction"] ** 2).sum((0, 1, 2)))
    else:
        kernel = p["kernel"]
    ky, kx = node["kernel"]
    assert node["stride"] == node["dilation"] == [1, 1]
    assert kernel.shape == (ky, kx, x.shape[-1], node["filters"])
    if node["padding"] == "same":
        low, high = ((ky - 1) // 2, (kx - 1) // 2), (ky // 2, kx // 2)
        x = np.pad(x, ((0, 0), (low[0], high[0]), (low[1], high[1]), (0, 0)))
    y, x_ = x.shape[1] - ky + 1, x.shape[2] - kx + 1
    taps = [(i, j) for i in range(ky) for j in range(kx)]
    return sum(x[:, i : i + y, j : j + x_] @ kernel[i, j] for i, j in taps) + p["bias"]


def transposed_conv(node, p, x):
    (ky, kx), (sy, sx) = node["kernel"], node["stride"]
    assert (ky, kx) == (sy, sx)
    b, y, x_, _ = x.shape
    blocks = np.einsum("byxi,klio->bykxlo", x, p["kernel"])  # (B, Y, KY, X, KX, C)
    return blocks.reshape(b, y * ky, x_ * kx, -1) + p["bias"]


def batch_norm(node, p, x):
    assert node["center"]
    assert node["scale"]
    return p["gamma"] * (x - p["mean"]) / np.sqrt(p["variance"] + node["epsilon"]) + p["beta"]


def max_pool(node, p, x):
    assert node["kernel"] == node["stride"] == [2, 2]
    b, y, x_, c = x.shape
    return x.reshape(b, y // 2, 2, x_ // 2, 2, c).max((2, 4))


OPS = {
    "conv": conv,
    "transposed_conv": transposed_conv,
    "batch_norm": batch_norm,
    "max_pool": max_pool,
    "concat": lambda node, p, *xs: np.concatenate(xs, axis=node["axis"]),
    "relu": lambda node, p, x: np.maximum(x, 0),
    "sigmoid": lambda node, p, x: (1 + np.tanh(x / 2)) / 2,
}


def evaluate(header, arrays, x):
    """Run the header's nodes on `x` (B, Y, X, C) in float64; public name -> array."""
    values = {"x": x.astype("f8")}
    for node in header["nodes"]:
        own = {
            key.split("/")[1]: array.astype("f8")
            for key, array in arrays.items()
            if key.startswith(f"{node['name']}/")
        }
        inputs = [values[name] for name in node["inputs"]]
        values[node["name"]] = OPS[node["op"]](node, own, *inputs)
    return {name: values[node] for name, node in header["outputs"].items()}


def run(header, arrays, image, mask=None):
    """Do with an image what ``prepare`` says; return the one output, cropped."""
    prepare = header["prepare"]
    image = image.astype("f8") / prepare["scale"]
    if prepare["normalize"] == "mean-std":
        image = (image - image.mean()) / image.std()
    planes = {"image": image}
    if mask is not None:
        planes = {"image outside mask": image * (1 - mask), "mask": mask}
    y, x = (-n % prepare["pad_multiple"] for n in image.shape)
    assert (prepare["pad_side"], prepare["pad_value"]) == ("low", 0)
    stack = np.stack([planes[name] for name in prepare["channels"]], axis=-1)
    output = evaluate(header, arrays, np.pad(stack, ((y, 0), (x, 0), (0, 0)))[None])
    (output,) = output.values()
    return output[0, y:, x:, 0]

"""torch on the CPU, layer by layer as deepCR has them, in its tiles."""

from .forward import forward
from .tiles import by_tile

PACKAGES = ("torch",)
CHOICES = [{"tile": 1024}]


def load(header, arrays, threads, tile):
    """Return a callable: image -> output."""
    import torch

    torch.set_num_threads(threads)
    weights = {node["name"]: _tensors(node, arrays) for node in header["nodes"]}

    def compute(node, *sources):
        return OPS[node["op"]](torch, node, weights[node["name"]], *sources)

    def run(window):
        with torch.inference_mode():
            # (B, Y, X, C) -> (B, C, Y, X), which in memory still has its channels last
            (y,) = forward(header, compute, torch.from_numpy(window).permute(0, 3, 1, 2))
            return y.permute(0, 2, 3, 1).numpy()

    return by_tile(run, header, tile)


KERNEL_AXES = {"conv": (3, 2, 0, 1), "transposed_conv": (2, 3, 0, 1)}
"""Op -> the axes of (Y, X, C, filters) in torch's order."""


def _tensors(node, arrays):
    """Return the parameters of a node by their names here, kernels channels last in memory."""
    import torch

    name = node["name"]
    keys = [key.split("/")[1] for key in arrays if key.split("/")[0] == name]
    found = {key: torch.from_numpy(arrays[f"{name}/{key}"]) for key in keys}
    if "kernel" in found:
        kernel = found["kernel"].permute(KERNEL_AXES[node["op"]])
        found["kernel"] = kernel.contiguous(memory_format=torch.channels_last)
    return found


def conv(torch, node, weights, x):
    """Return the convolution; torch takes `same` and `valid` by name."""
    options = {key: node[key] for key in ("stride", "padding", "dilation")}
    return torch.nn.functional.conv2d(x, weights["kernel"], weights["bias"], **options)


def transposed_conv(torch, node, weights, x):
    """Return the transposed convolution."""
    kernel, bias, stride = weights["kernel"], weights["bias"], node["stride"]
    return torch.nn.functional.conv_transpose2d(x, kernel, bias, stride)


def batch_norm(torch, node, weights, x):
    """Return the normalised array."""
    mean, variance, gamma, beta = (weights[k] for k in ("mean", "variance", "gamma", "beta"))
    return torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, eps=node["epsilon"])


OPS = {
    "conv": conv,
    "transposed_conv": transposed_conv,
    "batch_norm": batch_norm,
    "max_pool": lambda torch, node, weights, x: torch.nn.functional.max_pool2d(
        x, node["kernel"], node["stride"]
    ),
    "concat": lambda torch, node, weights, *arrays: torch.cat(arrays, dim=1),
    # In place, as deepCR has it: only ReLUs read the norms.
    "relu": lambda torch, node, weights, x: torch.relu_(x),
    "sigmoid": lambda torch, node, weights, x: torch.sigmoid(x),
}
"""Op -> function of torch, node, tensors and arrays."""

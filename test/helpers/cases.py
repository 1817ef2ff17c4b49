"""Layers to compare with the framework that defined them: what goes in, by name.

One list for three uses: `test/make_layer_fixtures.py` asks TensorFlow what comes out,
`test/nn/test_layers.py` compares that with ours, and `test/train/test_networks.py` does both at
once where TensorFlow is installed.
"""

import itertools

import numpy as np


def noise(shape, seed):
    """Return numbers between -1 and 1 that are the same on every machine and with every NumPy."""
    k = np.arange(np.prod(shape, dtype=int))
    x = np.sin(12.9898 * k + 78.233 * seed) * 43758.5453
    return ((x - np.floor(x)) * 2 - 1).reshape(shape).astype(np.float32)


def arrays_for(header, seed=7):
    """Return arrays for all parameters of a header."""
    from desinn.nn.graph import Graph

    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    arrays = {}
    for number, (name, shape) in enumerate(graph.parameters().items()):
        values = noise(shape, seed + number)
        if name.endswith("/kernel"):
            # As trainings leave them: sums stay near 1, where float32 has digits to compare.
            values = values * np.float32(2 / np.sqrt(np.prod(shape[:-1])))
        positive = name.endswith(("/variance", "/gain"))
        arrays[name] = np.abs(values) + np.float32(0.5) if positive else values
    return arrays


def one_layer(op, shapes, **attributes):
    """Return a header with one node and one input for each shape (without B)."""
    inputs = [{"name": f"x{i}", "shape": list(shape)} for i, shape in enumerate(shapes)]
    node = {"name": "layer", "op": op, "inputs": [entry["name"] for entry in inputs]}
    return {"inputs": inputs, "nodes": [{**node, **attributes}], "outputs": {"y": "layer"}}


def _conv(kernel, stride=1, dilation=1, padding="valid", filters=3, bias=True):
    rank = len(kernel)
    return {
        "filters": filters,
        "kernel": list(kernel),
        "stride": [stride] * rank,
        "dilation": [dilation] * rank,
        "padding": padding,
        "bias": bias,
        "weight_norm": False,
    }


def _convs():
    for size, kernel, stride, padding in itertools.product(
        (9, 12), (1, 2, 3, 10), (1, 2, 3), ("same", "valid")
    ):
        if padding == "same" or kernel <= size:
            name = f"conv1d-{size}-k{kernel}-s{stride}-{padding}"
            yield name, one_layer("conv", [(size, 2)], **_conv((kernel,), stride, 1, padding))
    for dilation, padding in itertools.product((2, 3), ("same", "valid")):
        name = f"conv1d-dilated-{dilation}-{padding}"
        yield name, one_layer("conv", [(13, 2)], **_conv((3,), 1, dilation, padding))
    for kernel, stride, padding in itertools.product(
        ((1, 1), (3, 3), (2, 5), (4, 3)), (1, 2, 3), ("same", "valid")
    ):
        name = f"conv2d-k{kernel[0]}x{kernel[1]}-s{stride}-{padding}"
        yield name, one_layer("conv", [(7, 10, 2)], **_conv(kernel, stride, 1, padding))
    for stride, padding in itertools.product((1, 2), ("same", "valid")):
        attributes = _conv((3, 2, 2), stride, 1, padding)
        yield f"conv3d-s{stride}-{padding}", one_layer("conv", [(5, 6, 4, 2)], **attributes)
    yield "conv2d-dilated", one_layer("conv", [(9, 8, 2)], **_conv((3, 3), 1, 2, "same"))
    yield (
        "conv2d-explicit",
        one_layer("conv", [(6, 5, 1)], **_conv((3, 3), 2, 1, [[2, 1], [0, 3]])),
    )
    yield "conv1d-explicit", one_layer("conv", [(6, 1)], **_conv((4,), 1, 1, [[3, 1]]))
    yield "conv1d-no-bias", one_layer("conv", [(6, 2)], **_conv((3,), bias=False))
    yield "conv2d-one-filter", one_layer("conv", [(5, 4, 3)], **_conv((3, 3), filters=1))


def _transposed_convs():
    for size, kernel, stride, padding in itertools.product(
        (1, 5), (1, 2, 3, 4), (1, 2, 3), ("same", "valid")
    ):
        attributes = _conv((kernel,), stride, 1, padding)
        attributes.pop("dilation")
        name = f"transposed1d-{size}-k{kernel}-s{stride}-{padding}"
        yield name, one_layer("transposed_conv", [(size, 2)], **attributes)
    for kernel, stride, padding in itertools.product(
        ((2, 2), (3, 4), (5, 3)), (1, 2), ("same", "valid", [[1, 0], [1, 1]])
    ):
        attributes = _conv(kernel, stride, 1, padding)
        attributes.pop("dilation")
        kind = padding if isinstance(padding, str) else "explicit"
        name = f"transposed2d-k{kernel[0]}x{kernel[1]}-s{stride}-{kind}"
        yield name, one_layer("transposed_conv", [(4, 3, 2)], **attributes)


def _pools():
    for op, more in (("max_pool", {}), ("average_pool", {"count_padding": False})):
        for size, kernel, stride, padding in itertools.product(
            (8, 11), (2, 3, 7), (1, 2, 4), ("same", "valid")
        ):
            attributes = {"kernel": [kernel], "stride": [stride], "padding": padding, **more}
            name = f"{op}1d-{size}-k{kernel}-s{stride}-{padding}"
            yield name, one_layer(op, [(size, 2)], **attributes)
        for kernel, padding in itertools.product(([2, 2], [3, 2]), ("same", "valid")):
            attributes = {"kernel": kernel, "stride": [2, 3], "padding": padding, **more}
            yield f"{op}2d-k{kernel[0]}-{padding}", one_layer(op, [(7, 6, 3)], **attributes)
        attributes = {"kernel": [2, 2, 2], "stride": [2, 2, 2], "padding": "same", **more}
        yield f"{op}3d", one_layer(op, [(3, 4, 5, 2)], **attributes)
    explicit = {"kernel": [3], "stride": [2], "padding": [[1, 2]], "count_padding": True}
    yield "average_pool1d-counted", one_layer("average_pool", [(7, 2)], **explicit)


SPATIAL = ((7,), (5, 4), (3, 4, 5))
"""Sizes on one, two and three axes."""


def _unpools():
    for sizes, factors in zip(SPATIAL, ([3], [2, 3], [2, 1, 3]), strict=True):
        yield f"unpool{len(sizes)}d", one_layer("unpool", [(*sizes, 2)], factors=factors)


def _global_pools():
    for kind, keep, sizes in itertools.product(("max", "average"), (True, False), SPATIAL):
        name = f"global_{kind}_pool{len(sizes)}d-{keep}"
        yield name, one_layer(f"global_{kind}_pool", [(*sizes, 3)], keep_axes=keep)


def _group_norms():
    for groups, sizes in itertools.product((1, 2, 6), SPATIAL):
        attributes = {"groups": groups, "epsilon": 1e-3, "scale": True, "center": True}
        name = f"group_norm{len(sizes)}d-{groups}"
        yield name, one_layer("group_norm", [(*sizes, 6)], **attributes)
    for scale, center in ((True, False), (False, True), (False, False)):
        attributes = {"groups": 3, "epsilon": 1e-5, "scale": scale, "center": center}
        yield f"group_norm-{scale}-{center}", one_layer("group_norm", [(5, 6)], **attributes)


def _activations():
    for op in ("relu", "sigmoid", "linear", "tanh", "softmax"):
        yield op, one_layer(op, [(4, 3)])
    for slope in (0.0, 0.01, 0.3, 1.5):
        yield f"leaky_relu-{slope}", one_layer("leaky_relu", [(4, 3)], slope=slope)
    for alpha in (0.0, 0.5, 1.0, 2.0):
        yield f"elu-{alpha}", one_layer("elu", [(4, 3)], alpha=alpha)
    for sizes in SPATIAL:
        yield f"softmax{len(sizes)}d", one_layer("softmax", [(*sizes, 3)])


def _others():
    for bias in (True, False):
        attributes = {"units": 4, "bias": bias, "weight_norm": False}
        yield f"dense-{bias}", one_layer("dense", [(5,)], **attributes)
        yield f"dense-on-rows-{bias}", one_layer("dense", [(3, 5)], **attributes)
    for scale, center, shape in itertools.product((True, False), (True, False), ((6,), (4, 5, 3))):
        attributes = {"epsilon": 1e-3, "scale": scale, "center": center}
        name = f"batch_norm-{scale}-{center}-{len(shape)}"
        yield name, one_layer("batch_norm", [shape], **attributes)
    yield "affine", one_layer("affine", [(13,)], scale=1.2, shift=-0.1)
    yield "dropout", one_layer("dropout", [(4, 3)], rate=0.5)
    for sizes in SPATIAL:
        shape = (*sizes, 2)
        yield f"add{len(sizes)}d", one_layer("add", [shape] * len(sizes) + [shape])
    yield "concat", one_layer("concat", [(4, 3, 2), (4, 3, 1), (4, 3, 4)], axis=-1)
    yield "concat-first", one_layer("concat", [(2, 3), (4, 3)], axis=1)
    yield "crop1d", one_layer("crop", [(6, 2)], amounts=[[1, 2]])
    yield "crop2d", one_layer("crop", [(6, 5, 2)], amounts=[[0, 2], [3, 1]])
    yield "pad1d", one_layer("pad", [(3, 2)], amounts=[[2, 1]], value=0.0)
    yield "pad2d", one_layer("pad", [(3, 2, 2)], amounts=[[0, 1], [2, 0]], value=0.0)
    yield "reshape", one_layer("reshape", [(4, 6)], shape=[3, -1, 2])
    yield "transpose", one_layer("transpose", [(2, 3, 4)], axes=[3, 1, 2])
    yield "flatten", one_layer("flatten", [(2, 3, 4)])


CASES = dict(
    itertools.chain(
        _convs(),
        _transposed_convs(),
        _pools(),
        _unpools(),
        _global_pools(),
        _group_norms(),
        _activations(),
        _others(),
    )
)
"""Name -> header."""


def inputs_of(header, batch=2):
    """Return an input array for each input of a header; every size must be known."""
    return {
        entry["name"]: noise((batch, *entry["shape"]), 1 + number)
        for number, entry in enumerate(header["inputs"])
    }

"""Networks as ONNX models, for other programs to run.

What goes in and what comes out has the channels last, as everywhere here; ONNX wants them first
in between.
"""

import numpy as np

from ..files import whole_file
from ..nn.geometry import pads, transposed_crops
from ..nn.graph import Graph
from .onnx_maker import FIRST, LAST, Maker

OPSET, IR_VERSION = 17, 8
"""Of the models: what every onnxruntime since 1.12 reads."""

GROUP_OPSET, GROUP_IR_VERSION = 21, 10
"""Of models with a group norm, which ONNX has only from here on as it is meant here."""

END = np.iinfo(np.int64).max


def write_onnx(path, header, arrays, overwrite=False):
    """Write a network as an ONNX model; the file appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
    header : dict
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ValueError
        If ONNX cannot say what a node does, by its name.
    FileExistsError
        If the file exists and `overwrite` is not set.
    ImportError
        If onnx is not installed.
    """
    with whole_file(path, overwrite) as name, open(name, "wb") as stream:
        stream.write(onnx_model(header, arrays).SerializeToString())


def onnx_model(header, arrays):
    """Return a network as an ONNX model.

    Parameters
    ----------
    header : dict
        With inputs, nodes and outputs.
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.

    Returns
    -------
    onnx.ModelProto
        Its inputs (B, ..., C) and outputs are named as the header's.

    Raises
    ------
    ValueError
        If ONNX cannot say what a node does, by its name.
    ImportError
        If onnx is not installed.
    """
    try:
        from onnx import TensorProto, checker, helper
    except ImportError:
        raise ImportError("writing ONNX files needs onnx: pip install 'desinn[onnx]'") from None
    maker = Maker(Graph(header["inputs"], header["nodes"], header["outputs"]), arrays)
    maker.make(OPS)
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in named]
        for named in maker.ends()
    )
    graph = helper.make_graph(
        maker.nodes, header.get("name", "network"), inputs, outputs, maker.constants
    )
    grouped = any(node.op.name == "group_norm" for node in maker.graph.nodes)
    opset, version = (GROUP_OPSET, GROUP_IR_VERSION) if grouped else (OPSET, IR_VERSION)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=version,
        producer_name="desinn",
    )
    checker.check_model(model)
    return model


def _pads(maker, node):
    """Return the attributes that say a padding: in numbers, where they do not depend on sizes."""
    op, sizes = node.op, maker.graph.shapes[node.inputs[0]][:-1]
    if op.padding == "same" and None in sizes and set(op.stride) != {1}:
        return {"auto_pad": "SAME_UPPER"}
    low, high = zip(*pads(sizes, op.kernel, op.stride, op.dilation, op.padding), strict=True)
    return {"pads": [*low, *high]}


def _kernel(maker, node, axes):
    """Return the names of a layer's kernel, its last two axes put to these, and of its bias."""
    params = maker.params(node)
    kernel, bias = node.op.plain_weights(params)
    names = [maker.constant(node, "kernel", np.moveaxis(kernel, (-2, -1), axes))]
    return [*names, maker.constant(node, "bias", bias)] if node.op.bias else names


def _conv(maker, node):
    maker.single(
        "Conv",
        node,
        FIRST,
        *_kernel(maker, node, (1, 0)),  # (filters, C, ...)
        kernel_shape=node.op.kernel,
        strides=node.op.stride,
        dilations=node.op.dilation,
        **_pads(maker, node),
    )


def _transposed_conv(maker, node):
    op = node.op
    crops = transposed_crops(op.kernel, op.stride, op.padding)
    cut, added = ([[max(sign * v, 0) for v in side] for side in zip(*crops, strict=True)]
                  for sign in (1, -1))  # fmt: skip
    windows = {"kernel_shape": op.kernel, "strides": op.stride, "pads": [*cut[0], *cut[1]]}
    kernel, *bias = _kernel(maker, node, (0, 1))  # (C, filters, ...)
    if not any(map(any, added)):
        maker.single("ConvTranspose", node, FIRST, kernel, *bias, **windows)
        return
    # Zeros beyond the kernels' reach come before the bias, which is everywhere.
    name = f"{node.name}/kernels"
    source = maker.single("ConvTranspose", node, FIRST, kernel, name=name, **windows)
    amounts = maker.constant(node, "amounts", [0, 0, *added[0], 0, 0, *added[1]], np.int64)
    source = maker.single("Pad", node, FIRST, amounts, source=source, name=f"{node.name}/padded")
    for values in bias:
        shape = maker.constant(node, "bias_shape", [-1] + [1] * len(op.kernel), np.int64)
        values = maker.add("Reshape", f"{node.name}/bias_values", [values, shape])
        maker.single("Add", node, FIRST, values, source=source)


def _pool(kind):
    """Return a function for a pool."""

    def add(maker, node):
        more = {}
        if kind == "AveragePool":
            more["count_include_pad"] = int(node.op.count_padding)
        more.update(_pads(maker, node))
        maker.single(
            kind, node, FIRST, kernel_shape=node.op.kernel, strides=node.op.stride, **more
        )

    return add


def _global_pool(kind):
    """Return a function for a pool over everything."""

    def add(maker, node):
        if node.op.keep_axes:
            maker.single(kind, node, FIRST)
            return
        source = maker.get(node.inputs[0], FIRST)
        source = maker.add(kind, f"{node.name}/kept", [source])
        maker.single("Flatten", node, LAST, source=source, axis=1)

    return add


def _unpool(maker, node):
    scales = maker.constant(node, "scales", [1, 1, *node.op.factors])
    maker.single(
        "Resize",
        node,
        FIRST,
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _dense(maker, node):
    names = _kernel(maker, node, (0, 1))
    if len(maker.graph.shapes[node.name]) == 1:
        maker.single("Gemm", node, LAST, *names)
    elif node.op.bias:
        name = f"{node.name}/product"
        product = maker.add("MatMul", name, [maker.get(node.inputs[0], LAST), names[0]])
        maker.single("Add", node, LAST, names[1], source=product)
    else:
        maker.single("MatMul", node, LAST, names[0])


def _scale_and_shift(maker, node):
    """Return the names of gamma and beta; of ones and zeros, where there are none."""
    params, channels = maker.params(node), maker.graph.shapes[node.name][-1]
    return [
        maker.constant(node, key, params.get(key, np.full(channels, value)))
        for key, value in (("gamma", 1), ("beta", 0))
    ]


def _batch_norm(maker, node):
    names = _scale_and_shift(maker, node)
    names += [maker.constant(node, key, maker.params(node)[key]) for key in ("mean", "variance")]
    maker.single("BatchNormalization", node, FIRST, *names, epsilon=node.op.epsilon)


def _group_norm(maker, node):
    names = _scale_and_shift(maker, node)
    settings = {"epsilon": node.op.epsilon, "num_groups": node.op.groups}
    maker.single("GroupNormalization", node, FIRST, *names, **settings)


def _pointwise(kind, **attributes):
    """Return a function for an activation: ONNX' attribute -> ours."""

    def add(maker, node):
        values = {key: getattr(node.op, own) for key, own in attributes.items()}
        maker.single(kind, node, maker.layout(*node.inputs), **values)

    return add


def _same(maker, node):
    layout = maker.layout(*node.inputs)
    maker.put(node.name, maker.get(node.inputs[0], layout), layout)


def _affine(maker, node):
    layout = maker.layout(*node.inputs)
    scale, shift = (maker.constant(node, key, getattr(node.op, key)) for key in ("scale", "shift"))
    name = f"{node.name}/scaled"
    scaled = maker.add("Mul", name, [maker.get(node.inputs[0], layout), scale])
    maker.single("Add", node, layout, shift, source=scaled)


def _softmax(maker, node):
    layout = maker.layout(*node.inputs)
    maker.single("Softmax", node, layout, axis=maker.axis(node, -1, layout))


def _join(kind):
    """Return a function for what takes several arrays in one layout."""

    def add(maker, node):
        layout = maker.layout(*node.inputs)
        axis = {"axis": maker.axis(node, node.op.axis, layout)} if kind == "Concat" else {}
        sources = [maker.get(name, layout) for name in node.inputs]
        maker.put(node.name, maker.add(kind, node.name, sources, **axis), layout)

    return add


def _crop(maker, node):
    low, high = zip(*node.op.amounts, strict=True)
    layout = maker.layout(*node.inputs)
    axes = [maker.axis(node, axis, layout) for axis in range(1, len(low) + 1)]
    lists = {"starts": low, "ends": [-n or END for n in high], "axes": axes}
    names = [maker.constant(node, key, values, np.int64) for key, values in lists.items()]
    maker.single("Slice", node, layout, *names)


def _pad(maker, node):
    layout = maker.layout(*node.inputs)
    inside = (lambda side: [0, 0, *side]) if layout == FIRST else (lambda side: [0, *side, 0])
    amounts = [n for side in zip(*node.op.amounts, strict=True) for n in inside(side)]
    names = [maker.constant(node, "amounts", amounts, np.int64)]
    names.append(maker.constant(node, "value", node.op.value))
    maker.single("Pad", node, layout, *names)


def _reshape(maker, node):
    shape = [0, *maker.graph.shapes[node.name]]  # 0: B, whatever it is
    maker.single("Reshape", node, LAST, maker.constant(node, "shape", shape, np.int64))


OPS = {
    "conv": _conv,
    "transposed_conv": _transposed_conv,
    "max_pool": _pool("MaxPool"),
    "average_pool": _pool("AveragePool"),
    "global_max_pool": _global_pool("GlobalMaxPool"),
    "global_average_pool": _global_pool("GlobalAveragePool"),
    "unpool": _unpool,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "group_norm": _group_norm,
    "dropout": _same,
    "linear": _same,
    "relu": _pointwise("Relu"),
    "leaky_relu": _pointwise("LeakyRelu", alpha="slope"),
    "elu": _pointwise("Elu", alpha="alpha"),
    "sigmoid": _pointwise("Sigmoid"),
    "tanh": _pointwise("Tanh"),
    "softmax": _softmax,
    "affine": _affine,
    "add": _join("Sum"),
    "concat": _join("Concat"),
    "crop": _crop,
    "pad": _pad,
    "reshape": _reshape,
    "transpose": lambda maker, node: maker.single(
        "Transpose", node, LAST, perm=[0, *node.op.axes]
    ),
    "flatten": lambda maker, node: maker.single("Flatten", node, LAST, axis=1),
}
"""Op -> function of maker and node; what is missing ONNX cannot say."""

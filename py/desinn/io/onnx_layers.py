"""What each node of ONNX is in our language; a table, so that a missing one is one entry.

Each function takes a `Call` and returns a `Value`, or an array where all inputs are arrays.
"""

import dataclasses
import math

import numpy as np

from . import onnx_shapes
from .onnx_fold import FOLDED


def _conv(call):
    call.expect(group=1)
    x, kernel = call.first(), call.constant(1)  # (filters, C, ...)
    rank = kernel.ndim - 2
    return call.emit(
        "conv",
        x,
        filters=kernel.shape[0],
        kernel=list(kernel.shape[2:]),
        stride=list(call.get("strides", [1] * rank)),
        dilation=list(call.get("dilations", [1] * rank)),
        padding=_padding(call, rank),
        bias=call.has(2),
        weight_norm=False,
        arrays=_weights(call, np.moveaxis(kernel, (1, 0), (-2, -1))),
    )


def _weights(call, kernel):
    return {"kernel": kernel, "bias": call.constant(2)} if call.has(2) else {"kernel": kernel}


def _padding(call, rank):
    named = {"VALID": "valid", "SAME_UPPER": "same"}
    kind = call.get("auto_pad", "NOTSET")
    if kind in named:
        return named[kind]
    call.expect(auto_pad="NOTSET")
    pads = list(call.get("pads", [0] * (2 * rank)))
    return [list(pair) for pair in zip(pads[:rank], pads[rank:], strict=True)]


def _transposed_conv(call):
    kernel = call.constant(1)  # (C, filters, ...)
    rank = kernel.ndim - 2
    call.expect(group=1, dilations=[1] * rank, output_shape=None)
    strides = list(call.get("strides", [1] * rank))
    amounts = _padding(call, rank)
    added = call.get("output_padding", [0] * rank)
    if amounts == "valid":
        amounts = [[0, 0]] * rank
    elif amounts == "same":
        totals = [k - s + a for k, s, a in zip(kernel.shape[2:], strides, added, strict=True)]
        amounts = [[total // 2, total - total // 2] for total in totals]
    return call.emit(
        "transposed_conv",
        call.first(),
        filters=kernel.shape[1],
        kernel=list(kernel.shape[2:]),
        stride=strides,
        padding=[[low, high - a] for (low, high), a in zip(amounts, added, strict=True)],
        bias=call.has(2),
        weight_norm=False,
        arrays=_weights(call, np.moveaxis(kernel, (0, 1), (-2, -1))),
    )


def _pool(op):
    def make(call):
        kernel = list(call.get("kernel_shape"))
        call.expect(ceil_mode=0, dilations=[1] * len(kernel))
        more = {}
        if op == "average_pool":
            more["count_padding"] = bool(call.get("count_include_pad", 0))
        return call.emit(
            op,
            call.first(),
            kernel=kernel,
            stride=list(call.get("strides", [1] * len(kernel))),
            padding=_padding(call, len(kernel)),
            **more,
        )

    return make


def _global_pool(op):
    return lambda call: call.emit(op, call.first(), keep_axes=True)


def _reduced(op):
    """Return a function for a mean or maximum over all spatial axes."""

    def make(call):
        value = call.value()
        rank, axes = len(value.perm), call.integers("axes", 1)
        found = {value.perm[call.checked_axis(axis, rank)] for axis in axes or []}
        if found != set(range(1, rank - 1)):
            raise ValueError(f"axes must be all but B and the channels, found {axes}")
        keep = bool(call.get("keepdims", 1))
        return call.emit(op, value, value.perm if keep else (0, 1), keep_axes=keep)

    return make


def _gemm(call):
    call.expect(transA=0)
    kernel, bias = call.constant(1), call.constant(2, 0.0)
    kernel = (kernel.T if call.get("transB", 0) else kernel) * np.float32(call.get("alpha", 1.0))
    bias = np.broadcast_to(bias.reshape(-1), kernel.shape[1:]) * np.float32(call.get("beta", 1.0))
    return _dense(call, call.value(), kernel, bias if call.has(2) else None)


def _matmul(call):
    value, kernel = call.value(), call.constant(1)
    if value.rows is None:
        value, _ = call.with_last(-1)
    return _dense(call, value, kernel, None)


def _dense(call, value, kernel, bias):
    if kernel.ndim != 2:
        raise ValueError(f"the array must have two axes, found {kernel.ndim}")
    if value.rows is not None:
        kernel = _our_rows(kernel, *value.rows)
    arrays = {"kernel": kernel} if bias is None else {"kernel": kernel, "bias": bias}
    given = {"units": kernel.shape[1], "bias": bias is not None, "weight_norm": False}
    return call.emit("dense", dataclasses.replace(value, rows=None), arrays=arrays, **given)


def _our_rows(kernel, sizes, perm):
    """Return a kernel with its rows, which are in ONNX' order of pixels and channels, in ours."""
    if math.prod(sizes) != len(kernel):
        raise ValueError(f"expected {math.prod(sizes)} rows, found {len(kernel)}")
    order = sorted(range(len(sizes)), key=lambda axis: perm[axis + 1])
    cube = kernel.reshape(*sizes, -1)  # (C, ..., units) -> (..., C, units)
    return cube.transpose(*order, len(sizes)).reshape(kernel.shape)


def _batch_norm(call):
    call.expect(training_mode=0)
    names = ("gamma", "beta", "mean", "variance")
    arrays = {name: call.constant(number) for number, name in enumerate(names, 1)}
    value, _ = call.with_last(1)
    epsilon = call.get("epsilon", 1e-5)
    return call.emit("batch_norm", value, epsilon=epsilon, scale=True, center=True, arrays=arrays)


def _group_norm(call):
    value, _ = call.with_last(1)
    return call.emit(
        "group_norm",
        value,
        groups=call.get("num_groups"),
        epsilon=call.get("epsilon", 1e-5),
        scale=True,
        center=True,
        arrays={"gamma": call.constant(1), "beta": call.constant(2)},
    )


def _pointwise(op, **attributes):
    """Return a function for an activation: our attribute -> ONNX' and what it is by itself."""

    def make(call):
        value = call.value()
        given = {key: call.get(*pair) for key, pair in attributes.items()}
        return dataclasses.replace(value, name=call.emit(op, value, **given).name)

    return make


def _softmax(call):
    old = call.reader.opset < 13
    axis = call.get("axis", 1 if old else -1)
    value, axis = call.with_last(axis)
    if old and axis != len(value.perm) - 1:
        raise ValueError(f"axis must be the last before opset 13, found {axis}")
    return call.emit("softmax", value)


def _add(call):
    if any(isinstance(value, np.ndarray) for value in call.inputs):
        return _arithmetic(lambda x: (1.0, x), lambda x: (1.0, x))(call)
    values = [call.value(number) for number in range(len(call.inputs))]
    values = [call.reader.turned(value, values[0].perm) for value in values]
    return call.reader.emit("add", values, values[0].perm, call.name)


def _arithmetic(terms, turned=None):
    """Return a function for what is done with a result and an array.

    `terms` gives scale and shift from the array, `turned` where the array comes first.
    """

    def make(call):
        first = isinstance(call.inputs[0], np.ndarray)
        if first and turned is None:
            raise ValueError("input 0 must be the result of a node")
        value, array = call.value(int(first)), call.constant(int(not first))
        if array.size == 1:
            scale, shift = (turned if first else terms)(float(array.reshape(())))
            return call.emit("affine", value, scale=scale, shift=shift)
        return _by_channel(call, value, *(turned if first else terms)(_channels(value, array)))

    return make


def _channels(value, array):
    """Return an array of one number for each channel, as a vector."""
    rank = len(value.perm)
    shape = (1,) * (rank - array.ndim) + array.shape
    long = [axis for axis, size in enumerate(shape) if size > 1]
    if len(shape) != rank or len(long) != 1 or value.perm[long[0]] != rank - 1:
        raise ValueError(
            f"the array must be one number, or one for each channel, found shape {array.shape}"
        )
    return array.reshape(-1).astype(np.float32)


def _by_channel(call, value, scale, shift):
    """Return a result times one number and plus another, for each channel."""
    reader, maker = call.reader, call.reader.nodes[-1] if call.reader.nodes else {}
    alone = maker.get("name") == value.name and reader.uses[value.name] == 1
    plain = np.ndim(scale) == 0 and scale == 1
    if alone and plain and maker["op"] in ("conv", "dense") and not maker["bias"]:
        reader.nodes[-1] = {**maker, "bias": True}
        reader.arrays[f"{value.name}/bias"] = shift
        return value
    size = max(np.size(scale), np.size(shift))
    arrays = {
        "gamma": np.broadcast_to(scale, size),
        "beta": np.broadcast_to(shift, size),
        "mean": np.zeros(size),
        "variance": np.ones(size),
    }
    return call.emit("batch_norm", value, epsilon=0.0, scale=True, center=True, arrays=arrays)


def _constant_or(make):
    """Return a function that leaves arrays alone to `FOLDED`."""

    def either(call):
        arrays = all(x is None or isinstance(x, np.ndarray) for x in call.inputs)
        return FOLDED[call.node.op_type](call) if arrays else make(call)

    return either


def _value(call):
    return call.value()


NETWORK = {
    "Add": _add,
    "AveragePool": _pool("average_pool"),
    "BatchNormalization": _batch_norm,
    "Concat": onnx_shapes.concat,
    "Conv": _conv,
    "ConvTranspose": _transposed_conv,
    "Div": _arithmetic(lambda x: (1 / x, 0.0)),
    "Dropout": _value,
    "Elu": _pointwise("elu", alpha=("alpha", 1.0)),
    "Flatten": onnx_shapes.flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool("global_average_pool"),
    "GlobalMaxPool": _global_pool("global_max_pool"),
    "GroupNormalization": _group_norm,
    "Identity": _value,
    "LeakyRelu": _pointwise("leaky_relu", slope=("alpha", 0.01)),
    "MatMul": _matmul,
    "MaxPool": _pool("max_pool"),
    "Mul": _arithmetic(lambda x: (x, 0.0), lambda x: (x, 0.0)),
    "Pad": onnx_shapes.pad,
    "ReduceMax": _reduced("global_max_pool"),
    "ReduceMean": _reduced("global_average_pool"),
    "Relu": _pointwise("relu"),
    "Reshape": onnx_shapes.reshape,
    "Resize": onnx_shapes.resize,
    "Sigmoid": _pointwise("sigmoid"),
    "Slice": onnx_shapes.cut,
    "Softmax": _softmax,
    "Squeeze": onnx_shapes.squeeze,
    "Sub": _arithmetic(lambda x: (1.0, -x), lambda x: (-1.0, x)),
    "Sum": _add,
    "Tanh": _pointwise("tanh"),
    "Transpose": onnx_shapes.transpose,
    "Unsqueeze": onnx_shapes.unsqueeze,
    "Upsample": onnx_shapes.resize,
}

LAYERS = {
    **FOLDED,
    **{kind: _constant_or(make) if kind in FOLDED else make for kind, make in NETWORK.items()},
}
"""ONNX' op -> function of a `Call`."""

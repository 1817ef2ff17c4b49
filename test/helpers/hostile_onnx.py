"""Broken and hostile ONNX files."""

import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def _array(name, *shape):
    return numpy_helper.from_array(np.ones(shape, "f4"), name)


def _node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def _model(nodes, arrays=(), shape=("B", 4, 9), outputs="y", changed=None):
    """Return the bytes of a model; `changed` may still do something to it."""
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name in names.split()]
        for names, size in (("x", shape), (outputs, None))
    ]
    model = helper.make_model(helper.make_graph(nodes, "bad", *ends, arrays))
    if changed is not None:
        changed(model)
    return model.SerializeToString()


def _conv(**changes):
    return _model([_node("Conv", "x w", "y", **changes)], [_array("w", 2, 4, 3)])


def _of_array(change):
    """Return a convolution of which something is done to the array."""
    nodes, arrays = [_node("Conv", "x w", "y")], [_array("w", 2, 4, 3)]
    return _model(nodes, arrays, changed=lambda model: change(model.graph.initializer[0]))


def _external(tensor):
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.raw")


def _shaped(*dims):
    return lambda tensor: tensor.dims.__setitem__(slice(None), dims)


def _not_a_number(tensor):
    tensor.raw_data = np.full((2, 4, 3), np.nan, "f4").tobytes()


def _cyclic(model):
    """Let a node be there whose own outputs go into it by way of another."""
    model.graph.node.extend([_node("Add", "x b", "a"), _node("Relu", "a", "b")])


def _branches():
    inner = helper.make_graph([_node("Relu", "x", "y")], "inner", [], [])
    return _model([_node("If", "x", "y", then_branch=inner, else_branch=inner)])


def _doubled(times):
    """Return a model whose channels are twice as many after each node."""
    names = ["x", *(f"n{k}" for k in range(times - 1)), "y"]
    return _model([_node("Concat", f"{a} {a}", b, axis=1) for a, b in itertools.pairwise(names)])


def _used_often(times):
    """Return a model of many layers that share an array, which would be written for each."""
    names = ["x", *(f"n{k}" for k in range(times - 1)), "y"]
    nodes = [_node("MatMul", f"{a} w", b) for a, b in itertools.pairwise(names)]
    return _model(nodes, [_array("w", 64, 64)], ("B", 64))


def onnxes():
    """Return files: name -> bytes, or a function that returns them."""
    relu = _node("Relu", "x", "y")
    good = _model([_node("Conv", "x w", "y")], [_array("w", 2, 4, 3)])
    return {
        "only-a-version": b"\x08\x08",
        "half": good[: len(good) // 2],
        "no-nodes": _model([]),
        "no-input": _model([_node("Relu", "z", "y")]),
        "input-of-nothing": _model([relu], shape=()),
        "input-without-shape": _model([relu], shape=None),
        "output-of-nothing": _model([relu], outputs="z"),
        "output-an-array": _model([relu], [_array("w", 3)], outputs="w"),
        "node-without-output": _model([_node("Relu", "x", ""), relu]),
        "made-twice": _model([relu, _node("Tanh", "x", "y")]),
        "made-twice-as-input": _model([_node("Relu", "x", "x"), relu]),
        "made-by-itself": _model([_node("Flatten", "x", "f"), _node("Relu", "f", "y"),
                                  _node("Relu", "y", "y")]),
        "fed-by-its-reader": _model([_node("Flatten", "x", "f"), _node("Dropout", "f y", "d"),
                                     _node("Relu", "d", "y")]),
        "cyclic": _model([relu], changed=_cyclic),
        "reads-itself": _model([_node("Relu", "y", "y")]),
        "unknown-op": _model([_node("Einsum", "x", "y")]),
        "unknown-domain": _model([helper.make_node("Relu", ["x"], ["y"], domain="os.system")]),
        "branches": _branches(),
        "outside": _of_array(_external),
        "claims-gigabytes": _of_array(_shaped(10**6, 10**6, 3)),
        "claims-more-than-there-is": _of_array(_shaped(10**18, 10**18, 10**18)),
        "claims-less-than-nothing": _of_array(_shaped(-2, -4, 3)),
        "no-such-type": _of_array(lambda tensor: setattr(tensor, "data_type", 99)),
        "texts": _of_array(lambda tensor: setattr(tensor, "data_type", TensorProto.STRING)),
        "complex": _of_array(lambda tensor: setattr(tensor, "data_type", TensorProto.COMPLEX64)),
        "not-a-number": _of_array(_not_a_number),
        "strides-of-none": _conv(strides=[0]),
        "strides-of-text": _conv(strides="1"),
        "strides-too-many": _conv(strides=[1] * 50),
        "dilations-negative": _conv(dilations=[-1]),
        "pads-odd": _conv(pads=[1]),
        "pads-negative": _conv(pads=[-5, -5]),
        "group": _conv(group=2),
        "pool-without-kernel": _model([_node("MaxPool", "x", "y")]),
        "transposed-of-B": _model([_node("Transpose", "x", "y", perm=[2, 1, 0])]),
        "transposed-twice-the-same": _model([_node("Transpose", "x", "y", perm=[0, 1, 1])]),
        "axis-beyond": _model([_node("Concat", "x x", "y", axis=10**9)]),
        "doubled-200-times": _doubled(200),
        "array-used-often": _used_often(500),
        "made-of-a-shape": _model(
            [_node("Constant", "", "s", value_ints=[10**9, 10**9]),
             _node("ConstantOfShape", "s", "w"), _node("MatMul", "x w", "y")]
        ),
        "reshaped-beyond": _model(
            [_node("Constant", "", "s", value_ints=[0, 10**30 % 2**62]),
             _node("Reshape", "x s", "y")]
        ),
        "reshaped-to-100-axes": _model(
            [_node("Constant", "", "s", value_ints=[0, -1, *[1] * 100]),
             _node("Reshape", "x s", "y")]
        ),
        "one-name-40000-times": lambda: _model(
            [_node("Relu", "x", f"y{k}", name="a" * 200) for k in range(40_000)], outputs="z"
        ),
    }  # fmt: skip

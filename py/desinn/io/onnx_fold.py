"""Nodes of ONNX that work on arrays alone: how exporters write the shapes that others take."""

import numpy as np

from .onnx_call import array_of

LONGEST = 64
"""Values of a result: shapes are short, and a file must not make arrays longer than it is."""


def _short(make):
    """Return a function whose result is no longer than a shape can be."""

    def checked(call):
        arrays = [call.constant(number) for number in range(len(call.inputs))]
        if sum(array.size for array in arrays) > LONGEST:
            raise ValueError(f"expected arrays of at most {LONGEST} values together, found more")
        return make(call, *arrays)

    return checked


def _constant(call):
    for key, dtype in (("value_ints", np.int64), ("value_floats", np.float32),
                       ("value_int", np.int64), ("value_float", np.float32)):  # fmt: skip
        if call.get(key) is not None:
            return np.asarray(call.get(key), dtype)
    return array_of(call.get("value"))


def _shape(call):
    """Return a shape with 0 for B: as Reshape writes a size that stays."""
    sizes = [0, *call.sizes(call.value())]
    if None in sizes:
        raise ValueError("the sizes of what goes in must be known")
    return np.array(sizes[call.get("start", 0) : call.get("end", len(sizes))], np.int64)


def _squeezed(call):
    return np.squeeze(call.constant(0), tuple(call.integers("axes", 1)))


def _unsqueezed(call):
    return np.expand_dims(call.constant(0), tuple(call.integers("axes", 1)))


def _cut(call, array, starts, ends, axes=None, steps=None):
    if array.ndim != 1 or starts.size != 1 or (steps is not None and steps.ravel()[0] != 1):
        raise ValueError("expected one axis and steps of 1")
    return array[int(starts.ravel()[0]) : int(ends.ravel()[0])]


def _cast(call, array):
    kinds = {1: np.float32, 6: np.int32, 7: np.int64, 11: np.float64}
    if call.get("to") not in kinds:
        raise ValueError(f"type {call.get('to')} is none of {', '.join(map(str, kinds))}")
    return array.astype(kinds[call.get("to")])


FOLDED = {
    "Cast": _short(_cast),
    "Concat": _short(lambda call, *arrays: np.concatenate(arrays, call.get("axis"))),
    "Constant": _constant,
    "Gather": _short(lambda call, x, at: np.asarray(x.take(at.astype(int), call.get("axis", 0)))),
    "Identity": lambda call: call.constant(0),
    "Reshape": lambda call: call.constant(0).reshape(call.integers("shape", 1)),
    "Shape": _shape,
    "Slice": _short(_cut),
    "Squeeze": _squeezed,
    "Transpose": lambda call: call.constant(0).transpose(call.get("perm")),
    "Unsqueeze": _unsqueezed,
}
"""ONNX' op -> function of a `Call` that returns an array."""

"""What ONNX' nodes are in our language that only move pixels, add some or leave some out."""

import dataclasses
import math

NEAREST = {
    ("asymmetric", "floor"), ("tf_half_pixel_for_nn", "floor"),
    ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil"),
    ("pytorch_half_pixel", "round_prefer_floor"), ("pytorch_half_pixel", "round_prefer_ceil"),
}  # fmt: skip
"""Modes of Resize that repeat pixels, where they become a whole number of times as many."""


def flatten(call):
    """Return all axes but B as one.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    value = call.value()
    if call.get("axis", 1) not in (1, 1 - len(value.perm)):
        raise ValueError(f"axis must be 1, found {call.get('axis')}")
    return _flat(call, value)


def _flat(call, value):
    """Return all numbers on one axis: in our order, if a dense layer's rows can follow it."""
    sizes = call.sizes(value)
    order = [axis for axis, size in zip(value.perm[1:], sizes, strict=True) if size != 1]
    if order == sorted(order):
        return call.emit("flatten", value, (0, 1))
    if call.reader.into_dense(call.node.output[0]):
        flat = call.emit("flatten", value, (0, 1))
        return dataclasses.replace(flat, rows=(tuple(sizes), value.perm))
    return call.emit("flatten", call.plain(), (0, 1))


def reshape(call):
    """Return another shape.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    value = call.value()
    call.expect(allowzero=0)
    shape = call.integers("shape", 1)
    sizes = call.sizes(value)
    if None in sizes:
        raise ValueError("the sizes of what goes in must be known")
    rest = [n or sizes[i] for i, n in enumerate(shape[1:])]
    total, known = math.prod(sizes), math.prod(n for n in rest if n != -1)
    if shape[0] not in (0, -1, call.reader.batch) or (shape[0] == -1 and known != total):
        raise ValueError(f"the first axis must stay B, found shape {shape}")
    if len(rest) == 1 and rest[0] in (-1, total):
        return _flat(call, value)
    return _shaped(call, rest)


def _shaped(call, shape):
    """Return the first input in another shape without B."""
    return call.emit("reshape", call.plain(), range(len(shape) + 1), shape=list(shape))


def squeeze(call):
    """Return a shape without axes of size 1.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    value = call.value()
    rank, sizes = len(value.perm), call.sizes(value)
    axes = {call.checked_axis(axis, rank) for axis in call.integers("axes", 1) or []}
    if any(sizes[axis - 1] != 1 for axis in axes) or not axes:
        raise ValueError(f"axes must be some of size 1, found {sorted(axes)}")
    return _shaped(call, [size for axis, size in enumerate(sizes, 1) if axis not in axes])


def unsqueeze(call):
    """Return a shape with more axes of size 1.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    sizes, axes = call.sizes(call.value()), call.integers("axes", 1)
    rank = len(sizes) + 1 + len(axes)
    ones = {call.checked_axis(axis, rank) for axis in axes}
    rest = iter(sizes)
    return _shaped(call, [1 if axis in ones else next(rest) for axis in range(1, rank)])


def transpose(call):
    """Return the same node: its axes are only counted in another order.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    value = call.value()
    order = call.get("perm", list(reversed(range(len(value.perm)))))
    if sorted(order) != list(range(len(value.perm))) or order[0] != 0:
        raise ValueError(f"perm must leave B first, found {list(order)}")
    return dataclasses.replace(value, perm=tuple(value.perm[axis] for axis in order))


def concat(call):
    """Return arrays side by side along an axis.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    values = [call.value(number) for number in range(len(call.inputs))]
    values = [call.reader.turned(value, values[0].perm) for value in values]
    rank = len(values[0].perm)
    axis = values[0].perm[call.checked_axis(call.get("axis"), rank)]
    axis = -1 if axis == rank - 1 else axis
    return call.reader.emit("concat", values, values[0].perm, call.name, axis=axis)


def pad(call):
    """Return pixels of one value before and after.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    call.expect(mode="constant")
    value = call.value()
    rank = len(value.perm)
    pads = call.integers("pads", 1)
    axes = call.integers("axes", 3) or list(range(rank))
    fill = float(call.constant(2, call.get("value", 0.0)).reshape(()))
    pairs = zip(pads[: len(axes)], pads[len(axes) :], strict=True)
    amounts = {value.perm[axis]: list(pair) for axis, pair in zip(axes, pairs, strict=True)}
    return _on_edges(call, "pad", value, amounts, value=fill)


def cut(call):
    """Return what Slice leaves.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    value = call.value()
    starts, ends = call.integers("starts", 1), call.integers("ends", 2)
    axes = call.integers("axes", 3) or list(range(len(starts)))
    if set(call.integers("steps", 4) or [1]) != {1}:
        raise ValueError("steps must be 1")
    sizes = [None, *call.sizes(value)]
    amounts = {}
    for axis, start, end in zip(axes, starts, ends, strict=True):
        amounts[value.perm[axis]] = _cut(sizes[axis], start, end)
    return _on_edges(call, "crop", value, amounts)


def _cut(size, start, end):
    """Return how much is cut before and after."""
    if size is None and (start < 0 or 0 <= end < 2**31 - 1):
        raise ValueError("the sizes of what goes in must be known")
    if size is None:
        return [start, -end if end < 0 else 0]
    low, high, _ = slice(start, end).indices(size)
    return [low, size - high]


def _on_edges(call, op, source, amounts, **attributes):
    """Return a pad or a crop; B and the channels must stay as they are."""
    rank = len(source.perm)
    if any(any(amounts.get(axis, ())) for axis in (0, rank - 1)):
        raise ValueError("B and the channels must stay as they are")
    pairs = [amounts.get(axis, [0, 0]) for axis in range(1, rank - 1)]
    return call.emit(op, source, amounts=pairs, **attributes) if pairs else source


def resize(call):
    """Return pixels repeated, which is all of Resize that we have.

    Parameters
    ----------
    call : desinn.io.onnx_call.Call

    Returns
    -------
    desinn.io.onnx_call.Value
    """
    call.expect(mode="nearest")
    old = call.reader.opset < 11
    kinds = ("asymmetric", "floor") if old else (
        call.get("coordinate_transformation_mode", "half_pixel"),
        call.get("nearest_mode", "round_prefer_floor"),
    )  # fmt: skip
    if kinds not in NEAREST:
        raise ValueError(f"modes {kinds} do not repeat pixels")
    return call.emit("unpool", call.first(), factors=_factors(call, 1 if old else 2))


def _factors(call, number):
    sizes = [1, *call.sizes(call.value())]
    scales = call.get("scales")
    if scales is None:
        scales = call.constant(number).ravel() if call.has(number) else ()
    if not len(scales):
        wanted = call.integers("sizes", 3)
        wanted[0] = 1
        scales = [new / n for new, n in zip(wanted, sizes, strict=True)]
    factors = [int(scale) for scale in scales]
    if any(f != s for f, s in zip(factors, scales, strict=True)) or factors[:2] != [1, 1]:
        raise ValueError(f"scales must be whole, 1 for B and channels, found {list(scales)}")
    return factors[2:]

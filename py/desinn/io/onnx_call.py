"""One node of an ONNX graph, as those see it who turn it into nodes of ours."""

import math
from dataclasses import dataclass

import numpy as np


class OnnxError(ValueError):
    """A file that holds no network we know."""


def array_of(tensor):
    """Return an array that a file holds.

    Parameters
    ----------
    tensor : onnx.TensorProto

    Returns
    -------
    ndarray

    Raises
    ------
    OnnxError
        If it lies in another file, or its values are not there.
    """
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL:
        raise OnnxError(
            f"array {tensor.name}: lies in another file, expected all arrays in this one"
        )
    try:
        # Before any memory is taken: no number takes less than half a byte.
        if math.prod(tensor.dims) > 2 * max(tensor.ByteSize(), 1):
            raise ValueError(f"expected values for the shape {tuple(tensor.dims)}, found too few")
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OnnxError(f"array {tensor.name}: {error}") from None


@dataclass(frozen=True)
class Value:
    """A result in an ONNX graph.

    Attributes
    ----------
    name : str
        The node of ours that makes it.
    perm : tuple of int
        Which axis of ours each axis of ONNX is; B is 0 in both.
    rows : tuple or None
        Where it is flat and its numbers are in our order and not in ONNX': the shape (without B)
        and the `perm` that it had before.
    """

    name: str
    perm: tuple
    rows: tuple | None = None


def channels_first(rank):
    """Return the `perm` of what has its channels first.

    Parameters
    ----------
    rank : int
        Axes, B among them.

    Returns
    -------
    tuple of int
    """
    return (0, rank - 1, *range(1, rank - 1))


class Call:
    """A node with what goes in.

    Attributes
    ----------
    reader : desinn.io.onnx_in.Reader
    node : onnx.NodeProto
    name : str
    inputs : list
        `Value`, array, or None for what is not given.
    """

    def __init__(self, reader, node, name):
        from onnx import helper

        self.reader, self.node, self.name = reader, node, name
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        missing = [n for n in node.input if n and n not in reader.values]
        if missing:
            raise OnnxError(f"node {name} ({node.op_type}): there is no input {missing[0]}")
        self.inputs = [reader.values[n] if n else None for n in node.input]

    def get(self, key, default=None):
        """Return an attribute; text as str, numbers as short as float32 writes them."""
        value = self._attributes.get(key, default)
        if isinstance(value, bytes):
            return value.decode()
        return float(str(np.float32(value))) if isinstance(value, float) else value

    def expect(self, **expected):
        """Raise unless each attribute that is given has the only value that we have."""
        for key, value in expected.items():
            found = self.get(key, value)
            if found != value:
                raise ValueError(f"{key} must be {value!r}, found {found!r}")

    def has(self, number):
        """Whether an input is given."""
        return len(self.inputs) > number and self.inputs[number] is not None

    def value(self, number=0):
        """Return an input that is a result of a node."""
        if not self.has(number) or not isinstance(self.inputs[number], Value):
            raise ValueError(f"input {number} must be the result of a node")
        return self.inputs[number]

    def constant(self, number, default=None):
        """Return an input that is an array in the file."""
        if not self.has(number) and default is not None:
            return np.asarray(default)
        if not self.has(number) or not isinstance(self.inputs[number], np.ndarray):
            raise ValueError(f"input {number} must be an array in the file")
        if self.inputs[number].dtype.kind not in "fiu":
            raise ValueError(f"input {number} must be real, found {self.inputs[number].dtype}")
        return self.inputs[number]

    def integers(self, key, number):
        """Return whole numbers that are an attribute in old opsets, an input in new ones."""
        if key in self._attributes:
            return list(self._attributes[key])
        return [int(n) for n in self.constant(number).ravel()] if self.has(number) else None

    def first(self, number=0):
        """Return an input with the channels first."""
        value = self.value(number)
        return self.reader.turned(value, channels_first(len(value.perm)))

    def plain(self, number=0):
        """Return an input with ONNX' axes in ONNX' order."""
        value = self.value(number)
        return self.reader.turned(value, tuple(range(len(value.perm))))

    def with_last(self, axis, number=0):
        """Return an input with an axis of ONNX last, and that axis counted from 0."""
        value = self.value(number)
        rank = len(value.perm)
        axis = self.checked_axis(axis, rank)
        if value.perm[axis] != rank - 1:
            others = iter(range(rank - 1))
            perm = [rank - 1 if a == axis else next(others) for a in range(rank)]
            value = self.reader.turned(value, perm)
        return value, axis

    def checked_axis(self, axis, rank):
        """Return an axis of ONNX counted from 0; raise if it is B or none."""
        if not -rank <= axis < rank or axis % rank == 0:
            raise ValueError(f"axis must be one of the {rank - 1} after B, found {axis}")
        return axis % rank

    def sizes(self, value):
        """Return the sizes of a result without B, in ONNX' order."""
        shape = (None, *self.reader.shapes[value.name])
        return [shape[axis] for axis in value.perm[1:]]

    def emit(self, op, source, perm=None, **settings):
        """Add a node of ours with one input; see `Reader.emit`."""
        perm = source.perm if perm is None else perm
        return self.reader.emit(op, [source], perm, self.name, **settings)

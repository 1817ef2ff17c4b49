"""Networks from ONNX files.

ONNX has the channels first, we have them last. No array is turned for that: each result is known
by the node that makes it, and by which axis of ours each axis of ONNX is. A Transpose changes the
second and costs nothing; a node ``transpose`` appears only where a layer wants another order than
there is.
"""

from collections import Counter

import numpy as np

from ..files import input_file
from ..nn.graph import OPS
from .onnx_call import Call, OnnxError, Value, array_of, channels_first
from .onnx_layers import LAYERS

MAX_COPIES = 8
"""An array may be used several times, but not without bound."""

DOMAINS = ("", "ai.onnx")
CARRIERS = ("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Identity", "Dropout")
"""What works on every number alone, whatever the order of the axes."""

PASSING = (*CARRIERS, "Add", "Mul", "Sub", "Div", "Pad", "Concat")
"""What leaves the channels where they are."""

DENSE = ("Gemm", "MatMul")

ON_CHANNELS_FIRST = (
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "GlobalAveragePool",
    "GlobalMaxPool", "GroupNormalization", "MaxPool", "Resize", "Upsample",
)  # fmt: skip
"""What tells that an input has its channels first."""


def read_onnx(path):
    """Read a network from an ONNX file.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    header : dict
        Of kind ``free``. Inputs and outputs have the channels last, but for an input that goes
        into no layer that has channels: it is taken as it is.
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OnnxError
        If it is no ONNX file, or has a node that desinn has not, by its name.
    ImportError
        If onnx is not installed.
    """
    path = input_file(path)
    try:
        import onnx
    except ImportError:
        raise ImportError("reading ONNX files needs onnx: pip install 'desinn[onnx]'") from None
    with open(path, "rb") as file:
        content = file.read()
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own, whose home differs between versions
        raise OnnxError(f"{path}: expected an ONNX file, found: {error}") from None
    try:
        return Reader(model).read()
    except OnnxError as error:
        raise OnnxError(f"{path}: {error}") from None


class Reader:
    """What is known of a graph while its nodes are read one after the other.

    Attributes
    ----------
    values : dict
        ONNX' name -> `Value`, or an array that the file holds.
    shapes : dict
        Our name -> shape without B.
    nodes, arrays
        What has been made of it.
    readers : dict
        ONNX' name -> the nodes that read it, and None for each output that it is.
    uses : collections.Counter
        Our name -> how many nodes and outputs read it, by whatever names ONNX has for it.
    opset : int
    batch : int or None
        The number that the file has for B.
    """

    def __init__(self, model):
        self.graph = model.graph
        if not self.graph.node:
            raise OnnxError("expected an ONNX graph, found no nodes")
        self.producer = f"{model.producer_name} {model.producer_version}".strip()
        self.opset = max((o.version for o in model.opset_import if o.domain in DOMAINS), default=1)
        self.values = {t.name: array_of(t) for t in self.graph.initializer}
        self.shapes, self.nodes, self.arrays, self.batch = {}, [], {}, None
        self._turned, self._numbers = False, Counter()
        self._room = MAX_COPIES * model.ByteSize()
        self.readers, self.uses = {}, Counter()
        reading = [(name, node) for node in self.graph.node for name in node.input if name]
        for name, node in (*reading, *((output.name, None) for output in self.graph.output)):
            self.readers.setdefault(name, []).append(node)

    def read(self):
        """Return header and arrays."""
        self._check_names()
        inputs = [
            self._input(entry) for entry in self.graph.input if entry.name not in self.values
        ]
        for node in self.graph.node:
            self._node(node)
        outputs = {entry.name: self._output(entry.name) for entry in self.graph.output}
        header = {
            "kind": "free",
            "name": self.graph.name or "onnx",
            "inputs": inputs,
            "nodes": self.nodes,
            "outputs": outputs,
            "prepare": {},
            "interpret": {},
            "provenance": {"converted_from": f"ONNX, written by {self.producer or '?'}"},
        }
        return header, self.arrays

    def _check_names(self):
        """Raise where a result is made twice, or has the name of what goes in."""
        made = Counter(name for node in self.graph.node for name in node.output if name)
        made.update(entry.name for entry in self.graph.input)
        twice = next((name for name, count in made.items() if count > 1), None)
        if twice is not None:
            raise OnnxError(f"{twice} is made twice, expected it once")

    def _input(self, entry):
        kind = entry.type.tensor_type
        if kind.elem_type != 1:
            raise OnnxError(f"input {entry.name}: expected float32, found type {kind.elem_type}")
        sizes = [d.dim_value if d.dim_value > 0 else None for d in kind.shape.dim]
        if len(sizes) < 2:
            raise OnnxError(f"input {entry.name}: expected (B, ...), found {len(sizes)} axes")
        self.batch = sizes[0]
        perm = tuple(range(len(sizes)))
        layers = (node.op_type for node, _ in self._reached(entry.name, PASSING) if node)
        if len(sizes) > 2 and any(kind in ON_CHANNELS_FIRST for kind in layers):
            perm, self._turned = channels_first(len(sizes)), True
        shape = [size for _, size in sorted(zip(perm, sizes, strict=True), key=lambda p: p[0])][1:]
        name = self.free_name(entry.name)
        self.shapes[name] = tuple(shape)
        self.values[entry.name] = Value(name, perm)
        return {"name": name, "shape": shape}

    def _reached(self, name, passing):
        """Yield who reads a result, or what nodes of some kinds make of it, and by which name.

        The nearest come first, and each name counts once, for damaged graphs have circles.
        """
        waiting, seen = [name], {name}
        for name in waiting:
            for node in self.readers.get(name, []):
                yield node, name
                if node and node.op_type in passing:
                    waiting += [other for other in node.output if other not in seen]
                    seen.update(node.output)

    def _node(self, node):
        name = node.name or next(iter(node.output), "?")
        if node.domain not in DOMAINS or node.op_type not in LAYERS:
            kind = f"{node.domain}.{node.op_type}".lstrip(".")
            known = ", ".join(sorted(LAYERS))
            raise OnnxError(f"node {name}: {kind} is unknown (there are: {known})")
        if any(other in self.readers for other in node.output[1:]):
            raise OnnxError(f"node {name} ({node.op_type}): only its first output can be used")
        try:
            value = LAYERS[node.op_type](Call(self, node, name))
            self._enter(node.output[0], value)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            text = str(error) if isinstance(error, ValueError) else f"damaged: {error!r}"
            raise OnnxError(f"node {name} ({node.op_type}): {text}") from None

    def _enter(self, name, value):
        """Keep a result, and count who reads it."""
        self.values[name] = value
        if isinstance(value, Value):
            again = value.name in self.uses  # another name for it, whose maker is no reader
            self.uses[value.name] += len(self.readers.get(name, [])) - again

    def _output(self, name):
        """Return the node that an output is: the channels last, if an input has them so now."""
        value = self.values.get(name)
        if not isinstance(value, Value):
            raise OnnxError(f"output {name}: expected the result of a node, found none")
        rank = len(value.perm)
        if not (self._turned and value.perm == channels_first(rank)):
            value = self.turned(value, tuple(range(rank)))
        if all(node["name"] != value.name for node in self.nodes):
            value = self.emit("linear", [value], value.perm, name)
        return value.name

    def into_dense(self, name):
        """Whether a result goes into dense layers only, which can take its numbers in any order.

        Parameters
        ----------
        name : str
            ONNX'.

        Returns
        -------
        bool
        """
        return all(
            node and (node.op_type in CARRIERS or (node.op_type in DENSE and node.input[0] == by))
            for node, by in self._reached(name, CARRIERS)
        )

    def free_name(self, name):
        """Return a name for a node of ours that is not taken yet.

        Parameters
        ----------
        name : str
            ONNX'.

        Returns
        -------
        str
        """
        stem = name.strip("/").replace("/", "_") or "node"
        name = stem
        while name in self.shapes:
            self._numbers[stem] += 1  # from where it was: many may have one name
            name = f"{stem}_{self._numbers[stem]}"
        return name

    def emit(self, op, sources, perm, name, arrays=None, **attributes):
        """Add a node of ours.

        Parameters
        ----------
        op : str
        sources : list of Value
        perm : sequence of int
            Which axis of ours each axis of the result is.
        name : str
            ONNX'.
        arrays : dict of ndarray, optional
            Parameter -> array.
        **attributes : object
            The op's.

        Returns
        -------
        Value

        Raises
        ------
        ValueError
            If the op cannot take that.
        """
        values, problems = OPS[op].check(attributes)
        if problems:
            raise ValueError("; ".join(problems))
        shape = OPS[op](values).output_shape(*(self.shapes[value.name] for value in sources))
        name = self.free_name(name)
        self.shapes[name] = shape
        inputs = [value.name for value in sources]
        self.nodes.append({"name": name, "op": op, "inputs": inputs, **attributes})
        for key, array in (arrays or {}).items():
            self._room -= 4 * np.size(array)
            if self._room < 0:
                raise ValueError(
                    f"the arrays are more than {MAX_COPIES} times what the file holds"
                )
            self.arrays[f"{name}/{key}"] = np.array(array, np.float32, order="C")
        return Value(name, tuple(perm))

    def turned(self, value, perm):
        """Return a result with its axes in another order, for the price of a node.

        Parameters
        ----------
        value : Value
        perm : sequence of int
            Which axis of ours each axis of ONNX shall be.

        Returns
        -------
        Value
        """
        if value.perm == tuple(perm):
            return value
        old = dict(zip(perm, value.perm, strict=True))
        axes = [old[axis] for axis in range(1, len(perm))]
        return self.emit("transpose", [value], perm, f"{value.name}_turned", axes=axes)

"""Nodes of an ONNX model, made one after the other, in the layout that each wants."""

import numpy as np

FIRST, LAST = "first", "last"
"""Layouts: where the channels are."""


class Maker:
    """ONNX nodes and constants for a graph.

    Each array may be there in both layouts, and a Transpose stands only where a layer wants the
    one that is not there yet.

    Parameters
    ----------
    graph : desinn.nn.graph.Graph
    arrays : dict of ndarray

    Attributes
    ----------
    nodes, constants : list
        Of ONNX.
    """

    def __init__(self, graph, arrays):
        self.graph = graph
        self.nodes, self.constants = [], []
        self._arrays = arrays
        self._values = {}  # our name -> layout -> ONNX' name

    def make(self, ops):
        """Make all nodes by a table: op -> function of maker and node."""
        for name in self.graph.inputs:
            self.put(name, name, LAST)
        for node in self.graph.nodes:
            if node.op.name not in ops:
                raise ValueError(f"node {node.name}: ONNX has no {node.op.name}")
            ops[node.op.name](self, node)
        for public, name in self.graph.outputs.items():
            if public in self.graph.inputs:
                raise ValueError(f"output {public}: an input has that name, too: not in ONNX")
            self.add("Identity", f"{public}/output", [self.get(name, LAST)], result=public)

    def ends(self):
        """Return the names and shapes of the inputs, and those of the outputs."""
        graph = self.graph
        inputs = [
            (name, ["B", *(n or f"{name}_{axis}" for axis, n in enumerate(shape, 1))])
            for name, shape in graph.inputs.items()
        ]
        outputs = [(key, ["B", *graph.shapes[name]]) for key, name in graph.outputs.items()]
        return inputs, outputs

    def put(self, name, value, layout):
        """Enter what ONNX calls a result of ours."""
        self._values[name] = {layout: value}
        if len(self.graph.shapes[name]) == 1:
            self._values[name] = {FIRST: value, LAST: value}

    def get(self, name, layout):
        """Return what ONNX calls a result in a layout, turned if it is not there yet."""
        known = self._values[name]
        if layout not in known:
            (value,) = known.values()
            rank = len(self.graph.shapes[name])
            perm = [0, rank, *range(1, rank)] if layout == FIRST else [0, *range(2, rank + 1), 1]
            known[layout] = self.add("Transpose", f"{name}/{layout}", [value], perm=perm)
        return known[layout]

    def layout(self, *names):
        """Return the layout that asks for fewest Transposes: first, where one is there so."""
        return FIRST if any(FIRST in self._values[name] for name in names) else LAST

    def axis(self, node, axis, layout):
        """Return where one of our axes (from 1 on, or negative) of a node stands."""
        rank = len(self.graph.shapes[node.name])
        axis = axis + rank + 1 if axis < 0 else axis
        return axis if layout == LAST else (1 if axis == rank else axis + 1)

    def params(self, node):
        """Return parameter -> array of a node."""
        start = f"{node.name}/"
        return {k.removeprefix(start): v for k, v in self._arrays.items() if k.startswith(start)}

    def constant(self, node, key, values, dtype=np.float32):
        """Add an array, return its name."""
        from onnx import numpy_helper

        name = f"{node.name}/{key}"
        array = np.asarray(values, dtype, order="C")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind, name, inputs, result=None, **attributes):
        """Add an ONNX node, return the name of what it gives."""
        from onnx import helper

        result = result or f"{name}:0"
        made = helper.make_node(kind, list(inputs), [result], name=name, **attributes)
        self.nodes.append(made)
        return result

    def single(self, kind, node, layout, *constants, source=None, name=None, **attributes):
        """Add the ONNX node that a node is, from its first input in a layout."""
        source = source or self.get(node.inputs[0], layout)
        result = self.add(kind, name or node.name, [source, *constants], **attributes)
        self.put(node.name, result, layout)
        return result

"""The graph of a network: nodes in an order in which they can run, and the shapes between."""

import math
from dataclasses import dataclass

# Each family enters its layers in OPS when it is imported.
from . import (  # noqa: F401
    activation,
    convolution,
    dense,
    merging,
    normalization,
    pooling,
    unpooling,
)
from .ops import OPS, Op, positive, show

KEYS = ("name", "op", "inputs")
MOST_TURNS = 2**18
"""With more turns, times nodes, a receptive field is not worked out: no network comes near."""

MOST_AXES = 8
"""Of a shape, without B."""

MOST_VALUES = 2**28
GROWTH = 2**12
"""All layers together may hold so many values for one member of a batch, or so many times those
of the input if that is more. No network comes near, but a file of a kB could ask for any number.
"""

MOST_LISTED = 20
LONGEST_LISTED = 500
"""How many problems, and how many characters of each, the text of an error has."""


@dataclass
class Node:
    """One layer and where its input comes from.

    Attributes
    ----------
    name : str
    op : desinn.nn.ops.Op
    inputs : tuple of str
        Names of nodes or of inputs of the network.
    """

    name: str
    op: Op
    inputs: tuple


class GraphError(ValueError):
    """A description that is no network.

    Attributes
    ----------
    problems : list of str
        All that is wrong, one line each.
    """

    def __init__(self, problems):
        self.problems = list(problems)
        super().__init__(listed(self.problems, "; "))


def listed(problems, between):
    """Return problems as one text, which stays short even for a file that is wrong all over.

    Parameters
    ----------
    problems : list of str
    between : str

    Returns
    -------
    str
    """
    texts = [p if len(p) <= LONGEST_LISTED else f"{p[:LONGEST_LISTED]} ..." for p in problems]
    if len(texts) > MOST_LISTED:
        texts[MOST_LISTED:] = [f"... and {len(problems) - MOST_LISTED} more"]
    return between.join(texts)


class Graph:
    """A network as the header of a weights file describes it.

    Parameters
    ----------
    inputs : list of dict
        ``{"name": str, "shape": [int or None, ...]}``, the shape without B; None where any size
        will do.
    nodes : list of dict
        ``{"name": str, "op": str, "inputs": [str, ...]}`` and the attributes of the op, in any
        order.
    outputs : dict of str
        Public name -> name of the node.

    Attributes
    ----------
    nodes : list of Node
        In an order in which each stands behind what it needs.
    inputs : dict
        Name -> shape.
    shapes : dict
        Name of input or node -> its shape without B, None for an unknown size.
    outputs : dict

    Raises
    ------
    GraphError
        With all that is wrong.

    Examples
    --------
    >>> relu = {"name": "a", "op": "relu", "inputs": ["x"]}
    >>> Graph([{"name": "x", "shape": [3]}], [relu], {"y": "a"}).shapes["a"]
    (3,)
    >>> Graph([{"name": "x", "shape": [3]}], [relu], {"y": "b"})
    Traceback (most recent call last):
    desinn.nn.graph.GraphError: output y: there is no node b
    """

    def __init__(self, inputs, nodes, outputs):
        problems = []
        self.inputs = _inputs(inputs, problems)
        parsed = _nodes(nodes, self.inputs, problems)
        self.outputs = _outputs(outputs, parsed, problems)
        self.nodes = _sorted(parsed, self.inputs, problems)
        self.shapes = _shapes(self.nodes, self.inputs, problems)
        if problems:
            raise GraphError(problems)

    def parameters(self):
        """Return the shape of every array: ``{"node/parameter": shape}``."""
        return {
            f"{node.name}/{key}": shape
            for node in self.nodes
            for key, shape in node.op.parameters(*self.input_shapes(node)).items()
        }

    def input_shapes(self, node):
        """Return the shapes of what a node takes."""
        return [self.shapes[name] for name in node.inputs]

    def shapes_for(self, sizes):
        """Return the shapes between the nodes for given input shapes.

        Parameters
        ----------
        sizes : dict
            Input -> shape without B, every size known.

        Returns
        -------
        dict

        Raises
        ------
        GraphError
            If the input does not fit, or is too small for the layers.
        """
        problems = [f"there is no input {name}" for name in sizes if name not in self.inputs]
        for name, shape in self.inputs.items():
            _check_input(name, shape, sizes.get(name), problems)
        shapes = {} if problems else _shapes(self.nodes, dict(sizes), problems)
        if problems:
            raise GraphError(problems)
        return shapes

    def receptive_field(self, output):
        """Return which pixels of the input one pixel of an output depends on.

        Parameters
        ----------
        output : str
            Public name of the output.

        Returns
        -------
        list of (int, int) or None
            For each spatial axis of the first input how many pixels before and after, at most;
            None for all of them. An output pixel p stands at p times the ratio of the sizes.
        """
        rank = len(next(iter(self.inputs.values()))) - 1
        return [self._field(self.outputs[output], axis) for axis in range(rank)]

    def _field(self, node, axis):
        period = math.prod(node.op.turns(axis) for node in self.nodes)
        if period * len(self.nodes) > MOST_TURNS:
            return None
        spans = {p: self._span(node, axis, p) for p in range(period, 2 * period + 1)}
        if None in spans.values():
            return None
        shift = spans[2 * period][0] - spans[period][0]
        around = [(p * shift // period, low, high) for p, (low, high) in spans.items()]
        return max(at - low for at, low, _ in around), max(high - at for at, _, high in around)

    def _span(self, target, axis, pixel):
        """Return the first and last pixel of the inputs behind one pixel of a node."""
        wanted = {target: (pixel, pixel)}
        for node in reversed(self.nodes):
            if node.name not in wanted:
                continue
            low, high = wanted.pop(node.name)
            shapes = self.input_shapes(node)
            if any(axis >= len(shape) - 1 for shape in shapes):
                return None
            sizes = [shape[axis] for shape in shapes]
            for number, name in enumerate(node.inputs):
                span = node.op.reach_in(number, axis, low, high, sizes)
                if span is None:
                    return None
                known = wanted.get(name, span)
                wanted[name] = min(span[0], known[0]), max(span[1], known[1])
        return min(a for a, _ in wanted.values()), max(b for _, b in wanted.values())


def _inputs(inputs, problems):
    shapes = {}
    for entry in _list_of_dicts(inputs, "inputs", problems):
        name, shape = entry.get("name"), entry.get("shape")
        if set(entry) != {"name", "shape"} or not _is_name(name):
            problems.append(f"inputs: expected a name and a shape, found {entry!r}")
        elif name in shapes:
            problems.append(f"input {name}: there are two of that name")
        elif not isinstance(shape, list) or not shape or not all(map(_size, shape)):
            problems.append(
                f"input {name}: shape: expected a list of sizes or nulls, found {shape!r}"
            )
        elif len(shape) > MOST_AXES:
            problems.append(f"input {name}: shape: expected at most {MOST_AXES} sizes")
        else:
            shapes[name] = tuple(shape)
    if not shapes and not problems:
        problems.append("inputs: expected at least one")
    return shapes


def _is_name(value):
    return isinstance(value, str) and value.isprintable()


def _size(value):
    try:
        return value is None or bool(positive(value))
    except ValueError:
        return False


def _list_of_dicts(values, what, problems):
    if not isinstance(values, list):
        problems.append(f"{what}: expected a list, found {type(values).__name__}")
        return []
    bad = [v for v in values if not isinstance(v, dict)]
    problems.extend(f"{what}: expected an object, found {v!r}" for v in bad)
    return [v for v in values if isinstance(v, dict)]


def _nodes(nodes, inputs, problems):
    """Return name -> Node for those that can be read."""
    parsed = {}
    for entry in _list_of_dicts(nodes, "nodes", problems):
        name = entry.get("name")
        if not _is_name(name) or not name or "/" in name:
            problems.append(f"nodes: expected a printable name without '/', found {name!r}")
        elif name in parsed or name in inputs:
            problems.append(f"node {name}: there are two of that name")
        else:
            parsed[name] = _node(entry, problems)
    return parsed


def _node(entry, problems):
    name, kind, inputs = (entry.get(key) for key in KEYS)
    if not isinstance(kind, str) or kind not in OPS:
        problems.append(
            f"node {name}: op {kind!r} is unknown (there are: {', '.join(sorted(OPS))})"
        )
        return Node(name, None, _names(name, inputs, problems))
    attributes = {k: v for k, v in entry.items() if k not in KEYS}
    values, wrong = OPS[kind].check(attributes)
    problems.extend(f"node {name} ({kind}): {text}" for text in wrong)
    names = _names(name, inputs, problems)
    arity = OPS[kind].arity
    if names and arity not in (None, len(names)):
        problems.append(f"node {name} ({kind}): inputs: expected {arity}, found {len(names)}")
        wrong = True
    return Node(name, None if wrong else OPS[kind](values), names)


def _names(name, inputs, problems):
    if isinstance(inputs, list) and inputs and all(isinstance(i, str) for i in inputs):
        return tuple(inputs)
    problems.append(f"node {name}: inputs: expected a list of names, found {inputs!r}")
    return ()


def _outputs(outputs, nodes, problems):
    if not isinstance(outputs, dict) or not outputs:
        problems.append(f"outputs: expected an object with at least one name, found {outputs!r}")
        return {}
    for name, node in outputs.items():
        if not _is_name(name):
            problems.append(f"outputs: expected a printable name, found {name!r}")
        elif not isinstance(node, str) or node not in nodes:
            problems.append(f"output {name}: there is no node {node}")
    return dict(outputs)


def _sorted(nodes, inputs, problems):
    """Return the nodes in an order in which they can run."""
    for node in nodes.values():
        unknown = [i for i in node.inputs if i not in nodes and i not in inputs]
        problems.extend(f"node {node.name}: there is no input {name}" for name in unknown)
    done = _rounds(nodes)
    if len(done) < len(nodes):
        behind = {node.name for node in done}
        names = [name for name in nodes if name not in behind]
        text = ", ".join(names[:MOST_LISTED]) + (", ..." if len(names) > MOST_LISTED else "")
        problems.append(f"nodes: these wait for one another in a circle: {text}")
    return done


def _rounds(nodes):
    """Return first the nodes that need no other, then those that need these, and so on."""
    needed = {
        node.name: {name for name in node.inputs if name in nodes} for node in nodes.values()
    }
    readers = {name: [] for name in nodes}
    for name, sources in needed.items():
        for source in sources:
            readers[source].append(name)
    place = {name: number for number, name in enumerate(nodes)}
    missing = {name: len(sources) for name, sources in needed.items()}
    done, ready = [], [name for name in nodes if not missing[name]]
    while ready:
        done += ready
        freed = []
        for reader in (reader for name in ready for reader in readers[name]):
            missing[reader] -= 1
            if not missing[reader]:
                freed.append(reader)
        ready = sorted(freed, key=place.get)
    return [nodes[name] for name in done]


def _shapes(nodes, inputs, problems):
    """Return the shape of every node that can be worked out."""
    shapes = dict(inputs)
    most = room = max(MOST_VALUES, GROWTH * sum(map(_values, inputs.values())))
    for node in nodes:
        if node.op is None or not node.inputs or any(i not in shapes for i in node.inputs):
            continue  # what is wrong before it has been said
        taken = [shapes[i] for i in node.inputs]
        try:
            shape = node.op.output_shape(*taken)
            room -= _values(shape) + _values(node.op.spare_shape(*taken))
            if len(shape) > MOST_AXES:
                raise ValueError(f"expected at most {MOST_AXES} axes behind B")
            if room < 0:
                raise ValueError(f"the layers up to it hold more than {most} values")
        except ValueError as error:
            problems.append(f"node {node.name} ({node.op.name}): {error}")
        else:
            shapes[node.name] = shape
        if room < 0:
            break
    return shapes


def _values(shape):
    """Return how many values a shape has, along the axes that are known."""
    return math.prod(n for n in shape if n is not None)


def _check_input(name, expected, found, problems):
    fits = found is not None and len(found) == len(expected) and 0 not in found
    if not fits or any(e not in (None, f) for e, f in zip(expected, found, strict=True)):
        text = "nothing" if found is None else f"shape (B, {show(found)[1:]}"
        problems.append(f"input {name}: expected shape (B, {show(expected)[1:]}, found {text}")

"""A network: the graph with its weights, folded, and run over blocks on several threads."""

import math

import numpy as np

from .activation import FINISH
from .folding import fold, join_siblings
from .graph import Graph
from .rows import TILE as ROWS_TILE
from .rows import RowPlan, fits
from .threads import share
from .tiling import margins, period, tiles
from .weights import WeightsError, array_problems

BLOCK_BYTES = 2**23
"""How much the largest layer of a block may read and write; found by measuring."""

TILE = 384
"""Pixels of a tile of a large image, along each axis."""

LARGE_BYTES = 2**28
"""An image whose largest layer reads and writes more than this is cut into tiles, if it can be."""


class Network:
    """Neural network from a weights file.

    Parameters
    ----------
    header : dict
        With ``inputs``, ``nodes`` and ``outputs`` (see `desinn.nn.graph.Graph`).
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array, as `desinn.nn.weights.read_weights` returns them.

    Attributes
    ----------
    header : dict
    graph : desinn.nn.graph.Graph
    steps : list of desinn.nn.folding.Step
        What is left of the nodes when batch norms and activations are merged.
    sources : dict of str
        Public name of an output -> name of the step, or input, that it is.
    tile : int
        Pixels of a tile along each axis that `on_tiles` cuts by itself.

    Raises
    ------
    desinn.nn.graph.GraphError
        If the header describes no network.
    desinn.nn.weights.WeightsError
        If the arrays are not those of the network.

    Examples
    --------
    >>> import numpy as np
    >>> dense = {"name": "d", "op": "dense", "inputs": ["x"],
    ...          "units": 1, "bias": False, "weight_norm": False}
    >>> header = {"inputs": [{"name": "x", "shape": [2]}], "nodes": [dense], "outputs": {"y": "d"}}
    >>> network = Network(header, {"d/kernel": np.float32([[1], [2]])})
    >>> network(np.ones((1, 2)))["y"]
    array([[3.]], dtype=float32)
    """

    def __init__(self, header, arrays):
        self.header = header
        self.graph = Graph(header["inputs"], header["nodes"], header["outputs"])
        problems = array_problems(self.graph, arrays)
        if problems:
            raise WeightsError(header.get("name", "network"), problems)
        with np.errstate(all="ignore"):  # what is not finite is found below
            self.steps, self.sources = fold(self.graph, arrays)
        problems = [
            f"{s.name}: its weights are not finite when folded" for s in _not_finite(self.steps)
        ]
        if problems:
            raise WeightsError(header.get("name", "network"), problems)
        self._joined = join_siblings(self.steps)
        self._by_rows = fits(self._joined)
        self.tile = ROWS_TILE if self._by_rows else TILE
        self._latest = None

    def __getstate__(self):
        """Leave the working memory behind, where a network is copied or sent elsewhere."""
        return {**self.__dict__, "_latest": None}

    def __call__(self, x):
        """Compute the outputs.

        Parameters
        ----------
        x : array_like, shape (B, ..., C), or dict of them
            Any real dtype; turned to float32 block by block. A network with several inputs
            takes a dict by their names.

        Returns
        -------
        dict of ndarray
            Public name -> float32 array (B, ...), in the order of the header.

        Raises
        ------
        desinn.nn.graph.GraphError
            If the shape is not what the network takes.
        ValueError
            If several inputs differ in B.
        TypeError
            If the input is not real numbers, or one array where several are needed.
        """
        inputs = self._checked(x)
        plan = self._plan_for({name: array.shape[1:] for name, array in inputs.items()})
        batch = len(next(iter(inputs.values())))
        if batch and plan.member_bytes > LARGE_BYTES and self._can_be_cut(inputs):
            return self._in_tiles(inputs)
        results = {
            name: np.empty((batch, *plan.shapes[source]), np.float32)
            for name, source in self.sources.items()
        }

        def compute(block, arena):
            plan.run(block, arena, inputs, results)

        share(compute, plan.blocks(batch), plan.arenas)
        return results

    def _plan_for(self, sizes):
        """Return how to compute inputs of some sizes: that of the last call, where they agree."""
        plan = self._latest  # which another thread may replace
        if plan is None or plan.sizes != sizes:
            shapes = self.graph.shapes_for(sizes)
            plan = self._latest = _Plan(self._joined, self.sources, sizes, shapes)
        return plan

    def on_tiles(self, image, output, core=None):
        """Compute an output of one large image, tile by tile.

        Parameters
        ----------
        image : ndarray, shape (Y, X, C)
            Of a network with one input; any real dtype. Its sizes are multiples of
            `desinn.nn.tiling.period`. Or any object with that shape whose ``image[rows,
            columns]``, two slices, makes an array of what is there; by several threads at once.
        output : str
            Public name of an output that is as large as the input.
        core : int, optional
            Pixels of a tile along each axis, about, without its margin; without it `tile`. What
            comes out does not depend on it but for rounding, nor at all on the number of threads.

        Returns
        -------
        ndarray of float32, shape (Y, X, C')

        Raises
        ------
        desinn.nn.graph.GraphError
            If the shape is not what the network takes.
        ValueError
            If the network cannot be run in tiles, or sizes are no such multiples.
        """
        if isinstance(image, np.ndarray):
            (image,) = (v[0] for v in self._checked(image[np.newaxis]).values())
        (name,) = self.graph.inputs
        core = self.tile if core is None else core
        parts = tiles(image.shape[:-1], core, margins(self.graph, output), period(self.graph))
        source = self.sources[output]
        whole = self.graph.shapes_for({name: image.shape})
        window = [cut.stop - cut.start for cut in parts[0].window]
        shapes = self.graph.shapes_for({name: (*window, image.shape[-1])})
        plan = self._tile_plan(name, shapes)
        result = np.empty(whole[source], np.float32)

        def compute(tile, arena):
            values = plan.compute({name: image[tile.window][np.newaxis]}, arena)
            result[tile.core] = values[source][(0, *tile.inner)]

        share(compute, parts)
        return result

    def _can_be_cut(self, inputs):
        """Return whether `on_tiles` computes all that is wanted of these images."""
        if len(inputs) > 1 or len(self.graph.outputs) > 1:
            return False
        ((images,), (output,)) = inputs.values(), self.graph.outputs
        try:
            margins(self.graph, output)
        except ValueError:
            return False
        steps = period(self.graph)
        return not any(n % step for n, step in zip(images.shape[1:-1], steps, strict=True))

    def _in_tiles(self, inputs):
        """Return the only output of a batch of large images."""
        ((images,), (output,)) = inputs.values(), self.graph.outputs
        return {output: np.stack([self.on_tiles(image, output) for image in images])}

    def _tile_plan(self, name, shapes):
        """Return what computes tiles: row by row where the network is narrow."""
        if self._by_rows:
            return RowPlan(self._joined, [name], shapes)
        return _Plan(self._joined, self.sources, {name: shapes[name]}, shapes)

    def _checked(self, x):
        """Return the inputs by name as arrays of real numbers with one batch size."""
        names = list(self.graph.inputs)
        if not isinstance(x, dict):
            if len(names) > 1:
                raise TypeError(f"the network takes a dict of {', '.join(names)}, found one array")
            x = {names[0]: x}
        arrays = {name: np.asarray(value) for name, value in x.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in "fiub" or not array.ndim:
                raise TypeError(
                    f"input {name}: expected real numbers (B, ...), found {array.dtype}"
                )
        if len({len(array) for array in arrays.values()}) > 1:
            found = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
            raise ValueError(f"inputs: expected one batch size, found {found}")
        return arrays


class _Plan:
    """Where each array of a block lies, for one shape of the input; and working memory for it."""

    def __init__(self, steps, sources, sizes, shapes):
        self.sizes, self.shapes = sizes, shapes
        self.arenas = []
        self._steps = steps
        self._sources = sources
        # What was merged has no array; what is a part of one lies in that.
        self._home = {part: (step.name, cut) for step in steps for part, cut in step.parts}
        self._shapes = dict(sizes)
        for step in steps:
            self._shapes[step.name] = _output_shape(step, shapes)
        self._borders = {name: _no_border(shape) for name, shape in self._shapes.items()}
        for step in steps:
            first, _ = self._home.get(step.inputs[0], (step.inputs[0], None))
            wanted = step.op.borders(*self._shapes[first][:-1])
            pairs = zip(self._borders[first], wanted, strict=True)
            self._borders[first] = [(max(a, c), max(b, d)) for (a, b), (c, d) in pairs]
        self.member_bytes = 4 * self._largest()
        self._members = max(1, BLOCK_BYTES // self.member_bytes)

    def _largest(self):
        """Return the most values that one step reads and writes for one member of the batch."""
        size = {name: math.prod(shape) for name, shape in self._shapes.items()}
        return max([sum(size[self._home.get(i, (i,))[0]] for i in s.inputs) + size[s.name]
                    for s in self._steps] or [1])  # fmt: skip

    def blocks(self, batch):
        """Return the slices of the batch, cut by shape alone."""
        step = self._members
        return [slice(b, min(b + step, batch)) for b in range(0, batch, step)]

    def run(self, block, arena, inputs, results):
        """Compute one block and write its part of the results."""
        values = self.compute({name: array[block] for name, array in inputs.items()}, arena)
        for name, source in self._sources.items():
            results[name][block] = values[source]

    def compute(self, inputs, arena):
        """Return the arrays of all steps by name; they last until the next block."""
        count = len(next(iter(inputs.values())))
        values, calls = arena.once(count, lambda: self._laid_out(count, arena))
        for name, array in inputs.items():
            values[name][...] = array
        for run, arguments in calls:
            run(*arguments, arena)
        return values

    def _laid_out(self, count, arena):
        """Return the arrays of a block by name, and each step's call: function and arguments."""
        places = {
            name: arena.bordered(name, (self._members, *shape), self._borders[name]).first(count)
            for name, shape in self._shapes.items()
        }
        for part, (name, cut) in self._home.items():
            places[part] = places[name].channels(cut)
        calls = []
        for step in self._steps:
            arrays = [places[name].inner for name in step.inputs]
            wanted = step.op.borders(*arrays[0].shape[1:-1])
            arrays[0] = places[step.inputs[0]].within(wanted)
            out, finish = places[step.name].inner, FINISH[step.activation]
            calls.append((step.op.run, (step.params, arrays, out, finish)))
        return {name: place.inner for name, place in places.items()}, calls


def _not_finite(steps):
    return [s for s in steps if not all(np.isfinite(a).all() for a in s.params.values())]


def _output_shape(step, shapes):
    """Return the shape of a step's output: all parts side by side."""
    if not step.parts:
        return shapes[step.name]
    first, _ = step.parts[0]
    return (*shapes[first][:-1], step.parts[-1][1].stop)


def _no_border(shape):
    return [(0, 0)] * (len(shape) - 1)


def evaluate(header, arrays, x):
    """Compute a network layer by layer, each in its plainest way: what the graph means.

    The yardstick for `Network`, which merges layers and cuts blocks. Works in the dtype of `x`
    where the arrays have it too.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray
    x : ndarray or dict of ndarray

    Returns
    -------
    dict of ndarray
    """
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    values = dict(x) if isinstance(x, dict) else {next(iter(graph.inputs)): x}
    for node in graph.nodes:
        keys = node.op.parameters(*graph.input_shapes(node))
        params = {key: arrays[f"{node.name}/{key}"] for key in keys}
        values[node.name] = node.op.apply(params, *(values[name] for name in node.inputs))
    return {public: values[name] for public, name in graph.outputs.items()}

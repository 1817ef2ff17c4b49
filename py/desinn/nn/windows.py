"""All windows of a series: what a network for one window says of each, at a fraction of the cost.

Sources of the way: windows of the published DLA network (Parks et al. 2018, arXiv:1709.04962)
overlap by all but one pixel, and so do nearly all pixels of its convolutions.
"""

import numpy as np

from .activation import described
from .convolution import Conv
from .geometry import patches
from .network import Network
from .overlap import Layout, Values, first_seen, seen_by
from .pooling import MaxPool
from .sharing import Stage
from .threads import share

WINDOWS_AT_ONCE = 4096
"""Windows whose layers are held at once: some 30 MB in the published networks."""

BLOCK = 1024
"""Windows of one block of a thread: many against the pixels of a window, which blocks repeat."""

WORTH = 0.75
"""A layer is shared if that costs at most so much of its plain cost."""


class SharedWindows:
    """A network over all windows of a series, one pixel apart.

    Leading convolutions and max pools, whatever their padding, are computed for all windows at
    once as long as that costs less; the rest window by window. Networks that begin with something
    else (such as the published DLA network with four channels, whose reshape mixes the pixels)
    run window by window altogether.

    Parameters
    ----------
    network : desinn.nn.Network
        With one input (n, m), both known.

    Attributes
    ----------
    network : desinn.nn.Network
    window : int
        Pixels n of a window.
    shared : int
        How many stages (convolution and max pool) are shared; 0 where all is window by window.

    Raises
    ------
    ValueError
        If the network does not take windows of a fixed size.

    Examples
    --------
    >>> import numpy as np
    >>> conv = {"name": "c", "op": "conv", "inputs": ["x"], "filters": 1, "kernel": [3],
    ...         "stride": [1], "dilation": [1], "padding": "same", "bias": False,
    ...         "weight_norm": False}
    >>> flat = {"name": "f", "op": "flatten", "inputs": ["c"]}
    >>> header = {"inputs": [{"name": "x", "shape": [3, 1]}], "nodes": [conv, flat],
    ...           "outputs": {"y": "f"}}
    >>> network = Network(header, {"c/kernel": np.ones((3, 1, 1), "f4")})
    >>> SharedWindows(network)(np.arange(5.0)[:, None])["y"]
    array([[1., 3., 3.],
           [3., 6., 5.],
           [5., 9., 7.]], dtype=float32)
    >>> SharedWindows(network)(np.ones((2, 1)))["y"].shape
    (0, 3)
    """

    def __init__(self, network):
        shapes = list(network.graph.inputs.values())
        if len(shapes) != 1 or len(shapes[0]) != 2 or None in shapes[0]:
            raise ValueError(f"inputs: expected one of (n, m), both known, found {shapes}")
        self.network = network
        self.window, self._channels = shapes[0]
        self._stages, used = _stages(network, Layout(self.window, 1, 0, 0, *shapes[0]))
        self.shared = len(self._stages)
        self._rest = _rest(network, used, self._stages[-1].layout) if used else network

    def __call__(self, series):
        """Compute the outputs for every window.

        Parameters
        ----------
        series : array_like, shape (N, m)
            Real numbers; turned to float32.

        Returns
        -------
        dict of ndarray
            Public name -> float32 array (N - n + 1, ...): window k begins at pixel k. Without any
            row where the series is shorter than a window.

        Raises
        ------
        ValueError
            If the shape is not what the network takes.
        """
        series = np.asarray(series)
        if series.ndim != 2 or series.shape[1] != self._channels:
            expected = f"(N, {self._channels})"
            raise ValueError(f"series: expected shape {expected}, found {series.shape}")
        series = np.ascontiguousarray(series, np.float32)
        graph = self.network.graph
        count = max(len(series) - self.window + 1, 0)
        results = {
            name: np.empty((count, *graph.shapes[node]), np.float32)
            for name, node in graph.outputs.items()
        }
        for first in range(0, count, WINDOWS_AT_ONCE):
            part = slice(first, min(first + WINDOWS_AT_ONCE, count))
            outputs = self._rest(self._entry(series[first : part.stop + self.window - 1]))
            for name, values in outputs.items():
                results[name][part] = values
        return results

    def _entry(self, series):
        """Return what the layers that are not shared take, for each window."""
        if not self._stages:
            (windows,) = patches(series[np.newaxis], (self.window,), (1,), (1,))
            return windows  # (count, n, m), a view
        count, layout = len(series) - self.window + 1, self._stages[-1].layout
        entry = np.empty((count, layout.size, layout.channels), np.float32)
        blocks = [slice(b, min(b + BLOCK, count)) for b in range(0, count, BLOCK)]
        share(lambda block, arena: self._fill(series, block, entry[block], arena), blocks)
        return entry

    def _fill(self, series, block, entry, arena):
        """Compute the shared layers for a block of windows."""
        dense = series[block.start : block.stop + self.window - 1]
        layout = Layout(self.window, 1, 0, 0, self.window, self._channels)
        values = Values(layout, dense, np.empty((len(entry), 0, self._channels), np.float32))
        for number, stage in enumerate(self._stages):
            values = stage.run(values, arena, f"stage {number}")
        for pixel in range(values.layout.size):
            entry[:, pixel] = values.of(pixel)


def _stages(network, layout):
    """Return the stages that are worth sharing, and the names of the steps in them."""
    stages, used = [], []
    for conv, pool in _chain(network):
        stage = Stage(layout, conv, pool)
        if conv is not None and stage.taps() > WORTH * _plain_taps(conv.op, layout.size):
            break
        stages.append(stage)
        used += [step.name for step in (conv, pool) if step is not None]
        layout = stage.layout
    return stages, used


def _plain_taps(op, size):
    """Return how many taps a convolution costs window by window, as the rest would do it."""
    outputs = len(seen_by(op, size))
    return outputs * min(op.kernel[0], size)


def _chain(network):
    """Return pairs of a convolution or None, and a max pool or None, that begin the network."""
    pairs = []
    for step in _leading(network):
        if isinstance(step.op, Conv):
            pairs.append((step, None))
        elif pairs and pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], step)
        else:
            pairs.append((None, step))
    return pairs


def _leading(network):
    """Yield the steps, each reading the last one alone, that are 1-D convolutions or max pools."""
    steps, ends = network.steps, set(network.sources.values())
    (current,) = network.graph.inputs
    while current not in ends:
        readers = [step for step in steps if current in step.inputs]
        if len(readers) != 1 or not _shareable(readers[0]) or readers[0].name in ends:
            return
        current = readers[0].name
        yield readers[0]


def _shareable(step):
    return isinstance(step.op, Conv | MaxPool) and len(step.op.kernel) == 1


def _rest(network, used, layout):
    """Return the network without the steps that are used up: its input is their output."""
    nodes, arrays = [], {}
    for step in network.steps:
        if step.name not in used:
            _enter(step, network.graph.shapes, nodes, arrays)
    entry = {"name": used[-1], "shape": [layout.size, layout.channels]}
    header = {"inputs": [entry], "nodes": nodes, "outputs": network.sources}
    return Network(header, arrays)


def _enter(step, shapes, nodes, arrays):
    """Enter a step as one or more nodes, the last of its name, with their arrays."""
    name = step.name if step.activation == "linear" else f"{step.name} before"
    shape = shapes[step.inputs[0]]
    params = step.params
    node = {"name": name, "op": step.op.name, "inputs": list(step.inputs), **step.op.attributes}
    if isinstance(step.op, Conv):
        kernel = params["matrix"][:-1].reshape(*step.op.kernel, shape[-1], step.op.filters)
        params = {"kernel": kernel, "bias": params["matrix"][-1]}
        if len(step.op.kernel) == 1 and step.op.kernel[0] > shape[0]:
            node, params = _as_dense(step.op, node, params, shape[0], nodes)
            arrays.update({f"{node['name']} product/{key}": v for key, v in params.items()})
            params = {}
    nodes.append(node)
    arrays.update({f"{name}/{key}": value for key, value in params.items()})
    if step.activation != "linear":
        nodes.append({"name": step.name, "inputs": [name], **described(step.activation)})


def _as_dense(op, node, params, size, nodes):
    """Return a convolution with more taps than pixels as a product of all with all."""
    kernel, bias = params["kernel"], params["bias"]
    seen = seen_by(op, size)
    matrix = np.zeros((size, kernel.shape[1], len(seen), op.filters), np.float32)
    for i, pixels in enumerate(seen):
        zero = first_seen(op, size) + i * op.stride[0]
        for pixel in pixels:
            matrix[pixel, :, i] = kernel[(pixel - zero) // op.dilation[0]]
    name = node["name"]
    flat = {"name": f"{name} flat", "op": "flatten", "inputs": node["inputs"]}
    units = len(seen) * op.filters
    dense = {"name": f"{name} product", "op": "dense", "inputs": [flat["name"]], "units": units,
             "bias": True, "weight_norm": False}  # fmt: skip
    nodes += [flat, dense]
    shaped = {"name": name, "op": "reshape", "inputs": [dense["name"]]}
    shaped["shape"] = [len(seen), op.filters]
    weights = {"kernel": matrix.reshape(-1, units), "bias": np.tile(bias, len(seen))}
    return shaped, weights

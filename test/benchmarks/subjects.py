"""What is timed: networks, their input, and the ways in which peers go about them."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import networks
import numpy as np

CELLS = 320
"""Of a sightline: as many as the finder runs where nothing of the searched range is lost."""

PIXELS = 1748
"""Of a sightline whose windows are run: rest 900 to 1346 A, in log10 of the wavelength 1e-4."""


class Way(NamedTuple):
    """How a peer goes about a subject."""

    module: str
    """Of `peers`."""
    windows: bool = False
    """Every window is an input of its own."""
    part: int = 1
    """It gets one member in so many: all would take too long. Seconds are scaled to all."""


class Cut(NamedTuple):
    """How members are cut into windows."""

    length: int
    """Pixels of a member."""
    window: int
    step: int
    """Pixels from one window to the next."""


QSO_WAYS = {name: Way(name) for name in ("desinn", "naive", "onnxruntime", "tensorflow", "sgemm")}


@dataclass(frozen=True)
class Subject:
    """One network and what is asked of ours.

    Attributes
    ----------
    title : str
    network : callable
        Returns header and arrays; the nodes stand in an order in which they can run.
    batch : int
        Members of the input.
    quick_batch : int
        The same for a try-out.
    most : dict
        Peer -> the largest ratio of our time to its time.
    most_memory : float or None
        MB above input and output.
    ways : dict
        Peer -> `Way`; of ``desinn``, ``naive`` and ``sgemm`` there is one. The naive twin gets
        all members.
    cut : callable, optional
        Takes the header, returns a `Cut`: where members are longer than a window, or the network
        takes any length.
    """

    title: str
    network: Callable
    batch: int
    quick_batch: int
    most: dict
    most_memory: float | None = None
    ways: dict = field(default_factory=lambda: QSO_WAYS)
    cut: Callable | None = None

    def network_for(self, way):
        """Return header and arrays; where any length will do, of what this way puts in."""
        header, arrays = self.network()
        (only,) = header["inputs"]
        length, *channels = only["shape"]
        if length is None:
            cut = self.cut(header)
            length = cut.window if way.windows else cut.length
        entry = {"name": only["name"], "shape": [length, *channels]}
        return {**header, "inputs": [entry]}, arrays

    def members(self, way, batch):
        """Return how many members this way gets."""
        return max(1, batch // way.part)

    def inputs(self, batch):
        """Return one array of noise, (B, ..., C): what a normalised spectrum looks like."""
        header, _ = self.network()
        shape = list(header["inputs"][0]["shape"])
        if self.cut:
            shape[0] = self.cut(header).length
        rng = np.random.default_rng(1)
        return rng.standard_normal((batch, *shape), dtype=np.float32)

    def operations(self):
        """Return the floating point operations for one member, as the naive twin does them."""
        way = self.ways["naive"]
        header, arrays = self.network_for(way)
        cut = self.cut(self.network()[0]) if way.windows else None
        times = (cut.length - cut.window) // cut.step + 1 if cut else 1
        return times * operations(header, arrays)


def operations(header, arrays):
    """Return the floating point operations of a network: two for each product."""
    from desinn.nn.graph import Graph

    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    products = 0
    for node in graph.nodes:
        kernel = arrays.get(f"{node.name}/kernel")
        if kernel is not None:
            products += kernel.size * math.prod(graph.shapes[node.name][:-1])
    return 2 * products


def sightline(header):
    """Return the `Cut` of a whole sightline: a window for each cell, all that the cell sees."""
    from desinn.nn.graph import Graph

    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    ((before, after),) = graph.receptive_field("confidence")
    window, step = before + after + 1, header["prepare"]["cell"]
    return Cut((CELLS - 1) * step + window, window, step)


def pixel_by_pixel(header):
    """Return the `Cut` of a series with a window about each of `PIXELS`."""
    window = header["inputs"][0]["shape"][0]
    return Cut(PIXELS - 1 + window, window, 1)


SUBJECTS = {
    "qso": Subject(
        title="QuasarNET, 6 layers of 100 filters, 443 bins",
        network=networks.quasarnet,
        batch=5000,
        quick_batch=500,
        most={"naive": 1 / 5, "onnxruntime": 1.3},
        most_memory=200.0,
    ),
    "dla": Subject(
        title=f"our DLA network, whole sightlines of {CELLS} cells",
        network=functools.partial(networks.of_recipe, "dla"),
        batch=512,
        quick_batch=32,
        most={"onnxruntime": 1.0, "onnxruntime-windows": 0.1},
        ways={
            "desinn": Way("desinn"),
            "naive": Way("naive"),
            "onnxruntime": Way("onnxruntime"),
            "onnxruntime-windows": Way("onnxruntime", windows=True, part=32),
            "sgemm": Way("sgemm"),
        },
        cut=sightline,
    ),
    "parks": Subject(
        title=f"the network of Parks et al. 2018, {PIXELS} windows of 400 pixels, ours shared",
        network=functools.partial(networks.of_recipe, "parks2018"),
        batch=2,
        quick_batch=1,
        most={"desinn-windows": 1 / 3},
        ways={
            "desinn": Way("shared"),
            "desinn-windows": Way("desinn", windows=True),
            "naive": Way("naive", windows=True),
            "onnxruntime-windows": Way("onnxruntime", windows=True),
            "sgemm": Way("sgemm"),
        },
        cut=pixel_by_pixel,
    ),
}

"""What subjects have in common, and those that are many members of one size, such as spectra."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

CHECKED = 50
"""How many members of the input are compared with the naive twin, at either end."""


class Way(NamedTuple):
    """How a peer goes about a subject."""

    module: str
    """Of `peers`."""
    windows: bool = False
    """Every window is an input of its own."""
    part: int = 1
    """It gets one member in so many: all would take too long. Seconds are scaled to all."""
    takes: str = "input"
    """Of an image: ``input``, that of the network; ``places``, the same about the pixels that are
    compared, and no more; ``frame``, the exposure as its file has it."""
    compared: bool = True
    """It computes what the naive twin computes."""
    threads: int | None = None
    """So many at most: it cannot use more."""
    environment: str = ""
    """Of the Makefile, whose Python it needs; without one that which runs all others."""

    def threads_of(self, threads):
        """Return how many of so many threads it uses."""
        return min(threads, self.threads or threads)


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
        Peer -> the largest ratio of our time to its time, or a dict of it by number of threads.
    most_memory : float or None
        MB above input and output.
    ways : dict
        Peer -> `Way`; of ``desinn``, ``naive`` and ``sgemm`` there is one. The naive twin gets
        all members, or the places of an image.
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

    def simulation(self, batch):
        """Return what `desinn` is told to make the files that the input comes from, if any."""
        return ()

    def inputs(self, way, batch, folder):
        """Return what this way gets: noise, (B, ..., C), the first of all members.

        That is what a normalised spectrum looks like. `folder` has what `simulation` made.
        """
        header, _ = self.network()
        shape = list(header["inputs"][0]["shape"])
        if self.cut:
            shape[0] = self.cut(header).length
        rng = np.random.default_rng(1)
        return rng.standard_normal((self.members(way, batch), *shape), dtype=np.float32)

    def compared(self, way, batch, y):
        """Return the first and the last rows of what this way computes, and which they are."""
        size = self.members(way, batch)
        y = y.reshape(size, -1)
        numbers = sorted({*range(size)[:CHECKED], *range(size)[-CHECKED:]})
        return {"numbers": numbers, "rows": y[numbers].tolist()}

    def operations(self):
        """Return the floating point operations for one member, as the naive twin does them."""
        way = self.ways["naive"]
        header, arrays = self.network_for(way)
        cut = self.cut(self.network()[0]) if way.windows else None
        times = (cut.length - cut.window) // cut.step + 1 if cut else 1
        return times * operations(header, arrays)

    def about(self, batch):
        """Return a few words on the input."""
        return f"batch {batch}, {self.operations() / 1e6:.1f} MFLOP each"


def graph_of(header):
    """Return the `desinn.nn.graph.Graph` of a network."""
    from desinn.nn.graph import Graph

    return Graph(header["inputs"], header["nodes"], header["outputs"])


def operations(header, arrays):
    """Return the floating point operations of a network: two for each product."""
    graph = graph_of(header)
    products = 0
    for node in graph.nodes:
        kernel = arrays.get(f"{node.name}/kernel")
        if kernel is not None:
            # A transposed layer has a product for each pixel that it reads.
            at = node.inputs[0] if node.op.name == "transposed_conv" else node.name
            products += kernel.size * math.prod(graph.shapes[at][:-1])
    return 2 * products

"""Subjects that are one large image, and the exposure that such an image may come from."""

import bisect
import glob
import math
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from series import Subject, graph_of, operations

CORE = 64
"""Pixels of a place that is compared, along each axis."""


class Frame(NamedTuple):
    """An exposure in the types that desispec's preproc has it in."""

    pix: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    camera: str
    meta: dict

    @property
    def nbytes(self):
        """Of all arrays."""
        return self.pix.nbytes + self.ivar.nbytes + self.mask.nbytes


@dataclass(frozen=True)
class Image(Subject):
    """A network for images of any size, and one square image, whose pixels are the members.

    Attributes
    ----------
    exposure : tuple of str
        Options of ``desinn simulate cosmics``; without any the image is noise.
    """

    exposure: tuple = ()

    def network_for(self, way):
        """Return header and arrays."""
        return self.network()

    def members(self, way, batch):
        """Return how many pixels this way gets."""
        if way.takes != "places":
            return batch
        return sum(math.prod(c.stop - c.start for c in p.window) for p in self._places(batch))

    def simulation(self, batch):
        """Return what `desinn` is told to make the exposure, if one is wanted."""
        side = str(math.isqrt(batch))
        words = ("simulate", "cosmics", "-n", "1", "--shape", side, side)
        return (*words, *self.exposure) if self.exposure else ()

    def inputs(self, way, batch, folder):
        """Return the network's input, (1, Y, X, C), the `Frame`, or windows, (n, Y, X, C)."""
        if way.takes == "frame":
            return read_frame(folder)
        x = self._prepared(folder) if self.exposure else self._noise(batch)
        if way.takes == "places":
            return np.concatenate([x[(slice(None), *p.window)] for p in self._places(batch)])
        return x

    def _noise(self, batch):
        side, (only,) = math.isqrt(batch), self.network()[0]["inputs"]
        shape = (1, side, side, only["shape"][-1])
        return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)

    def _prepared(self, folder):
        """Return the input that the finder makes of the exposure."""
        from desinn.finders.cosmics import cosmics_finder
        from desinn.nn import Network

        finder = cosmics_finder(Network(*self.network()))
        return finder.prepare(_read(folder).image)[:, :][np.newaxis]

    def compared(self, way, batch, y):
        """Return the places as rows, and their numbers; `y` is (1, Y, X, C), or of windows."""
        places = self._places(batch)
        if way.takes == "places":
            cores = [part[place.inner] for part, place in zip(y, places, strict=True)]
        else:
            cores = [y[0][place.core] for place in places]
        rows = [core.ravel().tolist() for core in cores]
        return {"numbers": list(range(len(rows))), "rows": rows}

    def _places(self, batch):
        """Return the tiles that are compared: two corners, and where seams cross.

        Ours in the middle of the image, and at 3/4, where tiles of 256, 512 and 1024 meet.
        """
        from desinn.nn import Network
        from desinn.nn.tiling import margins, period, tiles

        network = Network(*self.network())
        graph, side, (output,) = network.graph, math.isqrt(batch), network.graph.outputs
        axis = ([side], margins(graph, output)[:1], period(graph)[:1])
        ours, places = ([tile.core[0] for tile in tiles(axis[0], core, *axis[1:])]
                        for core in (network.tile, CORE))  # fmt: skip
        ends = [span.stop for span in places]
        chosen = {(0, 0), (len(ends) - 1,) * 2}
        for seam in (ours[len(ours) // 2].start, 3 * side // 4):
            beside = [bisect.bisect_right(ends, pixel) for pixel in (seam - 1, seam)]
            chosen |= {(y, x) for y in beside for x in beside}
        found = tiles((side, side), CORE, margins(graph, output), period(graph))
        return [found[y * len(ends) + x] for y, x in sorted(chosen)]

    def operations(self):
        """Return the floating point operations for one pixel, as the naive twin does them."""
        from desinn.nn.tiling import period

        header, arrays = self.network()
        side = math.lcm(*period(graph_of(header)))
        (only,) = header["inputs"]
        sized = {**only, "shape": [side, side, only["shape"][-1]]}
        return operations({**header, "inputs": [sized]}, arrays) / side**2

    def about(self, batch):
        """Return a few words on the input."""
        side = math.isqrt(batch)
        return f"{side} x {side} pixels, {self.operations() / 1e3:.1f} kFLOP each"


def read_frame(folder):
    """Return the exposure in a folder, float64 and uint32."""
    read = _read(folder)
    pix, ivar = (array.astype(np.float64) for array in (read.image, read.ivar))
    return Frame(pix, ivar, read.mask, read.camera, read.header)


def _read(folder):
    from desinn.io.preproc import read_preproc

    (path,) = glob.glob(os.path.join(folder, "preproc-*.fits"))
    return read_preproc(path)

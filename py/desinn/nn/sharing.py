"""Layers over all windows of a series at once: what windows have in common is computed once.

Pixels that are shared (see `desinn.nn.overlap`) come out of one dense convolution or pool over
the series. A convolution at an edge is a sum over shared pixels, which itself is part of the sum
that other pixels want, and over a few edge pixels.
"""

import itertools
import operator
from dataclasses import dataclass

import numpy as np

from . import geometry
from .activation import FINISH
from .convolution import PIECE_VALUES
from .overlap import Values, first_seen, seen_by


@dataclass
class _Sum:
    """One pixel of a convolution: a sum over shared pixels, and over runs of edge pixels.

    The taps of the shared ones are `begin` to before `end`. A run is its first tap, the first
    pixel there, and its length.
    """

    pixel: int
    begin: int
    end: int
    runs: list


@dataclass
class _Part:
    """Taps that are added to sums at once, and the sums that are complete with them.

    The sums that want these taps stand from `low` to `high`.
    """

    begin: int
    end: int
    low: int
    high: int
    done: list


def _passes(sums, kernel, layout):
    """Return lists of parts, such that the sums of each list grow out of one another.

    At the beginning of a window the first taps are missing, so these sums grow from the last tap
    down; at its end they grow up; what lacks taps on both sides shares with its like alone.
    """
    groups = {}
    for one in sums:
        if one.end == kernel:
            groups.setdefault("down", []).append(one)
        elif one.end > one.begin:
            key = "up" if one.begin == 0 else (one.begin, one.end)
            groups.setdefault(key, []).append(one)
    return [_grown(group, key == "down", layout) for key, group in groups.items()]


def _grown(group, down, layout):
    """Return the parts of one list: the shortest sums first."""
    length = operator.attrgetter("end", "begin") if not down else lambda one: -one.begin
    group = sorted(group, key=length)
    known = group[0].end if down else group[0].begin
    parts = []
    for _, done in itertools.groupby(group, key=length):
        done = list(done)
        begin, end = (done[0].begin, known) if down else (known, done[0].end)
        known = begin if down else end
        places = [layout.at(one.pixel) for one in group[sum(len(p.done) for p in parts) :]]
        parts.append(_Part(begin, end, min(places), max(places), done))
    return parts


class SharedConv:
    """A convolution over all windows.

    Parameters
    ----------
    layout : Layout
        Of the input.
    step : desinn.nn.folding.Step
        A `Conv` of one axis.

    Attributes
    ----------
    layout : Layout
        Of the output.
    """

    def __init__(self, layout, step):
        self._before, self._op = layout, step.op
        self._seen = seen_by(step.op, layout.size)
        self.layout = layout.after(step.op, step.op.filters, self._seen)
        matrix = step.params["matrix"]
        self._bias = matrix[-1]
        self._kernel = matrix[:-1].reshape(step.op.kernel[0], layout.channels, step.op.filters)
        self._dilation = layout.step * step.op.dilation[0]

    def plan(self, wanted):
        """Choose how to compute, where only some pixels at the edges are wanted.

        Parameters
        ----------
        wanted : set of int
        """
        keep = wanted.union(range(self.layout.first, self.layout.last))
        self._sums = [self._sum(i) for i in sorted(keep)]
        self._passes = _passes(self._sums, self._op.kernel[0], self.layout)

    def _sum(self, i):
        """Return what pixel `i` is the sum of."""
        seen, before = self._seen[i], self._before
        zero = first_seen(self._op, before.size) + i * self._op.stride[0]
        tap = {a: (a - zero) // self._op.dilation[0] for a in seen}
        shared = [tap[a] for a in seen if before.shared(a)]
        sides = [a for a in seen if a < before.first], [a for a in seen if a >= before.last]
        runs = [(tap[side[0]], side[0], len(side)) for side in sides if side]
        return _Sum(i, *((shared[0], shared[-1] + 1) if shared else (0, 0)), runs)

    def taps(self):
        """Return how many taps a window costs: products of a pixel with C x filters weights."""
        shared = sum(part.end - part.begin for group in self._passes for part in group)
        return shared + sum(length for one in self._sums for _, _, length in one.runs)

    def run(self, values, arena, put):
        """Compute, and hand over every edge pixel as soon as it is there.

        Parameters
        ----------
        values : Values
        arena : desinn.nn.arena.Arena
        put : callable
            Takes a pixel and its values (count, filters), which are overwritten later.

        Returns
        -------
        Values
            The shared pixels; no edges.
        """
        count, dense = len(values.edges), np.empty((0, self._op.filters), np.float32)
        for number, group in enumerate(self._passes):
            low = min(part.low for part in group)
            rows = max(part.high for part in group) - low + count
            total = arena.take(f"total {number}", (rows, self._op.filters))
            total[...] = self._bias
            for part in group:
                wanted = slice(part.low - low, part.high - low + count)
                self._add(values.dense, part, total[wanted], arena)
                for one in part.done:
                    start = self.layout.at(one.pixel) - low
                    self._put(one, total[start : start + count], values, arena, put)
            if self.layout.shared(group[-1].done[0].pixel):
                start = self.layout.at(self.layout.first) - low
                dense = total[start : start + self.layout.rows(count)]
        for one in self._sums:
            if one.begin == one.end:
                self._put(one, self._bias, values, arena, put)
        return Values(self.layout, dense, np.empty((count, 0, self._op.filters), np.float32))

    def _add(self, dense, part, total, arena):
        """Add the products with some taps to sums that follow one another."""
        taps, channels = part.end - part.begin, self._before.channels
        kernel = self._kernel[part.begin : part.end].reshape(-1, self._op.filters)
        start = part.low + self._dilation * part.begin - self._before.at(self._before.first)
        stop = start + len(total) + self._dilation * (taps - 1)
        (seen,) = geometry.patches(dense[None, start:stop], (taps,), (1,), (self._dilation,))
        most = max(1, PIECE_VALUES // max(taps * channels, self._op.filters))
        for cut in range(0, len(total), most):
            piece = seen[cut : cut + most]  # (r, taps, C)
            columns = arena.take("columns", (len(piece), taps * channels))
            np.copyto(columns.reshape(piece.shape), piece)
            sums = arena.take("sums", (len(piece), self._op.filters))
            np.matmul(columns, kernel, out=sums)
            total[cut : cut + most] += sums

    def _put(self, one, shared, values, arena, put):
        """Hand over a pixel at an edge: its sum over shared pixels and that over edge pixels."""
        if self.layout.shared(one.pixel):
            return
        count, dilation = len(values.edges), self._op.dilation[0]
        result = arena.take("whole", (count, self._op.filters))
        result[...] = shared
        for tap, pixel, length in one.runs:
            edge = self._before.edge(pixel)
            seen = values.edges[:, edge : edge + dilation * (length - 1) + 1 : dilation]
            kernel = self._kernel[tap : tap + length].reshape(-1, self._op.filters)
            sums = arena.take("sums", (count, self._op.filters))
            np.matmul(seen.reshape(count, len(kernel)), kernel, out=sums)
            result += sums
        put(one.pixel, result)


class SharedPool:
    """A max pool over all windows, or none at all.

    Parameters
    ----------
    layout : Layout
        Of the input.
    op : desinn.nn.pooling.MaxPool or None
        Of one axis.

    Attributes
    ----------
    layout : Layout
        Of the output.
    """

    def __init__(self, layout, op):
        self._before = layout
        seen = [[i] for i in range(layout.size)] if op is None else seen_by(op, layout.size)
        self.layout = layout if op is None else layout.after(op, layout.channels, seen)
        self._kernel = 1 if op is None else op.kernel[0]
        self._readers = {i: [] for i in range(layout.size)}
        for i in self.layout.edges():
            for pixel in seen[i]:
                self._readers[pixel].append(self.layout.edge(i))

    def wanted(self):
        """Return the pixels of the input that pixels at the edges of the output see."""
        return {i for i, readers in self._readers.items() if readers}

    def put(self, pixel, values, edges):
        """Take a pixel of the input (count, C) to the edges (count, edges, C) that see it."""
        for edge in self._readers[pixel]:
            np.maximum(edges[:, edge], values, out=edges[:, edge])

    def run(self, values, edges, dense):
        """Take the shared pixels of the input to the edges, and pool them to `dense`."""
        for pixel in range(self._before.first, self._before.last):
            if self._readers[pixel]:
                self.put(pixel, values.of(pixel), edges)
        start = self.layout.at(self.layout.first) - self._before.at(self._before.first)
        for tap in range(self._kernel if len(dense) else 0):
            begin = start + self._before.step * tap
            np.maximum(dense, values.dense[begin : begin + len(dense)], out=dense)


class Stage:
    """A convolution, or none, with its activation, and a max pool, or none, with its own.

    Activations never decrease, so the largest is found before them.

    Parameters
    ----------
    layout : Layout
        Of the input.
    conv, pool : desinn.nn.folding.Step or None

    Attributes
    ----------
    layout : Layout
        Of the output.
    """

    def __init__(self, layout, conv, pool):
        self._conv = None if conv is None else SharedConv(layout, conv)
        between = layout if conv is None else self._conv.layout
        self._pool = SharedPool(between, None if pool is None else pool.op)
        if self._conv is not None:
            self._conv.plan(self._pool.wanted())
        self.layout = self._pool.layout
        self._finish = [FINISH[step.activation] for step in (conv, pool) if step is not None]

    def taps(self):
        """Return how many taps of the convolution a window costs."""
        return 0 if self._conv is None else self._conv.taps()

    def run(self, values, arena, name):
        """Return the values of the next layer.

        Parameters
        ----------
        values : Values
        arena : desinn.nn.arena.Arena
        name : str
            Of the memory in the arena for the result.

        Returns
        -------
        Values
        """
        count, channels = len(values.edges), self.layout.channels
        edges = arena.take(f"{name} edges", (count, len(self.layout.edges()), channels))
        dense = arena.take(f"{name} dense", (self.layout.rows(count), channels))
        edges.fill(-np.inf)
        dense.fill(-np.inf)
        if self._conv is None:
            for pixel in values.layout.edges():
                self._pool.put(pixel, values.of(pixel), edges)
        else:
            values = self._conv.run(values, arena, lambda i, v: self._pool.put(i, v, edges))
        self._pool.run(values, edges, dense)
        for finish in self._finish:
            finish(edges, edges)
            finish(dense, dense)
        return Values(self.layout, dense, edges)

"""Narrow networks over images, row by row: arrays (Y, C, X) in place of (Y, X, C).

With few channels most of the time goes into copies of short runs, where the channels of a pixel
lie side by side. Where whole rows do, nothing of a convolution needs to be copied
(`desinn.nn.row_steps`), and arrays that are joined are written where they belong at once.
"""

import numpy as np

from .activation import FINISH
from .convolution import Conv
from .merging import Concat
from .row_steps import FAMILIES, supported

NARROW = 24
"""Convolutions of no more input channels than this are quicker so; found by measuring."""

TILE = 512
"""Pixels of a tile of a large image, along each axis; found by measuring."""


def fits(steps):
    """Return whether a network can be run so, and is narrow enough that it is quicker.

    Parameters
    ----------
    steps : list of desinn.nn.folding.Step
        In the order in which they run.

    Returns
    -------
    bool
    """
    layers = [step for step in steps if not isinstance(step.op, Concat)]
    return bool(layers) and all(_known(step) and _is_narrow(step) for step in steps)


def _known(step):
    if isinstance(step.op, Concat):
        return step.op.axis in (-1, 3)
    return not step.parts and supported(step)


def _is_narrow(step):
    """Return whether a convolution is; other layers have next to nothing to multiply."""
    taps = np.prod(step.op.kernel) if isinstance(step.op, Conv) else 1
    return taps == 1 or len(step.params["matrix"]) - 1 <= taps * NARROW


class RowPlan:
    """How to compute windows of one shape.

    Parameters
    ----------
    steps : list of desinn.nn.folding.Step
        That `fits`.
    inputs : sequence of str
        Names of the inputs.
    shapes : dict of tuple
        Name of an input or step -> (Y, X, C).

    Examples
    --------
    >>> from desinn.nn import Network
    >>> from desinn.nn.arena import Arena
    >>> pool = {"name": "p", "op": "max_pool", "inputs": ["x"], "kernel": [2, 2],
    ...         "stride": [2, 2], "padding": "valid"}
    >>> header = {"inputs": [{"name": "x", "shape": [None, None, 1]}], "nodes": [pool],
    ...           "outputs": {"y": "p"}}
    >>> network = Network(header, {})
    >>> fits(network.steps)
    True
    >>> plan = RowPlan(network.steps, ["x"], {"x": (2, 4, 1), "p": (1, 2, 1)})
    >>> plan.compute({"x": np.arange(8).reshape(1, 2, 4, 1)}, Arena())["p"].ravel()
    array([5., 7.], dtype=float32)
    """

    def __init__(self, steps, inputs, shapes):
        self._steps = steps
        self._shapes = {name: shapes[name] for name in [*inputs, *(s.name for s in steps)]}
        self._layers = {s.name: FAMILIES[type(s.op)](s) for s in steps if type(s.op) in FAMILIES}
        self._homes = self._joined()
        self._borders = {name: [(0, 0), (0, 0)] for name in self._shapes}
        for step in steps:
            root, _ = self._root(step.inputs[0])
            pairs = zip(self._borders[root], self._wanted(step), strict=True)
            self._borders[root] = [(max(a, c), max(b, d)) for (a, b), (c, d) in pairs]

    def compute(self, inputs, arena):
        """Return the arrays of all steps by name; they last until the next window.

        Parameters
        ----------
        inputs : dict of ndarray
            Name -> (1, Y, X, C), any real dtype.
        arena : desinn.nn.arena.Arena

        Returns
        -------
        dict of ndarray
            Views (1, Y, X, C) of float32.
        """
        values, calls = arena.once(self, lambda: self._laid_out(arena))
        for name, array in inputs.items():
            values[name][...] = array
        for run, arguments in calls:
            run(*arguments, arena)
        return values

    def _joined(self):
        """Return which arrays lie in that of a concat: name -> concat, first channel there."""
        homes = {}
        for step in self._steps:
            if isinstance(step.op, Concat) and step.activation == "linear":
                for name, first in self._members(step):
                    homes.setdefault(name, (step.name, first))
        return homes

    def _members(self, step):
        """Yield the inputs of a concat, and where each begins."""
        first = 0
        for name in step.inputs:
            yield name, first
            first += self._shapes[name][-1]

    def _root(self, name):
        """Return the outermost concat that an array lies in, or itself; and its channels there."""
        first, count = 0, self._shapes[name][-1]
        while name in self._homes:
            name, start = self._homes[name]
            first += start
        return name, slice(first, first + count)

    def _wanted(self, step):
        """Return the zeros that a step wants around its first input."""
        return step.op.borders(*self._shapes[step.inputs[0]][:-1])

    def _laid_out(self, arena):
        """Return the arrays by name, and each step's call: function and arguments."""
        calls = []
        for step in self._steps:
            out, finish = self._array(step.name, arena), FINISH[step.activation]
            if step.name in self._layers:
                x = self._array(step.inputs[0], arena, self._wanted(step))
                calls.append((self._layers[step.name].run, (x, out, finish)))
                continue
            for name, first in self._members(step):
                if self._homes.get(name) != (step.name, first):
                    x = self._array(name, arena)
                    calls.append((_copy, (x, out[:, first : first + x.shape[1]], finish)))
        # (Y, C, X) -> (1, Y, X, C)
        arrays = {name: self._array(name, arena) for name in self._shapes}
        return {k: a.transpose(0, 2, 1)[np.newaxis] for k, a in arrays.items()}, calls

    def _array(self, name, arena, border=((0, 0), (0, 0))):
        """Return an array (Y, C, X) with so many zeros around it, which lies where it belongs."""
        root, channels = self._root(name)
        height, width, count = self._shapes[root]
        rows, columns = self._borders[root]
        place = arena.bordered(root, (1, height, count, width, 1), [rows, (0, 0), columns])
        view = place.within([border[0], (0, 0), border[1]])  # (1, Y, C, X, 1)
        return view[0, :, channels, :, 0]


def _copy(x, out, finish, scratch):
    """Write an array into one that it is joined in."""
    finish(x, out)

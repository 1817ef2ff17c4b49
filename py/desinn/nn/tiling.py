"""Large images in tiles: windows that overlap, each computed alone, of which the middle counts.

A pixel of the output sees no further than the network's receptive field. So a window with that
much around its middle gives the very pixels of the whole image there, if it begins where the
strides of the network do; and where it ends with the image, the network's own padding is right.
"""

import math
from dataclasses import dataclass

from .convolution import Conv
from .pooling import Pool


@dataclass(frozen=True)
class Tile:
    """One window of an image.

    Attributes
    ----------
    window, core : tuple of slice
        Of the image, one for each spatial axis: what is computed, and what of it counts.
    inner : tuple of slice
        The core within the window.
    """

    window: tuple
    core: tuple
    inner: tuple


def period(graph):
    """Return for each spatial axis the step at which windows may begin.

    Parameters
    ----------
    graph : desinn.nn.graph.Graph

    Returns
    -------
    tuple of int
    """
    rank = len(next(iter(graph.inputs.values()))) - 1
    strides = [node.op.stride for node in graph.nodes if isinstance(node.op, Conv | Pool)]
    return tuple(math.prod(stride[axis] for stride in strides) for axis in range(rank))


def margins(graph, output):
    """Return how much of a window does not count on each side, for each spatial axis.

    Parameters
    ----------
    graph : desinn.nn.graph.Graph
    output : str
        Public name of an output that is as large as the input.

    Returns
    -------
    list of int
        Multiples of the `period`.

    Raises
    ------
    ValueError
        If a pixel may depend on the whole image, or the output has another size.
    """
    steps = period(graph)
    field = graph.receptive_field(output)
    if None in field:
        raise ValueError(f"output {output}: a pixel of it may depend on the whole image")
    size = [8 * max(pair) + 8 * step for pair, step in zip(field, steps, strict=True)]
    size = [-(-n // step) * step for n, step in zip(size, steps, strict=True)]
    ((name, shape),) = graph.inputs.items()
    found = graph.shapes_for({name: (*size, shape[-1])})[graph.outputs[output]][:-1]
    if list(found) != size:
        raise ValueError(f"output {output}: expected the size of the input, found {found}")
    return [-(-max(pair) // step) * step for pair, step in zip(field, steps, strict=True)]


def tiles(sizes, core, margin, step):
    """Cut an image into windows that all have the same size.

    Parameters
    ----------
    sizes : sequence of int
        Of the image, for each axis a multiple of `step`.
    core : int
        Of the middles, at most about: there are as many windows as middles of this size need.
    margin, step : sequence of int
        For each axis what `margins` and `period` say.

    Returns
    -------
    list of Tile
        Whose cores cover the image without overlap.

    Raises
    ------
    ValueError
        If there is not one size for each axis, or one is no multiple of its step.

    Examples
    --------
    >>> [t.window[0] for t in tiles([40], 16, [4], [2])]
    [slice(0, 20, None), slice(12, 32, None), slice(20, 40, None)]
    >>> tiles([41], 16, [4], [2])
    Traceback (most recent call last):
        ...
    ValueError: expected sizes that are multiples of (2,), found (41,)
    """
    if len(sizes) != len(step) or any(n % s for n, s in zip(sizes, step, strict=True)):
        raise ValueError(f"expected sizes that are multiples of {tuple(step)}, found "
                         f"{tuple(sizes)}")  # fmt: skip
    cut = [_spans(*axis) for axis in zip(sizes, [core] * len(sizes), margin, step, strict=True)]
    found = [()]
    for spans in cut:
        found = [(*before, span) for before in found for span in spans]
    return [Tile(*zip(*spans, strict=True)) for spans in found]


def _spans(size, core, margin, step):
    """Return (window, core, inner) along one axis.

    Windows of one length, the shortest with which so many of them cover the axis; those at its
    ends lose only one margin.
    """
    number = -(-size // core) if size > 2 * margin else 1
    length = -(-(size + 2 * (number - 1) * margin) // number)
    length = -(-length // step) * step
    spans, begin = [], 0
    for k in range(number):
        first = min(k * (length - 2 * margin), size - length)
        end = first + length - margin if first + length < size else size
        spans.append(
            (slice(first, first + length), slice(begin, end), slice(begin - first, end - first))
        )
        begin = end
        if end == size:
            break
    return spans

"""What is merged before a network runs: batch norm, weight norm, activations, layers side by side.

The folded network computes the same function in fewer passes over memory. Products of weights
are taken in float64, and rounded to float32 at each merge.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from .activation import Activation, Linear
from .convolution import Conv, Weighted
from .dense import Dense
from .normalization import BatchNorm, Dropout
from .ops import Op


@dataclass
class Step:
    """One layer with its weights and the activation that finishes it.

    Attributes
    ----------
    name : str
        Of the last node that went into it: what others call its output.
    op : desinn.nn.ops.Op
    inputs : tuple of str
    params : dict of ndarray
    activation : str or tuple
        A key of `desinn.nn.activation.FINISH`.
    parts : tuple of (str, slice)
        Names by which others call some of its channels, where it is several steps in one.
    """

    name: str
    op: Op
    inputs: tuple
    params: dict
    activation: str | tuple = "linear"
    parts: tuple = ()


def fold(graph, arrays):
    """Return the steps that compute a graph, and where its outputs come from.

    Parameters
    ----------
    graph : desinn.nn.graph.Graph
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.

    Returns
    -------
    steps : list of Step
    outputs : dict of str
        Public name -> name of a step or of an input.
    """
    nodes, outputs = _without_identities(graph)
    readers = Counter([name for step in nodes for name in step.inputs] + list(outputs.values()))
    steps = {}
    for step in nodes:
        step.params = {key: arrays[f"{step.name}/{key}"] for key in step.params}
        before = steps.get(step.inputs[0])
        alone = before is not None and readers[before.name] == 1
        merged = _merged(before, step) if alone else None
        if merged is not None:
            del steps[before.name]
        steps[step.name] = merged or _settled(step)
    depths = dict.fromkeys(graph.inputs, 0)
    for step in steps.values():
        depths[step.name] = _depth(step, depths) + isinstance(step.op, Weighted)
        step.params = step.op.ready(step.params, _depth(step, depths))
    return list(steps.values()), outputs


def _depth(step, depths):
    return max(depths[name] for name in step.inputs)


def _without_identities(graph):
    """Return a step for each node that does something, and the outputs by what is left."""
    alias = {name: name for name in graph.inputs}
    steps = []
    for node in graph.nodes:
        inputs = tuple(alias[name] for name in node.inputs)
        idle = isinstance(node.op, Dropout | Linear)
        alias[node.name] = inputs[0] if idle else node.name
        if not idle:
            keys = node.op.parameters(*graph.input_shapes(node))
            steps.append(Step(node.name, node.op, inputs, keys))
    return steps, {public: alias[name] for public, name in graph.outputs.items()}


def _merged(before, step):
    """Return one step for two, or None where they cannot be one."""
    if before.activation != "linear":
        return None
    if isinstance(step.op, Activation):
        return replace(before, name=step.name, activation=step.op.key)
    if isinstance(step.op, BatchNorm) and isinstance(before.op, Weighted):
        scale, shift = step.op.scale_and_shift(step.params)
        kernel, bias = before.params["kernel"], before.params["bias"]
        params = {"kernel": _rounded(kernel * scale), "bias": _rounded(bias * scale + shift)}
        return replace(before, name=step.name, params=params)
    return None


def _settled(step):
    """Return the step with a plain kernel and bias, where it has a kernel."""
    if not isinstance(step.op, Weighted):
        return step
    kernel, bias = step.op.plain_weights(step.params)
    op = type(step.op)({**step.op.attributes, "weight_norm": False, "bias": True})
    return replace(step, op=op, params={"kernel": _rounded(kernel), "bias": _rounded(bias)})


def _rounded(values):
    return np.ascontiguousarray(values, dtype=np.float32)


JOINED = {Conv: "filters", Dense: "units"}
"""Ops that several steps can share one product of, and what they call their output channels."""


def join_siblings(steps):
    """Join steps that do the same with the same input, such as the heads of a network.

    One product with all their kernels side by side takes the place of many that are narrow, and
    unfolds the input once.

    Parameters
    ----------
    steps : list of Step
        As `fold` returns them.

    Returns
    -------
    list of Step
        In an order in which they can run.
    """
    groups = {}
    for step in steps:
        groups.setdefault(_kind(step), []).append(step)
    return [_joined(group) for group in groups.values()]


def _kind(step):
    """Return what steps that can be joined have in common; its name for one that cannot."""
    channels = JOINED.get(type(step.op))
    if channels is None:
        return step.name
    others = {key: value for key, value in step.op.attributes.items() if key != channels}
    return type(step.op).__name__, step.inputs, step.activation, repr(sorted(others.items()))


def _joined(group):
    first = group[0]
    if len(group) == 1:
        return first
    channels = JOINED[type(first.op)]
    counts = [step.op.attributes[channels] for step in group]
    ends = np.cumsum(counts).tolist()
    parts = [
        (step.name, slice(end - count, end))
        for step, count, end in zip(group, counts, ends, strict=True)
    ]
    shared = [key for key in first.params if all(key in step.params for step in group)]
    params = {key: np.concatenate([step.params[key] for step in group], axis=-1) for key in shared}
    op = type(first.op)({**first.op.attributes, channels: ends[-1]})
    name = " + ".join(step.name for step in group)
    return replace(first, name=name, op=op, params=params, parts=tuple(parts))

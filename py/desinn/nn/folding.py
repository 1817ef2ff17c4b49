"""What is merged before a network runs: batch norm, weight norm and activations.

The folded network computes the same function in fewer passes over memory. Products of weights
are taken in float64, and rounded to float32 at each merge.
"""

from dataclasses import dataclass, replace

import numpy as np

from .activation import Activation, Linear
from .convolution import Weighted
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
    activation : str
    """

    name: str
    op: Op
    inputs: tuple
    params: dict
    activation: str = "linear"


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
    readers = [name for step in nodes for name in step.inputs] + list(outputs.values())
    steps = {}
    for step in nodes:
        step.params = {key: arrays[f"{step.name}/{key}"] for key in step.params}
        before = steps.get(step.inputs[0])
        alone = before is not None and readers.count(before.name) == 1
        merged = _merged(before, step) if alone else None
        if merged is not None:
            del steps[before.name]
        steps[step.name] = merged or _settled(step)
    done = [replace(step, params=step.op.ready(step.params)) for step in steps.values()]
    return done, outputs


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
        return replace(before, name=step.name, activation=step.op.name)
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

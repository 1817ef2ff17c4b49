"""Confidences that are probabilities: temperature and bias, put into the network itself."""

import copy
from dataclasses import dataclass

import numpy as np

TEMPERATURES = (0.05, 20.0)
BIASES = (-20.0, 20.0)
FEWEST = 10
"""With fewer examples of either kind a head is left as it is."""

CANDIDATES = np.round(np.arange(0.02, 1.0, 0.01), 2)
"""Thresholds among which the best is sought."""


@dataclass(frozen=True)
class Calibration:
    """What turns the logits of a head: ``logit / temperature + bias``.

    Attributes
    ----------
    temperature : float
    bias : float
    """

    temperature: float = 1.0
    bias: float = 0.0

    def __call__(self, logit):
        """Return the new logits, in the shape and dtype of the old ones.

        Parameters
        ----------
        logit : ndarray of float

        Returns
        -------
        ndarray
        """
        return logit / self.temperature + self.bias


def sigmoid(logit):
    """Return the probability of a logit, in float64.

    Parameters
    ----------
    logit : array_like

    Returns
    -------
    ndarray of float64
    """
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(logit, np.float64)))


def fit(logit, target, weight=None):
    """Return the temperature and bias that make some targets most likely.

    Parameters
    ----------
    logit : array_like, shape (N,)
    target : array_like of bool, shape (N,)
        Whether what the logit speaks of was so.
    weight : array_like, shape (N,), optional

    Returns
    -------
    Calibration or None
        None where there are fewer than `FEWEST` targets, or so few others.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> true = rng.normal(0, 2, 20000)
    >>> target = rng.random(20000) < sigmoid(true)
    >>> found = fit(3 * (true + 1), target)  # too sure of itself, and too fond of yes
    >>> abs(found.temperature - 3) < 0.15, abs(found.bias + 1) < 0.1
    (True, True)
    """
    logit, target = np.asarray(logit, np.float64), np.asarray(target, bool)
    weight = np.ones(logit.shape) if weight is None else np.asarray(weight, np.float64)
    use = weight > 0
    logit, target, weight = logit[use], target[use], weight[use] / max(weight.sum(), 1e-300)
    if min(np.count_nonzero(target), np.count_nonzero(~target)) < FEWEST:
        return None
    from scipy.optimize import minimize

    def loss(x):
        # With the inverse temperature the loss is convex.
        turned = x[0] * logit + x[1]
        off = weight * (sigmoid(turned) - target)
        value = weight @ (np.logaddexp(0, turned) - target * turned)
        return value, np.array([off @ logit, off.sum()])

    bounds = [tuple(1 / t for t in reversed(TEMPERATURES)), BIASES]
    best = minimize(
        loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14}
    )
    return Calibration(float(1 / best.x[0]), float(best.x[1]))


def box_nodes(graph, names, n_boxes):
    """Return the dense node that gives the logits of each output's boxes.

    Parameters
    ----------
    graph : desinn.nn.graph.Graph
    names : iterable of str
        The outputs, each of which must be concat(sigmoid(dense), anything), where nothing else
        uses the sigmoid or the dense node.
    n_boxes : int

    Returns
    -------
    dict
        Output -> name of the node.

    Raises
    ------
    ValueError
        If the network is built otherwise.
    """
    nodes = {node.name: node for node in graph.nodes}
    return {name: _box_node(graph, nodes, name, n_boxes) for name in names}


def _box_node(graph, nodes, name, n_boxes):
    chain = [graph.outputs[name]]
    for op in ("concat", "sigmoid"):
        node = nodes.get(chain[-1])
        if node is None or node.op.name != op:
            break
        chain.append(node.inputs[0])
    last = nodes.get(chain[-1])
    fits = len(chain) == 3 and last is not None and last.op.name == "dense"
    if not fits or graph.shapes[last.name] != (n_boxes,):
        kinds = [nodes[n].op.name if n in nodes else "input" for n in chain]
        expected = f"concat of sigmoid of dense with {n_boxes} units"
        raise ValueError(f"output {name}: expected {expected}, found {' of '.join(kinds)}")
    users = [list(node.inputs) for node in nodes.values()] + [list(graph.outputs.values())]
    for inner in chain[1:]:
        if sum(inputs.count(inner) for inputs in users) > 1:
            raise ValueError(f"output {name}: node {inner} is used elsewhere too")
    return last.name


def bake(header, arrays, nodes, calibrations):
    """Return a network whose confidences are calibrated.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray
        Not changed, as the header.
    nodes : dict
        Output -> dense node, as `box_nodes` gives.
    calibrations : dict
        Output -> `Calibration`; outputs that are not in it stay.

    Returns
    -------
    header : dict
    arrays : dict of ndarray
    """
    header, arrays = copy.deepcopy(header), dict(arrays)
    entries = {entry["name"]: entry for entry in header["nodes"]}
    for name, turn in calibrations.items():
        node = nodes[name]
        entry = entries[node]
        # A weight-normed kernel is as long as its gain.
        kernel = f"{node}/{'gain' if entry['weight_norm'] else 'kernel'}"
        arrays[kernel] = (arrays[kernel].astype(np.float64) / turn.temperature).astype(np.float32)
        bias = arrays.get(f"{node}/bias", np.zeros(entry["units"]))
        arrays[f"{node}/bias"] = turn(bias.astype(np.float64)).astype(np.float32)
        entry["bias"] = True
    return header, arrays


def class_weights(quasar, prior=None):
    """Return weights that give quasars a chosen share.

    Parameters
    ----------
    quasar : ndarray of bool, shape (B,)
    prior : float, optional
        The share, between 0 and 1; without it all weights are 1.

    Returns
    -------
    ndarray of float64, shape (B,)

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or there are only quasars or only others.
    """
    if prior is None:
        return np.ones(len(quasar))
    share = float(np.mean(quasar)) if len(quasar) else 0.0
    if not 0 < prior < 1 or not 0 < share < 1:
        expected = "a share between 0 and 1 and both quasars and others"
        raise ValueError(f"prior: expected {expected}, found {prior} and {share:g} quasars")
    return np.where(quasar, prior / share, (1 - prior) / (1 - share))


def best_threshold(confidence, quasar, weight):
    """Return the threshold at which completeness and purity together are best.

    Parameters
    ----------
    confidence : ndarray, shape (B,)
        Above which threshold a row is a quasar; NaN never.
    quasar : ndarray of bool, shape (B,)
    weight : ndarray, shape (B,)

    Returns
    -------
    float
        That of the largest harmonic mean; of several the one nearest to 0.5.
    """
    called = confidence > CANDIDATES[:, np.newaxis]  # (candidates, B)
    both = called @ (weight * quasar)
    mean = 2 * both / np.maximum(called @ weight + weight @ quasar, 1e-300)
    best = np.flatnonzero(mean >= mean.max() - 1e-12)
    return float(CANDIDATES[best[np.argmin(np.abs(CANDIDATES[best] - 0.5))]])

"""Activations: relu, leaky relu, elu, sigmoid, tanh, softmax, linear; affine."""

from functools import partial

import numpy as np

from .ops import Op, number, register, small_number

LOWEST = np.float32(-87.0)
"""exp(87) is still a float32; below it the sigmoid is 0 to 1e-38."""


def linear(x, out):
    """Write `x` to `out`, which may be `x` itself.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    """
    if out is not x:
        np.copyto(out, x)


def relu(x, out):
    """Write max(x, 0) to `out`, which may be `x` itself.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    """
    # An array of zeros and not the number: NumPy's maximum is several times faster with it.
    np.maximum(x, np.zeros(x.shape[-1], x.dtype), out=out)


def sigmoid(x, out):
    """Write 1/(1 + exp(-x)) to `out`, which may be `x` itself; it cannot overflow.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    """
    np.maximum(x, LOWEST, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += np.float32(1)
    np.reciprocal(out, out=out)


def tanh(x, out):
    """Write the hyperbolic tangent of `x` to `out`, which may be `x` itself.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    """
    np.tanh(x, out=out)


def leaky_relu(x, out, slope):
    """Write `x`, or where that is below 0 `x` times `slope`, to `out`, which may be `x` itself.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    slope : float
        Not below 0.
    """
    (np.maximum if slope <= 1 else np.minimum)(x, x * slope, out=out)


def elu(x, out, alpha):
    """Write `x`, or where that is below 0 alpha (exp(x) - 1), to `out`, which may be `x` itself.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    alpha : float
        Not below 0.
    """
    zeros = np.zeros(x.shape[-1], x.dtype)
    below = np.minimum(x, zeros)
    np.exp(below, out=below)
    below -= 1  # and not expm1: NumPy has fast code for exp on every processor
    below *= alpha
    np.maximum(x, zeros, out=out)
    out += below


def softmax(x, out):
    """Write exp(x) over its sum along the last axis to `out`; it cannot overflow.

    Parameters
    ----------
    x, out : ndarray, shape (B, ..., C)
    """
    np.subtract(x, x.max(axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)


WITH_ATTRIBUTES = {"elu": elu, "leaky_relu": leaky_relu}
"""Functions that take their op's attributes after `x` and `out`."""


def described(activation):
    """Return a key of `FINISH` as the op and the attributes of a node.

    Parameters
    ----------
    activation : str or tuple

    Returns
    -------
    dict

    Examples
    --------
    >>> described(("leaky_relu", ("slope", 0.1)))
    {'op': 'leaky_relu', 'slope': 0.1}
    """
    name, *attributes = [activation] if isinstance(activation, str) else activation
    return {"op": name, **dict(attributes)}


class _Finish(dict):
    """Functions by name; those that have attributes are made for the values in the key."""

    def __missing__(self, key):
        attributes = described(key)
        return partial(WITH_ATTRIBUTES[attributes.pop("op")], **attributes)


FINISH = _Finish(linear=linear, relu=relu, sigmoid=sigmoid, tanh=tanh)
"""The activations that a layer before them can finish with: functions of each pixel alone that
never decrease. Name -> ``finish(x, out)``; or (name, (attribute, value), ...) -> the same.
"""


class Activation(Op):
    """A function of each pixel alone, which a layer before it can finish with."""

    @property
    def key(self):
        """What `FINISH` knows it by."""
        return (self.name, *sorted(self.attributes.items())) if self.attributes else self.name

    def apply(self, params, x):
        """Return a new array with the function applied."""
        y = np.empty_like(x)
        FINISH[self.key](x, y)
        return y


@register("relu")
class Relu(Activation):
    """max(x, 0)."""


@register("sigmoid")
class Sigmoid(Activation):
    """1/(1 + exp(-x))."""


@register("tanh")
class Tanh(Activation):
    """The hyperbolic tangent."""


@register("leaky_relu")
class LeakyRelu(Activation):
    """``x``, or ``slope * x`` below 0."""

    schema = {"slope": small_number}


@register("elu")
class Elu(Activation):
    """``x``, or ``alpha * (exp(x) - 1)`` below 0 (Clevert et al. 2016, arXiv:1511.07289)."""

    schema = {"alpha": small_number}


@register("softmax")
class Softmax(Op):
    """``exp(x)`` over its sum along the last axis."""

    def apply(self, params, x):
        """Return a new array whose sums along the last axis are 1."""
        y = np.empty_like(x)
        softmax(x, y)
        return y

    def run(self, params, arrays, out, finish, scratch):
        """Write to `out` and finish there."""
        softmax(arrays[0], out)
        finish(out, out)


@register("linear")
class Linear(Activation):
    """The identity, as frameworks write it."""


@register("affine")
class Affine(Op):
    """``scale * x + shift`` with two numbers."""

    schema = {"scale": number, "shift": number}

    def apply(self, params, x):
        """Return ``scale * x + shift``."""
        return x * x.dtype.type(self.scale) + x.dtype.type(self.shift)

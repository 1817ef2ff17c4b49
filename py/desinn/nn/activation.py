"""Activations: relu, sigmoid, linear; affine."""

import numpy as np

from .ops import Op, number, register

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


FINISH = {"linear": linear, "relu": relu, "sigmoid": sigmoid}
"""The activations that a layer before them can finish with."""


class Activation(Op):
    """A function of each pixel alone."""

    def apply(self, params, x):
        """Return a new array with the function applied."""
        y = np.empty_like(x)
        FINISH[self.name](x, y)
        return y


@register("relu")
class Relu(Activation):
    """max(x, 0)."""


@register("sigmoid")
class Sigmoid(Activation):
    """1/(1 + exp(-x))."""


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

"""Activations: relu, sigmoid, linear; affine."""

import numpy as np

from .ops import Op, number, register

LOWEST = np.float32(-87.0)
"""exp(87) is still a float32; below it the sigmoid is 0 to 1e-38."""


def linear(x):
    """Leave `x` as it is."""


def relu(x):
    """Set what is negative in `x` to 0, in place."""
    # An array of zeros and not the number: NumPy's maximum is several times faster with it.
    np.maximum(x, np.zeros(x.shape[-1], x.dtype), out=x)


def sigmoid(x):
    """Replace `x` by 1/(1 + exp(-x)), in place and without overflow."""
    np.maximum(x, LOWEST, out=x)
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += np.float32(1)
    np.reciprocal(x, out=x)


IN_PLACE = {"linear": linear, "relu": relu, "sigmoid": sigmoid}
"""The activations that a layer before them can finish with."""


class Activation(Op):
    """A function of each pixel alone."""

    def apply(self, params, x):
        """Return a new array with the function applied."""
        y = x.copy()
        IN_PLACE[self.name](y)
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

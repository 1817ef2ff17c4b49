"""Dense layers."""

import numpy as np

from .convolution import Weighted
from .ops import flag, positive, register, show


@register("dense")
class Dense(Weighted):
    """``x @ kernel + bias`` over the last axis: kernel (C, units), bias (units,)."""

    schema = {"units": positive, "bias": flag, "weight_norm": flag}

    def output_shape(self, shape):
        """Return the shape with units in place of C."""
        if shape[-1] is None:
            raise ValueError(f"a dense layer must know its channels, found {show(shape)}")
        return (*shape[:-1], self.units)

    def parameters(self, shape):
        """Return kernel (or direction and gain) and bias."""
        return self.weights((shape[-1], self.units))

    def apply(self, params, x):
        """Return the weighted sums."""
        kernel, bias = self.plain_weights(params)
        return x @ kernel + bias

    def run(self, params, arrays, out, finish, scratch):
        """Multiply into `out`, add the bias and finish there."""
        np.matmul(arrays[0], params["kernel"], out=out)
        out += params["bias"]
        finish(out, out)

"""Normalisation: batch norm; dropout (which does nothing here)."""

import numpy as np

from .ops import Op, flag, number, register, show, small_number


@register("batch_norm")
class BatchNorm(Op):
    """Batch normalisation with the moving statistics that the training left.

    ``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` over the last axis; without `scale`
    there is no gamma, without `center` no beta (Ioffe & Szegedy 2015, arXiv:1502.03167).
    """

    schema = {"epsilon": small_number, "scale": flag, "center": flag}

    def output_shape(self, shape):
        """Return the same shape."""
        if shape[-1] is None:
            raise ValueError(f"a batch norm must know its channels, found {show(shape)}")
        return shape

    def parameters(self, shape):
        """Return gamma, beta (where there are any), mean and variance, each of shape (C,)."""
        names = ["gamma"] * self.scale + ["beta"] * self.center + ["mean", "variance"]
        return dict.fromkeys(names, shape[-1:])

    def scale_and_shift(self, params):
        """Return the two numbers a channel that are all it does, in float64, shape (C,)."""
        deviation = np.sqrt(params["variance"].astype(np.float64) + self.epsilon)
        scale = params.get("gamma", np.float64(1)) / deviation
        return scale, params.get("beta", np.float64(0)) - params["mean"] * scale

    def apply(self, params, x):
        """Return the normalised array."""
        scale, shift = self.scale_and_shift(params)
        return x * scale.astype(x.dtype) + shift.astype(x.dtype)


@register("dropout")
class Dropout(Op):
    """Dropout: at work in training only, so here the identity."""

    schema = {"rate": number}

    def apply(self, params, x):
        """Return `x`."""
        return x


def weight_norm(direction, gain):
    """Return the kernel that weight normalisation stands for.

    Parameters
    ----------
    direction : ndarray, shape (..., C)
    gain : ndarray, shape (C,)

    Returns
    -------
    ndarray, shape (..., C)
        ``gain * direction / |direction|``, the norm over all axes but the last
        (Salimans & Kingma 2016, arXiv:1602.07868, equation 2).
    """
    axes = tuple(range(direction.ndim - 1))
    wide = direction.astype(np.float64)
    return (wide * (gain / np.sqrt(np.sum(wide * wide, axis=axes)))).astype(direction.dtype)

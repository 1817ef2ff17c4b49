"""Normalisation: batch norm, group norm; dropout (which does nothing here)."""

import math

import numpy as np

from .ops import Op, Whole, flag, number, positive, register, show, small_number


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


@register("group_norm")
class GroupNorm(Whole):
    """Normalisation by each member's own statistics, over all pixels and a group of channels.

    ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``; the channels are cut into `groups`
    of neighbours, and gamma and beta have an entry for each channel, or are not there, as for
    `BatchNorm` (Wu & He 2018, arXiv:1803.08494).
    """

    schema = {"groups": positive, "epsilon": small_number, "scale": flag, "center": flag}

    def output_shape(self, shape):
        """Return the same shape."""
        if shape[-1] is None:
            raise ValueError(f"a group norm must know its channels, found {show(shape)}")
        if shape[-1] % self.groups:
            raise ValueError(f"{shape[-1]} channels do not make {self.groups} equal groups")
        return shape

    def parameters(self, shape):
        """Return gamma and beta, where there are any, of shape (C,)."""
        names = ["gamma"] * self.scale + ["beta"] * self.center
        return dict.fromkeys(names, shape[-1:])

    def apply(self, params, x):
        """Return the normalised array."""
        return self._normalised(params, x, lambda name, shape: np.empty(shape, x.dtype))

    def run(self, params, arrays, out, finish, scratch):
        """Normalise in working memory, and finish from there."""
        finish(self._normalised(params, arrays[0], scratch.take), out)

    def _normalised(self, params, x, take):
        """Return the normalised array, in memory that `take` gives; statistics in float64."""
        groups = (self.groups, x.shape[-1] // self.groups)
        pixels = x.reshape(len(x), math.prod(x.shape[1:-1]), *groups)
        y, squares = take("centred", pixels.shape), take("squares", pixels.shape)
        np.subtract(pixels, _means(pixels).astype(x.dtype), out=y)
        np.multiply(y, y, out=squares)
        scale = 1 / np.sqrt(_means(squares) + self.epsilon)  # (B, 1, groups, 1)
        if self.scale:
            scale = scale * params["gamma"].reshape(groups)
        y *= scale.astype(x.dtype)
        if self.center:
            y += params["beta"].reshape(groups)
        return y.reshape(x.shape)


def _means(values):
    """Return means over pixels and a group's channels, (B, P, groups, c) -> (B, 1, groups, 1)."""
    return values.mean(axis=(1, 3), keepdims=True, dtype=np.float64)


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

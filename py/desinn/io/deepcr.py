"""The published cosmic-ray networks of deepCR (Zhang & Bloom 2020), as weights of ours.

deepCR's files hold the arrays alone; what the layers are, how an image is prepared and what the
output means is in its code. Here all of that goes into the header. The facts, from deepCR 0.3.1:

- U-Nets of two levels (`inc`, `down1`, `up8`, `outc`) or three (with `down2`, `up7`); convolutions
  with zero padding, each followed by batch norm (epsilon 1e-5) or itself with weight norm (then
  without batch norm), and ReLU. Transposed convolutions and `outc` have neither norm.
- Nets that find cosmic rays take the image alone and end in a sigmoid. Nets that fill them in take
  the image times (1 - mask), and the mask; they end without one. The layers alone do not tell, the
  number of input channels does.
- The image is divided by the scale, then, with "mean-std" (WFC3-UVIS only), reduced by the mean
  and divided by the standard deviation of all its pixels, then padded with zeros at the low side
  of both axes to multiples of 4. Nets that fill in see the same prepared image; their output is
  used inside the mask, and brought back through standard deviation, mean and scale.
"""

import numpy as np

_EPSILON = 1e-5
_WIDTH = 32  # of all published nets; to name what is expected where a file does not tell
_MEASURED_ON = ("inc.conv.conv.0.weight", "inc.conv.conv.0.weight_v")
# deepCR keeps these two in its code, under the net's name; any other net has (1.0, "none").
_PREPARE = {"WFC3-UVIS": (1.0, "mean-std"), "example_model": (100.0, "none")}
_NORMALIZE = ("none", "mean-std")


def is_deepcr(state):
    """Whether the names are those of a deepCR network, complete or not.

    Parameters
    ----------
    state : mapping of str to numpy.ndarray
        As `desinn.io.torch.read_state_dict` returns it.

    Returns
    -------
    bool
    """
    return {"up8.up.weight", "outc.conv.weight"} <= set(state) and any(
        name in state for name in _MEASURED_ON
    )


def convert_deepcr(state, name, scale=None, normalize=None):
    """Turn the arrays of a deepCR network into a header and arrays of ours.

    Parameters
    ----------
    state : mapping of str to numpy.ndarray
        deepCR's names (without ``module.``): convolution kernels (out, in, Y, X), transposed ones
        (in, out, Y, X). ``num_batches_tracked`` is ignored.
    name : str
        The name that the weights shall have. If it is or ends in the name of one of deepCR's own
        nets (as ``deepcr-WFC3-UVIS``), scale and normalization default to that net's.
    scale : float, optional
        What the image is divided by; for other nets the default is 1.
    normalize : {"none", "mean-std"}, optional
        Whether the whole image is then brought to mean 0 and standard deviation 1; for other
        nets the default is "none".

    Returns
    -------
    header : dict
        JSON-able: ``inputs``, ``nodes``, ``outputs`` ("probability", or "image" for a net that
        fills in), ``prepare``, ``interpret`` and ``provenance``.
    arrays : dict of str to numpy.ndarray
        "node/param" -> float32, channels last: kernels (Y, X, in, out).

    Raises
    ------
    ValueError
        If `scale` or `normalize` is none that an image can have; or with all arrays that are
        missing, superfluous, of a wrong shape or not finite.

    Examples
    --------
    >>> header, arrays = convert_deepcr(state, "deepcr-ACS-WFC")  # doctest: +SKIP
    >>> arrays["inc_conv_1/kernel"].shape  # doctest: +SKIP
    (3, 3, 1, 32)
    >>> convert_deepcr({}, "empty")  # doctest: +SKIP
    Traceback (most recent call last):
    ValueError: empty: not the arrays of a deepCR network:
      inc.conv.conv.0.weight: expected (32, 1, 3, 3), found nothing
      ...
    """
    prepare = _prepare(name, scale, normalize)
    state = {key: np.asarray(value) for key, value in state.items() if not _is_counter(key)}
    width, channels = _size(state)
    levels = 3 if any(key.startswith("down2.") for key in state) else 2
    graph = _Graph(_has_weight_norm(state))
    last = graph.unet(width, channels, levels)
    if channels == 1:
        role, output, interpret = "mask", "probability", {"threshold": 0.5}
        prepare["channels"] = ["image"]
        last = graph.node("outc_sigmoid", "sigmoid", [last])
    else:
        role, output, interpret = "inpaint", "image", {}
        prepare["channels"] = ["image outside mask", "mask"]
    norm = "weight-norm" if graph.weight_norm else "batch-norm"
    header = {
        "format_version": 1,
        "kind": "cosmics",
        "name": name,
        "inputs": [{"name": "x", "shape": [None, None, channels]}],
        "nodes": graph.nodes,
        "outputs": {output: last},
        "prepare": prepare,
        "interpret": interpret,
        "provenance": {
            "converted_from": "deepCR",
            "variant": f"{role}-{levels}-{width}-{norm}",
        },
    }
    return header, _turned(state, graph.sources, name)


def _is_counter(key):
    return key.endswith(".num_batches_tracked")


def _has_weight_norm(state):
    has_batch_norm = any(key.endswith(".running_mean") for key in state)
    return not has_batch_norm and any(key.endswith(".weight_v") for key in state)


def _prepare(name, scale, normalize):
    own = [_PREPARE[known] for known in _PREPARE if name.endswith(known)] or [(1.0, "none")]
    scale = own[0][0] if scale is None else float(scale)
    normalize = own[0][1] if normalize is None else normalize
    if not 0 < scale < np.inf:
        raise ValueError(f"{name}: scale: expected a positive number, found {scale}")
    if normalize not in _NORMALIZE:
        raise ValueError(f"{name}: normalize: expected one of {_NORMALIZE}, found {normalize!r}")
    return {
        "scale": scale,
        "normalize": normalize,
        "pad_multiple": 4,
        "pad_side": "low",
        "pad_value": 0.0,
    }


def _size(state):
    """Return width and input channels; the published ones where the arrays do not tell."""
    shapes = [state[key].shape for key in _MEASURED_ON if key in state and state[key].ndim == 4]
    if shapes:
        width, channels = shapes[0][:2]
        return width, channels if channels in (1, 2) else 1
    last = state.get("outc.conv.weight", np.empty(0))
    return last.shape[1] if last.ndim == 4 else _WIDTH, 1


class _Graph:
    """The nodes of a U-Net and, for each parameter, deepCR's array: name, shape, turned axes."""

    def __init__(self, weight_norm):
        self.weight_norm = weight_norm
        self.nodes = []
        self.sources = {}  # "node/param": (deepCR's name, its shape, axes in our order)

    def node(self, name, op, inputs, **attributes):
        self.nodes.append({"name": name, "op": op, "inputs": inputs, **attributes})
        return name

    def unet(self, width, channels, levels):
        """Add all up to the last convolution; return its name."""
        x = self.two_convolutions("inc.conv.conv", "inc", "x", channels, width)
        skips = []
        for level in range(1, levels):
            skips.append(x)
            stem, wide = f"down{level}", width * 2**level
            step = {"kernel": [2, 2], "stride": [2, 2], "padding": "valid"}
            x = self.node(f"{stem}_pool", "max_pool", [x], **step)
            x = self.two_convolutions(f"{stem}.mpconv.1.conv", stem, x, wide // 2, wide)
        for level in reversed(range(1, levels)):
            stem, wide = f"up{9 - level}", width * 2**level
            x = self.transposed(f"{stem}.up", f"{stem}_up", x, wide, wide // 2)
            x = self.node(f"{stem}_concat", "concat", [skips.pop(), x], axis=-1)
            x = self.two_convolutions(f"{stem}.conv.conv", stem, x, wide, wide // 2)
        return self.convolution("outc.conv", "outc_conv", x, width, 1, size=1, weight_norm=False)

    def two_convolutions(self, source, stem, x, before, after):
        """Add convolution, norm and ReLU, twice; deepCR counts all three in its names."""
        step = 2 if self.weight_norm else 3
        for i in (1, 2):
            at = (i - 1) * step
            x = self.convolution(
                f"{source}.{at}", f"{stem}_conv_{i}", x, before, after, 3, self.weight_norm
            )
            if not self.weight_norm:
                x = self.batch_norm(f"{source}.{at + 1}", f"{stem}_bn_{i}", x, after)
            x = self.node(f"{stem}_relu_{i}", "relu", [x])
            before = after
        return x

    def convolution(self, source, name, x, before, after, size, weight_norm):
        shape, axes = (after, before, size, size), (2, 3, 1, 0)  # (O, I, Y, X) -> (Y, X, I, O)
        if weight_norm:
            self.sources[f"{name}/direction"] = (f"{source}.weight_v", shape, axes)
            self.sources[f"{name}/gain"] = (f"{source}.weight_g", (after, 1, 1, 1), (0,))
        else:
            self.sources[f"{name}/kernel"] = (f"{source}.weight", shape, axes)
        self.sources[f"{name}/bias"] = (f"{source}.bias", (after,), (0,))
        return self.node(
            name,
            "conv",
            [x],
            filters=after,
            kernel=[size, size],
            stride=[1, 1],
            dilation=[1, 1],
            padding="same" if size > 1 else "valid",
            bias=True,
            weight_norm=weight_norm,
        )

    def transposed(self, source, name, x, before, after):
        # (I, O, Y, X) -> (Y, X, I, O)
        self.sources[f"{name}/kernel"] = (f"{source}.weight", (before, after, 2, 2), (2, 3, 0, 1))
        self.sources[f"{name}/bias"] = (f"{source}.bias", (after,), (0,))
        return self.node(
            name,
            "transposed_conv",
            [x],
            filters=after,
            kernel=[2, 2],
            stride=[2, 2],
            padding="valid",
            bias=True,
            weight_norm=False,
        )

    def batch_norm(self, source, name, x, width):
        theirs = ("weight", "bias", "running_mean", "running_var")
        ours = ("gamma", "beta", "mean", "variance")
        for parameter, key in zip(ours, theirs, strict=True):
            self.sources[f"{name}/{parameter}"] = (f"{source}.{key}", (width,), (0,))
        return self.node(name, "batch_norm", [x], epsilon=_EPSILON, center=True, scale=True)


def _turned(state, sources, name):
    """Check every array and turn it; report all that is wrong at once."""
    expected = {key: shape for key, shape, _ in sources.values()}
    wrong = [_fault(key, shape, state.get(key)) for key, shape in expected.items()]
    wrong += [
        f"{key}: expected nothing, found {array.shape}"
        for key, array in state.items()
        if key not in expected
    ]
    wrong = [line for line in wrong if line]
    if wrong:
        lines = "\n  ".join(wrong)
        raise ValueError(f"{name}: not the arrays of a deepCR network:\n  {lines}")
    return {target: _channels_last(state[key], axes) for target, (key, _, axes) in sources.items()}


def _fault(key, shape, array):
    if array is None:
        return f"{key}: expected {shape}, found nothing"
    if array.shape != shape:
        return f"{key}: expected {shape}, found {array.shape}"
    if array.dtype.kind != "f":
        return f"{key}: expected floating-point numbers, found {array.dtype}"
    if not (np.abs(array) <= np.finfo("f4").max).all():
        return f"{key}: expected finite float32 numbers, found others"
    return None


def _channels_last(array, axes):
    if len(axes) < array.ndim:  # a gain: (O, 1, 1, 1)
        array = array.reshape(-1)
    return np.ascontiguousarray(array.transpose(axes), dtype=np.float32)

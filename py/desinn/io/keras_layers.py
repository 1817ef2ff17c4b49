"""What each Keras layer is in our language; a table, so that a missing layer is one entry."""

import base64
import struct

import numpy as np

ARRAYS = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "mean",
    "moving_variance": "variance",
}
"""Keras' name of an array -> ours."""

RESCALE = {"scale": 1.2, "shift": -0.1}
"""What QuasarNET's lambda layers do to the offsets, ``-0.1 + 1.2 x``."""


ALONG_LAST = ("BatchNormalization", "GroupNormalization", "Softmax")
"""Layers that have an axis, which must be the last one."""

KERAS_SLOPE = 0.2
"""What Keras' function ``leaky_relu`` multiplies with; its layer LeakyReLU says a number."""


def check_last_axis(layer, rank):
    """Raise unless a layer of `ALONG_LAST` works along the last axis.

    Parameters
    ----------
    layer : dict
    rank : int
        Axes of its input, B among them.
    """
    axis = layer["config"].get("axis", -1)
    if axis not in (-1, rank - 1, [-1], [rank - 1]):
        where = f"layer {layer['name']} ({layer['class_name']})"
        raise KerasError(f"{where}: axis must be the last of {rank}, found {axis!r}")


class KerasError(ValueError):
    """A file that holds no network we know."""


def layer_nodes(layer, layers):
    """Return the one or two nodes that a layer is.

    Parameters
    ----------
    layer : dict
        With name, class_name, config and sources (names of the layers that it reads).
    layers : dict
        All layers by name: a lambda is known by its place too.

    Returns
    -------
    list of dict

    Raises
    ------
    KerasError
        If the layer, or one of its settings, is not among what desinn has.
    """
    name, kind, settings = layer["name"], layer["class_name"], layer["config"]
    if kind == "Lambda":
        attributes = _lambda(name, settings, [layers[s] for s in layer["sources"]])
    elif kind in LAYERS:
        attributes = LAYERS[kind](_Settings(f"layer {name} ({kind})", settings))
    else:
        raise KerasError(
            f"layer {name}: {kind} is unknown (there are: {', '.join(sorted(LAYERS))})"
        )
    nodes = [{"name": name, "inputs": list(layer["sources"]), **attributes}]
    function = settings.get("activation", "linear") if kind != "Activation" else "linear"
    if function != "linear":
        attributes = _activation(f"layer {name} ({kind})", function)
        nodes.append({"name": f"{name}_activation", "inputs": [name], **attributes})
    return nodes


def turned(kind, parameter, values):
    """Return an array with its axes in our order.

    Keras keeps the kernel of a transposed convolution as (kernel..., filters, C).

    Parameters
    ----------
    kind : str
        Keras' class.
    parameter : str
        Keras' name of the array.
    values : ndarray

    Returns
    -------
    ndarray
    """
    if kind.endswith("Transpose") and parameter == "kernel":
        return np.ascontiguousarray(np.swapaxes(values, -1, -2))
    return values


class _Settings:
    """A layer's config that is read with errors that name the layer."""

    def __init__(self, where, values):
        self.where = where
        self._values = values

    def __getitem__(self, key):
        if key not in self._values:
            raise KerasError(f"{self.where}: {key} is missing")
        return self._values[key]

    def expect(self, **expected):
        """Raise unless each setting that is given has the only value that we have."""
        for key, value in expected.items():
            found = self._values.get(key, value)
            if found != value:
                raise KerasError(f"{self.where}: {key} must be {value!r}, found {found!r}")

    def get(self, key, default):
        """Return a setting that older Keras has not."""
        return self._values.get(key, default)

    def first(self, *keys):
        """Return the first of these settings that is given: Keras renamed some."""
        return self[next((key for key in keys if key in self._values), keys[0])]

    def axes(self, key):
        """Return a setting that Keras writes as a number or a list as a list."""
        value = self[key]
        return [value] if isinstance(value, int) else list(value)

    def padding(self):
        if self["padding"] not in ("same", "valid"):
            raise KerasError(f"{self.where}: padding {self['padding']!r} is unknown")
        return self["padding"]


def _conv(settings):
    settings.expect(data_format="channels_last", groups=1)
    return {
        "op": "conv",
        "filters": settings["filters"],
        "kernel": settings.axes("kernel_size"),
        "stride": settings.axes("strides"),
        "dilation": settings.axes("dilation_rate"),
        "padding": settings.padding(),
        "bias": settings["use_bias"],
        "weight_norm": False,
    }


def _transposed_conv(settings):
    attributes = {**_conv(settings), "op": "transposed_conv"}
    dilation = attributes.pop("dilation")
    settings.expect(output_padding=None)
    if set(dilation) != {1}:
        raise KerasError(f"{settings.where}: dilation_rate must be 1, found {dilation}")
    return attributes


def _pool(op, **more):
    def attributes(settings):
        settings.expect(data_format="channels_last")
        return {
            "op": op,
            "kernel": settings.axes("pool_size"),
            "stride": settings.axes("strides"),
            "padding": settings.padding(),
            **more,
        }

    return attributes


def _unpool(settings):
    settings.expect(data_format="channels_last", interpolation="nearest")
    return {"op": "unpool", "factors": settings.axes("size")}


def _global_pool(op):
    def attributes(settings):
        settings.expect(data_format="channels_last")
        return {"op": op, "keep_axes": settings.get("keepdims", False)}

    return attributes


def _dense(settings):
    return {
        "op": "dense",
        "units": settings["units"],
        "bias": settings["use_bias"],
        "weight_norm": False,
    }


def _norm(op, *more):
    """Return a function for normalisations with these settings besides those that all have."""

    def attributes(settings):
        keys = ("epsilon", "scale", "center", *more)
        return {"op": op, **{key: settings[key] for key in keys}}

    return attributes


def _activation(where, function):
    if not isinstance(function, str) or function not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise KerasError(f"{where}: activation {function!r} is unknown ({known})")
    return {"op": function, **ACTIVATIONS[function]}


def _relu(settings):
    settings.expect(max_value=None, threshold=0.0)
    slope = settings.get("negative_slope", 0.0)
    return {"op": "leaky_relu", "slope": slope} if slope else {"op": "relu"}


def _flatten(settings):
    settings.expect(data_format="channels_last")
    return {"op": "flatten"}


def _rescaling(settings):
    return {"op": "affine", "scale": settings["scale"], "shift": settings["offset"]}


def _edges(op, key, **more):
    """Return a function for layers that add or cut pixels at both ends of each axis."""

    def attributes(settings):
        settings.expect(data_format="channels_last")
        value = settings[key]
        pairs = [value] if value and isinstance(value[0], int) else value
        return {"op": op, "amounts": [list(pair) for pair in pairs], **more}

    return attributes


def _lambda(name, settings, sources):
    """Return QuasarNET's rescaling of the offsets; refuse every other lambda.

    It is known by its two constants among the bytes of its code, which is never run, and by its
    place: behind one dense layer with a sigmoid.
    """
    function = settings["function"]
    text = function["config"]["code"] if isinstance(function, dict) else function[0]
    code = base64.b64decode(text)
    constants = all(struct.pack("<d", value) in code for value in RESCALE.values())
    place = [(s["class_name"], s["config"].get("activation")) for s in sources]
    if not constants or place != [("Dense", "sigmoid")]:
        raise KerasError(
            f"layer {name} (Lambda): not QuasarNET's rescaling of offsets (-0.1 + 1.2 x behind a "
            "dense layer with a sigmoid), and code from a file is never run"
        )
    return {"op": "affine", **RESCALE}


ACTIVATIONS = {
    "relu": {},
    "leaky_relu": {"slope": KERAS_SLOPE},
    "elu": {"alpha": 1.0},
    "sigmoid": {},
    "tanh": {},
    "softmax": {},
    "linear": {},
}
"""Functions that Keras knows by the name of our op -> attributes of the op."""

LAYERS = {
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Conv3D": _conv,
    "Conv1DTranspose": _transposed_conv,
    "Conv2DTranspose": _transposed_conv,
    "Conv3DTranspose": _transposed_conv,
    "MaxPooling1D": _pool("max_pool"),
    "MaxPooling2D": _pool("max_pool"),
    "MaxPooling3D": _pool("max_pool"),
    "AveragePooling1D": _pool("average_pool", count_padding=False),
    "AveragePooling2D": _pool("average_pool", count_padding=False),
    "AveragePooling3D": _pool("average_pool", count_padding=False),
    "UpSampling1D": _unpool,
    "UpSampling2D": _unpool,
    "UpSampling3D": _unpool,
    "GlobalMaxPooling1D": _global_pool("global_max_pool"),
    "GlobalMaxPooling2D": _global_pool("global_max_pool"),
    "GlobalMaxPooling3D": _global_pool("global_max_pool"),
    "GlobalAveragePooling1D": _global_pool("global_average_pool"),
    "GlobalAveragePooling2D": _global_pool("global_average_pool"),
    "GlobalAveragePooling3D": _global_pool("global_average_pool"),
    "Dense": _dense,
    "BatchNormalization": _norm("batch_norm"),
    "GroupNormalization": _norm("group_norm", "groups"),
    "Activation": lambda s: _activation(s.where, s["activation"]),
    "ReLU": _relu,
    "LeakyReLU": lambda s: {"op": "leaky_relu", "slope": s.first("negative_slope", "alpha")},
    "ELU": lambda s: {"op": "elu", "alpha": s["alpha"]},
    "Softmax": lambda s: {"op": "softmax"},
    "Dropout": lambda s: {"op": "dropout", "rate": s["rate"]},
    "Flatten": _flatten,
    "Reshape": lambda s: {"op": "reshape", "shape": list(s["target_shape"])},
    "Permute": lambda s: {"op": "transpose", "axes": list(s["dims"])},
    "Add": lambda s: {"op": "add"},
    "Concatenate": lambda s: {"op": "concat", "axis": s["axis"]},
    "Rescaling": _rescaling,
    "ZeroPadding1D": _edges("pad", "padding", value=0.0),
    "ZeroPadding2D": _edges("pad", "padding", value=0.0),
    "ZeroPadding3D": _edges("pad", "padding", value=0.0),
    "Cropping1D": _edges("crop", "cropping"),
    "Cropping2D": _edges("crop", "cropping"),
    "Cropping3D": _edges("crop", "cropping"),
}
"""Keras' class -> function that turns its settings into op and attributes."""

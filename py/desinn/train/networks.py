"""Keras models from the nodes of a weights file: one table of ops."""

import fnmatch

import numpy as np

from ..nn.graph import Graph
from ..nn.normalization import weight_norm


def keras_model(header, arrays=None):
    """Return the Keras model that a header describes.

    Parameters
    ----------
    header : dict
        With inputs, nodes and outputs.
    arrays : dict of ndarray, optional
        ``node/parameter`` -> array to start from.

    Returns
    -------
    keras.Model
        Its layers are named as the nodes; it returns a dict of the outputs.

    Raises
    ------
    ImportError
        If TensorFlow is not installed.
    ValueError
        If an op has a setting that Keras has not.
    """
    import keras

    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    tensors = {name: keras.Input(shape, name=name) for name, shape in graph.inputs.items()}
    inputs = dict(tensors)
    for node in graph.nodes:
        rank = len(graph.input_shapes(node)[0]) - 1
        layers = LAYERS[node.op.name](keras.layers, node.op, rank)
        value = [tensors[name] for name in node.inputs]
        value = value[0] if node.op.arity == 1 else value
        for number, layer in enumerate(layers):
            layer.name = node.name if number == len(layers) - 1 else f"{node.name}_{number}"
            value = layer(value)
        tensors[node.name] = value
    outputs = {public: tensors[name] for public, name in graph.outputs.items()}
    model = keras.Model(inputs, outputs)
    if arrays is not None:
        set_arrays(model, arrays)
    return model


def set_arrays(model, arrays):
    """Put the arrays of a weights file into a model made by `keras_model`.

    Parameters
    ----------
    model : keras.Model
    arrays : dict of ndarray
        ``node/parameter`` -> array. Weight norm is multiplied out: Keras has none.
    """
    nodes = {}
    for name, array in arrays.items():
        node, parameter = name.split("/")
        nodes.setdefault(node, {})[parameter] = array
    for name, params in nodes.items():
        if "direction" in params:
            params["kernel"] = weight_norm(params.pop("direction"), params.pop("gain"))
        layer = weighted_layer(model, name)
        if type(layer).__name__.endswith("Transpose"):
            params["kernel"] = np.swapaxes(params["kernel"], -1, -2)
        names = [KERAS_NAMES.get(key, key) for key in params]
        for key, array in zip(names, params.values(), strict=True):
            getattr(layer, key).assign(array)


def get_arrays(model, header):
    """Return the arrays of a model made by `keras_model`, as a weights file holds them.

    Parameters
    ----------
    model : keras.Model
    header : dict
        From which the model was made.

    Returns
    -------
    dict of ndarray
        ``node/parameter`` -> float32 array. A kernel becomes direction and gain where the node
        has weight norm.
    """
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    arrays = {}
    for node in graph.nodes:
        for key in node.op.parameters(*graph.input_shapes(node)):
            kernel = key in ("direction", "gain")
            layer = weighted_layer(model, node.name)
            value = np.asarray(getattr(layer, "kernel" if kernel else KERAS_NAMES.get(key, key)))
            if type(layer).__name__.endswith("Transpose") and value.ndim > 1:
                value = np.swapaxes(value, -1, -2)
            if key == "gain":
                value = np.sqrt(np.sum(value**2, axis=tuple(range(value.ndim - 1))))
            arrays[f"{node.name}/{key}"] = np.array(value, np.float32, order="C")
    return arrays


def freeze_nodes(model, header, patterns):
    """Make the weights of some nodes stay as they are; a batch norm then runs as it will later.

    Parameters
    ----------
    model : keras.Model
        Made by `keras_model`.
    header : dict
        From which it was made.
    patterns : sequence of str

    Raises
    ------
    ValueError
        If a pattern fits no node with weights.
    """
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    names = list(dict.fromkeys(name.split("/")[0] for name in graph.parameters()))
    for pattern in patterns:
        fitting = fnmatch.filter(names, pattern)
        if not fitting:
            known = ", ".join(names)
            raise ValueError(f"freeze: {pattern!r} fits no node with weights (there are: {known})")
        for name in fitting:
            weighted_layer(model, name).trainable = False


KERAS_NAMES = {"mean": "moving_mean", "variance": "moving_variance"}


def weighted_layer(model, name):
    """Return the layer that holds the weights of a node: the one before a border is cut.

    Parameters
    ----------
    model : keras.Model
        Made by `keras_model`.
    name : str
        The node's.

    Returns
    -------
    keras.Layer
    """
    layers = {layer.name: layer for layer in model.layers}
    found = [layers[key] for key in (name, f"{name}_0", f"{name}_1") if key in layers]
    return next(layer for layer in found if layer.weights)


def _of_rank(layers, name, rank):
    """Return the class ``name`` + 1D, 2D or 3D, with Transpose where that is in the name."""
    stem, transposed = name.removesuffix("Transpose"), name.endswith("Transpose")
    return getattr(layers, f"{stem}{rank}D" + "Transpose" * transposed)


def _edges(layers, name, amounts):
    """Return a ZeroPadding or Cropping layer."""
    return _of_rank(layers, name, len(amounts))(amounts if len(amounts) > 1 else amounts[0])


def _padded(layers, op, make):
    """Return the layers for an op whose padding may be given in numbers."""
    if isinstance(op.padding, str):
        return [make(op.padding)]
    return [_edges(layers, "ZeroPadding", op.padding), make("valid")]


def _conv(layers, op, rank):
    def make(padding):
        return _of_rank(layers, "Conv", rank)(
            op.filters,
            op.kernel,
            strides=op.stride,
            dilation_rate=op.dilation,
            padding=padding,
            use_bias=op.bias,
        )

    return _padded(layers, op, make)


def _transposed_conv(layers, op, rank):
    explicit = not isinstance(op.padding, str)
    if explicit and min(v for pair in op.padding for v in pair) < 0:
        raise ValueError(f"transposed_conv: Keras cannot add to its output, found {op.padding}")
    layer = _of_rank(layers, "ConvTranspose", rank)(
        op.filters,
        op.kernel,
        strides=op.stride,
        padding="valid" if explicit else op.padding,
        use_bias=op.bias,
    )
    return [layer, _edges(layers, "Cropping", op.padding)] if explicit else [layer]


def _max_pool(layers, op, rank):
    if not isinstance(op.padding, str):
        raise ValueError(f"max_pool: Keras pads with zeros only, found padding {op.padding}")
    kind = _of_rank(layers, "MaxPooling", rank)
    return [kind(op.kernel, strides=op.stride, padding=op.padding)]


def _average_pool(layers, op, rank):
    explicit = not isinstance(op.padding, str)
    if explicit != op.count_padding and op.padding != "valid":
        raise ValueError(
            "average_pool: Keras counts padding in numbers and does not count 'same', found "
            f"{op.padding} with count_padding {op.count_padding}"
        )
    kind = _of_rank(layers, "AveragePooling", rank)

    def make(padding):
        return kind(op.kernel, strides=op.stride, padding=padding)

    return _padded(layers, op, make)


def _unpool(layers, op, rank):
    factors = op.factors if rank > 1 else op.factors[0]
    return [_of_rank(layers, "UpSampling", rank)(factors)]


def _max_unpool(layers, op, rank):
    raise ValueError("max_unpool: Keras has no layer that puts pixels where a pool found them")


def _global_pool(name):
    """Return a function for the layer of this name, over all pixels."""

    def make(layers, op, rank):
        return [_of_rank(layers, name, rank)(keepdims=op.keep_axes)]

    return make


def _pad(layers, op, rank):
    if op.value != 0:
        raise ValueError(f"pad: Keras pads with zeros only, found {op.value}")
    return [_edges(layers, "ZeroPadding", op.amounts)]


LAYERS = {
    "conv": _conv,
    "transposed_conv": _transposed_conv,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "unpool": _unpool,
    "max_unpool": _max_unpool,
    "global_max_pool": _global_pool("GlobalMaxPooling"),
    "global_average_pool": _global_pool("GlobalAveragePooling"),
    "dense": lambda layers, op, rank: [layers.Dense(op.units, use_bias=op.bias)],
    "batch_norm": lambda layers, op, rank: [
        layers.BatchNormalization(epsilon=op.epsilon, center=op.center, scale=op.scale)
    ],
    "group_norm": lambda layers, op, rank: [
        layers.GroupNormalization(op.groups, epsilon=op.epsilon, center=op.center, scale=op.scale)
    ],
    "dropout": lambda layers, op, rank: [layers.Dropout(op.rate)],
    "relu": lambda layers, op, rank: [layers.ReLU()],
    "leaky_relu": lambda layers, op, rank: [layers.LeakyReLU(negative_slope=op.slope)],
    "elu": lambda layers, op, rank: [layers.ELU(op.alpha)],
    "tanh": lambda layers, op, rank: [layers.Activation("tanh")],
    "softmax": lambda layers, op, rank: [layers.Softmax()],
    "sigmoid": lambda layers, op, rank: [layers.Activation("sigmoid")],
    "linear": lambda layers, op, rank: [layers.Activation("linear")],
    "affine": lambda layers, op, rank: [layers.Rescaling(op.scale, op.shift)],
    "add": lambda layers, op, rank: [layers.Add()],
    "concat": lambda layers, op, rank: [layers.Concatenate(axis=op.axis)],
    "crop": lambda layers, op, rank: [_edges(layers, "Cropping", op.amounts)],
    "pad": _pad,
    "reshape": lambda layers, op, rank: [layers.Reshape(op.shape)],
    "transpose": lambda layers, op, rank: [layers.Permute(op.axes)],
    "flatten": lambda layers, op, rank: [layers.Flatten()],
}
"""Op -> function that returns the Keras layers, in their order.

It takes keras.layers, the op, and how many spatial axes its first input has.
"""

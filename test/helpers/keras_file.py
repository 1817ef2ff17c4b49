"""Keras 2 files written with h5py alone, as old QuasarNETs are laid out."""

import base64
import json
import struct

import h5py
import numpy as np

from .cases import noise


def lambda_code(scale=1.2, shift=-0.1):
    """Return text that holds two doubles, as the marshalled code of QuasarNET's lambda does."""
    code = b"\xe3\x01N" + b"g" + struct.pack("<d", shift) + b"g" + struct.pack("<d", scale)
    return base64.b64encode(code + b"|\x00S").decode()


def layer(name, kind, inputs, weights=(), **config):
    """Return a layer's entry in model_config, and its weights by Keras' names."""
    nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
    entry = {"name": name, "class_name": kind, "config": {"name": name, **config}}
    return {**entry, "inbound_nodes": nodes}, dict(weights)


def write(path, layers, outputs, **extra):
    """Write a Keras 2 file; extra datasets or attributes (text) go to its root."""
    config = {
        "name": "QuasarNET",
        "layers": [entry for entry, _ in layers],
        "input_layers": [[layers[0][0]["name"], 0, 0]],
        "output_layers": [[name, 0, 0] for name in outputs],
    }
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.attrs["keras_version"] = "2.4.0"
        for key, value in extra.items():
            if isinstance(value, str):
                file.attrs[key] = value
            else:
                file[key] = value
        for entry, weights in layers:
            group = file.create_group(f"model_weights/{entry['name']}")
            names = [f"{entry['name']}/{key}:0" for key in weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, values in zip(names, weights.values(), strict=True):
                group[name] = values


def quasarnet_layers(bins=443, boxes=13, code=None):
    """Return the layers of a tiny QuasarNET in Keras 2's notation, lambdas named as of old."""
    dense = {"use_bias": True}
    conv = {
        "filters": 2,
        "kernel_size": [10],
        "strides": [2],
        "padding": "valid",
        "dilation_rate": [1],
        "groups": 1,
        "data_format": "channels_last",
        "activation": "linear",
        "use_bias": True,
    }
    norm = {"epsilon": 1e-3, "axis": [2], "scale": True, "center": True}
    length = 2 * ((bins - 10) // 2 + 1)
    variance = np.abs(noise((2,), 9)) + 0.5
    statistics = {
        "gamma": noise((2,), 6),
        "beta": noise((2,), 7),
        "moving_mean": noise((2,), 8),
        "moving_variance": variance,
    }
    layers = [
        layer("input_1", "InputLayer", [], batch_input_shape=[None, bins, 1]),
        layer("conv_1", "Conv1D", ["input_1"], _weights((10, 1, 2), 1), **conv),
        layer("batch_normalization_9", "BatchNormalization", ["conv_1"], statistics, **norm),
        layer("activation", "Activation", ["batch_normalization_9"], activation="relu"),
        layer("dropout", "Dropout", ["activation"], rate=0.2),
        layer("flatten", "Flatten", ["dropout"], data_format="channels_last"),
        layer(
            "fc_common",
            "Dense",
            ["flatten"],
            _weights((length, 4), 2),
            units=4,
            activation="linear",
            **dense,
        ),
        layer("fc_activation", "Activation", ["fc_common"], activation="relu"),
    ]
    for i in range(7):
        head = {"units": boxes, "activation": "sigmoid", **dense}
        offset, scaled = f"fc_offset_{i}", f"lambda_{i}" if i else "lambda"
        function = [code or lambda_code(), None, None]
        layers += [
            layer(f"fc_box_{i}", "Dense", ["fc_activation"], _weights((4, boxes), 20 + i), **head),
            layer(offset, "Dense", ["fc_activation"], _weights((4, boxes), 40 + i), **head),
            layer(scaled, "Lambda", [offset], function=function, function_type="lambda"),
            layer(f"conc_box_{i}", "Concatenate", [f"fc_box_{i}", scaled], axis=-1),
        ]
    return layers


def _weights(shape, seed):
    return {"kernel": noise(shape, seed), "bias": noise(shape[-1:], seed + 100)}


OUTPUTS = [f"conc_box_{i}" for i in range(7)]

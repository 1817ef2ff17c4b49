"""Keras files: what they hold is computed as Keras does, and what we have not is named."""

import json

import h5py
import numpy as np
import pytest

from desinn.io.keras import read_keras
from desinn.io.keras_layers import KerasError
from desinn.nn import Network, evaluate
from helpers import keras_file
from helpers.cases import noise
from helpers.keras_file import OUTPUTS, lambda_code, layer, quasarnet_layers


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("name", ["quasarnet", "image", "sequential", "residual"])
def test_keras_3_files_compute_what_keras_computed(data, name, ending):
    header, arrays, _ = read_keras(data / f"keras3-{name}.{ending}")
    x = noise((3, *header["inputs"][0]["shape"]), 99)
    result = list(Network(header, arrays)(x).values())
    with np.load(data / "keras3-outputs.npz") as file:
        expected = file[name] if len(result) > 1 else file[name][np.newaxis]
    np.testing.assert_allclose(np.stack(result), expected, atol=5e-6)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "old.h5"


def test_keras_2_files_are_read_by_their_graph(path):
    layers = quasarnet_layers()
    keras_file.write(path, layers, OUTPUTS)
    header, arrays, grid = read_keras(path)
    assert grid == {}
    assert list(header["outputs"]) == OUTPUTS
    weights = {
        entry["name"]: {key: values.astype(np.float64) for key, values in arrays.items()}
        for entry, arrays in layers
    }
    x = noise((2, 443, 1), 3).astype(np.float64)
    y = evaluate(header, {k: v.astype(np.float64) for k, v in arrays.items()}, x)
    np.testing.assert_allclose(y["conc_box_3"], by_hand(weights, x, 3), rtol=1e-10)


def by_hand(weights, x, line):
    """Return one output of the tiny QuasarNET, written out."""
    conv, norm = weights["conv_1"], weights["batch_normalization_9"]
    starts = range(0, 434, 2)
    h = np.stack([np.einsum("bkc,kcf->bf", x[:, s : s + 10], conv["kernel"]) for s in starts], 1)
    h = (h + conv["bias"] - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + 1e-3)
    h = np.maximum(h * norm["gamma"] + norm["beta"], 0).reshape(len(x), -1)
    h = np.maximum(h @ weights["fc_common"]["kernel"] + weights["fc_common"]["bias"], 0)
    box, offset = weights[f"fc_box_{line}"], weights[f"fc_offset_{line}"]
    sigmoid = [1 / (1 + np.exp(-(h @ w["kernel"] + w["bias"]))) for w in (box, offset)]
    return np.concatenate([sigmoid[0], -0.1 + 1.2 * sigmoid[1]], axis=1)


def test_the_rescaling_is_found_whatever_the_lambda_is_called(path):
    """QuasarNP knows it by the name "lambda" and misses it under any other."""
    keras_file.write(path, quasarnet_layers(), OUTPUTS)
    header, _, _ = read_keras(path)
    affine = {n["name"] for n in header["nodes"] if n["op"] == "affine"}
    assert affine == {"lambda", *(f"lambda_{i}" for i in range(1, 7))}


def test_another_lambda_is_refused_by_name(path):
    keras_file.write(path, quasarnet_layers(code=lambda_code(scale=1.3)), OUTPUTS)
    with pytest.raises(KerasError, match=r"old\.h5: layer lambda \(Lambda\): not QuasarNET's"):
        read_keras(path)


def test_a_lambda_in_another_place_is_refused(path):
    layers = quasarnet_layers()
    code = [lambda_code(), None, None]
    layers.append(layer("lambda_x", "Lambda", ["fc_common"], function=code))
    keras_file.write(path, layers, OUTPUTS)
    with pytest.raises(KerasError, match="layer lambda_x"):
        read_keras(path)


def test_the_grid_of_the_file_is_returned(path):
    wave = np.linspace(3600.0, 9815.2, 458)
    keras_file.write(path, quasarnet_layers(458), OUTPUTS, model_grid=wave, grid_spacing="linear")
    _, _, grid = read_keras(path)
    np.testing.assert_array_equal(grid["wave"], wave)


CONV = {k: v for k, v in quasarnet_layers()[1][0]["config"].items() if k != "name"}
NORM = {"epsilon": 1e-3, "scale": False, "center": False}
POOL = {"pool_size": [2], "strides": [2], "padding": "valid", "data_format": "channels_last"}


@pytest.mark.parametrize(
    ("kind", "config", "text"),
    [
        ("LSTM", {}, r"layer new: LSTM is unknown \(there are: Activation, Add, AveragePooling1D"),
        ("Conv1D", {**CONV, "groups": 2}, "groups must be 1, found 2"),
        (
            "Conv1D",
            {**CONV, "data_format": "channels_first"},
            "data_format must be 'channels_last'",
        ),
        ("Conv1D", {**CONV, "padding": "causal"}, "padding 'causal' is unknown"),
        ("Conv1D", {"filters": 2}, "kernel_size is missing"),
        ("Conv1D", {**CONV, "activation": "swish"}, "activation 'swish' is unknown"),
        ("Conv1DTranspose", {**CONV, "dilation_rate": [2]}, "dilation_rate must be 1"),
        ("Conv1DTranspose", {**CONV, "output_padding": [1]}, "output_padding must be None"),
        ("MaxPooling1D", {**POOL, "data_format": "channels_first"}, "data_format must be"),
        ("Flatten", {"data_format": "channels_first"}, "data_format must be 'channels_last'"),
        ("Activation", {"activation": "gelu"}, "activation 'gelu' is unknown"),
        ("Activation", {"activation": {"class_name": "ReLU"}}, "activation {'class_name'"),
        ("ReLU", {"max_value": 6.0}, "max_value must be None, found 6.0"),
        ("LeakyReLU", {}, "negative_slope is missing"),
        ("LeakyReLU", {"alpha": -0.1}, "attribute slope: expected a number that is not negative"),
        ("Softmax", {"axis": 1}, r"layer new \(Softmax\): axis must be the last of 3, found 1"),
        ("GroupNormalization", {**NORM, "groups": 1, "axis": 1}, "axis must be the last of 3"),
        ("GroupNormalization", {**NORM, "groups": -1}, "expected a positive integer, found -1"),
        ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, "interpolation must be 'near"),
        ("GlobalMaxPooling1D", {"data_format": "channels_first"}, "data_format must be"),
        (
            "BatchNormalization",
            {**NORM, "axis": [1, 2]},
            r"axis must be the last of 3, found \[1, 2",
        ),
        ("BatchNormalization", {**NORM, "axis": 1}, "axis must be the last of 3, found 1"),
    ],
)
def test_what_we_have_not_is_named(path, kind, config, text):
    layers = [*quasarnet_layers(), layer("new", kind, ["conv_1"], **config)]
    keras_file.write(path, layers, OUTPUTS)
    with pytest.raises(KerasError, match=text):
        read_keras(path)


@pytest.mark.parametrize("slope", ["alpha", "negative_slope"])
def test_a_leaky_relu_of_either_keras(path, slope):
    layers = quasarnet_layers()
    layers.append(layer("new", "LeakyReLU", ["fc_common"], **{slope: 0.125}))
    keras_file.write(path, layers, ["new"])
    header, _, _ = read_keras(path)
    assert header["nodes"][-1] == {
        "name": "new",
        "inputs": ["fc_common"],
        "op": "leaky_relu",
        "slope": 0.125,
    }


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "config", "op", "shape"),
    [
        ("UpSampling", {"size": [2, 2, 2]}, "unpool", (8, 8, 8, 3)),
        ("GlobalMaxPooling", {"keepdims": True}, "global_max_pool", (1, 1, 1, 3)),
        ("GlobalAveragePooling", {}, "global_average_pool", (3,)),
    ],
)
def test_layers_on_each_number_of_axes(path, rank, kind, config, op, shape):
    """In Keras 2's notation, where a pool over everything may not say whether it keeps axes."""
    if "size" in config:
        config = {"size": 2 if rank == 1 else config["size"][:rank]}
    inputs = layer("x", "InputLayer", [], batch_input_shape=[None, *[4] * rank, 3])
    layers = [inputs, layer("new", f"{kind}{rank}D", ["x"], **config)]
    keras_file.write(path, layers, ["new"])
    header, _, _ = read_keras(path)
    assert header["nodes"][0]["op"] == op
    (result,) = Network(header, {})(noise((2, *[4] * rank, 3), 1)).values()
    assert result.shape[1:] == (shape if len(shape) == 1 else shape[3 - rank :])


def test_an_unknown_weight_is_named(path):
    layers = quasarnet_layers()
    layers[1][1]["spectral_u"] = np.zeros(2)
    keras_file.write(path, layers, OUTPUTS)
    with pytest.raises(KerasError, match=r"layer conv_1 \(Conv1D\): weight spectral_u is unknown"):
        read_keras(path)


def test_weights_without_a_model_are_refused(path):
    with h5py.File(path, "w") as file:
        file["conv_1/kernel:0"] = np.zeros(3)
    with pytest.raises(
        KerasError, match="attribute model_config: missing, expected a whole model"
    ):
        read_keras(path)


@pytest.mark.parametrize(
    ("config", "text"),
    [("{", "expected JSON"), (json.dumps({"class_name": "MyModel"}), "expected a Functional or")],
)
def test_a_config_that_is_none_is_refused(path, config, text):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config
    with pytest.raises(KerasError, match=text):
        read_keras(path)


def test_a_layer_used_twice_is_refused(path):
    layers = quasarnet_layers()
    layers[1][0]["inbound_nodes"] *= 2
    keras_file.write(path, layers, OUTPUTS)
    with pytest.raises(KerasError, match="used more than once"):
        read_keras(path)


def test_a_layout_that_is_not_keras_is_refused(path):
    layers = quasarnet_layers()
    del layers[3][0]["class_name"]
    keras_file.write(path, layers, OUTPUTS)
    with pytest.raises(KerasError, match="not laid out as Keras does: KeyError"):
        read_keras(path)


def test_what_is_no_hdf5_is_refused(path):
    path.write_bytes(b"hello")
    with pytest.raises(KerasError, match="expected an HDF5 file"):
        read_keras(path)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_keras(path.with_name("nothing.h5"))

"""Networks as ONNX models: onnxruntime computes what we do."""

import numpy as np
import pytest

from desinn.nn import Network
from desinn.nn.ops import OPS
from helpers.cases import CASES, arrays_for, inputs_of, noise, one_layer
from helpers.networks import classifier, quasarnet, unet, volumes

pytest.importorskip("onnx", reason="onnx is not installed (pip install desinn[onnx])")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime

from desinn.io import onnx_out
from desinn.io.onnx_out import onnx_model, write_onnx


def run(model, x):
    """Return what onnxruntime makes of a model, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    made = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in made.get_outputs()]
    return dict(zip(names, made.run(names, x), strict=True))


def compare(header, x, arrays=None, tolerance=1e-5):
    arrays = arrays or arrays_for(header)
    model = onnx_model(header, arrays)
    expected, result = Network(header, arrays)(x), run(model, x)
    assert list(result) == list(expected)
    for name, values in expected.items():
        assert result[name].shape == values.shape
        apart = np.abs(result[name] - values).max()
        assert apart <= tolerance * max(np.abs(values).max(), 1e-3)
    return model


def kinds(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    compare(CASES[name], inputs_of(CASES[name], batch=3))


def test_every_op_but_one_is_there():
    assert set(onnx_out.OPS) == set(OPS) - {"max_unpool"}
    header = one_layer("max_unpool", [(3, 2), (6, 2)], kernel=[2], stride=[2], padding="valid")
    with pytest.raises(ValueError, match="node layer: ONNX has no max_unpool"):
        onnx_model(header, {})


@pytest.mark.parametrize("weight_norm", [False, True])
def test_an_image_of_any_size(weight_norm):
    header = unet(8, weight_norm)
    for size in ((2, 2), (6, 10), (34, 18)):
        compare(header, {"x": noise((2, *size, 1), 3)})


@pytest.mark.parametrize(
    ("bins", "layers", "padding"), [(443, 4, "same"), (458, 4, "valid"), (97, 3, "same")]
)
def test_quasarnet(bins, layers, padding):
    compare(quasarnet(bins, 20, layers, padding), {"x": noise((5, bins, 1), 3)})


def test_volumes():
    header = volumes(sizes=(32, 32, 10), filters=(2, 3, 4, 6, 8, 12), units=(10, 5))
    compare(header, inputs_of(header))


def test_layers_between_which_nothing_is_turned():
    model = compare(classifier(), inputs_of(classifier()))
    assert kinds(model).count("Transpose") == 2  # in front, and before the rows of the dense layer


@pytest.mark.parametrize("stride", [1, 2])
def test_a_size_that_is_not_known(stride):
    header = one_layer(
        "conv", [(9, 8, 2)], filters=3, kernel=[3, 2], stride=[stride] * 2, dilation=[1, 1],
        padding="same", bias=True, weight_norm=False,
    )  # fmt: skip
    header["inputs"][0]["shape"] = [None, None, 2]
    arrays = arrays_for(header)
    model = onnx_model(header, arrays)
    for size in ((9, 8), (6, 5)):
        x = {"x0": noise((2, *size, 2), 1)}
        expected = Network(header, arrays)(x)["y"]
        np.testing.assert_allclose(run(model, x)["y"], expected, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", [[[-1, -2]], [[1, -1]], [[0, 1]]])
def test_a_transposed_conv_that_adds_to_its_output(padding, bias):
    header = one_layer(
        "transposed_conv", [(5, 2)], filters=3, kernel=[3], stride=[2], padding=padding,
        bias=bias, weight_norm=False,
    )  # fmt: skip
    compare(header, inputs_of(header))


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("pad", {"amounts": [[1, 0], [2, 3]], "value": 1.5}),
        ("max_pool", {"kernel": [2, 3], "stride": [2, 1], "padding": [[1, 0], [0, 2]]}),
        ("average_pool", {"kernel": [2, 3], "stride": [2, 2], "padding": "same",
                          "count_padding": True}),
        ("average_pool", {"kernel": [2, 3], "stride": [2, 2], "padding": [[1, 0], [0, 2]],
                          "count_padding": False}),
    ],
)  # fmt: skip
def test_what_keras_has_not(op, attributes):
    header = one_layer(op, [(7, 5, 2)], **attributes)
    compare(header, inputs_of(header))


def test_layouts_that_meet():
    """Arrays that stand channels first and last at once, and each layer behind both."""
    conv = {"filters": 2, "kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1],
            "padding": "same", "bias": True, "weight_norm": False}  # fmt: skip
    nodes = [
        {"name": "a", "inputs": ["x"], "op": "conv", **conv},
        {"name": "b", "inputs": ["x"], "op": "relu"},
        {"name": "c", "inputs": ["a", "b"], "op": "add"},
        {"name": "d", "inputs": ["a", "x"], "op": "concat", "axis": 2},
        {"name": "e", "inputs": ["d", "d"], "op": "concat", "axis": 1},
        {"name": "f", "inputs": ["e"], "op": "crop", "amounts": [[1, 2], [0, 3]]},
        {"name": "g", "inputs": ["f"], "op": "pad", "amounts": [[0, 1], [2, 0]], "value": 0.5},
        {"name": "h", "inputs": ["g"], "op": "softmax"},
        {"name": "i", "inputs": ["h"], "op": "affine", "scale": 2.0, "shift": 0.25},
        {"name": "j", "inputs": ["i"], "op": "transpose", "axes": [2, 3, 1]},
    ]
    outputs = {"y": "i", "z": "c", "w": "d", "v": "j"}
    header = {"inputs": [{"name": "x", "shape": [5, 7, 2]}], "nodes": nodes, "outputs": outputs}
    compare(header, inputs_of(header))


def test_names_that_meet():
    """A public name may be another node's own; ONNX has one room for all names."""
    nodes = [
        {"name": "y", "op": "relu", "inputs": ["x"]},
        {"name": "z", "op": "tanh", "inputs": ["y"]},
    ]
    header = {"inputs": [{"name": "x", "shape": [3]}], "nodes": nodes, "outputs": {"y": "z"}}
    compare(header, inputs_of(header))
    header["outputs"] = {"x": "z"}
    with pytest.raises(ValueError, match="output x: an input has that name, too"):
        onnx_model(header, {})


def test_the_file_appears_whole(tmp_path):
    header = CASES["conv1d-explicit"]
    path = tmp_path / "a.onnx"
    write_onnx(path, header, arrays_for(header))
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "desinn"
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dimensions] == ["B", 6, 1]
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_onnx(path, header, arrays_for(header))
    write_onnx(path, header, arrays_for(header), overwrite=True)

"""Networks from ONNX files compute what onnxruntime makes of them."""

import numpy as np
import pytest

from desinn.nn import Network
from desinn.nn.weights import all_problems
from helpers.cases import CASES, arrays_for, inputs_of, noise
from helpers.networks import classifier, quasarnet, unet, volumes

pytest.importorskip("onnx", reason="onnx is not installed (pip install desinn[onnx])")

import onnx
from onnx import TensorProto, helper, numpy_helper

from desinn.io.onnx_call import OnnxError
from desinn.io.onnx_in import read_onnx
from desinn.io.onnx_out import write_onnx


def there_and_back(header, path):
    arrays = arrays_for(header)
    write_onnx(path, header, arrays)
    return arrays, *read_onnx(path)


def same(first, second, x):
    expected, result = Network(*first)(x), Network(*second)(x)
    assert list(result) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name], values, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_layer_there_and_back(name, tmp_path):
    header = CASES[name]
    arrays, *back = there_and_back(header, tmp_path / "a.onnx")
    assert [e["name"] for e in back[0]["inputs"]] == [e["name"] for e in header["inputs"]]
    assert len(back[0]["nodes"]) <= 3
    x = dict(zip(inputs_of(back[0]), inputs_of(header).values(), strict=True))
    shapes = [entry["shape"] for entry in back[0]["inputs"]]
    assert shapes == [list(entry["shape"]) for entry in header["inputs"]]
    same((header, arrays), back, x)


@pytest.mark.parametrize(
    "header",
    [quasarnet(97, 20, 3, "same"), unet(4), classifier(),
     volumes(sizes=(32, 32, 10), filters=(2, 3, 4, 6, 8, 12), units=(10, 5))],
    ids=["quasarnet", "unet", "classifier", "volumes"],
)  # fmt: skip
def test_network_there_and_back(header, tmp_path):
    arrays, *back = there_and_back(header, tmp_path / "a.onnx")
    ops = [node["op"] for node in back[0]["nodes"]]
    assert "transpose" not in ops
    sizes = [n or 8 for n in header["inputs"][0]["shape"]]
    same((header, arrays), back, {"x": noise((3, *sizes), 5)})


class Built:
    """An ONNX graph by hand."""

    def __init__(self, opset=17, **inputs):
        self.opset, self.nodes, self.constants = opset, [], []
        self.inputs, self.outputs = inputs, []

    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def add(self, kind, *sources, results=1, **attributes):
        named = [
            x if isinstance(x, str) else self.constant(x, np.asarray(x).dtype) for x in sources
        ]
        names = [f"n{len(self.nodes)}" + "abc"[i] for i in range(results)]
        name = f"/part/{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, named, names, name=name, **attributes))
        return names[0]

    def model(self, *outputs):
        def infos(shapes):
            return [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in shapes.items()
            ]

        graph = helper.make_graph(
            self.nodes, "built", infos(self.inputs), infos(dict.fromkeys(outputs)), self.constants
        )
        opset = helper.make_opsetid("", self.opset)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)

    def check(self, path, *outputs, **arrays):
        """Return header and ours for one output, equal to onnxruntime's but for the layout."""
        onnxruntime = pytest.importorskip("onnxruntime")
        model = self.model(*outputs)
        onnx.save(model, path)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        expected = session.run(list(outputs), arrays)
        header, weights = read_onnx(path)
        assert all_problems({**header, "format_version": 1, "sha256": ""}, weights) == []
        x = {
            entry["name"]: np.moveaxis(array, 1, -1)
            if list(array.shape[1:]) != entry["shape"]
            else array
            for entry, array in zip(header["inputs"], arrays.values(), strict=True)
        }
        result = Network(header, weights)(x)
        for name, values in zip(outputs, expected, strict=True):
            ours = result[name]
            ours = ours if ours.shape == values.shape else np.moveaxis(ours, -1, 1)
            np.testing.assert_allclose(ours, values, atol=1e-5)
        return header


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.onnx"


IMAGE = noise((3, 2, 7, 6), 1)  # (B, C, Y, X)
KERNEL = noise((4, 2, 3, 2), 2)


def image_graph(opset=17):
    graph = Built(opset, x=["B", 2, 7, 6])
    return graph, graph.add("Conv", "x", KERNEL, noise((4,), 3), pads=[1, 0, 1, 1])


def ops_of(header):
    return [node["op"] for node in header["nodes"]]


@pytest.mark.parametrize("flat", ["Flatten", "Reshape", "exported"])
def test_rows_behind_a_flatten_are_put_into_our_order(path, flat):
    """As torch writes it: nothing is turned, but the kernel of the dense layer is."""
    graph, x = image_graph()
    x = graph.add("MaxPool", graph.add("Relu", x), kernel_shape=[2, 2], strides=[2, 2])
    if flat == "Flatten":
        x = graph.add("Flatten", x, axis=1)
    elif flat == "Reshape":
        x = graph.add("Reshape", x, np.array([-1, 36]))
    else:
        batch = graph.add("Gather", graph.add("Shape", x), np.array(0), axis=0)
        rest = graph.add("Constant", value_ints=[-1])
        batch = graph.add("Unsqueeze", batch, np.array([0]))
        x = graph.add("Reshape", x, graph.add("Concat", batch, rest, axis=0))
    x = graph.add("Dropout", graph.add("Tanh", x))
    x = graph.add("Gemm", x, noise((5, 36), 4), noise((5,), 5), transB=1, alpha=0.5, beta=2.0)
    header = graph.check(path, x, x=IMAGE)
    assert ops_of(header) == ["conv", "relu", "max_pool", "flatten", "tanh", "dense"]
    assert header["inputs"] == [{"name": "x", "shape": [7, 6, 2]}]
    assert header["nodes"][0]["name"] == "part_Conv_0"


def test_a_flatten_that_others_read_is_turned(path):
    graph, x = image_graph()
    flat = graph.add("Flatten", x)
    y = graph.add("MatMul", flat, noise((4 * 7 * 6, 2), 4))
    header = graph.check(path, y, flat, x=IMAGE)
    assert ops_of(header) == ["conv", "transpose", "flatten", "dense"]


def test_an_image_comes_out_with_the_channels_last(path):
    graph, x = image_graph()
    y = graph.add(
        "ConvTranspose", x, noise((4, 3, 3, 3), 4), strides=[2, 2], pads=[1, 1, 1, 1],
        output_padding=[1, 0],
    )  # fmt: skip
    y = graph.add("Add", y, noise((3, 1, 1), 5))
    y = graph.add("Mul", noise((1, 3, 1, 1), 6), y)
    y = graph.add("Sub", graph.add("Div", y, np.float32(4)), np.float32(0.5))
    y = graph.add("Sub", np.float32(1), y)
    y = graph.add("Softmax", graph.add("LeakyRelu", y), axis=1)
    assert "transpose" not in ops_of(graph.check(path, y, x=IMAGE))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "VALID"])
def test_padding_by_name(path, auto_pad, stride):
    graph = Built(x=["B", 2, 7, 6])
    windows = {"auto_pad": auto_pad, "strides": [stride] * 2}
    y = graph.add("Conv", "x", KERNEL, **windows)
    y = graph.add("AveragePool", y, kernel_shape=[2, 1], **windows)
    y = graph.add("ConvTranspose", y, noise((4, 3, 3, 2), 4), **windows)
    graph.check(path, y, x=IMAGE)


@pytest.mark.parametrize("opset", [10, 17])
def test_pixels_are_added_and_cut(path, opset):
    graph, x = image_graph(opset)
    if opset == 10:
        x = graph.add("Pad", x, pads=[0, 0, 1, 0, 0, 0, 2, 3], value=0.5)
        x = graph.add("Slice", x, np.array([1, 0]), np.array([-1, 4]), np.array([2, 3]))
        x = graph.add("Resize", x, np.float32([1, 1, 2, 3]), mode="nearest")
    else:
        x = graph.add("Pad", x, np.array([0, 0, 1, 0, 0, 0, 2, 3]), np.float32(0.5))
        x = graph.add("Slice", x, np.array([1]), np.array([2**62]), np.array([-2]))
        x = graph.add("Resize", x, "", "", np.array([3, 4, 27, 18]), mode="nearest")
    header = graph.check(path, x, x=IMAGE)
    assert ops_of(header) == ["conv", "pad", "crop", "unpool"]


@pytest.mark.parametrize("keepdims", [0, 1])
def test_means_over_all_pixels(path, keepdims):
    graph, x = image_graph()
    y = graph.add("ReduceMean", x, axes=[2, 3], keepdims=keepdims)
    z = graph.add("ReduceMax", x, axes=[-1, -2], keepdims=keepdims)
    header = graph.check(path, graph.add("Concat", y, z, axis=1), x=IMAGE)
    assert ops_of(header) == ["conv", "global_average_pool", "global_max_pool", "concat"]


def test_channels_last_as_tensorflow_writes_them(path):
    """Each convolution between two Transposes, the first of one axis as an image of one row."""
    graph = Built(x=["B", 9, 2])
    x = graph.add("Transpose", "x", perm=[0, 2, 1])
    x = graph.add("Unsqueeze", x, np.array([2]))
    x = graph.add("Conv", x, noise((4, 2, 1, 3), 2))
    x = graph.add("Squeeze", x, np.array([2]))
    x = graph.add("Transpose", x, perm=[0, 2, 1])
    x = graph.add("Add", graph.add("MatMul", x, noise((4, 3), 4)), noise((3,), 5))
    x = graph.add("Reshape", x, np.array([-1, 21]))
    x = graph.add("Add", graph.add("MatMul", x, noise((21, 2), 6)), noise((1, 2), 7))
    header = graph.check(path, x, x=noise((3, 9, 2), 1))
    assert header["inputs"][0]["shape"] == [9, 2]
    assert "batch_norm" not in ops_of(header)  # the sums became biases
    dense = [node["bias"] for node in header["nodes"] if node["op"] == "dense"]
    assert dense == [True, True]


def test_transposes_cost_nothing(path):
    graph = Built(x=["B", 7, 6, 2])
    x = graph.add("Transpose", "x", perm=[0, 3, 1, 2])
    x = graph.add("Relu", graph.add("Conv", x, KERNEL))
    y = graph.add("Transpose", x, perm=[0, 2, 3, 1])
    y = graph.add("Add", y, noise((4,), 3))
    x = graph.add("Concat", graph.add("Transpose", y, perm=[0, 3, 1, 2]), x, axis=1)
    header = graph.check(
        path, graph.add("Transpose", x, perm=[0, 2, 3, 1]), x=noise((2, 7, 6, 2), 1)
    )
    assert ops_of(header) == ["conv", "relu", "batch_norm", "concat"]


def test_a_sum_becomes_a_bias_only_where_nobody_else_sees_it(path):
    """Identity gives a result a second name, by which others may read it."""
    graph = Built(x=["B", 2, 7, 6])
    x, bias = graph.add("Conv", "x", KERNEL), noise((4, 1, 1), 3)
    y = graph.add("Add", graph.add("Identity", x), bias)
    header = graph.check(path, graph.add("Concat", y, graph.add("Relu", x), axis=1), x=IMAGE)
    assert ops_of(header) == ["conv", "batch_norm", "relu", "concat"]
    graph = Built(x=["B", 2, 7, 6])
    y = graph.add("Add", graph.add("Identity", graph.add("Conv", "x", KERNEL)), bias)
    assert ops_of(graph.check(path, y, x=IMAGE)) == ["conv"]


def test_an_array_minus_a_result_is_no_bias(path):
    graph = Built(x=["B", 2, 7, 6])
    y = graph.add("Sub", noise((4, 1, 1), 3), graph.add("Conv", "x", KERNEL))
    assert ops_of(graph.check(path, y, x=IMAGE)) == ["conv", "batch_norm"]


def test_an_input_without_layers_of_images_stays_as_it_is(path):
    graph = Built(x=["B", 3, 4], y=["B", 3, 4])
    z = graph.add("Elu", graph.add("Sum", "x", "y"), alpha=0.3)
    header = graph.check(path, z, x=noise((2, 3, 4), 1), y=noise((2, 3, 4), 2))
    assert [entry["shape"] for entry in header["inputs"]] == [[3, 4], [3, 4]]


def test_an_output_that_is_an_input(path):
    graph = Built(x=["B", 3])
    header = graph.check(path, graph.add("Identity", "x"), x=noise((2, 3), 1))
    assert ops_of(header) == ["linear"]


@pytest.mark.parametrize(
    ("kind", "sources", "attributes", "text"),
    [
        ("Erf", [], {}, r"node /part/Erf_1: Erf is unknown \(there are: Add, AveragePool"),
        ("Conv", [KERNEL[:, :1]], {"group": 2}, "group must be 1, found 2"),
        ("Conv", [], {}, "input 1 must be an array in the file"),
        ("Conv", [KERNEL], {"auto_pad": "SAME_LOWER"}, "auto_pad must be 'NOTSET', found 'SAME_L"),
        ("Conv", [noise((3, 5, 1, 1), 1)], {}, None),
        ("MaxPool", [], {"kernel_shape": [2, 2], "ceil_mode": 1}, "ceil_mode must be 0, found 1"),
        ("MaxPool", [], {}, "damaged: TypeError"),
        ("MaxPool", [], {"kernel_shape": [99, 1]}, "does not fit into a padded size"),
        ("ReduceMean", [], {"axes": [1]}, "axes must be all but B and the channels"),
        ("Gemm", [KERNEL], {"transA": 1}, "transA must be 0, found 1"),
        ("MatMul", [KERNEL], {}, "the array must have two axes, found 4"),
        ("Flatten", [], {"axis": 2}, "axis must be 1, found 2"),
        ("Reshape", [np.array([3, -1])], {}, "the first axis must stay B, found shape"),
        ("Squeeze", [np.array([2])], {}, "axes must be some of size 1, found"),
        ("Transpose", [], {"perm": [1, 0, 2, 3]}, "perm must leave B first, found"),
        ("Transpose", [], {}, "perm must leave B first, found"),
        ("BatchNormalization", [np.ones(4)] * 4, {"training_mode": 1}, "training_mode must be 0"),
        ("Softmax", [], {"axis": 0}, "axis must be one of the 3 after B, found 0"),
        ("Add", [noise((7, 1), 1)], {}, r"one for each channel, found shape \(7, 1\)"),
        ("Div", [np.float32(0)], {}, "damaged: ZeroDivisionError"),
        ("Pad", [np.array([0, 1, 0, 0, 0, 0, 0, 0])], {}, "B and the channels must stay"),
        ("Pad", [np.zeros(8, int)], {"mode": "edge"}, "mode must be 'constant', found 'edge'"),
        ("Slice", [np.array([0]), np.array([9]), np.array([2]), np.array([2])], {}, "steps must"),
        ("Resize", ["", np.float32([1, 1, 2, 2])], {"mode": "linear"}, "mode must be 'nearest'"),
        (
            "Resize",
            ["", np.float32([1, 1, 2, 2])],
            {"mode": "nearest", "coordinate_transformation_mode": "align_corners"},
            "do not repeat pixels",
        ),
        ("Resize", ["", np.float32([1, 1, 1.5, 2])], {"mode": "nearest"}, "scales must be whole"),
        ("Resize", ["", np.float32([1, 1, np.inf, 2])], {"mode": "nearest"}, "OverflowError"),
        ("Cast", [], {"to": 1}, "input 0 must be an array in the file"),
        ("Concat", [KERNEL], {"axis": 1}, "input 1 must be the result of a node"),
    ],
)
def test_what_we_have_not_is_named(path, kind, sources, attributes, text):
    graph, x = image_graph()
    y = graph.add(kind, x, *sources, **attributes)
    onnx.save(graph.model(y), path)
    if text is None:  # found by the check against the graph, when a file is written
        header, arrays = read_onnx(path)
        assert all_problems({**header, "format_version": 1, "sha256": ""}, arrays)
        return
    with pytest.raises(OnnxError, match=r"a\.onnx: node /part/\w+_1") as caught:
        read_onnx(path)
    assert caught.match(text)


def test_results_that_we_have_not_are_named(path):
    graph, x = image_graph()
    y = graph.add("MaxPool", x, results=2, kernel_shape=[2, 2])
    onnx.save(graph.model(y, y[:-1] + "b"), path)
    with pytest.raises(OnnxError, match="only its first output can be used"):
        read_onnx(path)
    onnx.save(graph.model("nothing"), path)
    with pytest.raises(OnnxError, match="output nothing: expected the result of a node"):
        read_onnx(path)


def test_a_node_before_what_it_reads_is_named(path):
    graph, x = image_graph()
    y = graph.add("Relu", x)
    graph.nodes.reverse()
    onnx.save(graph.model(y), path)
    with pytest.raises(OnnxError, match=r"node /part/Relu_1 \(Relu\): there is no input n0a"):
        read_onnx(path)


def test_a_file_that_is_none_is_refused(path):
    for content in (b"", b"hello", b"\x08\x01"):
        path.write_bytes(content)
        with pytest.raises(OnnxError, match=r"a\.onnx: expected an ONNX (file|graph), found"):
            read_onnx(path)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_onnx(path.with_name("nothing.onnx"))


def test_an_input_that_is_none_of_ours_is_refused(path):
    graph, x = image_graph()
    model = graph.model(x)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, path)
    with pytest.raises(OnnxError, match="input x: expected float32, found type 7"):
        read_onnx(path)
    onnx.save(Built(x=["B"]).model("x"), path)
    with pytest.raises(OnnxError, match="found no nodes"):
        read_onnx(path)


def test_arrays_that_lie_are_refused(path):
    """A shape without its values takes no memory; no other file is opened; nothing grows."""
    graph, x = image_graph()
    model = graph.model(x)
    model.graph.initializer[0].dims[0] = 2**40
    onnx.save(model, path)
    with pytest.raises(OnnxError, match=r"array c0: expected values for the shape \(10995"):
        read_onnx(path)
    model = graph.model(x)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(OnnxError, match="array c0: lies in another file"):
        read_onnx(path)


def test_a_graph_that_doubles_its_arrays_is_refused(path):
    graph, _ = image_graph()
    y = graph.constant(np.ones(2))
    for _ in range(60):
        y = graph.add("Concat", y, y, axis=0)
    onnx.save(graph.model(graph.add("Reshape", "x", y)), path)
    with pytest.raises(OnnxError, match="expected arrays of at most 64 values together"):
        read_onnx(path)


def test_an_array_for_many_layers_is_refused(path):
    graph = Built(x=["B", 50])
    kernel, y = graph.constant(noise((50, 50), 1)), "x"
    for _ in range(20):
        y = graph.add("MatMul", y, kernel)
    onnx.save(graph.model(y), path)
    with pytest.raises(OnnxError, match="the arrays are more than 8 times what the file holds"):
        read_onnx(path)


def test_a_model_exported_from_torch(path):
    torch = pytest.importorskip("torch")
    onnxruntime = pytest.importorskip("onnxruntime")
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1), nn.ELU(),
        nn.Upsample(scale_factor=2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * 6 * 8, 5),
        nn.Dropout(0.2), nn.Sigmoid(),
    ).eval()  # fmt: skip
    x = torch.from_numpy(noise((2, 2, 6, 8), 1))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (x,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "B"}}
        )
    header, arrays = read_onnx(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x.numpy()})
    (result,) = Network(header, arrays)(np.moveaxis(x.numpy(), 1, -1)).values()
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert "transpose" not in ops_of(header)

"""Every layer against TensorFlow's own numbers, the plain way and the fast one."""

import numpy as np
import pytest

from desinn.nn import Network, evaluate
from desinn.nn.normalization import weight_norm
from desinn.nn.ops import OPS
from helpers.cases import CASES, arrays_for, inputs_of, noise, one_layer


@pytest.fixture(scope="module")
def tensorflow(data):
    with np.load(data / "layers.npz") as file:
        return {name: file[name] for name in file.files}


def test_the_fixtures_are_those_of_the_cases(tensorflow):
    assert set(tensorflow) == set(CASES)


def test_every_op_has_a_case():
    used = {header["nodes"][0]["op"] for header in CASES.values()}
    assert used == set(OPS) - {"max_unpool"}  # TensorFlow has none: test_unpooling.py


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "compute", [evaluate, lambda h, a, x: Network(h, a)(x)], ids=["plain", "fast"]
)
def test_layer(name, compute, tensorflow):
    header = CASES[name]
    result = compute(header, arrays_for(header), inputs_of(header))["y"]
    assert result.dtype == np.float32
    assert result.shape == tensorflow[name].shape
    np.testing.assert_allclose(result, tensorflow[name], atol=2e-6, rtol=2e-6)


def conv_attributes(**changes):
    attributes = {
        "filters": 3,
        "kernel": [3, 2],
        "stride": [2, 1],
        "padding": "valid",
        "bias": False,
        "weight_norm": False,
    }
    return {**attributes, **changes}


@pytest.mark.parametrize("padding", ["valid", "same", [[1, 0], [0, 1]]])
@pytest.mark.parametrize("size", [(7, 4), (8, 5), (9, 6)])
def test_transposed_conv_is_the_adjoint_of_conv(padding, size):
    """<conv x, y> = <x, transposed y>, with the same kernel turned round."""
    forward = conv_attributes(padding=padding, dilation=[1, 1])
    header = one_layer("conv", [(*size, 2)], **forward)
    arrays = {k: v.astype(np.float64) for k, v in arrays_for(header).items()}
    x = noise((1, *size, 2), 3).astype(np.float64)
    conv_x = evaluate(header, arrays, x)["y"]
    y = noise(conv_x.shape, 4).astype(np.float64)
    before = [[0, 0], [0, 0]] if padding == "valid" else _amounts(size, padding)
    full = [(n - 1) * s + k for n, s, k in zip(conv_x.shape[1:3], (2, 1), (3, 2), strict=True)]
    # What the windows never reached was not seen by the conv, and gets nothing back.
    crops = [[a, f - a - n] for (a, _), f, n in zip(before, full, size, strict=True)]
    back = conv_attributes(padding=crops, filters=2)
    header = one_layer("transposed_conv", [conv_x.shape[1:]], **back)
    turned = {"layer/kernel": np.swapaxes(arrays["layer/kernel"], -1, -2)}
    back_y = evaluate(header, turned, y)["y"]
    assert back_y.shape == x.shape
    np.testing.assert_allclose(np.sum(conv_x * y), np.sum(x * back_y), rtol=1e-12)


def _amounts(size, padding):
    from desinn.nn import geometry

    return geometry.pads(size, (3, 2), (2, 1), (1, 1), padding)


def test_transposed_conv_can_add_rows_of_bias_at_the_end():
    """torch's output_padding: a negative amount is cut."""
    header = one_layer(
        "transposed_conv",
        [(2, 1)],
        **conv_attributes(filters=1, kernel=[2], stride=[2], padding=[[0, -1]], bias=True),
    )
    arrays = {"layer/kernel": np.ones((2, 1, 1), "f4"), "layer/bias": np.float32([0.5])}
    y = Network(header, arrays)(np.float32([[[1], [2]]]))["y"]
    assert y[0, :, 0].tolist() == [1.5, 1.5, 2.5, 2.5, 0.5]


@pytest.mark.parametrize("op", ["conv", "transposed_conv"])
def test_weight_norm_is_the_kernel_it_stands_for(op):
    more = {"dilation": [1, 1]} if op == "conv" else {}
    normed = one_layer(op, [(5, 6, 2)], **conv_attributes(weight_norm=True, **more))
    plain = one_layer(op, [(5, 6, 2)], **conv_attributes(**more))
    arrays = arrays_for(normed)
    direction, gain = arrays["layer/direction"], arrays["layer/gain"]
    kernel = np.empty_like(direction)
    for f in range(3):
        v = direction[..., f].astype(np.float64)
        kernel[..., f] = gain[f] * v / np.sqrt((v**2).sum())
    x = inputs_of(plain)["x0"]
    expected = evaluate(plain, {"layer/kernel": kernel}, x)["y"]
    np.testing.assert_allclose(evaluate(normed, arrays, x)["y"], expected, atol=1e-6)
    np.testing.assert_allclose(Network(normed, arrays)(x)["y"], expected, atol=1e-6)
    np.testing.assert_allclose(weight_norm(direction, gain), kernel, rtol=1e-6)


def test_dense_has_weight_norm_too():
    header = one_layer("dense", [(2,)], units=1, bias=False, weight_norm=True)
    arrays = {"layer/direction": np.float32([[3], [4]]), "layer/gain": np.float32([10])}
    assert Network(header, arrays)(np.float32([[1, 1]]))["y"] == pytest.approx(14)


def test_average_pool_counts_padding_where_told():
    attributes = {"kernel": [3], "stride": [1], "padding": "same"}
    x = np.ones((1, 3, 1), "f4")
    header = one_layer("average_pool", [(3, 1)], **attributes, count_padding=True)
    np.testing.assert_allclose(Network(header, {})(x)["y"][0, :, 0], [2 / 3, 1, 2 / 3], rtol=1e-6)


def test_max_pool_pads_with_nothing():
    header = one_layer("max_pool", [(3, 1)], kernel=[3], stride=[1], padding="same")
    x = np.float32([[[-5], [-4], [-6]]])
    assert Network(header, {})(x)["y"][0, :, 0].tolist() == [-4, -4, -4]


def test_pad_with_a_value():
    header = one_layer("pad", [(1, 2)], amounts=[[1, 0]], value=7.5)
    y = Network(header, {})(np.zeros((1, 1, 2)))["y"]
    assert y[0].tolist() == [[7.5, 7.5], [0, 0]]


@pytest.mark.parametrize("x", [-1e30, -100.0, -88.0, 0.0, 88.0, 1e30])
def test_sigmoid_never_overflows(x):
    header = one_layer("sigmoid", [(1,)])
    y = Network(header, {})(np.float32([[x]]))["y"][0, 0]
    assert y == pytest.approx(0.0 if x < -50 else 1.0 if x > 50 else 0.5, abs=1e-30)


def test_sigmoid_keeps_small_probabilities():
    header = one_layer("sigmoid", [(1,)])
    y = Network(header, {})(np.float32([[-20.0]]))["y"][0, 0]
    assert y == pytest.approx(np.exp(-20.0), rel=1e-5)

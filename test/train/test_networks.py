"""The table of ops for Keras, and a live comparison of every layer and network with TensorFlow."""

import numpy as np
import pytest

from desinn.nn import Network
from desinn.nn.ops import OPS
from helpers.cases import CASES, arrays_for, inputs_of, noise, one_layer
from helpers.networks import classifier, quasarnet, unet, volumes

pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")

from desinn.train.networks import LAYERS, get_arrays, keras_model


def compare(header, x, **tolerance):
    arrays = arrays_for(header)
    model = keras_model(header, arrays)
    expected = model(x, training=False)
    result = Network(header, arrays)(x)
    assert list(result) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name], np.asarray(values), **tolerance)


def test_the_table_has_every_op():
    assert set(LAYERS) == set(OPS)


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    compare(CASES[name], inputs_of(CASES[name], batch=3), atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("size", [(2, 2), (6, 10), (64, 34)])
@pytest.mark.parametrize("weight_norm", [False, True])
def test_unet(size, weight_norm):
    compare(unet(8, weight_norm), {"x": noise((2, *size, 1), 3)}, atol=1e-5)


@pytest.mark.parametrize(
    ("bins", "layers", "padding"),
    [(443, 6, "same"), (443, 4, "valid"), (458, 4, "valid"), (97, 3, "same")],
)
def test_quasarnet(bins, layers, padding):
    header = quasarnet(bins, 20, layers, padding)
    compare(header, {"x": noise((5, bins, 1), 3)}, atol=1e-5)


def test_volumes():
    small = {"sizes": (32, 32, 10), "filters": (2, 3, 4, 6, 8, 12), "units": (10, 5)}
    for header in (volumes(**small), volumes(**small, without_bias=(1, 2))):
        compare(header, inputs_of(header), atol=1e-5, rtol=1e-5)


def test_classifier():
    header = classifier()
    compare(header, inputs_of(header), atol=1e-5)
    assert keras_model(header).count_params() == 174_626 + 2 * (8 + 16 + 32)


@pytest.mark.parametrize(
    ("op", "attributes", "text"),
    [
        ("pad", {"amounts": [[1, 0]], "value": 1.0}, "pad: Keras pads with zeros only"),
        ("max_pool", {"kernel": [2], "stride": [2], "padding": [[1, 0]]}, "max_pool: Keras pads"),
        (
            "average_pool",
            {"kernel": [2], "stride": [2], "padding": "same", "count_padding": True},
            "average_pool: Keras counts padding in numbers",
        ),
        (
            "transposed_conv",
            {"filters": 1, "kernel": [2], "stride": [2], "padding": [[0, -1]], "bias": True,
             "weight_norm": False},
            "transposed_conv: Keras cannot add",
        ),
    ],
)  # fmt: skip
def test_what_keras_has_not_is_refused(op, attributes, text):
    with pytest.raises(ValueError, match=text):
        keras_model(one_layer(op, [(6, 2)], **attributes))


def test_keras_has_no_unpooling_by_place():
    header = one_layer("max_unpool", [(3, 2), (6, 2)], kernel=[2], stride=[2], padding="valid")
    with pytest.raises(ValueError, match="max_unpool: Keras has no layer"):
        keras_model(header)


@pytest.mark.parametrize("name", CASES)
def test_arrays_come_back(name):
    header = CASES[name]
    arrays = arrays_for(header)
    found = get_arrays(keras_model(header, arrays), header)
    assert found.keys() == arrays.keys()
    x = inputs_of(header, batch=2)
    expected, result = Network(header, arrays)(x), Network(header, found)(x)
    for key in expected:
        np.testing.assert_allclose(result[key], expected[key], atol=1e-6, rtol=1e-5)

"""Networks as Keras models: Keras loads them and computes what we do."""

import zipfile

import numpy as np
import pytest

from desinn.io.keras import read_keras
from desinn.nn import Network
from helpers.cases import arrays_for, inputs_of, one_layer
from helpers.networks import classifier, quasarnet, unet

pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")

from desinn.train.export import write_keras


# Keras' own, when it saves and loads with some versions of NumPy.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("header", "sizes"),
    [(classifier(), None), (quasarnet(97, 20, 3, "same"), None), (unet(4, True), (10, 6, 1))],
    ids=["classifier", "quasarnet", "unet"],
)
def test_keras_loads_it_and_we_read_it_back(header, sizes, tmp_path):
    import keras

    arrays = arrays_for(header)
    path = tmp_path / "a.keras"
    write_keras(path, header, arrays)
    if sizes:
        header = {**header, "inputs": [{"name": "x", "shape": list(sizes)}]}
    x = inputs_of(header)
    expected = Network(header, arrays)(x)
    found = keras.models.load_model(path).predict(x, verbose=0)
    back, ours, _ = read_keras(path)
    result = Network(back, ours)(x)
    assert list(expected) == list(result) == list(found)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)
        np.testing.assert_allclose(result[name], values, atol=1e-5)


def test_it_appears_whole_or_not_at_all(tmp_path):
    header = one_layer("pad", [(6, 2)], amounts=[[1, 0]], value=1.0)
    path = tmp_path / "a.keras"
    with pytest.raises(ValueError, match="pad: Keras pads with zeros only"):
        write_keras(path, header, {})
    assert not list(tmp_path.iterdir())
    header["nodes"][0]["value"] = 0.0
    write_keras(path, header, {})
    assert zipfile.is_zipfile(path)
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_keras(path, header, {})

"""What the published QuasarNETs mean."""

import numpy as np
import pytest

from desinn.io.keras import read_keras
from desinn.io.quasarnet import describe_quasarnet, is_quasarnet
from desinn.spectra import Grid
from helpers import keras_file
from helpers.keras_file import OUTPUTS, quasarnet_layers


@pytest.fixture
def read(tmp_path):
    def read(bins=443, boxes=13, **extra):
        path = tmp_path / "q.h5"
        keras_file.write(path, quasarnet_layers(bins, boxes), OUTPUTS, **extra)
        return read_keras(path)

    return read


def test_it_is_known_by_its_heads(read):
    header, arrays, _ = read()
    assert is_quasarnet(header, arrays)
    assert not is_quasarnet(*read(boxes=12)[:2])
    assert not is_quasarnet({**header, "outputs": {"a": "conv_1"}}, arrays)
    assert not is_quasarnet({**header, "inputs": header["inputs"] * 2}, arrays)


@pytest.mark.parametrize(("bins", "grid"), [(443, Grid.log()), (458, Grid.linear())])
def test_the_published_grids_are_known_by_their_size(read, bins, grid):
    header, _, stated = read(bins)
    described = describe_quasarnet(header, stated)
    assert described["prepare"]["grid"] == grid.to_header()
    assert described["kind"] == "qso"
    assert list(described["outputs"]) == [
        "LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha", "CIV_BAL",
    ]  # fmt: skip
    assert described["outputs"]["MgII"] == header["outputs"]["conc_box_3"]
    assert described["interpret"]["lines"][0] == {"name": "LYA", "wave": 1215.67}


@pytest.mark.parametrize(
    "grid", [Grid.log(), Grid.log(3.5, 2e-3, 300), Grid.linear(3500.0, 20.0, 300)]
)
def test_the_grid_of_the_file_wins(read, grid):
    header, _, stated = read(grid.size, model_grid=grid.wave)
    found = Grid.from_header(describe_quasarnet(header, stated)["prepare"]["grid"])
    assert found.spacing == grid.spacing
    np.testing.assert_allclose(found.wave, grid.wave, rtol=1e-7)


@pytest.mark.parametrize(
    ("bins", "wave", "text"),
    [
        (300, None, "expected one of 443, 458 bins or a model_grid, found 300 bins"),
        (443, np.arange(1.0, 301.0), r"model_grid: expected shape \(443,\), found \(300,\)"),
        (
            443,
            np.arange(1.0, 444.0) ** 2,
            "model_grid: grid: expected increasing",
        ),
        (
            443,
            np.arange(444.0, 1.0, -1.0),
            "model_grid: grid: expected increasing",
        ),
    ],
)
def test_a_grid_that_is_none_is_refused(read, bins, wave, text):
    header, _, stated = read(bins, **({} if wave is None else {"model_grid": wave}))
    with pytest.raises(ValueError, match=text):
        describe_quasarnet(header, stated)


@pytest.mark.parametrize(
    ("file", "outputs"),
    [("test_weights.h5", "tf221_pred_4L.npy"), ("test_weights_6_layer.h5", "tf221_pred_6L.npy")],
)
def test_published_weights_compute_what_tensorflow_computed(reference, file, outputs):
    from desinn.nn import Network

    header, arrays, _ = read_keras(reference / "qso" / file)
    x = np.load(reference / "qso" / "coadd_x.npy")[:, :, np.newaxis]
    result = np.stack(list(Network(header, arrays)(x).values()))
    np.testing.assert_allclose(result, np.load(reference / "qso" / outputs), atol=1e-5, rtol=0)


def test_the_6_layer_file_agrees_with_the_output_that_came_with_it(reference):
    from desinn.nn import Network

    header, arrays, _ = read_keras(reference / "qso" / "test_weights_6_layer.h5")
    x = np.load(reference / "qso" / "coadd_x.npy")[:, :, np.newaxis]
    result = np.stack(list(Network(header, arrays)(x).values()))
    expected = np.load(reference / "qso" / "qnet_output_6_layer.npy")
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)

"""Files of other programs, by what they are; architectures in YAML."""

import hashlib
import shutil

import numpy as np
import pytest
import yaml

from desinn.io.architecture import named_arrays, read_architecture
from desinn.io.convert import read_foreign
from desinn.nn import Network, read_weights, write_weights
from helpers import keras_file
from helpers.cases import noise
from helpers.keras_file import OUTPUTS, quasarnet_layers

ARCHITECTURE = {
    "kind": "free",
    "inputs": [{"name": "x", "shape": [6, 2]}],
    "nodes": [
        {"name": "c", "op": "conv", "inputs": ["x"], "filters": 3, "kernel": [2], "stride": [1],
         "dilation": [1], "padding": "same", "bias": True, "weight_norm": False},
        {"name": "f", "op": "flatten", "inputs": ["c"]},
        {"name": "d", "op": "dense", "inputs": ["f"], "units": 1, "bias": False,
         "weight_norm": False},
    ],
    "outputs": {"y": "d"},
    "arrays": {
        "c/kernel": {"from": "w", "shape": [3, 2, 2], "axes": [2, 1, 0]},
        "c/bias": "b",
        "d/kernel": "v",
    },
    "ignore": ["step"],
}  # fmt: skip


@pytest.fixture
def state():
    return {
        "w": noise((3, 2, 1, 2), 1),
        "b": noise((3,), 2),
        "v": noise((18, 1), 3),
        "step": np.ones(1),
    }


@pytest.fixture
def files(tmp_path, state):
    """An .npz of named arrays and its architecture."""
    np.savez(tmp_path / "a.npz", **state)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(ARCHITECTURE))
    return tmp_path / "a.npz", tmp_path / "a.yaml"


def test_named_arrays_are_put_into_our_order(files, state):
    header, arrays = read_foreign(*files)
    x = noise((2, 6, 2), 4)
    padded = np.concatenate([x, np.zeros((2, 1, 2), "f4")], axis=1)
    windows = np.stack([padded[:, :-1], padded[:, 1:]], axis=-1)  # (B, W, C, K)
    hidden = np.einsum("bwck,fck->bwf", windows, state["w"][:, :, 0]) + state["b"]
    expected = hidden.reshape(2, 18) @ state["v"]
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=1e-6)


def test_the_name_is_the_architectures_if_it_has_one(files):
    assert read_foreign(*files)[0]["name"] == "a"
    files[1].write_text(yaml.safe_dump({**ARCHITECTURE, "name": "published"}))
    assert read_foreign(*files)[0]["name"] == "published"


def test_provenance_says_where_it_came_from(files):
    header, arrays = read_foreign(*files, name="mine")
    sha256 = hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert header["name"] == "mine"
    assert header["provenance"]["source"] == "a.npz"
    assert header["provenance"]["source_sha256"] == sha256
    assert set(header["provenance"]) >= {"desinn", "date"}
    path = files[0].with_name("out.npz")
    write_weights(path, header, arrays)
    assert read_weights(path)[0]["name"] == "mine"


def test_all_arrays_that_do_not_fit_come_in_one_error(state):
    state["w"] = state["w"][:2]
    state["extra"] = np.ones(1)
    del state["b"]
    with pytest.raises(ValueError, match=r"here\.npz: does not fit") as caught:
        named_arrays(state, ARCHITECTURE, "here.npz")
    text = str(caught.value)
    assert "b: missing in the file" in text
    assert "extra: in the file, but neither used nor ignored" in text
    assert "w: cannot reshape" in text


def test_names_are_ignored_by_pattern(state):
    state |= {"optimizer/m": np.ones(2), "optimizer/v": np.ones(2)}
    ignoring = {**ARCHITECTURE, "ignore": ["step", "optimizer/*"]}
    assert set(named_arrays(state, ignoring, "here.npz")[1]) == set(ARCHITECTURE["arrays"])
    with pytest.raises(ValueError, match=r"nothing\*: missing in the file"):
        named_arrays(state, {**ignoring, "ignore": [*ignoring["ignore"], "nothing*"]}, "here.npz")


def test_arrays_that_are_no_numbers_are_refused(state):
    state["b"] = np.array(["a", "b", "c"])
    with pytest.raises(ValueError, match="b: expected real numbers, found <U1"):
        named_arrays(state, ARCHITECTURE, "here.npz")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1, 2]", "expected an object, found list"),
        ("a: [", "expected YAML"),
        (
            "{kind: free, nodes: 3, arrays: {}}",
            "inputs: missing; outputs: missing; nodes: expected",
        ),
        (yaml.safe_dump({**ARCHITECTURE, "colour": 1}), "not an architecture: colour: unknown"),
        (yaml.safe_dump({**ARCHITECTURE, "arrays": ["a"]}), "arrays: expected dict, found list"),
        (yaml.safe_dump({**ARCHITECTURE, "ignore": [1]}), "ignore: expected a list of names"),
        (
            yaml.safe_dump({**ARCHITECTURE, "arrays": {"a": {"from": "b", "axes": "x"}}}),
            "arrays: a:",
        ),
        (
            yaml.safe_dump({**ARCHITECTURE, "arrays": {"a/b": {"to": 1}}}),
            "arrays: a/b: expected a",
        ),
    ],
)
def test_an_architecture_that_is_none_is_refused(tmp_path, text, found):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.yaml: ") as caught:
        read_architecture(path)
    assert found in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"b\.yaml: there is no such file"):
        read_architecture(tmp_path / "b.yaml")


def test_quasarnet_is_recognised(tmp_path):
    keras_file.write(tmp_path / "q.h5", quasarnet_layers(), OUTPUTS)
    header, _ = read_foreign(tmp_path / "q.h5")
    assert (header["kind"], header["name"]) == ("qso", "q")


def test_another_keras_network_is_free(data):
    header, _ = read_foreign(data / "keras3-image.h5")
    assert header["kind"] == "free"


@pytest.mark.parametrize("name", ["batchnorm-legacy", "batchnorm-zip", "weightnorm-zip"])
def test_deepcr_is_recognised(data, name):
    header, arrays = read_foreign(data / "torch" / f"{name}.pth")
    assert header["kind"] == "cosmics"
    assert list(Network(header, arrays).graph.outputs) == ["probability"]


def test_deepcr_takes_scale_and_normalize(data):
    path = data / "torch" / "batchnorm-zip.pth"
    header, _ = read_foreign(path, scale=10.0, normalize="mean-std")
    assert (header["prepare"]["scale"], header["prepare"]["normalize"]) == (10.0, "mean-std")


def test_what_is_wrong_with_deepcr_names_the_file(data):
    with pytest.raises(ValueError, match=r"batchnorm-zip\.pth: .*scale: expected a positive"):
        read_foreign(data / "torch" / "batchnorm-zip.pth", scale=-1.0)


def test_options_that_say_nothing_are_refused(files, data):
    with pytest.raises(ValueError, match="--scale, --normalize says nothing of such a file"):
        read_foreign(*files, scale=1.0, normalize="none")
    with pytest.raises(ValueError, match="--architecture says nothing of such a file"):
        read_foreign(data / "keras3-image.h5", architecture=files[1])


def test_what_cannot_be_told_is_asked_for(files, tmp_path):
    with pytest.raises(ValueError, match=r"not a network of deepCR; its arrays need an") as caught:
        read_foreign(files[0])
    assert "--architecture: w (3, 2, 1, 2), b (3,), v (18, 1), step (1,)" in str(caught.value)
    with pytest.raises(
        ValueError,
        match=r"ends in one of \.keras \.h5 \.hdf5 \.onnx \.pth \.pt \.npz, found '\.pkl'",
    ):
        read_foreign(shutil.copy(files[0], tmp_path / "a.pkl"))
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_foreign(tmp_path / "b.npz")


def test_our_own_file_is_refused(files, tmp_path):
    write_weights(tmp_path / "out.npz", *read_foreign(*files))
    with pytest.raises(ValueError, match="is a weights file of desinn already"):
        read_foreign(tmp_path / "out.npz")


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "p.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"p\.npz: expected an \.npz of arrays"):
        read_foreign(tmp_path / "p.npz")


@pytest.mark.parametrize("place", [0.3, 0.6])
def test_a_damaged_npz_is_refused(files, place):
    content = bytearray(files[0].read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    files[0].write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz: expected an \.npz of arrays"):
        read_foreign(*files)
    files[0].write_bytes(b"no zip at all")
    with pytest.raises(ValueError, match="found: File is not a zip file"):
        read_foreign(*files)


def test_parks_2018_finds_what_it_found(reference):
    header, arrays = read_foreign(
        reference / "dla" / "parks2018_full_model_8_13_weights.npz", "parks2018"
    )
    assert sum(array.size for array in arrays.values()) == 652_101
    with np.load(reference / "dla" / "parks2018_windows.npz") as file:
        expected = dict(file)
    windows = np.lib.stride_tricks.sliding_window_view(expected["flux"], expected["window"])
    result = Network(header, arrays)(windows[:985, :, np.newaxis])
    for name, tolerance in (("confidence", 1e-5), ("offset", 1e-3), ("nhi", 1e-3)):
        np.testing.assert_allclose(result[name][:, 0], expected[name], atol=tolerance, rtol=0)

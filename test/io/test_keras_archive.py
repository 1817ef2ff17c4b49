"""Keras 3's archives: which layer an array belongs to, and archives that are none."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from desinn.io.convert import read_foreign
from desinn.io.keras import read_keras
from desinn.io.keras_archive import snake_case
from desinn.io.keras_layers import LAYERS, KerasError


@pytest.fixture
def members(data):
    """Name -> content of a good archive."""
    with zipfile.ZipFile(data / "keras3-residual.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def written(tmp_path, members):
    """A function that writes the archive, changed."""

    def write(compression=zipfile.ZIP_STORED, **changes):
        path = tmp_path / "a.keras"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in {**members, **changes}.items():
                if content is not None:
                    archive.writestr(name, content)
        return path

    return write


def changed(content, change):
    """Return an HDF5 file with something done to it."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        change(file)
    return stream.getvalue()


def nameless(file):
    for group in file["layers"].values():
        del group["vars"].attrs["name"]


def test_both_files_of_a_network_hold_the_same(data):
    for name in ("quasarnet", "image", "sequential", "residual"):
        first, second = (read_keras(data / f"keras3-{name}.{kind}") for kind in ("h5", "keras"))
        # Names of layers carry a counter of the session that made them.
        for one, other in zip(first[1].values(), second[1].values(), strict=True):
            np.testing.assert_array_equal(one, other)
        assert len(first[0]["outputs"]) == len(second[0]["outputs"])


def test_quasarnet_is_recognised(data):
    header, _ = read_foreign(data / "keras3-quasarnet.keras")
    assert (header["kind"], header["name"]) == ("qso", "keras3-quasarnet")
    assert header["provenance"]["converted_from"].startswith("Keras 3.")


def test_layers_without_names_are_counted(members, written, data):
    """As Keras 3 wrote them at first."""
    expected = read_keras(data / "keras3-residual.keras")[1]
    weights = changed(members["model.weights.h5"], nameless)
    found = read_keras(written(**{"model.weights.h5": weights}))[1]
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Conv2D", "conv2d"), ("Conv2DTranspose", "conv2d_transpose"), ("ELU", "elu"),
     ("LeakyReLU", "leaky_re_lu"), ("GlobalMaxPooling3D", "global_max_pooling3d")],
)  # fmt: skip
def test_names_of_classes(kind, name):
    assert kind in LAYERS
    assert snake_case(kind) == name


def test_an_array_too_few_is_named(members, written):
    def change(file):
        del file["layers/conv2d/vars/1"]

    path = written(**{"model.weights.h5": changed(members["model.weights.h5"], change)})
    with pytest.raises(KerasError, match=r"\(Conv2D\): expected the arrays kernel, bias, found 1"):
        read_keras(path)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"config.json": None}, "expected a member config.json, found metadata.json, model.w"),
        ({"model.weights.h5": None}, "expected a member model.weights.h5"),
        ({"config.json": b"{"}, "config.json: expected JSON, found"),
        ({"config.json": b"[" * 100_000}, "config.json: expected JSON, found"),
        ({"config.json": b"[1]"}, "config.json: expected an object, found list"),
        ({"config.json": b"{}"}, "expected a Functional or Sequential model, found None"),
        ({"config.json": b'{"class_name": "Model"}'}, "not laid out as Keras does: KeyError"),
        ({"model.weights.h5": b"hello"}, "expected an HDF5 file, found"),
        ({"compression": zipfile.ZIP_DEFLATED}, "expected a stored member of 64 bytes, found"),
    ],
)
def test_an_archive_that_is_none_is_refused(written, changes, text):
    with pytest.raises(KerasError, match=r"a\.keras: ") as caught:
        read_keras(written(**changes))
    assert text in str(caught.value)


def test_two_members_of_one_name_are_refused(written):
    path = written()
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    with pytest.raises(KerasError, match="expected members of different names"):
        read_keras(path)


def test_members_that_overlap_are_refused(written):
    """A size in the archive's list that is larger than the whole file."""
    path = written()
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 20 : at + 28] = b"\xff\xff\xff\x7f" * 2
    path.write_bytes(content)
    with pytest.raises(KerasError, match=r"a\.keras: expected members of different names and at"):
        read_keras(path)


def test_a_damaged_archive_is_refused(written):
    path = written()
    content = path.read_bytes()
    for end in (10, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:end])
        with pytest.raises(KerasError, match=r"a\.keras: expected a Keras 3 archive, found"):
            read_keras(path)


def test_a_lambda_is_never_run(members, written):
    """The code of any other lambda than QuasarNET's is refused by name."""
    config = json.loads(members["config.json"])
    layer = config["config"]["layers"][1]
    layer["class_name"] = "Lambda"
    layer["config"]["function"] = {"class_name": "__lambda__", "config": {"code": "AAAA"}}
    with pytest.raises(KerasError, match=r"\(Lambda\): not QuasarNET's rescaling"):
        read_keras(written(**{"config.json": json.dumps(config)}))

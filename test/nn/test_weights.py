"""The weights file: round trip, checksum, and one complete error for all that is wrong."""

import hashlib
import json
import os
import zipfile

import numpy as np
import pytest

from desinn.nn import WeightsError, read_weights, write_weights
from desinn.nn.weights import HEADER, SECTIONS, digest
from helpers.cases import arrays_for
from helpers.networks import quasarnet


@pytest.fixture(scope="module")
def network():
    graph = quasarnet(bins=40, filters=2, layers=1, boxes=3)
    header = {"kind": "free", "name": "small", **graph}
    header.update({"prepare": {"a": 1.5}, "interpret": {}, "provenance": {"seed": 3}})
    return header, arrays_for(graph)


@pytest.fixture
def path(network, tmp_path):
    path = tmp_path / "w.npz"
    write_weights(path, *network)
    return path


def rewrite(path, change, header_too=True):
    """Change the arrays of a file (among them the header's text) without any care."""
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(bytes(arrays.pop(HEADER)))
    change(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **({HEADER: text} if header_too else {}), **arrays)


def problems(path):
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    return caught.value.problems


def test_round_trip(network, path):
    header, arrays = read_weights(path)
    assert {k: v for k, v in header.items() if k not in ("format_version", "sha256")} == network[0]
    assert set(arrays) == set(network[1])
    for name, array in arrays.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, network[1][name])


def test_sha256_is_the_one_described(network, path):
    header, arrays = read_weights(path)
    stated = {k: v for k, v in header.items() if k != "sha256"}
    text = json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()
    for name in sorted(arrays):
        shape = json.dumps(list(arrays[name].shape), separators=(",", ":"))
        text += f"{name}\0{shape}\0".encode() + arrays[name].astype("<f4").tobytes()
    assert header["sha256"] == hashlib.sha256(text).hexdigest()
    assert digest(header, arrays) == header["sha256"]


def test_numpy_alone_can_load_it(path):
    with np.load(path, allow_pickle=False) as file:
        assert json.loads(bytes(file[HEADER]))["name"] == "small"


def test_arrays_are_stored_and_not_deflated(network, path):
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert os.path.getsize(path) > sum(a.nbytes for a in network[1].values())


def test_an_existing_file_is_replaced_only_when_told(network, path):
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="exists already"):
        write_weights(path, *network)
    assert path.read_bytes() == before
    write_weights(path, {**network[0], "name": "other"}, network[1], overwrite=True)
    assert read_weights(path)[0]["name"] == "other"


def test_nothing_appears_when_the_network_is_wrong(network, tmp_path):
    header, arrays = network
    with pytest.raises(WeightsError, match="conv0/kernel: missing"):
        write_weights(
            tmp_path / "x.npz", header, {k: v for k, v in arrays.items() if k != "conv0/kernel"}
        )
    assert os.listdir(tmp_path) == []


def test_missing_superfluous_and_misshapen_come_in_one_error(path):
    def change(header, arrays):
        arrays["conv0/kernell"] = arrays.pop("conv0/kernel")
        arrays["bn0/mean"] = np.zeros(7, "f4")
        arrays["bn0/variance"][1] = np.nan
        arrays["common/bias"] = arrays["common/bias"].astype("u1")

    rewrite(path, change)
    assert problems(path) == [
        "bn0/mean: expected shape (2,), found (7,)",
        "bn0/variance: 1 of 2 values are not finite",
        "common/bias: expected float32, found uint8",
        "conv0/kernel: missing, expected shape (10, 1, 2)",
        "conv0/kernell: superfluous, no node has it: shape (10, 1, 2)",
    ]


def test_all_that_is_wrong_with_a_header_comes_in_one_error(path):
    def change(header, arrays):
        del header["kind"], header["prepare"]
        header["extra"] = 1
        header["nodes"] = "none"
        header["format_version"] = True

    rewrite(path, change)
    assert problems(path) == [
        "kind: missing in the header",
        "prepare: missing in the header",
        "extra: unknown in the header",
        "format_version: expected int in the header, found bool",
        "nodes: expected list in the header, found str",
    ]


def test_all_that_is_wrong_with_a_graph_comes_in_one_error(path):
    def change(header, arrays):
        nodes = {node["name"]: node for node in header["nodes"]}
        nodes["conv0"]["op"] = "quantum"
        nodes["bn0"]["epsilon"] = "small"
        del nodes["drop0"]["rate"]
        nodes["flat"]["inputs"] = ["nowhere"]
        header["outputs"]["LYA"] = "gone"

    rewrite(path, change)
    found = problems(path)
    assert found[0].startswith(
        "node conv0: op 'quantum' is unknown (there are: add, affine, average_pool"
    )
    assert (
        "node bn0 (batch_norm): attribute epsilon: expected a finite number, found 'small'"
        in found
    )
    assert "node drop0 (dropout): attribute rate: missing, expected a finite number" in found
    assert "node flat: there is no input nowhere" in found
    assert "output LYA: there is no node gone" in found


def test_header_and_arrays_that_are_wrong_come_together(path):
    def change(header, arrays):
        header["kind"] = "galaxies"
        header["format_version"] = 0
        del arrays["common/bias"]

    rewrite(path, change)
    assert problems(path) == [
        "kind: expected one of qso, dla, cosmics, free, found 'galaxies'",
        "format_version: expected 1 or more, found 0",
        "common/bias: missing, expected shape (2,)",
    ]


@pytest.mark.parametrize("value", [np.float32(1), float("nan"), {1, 2}])
def test_a_header_that_is_no_json_is_refused_with_the_file(network, tmp_path, value):
    header = {**network[0], "provenance": {"a": value}}
    with pytest.raises(
        WeightsError, match=r"x\.npz: not a valid weights file: __header__: no JSON"
    ):
        write_weights(tmp_path / "x.npz", header, network[1])


def test_keys_that_are_numbers_become_text_before_they_are_signed(network, tmp_path):
    header = {**network[0], "provenance": {9: "nine", 10: "ten"}}
    write_weights(tmp_path / "x.npz", header, network[1])
    assert read_weights(tmp_path / "x.npz")[0]["provenance"] == {"9": "nine", "10": "ten"}


def test_a_newer_format_is_refused_by_its_number(path):
    def change(header, arrays):
        header["format_version"] = 99
        header["something"] = "new"

    rewrite(path, change)
    (problem,) = problems(path)
    assert "the file is of format 99, this desinn reads up to 1" in problem


def test_an_unknown_kind_is_refused(path):
    rewrite(path, lambda header, arrays: header.update(kind="galaxies"))
    assert problems(path) == ["kind: expected one of qso, dla, cosmics, free, found 'galaxies'"]


@pytest.mark.parametrize(
    "change",
    [
        lambda header, arrays: header.update(name="another"),
        lambda header, arrays: header["provenance"].update(seed=4),
        lambda header, arrays: arrays["common/bias"].__setitem__(0, 2.0),
    ],
    ids=["name", "provenance", "array"],
)
def test_any_change_is_noticed(path, change):
    rewrite(path, change)
    assert problems(path)[0].startswith("sha256: header and arrays are not those")


def test_a_file_without_a_header_is_refused(path):
    rewrite(path, lambda header, arrays: None, header_too=False)
    assert problems(path) == ["__header__: missing, expected a JSON text as uint8"]


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"[1]", b"[" * 100_000])
def test_a_header_that_is_no_json_object_is_refused(tmp_path, text):
    path = tmp_path / "w.npz"
    np.savez(path, **{HEADER: np.frombuffer(text, np.uint8)})
    assert problems(path)[0].startswith("__header__: expected ")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and then nothing"])
def test_what_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "w.npz"
    path.write_bytes(content)
    assert problems(path)[0].startswith("expected an .npz, found")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz: there is no such file"):
        read_weights(tmp_path / "nothing.npz")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert problems(path)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros(2, ">f4"), "found >f4"),
        (np.zeros(2, "f8"), "found <f8"),
        (np.zeros((2, 3), "f4", order="F"), "in Fortran order"),
        (np.array([{}], dtype=object), "found |O"),
    ],
    ids=["big-endian", "double", "fortran", "pickle"],
)
def test_arrays_of_another_kind_are_refused(path, array, text):
    rewrite(path, lambda header, arrays: arrays.update({"common/bias": array}))
    assert any(p.startswith("common/bias: expected") and text in p for p in problems(path))


def test_a_deflated_file_is_refused(path):
    with np.load(path) as file:
        arrays = dict(file)
    np.savez_compressed(path, **arrays)
    assert f"{HEADER}: expected a stored array, found a deflated one" in problems(path)


def test_a_shape_larger_than_the_file_takes_no_memory(path):
    huge = (
        b"\x93NUMPY\x01\x00v\x00"
        + (b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1048576), }").ljust(
            117
        )
        + b"\n"
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("huge/kernel.npy", huge)
    assert any(p.startswith("huge/kernel: expected") for p in problems(path))


def test_two_arrays_of_one_name_are_refused(path):
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("common/bias.npy", archive.read("common/bias.npy"))
    assert "common/bias: there are two of that name" in problems(path)


def test_sections_are_those_of_the_document(network):
    assert set(SECTIONS) == {*network[0], "format_version", "sha256"}

"""Whole files with something changed at random: what was in them, or one clear error."""

import copy
import io
import json
import os

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import desinn  # noqa: E402
from desinn.finders.base import finder_for  # noqa: E402
from desinn.io.onnx_out import onnx_model  # noqa: E402
from desinn.io.torch import TorchFileError, read_state_dict  # noqa: E402
from desinn.nn import WeightsError, read_weights, write_weights  # noqa: E402
from desinn.nn.npz import read_npz  # noqa: E402
from desinn.nn.weights import HEADER, digest  # noqa: E402
from desinn.scripts.info import describe  # noqa: E402
from helpers import (  # noqa: E402
    cosmics,
    keras_file,
    sightline_network,
    torch_file,
    window_network,
)
from helpers.cases import arrays_for  # noqa: E402
from helpers.hostile_arrays import ARRAYS, archive, npy  # noqa: E402
from helpers.spectra import quasar_model  # noqa: E402


def several(examples):
    """Return settings for so many examples, the same in every run."""
    return settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damages(draw):
    """Draw a function that changes bytes: some turned, cut off, put in or left out."""
    kind = draw(st.sampled_from(["turn", "turn", "overwrite", "cut", "insert", "leave out"]))
    places = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=3))
    more = draw(st.one_of(st.binary(min_size=1, max_size=9), st.just(b"\xff" * 8)))

    def damage(content):
        data = bytearray(content)
        for place in places:
            at = int(place * len(data))
            if kind == "turn":
                data[at] ^= more[0] or 1
            elif kind == "overwrite":
                data[at : at + len(more)] = more
            elif kind == "cut":
                del data[at + 1 :]
            elif kind == "insert":
                data[at:at] = more
            else:
                del data[at : at + len(more)]
        return bytes(data)

    return damage


def opened(path, reader, refusal):
    """Return what a reader gives; None where it refuses, with the name of the file."""
    try:
        return reader(path)
    except refusal as error:
        text = str(error)
    assert str(path) in text
    return None


def same(found, expected):
    """Assert that arrays are those, name by name."""
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A weights file, and another path to write to."""
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder / "good.npz", *quasar_model())
    return folder / "good.npz", folder / "bad.npz"


@given(damage=damages())
@several(400)
def test_a_damaged_weights_file(weights, damage):
    good, bad = weights
    bad.write_bytes(damage(good.read_bytes()))
    found = opened(bad, read_weights, WeightsError)
    if found is not None:
        same(found[1], quasar_model()[1])
        assert found[0] == read_weights(good)[0]


@pytest.mark.parametrize("deflated", [False, True])
@given(damage=damages())
@several(200)
def test_a_damaged_npz(tmp_path_factory, deflated, damage):
    members = {f"{name}.npy": npy(array) for name, array in ARRAYS.items()}
    path = tmp_path_factory.getbasetemp() / "bad-arrays.npz"
    path.write_bytes(damage(archive(members, compression=8 if deflated else 0)))
    try:
        arrays, problems = read_npz(path)
    except ValueError:
        return
    if not problems:
        assert {name: array.tobytes() for name, array in arrays.items()} == {
            name: array.tobytes() for name, array in ARRAYS.items()
        }


TORCH = torch_file.dict_of(a=torch_file.tensor(), b=torch_file.tensor(None, 1, (2,), (3,)))


@pytest.mark.parametrize("container", torch_file.MAKERS)
@given(damage=damages())
@several(150)
def test_a_damaged_torch_file(tmp_path_factory, container, damage):
    path = tmp_path_factory.getbasetemp() / "bad.pth"
    content = damage(torch_file.MAKERS[container](TORCH))
    path.write_bytes(content)
    state = opened(path, read_state_dict, TorchFileError) or {}
    if state and container == "zip":  # it has checksums; the legacy stream has none
        values = torch_file.VALUES
        same(state, {"a": values.reshape(2, 3), "b": values[[1, 4]]})
    assert sum(array.nbytes for array in state.values()) <= 8 * len(content)


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """A Keras file's bytes, and a folder."""
    folder = tmp_path_factory.mktemp("keras")
    inputs = keras_file.layer("x", "InputLayer", [], batch_input_shape=[None, 4])
    arrays = {"kernel": np.ones((4, 2), "f4"), "bias": np.ones(2, "f4")}
    dense = keras_file.layer("d", "Dense", ["x"], arrays, units=2, use_bias=True)
    keras_file.write(folder / "good.h5", [inputs, dense], ["d"])
    return (folder / "good.h5").read_bytes(), folder / "bad.h5"


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    """An ONNX file's bytes, and a folder."""
    pytest.importorskip("onnx", reason="onnx is not installed (pip install desinn[onnx])")
    content = onnx_model(*quasar_model()).SerializeToString()
    return content, tmp_path_factory.mktemp("onnx") / "bad.onnx"


@pytest.mark.parametrize("kind", ["keras", "onnx"])
@given(damage=damages())
@several(150)
def test_a_damaged_foreign_file(kind, request, warden, damage):
    """In a process of its own: what reads the bytes is not our code."""
    content, bad = request.getfixturevalue(kind)
    bad.write_bytes(damage(content))
    outcome, text = warden.open("convert", bad)
    assert outcome in ("read", "refused"), (outcome, text)
    if outcome == "refused":
        assert bad.name in text
    else:
        os.remove(f"{bad}.out.npz")


VALUES = st.one_of(
    st.sampled_from(
        [None, True, -1, 0, 1, 2**31, 10**12, 10**400, 0.5, -0.0, "", "x", "\x1b", "\ud800"]
    ),
    st.integers(-3, 100),
    st.text(max_size=3),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=5,
    ),
)


def places(content, at=()):
    """Return the paths to all that a header holds."""
    keys = content if isinstance(content, dict) else range(len(content))
    found = []
    for key in keys if isinstance(content, dict | list) else ():
        found.append((*at, key))
        found += places(content[key], (*at, key)) if isinstance(content[key], dict | list) else []
    return found


def window_model():
    header = window_network.header(medians=(15,))
    return header, arrays_for(header)


MODELS = {
    "qso": quasar_model,
    "dla": lambda: (sightline_network.header(), sightline_network.arrays()),
    "dla windows": window_model,
    "cosmics": cosmics.finder_parts,
    "filler": lambda: cosmics.finder_parts(output="image"),
}
"""Networks of all kinds that have finders."""


@st.composite
def changed(draw, header):
    """Draw a header with an entry or two replaced, left out or put in twice."""
    header = copy.deepcopy(header)
    all_places = places(header)
    told = [place for place in all_places if place[0] in ("prepare", "interpret")]
    for _ in range(draw(st.integers(1, 2))):
        *way, key = draw(st.sampled_from(all_places) | st.sampled_from(told))
        kind = draw(st.sampled_from(["replace", "replace", "delete", "double"]))
        value = draw(VALUES)
        try:
            _change(header, way, key, kind, value)
        except (LookupError, TypeError):  # the first change took the place away
            continue
    return header


def _change(content, way, key, kind, value):
    for step in way:
        content = content[step]
    if kind == "replace":
        content[key] = value
    elif kind == "delete":
        del content[key]
    elif isinstance(content, list):
        content.insert(key, copy.deepcopy(content[key]))
    else:
        content[f"{key}2"] = copy.deepcopy(content[key])


@pytest.mark.parametrize("kind", MODELS)
@given(data=st.data())
@several(150)
def test_a_signed_header_that_is_changed(weights, kind, data):
    """All is described and loaded, or refused; the digest is right, so it protects nothing."""
    path = weights[1]
    header, arrays = MODELS[kind]()
    assert type(finder_for(header, arrays, path)).__module__.startswith("desinn.finders")
    header = {**data.draw(changed(header)), "format_version": 1}
    header["sha256"] = digest(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), "u1")
    np.savez(path, **{HEADER: text}, **arrays)
    found = opened(path, read_weights, WeightsError)
    if found is not None:
        assert describe(*found, path)
        opened(path, desinn.load_model, WeightsError)


@given(text=st.binary(max_size=60) | st.text('{}[]":,0e-nulltrue', max_size=60).map(str.encode))
@several(150)
def test_any_bytes_as_a_header(weights, text):
    stream = io.BytesIO()
    np.savez(stream, **{HEADER: np.frombuffer(text, "u1")}, **quasar_model()[1])
    weights[1].write_bytes(stream.getvalue())
    with pytest.raises(WeightsError, match=r"__header__|missing in the header"):
        read_weights(weights[1])

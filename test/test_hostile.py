"""Files that are broken or hostile are refused: one clear error, no code, no hang, no memory."""

import os
import sys

import h5py
import numpy as np
import pytest

from desinn.nn.graph import Graph, GraphError
from helpers import hostile
from helpers.hostile_arrays import ARRAYS
from helpers.warden import LONGEST

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the bound on memory is Linux'"
)


@pytest.fixture
def folder(tmp_path):
    """A folder with what hostile files point to."""
    np.savez(tmp_path / "arrays.npz", **ARRAYS)
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["a"] = np.ones((10, 1, 2), "f4")
    (tmp_path / "secret.raw").write_bytes(bytes(80))
    return tmp_path


@pytest.mark.parametrize(
    ("door", "ending", "write"),
    [
        pytest.param(door, ending, write, id=f"{door}{ending}-{name}")
        for door, ending, name, write in hostile.corpus()
    ],
)
def test_a_hostile_file_is_refused(door, ending, write, folder, warden):
    path = folder / f"bad{ending}"
    write(path)
    before = set(os.listdir(folder))
    outcome, text = warden.open(door, path)
    if door == "load":
        assert outcome.split()[0] in ("ValueError", "OSError"), (outcome, text)
    else:
        assert outcome == "refused", (outcome, text)
    assert path.name in text or (door == "architecture" and "arrays.npz" in text)
    assert len(text) < LONGEST
    assert set(os.listdir(folder)) == before


def test_what_is_whole_is_read(folder, warden):
    """The bounds are wide enough for files that mean no harm."""
    from desinn.nn import write_weights
    from helpers import keras_file
    from helpers.hostile_yaml import ARCHITECTURE
    from helpers.keras_file import OUTPUTS, quasarnet_layers
    from helpers.spectra import quasar_model

    write_weights(folder / "good.npz", *quasar_model())
    keras_file.write(folder / "good.h5", quasarnet_layers(), OUTPUTS)
    (folder / "good.yaml").write_text(str(ARCHITECTURE))
    for door, name in (
        ("info", "good.npz"),
        ("load", "good.npz"),
        ("convert", "good.h5"),
        ("architecture", "good.yaml"),
    ):
        assert warden.open(door, folder / name) == ("read", ""), name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(("door", "ending"), [("info", ".npz"), ("convert", ".h5")])
def test_a_file_that_may_not_be_read_is_refused(door, ending, folder, warden):
    path = folder / f"bad{ending}"
    path.write_bytes(b"PK")
    path.chmod(0)
    outcome, text = warden.open(door, path)
    assert (outcome, text) == ("refused", f"{path}: may not be read")


def test_the_warden_notices(folder, warden, monkeypatch):
    """What is not refused as it should be does not pass."""
    (folder / "bad.npz").write_bytes(b"")
    assert warden.open("nothing", folder / "bad.npz")[0] == "LookupError KeyError"


@pytest.mark.parametrize(
    "node",
    [
        {"op": "pad", "amounts": [[0, 2**31 - 1]], "value": 0.0},
        {"op": "unpool", "factors": [2**30]},
        {"op": "transposed_conv", "filters": 2**20, "kernel": [1], "stride": [2**10],
         "padding": "valid", "bias": False, "weight_norm": False},
        {"op": "conv", "filters": 1, "kernel": [2], "stride": [1], "dilation": [2**30],
         "padding": "same", "bias": False, "weight_norm": False},
    ],
    ids=lambda node: node["op"],
)  # fmt: skip
def test_a_small_input_has_no_astronomic_output(node):
    """Where sizes are unknown as long as nothing is run, they are looked at when it is."""
    header = {"name": "a", "inputs": ["x"], **node}
    with pytest.raises(GraphError, match="the layers up to it hold more than 268435456 values"):
        Graph([{"name": "x", "shape": [None, 1]}], [header], {"y": "a"}).shapes_for({"x": (9, 1)})


def test_a_large_input_may_have_large_layers():
    """The bound is far above what networks have: a wide U-Net on a whole CCD."""
    up = {"name": "a", "op": "unpool", "inputs": ["x"], "factors": [32, 32]}
    graph = Graph([{"name": "x", "shape": [None, None, 1]}], [up], {"y": "a"})
    assert graph.shapes_for({"x": (4096, 4096, 1)})["a"] == (2**17, 2**17, 1)

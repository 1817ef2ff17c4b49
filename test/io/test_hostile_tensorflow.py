"""Checkpoints and SavedModels that are broken or hostile: refused, and TensorFlow is not there."""

import os
import sys

import numpy as np
import pytest
import yaml

from desinn.io.tensorflow import read_checkpoint
from desinn.nn import read_weights
from helpers import checkpoint_file
from helpers.hostile import others
from helpers.hostile_tensorflow import CHECKPOINTS, saved_models
from helpers.warden import LONGEST

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the bound on memory is Linux'"
)


@pytest.fixture
def folder(tmp_path):
    """A folder with an architecture that fits."""
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(checkpoint_file.ARCHITECTURE))
    return tmp_path


def found_in(folder):
    return {os.path.join(place, n) for place, dirs, files in os.walk(folder) for n in dirs + files}


def assert_refused(warden, path, text):
    before = found_in(path.parent)
    outcome, said = warden.open("checkpoint", path)
    assert outcome == "refused", (outcome, said)
    assert text in said
    assert "\n" not in said
    assert len(said) < LONGEST
    assert found_in(path.parent) == before


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_hostile_checkpoint_is_refused(name, folder, warden):
    path = folder / "bad.index"
    CHECKPOINTS[name](path)
    assert_refused(warden, path, f"{folder}/bad.")


@pytest.mark.parametrize("name", others())
def test_what_is_no_index_is_refused(name, folder, warden):
    path = folder / "bad.index"
    others()[name](path)
    assert_refused(warden, path, f"{path}: ")


@pytest.mark.parametrize("name", saved_models())
def test_a_hostile_saved_model_is_refused(name, folder, warden):
    path = folder / "bad"
    saved_models()[name](path)
    assert_refused(warden, path, f"{path}")


def test_the_graph_of_a_saved_model_is_not_even_opened(folder, warden):
    """A pipe would keep it waiting."""
    path = folder / "good"
    (path / "variables").mkdir(parents=True)
    checkpoint_file.write(path / "variables" / "variables.index")
    os.mkfifo(path / "saved_model.pb")
    os.mkfifo(path / "fingerprint.pb")
    (path / "assets").symlink_to("/dev")
    assert warden.open("checkpoint", path) == ("read", "")


def test_what_is_whole_is_read(folder, warden):
    path = folder / "good.index"
    checkpoint_file.write(path)
    (folder / "good.data-notes").mkdir()  # none of its files
    assert warden.open("checkpoint", path) == ("read", "")
    expected = checkpoint_file.arrays()
    for name, array in read_weights(f"{path}.out.npz")[1].items():
        old = {"d/kernel": "net/w", "d/bias": "net/b"}[name]
        np.testing.assert_array_equal(array, expected[old + checkpoint_file.SUFFIX])


def test_values_of_another_byte_order_are_read(folder):
    turned = {key: value.byteswap() for key, value in checkpoint_file.arrays().items()}
    (_, *rows), data = checkpoint_file.parts(turned)
    checkpoint_file.write(folder / "big.index", [(b"", checkpoint_file.header(1, 1)), *rows], data)
    found = read_checkpoint(str(folder / "big"))
    assert set(found) == {"net/w", "net/b"}
    for name, array in found.items():
        expected = checkpoint_file.arrays()[name + checkpoint_file.SUFFIX]
        np.testing.assert_array_equal(array, expected, strict=True)

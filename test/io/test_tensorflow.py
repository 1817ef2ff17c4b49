"""TensorFlow's checkpoints and SavedModels, by the names of their arrays."""

import sys

import numpy as np
import pytest
import yaml

from desinn.io.convert import read_foreign
from desinn.io.tensorflow import SUFFIX, read_checkpoint
from desinn.nn import Network
from helpers import checkpoint_file
from helpers.cases import noise

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")

ARCHITECTURE = {k: v for k, v in checkpoint_file.ARCHITECTURE.items() if k != "arrays"}


class Dense(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(noise((3, 2), 1))
        self.b = tf.Variable(noise((2,), 2))
        self.steps = tf.Variable(7)


@pytest.fixture
def architecture(tmp_path):
    def write(**content):
        path = tmp_path / "a.yaml"
        path.write_text(yaml.safe_dump({**ARCHITECTURE, **content}))
        return path

    return write


@pytest.fixture
def checkpoint(tmp_path):
    return tf.train.Checkpoint(net=Dense(), rate=tf.Variable(0.5)).save(tmp_path / "c")


@pytest.mark.parametrize("ending", ["", ".index"])
def test_a_checkpoint(checkpoint, architecture, ending):
    arrays = {"d/kernel": "net/w", "d/bias": "net/b"}
    header, arrays = read_foreign(
        checkpoint + ending, architecture(arrays=arrays, ignore=["rate"])
    )
    x = noise((4, 3), 3)
    expected = x @ noise((3, 2), 1) + noise((2,), 2)
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=1e-6)
    assert header["provenance"]["source"] == f"c-1{ending}"
    assert len(header["provenance"]["source_sha256"]) == 64


def test_names_that_do_not_fit_are_listed(checkpoint, architecture):
    with pytest.raises(ValueError, match="does not fit the architecture") as caught:
        read_foreign(checkpoint, architecture(arrays={"d/kernel": "net/v", "d/bias": "net/b"}))
    for text in ("net/v: missing in the file", "net/w: in the file, but", "rate: in the file"):
        assert text in str(caught.value)
    with pytest.raises(ValueError, match=r"need an --architecture: net/b \(2,\), net/w \(3, 2\)"):
        read_foreign(checkpoint)


def test_a_saved_model_of_keras(tmp_path, architecture):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([noise((3, 2), 1), noise((2,), 2)])
    model.export(tmp_path / "saved", verbose=False)
    arrays = {"d/kernel": "variables/0", "d/bias": "variables/1"}
    header, arrays = read_foreign(
        tmp_path / "saved", architecture(arrays=arrays, ignore=["_all_variables/*"])
    )
    x = noise((4, 3), 3)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=1e-6)
    assert (header["name"], header["provenance"]["source"]) == ("saved", "saved")


def test_a_damaged_checkpoint_is_refused(checkpoint, architecture):
    path = f"{checkpoint}.index"
    with open(path, "wb") as file:
        file.write(b"hello" * 100)
    with pytest.raises(ValueError, match=r"c-1\.index: expected a checkpoint, found"):
        read_foreign(path, architecture(arrays={}))


def test_a_folder_that_holds_none_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_foreign(tmp_path)


def test_arrays_are_those_that_tensorflow_reads(tmp_path):
    tree = tf.Module()
    tree.some = [tf.Variable(noise((3, n % 5), n)) for n in range(40)]
    for dtype in ("float16", "float32", "float64", "bfloat16", "int64", "bool"):
        setattr(tree, dtype, tf.Variable(tf.cast(10 * noise((2, 3, 4), 9), dtype)))
    tree.one = tf.Variable(1.5)
    prefix = tf.train.Checkpoint(net=tree).write(str(tmp_path / "c"))
    reader = tf.train.load_checkpoint(prefix)
    dtypes = reader.get_variable_to_dtype_map()
    names = [name for name, dtype in dtypes.items() if dtype.is_floating]
    found = read_checkpoint(prefix)
    assert list(found) == sorted(name.removesuffix(SUFFIX) for name in names)
    for name in names:
        expected = reader.get_tensor(name)
        array = found[name.removesuffix(SUFFIX)]
        assert array.dtype == ("f4" if dtypes[name] == tf.bfloat16 else expected.dtype)
        np.testing.assert_array_equal(array, expected.astype(array.dtype), strict=True)


class Hostile(Dense):
    """What it would do to a file, it does if any function of it is run, or its graph loaded."""

    def __init__(self, folder):
        super().__init__()
        (folder / "secret").write_text("secret")
        self.secret = tf.saved_model.Asset(str(folder / "secret"))
        self.written = str(folder / "written")

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def __call__(self, x):
        text = tf.io.read_file(self.secret.asset_path)
        with tf.control_dependencies([tf.io.write_file(self.written, text)]):
            return x @ self.w + self.b


@pytest.mark.parametrize("length", [None, 2000, 0])
def test_functions_of_a_saved_model_are_not_run(tmp_path, architecture, length):
    """Nor does it matter whether they are whole: they are not looked at."""
    net = Hostile(tmp_path)
    tf.saved_model.save(net, tmp_path / "saved")
    net(noise((4, 3), 3))
    (tmp_path / "written").unlink()  # it would
    graph = tmp_path / "saved" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:length])
    arrays = architecture(arrays={"d/kernel": "w", "d/bias": "b"})
    header, arrays = read_foreign(tmp_path / "saved", arrays)
    x = noise((4, 3), 3)
    expected = x @ noise((3, 2), 1) + noise((2,), 2)
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=1e-6)
    assert not (tmp_path / "written").exists()


def test_without_tensorflow(checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    np.testing.assert_array_equal(read_checkpoint(checkpoint)["net/w"], noise((3, 2), 1))

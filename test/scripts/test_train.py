"""desinn train."""

import pytest

from desinn.nn import read_weights, write_weights
from desinn.scripts.desinn import main, parse
from helpers.samples import FakeSample, make_recipe

yaml = pytest.importorskip("yaml")


@pytest.fixture
def recipe(tmp_path):
    content = {**make_recipe(), "simulation": {}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
    return str(tmp_path / "recipe.yaml")


@pytest.fixture
def simulated(monkeypatch):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    sizes = {"train": 64, "validation": 32}
    monkeypatch.setattr(
        "desinn.train.tasks.make_sample",
        lambda recipe, part, *more: FakeSample(sizes[part], seed=len(part)),
    )


def test_from_recipe_to_weights_and_on(recipe, simulated, tmp_path, caplog):
    out, more = str(tmp_path / "out.npz"), str(tmp_path / "more.npz")
    folder = str(tmp_path / "ck")
    assert main(["train", recipe, "-o", out, "--checkpoints", folder, "--epochs", "1"]) == 0
    header, arrays = read_weights(out)
    assert header["provenance"]["recipe"]["schedule"]["epochs"] == 1
    assert "out.npz: tiny, 1 epochs in" in caplog.text
    assert (tmp_path / "out.log").read_text().count("\n") == 1
    options = ["--init", out, "--freeze", "conv*", "bn*", "--epochs", "1", "--name", "tuned"]
    main(["train", recipe, "-o", more, *options])
    header, tuned = read_weights(more)
    assert header["name"] == "tuned"
    made = header["provenance"]
    assert (made["init"], made["freeze"]) == ("out.npz", ["conv*", "bn*"])
    changed = {name for name in arrays if (arrays[name] != tuned[name]).any()}
    assert {name.split("/")[0].rstrip("0123456789") for name in changed} == {
        "common", "common_bn", "box", "offset"
    }  # fmt: skip
    args = ["train", recipe, "-o", out, "--checkpoints", folder, "--epochs", "1"]
    with pytest.raises(FileExistsError, match=r"out\.npz: exists already"):
        main(args)
    assert main([*args, "--resume", "--overwrite"]) == 0
    assert "going on after epoch 1" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["-o", "out.h5"], ValueError, r"expected a name that ends in \.npz"),
        (["-o", "out.npz", "--resume"], ValueError, "--resume needs the folder"),
        (["-o", "nowhere/out.npz"], NotADirectoryError, "nowhere does not exist"),
        (["-o", "out.npz", "--checkpoints", "ck"], FileExistsError, r"checkpoint\.npz: exists"),
        (["-o", "out.npz", "--epochs", "0"], ValueError, "epochs: expected a positive integer"),
        (["-o", "out.npz", "--init", "none.npz"], FileNotFoundError, "there is no such file"),
        (["-o", "out.npz", "--init", "out.npz"], FileNotFoundError, "there is no such file"),
        (["-o", "old.npz", "--init", "old.npz", "--overwrite"], ValueError, "is an input too"),
        (["-o", "logged.npz"], FileExistsError, r"logged\.log: exists already"),
    ],
)
def test_what_would_fail_later_fails_at_once(
    recipe, simulated, tmp_path, monkeypatch, options, error, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ck").mkdir()
    (tmp_path / "ck" / "checkpoint.npz").touch()
    (tmp_path / "old.npz").touch()
    (tmp_path / "logged.log").touch()
    monkeypatch.setattr("desinn.train.job.samples", None)
    with pytest.raises(error, match=words):
        main(["train", recipe, *options])


@pytest.mark.parametrize("fraction", ["0", "1.5", "half"])
def test_fractions(fraction, capsys):
    with pytest.raises(SystemExit):
        parse(["train", "r.yaml", "-o", "out.npz", "--data-fraction", fraction])
    assert "expected a number above 0, at most 1" in capsys.readouterr().err


def test_labels_are_named_in_the_provenance(recipe, simulated, tmp_path, monkeypatch):
    sample = FakeSample(100)
    monkeypatch.setattr(
        "desinn.train.tasks.read_labelled", lambda paths, finder: _labelled(sample)
    )
    out = str(tmp_path / "out.npz")
    data = ["--data", "/some/labels.csv", "--data-fraction", "0.5"]
    main(["train", recipe, "-o", out, *data, "--epochs", "1"])
    made = read_weights(out)[0]["provenance"]
    assert made["data"] == {"files": ["labels.csv"], "fraction": 0.5}
    assert made["trained_on"] == 128


def _labelled(sample):
    import numpy as np

    from desinn.train.data import LabelledSample

    x = sample.draw(np.random.default_rng(1), np.arange(len(sample)))
    return LabelledSample(x, sample.truth)


def test_without_tensorflow(recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "keras", None)
    with pytest.raises(ImportError, match=r"needs TensorFlow: pip install 'desinn\[train\]'"):
        main(["train", recipe, "-o", str(tmp_path / "out.npz")])


def test_init_must_fit(recipe, simulated, tmp_path):
    from helpers.spectra import quasar_model

    write_weights(tmp_path / "w.npz", *quasar_model())
    out = str(tmp_path / "out.npz")
    with pytest.raises(ValueError, match=r"(?s)w\.npz for the nodes of the recipe.*box0/kernel"):
        main(["train", recipe, "-o", out, "--init", str(tmp_path / "w.npz")])

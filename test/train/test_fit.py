"""Training a tiny network: it learns, resumes, freezes, stops, and is exported."""

import itertools
import json

import numpy as np
import pytest

from desinn import load_model
from desinn.nn import write_weights

pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")

from desinn.train import export, job
from desinn.train.fit import Fit
from desinn.train.networks import get_arrays
from desinn.train.recipe import header_of, initial_arrays, read_recipe
from helpers.samples import FakeSample, make_recipe, make_samples


@pytest.fixture
def recipe(recipe_file):
    return read_recipe(recipe_file())


def arrays_of(fitted, recipe):
    return get_arrays(fitted.model, header_of(recipe))


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_allclose(second[name], array, rtol=1e-5, atol=1e-6, err_msg=name)


def test_it_learns_and_the_file_is_a_finder(recipe_file, samples, tmp_path):
    recipe = read_recipe(recipe_file(), {"schedule.epochs": 12, "optimizer.learning_rate": 0.01})
    out = str(tmp_path / "out.npz")
    samples = FakeSample(512), FakeSample(100, 2)
    metrics = job.train(recipe, out, samples=samples, source={"init": "x.npz"})
    log = [json.loads(line) for line in (tmp_path / "out.log").read_text().splitlines()]
    assert [entry["epoch"] for entry in log] == list(range(1, 13))
    assert log[-1] == metrics
    assert log[-1]["val_loss"] < 0.8 * log[0]["val_loss"]
    finder = load_model(out)
    assert finder.network(samples[1].draw(np.random.default_rng(1), [0]))["LYA"].shape == (1, 26)
    made = finder.network.header["provenance"]
    assert made["recipe"]["schedule"]["epochs"] == made["epochs"] == 12
    assert made["metrics"] == metrics
    assert (made["trained_on"], made["judged_by"], made["init"]) == (512, 100, "x.npz")
    assert {"desinn", "keras", "tensorflow", "numpy", "python", "date"} <= set(made)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training that was done, with its recipe and its folder."""
    yaml = pytest.importorskip("yaml")
    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(make_recipe()))
    recipe = read_recipe(folder / "recipe.yaml")
    fitted = Fit(recipe, *make_samples(), checkpoints=str(folder), log=str(folder / "log"))
    fitted.run(resume=True)  # there is nothing to go on from, and that is no error
    return fitted, recipe, folder


def test_resumed_is_as_uninterrupted(trained, samples, tmp_path):
    whole, recipe, _ = trained
    first = Fit(recipe, *samples, checkpoints=str(tmp_path))
    after = first._after_epoch

    def interrupted(epoch, logs=None):
        after(epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    first._after_epoch = interrupted
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = Fit(recipe, *samples, checkpoints=str(tmp_path), log=str(tmp_path / "log"))
    second.run(resume=True)
    assert second.epoch == whole.epoch == 4
    assert_same(arrays_of(whole, recipe), arrays_of(second, recipe))
    keys = ("epoch", "loss", "val_loss", "learning_rate")
    for mine, theirs in zip(second.history, whole.history, strict=True):
        assert [mine[k] for k in keys] == pytest.approx([theirs[k] for k in keys], rel=1e-5)
    assert len((tmp_path / "log").read_text().splitlines()) == 4


def test_a_finished_training_is_not_repeated(trained, samples):
    first, recipe, folder = trained
    second = Fit(recipe, *samples, checkpoints=str(folder))
    second._fit = None
    assert second.run(resume=True) == first.history[-1]
    assert_same(arrays_of(first, recipe), arrays_of(second, recipe))


def test_resume_of_another_recipe_is_refused(trained, samples):
    _, recipe, folder = trained
    other = {**recipe, "schedule": {**recipe["schedule"], "epochs": 5}, "seed": 4}
    fitted = Fit(other, *samples, checkpoints=str(folder), freeze=["conv0"])
    with pytest.raises(ValueError, match="recipe with other freeze, schedule, seed"):
        fitted.run(resume=True)


def test_frozen_nodes_stay_with_their_moving_averages(recipe, samples):
    before = initial_arrays(header_of(recipe), 7)
    before["bn0/mean"] += 0.5
    fitted = Fit(recipe, *samples, arrays=before, freeze=["conv*", "bn0"])
    fitted.run()
    after = arrays_of(fitted, recipe)
    for name in before:
        node = name.split("/")[0]
        still = node.startswith("conv") or node == "bn0"
        assert np.array_equal(before[name], after[name]) == still, name


def test_freeze_names_what_it_does_not_find(recipe, samples):
    with pytest.raises(ValueError, match=r"'lambda\*' fits no node with weights .*conv0, bn0"):
        Fit(recipe, *samples, freeze=["lambda*"])


def test_the_best_weights_are_kept(recipe_file, samples, caplog):
    changes = {"schedule.epochs": 30, "stop.patience": 2, "optimizer.learning_rate": 3.0}
    recipe = read_recipe(recipe_file(), changes)
    fitted = Fit(recipe, *samples)
    metrics = fitted.run()
    losses = [entry["val_loss"] for entry in fitted.history]
    assert fitted.epoch < 30
    assert metrics["val_loss"] == min(losses)
    assert losses.index(min(losses)) == len(losses) - 3
    assert fitted._validate()["val_loss"] == pytest.approx(min(losses), rel=1e-5)


def test_the_clock_ends_it_with_a_low_learning_rate(recipe_file, samples, monkeypatch):
    clock = itertools.count()  # seconds, one at each look: two looks for a batch
    monkeypatch.setattr("desinn.train.fit.time.monotonic", lambda: next(clock))
    recipe = read_recipe(recipe_file(), {"schedule.epochs": 10**6, "minutes": 1.0})
    fitted = Fit(recipe, *samples)
    fitted.run()
    assert fitted.epoch == 9
    assert fitted.history[-1]["learning_rate"] < 0.01 * 0.003


def test_validation_every_other_epoch_and_at_the_end(recipe_file, samples):
    recipe = read_recipe(recipe_file(), {"schedule.epochs": 5, "validation.every": 2})
    fitted = Fit(recipe, *samples)
    fitted.run()
    assert [entry["epoch"] for entry in fitted.history] == [2, 4, 5]


@pytest.mark.parametrize(("name", "loss"), [("adamw", "bernoulli"), ("sgd", "quasarnet")])
def test_other_optimizers_and_losses(recipe_file, samples, name, loss):
    optimizer = {"name": name, "clipnorm": 1.0, "weight_decay": 0.01}
    recipe = read_recipe(
        recipe_file(optimizer=optimizer), {"schedule.epochs": 1, "loss.name": loss}
    )
    assert Fit(recipe, *samples).run()["loss"] > 0


def test_what_differs_from_keras_is_not_written(trained, tmp_path, monkeypatch):
    fitted, recipe, _ = trained
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    out = tmp_path / "out.npz"
    with pytest.raises(ValueError, match=r"not written: output .* differs from Keras'"):
        export.export(out, header_of(recipe), fitted.model, fitted.examples(5))
    assert not out.exists()


def test_start_from_a_weights_file(recipe, tmp_path):
    header = header_of(recipe)
    arrays = initial_arrays(header, 5)
    write_weights(tmp_path / "w.npz", header, arrays)
    assert_same(job.starting_arrays(str(tmp_path / "w.npz"), recipe), arrays)


def test_start_from_other_nodes_is_refused(recipe, content, recipe_file, tmp_path, caplog):
    header = header_of(recipe)
    path = str(tmp_path / "w.npz")
    other = json.loads(json.dumps(header).replace("common", "shared"))
    other["prepare"] = {**header["prepare"], "grid": {"size": 3}}
    write_weights(path, other, initial_arrays(other, 5))
    with pytest.raises(ValueError, match=r"(?s)common/bias: missing.*shared/bias: superfluous"):
        job.starting_arrays(path, recipe)
    other["nodes"] = header["nodes"]
    write_weights(path, other, initial_arrays(header, 5), overwrite=True)
    job.starting_arrays(path, recipe)
    assert "was made for another input" in caplog.text

"""What is particular to each kind of network, and a training of one of kind dla."""

import json

import numpy as np
import pytest

from desinn.train import job, sightline_sample
from desinn.train.recipe import header_of, read_recipe
from desinn.train.sightline import sightline_metrics
from desinn.train.tasks import QSOTask, SightlineTask, task_for
from desinn.train.windows import window_metrics
from helpers.absorber_samples import FakeSightlines, make_recipe
from helpers.samples import FakeSample


@pytest.fixture
def dla_recipe(tmp_path):
    """A function that writes a recipe of kind dla with changes and reads it."""
    yaml = pytest.importorskip("yaml")

    def read(changes=None, **more):
        path = tmp_path / "dla.yaml"
        path.write_text(yaml.safe_dump(make_recipe() | more))
        return read_recipe(path, changes)

    return read


def test_kinds(recipe_file, dla_recipe):
    assert type(task_for(read_recipe(recipe_file()))) is QSOTask
    assert type(task_for(dla_recipe())) is SightlineTask


def test_settings_of_the_loss_depend_on_the_kind(recipe_file, dla_recipe):
    assert dla_recipe()["loss"] == {
        "name": "sightline", "class_weight": 5.0, "positive_weight": 1.0, "offset_weight": 1.0,
        "nhi_weight": 1.0, "beta": 0.0, "near": 4.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="loss: name: expected one of sightline, found 'quasar"):
        dla_recipe(loss={"name": "quasarnet"})
    with pytest.raises(ValueError, match="loss: name: expected one of sightline, found 'windows'"):
        dla_recipe(loss={"name": "windows"})
    with pytest.raises(ValueError, match="loss: bal_weight: unknown"):
        dla_recipe(loss={"bal_weight": 1.0})
    with pytest.raises(ValueError, match="loss: beta: unknown"):
        read_recipe(recipe_file(loss={"beta": 0.5}))


def test_unknown_methods_are_refused(dla_recipe):
    prepare = make_recipe()["prepare"] | {"method": "guess"}
    with pytest.raises(ValueError, match="method: expected one of"):
        dla_recipe(prepare=prepare)


def test_loss_and_targets_follow_the_recipe(dla_recipe):
    sample = FakeSightlines(4)
    rows = np.arange(4)
    tasks = [task_for(dla_recipe({"loss.near": near})) for near in (4.0, 2.0)]
    wide, narrow = (task.targets(sample)[rows][..., 0].sum() for task in tasks)
    assert wide > 1.5 * narrow > 0
    predicted = np.full((4, 24, 5), 0.5, np.float32)
    predicted[..., 2] = 20.5
    target = tasks[0].targets(sample)[rows]
    heavy = task_for(dla_recipe({"loss.class_weight": 6.0})).loss(target, predicted)
    assert heavy - tasks[0].loss(target, predicted) == pytest.approx(np.log(2), rel=1e-6)


def test_quasars_are_scored_by_their_own_loss(recipe_file):
    task = task_for(read_recipe(recipe_file(loss={"bal_weight": 0.0})))
    target = task.targets(FakeSample(8))
    said = np.full((8, 3, 26), 0.5, np.float32)
    other = said.copy()
    other[:, 2] = 0.1
    assert task.loss(target, said) == task.loss(target, other)
    other[:, 1] = 0.1
    assert task.loss(target, said) != task.loss(target, other)


def test_labelled_absorbers_are_refused_at_once(dla_recipe, monkeypatch):
    monkeypatch.setattr(SightlineTask, "sample", None)  # nothing is simulated before
    recipe = dla_recipe(simulation={})
    with pytest.raises(ValueError, match="kind dla are trained on simulated sightlines only"):
        job.samples(recipe, ["labels.csv"], 0.5)


def test_sightlines_are_simulated_by_parts(dla_recipe, monkeypatch):
    made = []
    monkeypatch.setattr(sightline_sample, "SightlineSample", lambda *values: made.append(values))
    recipe = dla_recipe(simulation={"boss": 0.1}, size=10, validation={"size": 3})
    job.samples(recipe, processes=2)
    (settings, seed, size, finder, templates, processes), (_, other, few, *_) = made
    assert settings.boss == 0.1
    assert (size, few, templates, processes) == (10, 3, None, 2)
    assert finder.halo == 8
    assert seed != other


def test_a_network_for_absorbers_learns_and_is_exported(dla_recipe, tmp_path, caplog):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    from desinn import load_model

    recipe = dla_recipe()
    out = str(tmp_path / "dla.npz")
    samples = FakeSightlines(96), FakeSightlines(20, seed=2)
    metrics = job.train(recipe, out, samples=samples)
    log = [json.loads(line) for line in (tmp_path / "dla.log").read_text().splitlines()]
    assert len(log) == 2
    assert log[1]["val_loss"] < log[0]["val_loss"]
    assert log[1] == metrics
    assert {"completeness", "nhi_error", "offset_pull_all"} <= set(metrics)
    assert "epoch 2/2" in caplog.text
    assert "cells: completeness" in caplog.text
    finder = load_model(out)
    assert finder.network.header["outputs"] == header_of(recipe)["outputs"]
    x = FakeSightlines(3, cells=40).draw(np.random.default_rng(1), np.arange(3))
    assert finder.network(x)["nhi"].shape == (3, 40, 1)  # longer than those it was trained on


def test_the_gradient_knows_what_numpy_does(dla_recipe):
    """One number for both: Keras' loss of the stacked outputs, and ours of the same outputs."""
    keras = pytest.importorskip("keras", reason="TensorFlow is not installed")
    from desinn.train.networks import keras_model
    from desinn.train.recipe import initial_arrays

    recipe = dla_recipe()
    task, header = task_for(recipe), header_of(recipe)
    model = keras_model(header, initial_arrays(header, recipe["seed"]))
    sample = FakeSightlines(6)
    x = sample.draw(np.random.default_rng(1), np.arange(6))
    stacked = keras.Model(model.input, task.stack(keras, model))({"flux": x})
    outputs = task.finder.network(x)
    assert stacked.shape == (6, 24, 5)
    for number, name in enumerate(task.heads):
        np.testing.assert_allclose(stacked[..., number], outputs[name][..., 0], atol=1e-5)
    target = task.targets(sample)[np.arange(6)]
    predicted = np.concatenate([outputs[name] for name in task.heads], axis=-1)
    value = float(task.keras_loss()(target, stacked))
    assert value == pytest.approx(task.loss(target, predicted), rel=1e-4)


def test_every_figure_for_absorbers_is_documented(repository):
    text = (repository / "doc" / "training.rst").read_text(encoding="ascii")
    truth = FakeSightlines(1).truth
    nothing = np.zeros((1, 4, 5), np.float32), np.zeros((1, 4, 4), np.float32)
    names = {name.removesuffix("_all") for name in sightline_metrics(*nothing, truth)}
    names |= {name.removesuffix("_all") for name in window_metrics(*np.zeros((2, 1, 3)), truth)}
    assert [name for name in names if f"``{name}``" not in text] == []

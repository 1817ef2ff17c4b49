"""Patches of exposures, their classes, loss and figures; and a tiny training on them."""

import json

import numpy as np
import pytest

from desinn import load_model
from desinn.train import frame_sample, job
from desinn.train.pixels import PixelTargets, loss_value, pixel_metrics
from desinn.train.recipe import read_recipe
from desinn.train.tasks import PixelTask, task_for
from helpers.frames import make_recipe


@pytest.fixture(autouse=True)
def small(monkeypatch):
    sizes = {"PATCH": 48, "FRAME": 96, "RAY_SIZE": 160, "RAY_MAPS": 2,
             "RAY_SECONDS": (4e4, 8e4)}  # fmt: skip
    for name, value in sizes.items():
        monkeypatch.setattr(frame_sample, name, value)


@pytest.fixture
def recipe(tmp_path):
    yaml = pytest.importorskip("yaml")

    def read(changes=None, **more):
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(make_recipe() | more))
        return read_recipe(tmp_path / "tiny.yaml", changes)

    return read


@pytest.fixture
def task(recipe):
    return task_for(recipe())


def test_its_task(task):
    assert type(task) is PixelTask
    with pytest.raises(ValueError, match="trained on simulated exposures only"):
        task.labelled(["dark.fits"])


def test_patches(task):
    sample = task.sample("train")
    assert len(sample) == len(sample.truth) == 64
    assert sample.shape == (48, 48, 1)
    assert set(sample.truth["KIND"]) == {"science", "dark"}
    rows = [0, 5, 9]
    first, again, other = (sample.draw(np.random.default_rng(s), rows) for s in (1, 1, 2))
    assert first.shape == (3, 48, 48, 1)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    target = task.targets(sample)[np.array(rows)]
    assert target.shape == (3, 48, 48, 2)
    np.testing.assert_array_equal(target, task.targets(sample)[np.array(rows)])


def test_classes_are_those_of_what_is_seen(task):
    """Where a ray is, the image is brighter than its light by more than the noise."""
    sample = task.sample("train")
    found = []
    for row in range(len(sample)):
        clean, readnoise, bad, charge = sample._parts(row)
        image = 4.0 * np.sinh(sample.draw(np.random.default_rng(row), [row])[0, :, :, 0])
        pull = (image - clean) / np.sqrt(readnoise.astype("f4") ** 2 + np.maximum(clean, 0))
        ray, known = sample.classes(row)
        assert not (known & bad).any()
        assert (charge[ray] > 3 * readnoise[ray]).all()
        found.append((pull[ray & known], pull[known & ~ray]))
    hit, empty = (np.concatenate(parts) for parts in zip(*found, strict=True))
    assert hit.size > 1000
    assert np.percentile(hit, 5) > 2
    assert abs(empty.mean()) < 0.05
    assert empty.std() == pytest.approx(1, abs=0.05)


def test_the_parts_have_other_exposures(task):
    train, held_out = task.sample("train"), task.sample("validation")
    assert len(held_out) == 24
    assert (train.classes(0)[0] != held_out.classes(0)[0]).any()


def test_loss_by_hand():
    target = np.zeros((1, 1, 4, 2))
    target[0, 0, :, 0] = [1, 0, 1, 0]
    target[0, 0, :, 1] = [1, 1, 0, 1]
    said = np.array([0.5, 0.25, 0.1, 0.5]).reshape(1, 1, 4, 1)
    expected = (3 * np.log(2) + np.log(4 / 3) + np.log(2)) / 3
    assert loss_value(target, said, 3.0) == pytest.approx(expected)
    assert loss_value(np.zeros((1, 1, 4, 2)), said) == 0


def test_figures_by_hand():
    said = np.concatenate([np.linspace(0, 0.4, 20000), [0.9], np.full(10, 0.3), np.full(30, 0.95)])
    target = np.zeros((1, 1, said.size, 2))
    target[..., 1] = 1
    target[0, 0, 20001:, 0] = 1
    figures = pixel_metrics(said.reshape(1, 1, -1, 1), target)
    assert figures["completeness"] == 0.75
    assert figures["purity"] == pytest.approx(30 / 31)
    # One false pixel may pass at 0.005 %, and two at 0.01 %: the best of the slope.
    assert figures["rate_0005"] == figures["rate_001"] == 0.75
    target[..., 1] = 0
    assert np.isnan(list(pixel_metrics(said.reshape(1, 1, -1, 1), target).values())).all()


def test_keras_loss_is_the_same():
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    from desinn.train.pixels import keras_loss

    rng = np.random.default_rng(1)
    target = (rng.uniform(size=(2, 5, 6, 2)) < [0.2, 0.8]).astype("f4")
    said = rng.uniform(0, 1, (2, 5, 6, 1)).astype("f4")
    found = float(keras_loss(2.0)(target, said))
    assert found == pytest.approx(loss_value(target, said, 2.0), rel=1e-5)


def test_a_training(recipe, tmp_path):
    """It learns, and what is written finds."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    whole = recipe()
    samples = tuple(task_for(whole).sample(part) for part in ("train", "validation"))
    out, checkpoints = str(tmp_path / "out.npz"), str(tmp_path / "ck")
    assert PixelTargets(samples[0]).shape == (64, 48, 48, 2)
    job.train(whole, out, samples=samples, checkpoints=checkpoints)
    log = [json.loads(line) for line in (tmp_path / "out.log").read_text().splitlines()]
    assert [entry["epoch"] for entry in log] == [1, 2, 3, 4]
    assert log[-1]["val_loss"] < 0.7 * log[0]["val_loss"]
    finder = load_model(out)
    assert finder.find(np.zeros((50, 60))).shape == (50, 60)


def test_norms_are_frozen_and_stay_so_when_resumed(recipe, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    from desinn.train.fit import Fit

    settings = recipe()
    samples = tuple(task_for(settings).sample(part) for part in ("train", "validation"))
    means = []
    after = Fit._after_epoch

    def note(self, epoch, logs=None):
        after(self, epoch, logs)
        norm = self.model.get_layer("norm")
        means.append(np.array(norm.moving_mean.numpy()))
        if stop_at and self.epoch == stop_at:
            raise KeyboardInterrupt

    monkeypatch.setattr(Fit, "_after_epoch", note)
    stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        Fit(settings, *samples, checkpoints=str(tmp_path)).run()
    assert (means[0] != means[1]).any()
    np.testing.assert_array_equal(means[1], means[2])
    stop_at = None
    resumed = Fit(settings, *samples, checkpoints=str(tmp_path))
    resumed.run(resume=True)
    assert resumed.epoch == 4
    np.testing.assert_array_equal(means[3], means[2])

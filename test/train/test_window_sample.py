"""Windows that are chosen of sightlines, and a training of a network for them."""

import dataclasses
import json

import numpy as np
import pytest

from desinn.finders.dla_windows import WindowInput
from desinn.simulate.columns import ABSORBER
from desinn.simulate.sightlines import SightlineSettings
from desinn.train import job, sightline_sample
from desinn.train.recipe import read_recipe
from desinn.train.tasks import WindowTask, task_for
from desinn.train.window_sample import WindowSample
from helpers.absorber_samples import FakeLines, make_window_recipe


@pytest.fixture(scope="module")
def given():
    return WindowInput.from_header(make_window_recipe())


@pytest.fixture
def recipe(tmp_path):
    yaml = pytest.importorskip("yaml")

    def read(**more):
        (tmp_path / "windows.yaml").write_text(yaml.safe_dump(make_window_recipe() | more))
        return read_recipe(tmp_path / "windows.yaml")

    return read


@pytest.fixture(scope="module")
def sample(given):
    return WindowSample(FakeLines(), 1, 401, given)


def test_half_of_the_windows_have_an_absorber(sample):
    assert len(sample) == len(sample.truth) == 401
    label, offset, nhi = sample.targets.T
    assert label.sum() == 200
    assert not offset[label == 0].any()
    assert not nhi[label == 0].any()
    assert set(offset[label == 1]) == set(range(-6, 7))
    assert (nhi[label == 1] >= 20).all()
    assert len(set(sample.truth["SNR"])) == 2
    assert 0 < label[:200].sum() < 200  # in no order


def test_a_window_shows_its_absorber_where_its_target_says(sample):
    """Its darkest smooth pixel is the offset away from the middle, which is pixel 20 of 40."""
    rows = np.flatnonzero(sample.targets[:, 0] == 1)
    x = sample.draw(np.random.default_rng(1), rows)
    assert x.shape == (200, 40, 2)
    assert x.dtype == np.float32
    smooth = np.array([np.convolve(one, np.hanning(15), "same") for one in x[:, :, 0] - 1])
    away = smooth.argmin(axis=1) - 20 - sample.targets[rows, 1]
    assert np.abs(away).max() <= 3
    assert abs(away.mean()) < 0.3


def test_noise_is_drawn_anew_and_shared_within_a_sightline(sample):
    rng = np.random.default_rng(1)
    rows = np.array([5, 300, 5])
    first, second = sample.draw(rng, rows), sample.draw(rng, rows)
    np.testing.assert_array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, second)


def test_the_choice_depends_on_the_seed(given, sample):
    again, other = (WindowSample(FakeLines(), seed, 401, given) for seed in (1, 2))
    np.testing.assert_array_equal(again.targets, sample.targets)
    assert not np.array_equal(other.targets, sample.targets)


def test_few_windows_are_taken_several_times(given):
    one = np.array([(1, 4000 / 1215.67 - 1, 20.5)], ABSORBER)
    found = WindowSample(FakeLines(30, absorbers=one), 1, 60, given)
    assert found.targets[:, 0].sum() == 30


def test_sightlines_that_have_one_kind_only(given):
    with pytest.raises(ValueError, match="expected some with an absorber, found none"):
        WindowSample(FakeLines(4, absorbers=np.empty(0, ABSORBER)), 1, 10, given)
    one = np.array([(row, 4000 / 1215.67 - 1, 20.5) for row in range(4)], ABSORBER)
    narrow = dataclasses.replace(given, rest=(3997 / 3.5, 4003 / 3.5))
    with pytest.raises(ValueError, match="expected some without an absorber, found none"):
        WindowSample(FakeLines(4, absorbers=one), 1, 10, narrow)


def test_what_has_no_data_is_0(given, sample):
    class Dark(FakeLines):
        def seen(self, rng, rows, ranges):
            flux, ivar, z, scale = super().seen(rng, rows, ranges)
            return flux, 0 * ivar, z, scale

    dark = WindowSample(Dark(), 1, 20, given)
    assert not dark.draw(np.random.default_rng(1), np.arange(20)).any()


def test_windows_of_a_recipe(recipe, monkeypatch):
    made = []

    def lines(settings, seed, size, grid, templates, processes, native):
        made.append((settings.boss, size, grid.size, processes, native))
        return FakeLines(size, seed % 1000)

    monkeypatch.setattr(sightline_sample, "SeenSightlines", lines)
    content = recipe(simulation={"boss": 0.1}, size=900, validation={"size": 90})
    found, held_out = job.samples(content, processes=2)
    assert made == [(0.1, 45, 700, 2, True), (0.1, 5, 700, 2, True)]
    assert (len(found), len(held_out)) == (900, 90)


def test_a_network_for_windows_learns_and_is_exported(recipe, given, tmp_path, caplog):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (make test WITH=train)")
    from desinn import load_model

    content, out = recipe(), str(tmp_path / "windows.npz")
    assert type(task_for(content)) is WindowTask
    assert content["loss"]["offset_weight"] == 0.5
    samples = [WindowSample(FakeLines(seed=s), s, n, given) for s, n in ((1, 640), (2, 100))]
    metrics = job.train(content, out, samples=samples)
    log = [json.loads(line) for line in (tmp_path / "windows.log").read_text().splitlines()]
    assert log[1]["val_loss"] < log[0]["val_loss"]
    assert {"completeness", "nhi_error_all"} <= set(metrics)
    assert "windows: completeness" in caplog.text
    finder = load_model(out)
    x = samples[0].draw(np.random.default_rng(1), np.arange(3))
    assert finder.network(x)["confidence"].shape == (3, 1)


@pytest.mark.parametrize("window", [400, 600])
def test_published_recipes_are_trainings(window):
    recipe = read_recipe(f"dla-published-{window}")
    task = task_for(recipe)
    assert type(task) is WindowTask
    assert task.finder.input.window == window
    steps = recipe["size"] // recipe["schedule"]["batch"] * recipe["schedule"]["epochs"]
    assert steps == 100_000
    assert recipe["optimizer"]["learning_rate"] == 5e-4
    SightlineSettings.from_recipe(recipe["simulation"])

"""Surveys: the mix, seeds and chunks, samples to train on, recipes."""

import numpy as np
import pytest

from desinn.simulate.instrument import Instrument
from desinn.simulate.parallel import in_processes
from desinn.simulate.recipe import read_recipe
from desinn.simulate.sample import TrainingSample
from desinn.simulate.survey import (
    CHUNK,
    Survey,
    SurveySettings,
    chunks,
    generator,
    join_spectra,
    make_survey,
    observe_chunk,
)
from desinn.spectra import Grid, normalize, rebin


@pytest.fixture(scope="module")
def survey():
    return Survey()


def test_classes_are_mixed_as_asked(survey):
    flux, truth = survey.models(np.random.default_rng(1), 400)
    names, counts = np.unique(truth["TRUESPECTYPE"], return_counts=True)
    assert dict(zip(names, counts / 400, strict=True)) == pytest.approx(
        survey.settings.mix, abs=0.08
    )
    assert not flux[truth["TRUESPECTYPE"] == "SKY"].any()
    assert flux[truth["TRUESPECTYPE"] != "SKY"].any(axis=1).all()


def test_snr_is_that_of_the_exposure(survey):
    instrument = Instrument.desi(Grid.log())
    exposure, truth = survey.observe(np.random.default_rng(2), 100, instrument)
    assert np.array_equal(exposure.snr, truth["SNR"])
    assert (truth["SNR"][truth["TRUESPECTYPE"] == "SKY"] == 0).all()
    assert np.median(truth["SNR"][truth["TRUESPECTYPE"] == "STAR"]) == pytest.approx(2, rel=0.5)


def test_chunks_cover_all_and_have_seeds_of_their_own():
    tasks = chunks(7, 2 * CHUNK + 3)
    assert [task[1:] for task in tasks] == [(0, CHUNK), (CHUNK, CHUNK), (2 * CHUNK, 3)]
    drawn = {generator(seed, first).integers(2**40) for seed, first, _ in tasks}
    assert len(drawn) == 3


def test_spectra_of_chunks_are_joined():
    made = make_survey(SurveySettings(), None, "desi")
    parts = [observe_chunk(made, (3, first, 4)) for first in (0, CHUNK)]
    spectra, truth = join_spectra(parts)
    assert len(spectra) == len(truth) == 8
    assert list(spectra.cameras) == ["b", "r", "z"]
    assert np.unique(truth["TARGETID"]).size == 8
    assert spectra.cameras["b"].resolution.shape == (8, 11, 2751)
    again, _ = observe_chunk(made, (3, CHUNK, 4))
    assert np.array_equal(again.cameras["z"].flux, spectra.cameras["z"].flux[4:])


def test_boss_spectra_have_one_camera():
    made = make_survey(SurveySettings(), None, "boss")
    spectra, _ = observe_chunk(made, (3, 0, 3))
    assert list(spectra.cameras) == ["boss"]


def test_processes_do_not_change_the_spectra():
    settings = SurveySettings(mix={"STAR": 1.0})
    results = []
    for processes in (1, 2):
        with in_processes(make_survey, (settings, None, "desi"), processes) as run:
            results.append(join_spectra([*run(observe_chunk, chunks(5, CHUNK + 2))]))
    (one, truth), (two, same) = results
    assert np.array_equal(truth, same)
    for name, camera in one.cameras.items():
        assert np.array_equal(camera.flux, two.cameras[name].flux)
        assert np.array_equal(camera.ivar, two.cameras[name].ivar)


def test_an_error_in_a_process_is_raised():
    with in_processes(len, ((),), 2) as run, pytest.raises(TypeError):
        list(run(len, [1, 2]))


@pytest.fixture(scope="module")
def sample():
    return TrainingSample(SurveySettings(), seed=1, size=60, grid=Grid.log())


def test_noise_of_a_sample_is_drawn_anew_and_seeded(sample):
    first = sample.draw(np.random.default_rng(1), np.arange(20))
    assert first.shape == (20, 443, 1)
    assert first.dtype == np.float32
    assert np.array_equal(first, sample.draw(np.random.default_rng(1), np.arange(20)))
    assert not np.allclose(first, sample.draw(np.random.default_rng(2), np.arange(20)))


def test_a_sample_looks_like_prepared_spectra(sample):
    """Drawn in bins or in pixels that are rebinned: the same input, statistically."""
    settings = SurveySettings(mix={"QSO": 1.0}, boss=0.0, snr=(5.0, 0.0))
    binned = TrainingSample(settings, 1, 200, Grid.log())
    x = binned.draw(np.random.default_rng(1), np.arange(200))[..., 0]
    spectra, _ = observe_chunk(make_survey(settings, None, "desi"), (1, 0, 200))
    y, _ = normalize(*rebin(spectra.cameras, Grid.log()))
    both = (x * y)[:, 60:430].sum() / np.sqrt((x**2)[:, 60:430].sum() * (y**2)[:, 60:430].sum())
    assert both > 0.8
    assert x[:, 60:430].std() == pytest.approx(y[:, 60:430].std(), rel=0.1)


@pytest.mark.parametrize("name", ["qso-test", "qso-test-shifted"])
def test_the_test_sets_share_no_vectors_with_training(name):
    recipe = read_recipe(name)
    assert recipe.settings.split == "test"
    assert dict(recipe.settings.quasars.families)["composite"] > 0.5
    assert recipe.spectra * recipe.files == 20000


def test_the_test_sets_differ_by_instrument_and_seed_only():
    one, two = (read_recipe(name) for name in ("qso-test", "qso-test-shifted"))
    assert one.seed != two.seed
    assert (one.settings.conditions, two.settings.conditions) == ("training", "shifted")
    assert one.settings.quasars == two.settings.quasars
    assert one.settings.mix == two.settings.mix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: 3", "seeds is unknown"),
        ("seed: x", "seed: expected int, found 'x'"),
        ("seed: -1", "seed: expected 0 or more, found -1"),
        (
            "spectra: 0\nfiles: 0",
            "spectra: expected 1 or more, found 0; files: expected 1 or more",
        ),
        ("instrument: hubble", "expected desi or boss, found 'hubble'"),
        ("simulation: {quasars: {zmax: 3}, mix: {QSR: 1}}", "quasars: zmax; mix: QSR .*: QSO, "),
        ("simulation: {conditions: foggy}", r"conditions: foggy \(there are: tr"),
        ("- 1", "expected entries kind, simulation"),
        ("a: [", "expected YAML"),
    ],
)
def test_wrong_recipes_are_refused(text, message, tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_recipe(path)
    assert str(path) in str(error.value)


def test_a_recipe_sets_what_it_names(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("seed: 4\nsimulation: {snr: [3, 0.1], quasars: {families: {trends: 1.0}}}")
    recipe = read_recipe(path)
    assert recipe.seed == 4
    assert recipe.settings.snr == (3, 0.1)
    assert recipe.settings.quasars.families == (("trends", 1.0),)
    assert recipe.spectra == 500

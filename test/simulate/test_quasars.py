"""Quasars as a whole: what the truth says is in the flux."""

import numpy as np
import pytest

from desinn.simulate.grid import SIZE, TRUTH, WAVE
from desinn.simulate.quasars import QuasarModels, QuasarSettings


@pytest.fixture(scope="module")
def models():
    return QuasarModels()


@pytest.fixture(scope="module")
def drawn(models):
    return models.draw(np.random.default_rng(1), 200)


def test_flux_and_truth_have_their_form(drawn):
    flux, truth = drawn
    assert flux.shape == (200, SIZE)
    assert flux.dtype == np.float32
    assert truth.dtype == TRUTH
    assert np.isfinite(flux).all()
    assert np.abs(flux).mean(axis=1) == pytest.approx(np.ones(200), rel=1e-3)
    assert set(truth["TRUESPECTYPE"]) == {"QSO"}


def test_the_same_seed_gives_the_same_quasars(models, drawn):
    flux, truth = models.draw(np.random.default_rng(1), 200)
    assert np.array_equal(flux, drawn[0])
    assert np.array_equal(truth, drawn[1])


def test_redshifts_fill_their_range(drawn):
    z = drawn[1]["TRUEZ"]
    assert 0.05 <= z.min() < 0.4
    assert 4 < z.max() <= 6


def test_a_quasar_has_its_line_where_the_redshift_says(models):
    settings = QuasarSettings(z_flat=0, z_high=0, weak=0, bal=0, host=0)
    flux, truth = QuasarModels(settings=settings).draw(np.random.default_rng(3), 200)
    stacked, near = [], np.arange(-200, 201)
    for row, z in zip(flux, truth["TRUEZ"], strict=True):
        place = np.searchsorted(WAVE, 2799 * (1 + z))
        if 250 < place < SIZE - 250:
            stacked.append(row[place + near] / np.median(row[place + near]))
    mean = np.median(stacked, axis=0)
    assert len(stacked) > 50
    assert abs(near[mean.argmax()]) < 10
    assert mean.max() > 1.2


def test_nothing_is_seen_below_the_lyman_limit_of_a_far_quasar():
    settings = QuasarSettings(z_min=5.5, z_flat=1, z_high=0, z_low=0)
    flux, _truth = QuasarModels(settings=settings).draw(np.random.default_rng(1), 20)
    below = flux[:, WAVE < 912 * 6.2]
    assert np.median(below) < 0.02 * np.median(flux[:, WAVE > 8200])


def test_broad_absorption_is_in_the_truth():
    settings = QuasarSettings(bal=1.0, z_flat=0, z_low=0)
    _, truth = QuasarModels(settings=settings).draw(np.random.default_rng(1), 60)
    far = truth["TRUEZ"] > 1.4
    assert set(truth["TRUESUBTYPE"][far]) <= {"BAL", "LoBAL", "FeLoBAL"}
    assert (truth["AI"][far] > 0).mean() > 0.9
    assert (truth["BI"][far] > 0).mean() > 0.5


def test_weak_lines_are_weak():
    def strength(weak):
        settings = QuasarSettings(weak=weak, bal=0, host=0, z_flat=0, z_high=0, red=())
        flux, truth = QuasarModels(settings=settings).draw(np.random.default_rng(5), 150)
        peaks = []
        for row, z in zip(flux, truth["TRUEZ"], strict=True):
            place = np.searchsorted(WAVE, 2799 * (1 + z))
            if 300 < place < SIZE - 300:
                sides = row[[place - 250, place + 250]].mean()
                peaks.append(row[place - 10 : place + 10].mean() / sides)
        return np.median(peaks) - 1

    assert strength(1.0) < 0.4 * strength(0.0)


def test_the_largest_column_is_in_the_truth(drawn):
    truth = drawn[1]
    has = truth["NHI"] > 0
    assert has.any()
    assert (truth["NHI"][has] >= 17).all()
    assert (truth["ZDLA"][has] < truth["TRUEZ"][has] + 0.02).all()


def test_templates_are_used_where_they_are(reference):
    from desinn.io.templates import read_templates

    templates = read_templates(reference / "templates")
    families = (("templates", 0.4), ("trends", 0.3), ("composite", 0.3))
    settings = QuasarSettings(families=families, eigenvectors=0.5)
    with_templates = QuasarModels(templates, settings=settings)
    flux, _truth = with_templates.draw(np.random.default_rng(1), 120)
    assert np.isfinite(flux).all()
    parametric, _ = QuasarModels(settings=settings).draw(np.random.default_rng(1), 120)
    assert not np.allclose(flux, parametric, rtol=0.1)

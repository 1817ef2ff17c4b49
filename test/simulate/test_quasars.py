"""Quasars as a whole: what the truth says is in the flux."""

import numpy as np
import pytest

from desinn.io.templates import Template, read_templates
from desinn.simulate.grid import C_KMS, SIZE, TRUTH, WAVE
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


@pytest.mark.parametrize(("line", "far", "most"), [(2799.1, 250, 100), (5008.24, 25, 40)])
def test_lines_stand_at_the_systemic_redshift(models, line, far, most):
    """On average: MgII and [OIII], whose mean shifts are 0 and -30 km/s."""
    settings = QuasarSettings(z_min=0.2, z_max=1.0, z_high=0, z_low=0, weak=0, bal=0, host=0)
    flux, truth = QuasarModels(settings=settings).draw(np.random.default_rng(3), 300)
    stacked, near = [], np.arange(-far, far + 1)
    for row, z in zip(flux, truth["TRUEZ"], strict=True):
        place = np.searchsorted(WAVE, line * (1 + z))
        if far < place < SIZE - far:
            velocity = (WAVE[place - far : place + far + 1] / (line * (1 + z)) - 1) * C_KMS
            sides = np.interp(near, [-far, far], row[[place - far, place + far]])
            stacked.append((velocity, row[place + near] / sides - 1))
    velocity, mean = np.median(stacked, axis=0)
    assert len(stacked) > 150
    assert mean.max() > 0.2
    top = np.where(mean > 0.5 * mean.max(), mean, 0)
    assert abs((top * velocity).sum() / top.sum()) < most


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


def test_reddened_quasars_are_red():
    settings = QuasarSettings(z_min=1.0, z_max=1.2, z_high=0, z_low=0, red=((0.5, 0.3),))
    flux, truth = QuasarModels(settings=settings).draw(np.random.default_rng(1), 200)
    colour = np.log(flux[:, np.abs(WAVE - 4500) < 50].mean(axis=1))
    colour -= np.log(flux[:, np.abs(WAVE - 9000) < 50].mean(axis=1))
    assert np.corrcoef(colour, truth["EBV"])[0, 1] < -0.6


class Starlight:
    """Hosts of 1 everywhere, which remember what was asked for."""

    def hosts(self, rng, z, split):
        self.asked = z, split
        return np.ones((len(z), SIZE), np.float32)


def test_hosts_are_near_and_fainter_than_the_quasar():
    stars = Starlight()
    models = QuasarModels(galaxies=stars, settings=QuasarSettings(host=1.0))
    z = np.linspace(0.05, 2, 400)
    flux = np.full((400, SIZE), 2, np.float32)
    models._add_hosts(np.random.default_rng(1), flux, z, "test")
    added = flux[:, 0] / 2 - 1
    np.testing.assert_array_equal(added > 0, z < 1)
    assert (added <= 0.6001 * np.maximum(1 - z, 0)).all()
    assert added.max() > 0.4
    np.testing.assert_array_equal(stars.asked[0], z[z < 1])
    assert stars.asked[1] == "test"


LONE = 1450.0
"""Where no line is in the parametric list: the only line of the templates below, A."""


def lone_lines():
    """Return templates of emission that have one line each, 12 A wide (sigma)."""
    wave = np.arange(450, 11000, 1.0)
    line = 2 * np.exp(-0.5 * ((wave - LONE) / 12) ** 2)
    composite = np.zeros(1, [(name, "f8") for name in ("OWave", "EqWid", "Width", "Skew")])
    composite["OWave"], composite["EqWid"], composite["Width"] = LONE, 60, 12
    trends = np.zeros(1, [(n, "f8", (3, 2)) for n in ("wavelength", "logEW", "logWidth")])
    for name, value in (("wavelength", LONE), ("logEW", 1.8), ("logWidth", np.log10(12))):
        trends[name][..., 1] = value
    return {
        ("QSO", "COMPOSITE"): composite,
        ("QSO", "EMLINETRENDS"): trends,
        ("QSO", "EMLINES"): Template(wave, np.stack([line, line, line, 0 * line])),
    }


@pytest.mark.parametrize("family", ["parametric", "templates", "trends", "composite"])
def test_a_family_has_the_lines_of_its_template(family):
    models = QuasarModels(lone_lines(), settings=QuasarSettings(families=((family, 1.0),)))
    z = np.full(40, 2.0)
    rest = WAVE / 3 * np.ones((40, 1))
    ratio = models._emission(np.random.default_rng(1), z, rest, np.zeros(40, bool))
    lone, civ = (np.median(ratio[:, np.abs(WAVE / 3 - wave) < 5]) for wave in (LONE, 1548))
    assert (lone > 0.5) == (family != "parametric")
    assert (civ > 0.5) == (family == "parametric")


def eigenvectors(line=1.0):
    """Return LOZ and HIZ of a slope and a line of MgII, in emission or (below 0) absorption."""
    wave = np.arange(450, 10600, 1.0)
    shapes = [1000 / wave, 1000 / wave * (1 + line * np.exp(-0.5 * ((wave - 2798) / 25) ** 2))]
    template = Template(wave, np.stack(shapes))
    return {("QSO", "LOZ"): template, ("QSO", "HIZ"): template}


def rebuilt(templates, flux, z, allowed):
    models = QuasarModels(templates, settings=QuasarSettings(eigenvectors=1.0))
    changed = flux.copy()
    models._rebuild(np.random.default_rng(1), changed, z, allowed)
    return changed


def test_a_rebuilt_quasar_is_the_nearest_sum_of_eigenvectors():
    z = np.array([0.05, 0.5, 0.5, 1.4, 2.2])
    rest = WAVE / (1 + z[:, np.newaxis])
    noise = 0.02 * np.random.default_rng(2).normal(size=rest.shape)
    line = 0.7 * np.exp(-0.5 * ((rest - 2798) / 25) ** 2)
    exact = 3000 / rest * (1 + line)
    allowed = np.array([True, True, False, True, True])
    flux = (exact + noise).astype(np.float32)
    found = rebuilt(eigenvectors(), flux, z, allowed)
    # At z = 0.05 the eigenvectors of real quasars do not reach over the grid.
    kept = np.array([True, False, True, False, False])
    np.testing.assert_array_equal(found[kept], flux[kept])
    np.testing.assert_allclose(found[~kept], exact[~kept], atol=0.01)


def test_a_quasar_that_would_have_a_line_in_absorption_is_not_rebuilt():
    z = np.array([0.5, 2.2])
    rest = WAVE / (1 + z[:, np.newaxis])
    dip = 3000 / rest * (1 - 0.5 * np.exp(-0.5 * ((rest - 2798) / 25) ** 2))
    flux = dip.astype(np.float32)
    np.testing.assert_array_equal(rebuilt(eigenvectors(), flux, z, np.ones(2, bool)), flux)


def test_a_quasar_that_would_be_negative_is_not_rebuilt():
    z = np.array([0.5, 2.2])
    flux = np.where(WAVE > 7000, -1, 2) * np.ones((2, 1), np.float32)
    wave = np.arange(450, 10600, 1.0)
    shapes = np.stack([np.ones(wave.size), wave / 3000])
    made = {("QSO", name): Template(wave, shapes) for name in ("LOZ", "HIZ")}
    np.testing.assert_array_equal(rebuilt(made, flux, z, np.ones(2, bool)), flux)


def test_with_the_reference_templates(reference):
    templates = read_templates(reference / "templates")
    families = (("templates", 0.4), ("trends", 0.3), ("composite", 0.3))
    settings = QuasarSettings(families=families, eigenvectors=0.5)
    flux, _truth = QuasarModels(templates, settings=settings).draw(np.random.default_rng(1), 120)
    assert np.isfinite(flux).all()
    assert (flux.max(axis=1) > 0).all()

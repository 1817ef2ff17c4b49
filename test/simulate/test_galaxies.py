"""Galaxies from templates and without; hosts of quasars."""

import numpy as np
import pytest

from desinn.io.templates import Template, read_templates
from desinn.simulate.galaxies import LARGEST_Z, MIX, GalaxyModels
from desinn.simulate.grid import SIZE, WAVE
from helpers.templates import bumps


def templates(**kwargs):
    """Return a galaxy template with one real object for each of four bumps."""
    wave = np.arange(1167, 10000, 0.5)
    known = np.concatenate([np.ones((4, 1)), np.eye(4)], axis=1)
    fields = {"wave": wave, "vectors": bumps(wave, 5), "coefficients": known, **kwargs}
    return {("GALAXY", ""): Template(**fields), ("STAR", "A"): Template(wave, bumps(wave))}


@pytest.fixture(scope="module", params=["parametric", "templates"])
def models(request):
    """Models of both sorts."""
    return GalaxyModels(templates() if request.param == "templates" else None)


def test_draws_are_what_they_are_said_to_be(models):
    flux, subtype, z = models.draw(np.random.default_rng(3), 400)
    assert flux.shape == (400, SIZE)
    assert (flux.dtype, subtype.dtype, z.dtype) == (np.float32, np.dtype("U12"), np.float64)
    assert np.isfinite(flux).all()
    assert flux.min() >= 0
    np.testing.assert_allclose(np.median(flux, axis=1), 1, rtol=1e-5)
    assert set(subtype) == set(MIX)
    assert z.min() >= 0
    assert 1.4 < z.max() <= LARGEST_Z


def test_the_same_seed_gives_the_same_galaxies(models):
    first, second = (models.draw(np.random.default_rng(3), 20) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_galaxies(models):
    flux, subtype, z = models.draw(np.random.default_rng(3), 0)
    assert (flux.shape, subtype.shape, z.shape) == ((0, SIZE), (0,), (0,))
    assert models.hosts(np.random.default_rng(3), []).shape == (0, SIZE)


def test_the_mix_is_kept():
    subtype = GalaxyModels(mix={"ELG": 3, "TYPE2": 1}).draw(np.random.default_rng(3), 800)[1]
    assert set(subtype) == {"ELG", "TYPE2"}
    assert 0.7 < (subtype == "ELG").mean() < 0.8


def test_an_unknown_subtype():
    with pytest.raises(ValueError, match="expected positive shares of GALAXY, ELG"):
        GalaxyModels(mix={"SPIRAL": 1})


def test_an_unknown_split(models):
    for draw, what in ((models.draw, 3), (models.hosts, [1])):
        with pytest.raises(ValueError, match="expected a split of train, test or None"):
            draw(np.random.default_rng(1), what, "all")


def test_redshifts_are_mostly_below_one():
    z = GalaxyModels(mix={"GALAXY": 1}).draw(np.random.default_rng(1), 2000)[2]
    assert 0.9 < (z < 1).mean() < 1
    assert 0.2 < (z < 0.3).mean() < 0.4


def test_lone_oxygen_and_nothing_else():
    flux, _, z = GalaxyModels(mix={"LONE OII": 1}).draw(np.random.default_rng(1), 60)
    peak = WAVE[(flux / np.median(flux)).argmax(axis=1)]
    assert np.median(np.abs(peak / (1 + z) - 3728.5)) < 3
    assert z.max() < 1.65
    calm = np.where(np.abs(WAVE / (1 + z[:, None]) - 3728.5) < 40, np.nan, np.log(flux))
    assert np.nanmax(np.abs(np.diff(calm, axis=1))) < 1e-3


def test_lines_are_at_their_redshift():
    flux, _, z = GalaxyModels(mix={"STARBURST": 1}).draw(np.random.default_rng(1), 100)
    good = (z > 0.05) & (z < 1.0)
    rest = WAVE / (1 + z[good, None])
    near = np.where(np.abs(rest - 5008.24) < 8, flux[good], 0)
    velocity = (rest[np.arange(good.sum()), near.argmax(axis=1)] / 5008.24 - 1) * 299792
    assert np.median(np.abs(velocity)) < 40


@pytest.mark.parametrize(("split", "seen"), [("test", [7000]), ("train", [4000, 5000, 6000])])
def test_a_test_set_sees_vectors_that_training_does_not(split, seen):
    models = GalaxyModels(templates())
    flux = models.hosts(np.random.default_rng(1), np.full(200, 0.2), split)

    def bump(centre):
        near = [np.abs(WAVE / 1.2 - wave) < 20 for wave in (centre - 500, centre, centre + 500)]
        low, middle, high = (flux[:, cells].mean(axis=1) for cells in near)
        return (middle / (0.5 * (low + high))).max()

    assert [wave for wave in (4000, 5000, 6000, 7000) if bump(wave) > 1.4] == seen


@pytest.mark.parametrize("z", [0.0, 0.05, 1.7, 6.5])
def test_hosts_at_given_redshifts(models, z):
    host = models.hosts(np.random.default_rng(1), [z] * 5)
    assert host.shape == (5, SIZE)
    assert host.dtype == np.float32
    assert np.isfinite(host).all()
    np.testing.assert_allclose(np.median(host, axis=1), 1, rtol=1e-5)


def test_negative_combinations_are_drawn_again():
    """A quarter of these objects is negative over half of the grid."""
    wave = np.arange(1167, 10000, 0.5)
    vectors = np.stack([np.ones(wave.size), np.where(wave > 5000, -2.0, 0)])
    known = np.array([[1, 0], [1, 0], [1, 0], [1, 1.0]])
    made = templates(wave=wave, vectors=vectors, coefficients=known)
    host = GalaxyModels(made).hosts(np.random.default_rng(1), np.full(200, 0.3))
    assert (host == 0).any(axis=1).mean() < 0.1


def test_galaxies_that_can_only_be_negative():
    """It ends all the same, without NaN."""
    wave = np.arange(1167, 10000, 0.5)
    made = templates(wave=wave, vectors=-np.ones((1, wave.size)), coefficients=np.ones((4, 1)))
    assert not GalaxyModels(made).hosts(np.random.default_rng(1), [0.3]).any()


def test_a_template_without_coefficients_is_not_used():
    one, other = (
        GalaxyModels(made).draw(np.random.default_rng(1), 10)[0]
        for made in (None, templates(coefficients=None))
    )
    np.testing.assert_array_equal(one, other)


def test_with_the_reference_templates(reference):
    models = GalaxyModels(read_templates(reference / "templates"))
    for split in (None, "train", "test"):
        flux, _, _ = models.draw(np.random.default_rng(1), 150, split)
        assert np.isfinite(flux).all()
        assert flux.min() >= 0
    host = models.hosts(np.random.default_rng(1), np.full(100, 0.3))
    old = host[:, np.abs(WAVE - 1.3 * 4050) < 40].mean(axis=1)
    assert np.median(old / host[:, np.abs(WAVE - 1.3 * 3870) < 40].mean(axis=1)) > 1.1

"""Stars from templates and without."""

import numpy as np
import pytest

from desinn.io.templates import Template, read_templates
from desinn.simulate.grid import SIZE, WAVE
from desinn.simulate.stars import MIX, StarModels
from helpers.templates import bumps

LINE = 5000.0


def templates(end=11000):
    """Return synthetic templates of all types; A has one real object for each of four bumps."""
    wave = np.arange(3000, end, 0.5)
    vectors = bumps(wave, 5)
    known = np.concatenate([np.ones((4, 1)), np.eye(4)], axis=1)
    made = {("STAR", kind): Template(wave, vectors, known) for kind in "ABFGKM"}
    made["STAR", "WD"] = Template(wave, vectors, known)
    made["STAR", "CV"] = Template(wave, np.stack([vectors[0], 3 * vectors[1] - vectors[0]]))
    made["STAR", "CARBON"] = Template(wave, vectors[:1] + 0.4 * vectors[2:3])
    made["QSO", "LOZ"] = Template(wave, vectors)
    made["IRON", "UV"] = Template(wave, vectors)
    return made


@pytest.fixture(scope="module", params=["parametric", "templates", "short templates"])
def models(request):
    """Models of each sort."""
    made = {"parametric": None, "templates": templates(), "short templates": templates(9000)}
    return StarModels(made[request.param])


def test_draws_are_what_they_are_said_to_be(models):
    flux, subtype, z = models.draw(np.random.default_rng(3), 300)
    assert flux.shape == (300, SIZE)
    assert (flux.dtype, subtype.dtype, z.dtype) == (np.float32, np.dtype("U12"), np.float64)
    assert np.isfinite(flux).all()
    assert flux.min() >= 0
    np.testing.assert_allclose(np.median(flux, axis=1), 1, rtol=1e-5)
    assert set(subtype) <= set(MIX)
    assert len(set(subtype)) >= 10
    assert 85 < z.std() * 299792 < 115


def test_the_same_seed_gives_the_same_stars(models):
    first, second = (models.draw(np.random.default_rng(3), 20) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_stars(models):
    flux, subtype, z = models.draw(np.random.default_rng(3), 0)
    assert (flux.shape, subtype.shape, z.shape) == ((0, SIZE), (0,), (0,))


def test_the_mix_is_kept():
    models = StarModels(mix={"M": 3, "WD": 1})
    subtype = models.draw(np.random.default_rng(3), 800)[1]
    assert set(subtype) == {"M", "WD"}
    assert 0.7 < (subtype == "M").mean() < 0.8


def test_an_unknown_type():
    with pytest.raises(ValueError, match=r"expected positive shares of A, B, F.*found \{'Q': 1\}"):
        StarModels(mix={"Q": 1})


def bump(flux, centre):
    """Return how far spectra stand out at a bump, over the slope beside it."""
    near = [np.abs(WAVE - wave) < 20 for wave in (centre - 500, centre, centre + 500)]
    low, middle, high = (flux[:, cells].mean(axis=1) for cells in near)
    return middle / (0.5 * (low + high))


@pytest.mark.parametrize(("split", "seen"), [("test", [7000]), ("train", [4000, 5000, 6000])])
def test_a_test_set_sees_vectors_that_training_does_not(split, seen):
    flux = StarModels(templates(), {"A": 1}).draw(np.random.default_rng(1), 200, split)[0]
    shown = [wave for wave in (4000, 5000, 6000, 7000) if bump(flux, wave).max() > 1.4]
    assert shown == seen


def test_an_unknown_split(models):
    with pytest.raises(ValueError, match="expected a split of train, test or None, found 'all'"):
        models.draw(np.random.default_rng(1), 3, "all")


def test_lines_move_with_the_velocity():
    wave = np.arange(3000, 11000, 0.2)
    line = 1 + 5 * np.exp(-0.5 * ((wave - LINE) / 3) ** 2)
    made = {("STAR", "A"): Template(wave, line[None], np.ones((4, 1)))}
    flux, _, z = StarModels(made, {"A": 1}).draw(np.random.default_rng(1), 50)
    near = np.abs(WAVE - LINE) < 40
    base = np.interp(WAVE[near], WAVE[near][[0, -1]], [0, 1])
    above = flux[:, near] - (flux[:, near][:, :1] * (1 - base) + flux[:, near][:, -1:] * base)
    centre = (above * WAVE[near]).sum(axis=1) / above.sum(axis=1)
    offset = (centre / LINE - 1 - z) * 299792
    np.testing.assert_allclose(offset, offset.mean(), atol=8)  # km/s: reddening tilts the line
    assert abs(offset.mean()) < 8


def test_stars_are_reddened():
    wave = np.arange(3000, 11000, 1.0)
    made = {("STAR", "A"): Template(wave, np.ones((1, wave.size)), np.ones((4, 1)))}
    flux = StarModels(made, {"A": 1}).draw(np.random.default_rng(1), 2000)[0]
    colour = -2.5 * np.log10(flux[:, WAVE < 4420][:, -1] / flux[:, WAVE < 5495][:, -1])
    assert colour.min() >= 0
    assert colour.mean() == pytest.approx(0.08, rel=0.1)
    assert np.median(colour) == pytest.approx(0.08 * np.log(2), rel=0.15)


def test_pairs_show_both_stars():
    wave = np.arange(3000, 11000, 1.0)
    blue, red = np.exp(-(wave - 5500) / 1000), np.exp((wave - 5500) / 1000)
    made = {("STAR", kind): Template(wave, one[None], np.ones((4, 1)))
            for kind, one in (("WD", blue), ("M", red))}  # fmt: skip
    flux, subtype, _ = StarModels(made, {"WD+M": 1}).draw(np.random.default_rng(1), 30)
    assert set(subtype) == {"WD+M"}
    middle = np.abs(WAVE - 6500).argmin()
    lowest = flux.argmin(axis=1)
    assert np.median(np.abs(lowest - middle)) < 1200
    assert (flux[:, -1] > flux.min(axis=1)).all()
    assert (flux[:, 100] > flux.min(axis=1)).all()


def test_single_templates_vary_in_depth(models):
    one = StarModels(templates(), {"CARBON": 1}).draw(np.random.default_rng(1), 60)[0]
    assert np.ptp(bump(one, 5000)) > 0.05


def test_with_the_reference_templates(reference):
    models = StarModels(read_templates(reference / "templates"))
    for split in (None, "train", "test"):
        flux, subtype, _ = models.draw(np.random.default_rng(1), 150, split)
        assert np.isfinite(flux).all()
        assert flux.min() >= 0
    hydrogen = flux[np.isin(subtype, ["A", "B", "BHB"])]
    inside = hydrogen[:, np.abs(WAVE - 4862.7) < 8].mean(axis=1)
    beside = hydrogen[:, np.abs(WAVE - 4950) < 30].mean(axis=1)
    assert np.median(inside / beside) < 0.85

"""Recipes of CCD exposures: turns, devices, seeds, errors; those of the test sets."""

from dataclasses import fields, replace

import numpy as np
import pytest

from desinn.simulate.ccd.settings import ARMS, CcdSettings
from desinn.simulate.cosmic_recipe import CosmicsRecipe, read_cosmics_recipe

SMALL = CcdSettings(shape=(64, 64))


def test_arms_and_exposures_take_turns():
    recipe = CosmicsRecipe(SMALL, arms=("b", "z"), exposures=("dark", "arc", "flat"))
    said = [recipe.settings_of(number) for number in range(7)]
    assert [next(iter(s.arms)) for s in said] == ["b", "z", "b", "z", "b", "z", "b"]
    kinds = [next(iter(s.kinds)) for s in said]
    assert kinds == ["dark", "dark", "arc", "arc", "flat", "flat", "dark"]


def test_without_turns_all_is_drawn():
    assert CosmicsRecipe(SMALL).settings_of(5) == SMALL
    kinds = {CosmicsRecipe(SMALL).expose(number).header["KIND"] for number in range(12)}
    assert len(kinds) > 1


def test_exposures_depend_on_seed_and_number_alone():
    recipe = CosmicsRecipe(SMALL, seed=4, frames=2, arms=("b",))
    more = replace(recipe, frames=9)
    np.testing.assert_array_equal(recipe.expose(1).image, more.expose(1).image)
    other = replace(recipe, seed=5)
    assert not np.array_equal(recipe.expose(1).image, other.expose(1).image)


def test_devices_can_be_other_than_usual():
    settings = replace(SMALL, seconds={"dark": (900.0, 900.0)})
    usual = CosmicsRecipe(settings, arms=("b",), exposures=("dark",))
    many = replace(usual, rays={"thin": {"rate": 5000.0}})
    assert many.devices()["thin"].rate == 5000.0
    assert many.devices()["thick"] == usual.devices()["thick"]
    assert len(many.expose(0).rays) > 100 > len(usual.expose(0).rays)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: qso", r"r\.yaml: kind: expected cosmics, found qso"),
        ("seed: 1", "kind: expected cosmics, found none"),
        ("- 1", "expected entries kind, seed, .*, found list"),
        (
            "kind: cosmics\nseed: x\nspectra: 3",
            "spectra is unknown; seed: expected int, found 'x'",
        ),
        ("kind: cosmics\nseed: -1\nframes: 0", "seed: expected 0 or more.*frames: expected 1"),
        ("kind: cosmics\narms: [q]\nexposures: [lamp]", "arms: q is un.*exposures: lamp is un"),
        ("kind: cosmics\nrays: {wet: {}}", "rays: wet is unknown"),
        ("kind: cosmics\nrays: {thin: {name: x}}", "rays: thin: name is unknown"),
        ("kind: cosmics\nrays: {thin: {rate: -1}}", "thin: rate: expected more than 0"),
        ("kind: cosmics\nsimulation: {colour: 1}", "unknown: colour"),
    ],
)
def test_wrong_recipes_are_refused(text, message, tmp_path):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_cosmics_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize("name", ["cosmics-test", "cosmics-test-shifted"])
def test_the_test_sets(name):
    """At least four of each arm, whole CCDs, most of them science, with what training has not."""
    recipe = read_cosmics_recipe(name)
    assert recipe.arms == ARMS
    assert recipe.frames >= 4 * len(ARMS)
    assert {"science", "arc", "flat", "dark", "bias"} <= set(recipe.exposures)
    assert recipe.exposures.count("science") > len(recipe.exposures) / 2
    assert recipe.settings.shape is None
    assert all(recipe.settings.seconds[k] == (300, 1200) for k in ("science", "arc", "flat"))
    training = CcdSettings()
    same = {
        part.name
        for part in fields(training)
        if getattr(recipe.settings, part.name) == getattr(training, part.name)
    }
    assert same <= {"kinds", "arms"}  # of which the turns dispose
    usual = CosmicsRecipe(training).devices()
    assert all(recipe.devices()[device] != usual[device] for device in usual)


def test_the_shifted_set_is_further_off():
    test, shifted = (
        read_cosmics_recipe(name).settings for name in ("cosmics-test", "cosmics-test-shifted")
    )
    for name in ("perturbation", "gain_error", "flat", "dark", "bad_cte", "trail"):
        assert getattr(shifted, name) > getattr(test, name) > getattr(CcdSettings(), name)

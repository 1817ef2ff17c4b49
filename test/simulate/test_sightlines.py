"""Sightlines: quasars beyond z = 2 with the gas before them."""

import dataclasses

import numpy as np
import pytest

from desinn.simulate.forest import LYA
from desinn.simulate.grid import C_KMS, WAVE
from desinn.simulate.sightlines import (
    Sightlines,
    SightlineSettings,
    make_sightlines,
    observe_sightlines,
)


@pytest.fixture(scope="module")
def drawn():
    settings = SightlineSettings(boost=1.0, left=(0.0, 0.0), zero=0.0)
    return Sightlines(settings).models(np.random.default_rng(2), 60)


def test_redshifts(drawn):
    _, truth, _ = drawn
    assert truth["TRUEZ"].min() >= 2.0
    assert truth["TRUEZ"].max() <= 5.0
    steep = Sightlines(SightlineSettings(z=(2.0, 0.5, 0.0, 4.0)))
    z = steep._redshifts(np.random.default_rng(1), 4000)
    assert np.median(z) == pytest.approx(2.0 - 0.5 * np.log1p(-0.5 * -np.expm1(-4)), abs=0.03)


def test_strong_absorbers_are_dark(drawn):
    """Within the core of each DLA next to nothing is left; the redward continuum stands."""
    flux, truth, systems = drawn
    strong = systems[(systems["NHI"] > 20.5) & (systems["Z"] > 2.0)]
    assert len(strong) > 5
    for one in strong:
        place = np.searchsorted(WAVE, LYA * (1 + one["Z"]))
        assert np.abs(flux[one["ROW"], place - 3 : place + 4]).max() < 1e-3
    assert (np.median(flux[:, WAVE > 8000], axis=1) > 0).all()
    assert truth["NHI"].max() == systems["NHI"].max().astype("f4")


def test_light_left_and_zero_level():
    """Both make troughs brighter, and only where they are asked for."""
    plain = SightlineSettings(boost=2.0, left=(0.0, 0.0), zero=0.0, z=(2.5, 0.5, 0.0, 3.0))
    left = dataclasses.replace(plain, left=(1.0, 0.5))
    zero = dataclasses.replace(plain, zero=0.05)
    light = []
    for settings in (plain, left, zero):
        flux, _, systems = Sightlines(settings).models(np.random.default_rng(4), 30)
        strong = systems[(systems["NHI"] > 20.5) & (systems["Z"] > 2.0)]
        place = np.searchsorted(WAVE, LYA * (1 + strong["Z"]))
        light.append(np.abs(flux[strong["ROW"], place]).mean())
    assert light[0] < 1e-3 < 0.02 < min(light[1:])


def test_observed():
    made = make_sightlines(SightlineSettings(), None, "desi")
    spectra, truth, catalog, meta = observe_sightlines(made, (7, 0, 20))
    assert list(spectra.cameras) == ["b", "r", "z"]
    assert (spectra.targetid == truth["TARGETID"]).all()
    assert (catalog["TARGETID"] == truth["TARGETID"]).all()
    error = C_KMS * (catalog["Z"] / truth["TRUEZ"] - 1)
    assert 100 < np.abs(error).max() < 1600
    assert np.isin(meta["TARGETID"], truth["TARGETID"]).all()
    assert len(np.unique(meta["DLAID"])) == len(meta)
    again = observe_sightlines(made, (7, 0, 20))
    assert (again[0].cameras["b"].flux == spectra.cameras["b"].flux).all()
    assert (again[3] == meta).all()


def test_recipe():
    settings = SightlineSettings.from_recipe({"boost": 2.0, "quasars": {"bal": 0.5}})
    assert settings.boost == 2.0
    assert settings.quasars.bal == 0.5
    with pytest.raises(ValueError, match="unknown: quasars: ball; boosted; conditions: nice"):
        SightlineSettings.from_recipe({"boosted": 1, "conditions": "nice", "quasars": {"ball": 1}})

"""Continua, iron, and the smooth random functions."""

import numpy as np
import pytest

from desinn.simulate.continuum import Iron, balmer, power_laws, wiggles
from desinn.simulate.grid import WAVE


def rest(z):
    return WAVE / (1 + np.asarray(z)[:, np.newaxis])


def test_power_law_has_its_slope_and_is_one_at_2000():
    z = np.full(300, 1.0)
    flux = power_laws(np.random.default_rng(1), rest(z), slope=(-1.5, 0.0))
    x = np.log10(rest(z))
    inner = (rest(z)[0] > 1900) & (rest(z)[0] < 4500)
    slopes = [np.polyfit(a[inner], np.log10(b[inner]), 1)[0] for a, b in zip(x, flux, strict=True)]
    assert slopes == pytest.approx(np.full(300, -1.5), abs=0.01)
    assert flux[0][np.abs(rest(z)[0] - 2000).argmin()] == pytest.approx(1, rel=0.01)


def test_the_continuum_is_flatter_beyond_the_breaks():
    z = np.full(200, 0.5)
    flux = power_laws(np.random.default_rng(2), rest(z), slope=(-1.5, 0.0))
    red = rest(z)[0] > 5200
    slopes = [np.polyfit(np.log10(rest(z)[0][red]), np.log10(row[red]), 1)[0] for row in flux]
    assert np.mean(slopes) == pytest.approx(-0.55, abs=0.15)


def test_balmer_bump_is_small_and_ends_in_the_red():
    bump = balmer(np.random.default_rng(1), rest([0.5, 0.5]))
    assert bump.min() >= 0
    assert bump.max() <= 0.25
    assert bump[:, rest([0.5])[0] > 4300].max() < 1e-6


@pytest.mark.parametrize("template", [False, True])
def test_iron_has_the_strength_that_is_asked_for(template):
    wave = np.linspace(1000, 7500, 6000)
    flux = np.exp(-0.5 * ((wave - 2500) / 150) ** 2) * (1 + 0.3 * np.sin(wave / 10))
    iron = Iron(wave, flux) if template else Iron()
    z = np.full(50, 1.2)
    drawn = iron.draw(np.random.default_rng(1), z, strength=(-0.5, 0.0))
    bump = (rest(z)[0] > 2200) & (rest(z)[0] < 2700)
    assert drawn[:, bump].mean(axis=1) == pytest.approx(np.full(50, 10**-0.5), rel=0.02)
    assert np.isfinite(drawn).all()


def test_iron_in_the_optical_varies_on_its_own():
    drawn = Iron().draw(np.random.default_rng(1), np.full(100, 0.5), strength=(0.0, 0.0))
    at = [np.abs(rest([0.5])[0] - wave).argmin() for wave in (2500, 4570)]
    ratio = drawn[:, at[1]] / drawn[:, at[0]]
    assert np.log10(ratio).std() == pytest.approx(0.25, abs=0.08)


def test_wiggles_go_through_what_was_drawn():
    drawn = wiggles(np.random.default_rng(1), 5000, 4, 0.3, 91)
    assert drawn.shape == (5000, 91)
    assert drawn[:, [0, 30, 60, 90]].std(axis=0) == pytest.approx(np.full(4, 0.3), rel=0.05)
    assert np.abs(np.diff(drawn, axis=1)).max() < 0.15

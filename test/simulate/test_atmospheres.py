"""Parametric stars show what their types are known by."""

import numpy as np
import pytest

from desinn.simulate.atmospheres import BALMER, KINDS, Atmospheres, black_body
from desinn.simulate.grid import WAVE

N = 40


@pytest.fixture(scope="module")
def models():
    """All of them on the observed grid."""
    return Atmospheres(WAVE)


def mean(models, kind):
    """Return the mean spectrum of a kind, 1 at 5500 A."""
    flux = models.draw(np.random.default_rng(4), kind, N)
    return (flux / level(flux, 5500)[:, None]).mean(axis=0)


def level(flux, wave, width=15):
    """Return the mean flux about a wavelength."""
    return flux[..., np.abs(WAVE - wave) < width].mean(axis=-1)


@pytest.mark.parametrize("kind", [*KINDS, "WD"])
def test_spectra_are_positive_and_differ(models, kind):
    flux = models.draw(np.random.default_rng(4), kind, N)
    assert flux.shape == (N, WAVE.size)
    assert flux.dtype == np.float32
    assert np.isfinite(flux).all()
    assert flux.min() > 0
    assert np.ptp(level(flux, 5000) / level(flux, 8000)) > 0.05


def test_the_balmer_lines_are_those_of_the_vacuum():
    np.testing.assert_allclose(BALMER[:4], [6564.6, 4862.7, 4341.7, 4102.9], atol=0.1)


def test_a_black_body_peaks_where_wien_says():
    wave = np.arange(3000, 12000, 5.0)
    flux = black_body(wave, [5000.0, 9000.0])
    np.testing.assert_allclose(wave[flux.argmax(axis=1)], 2.897771955e7 / np.array([5e3, 9e3]),
                               rtol=2e-3)  # fmt: skip
    np.testing.assert_allclose(flux[:, wave == 5500], 1, rtol=1e-6)


@pytest.mark.parametrize(("kind", "wave"), [
    ("A", 4862.7), ("B", 4862.7), ("F", 3934.8), ("G", 4305), ("K", 5175), ("M", 7080),
    ("BHB", 4341.7), ("DA", 4862.7), ("DB", 5877), ("CARBON", 5150), ("LDWARF", 7680),
])  # fmt: skip
def test_absorption_that_marks_the_type(models, kind, wave):
    flux = mean(models, kind)
    assert level(flux, wave, 5) < 0.93 * max(level(flux, wave - 130), level(flux, wave + 130))


def test_the_balmer_jump(models):
    flux = mean(models, "A")
    assert level(flux, 3600) < 0.7 * level(flux, 4030)


def test_lines_of_white_dwarfs_are_broad(models):
    ordinary, dwarf = (mean(models, kind) for kind in ("A", "DA"))
    wing = [level(flux, 4903, 5) / level(flux, 5000, 5) for flux in (ordinary, dwarf)]
    assert wing[1] < wing[0] - 0.05


def test_cataclysmic_variables_shine_in_lines(models):
    flux = mean(models, "CV")
    assert level(flux, 6564.6, 5) > 1.2 * level(flux, 6450)


def test_hot_is_blue_and_cool_is_red(models):
    colour = [level(mean(models, kind), 4000) / level(mean(models, kind), 8000)
              for kind in ("B", "A", "F", "G", "K", "M")]  # fmt: skip
    assert (np.diff(colour) < 0).all()

"""Light in the fibres: lines between rows, bright lines' pixels, spectra, kinds of exposures."""

import numpy as np
import pytest

from desinn.simulate.ccd import sources
from desinn.simulate.ccd.kinds import lamp_peaks, loguniform, make_light
from desinn.simulate.ccd.light import (
    add_lines,
    dispersion,
    line_mask,
    make_lines,
    no_light,
    resampled,
)
from desinn.simulate.ccd.optics import make_optics
from desinn.simulate.ccd.settings import KINDS, CcdSettings
from desinn.simulate.ccd.spectrograph import parametric_psf


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def optics():
    return make_optics(parametric_psf("r"), (120, 100), (1500, 1500))


@pytest.mark.parametrize("row", [30.0, 30.25, 30.5, 30.9])
@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.69, 0.71, 3.0])
def test_lines_keep_light_place_and_width(row, sigma):
    electrons = np.zeros((2, 60), np.float32)
    add_lines(electrons, make_lines(1, row, sigma, 1000.0))
    assert not electrons[0].any()
    light, rows = electrons[1].astype(float), np.arange(60)
    assert light.sum() == pytest.approx(1000, rel=1e-4)
    centre = light @ rows / 1000
    assert centre == pytest.approx(row, abs=0.01)
    assert light @ (rows - row) ** 2 / 1000 == pytest.approx(sigma**2, rel=0.01, abs=0.01)


def test_a_line_at_the_edge_loses_its_other_half():
    electrons = np.zeros((1, 10), np.float32)
    add_lines(electrons, make_lines([0, 0], [0.0, 9.4], [2.0, 0.0], 100.0))
    assert 100 < electrons.sum() < 170


def test_lines_beyond_the_ccd_are_left_out():
    assert make_lines([0, 1], [np.nan, 2.0], 0.0, 1.0)["FIBER"].tolist() == [1]


def test_bright_lines_pixels(optics):
    fiber, row = 5, 60.0
    x = optics.x[fiber, 60]
    wide, tall = optics.widths()[fiber, :, 60]
    variance = np.full(optics.shape, 9.0)
    faint, bright = (make_lines(fiber, row, 2.0, light) for light in (100.0, 1000.0))
    assert not line_mask(optics, faint, variance).any()
    mask = line_mask(optics, bright, variance)
    rows, columns = np.nonzero(mask)
    assert rows.min() == np.ceil(row - 2.3548 * np.hypot(tall, 2.0))
    assert rows.max() == np.floor(row + 2.3548 * np.hypot(tall, 2.0))
    assert columns.min() >= x - 2.3548 * wide - 0.1
    assert columns.max() <= x + 2.3548 * wide + 0.1
    assert mask[60, round(x)]
    assert not line_mask(optics, bright, 100 * variance).any()


def test_a_resampled_spectrum_keeps_its_light(optics):
    wave = np.arange(5000, 8000, 0.1)
    flat = resampled(optics, wave, np.full(wave.size, 3.0))
    step = np.diff(optics.wave, axis=1)
    np.testing.assert_allclose(flat[:, 1:-1], 1.5 * (step[:, 1:] + step[:, :-1]), rtol=1e-6)
    line = np.zeros(wave.size)
    line[np.searchsorted(wave, optics.wave[3, 50])] = 20.0
    found = resampled(optics, wave, line)
    assert found[3].sum() == pytest.approx(2.0, rel=1e-3)
    assert found[3].argmax() == pytest.approx(50, abs=1)


def test_lamp_peaks_are_found():
    wave = np.arange(4000, 5000, 0.1)
    density = np.full(wave.size, 0.01)
    for where, strength in ((4100.0, 5.0), (4600.0, 50.0)):
        density += (
            strength * np.exp(-0.5 * ((wave - where) / 0.2) ** 2) / (0.2 * np.sqrt(2 * np.pi))
        )
    found, strength = lamp_peaks(wave, density)
    np.testing.assert_allclose(found, [4100, 4600], atol=0.11)
    np.testing.assert_allclose(strength, [5, 50], rtol=0.02)


def test_numbers_even_in_the_logarithm(rng):
    drawn = loguniform(rng, (1.0, 100.0), 4000)
    assert drawn.min() >= 1
    assert drawn.max() <= 100
    assert np.median(drawn) == pytest.approx(10, rel=0.1)
    assert loguniform(rng, (0.0, 0.0)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(rng, optics, kind):
    light = make_light(rng, kind, optics, 900.0, CcdSettings())
    assert light.electrons.shape == optics.x.shape
    assert light.electrons.dtype == np.float32
    assert np.isfinite(light.electrons).all()
    assert light.electrons.any() == (kind not in ("dark", "bias"))
    assert (light.lines.size > 0) == (kind in ("arc", "science"))


def test_a_sky_and_a_lamp_from_outside(rng, optics):
    wave = np.arange(5500, 8000, 0.1)
    density = np.zeros(wave.size)
    density[np.searchsorted(wave, optics.wave.mean()) + np.arange(3)] = [50, 100, 50]
    arc = make_light(rng, "arc", optics, 5.0, CcdSettings(), lamps=(wave, density))
    assert arc.lines.size == len(optics.x)
    row = int(np.rint(arc.lines["ROW"][3]))
    fiber = arc.lines["FIBER"][3]
    assert arc.electrons[fiber].argmax() == pytest.approx(row, abs=1)
    quiet = CcdSettings(objects=(1e-9, 1e-9), lines=(1e-9, 1e-9), standards=(0.0, 0.0))
    sky = make_light(rng, "science", optics, 900.0, quiet, sky=(wave, density))
    assert sky.electrons[fiber].argmax() == pytest.approx(row, abs=1)


def test_longer_exposures_have_more_light(optics):
    short, long = (
        make_light(np.random.default_rng(2), "science", optics, seconds, CcdSettings())
        for seconds in (100.0, 1000.0)
    )
    np.testing.assert_allclose(long.electrons, 10 * short.electrons, rtol=1e-3, atol=0.1)
    np.testing.assert_allclose(long.lines["ELECTRONS"], 10 * short.lines["ELECTRONS"])


def test_science_has_sky_everywhere(optics):
    """But for broken fibres."""
    light = make_light(np.random.default_rng(3), "science", optics, 900.0, CcdSettings())
    assert (np.median(light.electrons, axis=1) > 10).mean() > 0.8


def test_galaxies_lines_are_where_redshifts_put_them(rng, optics):
    middle = optics.wave.mean()
    z = np.array([middle / 5008.24 - 1])
    lines = sources.emission_lines(rng, optics, np.array([2]), z, np.array([500.0]))
    expected = optics.rows_at([middle])[2, 0]
    assert np.abs(lines["ROW"] - expected).min() < 1e-6
    assert (lines["FIBER"] == 2).all()


def test_redshifts_aim_at_the_arm(rng):
    z = sources.redshifts(rng, 400, (7500.0, 9800.0))
    assert z.min() >= 0.01
    assert z.max() <= 1.7
    oii = 3728.5 * (1 + z)
    assert 0.2 < np.mean((oii > 7500) & (oii < 9800)) < 0.9


def test_continua_have_mean_one(rng):
    wave = np.linspace(3600, 9800, 300) * np.ones((4, 1))
    drawn = (sources.galaxies(rng, wave, np.full(4, 0.3)), sources.quasars(rng, wave))
    for flux in (*drawn, sources.stars(rng, wave)):
        np.testing.assert_allclose(flux.mean(axis=1), 1)
        assert flux.min() >= 0


def test_no_fibres_no_light(rng):
    dark = make_optics(parametric_psf("b"), (20, 20), (700, 10))
    assert make_light(rng, "flat", dark, 10.0, CcdSettings()).electrons.shape == (0, 20)
    assert not no_light(dark).lines.size


def test_one_row_has_no_dispersion_of_its_own():
    one = make_optics(parametric_psf("b"), (1, 30), (700, 2000))
    np.testing.assert_array_equal(dispersion(one), np.ones_like(one.wave))

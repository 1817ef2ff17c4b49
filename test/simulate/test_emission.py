"""Emission lines: where they stand, how strong and wide they are, what varies."""

import numpy as np
import pytest

from desinn.simulate.emission import (
    LINES,
    Profiles,
    add_lines,
    draw_lines,
    lines_of_composite,
    lines_of_trends,
)
from desinn.simulate.grid import C_KMS, EDGES, SIZE, WAVE


def one_line(wave, sigma, ew, asymmetry=0.0):
    return Profiles(*(np.array([[float(value)]]) for value in (wave, sigma, ew, asymmetry)))


@pytest.mark.parametrize(("wave", "z"), [(1549.0, 2.3), (2799.1, 1.0), (6564.6, 0.2)])
@pytest.mark.parametrize("sigma", [400.0, 3000.0])
def test_a_line_has_its_place_width_and_equivalent_width(wave, z, sigma):
    ratio = np.zeros((1, SIZE), np.float32)
    add_lines(ratio, np.array([z]), one_line(wave, sigma, 25.0))
    step = np.diff(EDGES)
    area = (ratio[0] * step).sum()
    assert area / (1 + z) == pytest.approx(25.0, rel=0.01)
    centre = (ratio[0] * WAVE * step).sum() / area
    assert centre == pytest.approx(wave * (1 + z), rel=2e-4)
    velocity = np.log(WAVE / (wave * (1 + z))) * C_KMS
    width = np.sqrt((ratio[0] * step * velocity**2).sum() / area)
    assert width == pytest.approx(sigma, rel=0.03)


def test_asymmetry_moves_the_centre_to_the_blue():
    ratio = np.zeros((1, SIZE), np.float32)
    add_lines(ratio, np.array([1.0]), one_line(2800, 2000, 20, 0.3))
    assert (ratio[0] * WAVE).sum() / ratio[0].sum() < 5595
    assert WAVE[ratio[0].argmax()] == pytest.approx(5600, abs=1)


def test_lines_off_the_grid_are_left_out():
    ratio = np.zeros((1, SIZE), np.float32)
    add_lines(ratio, np.array([6.0]), one_line(4862, 2000, 20))
    assert not ratio.any()


def test_only_the_rows_that_see_a_line_get_it():
    ratio = np.zeros((2, SIZE), np.float32)
    lines = Profiles(*(np.full((2, 1), value) for value in (1549.0, 2000.0, 20.0, 0.0)))
    add_lines(ratio, np.array([0.1, 2.0]), lines)
    assert not ratio[0].any()
    assert ratio[1].any()


def test_brighter_quasars_have_weaker_lines():
    rng = np.random.default_rng(1)
    faint = draw_lines(rng, np.full(400, -23.0)).equivalent_width
    bright = draw_lines(rng, np.full(400, -28.0)).equivalent_width
    civ = [line[0] for line in LINES].index("CIV broad")
    assert np.median(faint[:, civ]) > 1.8 * np.median(bright[:, civ])


def test_shifts_are_small_and_civ_is_blueshifted():
    lines = draw_lines(np.random.default_rng(1), np.full(500, -25.0))
    names, rest = [line[0] for line in LINES], np.array([line[1] for line in LINES])
    shift = np.median((lines.wave / rest - 1) * C_KMS, axis=0)
    assert -900 < shift[names.index("CIV broad")] < -500
    assert abs(shift[names.index("MgII broad")]) < 50
    assert (np.abs(lines.asymmetry) <= 0.5).all()


def trends():
    table = np.zeros(1, [("wavelength", "f8", (3, 2)), ("logEW", "f8", (3, 2)),
                         ("logWidth", "f8", (3, 2))])  # fmt: skip
    table["wavelength"] = [[[0, 1549], [0, 1548], [0, 1550]]]
    table["logEW"] = [[[0.1, 4.0], [0.1, 3.9], [0.1, 4.1]]]
    table["logWidth"] = [[[0, 1.0], [0, 0.95], [0, 1.05]]]
    return table


def test_trends_with_magnitude_are_those_of_the_table():
    lines = lines_of_trends(np.random.default_rng(1), np.full(2000, -25.0), trends())
    log_ew = np.log10(lines.equivalent_width)
    assert log_ew.mean() == pytest.approx(0.1 * (-25 - 0.89) + 4, abs=0.02)
    assert log_ew.std() == pytest.approx(np.hypot(0.1, 0.12), abs=0.015)
    assert np.median(lines.wave) == pytest.approx(1549, abs=0.2)


def test_a_composite_has_the_laboratory_wavelengths_of_the_main_lines():
    table = np.zeros(2, [("OWave", "f8"), ("EqWid", "f8"), ("Width", "f8"), ("Skew", "f8")])
    table["OWave"], table["EqWid"], table["Width"] = [4853.1, 5008.2], [46, 13], [40, 6]
    lines = lines_of_composite(np.random.default_rng(1), np.full(1000, -25.5), table)
    assert np.median(lines.wave, axis=0) == pytest.approx([4862.68, 5008.2], abs=0.3)
    assert np.median(lines.equivalent_width[:, 0]) == pytest.approx(46, rel=0.1)

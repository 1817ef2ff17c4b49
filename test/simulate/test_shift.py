"""Rest-frame tables and redshifts as shifts."""

import numpy as np
import pytest

from desinn.simulate import shift
from desinn.simulate.grid import EDGES, SIZE, WAVE


def test_cells_are_those_of_the_grid():
    np.testing.assert_allclose(shift.cell_of(EDGES), np.arange(SIZE + 1), atol=1e-8)
    np.testing.assert_allclose(shift.rest_wave(0, SIZE), WAVE)
    np.testing.assert_allclose(shift.rest_edges(0, SIZE), EDGES)


def test_the_whole_table_reaches_from_461_to_10570():
    wave = shift.rest_wave()
    assert wave.size == shift.REST_SIZE
    assert wave[0] * 7.5 < WAVE[0]
    assert wave[-1] > WAVE[-1]


@pytest.mark.parametrize("step", [0.1, 7.0])
def test_straight_functions_are_averaged_exactly(step):
    wave = np.arange(3000, 12000, step)
    table = shift.rest_table(wave, [2 * wave + 1, np.ones_like(wave)], 0, SIZE)
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    np.testing.assert_allclose(table, [2 * centres + 1, np.ones(SIZE)], rtol=2e-7)
    assert table.dtype == np.float32


def test_nothing_is_lost_of_a_narrow_line():
    wave = np.arange(4990, 5010, 0.01)
    line = np.exp(-0.5 * ((wave - 5000.3) / 0.05) ** 2)
    table = shift.rest_table(wave, line, 1500, 100, fill=0)
    total = (table[0] * np.diff(shift.rest_edges(1500, 100))).sum()
    assert total == pytest.approx(0.05 * np.sqrt(2 * np.pi), rel=1e-5)


def test_cells_that_are_not_covered_wholly():
    edges = shift.rest_edges(0, 10)
    wave = np.linspace(edges[2] + 0.01, edges[7] + 0.01, 50)
    good = np.isfinite(shift.rest_table(wave, np.ones(50), 0, 10)[0])
    np.testing.assert_array_equal(np.flatnonzero(good), [3, 4, 5, 6])
    filled = shift.rest_table(wave, np.ones(50), 0, 10, fill=-1)[0]
    np.testing.assert_array_equal(filled == -1, ~good)


@pytest.mark.parametrize("wave", [[1, 2, 2], [1, 2], [[1, 2, 3]]])
def test_points_that_do_not_fit(wave):
    with pytest.raises(ValueError, match="expected rising wavelengths"):
        shift.rest_table(wave, np.ones((2, 3)))


@pytest.fixture(scope="module")
def table():
    """The wavelength itself, and a line of 3 A at 1215.67 A."""
    wave = np.arange(400, 11000, 0.5)
    line = np.exp(-0.5 * ((wave - 1215.67) / 3) ** 2)
    return shift.rest_table(wave, [wave, line])


def test_values_are_those_of_the_rest_wavelength(table):
    z = np.array([-0.001, 0, 0.05, 2.34567, 6.5])
    seen = shift.redshifted(table, shift.REST_FIRST, z)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, WAVE / (1 + z[:, None]), rtol=3e-7)


def test_a_line_is_where_it_belongs(table):
    z = np.array([2.0, 2.00011, 4.5])
    seen = shift.redshifted(table, shift.REST_FIRST, z, 1)
    weight = seen * WAVE  # the cells widen
    centre = (weight * WAVE).sum(axis=1) / weight.sum(axis=1)
    np.testing.assert_allclose(centre, 1215.67 * (1 + z), rtol=3e-6)  # 1 km/s


def test_each_spectrum_has_its_row(table):
    seen = shift.redshifted(table, shift.REST_FIRST, [1, 1.0], [1, 0])
    np.testing.assert_array_equal(seen[1], shift.redshifted(table, shift.REST_FIRST, [1], 0)[0])
    assert not np.array_equal(seen[0], seen[1])


def test_no_spectra(table):
    assert shift.redshifted(table, shift.REST_FIRST, []).shape == (0, SIZE)


@pytest.mark.parametrize("z", [6.7, -0.01])
def test_a_redshift_that_the_table_does_not_cover(table, z):
    with pytest.raises(ValueError, match=r"covers z from -0\.00459 to 6\.59, found z from"):
        shift.redshifted(table, shift.REST_FIRST, [z])


@pytest.mark.parametrize("z", [6.585, -0.00458])
def test_the_limits_that_it_names_are_covered(table, z):
    assert np.isfinite(shift.redshifted(table, shift.REST_FIRST, [z])).all()

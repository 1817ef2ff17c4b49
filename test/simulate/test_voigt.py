"""Voigt profiles against hand values, and lines pressed into spectra."""

import numpy as np
import pytest

from desinn.simulate import voigt
from desinn.simulate.grid import C_KMS, CELL_KMS, SIZE, WAVE

LYA = voigt.LINES["Lya"][0]


def test_wavelengths_and_strengths_of_hydrogen():
    """Morton (2003)."""
    published = {
        "Lya": (1215.6701, 0.4164),
        "Lyb": (1025.7223, 0.0791),
        "Lyg": (972.5368, 0.0290),
        "Lyz": (930.7483, 0.00481),
        "Ly10": (920.963, 0.00160),
    }
    for name, (wave, strength) in published.items():
        assert voigt.LINES[name][0] == pytest.approx(wave, rel=2e-6)
        assert voigt.LINES[name][1] == pytest.approx(strength, rel=5e-3)


def test_names_of_the_series():
    assert voigt.LYMAN[:7] == ("Lya", "Lyb", "Lyg", "Lyd", "Lye", "Lyz", "Ly8")
    assert len(voigt.LYMAN) == voigt.SERIES - 1


def test_depth_at_the_centre():
    """1.497e-15 N f lambda / b."""
    by_hand = 1.497e-15 * 1e14 * 0.4162 * 1215.67 / 30
    assert voigt.voigt_tau(LYA * 3, 2.0, 14.0) == pytest.approx(by_hand, rel=1e-3)


def test_damping_wing():
    """A damped line of log N = 20 is 7.3 A wide; then tau = 7.3^2 / (4 pi distance^2)."""
    tau = voigt.voigt_tau(LYA + np.array([5.0, -5.0]), 0.0, 20.0)
    assert tau == pytest.approx(7.3**2 / (4 * np.pi * 25), rel=0.02)
    half, whole = voigt.voigt_tau(LYA + np.array([10.0, 20.0]), 0.0, 20.0)
    assert half / whole == pytest.approx(4, rel=0.02)


def test_area_is_that_of_the_oscillator_strength():
    """The integral of tau over frequency is pi e^2 / (m c) f N whatever b is."""
    velocity = np.linspace(-4000, 4000, 160001)
    wave = LYA / (1 + velocity / C_KMS)  # even steps of frequency
    for b in (15.0, 60.0):
        tau = voigt.voigt_tau(wave, 0.0, 13.0, b)
        frequency = 2.99792458e18 / LYA * (velocity[1] - velocity[0]) / C_KMS
        assert tau.sum() * frequency == pytest.approx(0.02654 * 0.4162 * 1e13, rel=2e-3)


def test_profile_is_the_convolution_that_it_stands_for():
    a, u = 0.05, np.array([0.0, 0.7, 2.0, 5.0])
    y = np.linspace(-10, 10, 200001)
    kernel = np.exp(-(y**2)) / ((u[:, None] - y) ** 2 + a**2)
    by_sum = a / np.pi * kernel.sum(axis=1) * (y[1] - y[0])
    assert voigt.profile(u, a) == pytest.approx(by_sum, rel=1e-6)
    assert voigt.profile(u, 0.0) == pytest.approx(np.exp(-(u**2)))


def test_metal_lines_by_name():
    tau = voigt.voigt_tau(1526.7070 * 3.5, 2.5, 14.0, 20.0, "SiII 1526")
    assert tau == pytest.approx(1.497e-15 * 1e14 * 0.133 * 1526.7 / 20, rel=1e-3)


def test_limit_falls_with_the_cube():
    wave = voigt.LYMAN_LIMIT * 4 * np.array([0.999999, 0.5, 1.01])
    tau = voigt.limit_tau(wave, 3.0, 17.0)
    assert tau == pytest.approx([0.63, 0.63 / 8, 0], rel=1e-3)


def test_limit_goes_on_where_the_lines_end():
    """Blended lines of the series are as deep as the continuum: for a thin system, on average."""
    level = 16
    wave, strength, _ = voigt.LINES[f"Ly{level}"]
    # The line's area in A, spread over the distance between its neighbours.
    area = 8.853e-21 * strength * wave**2 * 1e17
    edges = [voigt.LYMAN_LIMIT / (1 - (level + half) ** -2) for half in (0.5, -0.5)]
    assert area / (edges[1] - edges[0]) == pytest.approx(0.63, rel=0.1)
    assert voigt.limit_edge() * voigt.LYMAN_LIMIT == pytest.approx(edges[0])


@pytest.mark.parametrize("log_n", [13.0, 18.0, 20.3, 21.5])
def test_imprint_is_the_profile(log_n):
    """Averaged over cells, to 1e-3 in transmission; wings cut where they are less."""
    z, b = 2.5, 30.0
    rest, strength, gamma = voigt.LINES["Lya"]
    seen = np.ones((2, SIZE), "f4")
    depth = voigt.central_depth(log_n, rest, strength, b)
    voigt.imprint(seen, [1], [rest * (1 + z)], depth, b, voigt.damping(rest, gamma, b))
    fine = 10 ** (np.log10(WAVE[:, None]) + 1e-4 * ((np.arange(51) + 0.5) / 51 - 0.5))
    exact = np.exp(-voigt.voigt_tau(fine, z, log_n, b)).mean(axis=1)
    core = 0.04 if log_n < 20 else 0.006  # a few samples in a cell at the edges of the core
    assert np.abs(seen[1] - exact).max() < core
    assert np.abs(seen[1] - exact).mean() < 1e-3
    wing = (np.abs(WAVE / (rest * (1 + z)) - 1) * C_KMS) > 400
    assert np.abs(seen[1] - exact)[wing].max() < 1.5e-3
    assert (seen[0] == 1).all()


def test_equivalent_width_of_a_line_narrower_than_a_cell():
    """Wherever it lies in its cell."""
    for wave in 5000 * 10 ** (1e-4 * np.linspace(0, 1, 7)):
        seen = np.ones((1, SIZE), "f4")
        voigt.imprint(seen, [0], [wave], 0.1, 20.0)
        width = (1 - seen).sum() * CELL_KMS
        assert width == pytest.approx(0.1 * 20 * np.sqrt(np.pi), rel=0.06)
        centre = (WAVE * (1 - seen[0])).sum() / (1 - seen[0]).sum()
        assert centre == pytest.approx(wave, abs=0.2)


def test_imprint_at_and_beyond_the_ends():
    seen = np.ones((1, SIZE), "f4")
    voigt.imprint(seen, [0, 0], [3000.0, 12000.0], 5.0, 50.0)
    assert (seen == 1).all()
    voigt.imprint(seen, [0, 0], [WAVE[0], WAVE[-1]], 5.0, 50.0)
    assert seen[0, [0, -1]].max() < 0.1
    assert (seen[0, 50:-50] == 1).all()


def test_lines_of_one_row_multiply_and_weak_ones_are_left_out():
    once, twice = np.ones((2, 1, SIZE), "f4")
    voigt.imprint(once, [0], [5000.0], 0.5, 100.0)
    voigt.imprint(twice, [0, 0, 0], [5000.0, 5000.0, 6000.0], [0.5, 0.5, 1e-3], 100.0)
    assert twice == pytest.approx(once**2, abs=1e-6)


def test_no_lines():
    seen = np.ones((1, SIZE), "f4")
    voigt.imprint(seen, np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros(0))
    assert (seen == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"line": "Lyq"}, "expected one of Lya, Lyb, .* found 'Lyq'"), ({"b": 0.0}, "above 0 km/s")],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        voigt.voigt_tau(4000.0, 2.5, 20.0, **options)

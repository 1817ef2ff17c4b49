"""Narrow lines: where, how strong, how wide."""

import numpy as np
import pytest

from desinn.simulate.grid import SIZE, WAVE
from desinn.simulate.nebula import GASES, LINES, add_lines
from desinn.simulate.profiles import cell_width


def drawn(kind, z=0.3, n=400):
    """Return what is added to continua of 1."""
    flux = np.ones((n, SIZE), "f4")
    add_lines(np.random.default_rng(2), flux, np.full(n, z), kind)
    return flux - 1


def strength(added, name, z=0.3, near=8):
    """Return the observed equivalent width of a line."""
    cells = np.abs(WAVE / (LINES[name] * (1 + z)) - 1) < near * 1e-4
    return (added[:, cells] * cell_width(WAVE[cells])).sum(axis=1)


def all_oxygen(added, z=0.3):
    """Return the observed equivalent width of the doublet [OII]."""
    cells = np.abs(WAVE / (3728.5 * (1 + z)) - 1) < 7e-3
    return (added[:, cells] * cell_width(WAVE[cells])).sum(axis=1)


@pytest.mark.parametrize("kind", GASES)
def test_oxygen_is_as_strong_as_said(kind):
    median = np.log10(np.median(all_oxygen(drawn(kind)) / 1.3))
    assert median == pytest.approx(GASES[kind].strength[0], abs=0.1)


@pytest.mark.parametrize("z", [0.1, 0.8, 1.6])
def test_lone_oxygen_is_alone(z):
    added = drawn("LONE OII", z)
    beyond = np.abs(WAVE / (3728.5 * (1 + z)) - 1) > 8e-3
    assert np.abs(added[:, beyond]).max() < 1e-4
    assert (all_oxygen(added, z) > 1).all()


def test_the_doublet_is_split_where_lines_are_narrow():
    added = drawn("LONE OII", 1.0)
    cells = np.abs(WAVE / (3728.5 * 2) - 1) < 2e-3
    peaks = added[:, cells]
    inner = (peaks[:, 1:-1] > peaks[:, :-2]) & (peaks[:, 1:-1] > peaks[:, 2:])
    found = set(inner.sum(axis=1))
    assert found == {1, 2}


def test_widths_are_between_the_limits():
    added = drawn("STARBURST", 0.3)
    cells = np.abs(WAVE / (LINES["Hbeta"] * 1.3) - 1) < 0.006
    velocity = (WAVE[cells] / (LINES["Hbeta"] * 1.3) - 1) * 299792
    weight = added[:, cells] / added[:, cells].sum(axis=1, keepdims=True)
    sigma = np.sqrt((weight * velocity**2).sum(axis=1))
    assert 40 < sigma.min() < 60
    assert 260 < sigma.max() < 305


def test_ratios_that_physics_fixes():
    added = drawn("STARBURST")
    narrow = added[strength(added, "[OIII]4960") > 0.5]
    ratio = strength(narrow, "[OIII]5008", near=40) / strength(narrow, "[OIII]4960", near=40)
    np.testing.assert_allclose(ratio, 2.98, rtol=0.02)


def test_active_nuclei_have_strong_oxygen_and_hard_lines():
    quiet, active = drawn("ELG"), drawn("TYPE2")
    ratios = [np.median(strength(one, "[OIII]5008") / strength(one, "Hbeta"))
              for one in (quiet, active)]  # fmt: skip
    assert ratios[1] > 3 * ratios[0]
    assert np.median(strength(active, "[NeV]3427")) > 0.1
    assert np.abs(strength(quiet, "[NeV]3427")).max() < 1e-3


def test_the_decrement_is_that_of_hydrogen_or_more():
    added = drawn("ELG")
    ratio = np.median(strength(added, "Halpha", near=6) / strength(added, "Hbeta", near=6))
    assert 2.8 < ratio < 4.5


def test_galaxies_without_gas():
    assert not drawn("PASSIVE").any()


def test_lines_beyond_the_grid_add_nothing():
    assert np.isfinite(drawn("ELG", 1.7)).all()
    assert not drawn("LONE OII", 2.0).any()


def test_no_galaxies():
    add_lines(np.random.default_rng(1), np.zeros((0, SIZE), "f4"), np.zeros(0), "ELG")

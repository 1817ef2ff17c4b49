"""Absorbers: what they look like."""

import numpy as np
import pytest

from desinn.simulate import absorbers, columns, voigt
from desinn.simulate.columns import ABSORBER
from desinn.simulate.grid import CELL_KMS, SIZE, WAVE

LYA = voigt.LINES["Lya"][0]


@pytest.fixture
def rng():
    return np.random.default_rng(20260729)


def systems(*values):
    """Return (row, z, log N) as a table."""
    return np.array([*values], ABSORBER)


def cells(wave, half=3):
    middle = np.searchsorted(WAVE, wave)
    return slice(middle - half, middle + half + 1)


def width(seen, rest, z, half=25):
    """Return the rest equivalent width of what is around a line, A."""
    part = cells(rest * (1 + z), half)
    return (1 - seen[part]).sum() * rest * CELL_KMS / 299792.458


@pytest.mark.parametrize("log_n", [19.0, 20.3, 22.0])
def test_a_damped_line_is_its_profile(rng, log_n):
    z = 2.6
    seen = absorbers.hi_transmission(rng, systems((1, z, log_n)), 2, metals=False)
    assert seen.shape == (2, SIZE)
    assert seen.dtype == np.float32
    assert (seen[0] == 1).all()
    part = 1170 * (1 + z) < WAVE  # away from Lyman-beta
    distance = np.abs(WAVE / LYA / (1 + z) - 1) * 299792.458 > 500  # where b does not matter
    exact = np.exp(-voigt.voigt_tau(WAVE, z, log_n))
    assert np.abs(seen[1] - exact)[part & distance].max() < 2e-3
    assert seen[1, cells(LYA * (1 + z), 1)].max() < 1e-3


def test_the_series_and_the_limit(rng):
    z, log_n = 3.4, 17.6
    seen = absorbers.hi_transmission(rng, systems((0, z, log_n)), 1, metals=False)[0]
    for name in voigt.LYMAN[:6]:
        assert seen[cells(voigt.LINES[name][0] * (1 + z), 1)].min() < 0.5
    limit = voigt.LYMAN_LIMIT * (1 + z)
    below = (limit * 0.999 > WAVE) & (limit * 0.95 < WAVE)
    tau = 6.30e-18 * 10**log_n * (WAVE[below] / limit) ** 3
    assert seen[below] == pytest.approx(np.exp(-tau), abs=1e-4)
    assert seen[cells(1100 * (1 + z), 20)].min() == 1


def test_metals_go_with_hydrogen(rng):
    """Strong low-ion lines of DLAs are about 0.5 A wide; of Lyman limits far less."""
    z, n = 2.3, 300
    widths = []
    for log_n in (17.5, 20.8):
        table = systems(*((i, z, log_n) for i in range(n)))
        seen = absorbers.hi_transmission(rng, table, n)
        widths.append(np.median([width(row, 1526.707, z) for row in seen]))
    assert widths[0] < 0.1
    assert 0.2 < widths[1] < 1.2


def test_metals_can_be_left_out(rng):
    table = systems((0, 2.3, 21.5))
    with_metals, without = (
        absorbers.hi_transmission(rng, table, 1, metals=flag)[0] for flag in (True, False)
    )
    for name in ("CII 1334", "SiII 1526", "AlII 1670", "FeII 2382", "MgII 2796", "CIV 1548"):
        part = cells(voigt.LINES[name][0] * 3.3, 4)
        assert with_metals[part].min() < without[part].min() - 0.02, name


def test_no_absorbers(rng):
    seen = absorbers.hi_transmission(rng, systems(), 3)
    assert seen.shape == (3, SIZE)
    assert (seen == 1).all()


@pytest.mark.parametrize("row", [-1, 2])
def test_rows_out_of_range(rng, row):
    with pytest.raises(ValueError, match=f"expected rows 0 to 1, found {row}"):
        absorbers.hi_transmission(rng, systems((0, 2.5, 20.0), (row, 2.5, 20.0)), 2)


def test_doublets_of_metals(rng):
    """MgII: dN/dz of 1.0 at z = 2 wider than 0.2 A."""
    z = np.full(3000, 2.4)
    row, at = absorbers._draw_doublets(rng, z, "MgII", 1.0, 0.5)
    inside = (at > 1.8) & (at < 2.2)
    assert inside.sum() / 3000 / 0.4 == pytest.approx(1.0, rel=0.12)
    assert ((at <= 2.4) & (at >= WAVE[0] / 2796.4 - 1)).all()
    assert (np.diff(row) >= 0).all()


@pytest.mark.parametrize("wanted", [0.3, 1.0, 2.5])
def test_systems_have_the_width_that_was_drawn(rng, wanted):
    seen = np.ones((200, SIZE), "f4")
    at = rng.uniform(0.9, 1.1, 200)
    absorbers._imprint_system(rng, seen, np.arange(200), at, np.full(200, wanted), "CIV", ())
    # Not on the grid at z = 1: MgII is.
    assert (seen == 1).all()
    absorbers._imprint_system(rng, seen, np.arange(200), at, np.full(200, wanted), "MgII", ())
    both = [width(*values, half=60) for values in zip(seen, np.full(200, 2800.0), at, strict=True)]
    assert wanted * 1.3 < np.median(both) < wanted * 2.0


def test_metal_transmission(rng):
    z = np.array([0.5, 2.0, 3.5])
    seen = absorbers.metal_transmission(rng, np.repeat(z, 200))
    assert seen.shape == (600, SIZE)
    assert seen.dtype == np.float32
    assert ((seen >= 0) & (seen <= 1)).all()
    touched = (seen < 0.9).any(axis=1).reshape(3, 200).mean(axis=1)
    assert touched[0] < touched[1]
    assert touched[2] > 0.8
    beyond = 2853.5 * (1 + z[0]) * 1.02 < WAVE
    assert (seen[:200, beyond] == 1).all()


def test_absorption_at_the_quasar(rng):
    seen = np.ones((800, SIZE), "f4")
    absorbers._imprint_associated(rng, seen, np.full(800, 2.5), 1.0)
    near = (WAVE > 1500 * 3.5) & (WAVE < 1560 * 3.5)
    assert 0.1 < (seen[:, near] < 0.8).any(axis=1).mean() < 0.3
    assert (seen[:, WAVE > 1570 * 3.5] == 1).all()


def test_rate(rng):
    z = np.full(200, 2.5)
    assert (absorbers.metal_transmission(rng, z, rate=0) == 1).all()
    dark = [1 - absorbers.metal_transmission(rng, z, rate=r).mean() for r in (1, 4)]
    assert dark[1] > 2 * dark[0]
    with pytest.raises(ValueError, match=r"rate: .* found -1"):
        absorbers.metal_transmission(rng, z, rate=-1)


def test_seeds():
    def made(seed):
        rng = np.random.default_rng(seed)
        found = columns.draw_hi(rng, [3.0, 3.5, 4.0])
        seen = absorbers.hi_transmission(rng, found, 3)
        return seen * absorbers.metal_transmission(rng, [3.0, 3.5, 4.0])

    assert (made(1) == made(1)).all()
    assert (made(1) != made(2)).any()

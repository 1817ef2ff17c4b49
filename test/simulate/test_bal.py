"""Broad troughs: the two indices by hand, and what each kind absorbs."""

import numpy as np
import pytest

from desinn.simulate import bal
from desinn.simulate.grid import SIZE, WAVE

FINE = np.arange(-2000.0, 30000.0, 5.0)


@pytest.fixture
def rng():
    return np.random.default_rng(20260730)


def box(start, stop, flux=0.45, velocity=FINE):
    """Return a trough of one depth; 0.45 makes the brackets of both indices 0.5."""
    return np.where((velocity >= start) & (velocity < stop), flux, 1.0)


def reach(seen, z, low, high):
    """Return the least transmission between two rest wavelengths."""
    return seen[(low * (1 + z) < WAVE) & (high * (1 + z) > WAVE)].min()


@pytest.mark.parametrize(
    ("start", "stop", "flux", "bi", "ai"),
    [
        (5000, 10000, 0.45, 0.5 * 3000, 0.5 * 4550),
        (5000, 10000, 0.0, 3000, 4550),
        (5000, 10000, 0.92, 0, 0),  # less than 10 % deep
        (5000, 6900, 0.45, 0, 0.5 * 1450),  # not 2000 km/s wide
        (5000, 5440, 0.45, 0, 0),
        (0, 1000, 0.45, 0, 0.5 * 550),
        (-1000, 1000, 0.45, 0, 0.5 * 550),
        (1000, 6000, 0.45, 0.5 * 1000, 0.5 * 4550),  # counted from 3000 km/s on
        (20000, 29000, 0.45, 0.5 * 3000, 0.5 * 4550),  # up to 25000 km/s
        (26000, 29000, 0.45, 0, 0),
    ],
)
def test_indices_of_a_box(start, stop, flux, bi, ai):
    flux = box(start, stop, flux)
    assert bal.balnicity_index(FINE, flux) == pytest.approx(bi, abs=6)
    assert bal.absorption_index(FINE, flux) == pytest.approx(ai, abs=6)


def test_each_trough_begins_anew():
    """Two of 3000 km/s are not one of 6000: each loses its first part."""
    two = box(5000, 8000) * box(10000, 13000)
    assert bal.balnicity_index(FINE, two) == pytest.approx(0.5 * 2000, abs=6)
    assert bal.absorption_index(FINE, two) == pytest.approx(0.5 * 2 * 2550, abs=6)


def test_indices_of_many_spectra_and_of_coarse_ones():
    coarse = np.arange(-2000.0, 30000.0, 69.0)
    many = np.array([box(5000, 10000, velocity=coarse), np.ones(coarse.size)])
    assert bal.balnicity_index(coarse, many) == pytest.approx([1500, 0], abs=60)
    assert bal.absorption_index(coarse, many).shape == (2,)


def test_velocities_are_relativistic():
    """By hand: gas at 0.08 c is seen at sqrt(0.92 / 1.08) of the wavelength."""
    i = np.searchsorted(bal.VELOCITY, 0.08 * 299792.458)
    assert np.exp(-bal._LOG_SHIFT[i]) == pytest.approx(np.sqrt(0.92 / 1.08), rel=3e-4)


def test_no_trough_without_a_kind(rng):
    seen, bi, ai, _ = bal.troughs(rng, [0.5, 2.0, 3.0], ["", "BAL", ""])
    assert seen.shape == (3, SIZE)
    assert seen.dtype == bi.dtype == ai.dtype == np.float32
    assert (seen[[0, 2]] == 1).all()
    assert bi[0] == ai[0] == bi[2] == ai[2] == 0
    assert (seen[1] < 1).any()
    assert ai[1] > 0


def test_nobody_and_nothing(rng):
    seen, bi, ai, _ = bal.troughs(rng, [], [])
    assert seen.shape == (0, SIZE)
    assert bi.shape == ai.shape == (0,)
    seen, bi, _, _ = bal.troughs(rng, [2.0], [""])
    assert (seen == 1).all()
    assert (bi == 0).all()


@pytest.mark.parametrize("kind", bal.KINDS[1:])
def test_what_the_troughs_are_like(rng, kind):
    seen, bi, ai, _ = bal.troughs(rng, np.full(300, 2.3), [kind] * 300)
    assert ((seen >= 0) & (seen <= 1)).all()
    assert (ai > 0).all()
    assert (ai > bi).all()
    assert 0.7 < (bi > 0).mean() < 0.97
    assert np.percentile(bi[bi > 0], 95) > 3000
    assert np.percentile(ai, 5) < 800
    depth = 1 - np.array([reach(row, 2.3, 1400, 1549) for row in seen])
    assert depth.min() > 0.1
    assert np.percentile(depth, 20) < 0.7
    assert np.percentile(depth, 90) > 0.9


def test_low_ions_tell_the_kinds_apart(rng):
    z, n = 1.9, 150
    deepest = {}
    for kind in bal.KINDS[1:]:
        seen, _, _, _ = bal.troughs(rng, np.full(n, z), [kind] * n)
        deepest[kind] = [
            np.median([reach(row, z, low, high) for row in seen])
            for low, high in ((2600, 2790), (2320, 2600), (1420, 1549), (1650, 1850))
        ]
    assert deepest["BAL"][0] == deepest["BAL"][1] == deepest["BAL"][3] == 1
    assert deepest["LoBAL"][0] < 0.7
    assert deepest["LoBAL"][1] == 1
    assert deepest["LoBAL"][3] < 0.8
    assert deepest["FeLoBAL"][1] < 0.6
    assert max(values[2] for values in deepest.values()) < 0.7


def test_high_ions_share_the_gas(rng):
    """Each has a trough at the same velocities, but for the doublets."""
    z = 3.2
    seen, bi, _, _ = bal.troughs(rng, np.full(60, z), ["BAL"] * 60)
    civ = (1430 * (1 + z) < WAVE) & (1549 * (1 + z) > WAVE)
    for row in seen[bi > 500]:
        ratio = WAVE[civ][row[civ].argmin()] / (1549.06 * (1 + z))
        for rest, other in ((1240.1, "NV"), (1033.8, "OVI")):
            part = np.abs(WAVE / (rest * (1 + z) * ratio) - 1) < 0.003
            assert row[part].min() < 0.97, other


def test_indices_are_those_of_the_spectrum(rng):
    """Measured on the transmission itself, where nothing but CIV absorbs."""
    z = 2.5
    seen, bi, ai, _ = bal.troughs(rng, np.full(200, z), ["BAL"] * 200)
    ratio = bal.CIV * (1 + z) / WAVE
    velocity = 299792.458 * (ratio**2 - 1) / (ratio**2 + 1)
    part = (velocity > -1000) & (velocity < 25300)
    # SiIV begins beyond 29000 km/s.
    flux = seen[:, part][:, ::-1].astype("f8")
    measured = bal.balnicity_index(velocity[part][::-1], flux)
    assert np.percentile(np.abs(measured - bi), 95) < 40
    measured = bal.absorption_index(velocity[part][::-1], flux)
    assert np.percentile(np.abs(measured - ai), 95) < 40


def test_known_also_where_civ_is_not_on_the_grid(rng):
    seen, bi, ai, _ = bal.troughs(rng, np.full(40, 0.7), ["BAL"] * 40)
    assert (seen == 1).all()
    assert (bi > 0).any()
    assert (ai > 0).all()


def test_seeds():
    made = [bal.troughs(np.random.default_rng(s), [2.2], ["BAL"])[0] for s in (1, 1, 2)]
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).any()


@pytest.mark.parametrize(
    ("z", "kind", "message"),
    [
        ([2.0], ["HiBAL"], "expected one of '', 'BAL', 'LoBAL', 'FeLoBAL', found 'HiBAL'"),
        ([2.0, 3.0], ["BAL"], r"found \(2,\) and \(1,\)"),
        ([np.nan], ["BAL"], "finite redshifts"),
    ],
)
def test_bad_input(rng, z, kind, message):
    with pytest.raises(ValueError, match=message):
        bal.troughs(rng, z, kind)


def test_edges_by_hand():
    """Two troughs, one too narrow between them, one beyond what counts; rows by themselves."""
    v = np.arange(0.0, 30000.0, 10.0)
    flux = np.ones((2, v.size))
    for low, high in ((1000, 3000), (5000, 5400), (8000, 9000), (26000, 28000)):
        flux[0, (v >= low) & (v < high)] = 0.5
    edges = bal.trough_edges(v, flux)
    assert edges.shape == (2, 2, bal.MOST_TROUGHS)
    assert edges[0, :, :3].tolist() == [[1000, 8000, -1], [2990, 8990, -1]]
    assert (edges[1] == -1).all()


def test_edges_of_those_with_troughs(rng):
    """Whoever has an absorption index has edges, and between them it is dark in CIV."""
    z = 2.3
    seen, _, ai, edges = bal.troughs(rng, np.full(40, z), ["BAL"] * 30 + [""] * 10)
    assert ((edges[:, 0, 0] >= 0) == (ai > 0)).all()
    for row in range(30):
        for low, high in edges[row].T[edges[row, 0] >= 0]:
            middle = bal.CIV * (1 + z) * (1 - 0.5 * (low + high) / 299792.458)
            place = np.searchsorted(WAVE, middle)
            assert seen[row, place - 3 : place + 4].min() < 0.95

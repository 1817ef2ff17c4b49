"""The forest has the mean flux and the power spectrum that were observed."""

import numpy as np
import pytest

from desinn.simulate import forest
from desinn.simulate.grid import CELL_KMS, WAVE
from desinn.simulate.voigt import LYMAN_LIMIT

LYA = forest.LYA


@pytest.fixture
def rng():
    return np.random.default_rng(20260728)


def near(wave, cells=40):
    """Return the cells around a wavelength."""
    middle = np.searchsorted(WAVE, wave)
    return slice(middle - cells, middle + cells)


def sightlines(rng, z_gas, n=1500, cells=512):
    """Return transmissions around gas at a redshift, in the clean part of the forest, and z."""
    z = (1 + z_gas) * LYA / 1120 - 1
    low, high = np.searchsorted(WAVE, [1040 * (1 + z), 1200 * (1 + z)])
    middle = (low + high) // 2 if low else high - cells // 2
    part = slice(max(middle - cells // 2, 0), middle + cells // 2)
    seen = np.concatenate([forest.transmission(rng, np.full(500, z)) for _ in range(n // 500)])
    return seen[:, part], WAVE[part] / LYA - 1


@pytest.mark.parametrize(("z", "flux"), [(2.2, 0.799), (3.0, 0.634), (3.8, 0.443)])
def test_published_mean_flux(z, flux):
    """exp(-0.00554 (1 + z)^3.182) by hand."""
    assert forest.mean_flux(z) == pytest.approx(flux, abs=1e-3)


def test_mean_flux_goes_on_to_high_redshift():
    assert 4.5 < -np.log(forest.mean_flux(6.0)) < 6
    assert (np.diff(forest.mean_flux(np.linspace(0, 7, 200))) < 0).all()


def test_published_power():
    """At the pivots, pi A / k0; away from them by the exponents."""
    assert forest.power(0.009, 3.0) == pytest.approx(np.pi * 0.064 / 0.009)
    assert forest.power(0.009, 4.0) / forest.power(0.009, 3.0) == pytest.approx(1.25**3.55)
    x = np.log(2)
    assert forest.power(0.018, 3.0) == pytest.approx(
        np.pi * 0.064 / 0.009 * 2 ** (-0.55 - 0.1 * x)
    )
    assert forest.power(1e-5, 3.0) == forest.power(1e-4, 3.0)


@pytest.mark.parametrize("z", [2.2, 2.6, 3.0, 3.4, 3.8])
def test_mean_and_power_are_the_observed_ones(rng, z):
    """The measurement of Palanque-Delabrouille et al., on spectra without noise."""
    seen, gas = sightlines(rng, z)
    assert seen.mean() == pytest.approx(forest.mean_flux(gas).mean(), rel=0.03)
    contrast = seen / forest.mean_flux(gas) - 1
    cells = contrast.shape[1]
    k = 2 * np.pi * np.fft.rfftfreq(cells, CELL_KMS)
    found = (np.abs(np.fft.rfft(contrast, axis=1)) ** 2).mean(axis=0) * CELL_KMS / cells
    ratio = found / forest.power(k, gas.mean())
    for low, high in [(0.002, 0.004), (0.004, 0.007), (0.007, 0.012), (0.012, 0.02)]:
        assert ratio[(k > low) & (k < high)].mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("correlation", [0.05, 0.4, 0.8])
def test_bending_is_undone(correlation):
    """The flux of two correlated Gaussians, by a sum over both."""
    log_t, spread = -0.8, 1.4
    x = np.linspace(-8, 8, 1201)
    weight = np.exp(-0.5 * x**2) / np.exp(-0.5 * x**2).sum()
    other = correlation * x[:, None] + np.sqrt(1 - correlation**2) * x
    flux, second = (np.exp(-np.exp(log_t + spread * g)) for g in (x, other))
    mean = weight @ flux
    bent = (weight * flux) @ second @ weight / mean**2 - 1
    assert bent < correlation / 2
    found = forest._unbent(log_t, spread, np.array([0.0, bent]))
    assert found == pytest.approx([0, correlation], abs=1e-3)


@pytest.mark.parametrize("strength", [0.5, 0.8, 1.25, 2.0])
def test_strength_is_a_factor_on_the_effective_optical_depth(rng, strength):
    seen = forest.transmission(rng, np.full(1500, 3.2), strength)[:, near(LYA * 3.9, 100)]
    assert -np.log(seen.mean()) == pytest.approx(
        -np.log(forest.mean_flux(2.9)) * strength, rel=0.05
    )


def test_one_strength_for_each_row(rng):
    seen = forest.transmission(rng, np.full(400, 3.0), np.repeat([0.5, 2.0], 200))
    means = seen[:, near(4600)].reshape(2, -1).mean(axis=1)
    assert means[0] > means[1] + 0.2


@pytest.mark.parametrize("z", [5.0, 5.8])
def test_goes_on_to_high_redshift(rng, z):
    seen = forest.transmission(rng, np.full(200, z))
    part = near(LYA * (1 + z - 0.2), 60)
    assert seen[:, part].mean() == pytest.approx(forest.mean_flux(z - 0.2), abs=0.03)
    assert np.isfinite(seen).all()


def test_nothing_is_absorbed_redward_of_lyman_alpha(rng):
    z = np.array([0.3, 1.8, 2.3, 4.0, 7.9])
    seen = forest.transmission(rng, z)
    assert seen.dtype == np.float32
    assert seen.shape == (5, WAVE.size)
    assert ((seen >= 0) & (seen <= 1)).all()
    blueward = LYA * (1 + z[:, None]) > WAVE
    assert (seen[~blueward] == 1).all()
    assert (seen[:2] == 1).all()
    assert (seen[2:][blueward[2:]] < 1).all()


def test_higher_lines_are_the_same_gas(rng):
    """Lyman-beta takes 0.16 of the optical depth of Lyman-alpha, of gas seen elsewhere as such."""
    z = 3.0
    total = -np.log(np.maximum(forest.transmission(rng, np.full(300, z)), 1e-30)).astype("f8")
    part = near(1000 * (1 + z), 60)
    shift = 738  # cells from Lyman-beta to Lyman-alpha
    alpha = total[:, part.start + shift : part.stop + shift]
    thin = (total[:, part] < 5) & (alpha < 5)
    excess = np.corrcoef(total[:, part][thin], alpha[thin])[0, 1]
    assert excess > 0.2
    # Gas that is thick in Lyman-alpha leaves a minimum in Lyman-beta.
    assert (total[:, part] >= 0.159 * alpha).all()


def test_each_line_darkens_what_is_blueward_of_it(rng):
    seen = forest.transmission(rng, np.full(1500, 3.6))
    for rest in (1025.72, 972.54):
        redward = seen[:, near((rest + 4) * 4.6, 15)].mean()
        assert seen[:, near((rest - 4) * 4.6, 15)].mean() < redward - 0.02


def test_small_systems_take_from_the_continuum_below_the_limit(rng):
    z = 4.2
    tau = np.zeros((2, 1400), "f4")
    forest._add_continuum(tau, np.array([z, 2.0]), np.array([1.0, 1.0]))
    limit = np.searchsorted(WAVE, LYMAN_LIMIT * (1 + z))
    assert (tau[0, :limit] > 0).all()
    assert (np.diff(tau[0, :limit]) < 0).all()
    assert (tau[0, limit:] == 0).all()
    assert (tau[1] == 0).all()
    assert 0.3 < tau[0, 0] < 3


def test_no_limit_on_the_grid_no_continuum(rng):
    tau = np.zeros((1, 10), "f4")
    forest._add_continuum(tau, np.array([2.0]), np.array([1.0]))
    assert (tau == 0).all()


def test_rows_do_not_share_their_gas(rng):
    seen = forest.transmission(rng, np.full(60, 2.8))[:, near(4300, 150)]
    between = np.corrcoef(seen)[np.triu_indices(60, 1)]
    assert abs(between.mean()) < 0.02


def test_seeds():
    a, b, c = (forest.transmission(np.random.default_rng(s), [2.5, 3.5]) for s in (1, 1, 2))
    assert (a == b).all()
    assert (a != c).any()


def test_no_quasars(rng):
    assert forest.transmission(rng, []).shape == (0, WAVE.size)


@pytest.mark.parametrize(
    ("z", "strength", "message"),
    [
        ([np.nan], 1.0, "finite redshifts"),
        ([[2.0]], 1.0, "finite redshifts"),
        ([2.0], 0.0, "expected 1/3 to 3, found 0.0"),
        ([2.0], np.nan, "expected 1/3 to 3, found nan"),
    ],
)
def test_bad_input(rng, z, strength, message):
    with pytest.raises(ValueError, match=message):
        forest.transmission(rng, z, strength)

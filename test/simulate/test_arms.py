import numpy as np
import pytest

from desinn.simulate import grid
from desinn.simulate.arms import FWHM, boss, desi, resolution_diagonals, response


@pytest.fixture(scope="module")
def arms():
    return {
        **{f"desi {arm.name}": arm for arm in desi()},
        "boss b": boss()[0],
        "boss r": boss()[1],
    }


def test_the_pixels_of_desi_are_those_of_its_files():
    found = [(arm.name, arm.wave[0], arm.wave[-1], arm.wave.size) for arm in desi()]
    assert found == [
        ("b", 3600.0, 5800.0, 2751),
        ("r", 5760.0, 7620.0, 2326),
        ("z", 7520.0, 9824.0, 2881),
    ]


def test_the_arms_of_boss_make_one_grid():
    wave = np.concatenate([arm.wave for arm in boss()])
    np.testing.assert_allclose(np.diff(np.log10(wave)), 1e-4, rtol=1e-8)
    assert 3550 < wave[0] < 3570
    assert 10300 < wave[-1] < 10400


@pytest.mark.parametrize("name", ["desi b", "desi z", "boss b", "boss r"])
def test_a_constant_stays_and_a_line_keeps_its_flux_and_gets_the_resolution(arms, name):
    arm = arms[name]
    matrix = response(arm)
    np.testing.assert_allclose(matrix @ np.ones(grid.SIZE), 1, rtol=1e-8)
    middle = arm.wave.size // 2
    cell = np.searchsorted(grid.EDGES, arm.wave[middle]) - 1
    line = np.zeros(grid.SIZE)
    line[cell] = 1
    width = np.diff(arm.edges)
    seen = (matrix @ line) * width
    assert seen.sum() == pytest.approx(np.diff(grid.EDGES)[cell], rel=1e-3)
    mean = (seen * arm.wave).sum() / seen.sum()
    assert mean == pytest.approx(grid.EDGES[cell : cell + 2].mean(), abs=0.02)
    spread = (seen * (arm.wave - mean) ** 2).sum() / seen.sum()
    boxes = (np.diff(grid.EDGES)[cell] ** 2 + width[middle] ** 2) / 12
    assert spread == pytest.approx(arm.resolution()[middle] ** 2 + boxes, rel=0.03)


def test_a_factor_on_the_resolving_power_widens_lines(arms):
    arm = arms["desi r"]
    np.testing.assert_allclose(arm.resolution(0.5), 2 * arm.resolution())
    # As published: 2000 at 3600 A to 5500 at 9800 A.
    fwhm = arms["desi b"].resolution()[0] * FWHM
    assert 3600 / fwhm == pytest.approx(2000, rel=0.01)


def test_the_resolution_matrix_does_what_the_response_does(arms):
    """A line that one pixel sees spreads over its neighbours as in the response."""
    from scipy.sparse import dia_matrix

    arm = arms["desi z"]
    diagonals = resolution_diagonals(arm)
    size = arm.wave.size
    assert diagonals.shape == (11, size)
    assert diagonals.dtype == np.float32
    matrix = dia_matrix((diagonals, np.arange(5, -6, -1)), (size, size))
    np.testing.assert_allclose((matrix @ np.ones(size))[5:-5], 1, rtol=1e-6)
    wave = np.exp(-0.5 * ((grid.WAVE - 8500) / 5) ** 2)
    there = np.exp(-0.5 * ((arm.wave - 8500) / 5) ** 2)
    np.testing.assert_allclose(matrix @ there, response(arm) @ wave, atol=0.01)


def test_noise_rises_where_light_is_lost():
    b, r, _ = desi()
    sigma = b.sigma()
    assert sigma[0] > 5 * sigma[-200]
    band = r.sigma()[np.searchsorted(r.wave, 7612)]
    assert band > 3 * r.sigma()[np.searchsorted(r.wave, 7400)]
    curve = ((3600.0, np.log(2)), (9824.0, np.log(2)))
    np.testing.assert_allclose(b.sigma(curve), 2 * sigma)


def test_the_noise_of_real_fibres(reference):
    """The median sigma of DESI's dark fibres, between sky lines and on them."""
    from astropy.io import fits

    from desinn.simulate import sky

    with fits.open(reference / "qso" / "test_coadd.fits") as file:
        for arm in desi():
            name = arm.name.upper()
            ivar = file[f"{name}_IVAR"].data.astype(float)
            dark = np.median(file[f"{name}_FLUX"].data, axis=1) < 0.45
            rows = ivar[(ivar > 0).any(axis=1) & dark]
            real = 1 / np.sqrt(np.median(rows, axis=0))
            lines = sky.glow(arm.edges, arm.resolution(), arm.glow).sum(axis=0)
            ratio = np.log(arm.sigma() * np.sqrt(1 + lines) / (5 * real))
            assert abs(np.median(ratio)) < 0.08
            assert ratio.std() < 0.2

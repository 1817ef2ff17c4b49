"""Where light falls and how it spreads: by hand, by another way, and for a real psf file."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.polynomial import hermite_e, legendre

from desinn.simulate.ccd.optics import make_optics
from desinn.simulate.ccd.spectrograph import SHAPES, WAVES, parametric_psf
from desinn.simulate.ccd.spread import tail_kernel

ROW = 40


def simple_psf(**params):
    """Return three straight traces, x 20, 30 and 40, rows 0 to 79 over 6000 to 6080 A."""
    flat = np.ones((3, 1))
    values = {"GHSIGX": 1.1, "GHSIGY": 1.3, "GH-0-0": 1.0, "TAILAMP": 0.0, "TAILCORE": 1.0}
    values |= {"TAILXSCA": 1.0, "TAILYSCA": 1.0, "TAILINDE": 2.0, **params}
    return {
        "camera": "r0",
        "shape": (80, 60),
        "trace_range": (6000.0, 6080.0),
        "range": (6000.0, 6080.0),
        "x": np.array([[20.0], [30.3], [40.0]]),
        "y": np.array([[39.5, 40.0]] * 3),
        "params": {name: flat * value for name, value in values.items()},
    }


def point(optics, fiber, row, electrons=1e4):
    light = np.zeros(optics.x.shape, np.float32)
    light[fiber, row] = electrons
    return optics.project(light)


def moments(image):
    """Return the centre (y, x) and the deviations along both."""
    image = image.astype(np.float64) / image.sum()
    found = []
    for axis in (0, 1):
        share, place = image.sum(axis=1 - axis), np.arange(image.shape[axis])
        centre = share @ place
        found.append((centre, np.sqrt(share @ (place - centre) ** 2)))
    return tuple(zip(*found, strict=True))


def integrated(orders, edges, sigma):
    """Return Gauss-Hermite functions over pixels, (orders, pixels), by numerical integration."""
    fine = np.linspace(0, 1, 201)
    u = (edges[:-1, None] + fine) / sigma  # (pixels, 201)
    shapes = [hermite_e.hermeval(u, np.eye(orders)[i]) for i in range(orders)]
    values = np.array(shapes) * np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi) / sigma
    return (values[..., 1:] + values[..., :-1]).sum(axis=-1) / 2 * (fine[1] - fine[0])


@pytest.mark.parametrize("fiber", [0, 1])
def test_a_point_lands_on_its_trace(fiber):
    optics = make_optics(simple_psf())
    image = point(optics, fiber, ROW)
    (y, x), (tall, wide) = moments(image)
    assert image.sum() == pytest.approx(1e4, rel=1e-3)
    assert image.dtype == np.float32
    assert (y, x) == pytest.approx((ROW, [20.0, 30.3][fiber]), abs=0.02)
    # A pixel adds 1/12 to the variance.
    assert (tall**2, wide**2) == pytest.approx((1.3**2 + 1 / 12, 1.1**2 + 1 / 12), rel=0.01)


def test_rows_and_wavelengths():
    optics = make_optics(simple_psf())
    np.testing.assert_allclose(optics.wave[0], 6000.5 + np.arange(80), atol=1e-6)
    np.testing.assert_allclose(optics.rows_at([6010.5, 6020.75])[2], [10, 20.25], atol=1e-6)
    assert np.isnan(optics.rows_at([5900.0, 6500.0])).all()
    np.testing.assert_allclose(optics.widths()[1, :, 5], [1.1, 1.3])


def test_gauss_hermite_terms_against_direct_evaluation():
    orders = {"GH-1-1": 0.1, "GH-2-0": -0.02, "GH-0-3": 0.03, "GH-3-2": 0.01, "GH-4-0": 0.01}
    image = point(make_optics(simple_psf(**orders)), 1, ROW, 1.0)
    core = np.zeros((5, 5))
    core[0, 0] = 1
    for name, value in orders.items():
        core[int(name[3]), int(name[5])] = value
    columns = np.arange(22, 39)
    rows = np.arange(ROW - 8, ROW + 9)
    x = integrated(5, np.append(columns, 39) - 0.5 - 30.3, 1.1)
    y = integrated(5, np.append(rows, ROW + 9) - 0.5 - ROW, 1.3)
    expected = np.maximum(np.einsum("ij,ix,jy->yx", core, x, y), 0)
    np.testing.assert_allclose(image[rows[0] : rows[-1] + 1, 22:39], expected, atol=2e-6)
    assert image.sum() == pytest.approx(1, abs=1e-3)


def test_light_on_a_tilted_trace_lands_where_the_trace_is_there():
    """As if each point were drawn by itself, to the first order in the tilt."""
    psf = simple_psf()
    psf["x"] = np.array([[30.0, 0.8]] * 3)
    optics = make_optics(psf)
    (y, x), _ = moments(point(optics, 1, ROW))
    assert (y, x) == pytest.approx((ROW, optics.x[1, ROW]), abs=0.01)
    image = point(optics, 1, ROW)
    above = image[ROW + 2] @ np.arange(60) / image[ROW + 2].sum()
    assert above == pytest.approx(optics.x[1, ROW], abs=0.01)  # round: not along the trace


def test_all_fibres_together_are_the_sum_of_each():
    optics = make_optics(parametric_psf("z"), (40, 60), (2000, 1000))
    light = np.random.default_rng(1).uniform(0, 100, optics.x.shape).astype(np.float32)
    alone = []
    for fiber in range(len(light)):
        only = np.zeros_like(light)
        only[fiber] = light[fiber]
        alone.append(optics.project(only))
    np.testing.assert_allclose(optics.project(light), sum(alone), atol=2e-3)


def test_tails_keep_the_light():
    psf = simple_psf(TAILAMP=1e-3)
    psf["shape"] = (160, 160)
    psf["x"] = np.array([[80.0]] * 3)
    psf["y"] = np.array([[79.5, 80.0]] * 3)
    optics = make_optics(psf)
    image = point(optics, 0, 80)
    assert image.sum() == pytest.approx(1e4, rel=1e-3)
    kernel = tail_kernel(optics.tails)
    assert image[80, 60] == pytest.approx(1e4 * 1e-3 / 400 / (1 + kernel.sum()), rel=0.05)
    no_tails = replace(optics, tails=(0.0, *optics.tails[1:]))
    assert point(no_tails, 0, 80)[80, 60] == 0


def test_negative_tails_are_none():
    assert make_optics(simple_psf(TAILAMP=-1.0)).tails[0] == 0


def test_cuts_are_parts_of_the_whole():
    psf = parametric_psf("r")
    whole = make_optics(psf, (60, 60), (1000, 500))
    part = make_optics(psf, (20, 20), (1020, 520))
    light = np.full(whole.x.shape, 100, np.float32)
    inside = np.isin(whole.fibers, part.fibers)
    np.testing.assert_allclose(part.x, whole.x[inside, 20:40] - 20, atol=1e-9)
    np.testing.assert_allclose(part.wave, whole.wave[inside, 20:40], atol=1e-9)
    np.testing.assert_allclose(part.widths(), whole.widths()[inside, :, 20:40], atol=1e-9)
    rows = slice(29, 31)  # far enough from the part's edges that nothing is missing
    full = whole.project(light)[rows, 20:40]
    np.testing.assert_allclose(part.project(light[inside, :20])[9:11], full, rtol=0.02, atol=0.5)


@pytest.mark.parametrize("arm", SHAPES)
def test_the_arms_are_desis(arm):
    psf = parametric_psf(arm)
    optics = make_optics(psf, (2, SHAPES[arm][1]), (SHAPES[arm][0] // 2, 0))
    assert len(optics.x) == 500
    assert (np.diff(optics.x[:, 0]) > 7).all()
    gaps = np.diff(optics.x[:, 0]) > 12
    assert np.flatnonzero(gaps).tolist() == list(range(24, 499, 25))
    ends = [make_optics(psf, (1, 200), (row, 1900)).wave for row in (0, SHAPES[arm][0] - 1)]
    np.testing.assert_allclose([end.mean() for end in ends], WAVES[arm], atol=100)


def test_traces_are_curved():
    optics = make_optics(parametric_psf("r"))
    assert np.ptp(optics.x[0]) > 5
    bent = np.ptp(optics.wave[:, 2000])
    assert bent > 20


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (17, 23)])
def test_small_and_odd_shapes(shape):
    optics = make_optics(parametric_psf("b"), shape, (700, 800))
    image = optics.project(np.ones(optics.x.shape))
    assert image.shape == shape
    assert np.isfinite(image).all()
    moved = optics.perturbed(np.random.default_rng(1))
    assert moved.traces().shape == shape


def test_a_cut_beside_all_traces_is_dark():
    optics = make_optics(parametric_psf("b"), (20, 20), (700, 10))
    assert len(optics.x) == 0
    assert not optics.project(np.zeros(optics.x.shape)).any()
    assert optics.rows_at([4000.0]).size == 0
    assert optics.perturbed(np.random.default_rng(1)).x.shape == (0, 20)


def test_another_exposure_differs_a_little():
    optics = make_optics(parametric_psf("r"), (50, 80), (3000, 600))
    same = optics.perturbed(np.random.default_rng(3), 0.0)
    moved = optics.perturbed(np.random.default_rng(3))
    again = optics.perturbed(np.random.default_rng(3))
    np.testing.assert_allclose(same.x, optics.x)
    np.testing.assert_allclose(same.core, optics.core)
    np.testing.assert_array_equal(moved.x, again.x)
    assert 0.01 < np.abs(moved.x - optics.x).max() < 3
    assert np.abs(moved.core - optics.core).max() > 0.005
    assert (moved.sigma != optics.sigma).any()
    assert np.diff(moved.wave, axis=1).min() > 0
    light = np.zeros(optics.x.shape, np.float32)
    light[4, 25] = 1e4
    assert moved.project(light).sum() == pytest.approx(1e4, rel=0.03)


def test_which_pixels_are_on_a_trace():
    on = make_optics(simple_psf()).traces(1.5)
    assert np.flatnonzero(on[7]).tolist() == [19, 20, 21, 29, 30, 31, 39, 40, 41]
    assert (on == on[0]).all()


def test_errors():
    optics = make_optics(simple_psf())
    with pytest.raises(
        ValueError, match=re.escape("light: expected shape (3, 80), found (2, 80)")
    ):
        optics.project(np.zeros((2, 80)))
    with pytest.raises(ValueError, match=r"shape: expected two positive numbers, found \(0, 5\)"):
        make_optics(simple_psf(), (0, 5))
    with pytest.raises(ValueError, match="arm: expected one of b, r, z, found 'u'"):
        parametric_psf("u")
    psf = simple_psf()
    psf["y"][1] = [39.5, -40.0]
    with pytest.raises(ValueError, match="fibre 1 does not"):
        make_optics(psf)


@pytest.mark.parametrize(("fiber", "row"), [(250, 2000), (10, 700), (480, 3500)])
def test_a_real_psf_against_direct_evaluation(reference, fiber, row):
    from desinn.io.psf import read_psf

    psf = read_psf(reference / "ccd" / "psf-r0-00051060.fits")
    near = int(make_optics(psf, (1, 4114), (row, 0)).x[fiber, 0])
    origin = row - 20, near - 30
    optics = make_optics(psf, (40, 60), origin)
    image = point(optics, list(optics.fibers).index(fiber), 20, 1.0)

    wave = optics.wave[list(optics.fibers).index(fiber), 20]

    def scaled(limits):
        return (2 * wave - sum(limits)) / (limits[1] - limits[0])

    x, y = (legendre.legval(scaled(psf["trace_range"]), psf[name][fiber]) for name in "xy")
    assert y == pytest.approx(row, abs=0.01)
    value = {n: legendre.legval(scaled(psf["range"]), c[fiber]) for n, c in psf["params"].items()}
    columns, rows = np.arange(22, 39), np.arange(12, 29)
    across = integrated(7, np.append(columns, 39) - 0.5 + origin[1] - x, value["GHSIGX"])
    along = integrated(7, np.append(rows, 29) - 0.5 - 20, value["GHSIGY"])
    expected = sum(
        value[f"GH-{i}-{j}"] * np.outer(along[j], across[i]) for i in range(7) for j in range(7)
    )
    np.testing.assert_allclose(image[12:29, 22:39], expected, atol=0.005 * expected.max())

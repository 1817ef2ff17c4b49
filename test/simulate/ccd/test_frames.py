"""Whole exposures: what belongs together, truth, seeds, settings, errors."""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from desinn.simulate.ccd.frames import exposure_generator, simulate_exposure
from desinn.simulate.ccd.settings import KINDS, CcdSettings
from desinn.simulate.ccd.spectrograph import parametric_psf

SHAPE = (70, 90)


def streaks(rng, shape, seconds, device, along):
    """Return rays that are rows of 5 pixels, brighter and brighter."""
    charge = np.zeros(shape, np.float32)
    for i, row in enumerate(range(5, shape[0], 12)):
        charge[row, 10:15] = 4 * 4**i
    return SimpleNamespace(charge=charge, asked=(shape, seconds, device, along))


def expose(seed=1, rays=streaks, number=0, **settings):
    settings = {"shape": SHAPE, **settings}
    return simulate_exposure(exposure_generator(seed, number), CcdSettings(**settings), rays)


def only(kind, **settings):
    return {"kinds": {kind: 1.0}, **settings}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_exposure(kind):
    exposure = expose(**only(kind))
    for part in fields(exposure):
        value = getattr(exposure, part.name)
        if isinstance(value, np.ndarray):
            assert value.shape == SHAPE, part.name
    assert np.isfinite(exposure.image).all()
    assert exposure.header["KIND"] == kind
    assert exposure.header["FLAVOR"] in ("science", "arc", "flat", "dark", "zero")
    assert exposure.header["CAMERA"][0] in "brz"
    assert exposure.rays.asked[0] == SHAPE
    assert exposure.rays.asked[1] == pytest.approx(exposure.header["EXPTIME"], abs=1e-3)
    low, high = CcdSettings().seconds[kind]
    assert low <= exposure.header["EXPTIME"] <= high
    assert exposure.traces.any()
    assert exposure.traces.mean() < 0.8


def test_truth_is_charge_above_three_sigmas_of_the_rest():
    exposure = expose(**only("science"))
    sigma = np.sqrt(exposure.readnoise**2 + np.maximum(exposure.clean, 0))
    np.testing.assert_array_equal(exposure.truth, exposure.charge > 3 * sigma)
    assert exposure.truth.any()
    assert (exposure.charge[~exposure.truth] > 0).any()


def test_noise_is_what_ivar_says():
    exposure = expose(**only("science", shape=(150, 150)))
    use = (exposure.ivar > 0) & (exposure.charge == 0)
    pull = ((exposure.image - exposure.clean) * np.sqrt(exposure.ivar))[use]
    assert np.std(pull) == pytest.approx(1, abs=0.1)


def test_an_exposure_depends_on_seed_and_number_alone():
    one, again = expose(seed=2, number=3), expose(seed=2, number=3)
    np.testing.assert_array_equal(one.image, again.image)
    assert one.header == again.header
    for other in (expose(seed=2, number=4), expose(seed=3, number=3)):
        assert not np.array_equal(other.image, one.image)


def test_light_reaches_the_edges():
    """What falls beyond the image's first and last rows spreads into it."""
    quiet = {"scattered": (1e-9, 1e-9), "flat": 0.0, "hot": 0.0, "dead": 0.0, "columns": 0.0}
    clean = expose(**only("flat", **quiet)).clean
    assert clean[0].mean() == pytest.approx(clean[3].mean(), rel=0.03)
    assert clean[-1].mean() == pytest.approx(clean[-4].mean(), rel=0.03)


def test_arcs_have_lines_on_traces():
    exposure = expose(number=2, **only("arc", shape=(200, 200)))
    assert exposure.lines.any()
    assert exposure.clean[exposure.lines].mean() > 5 * exposure.clean[~exposure.lines].mean()


def test_devices_and_cameras():
    settings = {"arms": {"z": 1.0}, "devices": {"z": {"thickest": 1.0}}}
    exposure = expose(**settings)
    assert exposure.rays.asked[2] == "thickest"
    assert exposure.header["CAMERA"] == "z5"
    assert exposure.header["CCDTYPE"] == "LBNL"
    thin = expose(arms={"r": 1.0}, devices={"r": {"thin": 1.0}}, along=(0.2, 0.2))
    assert thin.header["CCDTYPE"] == "ITL"
    assert thin.rays.asked[3] == 0.2


def test_a_psf_from_outside_is_used():
    psf = parametric_psf("z")
    psf["shape"] = (300, 200)
    psf["x"] = psf["x"][:2] * 0 + np.eye(1, 5) * [[40.0], [100.0]]
    psf["y"] = np.array([[150.0, 160.0]] * 2)
    psf["params"] = {name: value[:2] for name, value in psf["params"].items()}
    settings = CcdSettings(arms={"r": 1.0}, shape=None, perturbation=0.0, **only("flat"))
    exposure = simulate_exposure(np.random.default_rng(1), settings, streaks, {"r": psf})
    assert exposure.image.shape == (300, 200)
    assert np.flatnonzero(exposure.traces[100]).tolist() == [*range(38, 43), *range(98, 103)]


def test_the_default_rays():
    exposure = expose(rays=None, **only("dark", seconds={"dark": (30_000.0, 30_000.0)}))
    assert exposure.charge.sum() > 100
    assert exposure.truth.any()


def test_odd_shapes():
    for shape in ((1, 1), (5, 31), (64, 3)):
        assert expose(shape=shape).image.shape == shape


def test_settings_from_a_recipe():
    recipe = {"shape": [64, 64], "kinds": {"dark": 1.0}, "seconds": {"dark": [5, 6]}}
    settings = CcdSettings.from_recipe(recipe)
    assert settings.shape == (64, 64)
    assert settings.seconds["dark"] == (5, 6)
    assert settings.seconds["arc"] == CcdSettings().seconds["arc"]
    assert CcdSettings.from_recipe({}) == CcdSettings()


def test_errors():
    with pytest.raises(ValueError, match="unknown: noise; colour"):
        CcdSettings.from_recipe({"noise": 1, "colour": 2})
    with pytest.raises(ValueError, match="unknown: kinds: lunch; arms: u"):
        CcdSettings(kinds={"lunch": 1.0}, arms={"u": 1.0})
    with pytest.raises(ValueError, match=r"shape: expected at least .* found \(5000, 10\)"):
        expose(shape=(5000, 10))
    with pytest.raises(ValueError, match=r"rays: expected charge of shape .* found \(2, 2\)"):
        expose(rays=lambda *args, along: SimpleNamespace(charge=np.zeros((2, 2))))
    with pytest.raises(ValueError, match="number: expected 0 to 99999, found -1"):
        exposure_generator(1, -1)


def test_the_optics_of_a_range():
    """Drawn for each exposure; a number leaves the other draws as they were."""
    settled = expose(perturbation=1.0, **only("flat"))
    drawn = [expose(perturbation=part, **only("flat")) for part in ((0.5, 2.0), (4.0, 4.0))]
    same = [np.array_equal(settled.traces, other.traces) for other in drawn]
    assert same == [False, False]
    np.testing.assert_array_equal(settled.clean, expose(**only("flat")).clean)

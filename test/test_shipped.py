"""The networks that come with desinn: they are there, say what made them, and find things."""

import os

import numpy as np
import pytest

import desinn
from desinn.finders import base
from desinn.finders.base import STAND_INS, shipped_weights, weights_path
from desinn.nn import read_weights
from desinn.simulate.ccd.frames import exposure_generator, simulate_exposure
from desinn.simulate.ccd.settings import CcdSettings
from desinn.simulate.grid import C_KMS
from desinn.simulate.sightlines import SightlineSettings, make_sightlines, observe_sightlines
from desinn.simulate.survey import SurveySettings, make_survey, observe_chunk

NAMES = sorted(shipped_weights())


def test_what_programs_ask_for_by_name_is_there():
    assert {"qso", "dla", "cosmics-b", "cosmics-r", "cosmics-z"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_by_its_name(name):
    finder = desinn.load_model(name)
    assert finder.network.header["name"] in (name, STAND_INS.get(name))
    assert os.path.getsize(weights_path(name)) < 5e6


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_made_it(name):
    header, _ = read_weights(weights_path(name))
    said = {"recipe", "desinn", "date", "metrics"}
    if header["kind"] != "cosmics":  # whose threshold is a plain 0.5
        said.add("calibration")
    assert said <= set(header["provenance"])


def test_names_may_share_a_file(monkeypatch, tmp_path):
    """Here cosmics-r has one of its own."""
    (tmp_path / "finders").mkdir()
    (tmp_path / "weights").mkdir()
    for name in ("cosmics", "cosmics-r"):
        (tmp_path / "weights" / f"{name}.npz").touch()
    monkeypatch.setattr(base, "__file__", str(tmp_path / "finders" / "base.py"))
    files = {name: os.path.basename(path) for name, path in shipped_weights().items()}
    assert files == {
        "cosmics": "cosmics.npz", "cosmics-b": "cosmics.npz", "cosmics-r": "cosmics-r.npz",
        "cosmics-z": "cosmics.npz",
    }  # fmt: skip


def test_a_file_of_that_name_is_reached_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "qso").write_text("no weights")
    monkeypatch.chdir(tmp_path)
    assert weights_path("qso") != "qso"
    assert weights_path("./qso") == "./qso"


@pytest.fixture(scope="module")
def bright():
    """Quasars and stars of high S/N, made from formulas alone: not what it was trained on."""
    settings = SurveySettings(mix={"QSO": 0.6, "STAR": 0.4}, snr=(6.0, 0.1), split=None)
    return observe_chunk(make_survey(settings, None, "desi"), (97, 0, 100))


def test_the_quasar_network_finds_quasars(bright):
    spectra, truth = bright
    table = desinn.load_model("qso").find(spectra)
    quasar, found = truth["TRUESPECTYPE"] == "QSO", np.asarray(table["IS_QSO_QN"]) == 1
    assert found[quasar].mean() > 0.9
    assert found[~quasar].mean() < 0.1
    dv = C_KMS * (table["Z_QN"] - truth["TRUEZ"]) / (1 + truth["TRUEZ"])
    assert np.abs(np.median(dv[found & quasar])) < 250
    assert np.mean(np.abs(dv[found & quasar]) > 6000) < 0.06


def test_quasarnps_users_get_it_by_its_name(bright):
    from desinn.hosts.quasarnp.io import load_model

    model, wave = load_model("qso")
    spectra, _ = bright
    x, _ = desinn.load_model("qso").prepare(spectra)
    assert wave.size == 443
    assert [p.shape for p in model.predict(x)] == [(100, 26)] * 7


def test_the_absorber_network_finds_absorbers():
    """At high S/N three in four of the plain ones from 10^20.6 on, and as much is really there."""
    settings = SightlineSettings(
        z=(2.6, 0.5, 0.0, 3.2), snr=(12.0, 0.1), split=None, proximate=0.0, conditions="training"
    )
    made = make_sightlines(settings, None, "desi")
    spectra, truth, catalog, meta = observe_sightlines(made, (98, 0, 120))
    table = desinn.load_model("dla").find(spectra, catalog["Z"])
    z_qso = dict(zip(truth["TARGETID"], truth["TRUEZ"], strict=True))
    asked = [
        one
        for one in meta[meta["NHI"] > 20.6]
        if one["Z_DLA"] > 2.1
        and one["Z_DLA"] < z_qso[one["TARGETID"]] - 0.06
        and 1215.67 * (1 + one["Z_DLA"]) > 1030 * (1 + z_qso[one["TARGETID"]])
    ]
    seen = [_near(one, table).any() for one in asked]
    assert len(seen) > 15
    assert np.mean(seen) > 0.75
    real = [_near(row, meta[meta["NHI"] > 19.8]).any() for row in table]
    assert np.mean(real) > 0.75


@pytest.mark.parametrize("arm", ["b", "r", "z"])
def test_the_cosmic_ray_networks_find_rays(arm):
    """Nine in ten of their pixels; one in 10,000 of all others at most."""
    settings = CcdSettings(
        kinds={"science": 1.0},
        arms={arm: 1.0},
        shape=(1024, 1024),
        seconds={"science": (1800.0,) * 2},
    )
    made = simulate_exposure(exposure_generator(99, 0), settings)
    found = desinn.load_model(f"cosmics-{arm}").find(made.image, mask=made.mask)
    good = made.mask == 0
    assert np.count_nonzero(made.truth & good) > 500
    assert found[made.truth & good].mean() > 0.9
    assert found[(made.charge == 0) & good].mean() < 1e-4
    assert not found[~good].any()


def _near(one, others):
    apart = np.abs(np.asarray(others["Z_DLA"]) - one["Z_DLA"])
    return (np.asarray(others["TARGETID"]) == one["TARGETID"]) & (apart < 0.01)

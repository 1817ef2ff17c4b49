"""Quasars: from spectra to rows, against the published networks and by hand."""

import numpy as np
import pytest

from desinn import load_model
from desinn.finders.base import Flag
from desinn.finders.qso import QSOFinder, shared_redshift
from desinn.io.convert import read_foreign
from desinn.io.desi import read_coadd
from desinn.nn import Network, WeightsError, write_weights
from desinn.spectra import Spectra
from helpers.spectra import coadd, quasar_model

QUASARS = [3, 4, 6, 8, 9, 18, 23]


@pytest.fixture(scope="module")
def finder():
    return QSOFinder(Network(*quasar_model()))


@pytest.fixture(scope="module")
def published(reference, tmp_path_factory):
    """The 6-layer network, converted, written and loaded: the whole way."""
    path = tmp_path_factory.mktemp("weights") / "6layer.npz"
    write_weights(path, *read_foreign(reference / "qso" / "test_weights_6_layer.h5"))
    return load_model(path)


@pytest.fixture(scope="module")
def real(reference):
    return read_coadd(reference / "qso" / "test_coadd.fits")


RUN = np.delete(np.arange(25), 11)


def test_prepare_is_what_the_published_networks_saw(published, real, reference):
    x, flags = published.prepare(real)
    expected = np.load(reference / "qso" / "coadd_x.npy")
    np.testing.assert_allclose(x[RUN, :, 0], expected, atol=1e-5)
    assert flags[11] == Flag.NO_DATA
    assert not flags[RUN].any()


def test_real_quasars_are_found_at_their_redshifts(published, real, reference):
    table = published.find(real)
    expected = np.load(reference / "qso" / "tf221_processed_6L.npz")
    assert np.flatnonzero(table["IS_QSO_QN"] == 1).tolist() == QUASARS
    np.testing.assert_allclose(table["Z_QN"][RUN], expected["zbest"], atol=1e-4)
    for i, name in enumerate(published.lines):
        np.testing.assert_allclose(table[f"C_{name}"][RUN], expected["c_line"][i], atol=1e-5)
        np.testing.assert_allclose(table[f"Z_{name}"][RUN], expected["z_line"][i], atol=1e-4)
    np.testing.assert_allclose(table["C_CIV_BAL"][RUN], expected["c_line_bal"][0], atol=1e-5)
    np.testing.assert_allclose(table["Z_CIV_BAL"][RUN], expected["z_line_bal"][0], atol=1e-4)


def test_a_masked_row_stays_and_says_so(published, real):
    row = published.find(real)[11]
    assert row["IS_QSO_QN"] == -1
    assert row["QN_FLAG"] == Flag.NO_DATA
    assert all(np.isnan(row[name]) for name in row.colnames if name[0] in "CZ")


def test_one_nan_changes_the_least_digits_of_its_row_alone(published, real):
    before = published.find(real)
    planted = real[np.arange(len(real))]
    planted.cameras["r"].flux[8, 1000] = np.nan
    after = published.find(planted)
    assert after["QN_FLAG"][8] == Flag.NON_FINITE
    for name in before.colnames:
        others = np.arange(25) != 8
        np.testing.assert_array_equal(after[name][others], before[name][others])
        if name != "QN_FLAG":
            assert after[name][8] == pytest.approx(before[name][8], abs=1e-2)


def outputs(finder, rows, **lines):
    """Return outputs with one box and its offset set: name=(box, confidence, offset)."""
    arrays = {name: np.zeros((rows, 26), "f4") for name in [*finder.lines, *finder.bal_lines]}
    for name, (box, confidence, offset) in lines.items():
        arrays[name][:, box], arrays[name][:, 13 + box] = confidence, offset
    return arrays


def test_interpret_by_hand(finder):
    """Box 6, offset 0.25: bin 6.25 * 443 / 13; bin i of the grid begins at 3600 * 10**(i/1000)."""
    rows = finder.interpret(
        outputs(finder, 1, CIV=(6, 0.9, 0.25), LYA=(2, 0.6, 0.5)), np.zeros(1, int)
    )
    bin_ = 6.25 * 443 / 13
    below = 3600 * 10 ** (np.floor(bin_) / 1000)
    wave = below + (bin_ % 1) * below * (10**0.001 - 1)
    assert rows["Z_CIV"][0] == pytest.approx(wave / 1548.2049 - 1, abs=1e-9)
    assert rows["Z_QN"][0] == rows["Z_CIV"][0]
    assert rows["Z_QN_CONF"][0] == rows["C_CIV"][0] == np.float32(0.9)
    assert rows["IS_QSO_QN"][0] == 1


def test_lines_that_agree_share_in_the_redshift(finder):
    """C IV at z = 1.9 and MgII 1200 km/s from it, both sure; Lyman-alpha is somewhere else."""
    c, z = np.array([[0.2, 0.9, 0.6], [0.2, 0.9, 0.6]]), np.array([[2.8, 1.9, 1.9116]] * 2)
    weighted = (0.9 * 1.9 + 0.6 * 1.9116) / 1.5
    np.testing.assert_allclose(shared_redshift(c, z, 4000.0), weighted, rtol=1e-12)
    np.testing.assert_array_equal(shared_redshift(c, z, 1000.0), 1.9)
    np.testing.assert_array_equal(shared_redshift(c, z, 0.0), 1.9)
    np.testing.assert_array_equal(shared_redshift(0 * c, z, 4000.0), 2.8)  # no line is sure
    assert shared_redshift(c[:0], z[:0], 4000.0).shape == (0,)


@pytest.mark.parametrize(
    ("c_thresh", "n_thresh", "quasar"),
    [(None, None, 1), (0.5, 2, 1), (0.5, 3, 0), (0.7, 1, 1), (0.7, 2, 0), (0.95, 1, 0)],
)
def test_thresholds(finder, c_thresh, n_thresh, quasar):
    values = outputs(finder, 2, CIV=(6, 0.9, 0.2), LYA=(2, 0.6, 0.5), CIV_BAL=(3, 0.99, 0.1))
    rows = finder.interpret(values, np.zeros(2, int), c_thresh, n_thresh)
    assert rows["IS_QSO_QN"].tolist() == [quasar, quasar]


def test_a_confidence_must_be_larger_than_the_threshold(finder):
    rows = finder.interpret(outputs(finder, 1, CIV=(6, 0.5, 0.2)), np.zeros(1, int), 0.5, 1)
    assert rows["IS_QSO_QN"][0] == 0


def test_rows_that_cannot_be_run_keep_their_place(finder):
    spectra = coadd(rows=5)
    spectra.cameras["b"].ivar[1] = 0
    for camera in spectra.cameras.values():
        camera.ivar[2] = 0
        camera.flux[3] = 2.5
    spectra.cameras["z"].flux[4, :3] = np.inf
    table = finder.find(spectra)
    assert table["TARGETID"].tolist() == spectra.targetid.tolist()
    assert [Flag(int(flag)) for flag in table["QN_FLAG"]] == [
        Flag(0),
        Flag.MISSING_CAMERA,
        Flag.NO_DATA,
        Flag.NOT_NORMAL,
        Flag.NON_FINITE,
    ]
    assert (table["IS_QSO_QN"] == -1).tolist() == [False, False, True, True, False]
    assert np.isnan(table["Z_QN"]).tolist() == [False, False, True, True, False]


def test_a_missing_camera_is_flagged_in_all_rows(finder):
    whole = coadd(rows=2)
    without = {name: camera for name, camera in whole.cameras.items() if name != "r"}
    table = finder.find(Spectra(whole.targetid, without))
    assert (table["QN_FLAG"] == Flag.MISSING_CAMERA).all()
    assert (table["IS_QSO_QN"] >= 0).all()


def test_spectra_of_another_instrument_have_no_missing_camera(finder):
    whole = coadd(rows=2)
    table = finder.find(Spectra(whole.targetid, {"boss": whole.cameras["r"]}))
    assert (table["QN_FLAG"] == 0).all()


def test_no_rows_in_no_rows_out(finder):
    table = finder.find(coadd(rows=3)[:0])
    assert len(table) == 0
    assert table.colnames == finder.find(coadd(rows=3)).colnames


def test_masked_pixels_count_as_no_data(finder):
    spectra = coadd(rows=2, mask=True)
    for camera in spectra.cameras.values():
        camera.mask[1] = 4
    assert finder.find(spectra)["QN_FLAG"].tolist() == [0, Flag.NO_DATA]


@pytest.mark.parametrize(
    ("section", "change", "text"),
    [
        ("prepare", {"normalize": "median"}, "prepare: normalize: expected 'ivar-weighted mean"),
        ("prepare", {"grid": {"spacing": "log"}}, "grid: start: missing"),
        (
            "prepare",
            {"grid": {"spacing": "log", "start": 3.5, "step": 1e-3, "size": 400}},
            "inputs: ex",
        ),
        ("interpret", {"boxes": "many"}, "interpret: boxes: expected int, found 'many'"),
        ("interpret", {"boxes": 12}, "outputs: expected"),
        (
            "interpret",
            {"lines": [{"name": "LYA"}]},
            "interpret: lines: expected \\[{name: str, wave: float}, ...\\], found",
        ),
        (
            "interpret",
            {"lines": [{"name": "LYA", "wave": "?"}]},
            "found .{.name.: .LYA., .wave.: .[?].}.",
        ),
        ("interpret", {"lines": []}, "interpret: expected lines and a c_thresh from 0 to 1"),
        ("interpret", {"c_thresh": 2}, "interpret: expected lines and a c_thresh from 0 to 1"),
        ("interpret", {"colour": 1}, "interpret: colour is unknown"),
    ],
)
def test_a_header_that_does_not_say_enough_is_refused(section, change, text, tmp_path):
    header, arrays = quasar_model()
    header[section] = {**header[section], **change}
    path = tmp_path / "w.npz"
    write_weights(path, header, arrays)
    with pytest.raises(WeightsError, match=text) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_weights_that_cannot_be_folded_are_refused_once(tmp_path):
    """The file is named, and said to be no valid one, a single time."""
    header, arrays = quasar_model()
    variance = next(name for name in arrays if name.endswith("/variance"))
    arrays[variance] = np.full_like(arrays[variance], -1)
    write_weights(tmp_path / "w.npz", header, arrays)
    with pytest.raises(WeightsError, match="not finite when folded") as caught:
        load_model(tmp_path / "w.npz")
    assert str(caught.value).count("not a valid weights file") == 1


def test_a_kind_without_a_finder_says_how_to_run_it(tmp_path):
    header, arrays = quasar_model()
    write_weights(tmp_path / "w.npz", {**header, "kind": "free"}, arrays)
    with pytest.raises(WeightsError, match=r"'free' has no finder .* desinn\.nn\.Network"):
        load_model(tmp_path / "w.npz")

"""QuasarNP's interface: what desispec calls, and what upstream got wrong."""

import itertools
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import desinn
from desinn.finders.base import load_model as load_finder
from desinn.hosts import quasarnp
from desinn.hosts.quasarnp.io import (
    load_desi_coadd,
    load_desi_daily,
    load_desi_exposure,
    load_model,
)
from desinn.hosts.quasarnp.utils import (
    absorber_IGM,
    linear_wave,
    process_preds,
    rebin,
    regrid,
    renormalize,
    wave,
)
from desinn.nn import write_weights
from desinn.nn.graph import GraphError
from desinn.spectra import Grid
from helpers import keras_file
from helpers.spectra import coadd, quasar_model, write_coadd

LINES = ["LYA", "CIV(1548)", "CIII(1909)", "MgII(2796)", "Hbeta", "Halpha"]
BAL = ["CIV(1548)"]
PACKAGE = Path(desinn.__file__).parents[1]


@pytest.fixture
def weights(tmp_path):
    write_weights(tmp_path / "w.npz", *quasar_model())
    return tmp_path / "w.npz"


@pytest.fixture
def write(tmp_path):
    names = itertools.count()
    return lambda spectra: write_coadd(tmp_path / f"coadd-{next(names)}.fits", spectra)


def predictions(rows, seed=1):
    """Return predictions as a network gives them, offsets a little over the edges."""
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(size=(7, rows, 13))
    offsets = rng.uniform(-0.1, 1.1, size=(7, rows, 13))
    return list(np.concatenate([boxes, offsets], axis=2).astype(np.float32))


# --- the model


def test_weights_of_ours_are_a_model(weights):
    model, grid = load_model(weights)
    assert grid.dtype == np.float64
    np.testing.assert_array_equal(grid, wave)
    x = np.random.default_rng(1).normal(size=(3, 443, 1))
    preds = model.predict(x)
    assert [p.shape for p in preds] == [(3, 26)] * 7
    assert {p.dtype for p in preds} == {np.dtype(np.float32)}
    assert model.nlines == 7
    expected = load_finder(weights).network(x)
    np.testing.assert_array_equal(preds[-1], expected["CIV_BAL"])
    np.testing.assert_array_equal(model(x)[3], expected["MgII"])


@pytest.mark.parametrize(("bins", "grid"), [(443, wave), (458, linear_wave)])
def test_keras_file_is_a_model(tmp_path, bins, grid):
    path = tmp_path / "w.h5"
    keras_file.write(path, keras_file.quasarnet_layers(bins), keras_file.OUTPUTS)
    model, found = load_model(str(path))
    np.testing.assert_array_equal(found, grid)
    preds = model.predict(np.ones((2, bins, 1)))
    assert [p.shape for p in preds] == [(2, 26)] * 7
    offsets = np.concatenate([p[:, 13:] for p in preds])
    assert offsets.min() >= -0.1
    assert offsets.max() <= 1.1


def test_all_offsets_are_rescaled_whatever_their_layers_are_called(tmp_path):
    """Upstream rescales none of them where no layer is named exactly lambda."""
    path = tmp_path / "w.h5"
    layers = keras_file.quasarnet_layers()
    names = [entry["name"] for entry, _ in layers if entry["class_name"] == "Lambda"]
    assert len(names) == 7
    keras_file.write(path, layers, keras_file.OUTPUTS)
    text = json.dumps(load_model(path)[0].finder.network.header["nodes"])
    assert text.count('"scale": 1.2') == 7


def test_a_model_of_no_spectra(weights):
    model, _ = load_model(weights)
    preds = model.predict(np.zeros((0, 443, 1)))
    assert [p.shape for p in preds] == [(0, 26)] * 7
    assert [a.shape for a in process_preds(preds, LINES, BAL, verbose=False)] == [
        (6, 0), (6, 0), (0,), (1, 0), (1, 0),
    ]  # fmt: skip


def test_a_wrong_shape_is_refused(weights):
    model, _ = load_model(weights)
    with pytest.raises(GraphError, match="443"):
        model.predict(np.zeros((2, 458, 1)))


def altered(**interpret):
    header, arrays = quasar_model()
    return {**header, "interpret": {**header["interpret"], **interpret}}, arrays


def test_a_network_with_lines_of_its_own_is_refused(tmp_path):
    lines = quasar_model()[0]["interpret"]["lines"]
    lines[0]["wave"] = 1216.0
    write_weights(tmp_path / "w.npz", *altered(lines=lines))
    with pytest.raises(ValueError, match=r"w\.npz: expected the outputs of QuasarNET"):
        load_model(tmp_path / "w.npz")


def test_a_network_that_is_no_quasar_finder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("desinn.hosts.quasarnp.io.load_finder", lambda name: object())
    with pytest.raises(ValueError, match=r"w\.npz: expected a quasar network, found a object"):
        load_model("w.npz")


def test_a_keras_file_that_is_no_quasarnet_is_refused(tmp_path):
    path = tmp_path / "w.h5"
    keras_file.write(path, keras_file.quasarnet_layers(boxes=12), keras_file.OUTPUTS)
    with pytest.raises(ValueError, match=r"w\.h5: expected a QuasarNET"):
        load_model(path)


@pytest.mark.parametrize("name", ["nothing.npz", "nothing.h5"])
def test_a_missing_file_is_named(name):
    with pytest.raises(FileNotFoundError, match=name):
        load_model(name)


# --- spectra


def test_coadd_is_what_the_finder_prepares(weights, write):
    spectra = coadd(rows=5)
    x, kept = load_desi_coadd(write(spectra))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(kept, np.arange(5))
    np.testing.assert_array_equal(x, load_finder(weights).prepare(spectra)[0][:, :, 0])


def test_linear_grid(write):
    x, _ = load_desi_coadd(write(coadd()), out_grid=linear_wave)
    assert x.shape == (4, 458)


@pytest.mark.parametrize("rows", [[True, False, True, True], [0, 2, 3]])
def test_rows_that_are_asked_for(write, rows):
    path = write(coadd())
    x, kept = load_desi_coadd(path, np.array(rows))
    every, _ = load_desi_coadd(path)
    np.testing.assert_array_equal(kept, [0, 1, 2])
    np.testing.assert_array_equal(x, every[[0, 2, 3]])


def test_no_rows_at_all(write):
    x, kept = load_desi_coadd(write(coadd()), np.zeros(4, bool))
    assert x.shape == (0, 443)
    assert kept.shape == (0,)


def test_a_wrong_number_of_rows_is_refused(write):
    with pytest.raises(IndexError, match="expected 4 bools, found 3"):
        load_desi_coadd(write(coadd()), np.ones(3, bool))


def test_rows_that_cannot_be_run_are_left_out(write, caplog):
    """Without ivar, as upstream; and constant ones, which upstream lets through as NaN."""
    spectra = coadd(rows=4)
    for camera in spectra.cameras.values():
        camera.ivar[1] = 0
        camera.flux[3] = 2.5
    with caplog.at_level("INFO"):
        x, kept = load_desi_coadd(write(spectra))
    np.testing.assert_array_equal(kept, [0, 2])
    assert np.isfinite(x).all()
    assert "2 of 4 spectra cannot be run" in caplog.text


def test_a_pixel_that_is_not_finite_costs_no_more_than_itself(write):
    spectra = coadd(rows=2)
    clean = coadd(rows=2)
    spectra.cameras["b"].flux[0, 100] = np.nan
    spectra.cameras["b"].ivar[0, 100] = 0
    clean.cameras["b"].ivar[0, 100] = 0
    x, kept = load_desi_coadd(write(spectra))
    np.testing.assert_array_equal(kept, [0, 1])
    np.testing.assert_array_equal(x, load_desi_coadd(write(clean))[0])


def test_masked_pixels_do_not_count(tmp_path, write):
    path = write(coadd(rows=2))
    before, _ = load_desi_coadd(path)
    with fits.open(path, mode="append") as hdus:
        mask = np.zeros(hdus["B_FLUX"].shape, "i4")
        mask[0, :50] = 1
        hdus.append(fits.ImageHDU(mask, name="B_MASK"))
    after, _ = load_desi_coadd(path)
    assert np.abs(after[0] - before[0]).max() > 0.1
    np.testing.assert_array_equal(after[1], before[1])


def test_a_missing_camera_is_done_without(write, caplog):
    spectra = coadd(rows=2)
    del spectra.cameras["z"]
    with caplog.at_level("INFO"):
        x, _ = load_desi_coadd(write(spectra))
    assert x.shape == (2, 443)
    assert "2 of 2 spectra lack a camera" in caplog.text


def write_cframe(path, name, camera, targetid):
    fibermap = np.array([(t,) for t in targetid], [("TARGETID", "i8")])
    first = fits.PrimaryHDU(camera.flux, fits.Header({"CAMERA": name, "EXPID": 71246}))
    first.name = "FLUX"
    others = [
        fits.ImageHDU(camera.ivar, name="IVAR"),
        fits.ImageHDU(camera.wave, name="WAVELENGTH"),
        fits.BinTableHDU(fibermap, name="FIBERMAP"),
    ]
    fits.HDUList([first, *others]).writeto(path)


@pytest.fixture
def exposure(tmp_path):
    """The folder of an exposure as the daily pipeline lays it out, in $DESI_SPECTRO_REDUX."""
    folder = tmp_path / "daily" / "exposures" / "20210107" / "00071246"
    folder.mkdir(parents=True)
    spectra = coadd(rows=500)
    for name, camera in spectra.cameras.items():
        path = folder / f"cframe-{name}3-00071246.fits"
        write_cframe(path, f"{name}3", camera, spectra.targetid)
    return folder


def test_exposure_is_as_its_coadd(exposure, write):
    fibers = np.arange(500) % 100 == 3
    x, kept = load_desi_exposure(exposure, 3, fibers)
    np.testing.assert_array_equal(kept, np.arange(5))
    np.testing.assert_array_equal(x, load_desi_coadd(write(coadd(rows=500)), fibers)[0])


@pytest.mark.parametrize(("night", "number"), [("20210107", "00071246"), (20210107, 71246)])
def test_daily_exposure(exposure, tmp_path, monkeypatch, night, number):
    monkeypatch.setenv("DESI_SPECTRO_REDUX", str(tmp_path))
    x, _ = load_desi_daily(night, number, 3)
    assert x.shape == (500, 443)


def test_exposure_without_a_camera_and_packed(exposure):
    (exposure / "cframe-z3-00071246.fits").unlink()
    path = exposure / "cframe-b3-00071246.fits"
    with fits.open(path) as hdus:
        hdus.writeto(f"{path}.gz")
    path.unlink()
    x, _ = load_desi_exposure(str(exposure), 3)
    assert x.shape == (500, 443)


def test_exposure_that_is_not_there(exposure):
    with pytest.raises(FileNotFoundError, match=r"cframe-b4-00071246\.fits, found none"):
        load_desi_exposure(exposure, 4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((10,), "spec_number: expected 0 to 9, found 10"),
        ((3, np.ones(5, bool)), r"fibers: expected 500 bools, found bool of shape \(5,\)"),
        ((3, np.ones(500)), "fibers: expected 500 bools, found float64"),
    ],
)
def test_exposure_arguments_that_are_wrong(exposure, arguments, text):
    with pytest.raises(ValueError, match=text):
        load_desi_exposure(exposure, *arguments)


def test_exposure_of_another_number_of_fibres(tmp_path):
    spectra = coadd(rows=2)
    folder = tmp_path / "00000001"
    folder.mkdir()
    path = folder / "cframe-b0-00000001.fits"
    write_cframe(path, "b0", spectra.cameras["b"], spectra.targetid)
    with pytest.raises(ValueError, match="expected 500 fibres, found 2"):
        load_desi_exposure(folder, 0)


# --- what the output means


@pytest.mark.parametrize("grid", [wave, linear_wave])
def test_predictions_by_hand(grid):
    preds = predictions(4)
    c, z, zbest, c_bal, z_bal = process_preds(preds, LINES, BAL, verbose=False, wave=grid)
    for line, name in enumerate([*LINES, *BAL]):
        for row in range(4):
            box = max(range(13), key=lambda k: preds[line][row, k])
            place = (box + float(preds[line][row, 13 + box])) * len(grid) / 13
            low = min(max(int(np.floor(place)), 0), len(grid) - 2)
            share = min(max(place - low, 0), 1)
            expected = (grid[low] * (1 - share) + grid[low + 1] * share) / absorber_IGM[name] - 1
            found = (c[line, row], z[line, row]) if line < 6 else (c_bal[0, row], z_bal[0, row])
            assert found[0] == preds[line][row, box]
            assert found[1] == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(zbest, z[c.argmax(axis=0), np.arange(4)])
    assert {a.dtype for a in (c, z, zbest, c_bal, z_bal)} == {np.dtype(np.float64)}


def test_predictions_agree_with_the_finder(weights):
    finder = load_finder(weights)
    preds = predictions(5)
    outputs = dict(zip([*finder.lines, *finder.bal_lines], preds, strict=True))
    rows = finder.interpret(outputs, np.zeros(5, np.int32))
    c, z, zbest, c_bal, _ = process_preds(preds, LINES, BAL, verbose=False)
    np.testing.assert_array_equal(rows["C_MgII"], c[3].astype("f4"))
    np.testing.assert_allclose(rows["Z_MgII"], z[3], rtol=1e-12)
    np.testing.assert_allclose(rows["Z_QN"], zbest, rtol=1e-12)
    np.testing.assert_array_equal(rows["C_CIV_BAL"], c_bal[0].astype("f4"))


def test_predictions_as_one_array_of_another_number_of_boxes():
    preds = np.random.default_rng(1).uniform(size=(2, 3, 20))
    c, *_ = process_preds(preds, ["LYA"], ["CIV(1548)"], verbose=False)
    np.testing.assert_array_equal(c[0], preds[0, :, :10].max(axis=1))


def test_verbose_goes_to_the_log(caplog):
    with caplog.at_level("INFO"):
        process_preds(predictions(2), LINES, BAL)
    assert "2 spectra, 13 boxes" in caplog.text


def test_unknown_lines_are_refused():
    with pytest.raises(ValueError, match="lines: expected names in absorber_IGM, found Lyman"):
        process_preds(predictions(1), ["Lyman", *LINES[1:]], BAL)
    with pytest.raises(ValueError, match="preds: expected 6 arrays, one per line, found 7"):
        process_preds(predictions(1), LINES, [])
    with pytest.raises(ValueError, match="lines: expected at least one"):
        process_preds(predictions(1)[:1], [], BAL)


# --- grids


def test_grids():
    assert (wave.size, linear_wave.size) == (443, 458)
    assert wave[[0, -1]].tolist() == pytest.approx([3600, 9960.98992], abs=1e-5)
    assert linear_wave[[0, 1, -1]].tolist() == [3600.0, 3613.6, 9815.2]
    with pytest.raises(ValueError, match="read-only"):
        wave[0] = 1


@pytest.mark.parametrize("grid", [wave, linear_wave, 10 ** np.arange(3.5, 3.9, 0.002)])
def test_each_lower_edge_is_in_its_bin(grid):
    bins, inside = regrid(grid, grid)
    np.testing.assert_array_equal(bins, np.arange(grid.size))
    assert inside.all()


def test_wavelengths_off_the_grid():
    bins, inside = regrid([3599.0, 3600.0, 12000.0])
    assert inside.tolist() == [False, True, False]
    assert bins.dtype == np.int64


@pytest.mark.parametrize(
    "edges", [[3600.0], [3600.0, 3700.0, 3750.0], [2.0, 1.0], np.ones((2, 2)), [-1.0, 2.0]]
)
def test_a_grid_that_is_not_even_is_refused(edges):
    with pytest.raises(ValueError, match="grid: expected increasing edges with even steps"):
        regrid([3600.0], edges)


def test_the_published_grids_are_exact():
    assert Grid.from_wave(wave) == Grid.log()
    assert Grid.from_wave(linear_wave) == Grid.linear()


@pytest.mark.parametrize("grid", [wave, linear_wave])
def test_rebinned_sums(grid):
    camera = coadd(rows=3).cameras["r"]
    flux_out, ivar_out = rebin(camera.flux, camera.ivar, camera.wave, grid)
    bins, _ = regrid(camera.wave, grid)
    for row in range(3):
        weights = camera.flux[row].astype(float) * camera.ivar[row]
        expected = np.bincount(bins, weights, grid.size)
        np.testing.assert_allclose(flux_out[row], expected, rtol=1e-12, atol=1e-12)
        expected = np.bincount(bins, camera.ivar[row], grid.size)
        np.testing.assert_allclose(ivar_out[row], expected, rtol=1e-12)


def test_renormalized():
    rng = np.random.default_rng(1)
    flux, ivar = rng.normal(3, 1, (2, 50)), rng.uniform(0, 2, (2, 50))
    ivar[1] = 0
    x = renormalize(flux, ivar)
    mean = np.average(flux[0], weights=ivar[0])
    rms = np.sqrt(np.average((flux[0] - mean) ** 2, weights=ivar[0]))
    np.testing.assert_allclose(x[0], (flux[0] - mean) / rms, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(x[1], 0)


# --- under the name that the hosts import


@pytest.fixture
def modules(monkeypatch):
    """sys.modules without quasarnp, put right again afterwards."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "quasarnp"]:
        monkeypatch.delitem(sys.modules, name)
    before = dict(sys.modules)
    yield sys.modules
    for name in [name for name in sys.modules if name.partition(".")[0] == "quasarnp"]:
        del sys.modules[name]
    sys.modules.update({k: v for k, v in before.items() if k.partition(".")[0] == "quasarnp"})


def test_install(modules):
    assert quasarnp.install() is quasarnp
    assert quasarnp.install() is quasarnp
    import quasarnp as found
    from quasarnp.io import load_model as loader
    from quasarnp.utils import wave as grid

    assert found is quasarnp
    assert loader is load_model
    assert grid is wave
    assert found.__version__ == f"0.2.0+desinn.{desinn.__version__}"


def test_install_leaves_another_quasarnp_alone(modules):
    modules["quasarnp"] = types.ModuleType("quasarnp")
    modules["quasarnp"].__file__ = "/there/quasarnp/__init__.py"
    modules["quasarnp.model"] = types.ModuleType("quasarnp.model")
    with pytest.raises(ImportError, match=r"found /there/quasarnp/__init__\.py; install\(force"):
        quasarnp.install()
    assert modules["quasarnp"] is not quasarnp
    assert quasarnp.install(force=True) is quasarnp
    assert modules["quasarnp"] is quasarnp
    assert "quasarnp.model" not in modules


@pytest.mark.parametrize("first", ["quasarnp", "quasarnp.io", "quasarnp.utils"])
def test_the_folder_on_pythonpath(repository, first):
    code = (
        f"import {first}, desinn.hosts.quasarnp as ours\n"
        "import quasarnp, quasarnp.io as io\n"
        "from quasarnp.utils import process_preds\n"
        "assert quasarnp is ours and io is ours.io\n"
        "assert process_preds is ours.utils.process_preds\n"
        "assert ours.install() is quasarnp"
    )
    path = os.pathsep.join([str(repository / "etc" / "quasarnp"), str(PACKAGE)])
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )


# --- the real files


@pytest.mark.parametrize(
    ("file", "outputs"), [("test_weights.h5", "4L"), ("test_weights_6_layer.h5", "6L")]
)
def test_real_spectra_as_tensorflow_has_them(reference, file, outputs):
    folder = reference / "qso"
    model, grid = load_model(folder / file)
    x, kept = load_desi_coadd(folder / "test_coadd.fits", out_grid=grid)
    np.testing.assert_array_equal(kept, np.delete(np.arange(25), 11))
    np.testing.assert_allclose(x, np.load(folder / "coadd_x.npy"), rtol=1e-5, atol=2e-6)
    preds = model.predict(x[:, :, None])
    np.testing.assert_allclose(preds, np.load(folder / f"tf221_pred_{outputs}.npy"), atol=1e-5)
    found = process_preds(preds, LINES, BAL, verbose=False, wave=grid)
    expected = np.load(folder / f"tf221_processed_{outputs}.npz")
    names = ("c_line", "z_line", "zbest", "c_line_bal", "z_line_bal")
    for name, array in zip(names, found, strict=True):
        np.testing.assert_allclose(array, expected[name], atol=1e-5, err_msg=name)

"""desinn simulate and desinn path, as users run them."""

import os
import subprocess
import sys
from pathlib import Path

import fitsio
import numpy as np
import pytest

import desinn as package
from desinn.io.desi import read_truth
from desinn.io.read import read_spectra
from desinn.scripts import desinn
from desinn.simulate.survey import TARGETS_PER_SEED


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    path = tmp_path_factory.mktemp("simulated") / "coadd.fits"
    options = ["simulate", "qso", "-n", "12", "--seed", "3", "--templates", "none"]
    assert desinn.main([*options, "-o", str(path)]) == 0
    return path


def test_spectra_and_truth_belong_together(simulated):
    spectra, truth = read_spectra(simulated), read_truth(simulated)
    assert len(spectra) == 12
    assert np.array_equal(spectra.targetid, truth["TARGETID"])
    assert truth["TARGETID"][0] == 3 * TARGETS_PER_SEED
    assert set(truth["TRUESPECTYPE"]) <= {"QSO", "STAR", "GALAXY", "SKY"}
    assert list(spectra.cameras) == ["b", "r", "z"]
    sky = truth["TRUESPECTYPE"] == "SKY"
    assert np.array_equal(spectra.fibermap["OBJTYPE"] == "SKY", sky)


def test_the_seed_decides(simulated, tmp_path):
    first = read_spectra(simulated)
    for seed, same in (("3", True), ("4", False)):
        path = tmp_path / f"{seed}.fits"
        options = ["simulate", "qso", "-n", "12", "--seed", seed, "--templates", "none"]
        desinn.main([*options, "--no-resolution", "-o", str(path)])
        again = read_spectra(path)
        assert np.array_equal(again.cameras["r"].flux, first.cameras["r"].flux) == same


def test_several_files_have_seeds_of_their_own(tmp_path):
    options = ["simulate", "qso", "-n", "2", "--files", "2", "--seed", "8", "--templates", "none"]
    desinn.main([*options, "--instrument", "boss", "-o", str(tmp_path / "s.fits")])
    ids = [read_truth(tmp_path / f"s-{number}.fits")["TARGETID"] for number in range(2)]
    assert [i[0] // TARGETS_PER_SEED for i in ids] == [8, 9]
    assert list(read_spectra(tmp_path / "s-0.fits").cameras) == ["boss"]


def test_resolution_can_be_left_out(simulated, tmp_path):
    path = tmp_path / "small.fits"
    options = ["simulate", "qso", "-n", "12", "--seed", "3", "--templates", "none"]
    desinn.main([*options, "--no-resolution", "-o", str(path)])
    assert path.stat().st_size < 0.35 * simulated.stat().st_size


def test_processes_of_the_installed_script(repository, tmp_path):
    """Each of them reads the script anew, and must not begin all over."""
    path = tmp_path / "two.fits"  # 250 spectra are one chunk
    options = ["-n", "260", "--nproc", "2", "--templates", "none", "--no-resolution"]
    run = subprocess.run(
        [sys.executable, repository / "bin" / "desinn", "simulate", "qso", *options, "-o", path],
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert len(read_truth(path)) == 260


def test_an_output_is_not_replaced(simulated):
    with pytest.raises(FileExistsError, match="--overwrite"):
        desinn.main(["simulate", "qso", "-n", "1", "-o", str(simulated)])


def test_options_come_before_the_recipe(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("seed: 9\nspectra: 50\nsimulation: {mix: {SKY: 1.0}}")
    path = tmp_path / "sky.fits"
    options = ["simulate", "qso", "-n", "3", "--recipe", str(recipe), "--templates", "none"]
    desinn.main([*options, "-o", str(path)])
    truth = read_truth(path)
    assert set(truth["TRUESPECTYPE"]) == {"SKY"}
    assert len(truth) == 3
    assert truth["TARGETID"][0] == 9 * TARGETS_PER_SEED


def test_templates_of_the_environment_are_used(monkeypatch, tmp_path):
    monkeypatch.setenv("RR_TEMPLATE_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="expected redrock's rrtemplate"):
        desinn.main(["simulate", "qso", "-n", "1", "-o", str(tmp_path / "x.fits")])


def test_path_of_a_network_that_is_not_ours():
    with pytest.raises(FileNotFoundError, match=r"nonet: there is no such file, nor a network"):
        desinn.main(["path", "nonet"])


def test_path_prints_the_file(tmp_path, monkeypatch, capsys):
    from desinn.finders import base

    monkeypatch.setattr(base, "shipped_weights", lambda: {"qso": "/somewhere/qso.npz"})
    assert desinn.main(["path", "qso"]) == 0
    assert capsys.readouterr().out == "/somewhere/qso.npz\n"


def test_sightlines(tmp_path):
    """Spectra in one file, absorbers and the catalogue in another."""
    path = tmp_path / "dla.fits"
    arguments = ["simulate", "dla", "-n", "12", "--seed", "3", "--templates", "none"]
    assert desinn.main([*arguments, "--no-resolution", "-o", str(path)]) == 0
    spectra = read_spectra(path)
    with fitsio.FITS(tmp_path / "dla-truth.fits") as fits:
        catalog, meta = fits["ZCATALOG"].read(), fits["DLA_META"].read()
    assert (catalog["TARGETID"] == spectra.targetid).all()
    assert (catalog["TARGET_RA"] == spectra.fibermap["TARGET_RA"]).all()
    assert set(meta.dtype.names) == {"NHI", "Z_DLA", "TARGETID", "DLAID"}
    assert (catalog["Z"] > 1.98).all()


def test_recipe_of_another_kind(tmp_path):
    arguments = ["simulate", "qso", "--recipe", "dla-test", "--templates", "none"]
    with pytest.raises(ValueError, match="dla-test: expected a recipe of kind qso"):
        desinn.main([*arguments, "-o", str(tmp_path / "x.fits")])

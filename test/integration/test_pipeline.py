"""desispec's pipeline runs our programs, and the hosts' readers read what is written for them."""

import sys

import numpy as np
import pytest
from astropy.io import fits

from desinn.io.desi import read_coadd
from desinn.nn import write_weights
from desinn.scripts import desi_find_cosmics, desi_find_dla, desi_find_qso
from desinn.scripts import desinn as desinn_script
from helpers import sightline_network
from helpers.cosmics import write_finder
from helpers.spectra import quasar_model
from integration.builder import MISSED, Z

pytestmark = pytest.mark.usefixtures("hosts")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A folder with a coadd, one of sightlines and their catalogue, and a CCD image."""
    folder = tmp_path_factory.mktemp("simulated")

    def simulate(kind, path, *options):
        words = ["simulate", kind, "-n", "4", "--seed", "3", "-o", str(folder / path), *options]
        assert desinn_script.main(words) == 0

    simulate("qso", "coadd.fits", "--templates", "none")
    simulate("dla", "sightlines.fits", "--templates", "none")
    simulate("cosmics", "frames", "--arm", "b", "--kind", "dark", "--shape", "64", "64")
    return folder


def program(name, folder, out):
    """Return a program's main, its options, its input and its output."""
    model = out / "model.npz"
    if name == "qso":
        write_weights(model, *quasar_model())
        infile, outfile = folder / "coadd.fits", out / "qso_qn.fits"
        return desi_find_qso.main, [], model, infile, outfile
    if name == "dla":
        write_weights(model, sightline_network.header(), sightline_network.arrays())
        infile, outfile = folder / "sightlines.fits", out / "dlacat.fits"
        catalogue = ["-q", str(folder / "sightlines-truth.fits")]
        return desi_find_dla.main, catalogue, model, infile, outfile
    write_finder(model)
    infile = min((folder / "frames").glob("preproc-*.fits"))
    return desi_find_cosmics.main, [], model, infile, out / infile.name


@pytest.mark.runs("desispec.util.runcmd")
@pytest.mark.parametrize("ranks", ["alone", "mpi"])
@pytest.mark.parametrize("name", ["qso", "dla", "cosmics"])
def test_runcmd(simulated, tmp_path, name, ranks):
    """Done, done already, and failed: as the pipeline asks it."""
    from desispec.util import runcmd

    comm = pytest.importorskip("mpi4py.MPI").COMM_WORLD if ranks == "mpi" else None
    main, options, model, infile, outfile = program(name, simulated, tmp_path)
    words = ["-i", str(infile), "-o", str(outfile), "-m", str(model), *options]
    files = {"inputs": [str(infile)], "outputs": [str(outfile)], "comm": comm}
    assert runcmd(main, args=words, check_return=True, **files) == (0, True)
    assert runcmd(main, args=words, check_return=True, **files) == (None, True)  # nothing to do
    outfile.unlink()
    words[1] = str(tmp_path / "nothing.fits")
    result, success = runcmd(main, args=words, check_return=True, **files)
    assert not success
    assert "nothing.fits" in str(result)
    assert not outfile.exists()


@pytest.mark.runs("desispec.io.read_spectra")
@pytest.mark.parametrize("name", ["coadd.fits", "sightlines.fits"])
def test_read_spectra_of_what_is_simulated(simulated, name):
    from desispec.io import read_spectra

    theirs, ours = read_spectra(str(simulated / name)), read_coadd(simulated / name)
    assert theirs.bands == ["b", "r", "z"]
    np.testing.assert_array_equal(theirs.fibermap["TARGETID"], ours.targetid)
    for band in theirs.bands:
        np.testing.assert_array_equal(theirs.flux[band], ours.cameras[band].flux)
        np.testing.assert_array_equal(theirs.resolution_data[band].shape[0], len(ours.targetid))


UPDATED = """\
import sys
import numpy as np
from astropy.table import Table
from fastspecfit.io import DESISpectra
targetid = np.loadtxt(sys.argv[2], dtype="i8")
rows = np.arange(targetid.size)
zb = Table({"Z": np.full(rows.size, -1.0), "ZWARN": np.full(rows.size, 4)})
zb["SPECTYPE"] = "GALAXY"
meta = Table({"TARGETID": targetid, "DESI_TARGET": np.full(rows.size, 4), "SCND_TARGET": 0 * rows})
DESISpectra.update_qso_redshifts(zb, meta, sys.argv[1], "no-mgii.fits", rows, "loa")
np.savetxt(sys.argv[3], np.c_[zb["Z"], zb["ZWARN"]])
"""
"""How fastspecfit takes the redshifts of quasars from an afterburner's file."""


@pytest.mark.runs("fastspecfit.io.DESISpectra.update_qso_redshifts")
def test_fastspecfit_reads_the_afterburner(run, coadd, redrock_file, weights, tmp_path):
    path = tmp_path / "qso_qn.fits"
    words = ("--coadd", coadd, "--redrock", redrock_file, "--output", path)
    words += ("--target_selection", "all", "--save_target", "all")
    run("desi_qso_qn_afterburner", *words, QN_MODEL_FILE=weights("converted"))
    np.savetxt(tmp_path / "ids", fits.getdata(coadd, "FIBERMAP")["TARGETID"], fmt="%d")
    run(sys.executable, "-c", UPDATED, path, tmp_path / "ids", tmp_path / "zb")
    z, zwarn = np.loadtxt(tmp_path / "zb").T
    sure = np.zeros(z.size, bool)
    rows = fits.getdata(path, "QN_RR")
    confidence = [rows[name] for name in rows.names if name.startswith("C_")]
    sure[MISSED] = np.max(confidence, axis=0)[MISSED] > 0.99
    assert sure.any()
    assert np.abs((z[sure] - Z[sure[: Z.size]]) / (1 + Z[sure[: Z.size]])).max() < 0.001
    assert (z[~sure] == -1).all()
    np.testing.assert_array_equal(zwarn[sure], rows["ZWARN_NEW"][sure])

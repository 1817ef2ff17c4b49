"""The quasar programs of desispec, unmodified, with desinn in quasarnp's place."""

import re
import sys
import textwrap

import numpy as np
import pytest
from astropy.io import fits

import desinn
from desinn.finders.base import load_model
from desinn.hosts.redrock import quasars, rerun
from desinn.io.desi import read_coadd, read_truth
from desinn.scripts import desinn as desinn_script
from desinn.spectra import Spectra
from integration.builder import DEAD, MISSED, SKY, Z

pytestmark = pytest.mark.usefixtures("hosts")

WEIGHTS = ["keras", "converted", "shipped"]
LINES = ("LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha")
COLUMNS = [
    "TARGETID", "RA", "DEC", "DESI_TARGET", "SPECTYPE_RR", "Z_RR", "IS_QSO_QN_NEW_RR", "Z_QN",
    *(f"C_{name}" for name in LINES), *(f"Z_{name}" for name in LINES),
    "Z_NEW", "ZERR_NEW", "ZWARN_NEW", "SPECTYPE_NEW", "SUBTYPE_NEW", "CHI2_NEW", "DELTACHI2_NEW",
    "COEFF_NEW",
]  # fmt: skip
QUASARS = np.arange(Z.size)


def afterburner(run, coadd, redrock_file, weights, outfile):
    """Run desispec's program and return its table."""
    words = ("--coadd", coadd, "--redrock", redrock_file, "--output", outfile)
    words += ("--target_selection", "all", "--save_target", "all")
    run("desi_qso_qn_afterburner", *words, QN_MODEL_FILE=weights)
    with fits.open(outfile) as hdus:
        assert dict(hdus["QN_RR"].header).get("DEPVER00")
        return hdus["QN_RR"].data.copy()


def confidence(rows):
    return np.stack([rows[f"C_{name}"] for name in LINES])


@pytest.mark.runs("desi_qso_qn_afterburner")
@pytest.mark.parametrize("which", WEIGHTS)
def test_afterburner(run, coadd, redrock_file, weights, tmp_path, which):
    path = tmp_path / "qso_qn-0-80605-thru20210205.fits"
    rows = afterburner(run, coadd, redrock_file, weights(which), path)
    assert list(rows.names) == COLUMNS
    np.testing.assert_array_equal(rows["TARGETID"], fits.getdata(coadd, "FIBERMAP")["TARGETID"])
    np.testing.assert_array_equal(rows["Z_RR"], fits.getdata(redrock_file, "REDSHIFTS")["Z"])
    # QuasarNET's part: all quasars found near their redshifts, nothing else.
    found = (confidence(rows) > 0.5).any(axis=0)
    assert found[QUASARS].all()
    assert not found[[SKY, DEAD]].any()
    assert np.abs((rows["Z_QN"][QUASARS] - Z) / (1 + Z)).max() < 0.02
    assert np.isnan(rows["Z_QN"][DEAD])
    assert np.isnan(confidence(rows)[:, DEAD]).all()
    # redrock's part: run again on the quasars it had missed, and on no others.
    again = np.flatnonzero(rows["IS_QSO_QN_NEW_RR"])
    np.testing.assert_array_equal(again, MISSED)
    assert np.abs((rows["Z_NEW"][MISSED] - Z[MISSED]) / (1 + Z[MISSED])).max() < 0.001
    assert set(rows["SPECTYPE_NEW"][MISSED]) == {"QSO"}
    assert np.isnan(np.delete(rows["Z_NEW"], MISSED)).all()
    assert sorted(name.name for name in tmp_path.iterdir()) == [path.name]


@pytest.mark.runs("desi_qso_qn_afterburner")
@pytest.mark.parametrize("which", WEIGHTS[1:])
def test_afterburner_has_the_numbers_of_the_finder(
    run, coadd, redrock_file, weights, tmp_path, which
):
    """What desispec writes through quasarnp is what desi_find_qso would write.

    But for the redshift where several lines share in it: the hosts take the most confident one.
    """
    rows = afterburner(run, coadd, redrock_file, weights(which), tmp_path / "qso_qn.fits")
    finder = load_model(weights(which))
    finder.z_within = 0.0
    table = finder.find(read_coadd(coadd))
    np.testing.assert_allclose(rows["Z_QN"], table["Z_QN"].astype("f4"), rtol=1e-6)
    np.testing.assert_allclose(rows["C_MgII"], table["C_MgII"], rtol=1e-6, atol=1e-7)


@pytest.mark.runs("desispec.zmtl")
def test_zmtl(run, coadd, weights, tmp_path):
    """desispec.zmtl, which updates the merged target list, calls the same functions."""
    code = (
        "import sys, numpy as np, fitsio\n"
        "from desispec.zmtl import add_qn_data, load_qn_model\n"
        "import desispec.zmtl, desiutil.depend, quasarnp\n"
        "zmtl = np.zeros(6, [('Z_QN', 'f8'), ('Z_QN_CONF', 'f8'), ('IS_QSO_QN', 'i2')])\n"
        "zmtl['IS_QSO_QN'] = -1\n"
        "header = {}\n"
        "desiutil.depend.add_dependencies(header, module_names=['quasarnp'])\n"
        "zmtl = add_qn_data(zmtl, sys.argv[1], *load_qn_model(sys.argv[2]))\n"
        "np.savez(sys.argv[3], zmtl=zmtl, version=desiutil.depend.getdep(header, 'quasarnp'))"
    )
    run(sys.executable, "-c", code, coadd, weights("converted"), tmp_path / "zmtl.npz")
    with np.load(tmp_path / "zmtl.npz") as file:
        zmtl, version = file["zmtl"], str(file["version"])
    assert zmtl["IS_QSO_QN"].tolist() == [1, 1, 1, 1, 0, -1]
    assert np.abs((zmtl["Z_QN"][QUASARS] - Z) / (1 + Z)).max() < 0.02
    assert version == f"0.2.0+desinn.{desinn.__version__}"


@pytest.mark.runs("desispec.io.read_spectra")
def test_desispec_spectra_are_what_our_reader_reads(coadd, weights):
    from desispec.io import read_spectra

    finder = load_model(weights("converted"))
    theirs = finder.find(Spectra.from_desispec(read_spectra(str(coadd))))
    ours = finder.find(read_coadd(coadd))
    assert theirs.colnames == ours.colnames
    for name in ours.colnames:
        np.testing.assert_array_equal(theirs[name], ours[name], err_msg=name)


@pytest.mark.runs("rrdesi with our priors")
def test_redrock_in_this_process(coadd, weights, tmp_path, templates, monkeypatch):
    monkeypatch.setenv("RR_TEMPLATE_DIR", str(templates))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    finder = load_model(weights("converted"))
    table = finder.find(read_coadd(coadd))
    rows = rerun(table, coadd, tmp_path / "redrock.fits", finder.grid.wave, mp=1)
    np.testing.assert_array_equal(rows["TARGETID"], quasars(table)[0])
    assert np.abs((rows["Z"] - Z) / (1 + Z)).max() < 0.001
    assert sorted(path.name for path in tmp_path.iterdir()) == ["redrock.fits"]


@pytest.mark.runs("rrdesi with our priors")
def test_afterburner_of_the_documents(run, coadd, weights, repository, tmp_path, monkeypatch):
    text = (repository / "doc" / "hosts.rst").read_text(encoding="ascii")
    [block] = re.findall(r":caption: afterburner\.py\n\n((?:   .*\n|\n)+)", text)
    (tmp_path / "afterburner.py").write_text(textwrap.dedent(block))
    monkeypatch.chdir(tmp_path)
    run(sys.executable, "afterburner.py", weights("converted"), coadd, "qso_qn.fits")
    rows = fits.getdata("qso_qn.fits", "QN_RR")
    assert rows["IS_QSO_QN"].tolist() == [1, 1, 1, 1, 0, -1]
    assert np.abs((rows["Z_NEW"][QUASARS] - Z) / (1 + Z)).max() < 0.001
    assert np.isnan(rows["Z_NEW"][[SKY, DEAD]]).all()


@pytest.fixture(scope="module")
def simulated(run, tmp_path_factory, redrock):
    """A coadd that desinn simulated, what is in it, and its redrock file with quasars missed."""
    if "simulate" not in desinn_script.COMMANDS:
        pytest.skip("desinn simulates nothing yet")
    path = tmp_path_factory.mktemp("simulated") / "coadd-1-80605-thru20210205.fits"
    program = "import sys; from desinn.scripts import desinn as d; sys.exit(d.main(sys.argv[1:]))"
    words = ("simulate", "qso", "-n", 16, "--seed", 5, "-o", path)
    run(sys.executable, "-c", program, *words)
    truth = read_truth(path)
    quasar = np.flatnonzero((truth["TRUESPECTYPE"] == "QSO") & (truth["SNR"] > 2))
    return path, truth, redrock(path, quasar[:2])


@pytest.mark.runs("desi_qso_qn_afterburner")
@pytest.mark.parametrize("which", WEIGHTS)
def test_afterburner_on_a_simulated_coadd(run, simulated, weights, tmp_path, which):
    coadd, truth, redrock_file = simulated
    rows = afterburner(run, coadd, redrock_file, weights(which), tmp_path / "qso_qn.fits")
    assert list(rows.names) == COLUMNS
    np.testing.assert_array_equal(rows["TARGETID"], fits.getdata(coadd, "FIBERMAP")["TARGETID"])
    c = np.nan_to_num(confidence(rows))
    assert rows["IS_QSO_QN_NEW_RR"].any()
    assert (c > 0.5).any(axis=0)[rows["IS_QSO_QN_NEW_RR"]].all()
    bright = (truth["TRUESPECTYPE"] == "QSO") & (truth["SNR"] > 2)
    good = np.abs(rows["Z_QN"] - truth["TRUEZ"]) / (1 + truth["TRUEZ"]) < 0.05
    assert np.count_nonzero(bright & good) >= 0.7 * np.count_nonzero(bright)

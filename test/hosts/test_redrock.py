"""redrock on a finder's quasars: its files, its arguments, and the example in the documents."""

import argparse
import re
import runpy
import sys
import textwrap
import types

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from desinn.hosts.quasarnp.utils import linear_wave, wave
from desinn.hosts.redrock import (
    prior_factor,
    quasar_templates,
    quasars,
    read_redshifts,
    rerun,
    rrdesi_arguments,
    run_rrdesi,
    write_priors,
)
from desinn.nn import write_weights
from helpers.spectra import coadd, quasar_model, write_coadd


def rrdesi(options=None, comm=None):
    """Take redrock's options and believe its priors, the last target first."""
    parser = argparse.ArgumentParser()
    for names in (("-i", "--infiles"), ("-t", "--templates")):
        parser.add_argument(*names, nargs="+", required=names[0] == "-i")
    for names in (("-o", "--outfile"), ("-d", "--details"), ("--targetids",), ("--priors",)):
        parser.add_argument(*names)
    parser.add_argument("--mp", type=int, default=0)
    args = parser.parse_args(options)
    rrdesi.calls.append((args, comm))
    wanted = [int(word) for word in args.targetids.split(",")]
    with fits.open(args.priors) as hdus:
        priors = {int(row["TARGETID"]): row for row in hdus["PRIORS"].data}
        assert {row["FUNCTION"] for row in priors.values()} == {"tophat"}
        z = {target: row["Z"] for target, row in priors.items()}
        rrdesi.widths = {target: row["SIGMA"] for target, row in priors.items()}
    rows = [(t, z[t], 0, "QSO") for t in reversed(wanted) if t not in rrdesi.lost]
    names = ("TARGETID", "Z", "ZWARN", "SPECTYPE")
    table = Table(rows=rows, names=names, dtype=("i8", "f8", "i8", "U6"))
    table.meta["EXTNAME"] = "REDSHIFTS"
    table.write(args.outfile, overwrite=True)


@pytest.fixture
def stub(monkeypatch):
    """A redrock that believes whatever it is told."""
    names = ("redrock", "redrock.external", "redrock.external.desi", "redrock.templates")
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["redrock.external.desi"].rrdesi = rrdesi
    sys.modules["redrock.templates"].find_templates = lambda: [
        "/there/rrtemplate-GALAXY-None-v2.6.fits", "/there/rrtemplate-QSO-HIZ-v1.1.fits",
        "/there/rrtemplate-QSO-LOZ-v1.1.fits",
    ]  # fmt: skip
    rrdesi.calls, rrdesi.lost, rrdesi.widths = [], set(), {}
    return rrdesi


@pytest.fixture
def table():
    return Table(
        {
            "TARGETID": [7, -8, 9, 10],
            "IS_QSO_QN": np.array([1, 1, 0, -1], "i2"),
            "Z_QN": [1.0, 3.0, 0.5, np.nan],
        }
    )


# --- priors


@pytest.mark.parametrize(("grid", "expected"), [(wave, 0.162868), (linear_wave, 0.160416)])
def test_width_of_the_prior(grid, expected):
    assert prior_factor(grid) == pytest.approx(expected, abs=1e-6)


def test_priors_are_what_redrock_reads(tmp_path):
    write_priors(tmp_path / "p.fits", [5, -6], [1.0, 2.0], [0.3, 0.4])
    with fits.open(tmp_path / "p.fits") as hdus:
        data = hdus["PRIORS"].data
        assert data["TARGETID"].tolist() == [5, -6]
        assert data["FUNCTION"].tolist() == ["tophat", "tophat"]
        assert data["Z"].tolist() == [1.0, 2.0]
        assert data["SIGMA"].tolist() == [0.3, 0.4]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([], [], []), "targets: expected at least one, found none"),
        (([4, 4], [1, 2], 0.1), "targets: expected each once, found 4 again"),
        (([4.0], [1], 0.1), "targets: expected integers"),
        (([4], [np.nan], 0.1), "expected finite z and a width above 0, found z nan"),
        (([4], [1], 0), "found z 1.0, width 0.0 for target 4"),
    ],
)
def test_priors_that_would_cost_a_redshift_are_refused(tmp_path, arguments, text):
    with pytest.raises(ValueError, match=text):
        write_priors(tmp_path / "p.fits", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_priors_are_not_overwritten_unasked(tmp_path):
    write_priors(tmp_path / "p.fits", [5], [1.0], 0.3)
    with pytest.raises(FileExistsError, match=r"p\.fits"):
        write_priors(tmp_path / "p.fits", [6], [1.0], 0.3)
    write_priors(tmp_path / "p.fits", [6], [1.0], 0.3, overwrite=True)


# --- arguments


def test_all_arguments(tmp_path):
    assert rrdesi_arguments(
        [tmp_path / "a.fits", "b.fits"], "out.fits", np.array([-1, 2]), "p.fits",
        templates=["t.fits"], details="d.h5", mp=3,
    ) == [
        "--infiles", str(tmp_path / "a.fits"), "b.fits", "--outfile", "out.fits",
        "--targetids=-1,2", "--priors", "p.fits", "--details", "d.h5", "--templates", "t.fits",
        "--mp", "3",
    ]  # fmt: skip


def test_fewest_arguments():
    expected = ["--infiles", "a.fits", "--outfile", "o.fits"]
    assert rrdesi_arguments("a.fits", "o.fits") == expected


def test_arguments_from_a_table(table):
    expected = "--targetids=7,-8"
    assert rrdesi_arguments("a.fits", "o.fits", table)[-1] == expected
    assert rrdesi_arguments("a.fits", "o.fits", table.as_array())[-1] == expected


def test_quasars_of_a_table(table):
    targetid, z = quasars(table)
    assert targetid.tolist() == [7, -8]
    assert z.tolist() == [1.0, 3.0]


# --- running it


def test_rerun(stub, table, tmp_path):
    out = tmp_path / "redrock.fits"
    rows = rerun(table, "coadd.fits", out, wave, mp=2)
    assert rows["TARGETID"].tolist() == [7, -8]
    assert rows["Z"].tolist() == [1.0, 3.0]
    [(args, comm)] = stub.calls
    assert (args.infiles, args.mp, comm) == (["coadd.fits"], 2, None)
    assert [re.search(r"QSO-(\w+)", name)[1] for name in args.templates] == ["HIZ", "LOZ"]
    assert stub.widths[-8] == pytest.approx(4 * prior_factor(wave))
    assert [path.name for path in tmp_path.iterdir()] == ["redrock.fits"]


class Comm:
    """A communicator that counts."""

    def __init__(self, rank):
        self.rank, self.barriers, self.said = rank, 0, None

    def bcast(self, value, root):
        return value if self.rank == root else self.said

    def barrier(self):
        self.barriers += 1


@pytest.mark.parametrize("rank", [0, 1])
def test_rerun_in_a_parallel_program(stub, table, tmp_path, rank):
    """Only the first rank writes and removes the priors."""
    comm = Comm(rank)
    if rank:
        write_priors(tmp_path / "redrock.fits.priors.fits", [7, -8], [1, 3], 0.1)
    rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave, comm=comm)
    assert comm.barriers == 1
    assert stub.calls[0][1] is comm
    assert (tmp_path / "redrock.fits.priors.fits").exists() == bool(rank)


def test_what_the_first_rank_could_not_write_ends_all_ranks(stub, table, tmp_path):
    comm = Comm(1)
    comm.said = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave, comm=comm)
    table["TARGETID"] = 7
    with pytest.raises(ValueError, match="expected each once"):
        rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave, comm=Comm(0))


def test_rerun_without_quasars(stub, table, tmp_path):
    table["IS_QSO_QN"] = [0, -1, 0, -1]
    assert rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave) is None
    assert stub.calls == []
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_redrock_loses(stub, table, tmp_path):
    stub.lost = {-8}
    with pytest.raises(ValueError, match=r"redrock\.fits: expected 2 targets, -8 is not among"):
        rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave)


def test_redrock_that_refuses_does_not_end_the_program(stub, table, tmp_path):
    with pytest.raises(RuntimeError, match=r"rrdesi: ended with status 2; .*--what"):
        run_rrdesi(["--what"])
    with pytest.raises(RuntimeError, match="rrdesi: ended with status 2"):
        rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave, mp="many")
    assert list(tmp_path.iterdir()) == []


def test_redshifts_in_the_order_of_targets(stub, table, tmp_path):
    rerun(table, "coadd.fits", tmp_path / "redrock.fits", wave)
    rows = read_redshifts(tmp_path / "redrock.fits", [-8, 7, -8])
    assert rows["TARGETID"].tolist() == [-8, 7, -8]


def test_templates(stub, monkeypatch):
    assert len(quasar_templates()) == 2
    sys.modules["redrock.templates"].find_templates = lambda: ["rrtemplate-GALAXY-v1.fits"]
    monkeypatch.setenv("RR_TEMPLATE_DIR", "/there")
    with pytest.raises(FileNotFoundError, match=r"/there: expected templates rrtemplate-QSO-"):
        quasar_templates()


def test_without_redrock(monkeypatch):
    monkeypatch.setitem(sys.modules, "redrock.external.desi", None)
    with pytest.raises(ImportError, match="redrock and desispec are needed"):
        run_rrdesi([])


# --- the afterburner in the documents


def afterburner(repository):
    text = (repository / "doc" / "hosts.rst").read_text(encoding="ascii")
    pattern = r":caption: afterburner\.py\n\n((?:   .*\n|\n)+)"
    [block] = re.findall(pattern, text)
    return textwrap.dedent(block)


def test_afterburner_of_the_documents(stub, repository, tmp_path, monkeypatch):
    (tmp_path / "afterburner.py").write_text(afterburner(repository))
    header, arrays = quasar_model()
    header["interpret"]["c_thresh"] = 0.0  # a network that knows nothing calls all quasars
    write_weights(tmp_path / "w.npz", header, arrays)
    spectra = coadd(rows=3)
    for camera in spectra.cameras.values():
        camera.ivar[1] = 0
    write_coadd(tmp_path / "coadd.fits", spectra)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["afterburner.py", "w.npz", "coadd.fits", "qso_qn.fits"])
    runpy.run_path("afterburner.py", run_name="__main__")
    found = Table.read(tmp_path / "qso_qn.fits", "QN_RR")
    assert found["TARGETID"].tolist() == [100, 101, 102]
    assert found["IS_QSO_QN"].tolist() == [1, -1, 1]
    new = np.ma.filled(found["Z_NEW"], np.nan)
    z = np.ma.filled(found["Z_QN"], np.nan)
    np.testing.assert_array_equal(new[[0, 2]], z[[0, 2]])
    assert np.isnan(new[1])

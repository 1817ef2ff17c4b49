"""desi_find_qso as the pipeline calls it and as people do."""

import os
import subprocess
import sys
from pathlib import Path

import fitsio
import numpy as np
import pytest

from desinn.finders.base import Flag
from desinn.io.catalogs import read_catalog
from desinn.nn import write_weights
from desinn.scripts import desi_find_qso, prompt
from desinn.scripts.desi_find_qso import main, parse
from helpers.spectra import coadd, quasar_model, write_coadd

LINES = ["LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha"]
COLUMNS = (
    ["TARGETID", "IS_QSO_QN", "Z_QN", "Z_QN_CONF"]
    + [f"C_{name}" for name in [*LINES, "CIV_BAL"]]
    + [f"Z_{name}" for name in [*LINES, "CIV_BAL"]]
    + ["QN_FLAG"]
)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "weights.npz"
    write_weights(path, *quasar_model())
    return str(path)


@pytest.fixture
def args(tmp_path, model):
    """The options of a run on one good file."""
    infile = write_coadd(tmp_path / "coadd.fits", coadd(rows=3))
    return ["-i", infile, "-o", str(tmp_path / "out.fits"), "-m", model]


def test_one_row_for_every_fibre(args):
    assert main(args) == 0
    table = read_catalog(args[3], "QSO_QN")
    assert list(table.dtype.names) == COLUMNS
    assert table["TARGETID"].tolist() == [100, 101, 102]
    assert (table["QN_FLAG"] == 0).all()


def test_the_header_says_how_it_was_made(args, model):
    main([*args, "--c-thresh", "0.7", "--n-thresh", "2"])
    header = fitsio.read_header(args[3], ext="QSO_QN")
    weights = quasar_model()[0]
    assert header["MODEL"].strip() == weights["name"]
    assert header["MODELFIL"].strip() == "weights.npz"
    assert len(header["MODELSHA"]) == 64
    assert (header["C_THRESH"], header["N_THRESH"]) == (0.7, 2)
    assert {header[f"FLAGBIT{i}"].strip() for i in range(4)} == {flag.name for flag in Flag}
    depends = [header[key].strip() for key in header if key.startswith("DEPNAM")]
    assert "desinn" in depends
    assert "DATASUM" in header


def test_thresholds_reach_the_finder(args):
    main([*args, "--c-thresh", "0.0"])
    assert (read_catalog(args[3])["IS_QSO_QN"] == 1).all()
    main([*args, "--overwrite", "--c-thresh", "0.999999"])
    assert (read_catalog(args[3])["IS_QSO_QN"] == 0).all()
    with pytest.raises(ValueError, match="n_thresh: expected 1 to 6 lines, found 7"):
        main(["-i", args[1], args[1], *args[2:], "--overwrite", "--n-thresh", "7"])


def test_several_files_follow_one_another(args, tmp_path):
    other = write_coadd(tmp_path / "other.fits", coadd(rows=2, first=7, seed=2))
    main(["-i", args[1], other, *args[2:]])
    both = read_catalog(args[3])
    assert both["TARGETID"].tolist() == [100, 101, 102, 7, 8]
    main(["-i", other, *args[2:], "--overwrite"])
    np.testing.assert_array_equal(read_catalog(args[3]), both[3:])


def test_no_rows_in_no_rows_out(args, tmp_path):
    empty = write_coadd(tmp_path / "empty.fits", coadd(rows=0))
    assert main(["-i", empty, *args[2:]]) == 0
    table = read_catalog(args[3], "QSO_QN")
    assert len(table) == 0
    assert list(table.dtype.names) == COLUMNS
    assert main(["-i", empty, args[1], *args[2:], "--overwrite"]) == 0
    assert len(read_catalog(args[3])) == 3


def test_an_existing_output_stays_unless_told(args):
    main(args)
    before = Path(args[3]).read_bytes()
    with pytest.raises(FileExistsError, match="--overwrite"):
        main(args)
    assert Path(args[3]).read_bytes() == before
    assert main([*args, "--overwrite"]) == 0


def test_a_bad_file_in_a_list_costs_only_itself(args, tmp_path, caplog):
    bad = tmp_path / "bad.fits"
    bad.write_bytes(b"nothing of the kind")
    assert main(["-i", args[1], str(bad), args[1], *args[2:]]) == 1
    assert len(read_catalog(args[3])) == 6
    assert f"1 of 3 files could not be used: {bad}" in caplog.text


def test_when_no_file_can_be_used_nothing_is_written(args, tmp_path):
    with pytest.raises(ValueError, match="none of the 2 files could be used"):
        main(["-i", str(tmp_path / "a.fits"), str(tmp_path / "b.fits"), *args[2:]])
    with pytest.raises(FileNotFoundError, match=r"a\.fits"):
        main(["-i", str(tmp_path / "a.fits"), *args[2:]])
    assert not os.path.exists(args[3])


def test_the_output_is_checked_before_the_work(args, tmp_path, monkeypatch):
    monkeypatch.setattr(desi_find_qso, "over_files", None)
    with pytest.raises(NotADirectoryError, match=r"output folder .* does not exist"):
        main([*args[:2], "-o", str(tmp_path / "no" / "out.fits"), *args[4:]])
    with pytest.raises(IsADirectoryError, match="is a folder"):
        main([*args[:2], "-o", str(tmp_path), *args[4:]])


def test_weights_of_another_kind_are_refused(args, data, tmp_path):
    from desinn.io.convert import read_foreign

    path = tmp_path / "c.npz"
    write_weights(path, *read_foreign(data / "torch" / "batchnorm-zip.pth"))
    with pytest.raises(ValueError, match="expected weights of kind 'qso', found 'cosmics'"):
        main([*args[:4], "-m", str(path)])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--c-thresh", "1.5"], "expected a number from 0 to below 1, found 1.5"),
        (["--c-thresh", "abc"], "expected a number from 0 to below 1, found abc"),
        (["--n-thresh", "1.5"], "expected an integer, 1 or more, found 1.5"),
        (["--n-thresh", "0"], "expected an integer, 1 or more, found 0"),
    ],
)
def test_options_that_cannot_be_are_refused(args, options, text, capsys):
    with pytest.raises(SystemExit):
        parse([*args, *options])
    assert text in capsys.readouterr().err


def test_pictures_of_the_quasars(args, tmp_path):
    """With no threshold every row is one; a picture has a frame, a curve and words."""
    from matplotlib.image import imread

    main([*args, "--c-thresh", "0", "--plot", str(tmp_path / "pictures")])
    names = sorted(os.listdir(tmp_path / "pictures"))
    assert names == [f"qso-coadd-{row:04d}.png" for row in range(3)]
    picture = imread(tmp_path / "pictures" / names[0])
    assert picture.shape[:2] == (400, 1000)
    assert 0.01 < (picture[..., :3] < 0.5).any(axis=-1).mean() < 0.5


def test_pictures_of_files_of_one_name_stay_apart(args, tmp_path):
    (tmp_path / "other").mkdir()
    other = write_coadd(tmp_path / "other" / "coadd.fits", coadd(rows=1))
    folder = str(tmp_path / "pictures")
    main(["-i", args[1], "-i", other, *args[2:], "--c-thresh", "0", "--plot", folder])
    names = [f"qso-1-coadd-{row:04d}.png" for row in range(3)] + ["qso-2-coadd-0000.png"]
    assert sorted(os.listdir(folder)) == names
    assert len(read_catalog(args[3])) == 4
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder for pictures"):
        main([*args, "--overwrite", "--plot", args[1]])


@pytest.mark.parametrize("number", [1, 5])
def test_an_input_is_never_the_output(args, number):
    before = Path(args[number]).read_bytes()
    with pytest.raises(ValueError, match="is an input too, and would be lost"):
        main([*args[:3], args[number], *args[4:], "--overwrite"])
    assert Path(args[number]).read_bytes() == before


def test_an_interruption_is_one_line(args, caplog):
    def interrupted(options):
        raise KeyboardInterrupt

    assert prompt.run(interrupted, parse(args)) == 130
    assert "interrupted; nothing was written" in caplog.text


class Comm:
    """What a rank of MPI knows."""

    def __init__(self, rank):
        self.rank = rank


def test_one_rank_does_the_work(args):
    assert main(args, comm=Comm(1)) == 0
    assert not os.path.exists(args[3])
    assert main(args, comm=Comm(0)) == 0
    assert os.path.exists(args[3])


def test_the_prompt_says_one_line(args, caplog):
    options = parse(["-i", "nowhere.fits", *args[2:]])
    assert prompt.run(main, options) == 1
    assert "nowhere.fits: there is no such file" in caplog.text


def test_debug_shows_the_traceback(args):
    with pytest.raises(FileNotFoundError):
        prompt.run(main, parse(["-i", "nowhere.fits", *args[2:], "--debug"]))


def test_as_a_program(args, repository):
    """bin/ on the PATH and py/ on PYTHONPATH are enough."""
    environment = {**os.environ, "PYTHONPATH": str(repository / "py")}
    program = [sys.executable, str(repository / "bin" / "desi_find_qso")]
    # desiutil's log goes to standard output, the standard library's to standard error.
    together = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    run = subprocess.run([*program, *args], env=environment, check=False, **together)
    assert run.returncode == 0, run.stdout
    assert "3 spectra" in run.stdout
    run = subprocess.run([*program, *args], env=environment, check=False, **together)
    assert run.returncode == 1
    assert run.stdout.count("\n") == 1
    assert "exists already" in run.stdout

"""desi_find_qso as the pipeline calls it and as people do."""

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import fitsio
import numpy as np
import pytest

from desinn.finders import base
from desinn.finders.base import Flag
from desinn.io.catalogs import read_catalog
from desinn.nn import write_weights
from desinn.scripts import desi_find_qso, processes, prompt, runner
from desinn.scripts.desi_find_qso import main, parse
from desinn.scripts.loading import Loader
from helpers.spectra import coadd, quasar_model, write_coadd

LINES = ["LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha"]
COLUMNS = (
    ["TARGETID", "IS_QSO_QN", "Z_QN", "Z_QN_CONF"]
    + [f"C_{name}" for name in [*LINES, "CIV_BAL"]]
    + [f"Z_{name}" for name in [*LINES, "CIV_BAL"]]
    + ["QN_FLAG", "INFILE"]
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
    assert list(both.dtype.names) == COLUMNS
    for name in COLUMNS[:-1]:
        np.testing.assert_array_equal(read_catalog(args[3])[name], both[name][3:])


def test_every_row_says_from_which_file_it_is(args, tmp_path):
    """Numbers are the places on the command line, whatever could be used of it."""
    bad = str(tmp_path / "bad.fits")
    other = write_coadd(tmp_path / "other.fits", coadd(rows=2))
    assert main(["-i", args[1], bad, other, *args[2:]]) == 1
    assert read_catalog(args[3])["INFILE"].tolist() == [0, 0, 0, 2, 2]
    infiles = read_catalog(args[3], "INFILES")
    assert infiles["PATH"].tolist() == [args[1], bad, other]
    assert infiles["NROWS"].tolist() == [3, 0, 2]
    assert infiles["USED"].tolist() == [True, False, True]
    main([*args, "--overwrite"])
    assert read_catalog(args[3])["INFILE"].tolist() == [0, 0, 0]


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
    monkeypatch.setattr(desi_find_qso, "FindQuasars", None)
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


def test_a_network_of_ours_is_found_by_its_name(args, model, monkeypatch):
    monkeypatch.setattr(base, "shipped_weights", lambda: {"qso": model})
    assert parse(args[:4]).model == "qso"
    assert main(args[:4]) == 0
    header = fitsio.read_header(args[3], ext="QSO_QN")
    assert header["MODELFIL"].strip() == os.path.basename(model)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Options of a run on several files, and the table's bytes from one process."""
    folder = tmp_path_factory.mktemp("several")
    write_weights(folder / "weights.npz", *quasar_model())
    rows = [3, 0, 1, 4, 2]
    infiles = [
        write_coadd(folder / f"{n}.fits", coadd(rows=size, first=100 * n, seed=n))
        for n, size in enumerate(rows)
    ]
    out = str(folder / "out.fits")
    options = ["-i", *infiles, "-o", out, "-m", str(folder / "weights.npz"), "--overwrite"]
    assert main(options) == 0
    return options, data_of(out)


def data_of(path):
    """Return columns and data of the table, and remove the file."""
    rows = read_catalog(path)
    os.remove(path)
    return rows.dtype, rows.tobytes()


def out_of(options):
    return options[options.index("-o") + 1]


def environment(repository):
    return {**os.environ, "PYTHONPATH": str(repository / "py")}


def test_three_processes_make_the_same_table(several, monkeypatch):
    for module in (runner, processes):
        monkeypatch.setattr(module, "cores", lambda: {0, 1, 2})
    options, expected = several
    assert main([*options, "--nproc", "3"]) == 0
    assert data_of(out_of(options)) == expected


@pytest.mark.parametrize("ranks", [1, 3])
def test_ranks_make_the_same_table(several, mpiexec, repository, ranks):
    """As a program of Python's -m, whose classes other processes know by another name."""
    options, expected = several
    program = [sys.executable, "-m", "desinn.scripts.desi_find_qso", "--mpi"]
    command = [mpiexec, "-n", str(ranks), *program, *options]
    run = subprocess.run(
        command,
        env=environment(repository),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout
    assert data_of(out_of(options)) == expected
    options = [*options, "-m", "nowhere.npz"]
    command = [mpiexec, "-n", str(ranks), *program, *options]
    run = subprocess.run(
        command, env=environment(repository), check=False, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert (run.stdout + run.stderr).count("nowhere.npz: there is no such file") == 1


def test_main_takes_the_ranks_of_a_program(several, mpiexec, repository, tmp_path):
    """All of them return the same, with a part of them as the communicator."""
    options, expected = several
    (tmp_path / "program.py").write_text(
        "import sys\n"
        "from mpi4py import MPI\n"
        "from desinn.scripts.desi_find_qso import main\n"
        "some = MPI.COMM_WORLD.Split(MPI.COMM_WORLD.rank == 0)\n"
        "status = main(sys.argv[1:], comm=some) if MPI.COMM_WORLD.rank else None\n"
        "statuses = MPI.COMM_WORLD.gather(status)\n"
        "assert statuses in (None, [None, 1, 1]), statuses\n"
    )
    infiles = [*options[: options.index("-o")], "nowhere.fits"]
    command = [mpiexec, "-n", "3", sys.executable, str(tmp_path / "program.py")]
    run = subprocess.run(
        [*command, *infiles, *options[len(infiles) - 1 :]],
        env=environment(repository),
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    assert data_of(out_of(options)) == expected


def test_a_run_that_was_killed_is_taken_up(several, repository, tmp_path):
    """The last file is a pipe into which nobody writes: the run stands still until killed."""
    options, expected = several
    out = str(tmp_path / "out.fits")
    pipe = tmp_path / "4.fits"
    os.mkfifo(pipe)
    infiles = options[1 : options.index("-o")]
    given = [*infiles[:4], str(pipe), "-o", out, *options[options.index("-m") :], "--resume"]
    program = [sys.executable, str(repository / "bin" / "desi_find_qso"), "-i"]
    with subprocess.Popen(
        [*program, *given], env=environment(repository), stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        end = time.monotonic() + 30
        while len(list(tmp_path.glob("out.fits.parts/[!.]*"))) < 4 and time.monotonic() < end:
            time.sleep(0.01)
        run.kill()
    assert sorted(os.listdir(tmp_path)) == ["4.fits", "out.fits.parts"]
    pipe.unlink()
    shutil.copy(infiles[4], pipe)
    calls = []
    find = desi_find_qso.FindQuasars.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            desi_find_qso.FindQuasars, "__call__", lambda *a: calls.append(a[1]) or find(*a)
        )
        assert main(["-i", *given]) == 0
    assert calls == [str(pipe)]
    assert data_of(out) == expected
    assert os.listdir(tmp_path) == ["4.fits"]


@pytest.mark.parametrize(
    "option", [["--c-thresh", "0.7"], ["--n-thresh", "2"], ["--plot", "here"]]
)
def test_parts_hold_for_the_same_options_only(several, tmp_path, monkeypatch, caplog, option):
    monkeypatch.chdir(tmp_path)
    options, _ = several
    options = [options[0], options[1], "nowhere.fits", *options[options.index("-o") :], "--resume"]
    assert main(options) == 1
    assert main([*options, *option]) == 1
    assert "of other options, done again" in caplog.text
    caplog.clear()
    assert main([*options, *option]) == 1
    assert "1 of 2 files were done before" in caplog.text
    shutil.rmtree(f"{out_of(options)}.parts")
    os.remove(out_of(options))


def test_weights_that_change_during_the_run_are_noticed(args, model):
    load = Loader(model, "qso")
    load()
    work = desi_find_qso.FindQuasars(load, (0.5, 1), {})
    copy = pickle.loads(pickle.dumps(work))
    assert copy(args[1]).counts == work(args[1]).counts
    copy = pickle.loads(pickle.dumps(work))
    header, arrays = quasar_model()
    write_weights(model, {**header, "name": "other"}, arrays, overwrite=True)
    with pytest.raises(ValueError, match=r"weights\.npz: was replaced while the program ran"):
        copy(args[1])


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

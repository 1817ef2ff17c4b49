"""Damaged files given to the programs: one line each, nothing left of them, no good row lost."""

import os
import subprocess
import sys

import pytest

from helpers import input_faults, input_files
from helpers.input_programs import argv, assert_same, marks_of, rows_of, run

PROGRAMS = ["qso", "dla", "cosmics"]
WITH_ROWS = {"qso": ["QSO_QN"], "dla": ["DLACAT", "SIGHTLINES"], "cosmics": ["COSMICS"]}
FINE = {"qso": 1, "dla": 5}


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def good_files(program, folder):
    """Write three good files, and return them."""
    paths = [folder / f"preproc-good-{number}.fits" for number in range(3)]
    for number, path in enumerate(paths):
        if program == "cosmics":
            input_files.write_frame(path, input_files.frame_hdus(seed=number))
        else:
            input_files.write_coadd(path, first=2 * number, rows=2, fine=FINE[program])
    return paths


def bad_files(program, folder):
    """Write all files that are damaged: name -> (path, what has to be said of it)."""
    found = {}
    for name, (write, text) in input_faults.FAULTS[program].items():
        path = folder / f"preproc-bad-{name}.fits"
        write(path)
        found[name] = path, text
    return found


@pytest.mark.parametrize(
    ("program", "fault"),
    [(program, fault) for program in PROGRAMS for fault in input_faults.FAULTS[program]],
)
def test_a_damaged_file_alone_is_one_line(program, fault, made, out, tmp_path):
    write, text = input_faults.FAULTS[program][fault]
    path = tmp_path / "bad.fits"
    write(path)
    ended = run(program, argv(program, made, [path], out))
    assert ended.status == 1
    assert len(ended.errors) == 1
    assert ended.errors[0].startswith(f"{path}: ")
    assert text in ended.errors[0]
    assert "\n" not in ended.errors[0]
    assert ended.errors[0].count(str(path)) == 1
    assert os.listdir(out) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_damaged_files_among_good_ones_cost_no_row(program, made, out, tmp_path):
    good = good_files(program, tmp_path)
    assert run(program, argv(program, made, good, out)) == (0, [], [])
    expected, marks = rows_of(program, out), marks_of(out)
    bad = bad_files(program, tmp_path)
    paths = [path for path, _ in bad.values()]
    half = len(paths) // 2
    other = tmp_path / "other"
    other.mkdir()
    among = [good[0], *paths[:half], good[1], *paths[half:], good[2]]
    ended = run(program, argv(program, made, among, other))
    assert ended.status == 1
    assert all(len(next(iter(expected[name].values()))) for name in WITH_ROWS[program])
    for name, table in rows_of(program, other).items():
        assert_same(table, expected[name])
    found = marks_of(other)
    assert list(found) == list(marks)
    assert all((found[name] == marks[name]).all() for name in marks)
    *lines, last = ended.errors
    names = " ".join(map(str, paths))
    assert last == f"{len(bad)} of {len(among)} files could not be used: {names}"
    assert len(lines) == len(bad)
    for line, (path, text) in zip(lines, bad.values(), strict=True):
        assert line.startswith(f"{path}: ")
        assert text in line


@pytest.mark.parametrize("program", PROGRAMS)
def test_as_programs(program, made, out, tmp_path, repository):
    """With good and damaged files, and by two processes."""
    good = good_files(program, tmp_path)[:2]
    bad = tmp_path / "preproc-bad.fits"
    bad.write_bytes(good[0].read_bytes()[:9000])
    options = argv(program, made, [good[0], bad, good[1]], out)
    environment = {**os.environ, "PYTHONPATH": str(repository / "py"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(repository / "bin" / f"desi_find_{program}"), *options]
    together = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    ended = subprocess.run([*command, "--nproc", "2"], env=environment, check=False, **together)
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stdout
    assert f"{bad}: truncated or damaged: expected " in ended.stdout
    assert f"1 of 3 files could not be used: {bad}" in ended.stdout
    found = rows_of(program, out)
    other = tmp_path / "other"
    other.mkdir()
    run(program, argv(program, made, good, other))
    for name, table in rows_of(program, other).items():
        assert_same(found[name], table)

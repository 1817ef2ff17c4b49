"""Where nothing more can be written: one line that names the file, and all is as it was."""

import hashlib
import os
from pathlib import Path

import pytest

from helpers.programs import FILES, last_line, matches, tree
from helpers.spectra import coadd, write_coadd


def digest(paths):
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]


def shares(program):
    """Return limits in bytes: nothing, anywhere, between HDUs, all but the last byte."""
    return [0, 1, 2880, 5000, program.largest // 2880 // 2 * 2880, program.largest - 1]


@pytest.mark.parametrize("which", range(6))
def test_no_output_where_the_disk_is_full(program, folder, expected, which):
    """Also where the writing fails so late that cfitsio tells nobody."""
    before = digest(program.infiles)
    limit = shares(program)[which]
    run = program(folder, limit=limit)
    assert run.status == 1, run.log
    assert last_line(run).startswith(("CRITICAL: ", "ERROR: "))
    assert "could not be written" in run.log
    assert ".tmp" not in run.log
    copies = {name for name in tree(folder) if name.startswith("copies/")}  # that had room
    assert matches(folder, {name: expected[name] for name in copies})
    assert len(copies) <= FILES // 2
    assert tree(folder) - copies <= {"copies", "rays.fits"}
    assert digest(program.infiles) == before


def test_the_one_line_names_the_file(program, folder):
    program = program._replace(infiles=program.infiles[:1])
    run = program(folder, limit=3000)
    path = folder / (program.written[1] if "copies" in program.written[-1] else program.written[0])
    assert run.status == 1
    assert last_line(run).startswith(f"CRITICAL: {path}: could not be written: ")
    assert run.log.count("CRITICAL") == 1


def test_an_earlier_output_stays(program, folder, expected):
    assert program(folder).status == 0
    run = program(folder, "--overwrite", limit=6000)
    assert run.status == 1, run.log
    assert matches(folder, expected)
    assert tree(folder) == set(program.written)


def test_parts_that_cannot_be_written(program, folder, expected):
    """What was finished before stays, and is taken up when there is room again."""
    program(folder, "--resume", at=program.infiles[1])
    before = tree(folder)
    run = program(folder, "--resume", limit=100)
    assert run.status == 1, run.log
    assert "could not be written: File too large" in run.log
    last_line(run)
    assert tree(folder) == before
    run = program(folder, "--resume", "--overwrite")
    assert run.status == 0, run.log
    assert f"2 of {FILES} files were done before" in run.log
    assert matches(folder, expected)
    assert tree(folder) == set(program.written)


def test_pictures_cost_nothing_but_themselves(programs, folder):
    pytest.importorskip("matplotlib")
    infile = write_coadd(folder / "one.fits", coadd(rows=1))
    program = programs["qso"]._replace(infiles=[infile])
    run = program(folder, "--plot", folder / "plots", limit=27_000)
    assert run.status == 0, run.log
    assert f"{folder}/plots/" in run.log
    assert "no picture: " in run.log
    assert "could not be written: File too large" in run.log
    assert tree(folder) == {"one.fits", "plots", "qso.fits"}


def _folder_that_is_a_file(program, folder):
    (folder / "there").write_text("kept")
    return program.argv(folder / "there"), f"{folder / 'there'} is a file"


def _folder_that_is_not_there(program, folder):
    return program.argv(folder / "nowhere"), "nowhere does not exist"


def _folder_that_may_not_be_written(program, folder):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder.chmod(0o500)
    return program.argv(folder), "nothing can be written into the folder"


def _output_that_is_a_folder(program, folder):
    for name in program.written:
        (folder / name).mkdir(parents=True)
    return program.argv(folder), "is a folder, expected the name of a file"


def _pictures_in_a_file(program, folder):
    pytest.importorskip("matplotlib")
    (folder / "there").write_text("kept")
    argv = program.argv(folder, "--plot", folder / "there")
    return argv, f"{folder / 'there'}: is a file, expected a folder for pictures"


def _parts_in_a_file(program, folder):
    path = folder / f"{program.written[0]}.parts"
    path.write_text("kept")
    return program.argv(folder, "--resume"), f"{path}: is a file, expected a folder for finished"


@pytest.mark.parametrize(
    "fault",
    [
        _folder_that_is_a_file,
        _folder_that_is_not_there,
        _folder_that_may_not_be_written,
        _output_that_is_a_folder,
        _pictures_in_a_file,
        _parts_in_a_file,
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(program, folder, fault):
    argv, message = fault(program, folder)
    before = tree(folder)
    run = program.run(program.name, argv)
    folder.chmod(0o700)
    assert run.status == 1, run.log
    assert message in last_line(run)
    assert last_line(run).startswith("CRITICAL: ")
    assert f"[1/{FILES}]" not in run.log
    assert tree(folder) - {"copies"} == before

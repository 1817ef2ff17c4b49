"""SIGTERM, as a scheduler sends it: what is in hand is finished, and nothing is lost."""

import pytest

from helpers.programs import FILES, last_line, matches, tree, visible


@pytest.mark.parametrize("to", ["program", "group"])
def test_the_file_in_hand_is_finished(program, folder, expected, to):
    run = program(folder, "--resume", at=program.infiles[2], to=to)
    assert run.status == 143
    stopped = f"stopped by SIGTERM after 3 of {FILES} files; --resume does the rest"
    assert last_line(run) == f"CRITICAL: {stopped}"
    left = tree(folder)
    assert left == visible(left)
    assert sum(".part." in name for name in left) == 3
    run = program(folder, "--resume")
    assert run.status == 0, run.log
    assert f"3 of {FILES} files were done before" in run.log
    assert matches(folder, expected)
    assert tree(folder) == set(program.written)


def test_without_resume_nothing_is_kept_but_copies(program, folder):
    run = program(folder, at=program.infiles[1])
    assert run.status == 143
    copies = [name for name in program.written if name.startswith("copies")]
    later = "--resume does the rest" if copies else "nothing is kept without --resume"
    assert last_line(run).endswith(f"after 2 of {FILES} files; {later}")
    assert tree(folder) == set(copies[:2])


def test_where_nothing_is_left_to_do_the_output_is_written(program, folder, expected):
    run = program(folder, "--resume", at=program.infiles[-1])
    assert run.status == 0, run.log
    assert matches(folder, expected)
    assert tree(folder) == set(program.written)


def test_a_second_one_ends_at_once(program, folder, expected):
    run = program(folder, "--resume", at=program.infiles[2], times=2)
    assert run.status == 143
    assert last_line(run) == "CRITICAL: interrupted"
    left = tree(folder)
    assert left == visible(left)
    assert sum(".part." in name for name in left) == 2
    assert program(folder, "--resume").status == 0
    assert matches(folder, expected)


@pytest.mark.parametrize("to", ["program", "group"])
def test_processes_finish_what_they_have_in_hand(programs, whole, folder, to):
    """The signal comes when the second process is started, for the second file."""
    program = programs["cosmics"]
    argv = ("--resume", "--nproc", "2")
    run = program(folder, *argv, at=2, to=to)
    assert run.status == 143, run.log
    assert not run.alive
    assert f"after 2 of {FILES} files; --resume does the rest" in last_line(run)
    left = tree(folder)
    assert left == visible(left)
    assert sum(".part." in name for name in left) == 2
    assert sum(name.startswith("copies/") for name in left) == 2
    run = program(folder, *argv)
    assert run.status == 0, run.log
    assert f"2 of {FILES} files were done before" in run.log
    assert matches(folder, whole[program.name])
    assert tree(folder) == set(program.written)

"""Whenever a program is killed, all that can be seen is whole, and --resume does the rest.

Most programs here are forked in a `helpers.nursery`, so that the time is spent on what is killed
and not on starting Python, in which nothing could be lost. That bin/ and a fresh Python do the
same, test_desi_find_qso shows with a run that it kills, and test_runner with processes.
"""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from helpers.programs import FILES, data_of, matches, same, tree, visible

KILLS = 20
SPREAD = 1.05  # times the duration of an undisturbed run: the last moments are its end


def check(folder, program, expected):
    """Check what a killed run has left; return how many parts, and if all outputs are there."""
    left = visible(tree(folder))
    outputs = left & set(program.written)
    parts = {name for name in left if Path(name).parent.name.endswith(".parts")}
    folders = {"copies", f"{program.written[0]}.parts"}  # with nothing in them
    assert left - outputs - parts <= folders
    for name in outputs:
        assert same(data_of(str(folder / name)), expected[name]), name
    for name in parts:
        with np.load(folder / name) as part:
            assert [part[key] for key in part.files]
    return len(parts), outputs == set(program.written)


def finish(folder, program, expected):
    """Resume a run; check that it is as if nothing had happened, and nothing is left over."""
    run = program(folder, "--resume", "--overwrite")
    assert run.status == 0, run.log
    assert matches(folder, expected)
    assert tree(folder) == set(program.written)
    return run


def test_killed_at_any_moment(program, expected, tmp_path, folder):
    """Each folder sees two kills, of a fresh run and of one that takes it up, and a last run."""
    again = tmp_path / "again"
    again.mkdir()
    seconds = []
    for place in (folder, again):  # one may have waited for others
        undisturbed = program(place, "--resume")
        assert undisturbed.status == 0, undisturbed.log
        assert matches(place, expected)
        seconds.append(undisturbed.seconds)
    rng = np.random.default_rng(zlib.crc32(program.name.encode()))
    moments = SPREAD * min(seconds) * (np.arange(KILLS) + rng.random(KILLS)) / KILLS
    killed, half_done = 0, 0
    for number, pair in enumerate(rng.permutation(moments).reshape(-1, 2)):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = [0]
        for moment in pair:
            run = program(folder, "--resume", "--overwrite", after=moment)
            assert run.status in (-9, 0), run.log
            assert not run.alive
            killed += run.status == -9
            parts, complete = check(folder, program, expected)
            assert parts >= done[-1] or complete  # what is finished stays, to the end of all
            done.append(parts)
        run = finish(folder, program, expected)
        if parts:
            half_done += 1
            assert f"{parts} of {FILES} files were done before" in run.log
    assert killed >= KILLS // 4
    assert half_done


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.98])
def test_killed_in_the_middle_of_writing(program, expected, folder, share):
    """The kernel kills it when a file grows beyond a limit, at whatever byte that is."""
    run = program(folder, "--resume", limit=int(share * program.largest), dies=True)
    assert run.status < 0
    check(folder, program, expected)
    assert any(os.path.basename(name).startswith(".tmp") for name in tree(folder))
    finish(folder, program, expected)


@pytest.mark.parametrize("group", [True, False])
def test_killed_with_processes(programs, whole, tmp_path, folder, group):
    """Processes write copies too: they are killed with the program, or end by themselves."""
    program = programs["cosmics"]
    expected = whole[program.name]
    argv = ("--resume", "--overwrite", "--nproc", "2")
    run = program(tmp_path, *argv)
    assert run.status == 0, run.log
    assert matches(tmp_path, expected)
    for share in np.random.default_rng(6).uniform(0.5, 0.95, 2):
        moment = share * run.seconds
        killed = program(folder, *argv, after=moment, group=group)
        assert killed.status in (-9, 0), killed.log
        assert not killed.alive
        check(folder, program, expected)
    finish(folder, program, expected)


def test_what_was_left_goes_with_the_next_run(program, tmp_path):
    """Also without --resume: neither parts nor unfinished files pile up."""
    others = tmp_path / f".tmp{os.getpid()}~{os.uname().nodename.split('.')[0]}~other.fits"
    others.write_text("of a process that runs")
    for _ in range(2):
        run = program(tmp_path, "--resume", "--overwrite", limit=3000, dies=True)
        assert run.status < 0
        assert sum(name.endswith(".fits") and "/." in f"/{name}" for name in tree(tmp_path)) <= 2
    run = program(tmp_path, "--overwrite")
    assert run.status == 0, run.log
    assert tree(tmp_path) == {*program.written, others.name}

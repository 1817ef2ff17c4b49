"""SIGTERM to ranks: to one, to the one that leads, to all; what is in hand is finished.

Ranks are processes, so that each takes its signals itself: those of MPI where it is there, and
everywhere those that `helpers.rank_program` starts, which use the same `desinn.scripts.ranks`.
"""

import json
import os
import signal
import subprocess
import sys

import pytest

SIZE = 3
SECONDS = 200
"""After which a run counts as one that hangs."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="ranks are forked")


class Ranks:
    """The program on some inputs; gives the exit status and what it said."""

    def __init__(self, repository, folder, launch, size):
        path = os.pathsep.join([str(repository / "py"), str(repository / "test")])
        self._environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1",
                             "OPENBLAS_NUM_THREADS": "1"}  # fmt: skip
        self._command = [*launch, sys.executable, "-m", "helpers.rank_program", str(size)]
        self.folder, self.out = folder, folder / "out"
        self.own = size > 0

    def write(self, *texts):
        """Write the inputs."""
        paths = [self.folder / f"{number}.txt" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        self._inputs = [str(path) for path in paths]

    def __call__(self, early=-1):
        command = [*self._command, str(early), str(self.out), *self._inputs]
        with subprocess.Popen(
            command, env=self._environment, start_new_session=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,  # where desiutil's log goes
        ) as run:  # fmt: skip
            try:
                log, _ = run.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                pytest.fail(f"ranks wait for each other after {SECONDS} s")
        if self.own:
            statuses = json.loads((self.folder / "out.statuses").read_text())
            assert statuses == [run.returncode] * SIZE, log
        return run.returncode, log


@pytest.fixture(params=["processes", "mpi"])
def ranks(request, repository, tmp_path):
    if request.param == "processes":
        return Ranks(repository, tmp_path, [], SIZE)
    mpiexec = request.getfixturevalue("mpiexec")
    return Ranks(repository, tmp_path, [mpiexec, "-n", str(SIZE)], 0)


def parts(ranks):
    return len(os.listdir(f"{ranks.out}.parts"))


@pytest.mark.parametrize("who", ["stop", "leader", "everyone"])
def test_what_is_in_hand_is_finished(ranks, who):
    """Two ranks work, so that two files may be in hand beside the one that was just done."""
    texts = ["a", f"b {who}", *"cdefghij"]
    ranks.write(*texts)
    status, log = ranks()
    assert status == 143, log
    done = parts(ranks)
    assert 2 <= done < len(texts), log
    text = f"stopped by SIGTERM after {done} of {len(texts)} files; --resume does the rest"
    assert log.count(text) == 1
    assert "Traceback" not in log
    assert not ranks.out.exists()
    status, log = ranks()
    assert status == 0, log
    assert f"{done} of {len(texts)} files were done before" in log
    assert json.loads(ranks.out.read_text()) == [text.split() for text in texts]
    assert not os.path.exists(f"{ranks.out}.parts")


def test_a_second_one_ends_all_at_once(ranks):
    """One rank gets both; the others end with it, and wait for nobody."""
    texts = ["a", "b twice once", *"cdefghij"]
    ranks.write(*texts)
    status, log = ranks()
    assert status == 143, log
    assert log.count("interrupted") == 1
    assert not ranks.out.exists()
    status, log = ranks()
    assert status == 0, log
    assert json.loads(ranks.out.read_text()) == [text.split() for text in texts]


@pytest.mark.parametrize("early", range(SIZE))
def test_one_that_comes_while_ranks_look_for_each_other(ranks, early):
    """A rank that ended just there would leave the others waiting for ever."""
    texts = list("abcdefghij")
    ranks.write(*texts)
    status, log = ranks(early)
    assert status == 143, log
    assert log.count("stopped by SIGTERM after") == 1
    assert not ranks.out.exists()
    assert ranks()[0] == 0
    assert json.loads(ranks.out.read_text()) == [[text] for text in texts]

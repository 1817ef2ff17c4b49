"""Programs as processes that are killed, terminated, or short of disk, without waiting for Python.

A nursery is a process that has imported what the programs need and forks itself for each of them,
which spares a second of imports each. It stands for a fresh program honestly: it has one thread
when it forks (which is checked, BLAS starts none), holds no file of the test's, and what it forks
calls what ``bin/`` calls, in a group of processes of its own, and ends without clearing away
anything that a program would not.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

PROGRAMS = ("desi_find_qso", "desi_find_dla", "desi_find_cosmics")
_NEEDED = ("astropy.table", "fitsio", "scipy.ndimage", "threadpoolctl", "desinn.io.tables",
           "desinn.io.read", "desinn.io.preproc", "desinn.finders.qso", "desinn.finders.dla",
           "desinn.finders.cosmics", "desinn.scripts.processes", "desinn.scripts.stacking",
           "desinn.scripts.quasars", "desinn.scripts.release")  # fmt: skip


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    """Below 0: by this signal."""
    seconds: float
    log: str
    alive: bool
    """Whether it has left processes behind."""


class Nursery:
    """The nursery, seen from the test.

    Parameters
    ----------
    repository : pathlib.Path
    """

    def __init__(self, repository):
        path = os.pathsep.join([str(repository / "py"), str(repository / "test")])
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, **threads},
            text=True,
        )

    def run(self, program, argv, **fault):
        """Run a program to its end; ``fault`` is of `_child` and `_wait`."""
        request = {"program": program, "argv": [str(one) for one in argv], **fault}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def _serve():
    for name in (*_NEEDED, *(f"desinn.scripts.{program}" for program in PROGRAMS)):
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        assert threading.active_count() == len(os.listdir("/proc/self/task")) == 1
        answers.write(json.dumps(_fork(**json.loads(line))) + "\n")
        answers.flush()


def _fork(program, argv, after=None, sent=signal.SIGKILL, group=True, **fault):
    """Fork a program; send it (or its whole group) a signal after some seconds."""
    out, into = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if not child:
        os.close(out)
        _child(into, program, argv, **fault)
    os.close(into)
    with contextlib.suppress(PermissionError):  # it has done so itself, and started another
        os.setpgid(child, child)
    status = _wait(child, after, sent, group)
    seconds = time.monotonic() - start
    alive = _members(child)
    return {"status": status, "seconds": seconds, "log": _read(out), "alive": alive}


def _wait(child, after, sent, group):
    if after is not None:
        time.sleep(after)
        # Who has ended is not yet waited for: its number is still its own.
        (os.killpg if group else os.kill)(child, sent)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _members(group):
    """Return whether processes of a group still live a while after its leader's end; end them."""
    end = time.monotonic() + 10
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.01)
        os.killpg(group, signal.SIGKILL)
        return True
    return False


def _read(pipe):
    """Return what is in a pipe, which holds 64 kB."""
    os.set_blocking(pipe, False)
    with os.fdopen(pipe, "rb") as stream:
        return (stream.read() or b"").decode()


def _child(log, program, argv, limit=None, dies=False, at=None, times=1, to="program"):
    """Be a program.

    Parameters
    ----------
    log : int
        Where it writes to.
    program : str
    argv : list of str
    limit : int, optional
        Bytes that a file may have: beyond, writing fails as on a full disk.
    dies : bool
        Or the program is killed just then.
    at : str, optional
        A SIGTERM comes when it opens this file, or, for a number, starts so many processes.
    times : int
        How often it comes.
    to : str
        ``program``, or ``group``.
    """
    status = 70
    try:
        os.setpgid(0, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if dies else signal.SIG_IGN)
        if at is not None:
            _terminate_at(at, times, os.kill if to == "program" else os.killpg)
        sys.argv = [program, *argv]
        status = importlib.import_module(f"desinn.scripts.{program}").prompt_main()
    except SystemExit as error:
        status = error.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _terminate_at(place, times, kill):
    process, started, done = os.getpid(), [], []

    def hook(event, args):
        if event == "subprocess.Popen":
            started.append(True)
        if not done and ((event == "open" and args[0] == place) or len(started) == place):
            done.append(True)
            for _ in range(times):
                kill(process, signal.SIGTERM)

    sys.addaudithook(hook)


if __name__ == "__main__":
    _serve()

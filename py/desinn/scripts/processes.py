"""A crew of processes on one machine.

They are started afresh, not forked: a fork takes over locks and threads in whatever state they
are, of BLAS as of MPI. Nor are they multiprocessing's, which run the caller's main script again.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from ..log import show_log
from ..machine import cores
from .crew import Outcome, attempt, environment, portable, threads_each

_READY = "ready"
_CODE = """\
import sys
sys.path[:] = {path!r}
from desinn.scripts.processes import serve
serve({descriptor})
"""
_PATIENCE = 5
"""Seconds in which a process that was told to end must have done so."""


class Processes:
    """Processes that work on one file each; who dies is replaced.

    Parameters
    ----------
    size : int
        How many at most; each is started when there is a file for it.
    work : callable
        As `desinn.scripts.crew.attempt` takes it, and picklable.
    """

    asked = False
    """Never: processes do not hear signals."""

    def __init__(self, size, work):
        self._size = size
        self._work = work
        self._threads = threads_each(len(cores()), size)
        self._idle = []
        self._jobs = {}  # connection -> (worker, number, path)

    @property
    def free(self):
        """Whether a process can take a file."""
        return len(self._jobs) < self._size

    @property
    def busy(self):
        """Whether a process has a file."""
        return bool(self._jobs)

    def give(self, number, path):
        """Hand a file to a process."""
        worker = self._idle.pop() if self._idle else _Worker(self._work, self._threads)
        self._jobs[worker.connection] = worker, number, path
        worker.send(path)

    def take(self):
        """Wait for a process; return the number of its file and the outcome.

        Raises
        ------
        ChildProcessError
            If a process ended before it could take a file: the next one would not do better.
        """
        while True:
            for connection in wait(list(self._jobs)):
                worker, number, path = self._jobs[connection]
                answer = worker.receive()
                if answer == _READY:
                    continue
                del self._jobs[connection]
                if answer is None:
                    return number, worker.death(path)
                self._idle.append(worker)
                return number, answer

    def close(self):
        """End all processes, whatever they are doing."""
        workers = [*self._idle, *(job[0] for job in self._jobs.values())]
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.bury()
        self._idle, self._jobs = [], {}


class _Worker:
    """One process, seen from outside."""

    def __init__(self, work, threads):
        self.connection, theirs = Pipe()
        code = _CODE.format(path=sys.path, descriptor=theirs.fileno())
        with theirs, _deaf():
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                env=environment(threads),
                pass_fds=[theirs.fileno()],
            )
        self._ready = False
        self.send(work)

    def send(self, item):
        with contextlib.suppress(ConnectionError):  # a dead one is noticed by `receive`
            self.connection.send(item)

    def receive(self):
        """Return what the process says; None if it is dead."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return None
        self._ready = True
        return answer

    def death(self, path):
        """Return the outcome of the file on which the process died."""
        self.bury()
        status = self._process.returncode
        how = f"signal {-status}" if status < 0 else f"status {status}"
        if not self._ready:
            raise ChildProcessError(f"a process ended with {how} before it could do anything")
        error = ChildProcessError(f"{path}: the process that worked on it ended with {how}")
        return Outcome(None, error, "", 0.0)

    def end(self):
        self.connection.close()
        self._process.kill()

    def bury(self):
        self.connection.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def _deaf():
    """Let processes that are started here never see Ctrl-C and SIGTERM.

    Both may come to the whole group of processes. Whoever started them decides what becomes of
    the files in their hands, and ends them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(descriptor):
    """Work on files that another process names, until it is gone.

    Parameters
    ----------
    descriptor : int
        Of the socket on which the other process sends the work, then one path after another.
    """
    show_log()
    connection = Connection(descriptor)
    jobs = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, jobs), daemon=True).start()
    work = jobs.get()
    if isinstance(work, Exception):
        raise work
    connection.send(_READY)
    while True:
        outcome = attempt(work, jobs.get())
        connection.send(outcome._replace(error=outcome.error and portable(outcome.error)))


def _listen(connection, jobs):
    """Take in what is sent also while the work goes on, so as to end at once with the sender."""
    while True:
        try:
            jobs.put(connection.recv())
        except (EOFError, OSError):
            os._exit(1)
        except Exception as error:  # what was sent is unknown here
            jobs.put(error)

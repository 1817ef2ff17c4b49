"""The memory of processes that belong together, while they run."""

import collections
import contextlib
import os
import threading
import time

KINDS = {"PSS": ("smaps_rollup", b"Pss:"), "RSS": ("status", b"VmRSS:")}
"""Memory of a process: a file below /proc, and the line that says it in kB. The first shares out
among processes what they have in common, the other counts it for each."""


def kind():
    """Return the first of `KINDS` that the system says, or None."""
    names = (name for name, (file, _) in KINDS.items() if os.path.exists(f"/proc/self/{file}"))
    return next(names, None)


def _bytes_of(pid, which):
    """Return the memory that a process holds; 0 once it has ended."""
    file, start = KINDS[which]
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{file}", "rb") as stream:
        for line in stream:
            if line.startswith(start):
                return 1024 * int(line.split()[1])
    return 0


def _tree(pid):
    """Return the ids of a process and of all that come from it."""
    children = collections.defaultdict(list)
    for name in filter(str.isdigit, os.listdir("/proc")):
        # The name of the program, in brackets, may hold anything.
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stream:
            children[int(stream.read().rpartition(b")")[2].split()[1])].append(int(name))
    found = [pid]
    for one in found:
        found += children[one]
    return found


class Samples:
    """Memory of a process and all that come from it, looked at by a thread; use it as a context.

    Parameters
    ----------
    pid : int
    pause : float
        Seconds between looks.

    Attributes
    ----------
    taken : list of (float, int)
        Seconds from the start, bytes. Nothing where the system does not say it.
    """

    def __init__(self, pid, pause):
        self.taken = []
        self._pid = pid
        self._pause = pause
        self._kind = kind()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        start = time.perf_counter()
        while self._kind and not self._end.wait(self._pause):
            held = sum(_bytes_of(pid, self._kind) for pid in _tree(self._pid))
            self.taken.append((time.perf_counter() - start, held))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._end.set()
        self._thread.join()

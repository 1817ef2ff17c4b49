"""One peer in a process of its own, told over pipes when to run.

Started by `harness.Worker` with a JSON text as argument; commands and replies are JSON, one a
line. ``choose`` tries the peer's ways of running; ``load`` makes it ready; ``check`` and ``time``
run it once over the whole input; ``memory`` tells what it took.
"""

import importlib
import json
import os
import resource
import sys
import time

import subjects

CHECKED = 50
"""How many members of the input are compared with the naive twin, at either end."""


def main():
    # Whatever a framework prints goes to stderr: the pipe is for replies alone.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = Peer(**json.loads(sys.argv[1]))
    for line in sys.stdin:
        command = json.loads(line)
        reply = getattr(peer, command.pop("do"))(**command)
        print(json.dumps(reply), file=replies, flush=True)


class Peer:
    """A peer with its network and input."""

    def __init__(self, peer, subject, batch, threads):
        self._module = importlib.import_module(f"peers.{peer}")
        self._threads = threads
        self._header, self._arrays = subjects.SUBJECTS[subject].network()
        self._x = subjects.inputs(self._header, batch)
        self._run = None
        self._before = self._output_bytes = 0

    def choose(self, repetitions):
        """Return the fastest of the peer's choices, and the seconds of all.

        A peer that is not installed says so under ``absent``.
        """
        try:
            _versions(self._module.PACKAGES)
        except ImportError as error:
            return {"absent": str(error)}
        tried = []
        choices = self._module.CHOICES
        for choice in choices if len(choices) > 1 else []:
            run = self._loaded(choice)
            run(self._x)
            seconds = min(_timed(run, self._x)[0] for _ in range(repetitions))
            tried.append((seconds, choice))
        best = min(tried, key=lambda pair: pair[0])[1] if tried else choices[0]
        return {"choice": best, "tried": tried}

    def load(self, choice):
        """Make ready with one choice; return what the process runs on."""
        self._run = self._loaded(choice)
        self._before = peak_bytes()
        return {"versions": _versions(self._module.PACKAGES), "blas": _blas()}

    def _loaded(self, choice):
        return self._module.load(self._header, self._arrays, self._threads, **choice)

    def check(self):
        """Run once and return the first and the last rows."""
        y = self._run(self._x)
        return {"rows": [*y[:CHECKED].tolist(), *y[-CHECKED:].tolist()]}

    def time(self):
        """Run once; return seconds, our CPU seconds, and those of the whole machine."""
        busy, own = busy_seconds(), time.process_time()
        seconds, y = _timed(self._run, self._x)
        own, ended = time.process_time() - own, busy_seconds()
        self._output_bytes = y.nbytes
        return {"seconds": seconds, "own": own, "busy": None if busy is None else ended - busy}

    def memory(self):
        """Return bytes: the peak, the same before the first run, and input and output."""
        sizes = {"input": self._x.nbytes, "output": self._output_bytes}
        return {"peak": peak_bytes(), "before": self._before, **sizes}


def _timed(run, x):
    start = time.perf_counter()
    y = run(x)
    return time.perf_counter() - start, y


def peak_bytes():
    """Return the most memory that this process has held (ru_maxrss)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def busy_seconds():
    """Return the CPU seconds that all programs have used, or None where nobody counts them."""
    try:
        with open("/proc/stat") as stream:
            fields = stream.readline().split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _versions(packages):
    return {name: importlib.import_module(name).__version__ for name in packages}


def _blas():
    """Return what threadpoolctl knows of the BLAS libraries in this process."""
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "architecture", "version", "num_threads")
    infos = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return [{key: info.get(key) for key in keys} for info in infos]


if __name__ == "__main__":
    main()

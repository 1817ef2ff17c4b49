"""One peer in a process of its own, told over pipes when to run.

Started by `harness.Worker` with a JSON text as argument; commands and replies are JSON, one a
line. ``choose`` tries the peer's ways of running; ``load`` makes it ready; ``check`` and ``time``
run it once over the whole input; ``memory`` tells what it took.
"""

import functools
import importlib
import json
import os
import resource
import sys
import time


def serve(make):
    """Make something of the argument, and do with it what the commands say."""
    # Whatever a framework prints goes to stderr: the pipe is for replies alone.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    made = make(**json.loads(sys.argv[1]))
    for line in sys.stdin:
        command = json.loads(line)
        reply = getattr(made, command.pop("do"))(**command)
        print(json.dumps(reply), file=replies, flush=True)


class Peer:
    """A peer with its network and input.

    Parameters
    ----------
    peer, subject : str
    batch : int
        Members of the whole input.
    threads : int
    folder : str, optional
        With the files that the input comes from.
    """

    def __init__(self, peer, subject, batch, threads, folder=None):
        import subjects

        one = subjects.SUBJECTS[subject]
        way = one.ways[peer]
        self._module = importlib.import_module(f"peers.{way.module}")
        self._threads = threads
        self._header, self._arrays = one.network_for(way)
        self._cut = one.cut(one.network()[0]) if way.windows else None
        self._x = one.inputs(way, batch, folder)
        self._compared = functools.partial(one.compared, way, batch)
        self._run = None
        self._before = self._output_bytes = 0

    def choose(self, repetitions):
        """Return the fastest of the peer's choices, and the seconds of all.

        A peer that is not installed says so under ``absent``.
        """
        try:
            versions(self._module.PACKAGES)
        except ImportError as error:
            return {"absent": str(error)}
        tried = []
        choices = self._module.CHOICES
        for choice in choices if len(choices) > 1 else []:
            run = self._loaded(choice)
            run(self._x)
            tried.append((min(self._seconds(run) for _ in range(repetitions)), choice))
        best = min(tried, key=lambda pair: pair[0])[1] if tried else choices[0]
        return {"choice": best, "tried": tried}

    def _seconds(self, run):
        with Watch() as watch:
            run(self._x)
        return watch.said["seconds"]

    def load(self, choice):
        """Make ready with one choice; return what the process runs on."""
        self._run = self._loaded(choice)
        self._before = peak_bytes()
        return {"versions": versions(self._module.PACKAGES), "blas": blas()}

    def _loaded(self, choice):
        run = self._module.load(self._header, self._arrays, self._threads, **choice)
        if self._cut is None:
            return run
        from peers.windows import by_window

        return by_window(run, self._cut.window, self._cut.step)

    def check(self):
        """Run once and return rows that are to be compared, and which of all they are.

        A peer that makes something of the network's outputs has another way to say those.
        """
        outputs = getattr(self._run, "outputs", self._run)
        return self._compared(outputs(self._x))

    def time(self):
        """Run once; return seconds, our CPU seconds, and those of the whole machine."""
        with Watch() as watch:
            y = self._run(self._x)
        self._output_bytes = y.nbytes
        return watch.said

    def memory(self):
        """Return bytes: the peak, the same before the first run, and input and output."""
        sizes = {"input": self._x.nbytes, "output": self._output_bytes}
        return {"peak": peak_bytes(), "before": self._before, **sizes}


class Watch:
    """The time of a block; `said` are seconds, our CPU seconds, and those of all programs."""

    def __enter__(self):
        self._busy, self._own = busy_seconds(), time.process_time()
        self._start = time.perf_counter()
        return self

    def __exit__(self, kind, value, trace):
        seconds = time.perf_counter() - self._start
        own, busy = time.process_time() - self._own, busy_seconds()
        busy = None if busy is None else busy - self._busy
        self.said = {"seconds": seconds, "own": own, "busy": busy}


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


def versions(packages):
    return {name: importlib.import_module(name).__version__ for name in packages}


def blas():
    """Return what threadpoolctl knows of the BLAS libraries in this process."""
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "architecture", "version", "num_threads")
    infos = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return [{key: info.get(key) for key in keys} for info in infos]


if __name__ == "__main__":
    serve(Peer)

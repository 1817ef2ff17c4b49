"""The peers' processes: started with equal threads, checked, timed in turn, weighed.

This process must stay small: on Linux a new process starts with the peak memory of the one that
started it.
"""

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import subjects

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "py"
ENVIRONMENTS = HERE.parents[1] / ".venv"
"""Where the Makefile puts them."""

REQUIRED = ("desinn", "shared", "tiled", "finder", "naive", "sgemm")
"""Modules that are always there."""

TOLERANCE = 1e-5
"""From the naive twin: absolute up to 1, relative above."""

REST = 0.2
"""Seconds between runs, until the threads of the last one have stopped spinning."""

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class PeerError(Exception):
    """A peer that fails, or does not compute what the naive twin computes."""


class Worker:
    """A peer's process; use it as a context. See `worker.Peer` for what it can be told.

    Parameters
    ----------
    peer : str
        For messages.
    threads : int
    task : dict
        What the script is given.
    script : str
    python : str or os.PathLike
        What runs it.
    """

    def __init__(self, peer, threads, task, script="worker.py", python=sys.executable):
        self.peer = peer
        # Shown only if it fails; closed in __exit__.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [str(python), str(HERE / script), json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(threads),
        )

    def tell(self, do, **arguments):
        """Send a command and return the reply."""
        with contextlib.suppress(BrokenPipeError):  # it died; what follows says so
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(self._last_words(do))
        return json.loads(line)

    def _last_words(self, do):
        status = self._process.wait()
        self._errors.seek(0)
        return f"{self.peer}: ended with status {status} in {do}\n{self._errors.read()}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def environment(threads):
    """Return the environment of a worker."""
    kept = {key: value for key, value in os.environ.items() if key not in UNSET}
    path = os.pathsep.join(filter(None, [str(PACKAGE), kept.get("PYTHONPATH")]))
    counts = dict.fromkeys(THREADS, str(threads))
    return {**kept, **QUIET, **counts, "PYTHONPATH": path}


def desinn(*words):
    """Run one of desinn's own programs on one thread; raise PeerError if it fails."""
    command = [sys.executable, "-m", "desinn.scripts.desinn", *words]
    done = subprocess.run(command, env=environment(1), capture_output=True, text=True)
    if done.returncode:
        raise PeerError(f"desinn {words[0]}: status {done.returncode}\n{done.stderr}")


@functools.cache
def _folder(words):
    """Return a folder with what `desinn` made when told so; it lasts as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="desinn-bench-")
    desinn(*words, "-o", folder.name)
    return folder


def measure(name, batch, threads, warmups, repetitions):
    """Time all peers on one subject.

    Parameters
    ----------
    name : str
        Of one of `subjects.SUBJECTS`.
    batch : int
        Members of the input.
    threads : int
    warmups, repetitions : int

    Returns
    -------
    dict
        Peer -> dict with choice, tried, versions, blas, threads, scale (from the members that it
        gets to all), network (whether it computes that), difference (from the naive twin,
        largest), runs (a list of seconds, own and busy CPU seconds) and memory (bytes).

    Raises
    ------
    PeerError
        Before any timing where results disagree; else when a peer's process ends.
    """
    subject = subjects.SUBJECTS[name]
    words = subject.simulation(batch)
    folder = _folder(words).name if words else None
    task = {"subject": name, "batch": batch, "threads": threads, "folder": folder}
    choices = {peer: _choice(peer, way, task) for peer, way in subject.ways.items()}
    results = {peer: choice for peer, choice in choices.items() if choice is not None}
    with contextlib.ExitStack() as stack:
        workers = {
            peer: stack.enter_context(_worker(peer, subject.ways[peer], task)) for peer in results
        }
        for peer, result in results.items():
            way = subject.ways[peer]
            result.update(workers[peer].tell("load", choice=result["choice"]))
            result["threads"] = way.threads_of(threads)
            result["scale"] = batch / subject.members(way, batch)
            result["network"] = way.compared
        compared = {peer: workers[peer] for peer in results if subject.ways[peer].compared}
        for peer, difference in _checked(compared).items():
            results[peer]["difference"] = difference
        for peer, runs in in_turn(workers, warmups, repetitions).items():
            results[peer]["runs"] = runs
        for peer, result in results.items():
            result["memory"] = workers[peer].tell("memory")
    return results


def _worker(peer, way, task):
    threads = way.threads_of(task["threads"])
    task = {**task, "peer": peer, "threads": threads}
    return Worker(peer, threads, task, python=_python(way))


def _python(way):
    """Return the Python that runs a peer."""
    named = ENVIRONMENTS / way.environment / "bin" / "python"
    return named if way.environment else sys.executable


def _choice(peer, way, task):
    """Return the best way to run a peer, found in a process of its own; None if there is none.

    The largest batch leaves a peak of memory behind that is not that of the best.
    """
    if os.path.exists(_python(way)):
        with _worker(peer, way, task) as scout:
            reply = scout.tell("choose", repetitions=2)
    else:
        reply = {"absent": f"`make .venv/{way.environment}/ready` makes what it runs in"}
    if "absent" not in reply:
        return reply
    if way.module in REQUIRED:
        raise PeerError(f"{peer}: {reply['absent']}")
    print(f"{peer}: skipped, {reply['absent']}")
    return None


def _checked(workers):
    """Return the largest difference of each peer from the naive twin, on the members it gets."""
    truth = _rows(workers["naive"])
    differences = {}
    for peer in (name for name in workers if name not in ("naive", "sgemm")):
        found = _rows(workers[peer])
        differences[peer] = max(
            _difference(peer, found[number], truth[number]) for number in found.keys() & truth
        )
        if not differences[peer] <= TOLERANCE:  # nor if it is NaN
            raise PeerError(
                f"{peer}: differs from the naive twin by {differences[peer]:.2g}, "
                f"allowed {TOLERANCE:g}"
            )
    return differences


def _rows(worker):
    reply = worker.tell("check")
    return dict(zip(reply["numbers"], reply["rows"], strict=True))


def _difference(peer, found, truth):
    import numpy as np

    found, truth = np.array(found), np.array(truth)
    if found.shape != truth.shape:
        raise PeerError(f"{peer}: expected shape {truth.shape}, found {found.shape}")
    return float((abs(found - truth) / np.maximum(1, abs(truth))).max())


def in_turn(workers, warmups, repetitions):
    """Run every peer again and again, another one first each time.

    Parameters
    ----------
    workers : dict of Worker
    warmups, repetitions : int

    Returns
    -------
    dict of list
        Peer -> its replies, without those of the warm-ups.
    """
    runs = {peer: [] for peer in workers}
    peers = list(workers)
    for number in range(warmups + repetitions):
        first = number % len(peers)
        for peer in peers[first:] + peers[:first]:
            time.sleep(REST)
            reply = workers[peer].tell("time")
            if number >= warmups:
                runs[peer].append(reply)
    return runs

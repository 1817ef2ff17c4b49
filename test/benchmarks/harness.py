"""The peers' processes: started with equal threads, checked, timed in turn, weighed.

This process must stay small: on Linux a new process starts with the peak memory of the one that
started it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "py"

PEERS = ("desinn", "naive", "onnxruntime", "tensorflow", "sgemm")
REQUIRED = ("desinn", "naive", "sgemm")
TOLERANCE = 1e-5
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
    """A peer's process; use it as a context. See `worker.Peer` for what it can be told."""

    def __init__(self, peer, subject, batch, threads):
        self.peer = peer
        task = {"peer": peer, "subject": subject, "batch": batch, "threads": threads}
        # Shown only if it fails; closed in __exit__.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), json.dumps(task)],
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


def measure(subject, batch, threads, warmups, repetitions):
    """Time all peers on one subject.

    Parameters
    ----------
    subject : str
    batch : int
        Members of the input.
    threads : int
    warmups, repetitions : int

    Returns
    -------
    dict
        Peer -> dict with choice, tried, versions, blas, difference (from the naive twin, largest,
        absolute), runs (a list of seconds, own and busy CPU seconds) and memory (bytes).

    Raises
    ------
    PeerError
        Before any timing where results disagree; else when a peer's process ends.
    """
    task = (subject, batch, threads)
    choices = {peer: _choice(peer, *task) for peer in PEERS}
    results = {peer: choice for peer, choice in choices.items() if choice is not None}
    with contextlib.ExitStack() as stack:
        workers = {peer: stack.enter_context(Worker(peer, *task)) for peer in results}
        for peer, result in results.items():
            result.update(workers[peer].tell("load", choice=result["choice"]))
        for peer, difference in _checked(workers).items():
            results[peer]["difference"] = difference
        for number in range(warmups + repetitions):
            for peer, run in _round(workers, number):
                if number >= warmups:
                    results[peer].setdefault("runs", []).append(run)
        for peer, result in results.items():
            result["memory"] = workers[peer].tell("memory")
    return results


def _choice(peer, subject, batch, threads):
    """Return the best way to run a peer, found in a process of its own; None if there is none.

    The largest batch leaves a peak of memory behind that is not that of the best.
    """
    with Worker(peer, subject, batch, threads) as scout:
        reply = scout.tell("choose", repetitions=2)
    if "absent" not in reply:
        return reply
    if peer in REQUIRED:
        raise PeerError(f"{peer}: {reply['absent']}")
    print(f"{peer}: skipped, {reply['absent']}")
    return None


def _checked(workers):
    """Return the largest difference of each peer from the naive twin."""
    import numpy as np

    truth = np.array(workers["naive"].tell("check")["rows"])
    differences = {}
    for peer in (name for name in workers if name not in ("naive", "sgemm")):
        rows = np.array(workers[peer].tell("check")["rows"])
        if rows.shape != truth.shape:
            raise PeerError(f"{peer}: expected shape {truth.shape}, found {rows.shape}")
        differences[peer] = float(abs(rows - truth).max())
        if not differences[peer] <= TOLERANCE:  # nor if it is NaN
            raise PeerError(
                f"{peer}: differs from the naive twin by {differences[peer]:.2g}, "
                f"allowed {TOLERANCE:g}"
            )
    return differences


def _round(workers, number):
    """Run every peer once, another one first each time; yield peer and reply."""
    peers = list(workers)
    first = number % len(peers)
    for peer in peers[first:] + peers[:first]:
        time.sleep(REST)
        yield peer, workers[peer].tell("time")

"""Work for the runner that does what its files say; other processes can import it."""

import argparse
import os
import queue
import signal
import time
from pathlib import Path

import numpy as np

from desinn.scripts.crew import Result


def work(path):
    """Return a file's words as rows; do what they say."""
    words = Path(path).read_text().split()
    if "once" not in words or not Path(f"{path}.tried").exists():
        Path(f"{path}.tried").touch()
        _act(path, words)
    rows = np.array(list(enumerate(words)), [("n", "i4"), ("word", "S8")])
    arrays = {"rows": rows, "threads": np.array(_threads()), "process": np.array(os.getpid())}
    return Result(arrays, {"words": len(words)})


def _act(path, words):
    if "raise" in words:
        raise ValueError(f"{path}: as told")
    if "mistake" in words:
        raise ZeroDivisionError("a mistake of ours")
    if "die" in words:
        os.kill(os.getpid(), signal.SIGKILL)
    if "interrupt" in words:
        raise KeyboardInterrupt
    if "stop" in words:
        os.kill(os.getpid(), signal.SIGTERM)
    for pid in _told(words):
        os.kill(pid, signal.SIGTERM)
    if "wait" in words:
        time.sleep(60)


def _told(words):
    """Return which ranks of `helpers.rank_program` get a SIGTERM."""
    ranks = [int(pid) for pid in os.environ.get("RANKS", "").split()]
    some = ranks[:1] if "leader" in words else ranks if "everyone" in words else []
    return some + [os.getpid()] * (2 * words.count("twice"))


def _threads():
    from threadpoolctl import threadpool_info

    return max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")


class Maker:
    """What is made once in each process: it knows on how many threads."""

    def __init__(self, first):
        self.first, self.threads = first, _threads()


def seen(made, task):
    """Return a number, the threads that BLAS had in making and in work, and the process."""
    return made.first + task, (made.threads, _threads()), os.getpid()


class Unknown:
    """Work that another process cannot take in."""

    def __reduce__(self):
        return _refuse, (os.getpid(),)

    def __call__(self, path):
        return work(path)


def _refuse(sender):
    if os.getpid() != sender:
        raise RuntimeError("cannot be taken in")
    return Unknown()


class Awkward(ValueError):
    """An error that cannot be pickled."""

    def __init__(self, path, problem):
        super().__init__(f"{path}: {problem}")


def awkward(path):
    raise Awkward(path, "as told")


def options(**given):
    """Return the options that the runner obeys."""
    return argparse.Namespace(
        **{"nproc": 1, "mpi": False, "resume": False, "debug": False, **given}
    )


def die(made, task):
    """Work that costs the process its life."""
    os._exit(1)


class Comm:
    """What is needed of a communicator, among threads: one for each rank."""

    def __init__(self, rank, boxes, gathered):
        self.rank, self.size = rank, len(boxes)
        self._boxes, self._gathered = boxes, gathered

    @classmethod
    def world(cls, size):
        boxes, gathered = [queue.Queue() for _ in range(size)], {}
        return [cls(rank, boxes, gathered) for rank in range(size)]

    def allgather(self, item):
        self._gathered[self.rank] = item
        while len(self._gathered) < self.size:
            time.sleep(0.001)
        return [self._gathered[rank] for rank in range(self.size)]

    def send(self, item, dest, tag):
        self._boxes[dest].put(item)

    def iprobe(self, tag):
        return not self._boxes[self.rank].empty()

    def recv(self, tag):
        return self._boxes[self.rank].get()

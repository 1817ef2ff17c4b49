"""A program on ranks, each a process: those of MPI, or of its own where there is none.

``python -m helpers.rank_program RANKS EARLY OUT INPUT ...``, where RANKS is how many it is to
start by itself, or 0 below mpiexec; EARLY is a rank that gets a SIGTERM while ranks still look
for each other, or -1. What is done with the inputs, `helpers.work` says; the words that they held
are written to OUT. The statuses of all ranks, where it has started them, are written to
OUT.statuses.
"""

import json
import multiprocessing
import os
import signal
import sys

from desinn.scripts import prompt
from desinn.scripts.runner import Task, run

from . import work


class Comm(work.Comm):
    """The same among processes: `gathered` is a list of queues, too, one for each rank."""

    def allgather(self, item):
        for queue in self._gathered:
            queue.put((self.rank, item))
        return [item for _, item in sorted(self._gathered[self.rank].get() for _ in self._boxes)]


class _Early:
    """A communicator that gets a signal in its first word with the others."""

    def __init__(self, comm):
        self._comm = comm

    def __getattr__(self, name):
        return getattr(self._comm, name)

    def allgather(self, item):
        os.kill(os.getpid(), signal.SIGTERM)
        return self._comm.allgather(item)


def be_rank(comm, early, out, paths):
    """Be one of the ranks; return the exit status."""
    os.environ["RANKS"] = " ".join(map(str, comm.allgather(os.getpid())))
    comm = _Early(comm) if comm.rank == early else comm

    def finish(results):
        with open(out, "w") as file:
            json.dump([one.arrays["rows"]["word"].astype(str).tolist() for one in results], file)

    task = Task(paths, work.work, finish, out, {})
    given = work.options(resume=True)
    return prompt.run(lambda options: run(options, lambda options: task, comm), given)


def _be_process(comm, *words):
    if comm.rank:  # MPI says it once
        for number in (1, 2):  # desiutil's log goes to the first
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(be_rank(comm, *words))


def main(size, early, out, *paths):
    words = int(early), out, list(paths)
    if size == "0":
        from mpi4py import MPI

        return be_rank(MPI.COMM_WORLD, *words)
    context = multiprocessing.get_context("fork")
    boxes, gathered = ([context.SimpleQueue() for _ in range(int(size))] for _ in range(2))
    comms = [Comm(rank, boxes, gathered) for rank in range(int(size))]
    ranks = [context.Process(target=_be_process, args=(comm, *words)) for comm in comms]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    with open(f"{out}.statuses", "w") as file:
        json.dump([rank.exitcode for rank in ranks], file)
    return max(rank.exitcode for rank in ranks)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

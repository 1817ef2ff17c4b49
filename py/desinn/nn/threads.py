"""Our threads share the work while every matrix product runs on one.

A matrix product that BLAS spreads over threads rounds differently for another number of them;
blocks that are cut by shape alone and multiplied on one thread each do not.
"""

import contextlib
import os
import sys
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from .arena import Arena

KEEP_BYTES = 2**27
"""Working memory of all threads that is kept for the next call; more is given back."""


class _Blas:
    """The BLAS library's number of threads, held at one while anybody computes."""

    def __init__(self):
        self._changed = threading.Condition()
        self._users = 0
        self._limit = None
        self._threads = 1
        self._libraries = None
        self._modules = 0

    @contextlib.contextmanager
    def single(self):
        """Hold BLAS to one thread; give the number that it would have used."""
        with self._changed:
            if not self._users:
                self._hold()
            self._users += 1
        try:
            yield self._threads
        finally:
            with self._changed:
                self._users -= 1
                if not self._users:
                    self._limit.restore_original_limits()
                    self._changed.notify_all()

    def _hold(self):
        from threadpoolctl import ThreadpoolController

        # Looking for libraries takes a millisecond; a new one comes with a module that needs it.
        if len(sys.modules) != self._modules:
            self._libraries = ThreadpoolController().select(user_api="blas")
            self._modules = len(sys.modules)
        # Several BLAS libraries may be there (redrock brings its own), each with its number.
        found = [lib["num_threads"] for lib in self._libraries.info()]
        self._threads = min(found, default=1)
        self._limit = self._libraries.limit(limits=1)

    def before_fork(self):
        """Wait until nobody computes: BLAS may hang, or stay at one thread, after a fork."""
        self._changed.acquire()
        while self._users:
            self._changed.wait()

    def after_fork(self):
        """Go on, in the parent."""
        self._changed.release()


_BLAS = _Blas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_BLAS.before_fork,
        after_in_parent=_BLAS.after_fork,
        after_in_child=_BLAS.__init__,  # of the lock's threads only one is left
    )


def share(work, jobs, arenas=None):
    """Run ``work(job, arena)`` for every job, on as many threads as BLAS would have used.

    The number is set the way that users of NumPy know: ``OMP_NUM_THREADS``,
    ``OPENBLAS_NUM_THREADS``, or a surrounding `threadpoolctl.threadpool_limits`. Threads live
    for one call only, so that nothing is left to break after a fork.

    Parameters
    ----------
    work : callable
        Takes a job and an `Arena` that no other thread uses at the same time.
    jobs : sequence
        Cut without regard to the number of threads, so that results do not depend on it.
    arenas : list of Arena, optional
        What earlier calls with the same work left: taken from, and given back if small.

    Raises
    ------
    Exception
        What a job raised; jobs that were not begun by then are not done.
    """
    jobs, arenas = list(jobs), [] if arenas is None else arenas
    with _BLAS.single() as threads:
        threads = min(threads, len(jobs))
        if threads <= 1:
            _work_through(work, iter(jobs), arenas)
            return
        queue = _Queue(jobs)
        with ThreadPoolExecutor(threads) as pool:
            try:
                futures = [pool.submit(_work_through, work, queue, arenas) for _ in range(threads)]
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                queue.clear()  # where one has failed, the others stop after the job in hand
        for future in futures:
            future.result()


def _work_through(work, jobs, arenas):
    try:
        arena = arenas.pop()  # in one step: other threads may draw from them, too
    except IndexError:
        arena = Arena()
    for job in jobs:
        work(job, arena)
    if arena.nbytes + sum(other.nbytes for other in list(arenas)) <= KEEP_BYTES:
        arenas.append(arena)


class _Queue:
    """An iterator that several threads may draw from."""

    def __init__(self, jobs):
        self._jobs = iter(jobs)
        self._lock = threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self._lock:
            return next(self._jobs)

    def clear(self):
        """Give out no further job."""
        with self._lock:
            self._jobs = iter(())

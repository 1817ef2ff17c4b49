"""Work that is shared out to processes, with results in the order of the work."""

import contextlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

_state = {}


@contextlib.contextmanager
def in_processes(make, arguments, processes):
    """Share out work among processes that each make what they need once.

    Parameters
    ----------
    make : callable
        Makes what the work needs; called once in each process with `arguments`. It must be a
        function of a module.
    arguments : tuple
    processes : int
        With 1, all is done in this process.

    Yields
    ------
    callable
        ``run(work, tasks)``: yields ``work(made, task)`` for each task, in their order. An
        exception of the work is raised there.
    """
    if processes <= 1:
        made = make(*arguments)
        yield lambda work, tasks: (work(made, task) for task in tasks)
        return
    # Not forked: the parent may hold threads, of TensorFlow or of BLAS, that a fork would break.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_start, initargs=(make, arguments)
    ) as pool:
        try:
            yield lambda work, tasks: pool.map(_call, _repeat(work, tasks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _repeat(work, tasks):
    return ((work, task) for task in tasks)


def _start(make, arguments):
    _state["made"] = make(*arguments)


def _call(job):
    work, task = job
    return work(_state["made"], task)

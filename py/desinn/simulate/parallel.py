"""Work that is shared out to processes, with results in the order of the work."""

import contextlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ..log import get_logger
from ..machine import cores

_state = {}


@contextlib.contextmanager
def in_processes(make, arguments, processes):
    """Share out work among processes that each make what they need once.

    BLAS is held to one thread while any of it is done: processes do not crowd the cores, and no
    sum depends on their number.

    Parameters
    ----------
    make : callable
        Makes what the work needs; called once in each process with `arguments`. It must be a
        function of a module.
    arguments : tuple
    processes : int
        At most as many as there are cores. With 1, all is done in this process.

    Yields
    ------
    callable
        ``run(work, tasks)``: yields ``work(made, task)`` for each task, in their order. An
        exception of the work is raised there.
    """
    available = min(processes, len(cores()))
    if available < processes:
        get_logger().info("%d processes: %d is all that the cores allow", processes, available)
    if available <= 1:
        made = _on_one_thread(make, *arguments)
        yield lambda work, tasks: (_on_one_thread(work, made, task) for task in tasks)
        return
    # Not forked: the parent may hold threads, of TensorFlow or of BLAS, that a fork would break.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        available, mp_context=context, initializer=_start, initargs=(make, arguments)
    ) as pool:
        try:
            yield lambda work, tasks: pool.map(_call, _repeat(work, tasks))
        except BrokenProcessPool:
            raise ChildProcessError(
                "a process that simulated died (out of memory?); a script that starts processes "
                'needs its `if __name__ == "__main__":`'
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _repeat(work, tasks):
    return ((work, task) for task in tasks)


def _start(make, arguments):
    _state["made"] = _on_one_thread(make, *arguments)


def _call(job):
    work, task = job
    return _on_one_thread(work, _state["made"], task)


def _on_one_thread(function, *arguments):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        return function(*arguments)

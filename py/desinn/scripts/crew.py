"""What every member of a crew does: try one file, on its share of the cores.

A crew is what works through files. It has ``free``, whether somebody can take a file;
``busy``, whether somebody has one; ``give(number, path)``; ``take()``, which waits and returns
the number of a file and its `Outcome`; ``asked``, whether a member has been asked to end soon (a
`desinn.scripts.prompt.Notice` of its own); and ``close()``. A crew of one is `Alone`; others are
`desinn.scripts.processes.Processes` and `desinn.scripts.ranks.Ranks`.
"""

import contextlib
import os
import pickle
import time
import traceback
from typing import NamedTuple

import numpy as np

from .prompt import EXPECTED

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What BLAS libraries ask for their number of threads when they are loaded."""


class Result(NamedTuple):
    """What came of one file."""

    arrays: dict[str, np.ndarray]
    """Plain or structured arrays, none of them of objects."""
    counts: dict[str, int]
    """For the log, which adds them up over the files: ``{"spectra": 500, "quasars": 7}``."""


class Outcome(NamedTuple):
    """How the work on one file ended: with a result or with an error."""

    result: Result | None
    error: Exception | None
    trace: str
    """The error's traceback, as text."""
    seconds: float


def attempt(work, path):
    """Do the work on one file.

    Parameters
    ----------
    work : callable
        Takes the path, returns a `Result`.
    path : str

    Returns
    -------
    Outcome
        With the error, whatever it was, in place of raising it.
    """
    start = time.monotonic()
    result, error, trace = None, None, ""
    try:
        result = work(path)
    except Exception as caught:
        error, trace = caught, traceback.format_exc()
    return Outcome(result, error, trace, time.monotonic() - start)


def portable(error):
    """Return an error that can be sent to another process, of the same type where that works.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    BaseException
        `error`, or a plainer one with its text that `EXPECTED` covers if it covers `error`.
    """
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        kind = next((kind for kind in EXPECTED if isinstance(error, kind)), RuntimeError)
        return kind(str(error))
    return error


class Alone:
    """A crew of one: this very process."""

    busy = False
    """Never: what `give` is given, `take` does."""

    asked = False
    """Never: who leads it is the same process."""

    def __init__(self, work):
        self._work = work
        self._job = None

    @property
    def free(self):
        """Whether it can take a file."""
        return not self.busy

    def give(self, number, path):
        """Put a file into its hand."""
        self.busy, self._job = True, (number, path)

    def take(self):
        """Do the work; return the file's number and its outcome."""
        number, path = self._job
        self.busy = False
        return number, attempt(self._work, path)

    def close(self):
        """Do nothing: there is nothing to end."""


def threads_each(available, members):
    """Return how many threads each of several processes may use.

    Parameters
    ----------
    available : int
        Cores that they share.
    members : int
        How many they are.

    Returns
    -------
    int
        Never more than BLAS would use in this process, for that is what the user has set.
    """
    from threadpoolctl import threadpool_info

    libraries = threadpool_info()
    used = [one["num_threads"] for one in libraries if one["user_api"] == "blas"]
    return max(1, min([available // members, *used]))


def environment(threads):
    """Return an environment in which BLAS libraries start that many threads.

    Parameters
    ----------
    threads : int

    Returns
    -------
    dict
    """
    return {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}


@contextlib.contextmanager
def limited(threads):
    """Limit BLAS to some threads: libraries that are loaded, and those that will be.

    Parameters
    ----------
    threads : int
    """
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(environment(threads))
    try:
        with threadpool_limits(threads, user_api="blas"):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

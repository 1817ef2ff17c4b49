"""Many files through one program: processes, MPI, another try, resuming, progress.

What is wrong with one file never costs the others, and results do not depend on who did what:
they are in the order of the files.
"""

import contextlib
import functools
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ..files import clear_unfinished
from ..log import get_logger
from ..machine import cores
from . import prompt
from .crew import Alone
from .parts import Parts
from .progress import Progress
from .ranks import communicator, together


class Task(NamedTuple):
    """What a program wants to have done with its files."""

    paths: list[str]
    """The files; one may be there twice."""
    work: Callable
    """Takes a path and returns a `desinn.scripts.crew.Result`. Other processes get a pickled
    copy: a function, or an object of a class, at the head of a module that can be imported."""
    finish: Callable
    """Takes the results, one for each path (None for a file that could not be used; one at
    least is there), and writes the output."""
    outfile: str
    """The output, beside which finished parts are kept if the user wants to resume."""
    key: dict
    """All that a result depends on beside its file, as JSON can hold it: options, sha256 of
    weights."""
    folders: tuple[str | None, ...] = ()
    """Folders that are written to; None is none. What killed runs have left unfinished in them
    is removed."""
    finished: Callable | None = None
    """For work that writes an output for each file, which is then what an earlier run leaves.
    Takes a path and returns the result if it need not be done again, else None; no parts are
    kept then, and `outfile` and `key` are without effect."""


RESUME = (
    "keep finished files' results in OUT.parts until all is done, and take up those that are there"
)


def add_options(parser, resume=RESUME):
    """Add the options that `run` obeys.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    resume : str
        What ``--resume`` does.
    """
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--nproc",
        type=prompt.count,
        default=1,
        metavar="N",
        help="work on N files at a time, in processes that share the cores (default: 1)",
    )
    who.add_argument(
        "--mpi",
        action="store_true",
        help="share the files among MPI's ranks (mpi4py); rank 0 hands them out",
    )
    parser.add_argument("--resume", action="store_true", help=resume)


def run(options, prepare, comm=None):
    """Do a program's work on all its files.

    Parameters
    ----------
    options : argparse.Namespace
        With those of `add_options` and of `desinn.scripts.prompt.add_common`.
    prepare : callable
        Takes `options`, checks all that can be checked before the work, and returns a `Task`.
        Of several ranks only the first calls it (and the task's ``finish``).
    comm : mpi4py.MPI.Comm, optional
        Of the program that we run in. Every rank calls this function. With one rank only,
        ``nproc`` counts.

    Returns
    -------
    int
        0, or 1 where some files could not be used: they are named in the log. The same on
        every rank.

    Raises
    ------
    ValueError
        If none of the files could be used; a single file's error as it is.
    Exception
        What ``prepare`` and ``finish`` raise. Every rank raises it.

    Examples
    --------
    >>> import argparse
    >>> import numpy as np
    >>> from desinn.scripts.crew import Result
    >>> def prepare(options):
    ...     work = lambda path: Result({"length": np.array(len(path))}, {"letters": len(path)})
    ...     return Task(["a", "bcd"], work, finish, "out.fits", {})
    >>> def finish(results):
    ...     print([int(result.arrays["length"]) for result in results])
    >>> run(argparse.Namespace(nproc=1, mpi=False, resume=False, debug=False), prepare)
    [1, 3]
    0
    """
    comm = communicator(options.mpi, comm)
    if comm is None:
        return _carry_out(prepare(options), options, functools.partial(_crew, options))
    if comm.rank == 0 and options.nproc > 1:
        get_logger().warning("nproc %d is not used: there are %d ranks", options.nproc, comm.size)
    return together(comm, lambda make_crew: _carry_out(prepare(options), options, make_crew))


def _crew(options, work, files):
    """Return a crew that is no larger than the user wants, the cores allow and the files need."""
    allowed = min(options.nproc, len(cores()))
    if allowed < options.nproc:
        get_logger().warning("--nproc %d: %d is all that the cores allow", options.nproc, allowed)
    size = min(allowed, files)
    if size == 1:
        return Alone(work)
    from .processes import Processes  # with what Python needs for it

    return Processes(size, work)


def _carry_out(task, options, make_crew):
    parts = _parts(task, options.resume)
    kept = parts if options.resume else None
    with _cleared(task, parts), prompt.patience() as notice:
        try:
            results = _results(_Run(task, kept, notice, options.debug), make_crew)
            task.finish(results)
        except BaseException as error:
            told = isinstance(error, prompt.Terminated) and str(error)
            if kept and kept.count() and not told:
                text = "%d finished parts stay in %s; --resume takes them up"
                get_logger().info(text, kept.count(), kept.folder)
            raise
    failed = [path for path, one in zip(task.paths, results, strict=True) if one is None]
    if failed:
        count = f"{len(failed)} of {len(results)}"
        get_logger().error("%s files could not be used: %s", count, " ".join(failed))
    elif parts:
        parts.remove()  # also those of an earlier run: the output has it all
    return 1 if failed else 0


def _parts(task, resume):
    """Return the parts that are kept, or that an earlier run has kept; None without."""
    folder = f"{task.outfile}.parts"
    if task.finished or not (resume or os.path.isdir(folder)):
        return None
    return Parts(folder, task.key)


@contextlib.contextmanager
def _cleared(task, parts):
    """Clear away what was left unfinished: of earlier runs, and of processes of ours that died."""
    folders = {folder for folder in task.folders if folder is not None}
    folders |= {parts.folder} if parts else set()
    left = sum(len(clear_unfinished(folder)) for folder in folders)
    if left:
        get_logger().info("%d unfinished files of runs that were killed are removed", left)
    try:
        yield
    finally:
        for folder in folders:
            clear_unfinished(folder)


def _results(run, make_crew):
    try:
        results = run.results(make_crew)
    finally:
        run.progress.close()
    if not any(results):
        raise ValueError(f"none of the {len(results)} files could be used")
    return results


class _Run:
    """The way of all files through a crew."""

    def __init__(self, task, parts, notice, debug):
        self.progress = Progress(len(task.paths))
        self._task = task
        self._parts = parts
        self._notice = notice
        self._debug = debug
        self._results = [None] * len(task.paths)
        self._jobs = deque()  # numbers of files
        self._inputs = {}  # number -> what its part will say of the input
        self._failed_once = set()

    def results(self, make_crew):
        """Return the results in the order of the files; None for those that failed twice."""
        self._take_up()
        if self._jobs:
            crew = make_crew(self._task.work, len(self._jobs))
            try:
                while self._hand_out(crew):
                    self._take_in(*crew.take())
            finally:
                crew.close()
        if self._jobs:
            raise prompt.Terminated(self._so_far())
        return self._results

    def _so_far(self):
        done = sum(result is not None for result in self._results)
        keeps = self._parts or self._task.finished
        later = "--resume does the rest" if keeps else "nothing is kept without --resume"
        return f"stopped by SIGTERM after {done} of {len(self._results)} files; {later}"

    def _take_up(self):
        """Take what an earlier run has finished; the rest is to be done."""
        find = self._task.finished or (self._parts and self._parts.find)
        for number, path in enumerate(self._task.paths):
            result = find and find(path)
            if result:
                self._results[number] = result
                self.progress.resumed(result.counts)
            else:
                self._jobs.append(number)
        done = len(self._task.paths) - len(self._jobs)
        if done:
            text = f"{done} of {len(self._task.paths)} files were done before"
            self.progress.tell(logging.INFO, text)

    def _hand_out(self, crew):
        """Give files to those who can take one, unless we are to stop; return if any has one."""
        while self._jobs and crew.free and not (self._notice.asked or crew.asked):
            number = self._jobs.popleft()
            path = self._task.paths[number]
            self._inputs[number] = self._parts and self._parts.about(path)
            crew.give(number, path)
        return crew.busy

    def _take_in(self, number, outcome):
        path, about = self._task.paths[number], self._inputs.pop(number)
        if outcome.error:
            self._give_back(number, outcome)
            return
        self._results[number] = outcome.result
        if self._parts:
            self._parts.keep(path, about, outcome.result)
        self.progress.done(path, outcome.result.counts, outcome.seconds)

    def _give_back(self, number, outcome):
        """Let a file be tried again, the last of all; but only once."""
        error, text = outcome.error, str(outcome.error)
        if not isinstance(error, prompt.EXPECTED):
            text = f"{self._task.paths[number]}: {type(error).__name__}: {error}"
        if number not in self._failed_once:
            self._failed_once.add(number)
            self._jobs.append(number)
            self.progress.tell(logging.WARNING, f"{text}; tried again later")
            return
        if len(self._task.paths) == 1:
            raise error
        if self._debug or not isinstance(error, prompt.EXPECTED):
            text += f"\n{outcome.trace}"
        self.progress.tell(logging.ERROR, text)
        self.progress.failed()

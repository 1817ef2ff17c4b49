"""A crew of MPI ranks: rank 0 hands out the files, the others work on them.

Only what the communicator given has is used: ``rank``, ``size``, ``send``, ``recv``, ``iprobe``
and ``allgather``. Nobody waits inside MPI, where most implementations burn a core and none
notices a signal.
"""

import socket
import time

from ..machine import cores
from . import prompt
from .crew import attempt, limited, portable, threads_each

_TAG = 21059
_PAUSE = 0.002  # s


def communicator(wanted, comm=None):
    """Return the communicator of the ranks among which files are shared out.

    Parameters
    ----------
    wanted : bool
        Whether the user wants MPI.
    comm : mpi4py.MPI.Comm, optional
        What the caller uses; without it all ranks, if `wanted`.

    Returns
    -------
    mpi4py.MPI.Comm or None
        None where there is but one rank.

    Raises
    ------
    ImportError
        If mpi4py is not there.
    """
    if comm is None and wanted:
        try:
            from mpi4py import MPI
        except ImportError as error:
            raise ImportError(f"--mpi needs mpi4py: pip install 'desinn[mpi]' ({error})") from None
        comm = MPI.COMM_WORLD
    return comm if comm is not None and comm.size > 1 else None


def together(comm, lead):
    """Let rank 0 lead and the others follow; every rank calls this.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Of two ranks or more.
    lead : callable
        What rank 0 does. Takes a function that makes a crew (`Ranks`), which takes the work
        and the number of files.

    Returns
    -------
    int
        What `lead` returned, on every rank.

    Raises
    ------
    BaseException
        What `lead` raised, on every rank.
    """
    with prompt.patience() as notice:  # the others would wait for ever for one that ends here
        share = _share(comm)
        if comm.rank:
            with limited(share):
                return _follow(comm, notice)
    with limited(share):
        return _lead(comm, lead)


def _share(comm):
    """Return the number of threads for this rank, which shares cores with others."""
    here = socket.gethostname(), cores()
    everyone = comm.allgather(here)
    workers = [theirs for host, theirs in everyone[1:] if host == here[0]]  # rank 0 only waits
    share = len(set().union(*workers)) // max(1, len(workers))  # ranks may be bound or not
    return threads_each(min(len(here[1]), share), 1)


def _lead(comm, lead):
    crews = []

    def make_crew(work, files):
        crews.append(Ranks(comm, work))
        return crews[0]

    end = None
    try:
        end = lead(make_crew)
    except BaseException as error:
        end = portable(error)
        raise
    finally:
        lost = crews[0].lost if crews else set()
        for rank in set(range(1, comm.size)) - lost:
            comm.send(("end", end), rank, _TAG)
    return end


class Ranks:
    """Ranks that work on one file each, seen from rank 0.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    work : callable
        As `desinn.scripts.crew.attempt` takes it, and picklable.

    Attributes
    ----------
    lost : set of int
        Ranks that something else has ended.
    asked : bool
        Whether a rank has been asked to end soon.
    """

    def __init__(self, comm, work):
        self._comm = comm
        self._idle = list(range(1, comm.size))
        self._jobs = {}  # rank -> number of the file
        self.lost = set()
        self.asked = False
        for rank in self._idle:
            comm.send(("work", work), rank, _TAG)

    @property
    def free(self):
        """Whether a rank can take a file."""
        return bool(self._idle)

    @property
    def busy(self):
        """Whether a rank has a file."""
        return bool(self._jobs)

    def give(self, number, path):
        """Hand a file to a rank."""
        rank = self._idle.pop(0)
        self._jobs[rank] = number
        self._comm.send(("file", path), rank, _TAG)

    def take(self):
        """Wait for a rank; return the number of its file and the outcome.

        Raises
        ------
        BaseException
            What ended a rank, such as an interruption.
        """
        rank, answer, asked = _receive(self._comm)
        number = self._jobs.pop(rank, None)
        self.asked |= asked
        if isinstance(answer, BaseException):
            self.lost.add(rank)
            raise answer
        self._idle.append(rank)
        return number, answer

    def close(self):
        """Wait for those who still work, without regard to what they say."""
        while self._jobs:
            rank, answer, _ = _receive(self._comm)
            self._jobs.pop(rank, None)
            if isinstance(answer, BaseException):
                self.lost.add(rank)


def _follow(comm, notice):
    """Do what rank 0 says, to the end."""
    try:
        end = _obey(comm, notice)
    except BaseException as error:
        comm.send((comm.rank, portable(error), False), 0, _TAG)
        raise
    if isinstance(end, BaseException):
        raise end
    return end


def _obey(comm, notice):
    """Work on files until the end; return what rank 0 says of it."""
    work = None
    while True:
        what, content = _receive(comm)
        if what == "end":
            return content
        if what == "work":
            work = content
        else:
            outcome = attempt(work, content)
            outcome = outcome._replace(error=outcome.error and portable(outcome.error))
            comm.send((comm.rank, outcome, notice.asked), 0, _TAG)


def _receive(comm):
    while not comm.iprobe(tag=_TAG):
        time.sleep(_PAUSE)
    return comm.recv(tag=_TAG)

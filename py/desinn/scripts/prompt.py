"""What every program does at the prompt, and not when a pipeline calls its main()."""

import argparse
import contextlib
import os
import signal
import sys
import threading

from ..log import get_logger, show_log

EXPECTED = (OSError, ValueError, ImportError)
"""What bad input raises; anything else is a mistake of ours and keeps its traceback."""


def add_common(parser):
    """Add the options that every program has.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    add_version(parser)


def add_version(parser):
    """Add ``--version``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    from .. import __version__

    parser.add_argument("--version", action="version", version=f"desinn {__version__}")


def _number(kind, fits, expected):
    """Return what argparse takes for a type: it turns a text into a number that fits."""

    def read(text):
        with contextlib.suppress(ValueError):
            value = kind(text)
            if fits(value):
                return value
        raise argparse.ArgumentTypeError(f"expected {expected}, found {text}")

    return read


count = _number(int, lambda value: value >= 1, "an integer, 1 or more")
"""Type of an option that counts what has to be there."""

whole = _number(int, lambda value: value >= 0, "an integer, 0 or more")
"""Type of an option that counts what may be missing, or seeds random numbers."""

positive = _number(float, lambda value: 0 < value < float("inf"), "a number above 0")
"""Type of an option that measures something."""

fraction = _number(float, lambda value: 0 <= value < 1, "a number from 0 to below 1")
"""Type of an option with a threshold: what is above it counts."""

part = _number(float, lambda value: 0 < value <= 1, "a number above 0, at most 1")
"""Type of an option with a part that may be all."""

share = _number(float, lambda value: 0 < value < 1, "a number between 0 and 1")
"""Type of an option with a part that is neither nothing nor all."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, such as a batch system sends: as Ctrl-C, so that everything is cleared away.

    Its text, if it has one, is what the program says of it.
    """


class Notice:
    """What SIGTERM does to a program: it ends it at once, but for what wants to finish first.

    Attributes
    ----------
    asked : bool
        Whether a SIGTERM has come that shall be obeyed soon. Another one is obeyed at once.
    """

    def __init__(self):
        self.asked = False
        self._patient = 0

    def __call__(self, *_):
        """Take a signal."""
        if self._patient and not self.asked:
            self.asked = True
            return
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what follows is clearing away
        raise Terminated

    @contextlib.contextmanager
    def patience(self):
        """Let the first SIGTERM only be noted."""
        self._patient += 1
        try:
            yield self
        finally:
            self._patient -= 1


def patience():
    """Let the first SIGTERM only be noted while something is finished.

    Returns
    -------
    context manager
        It gives a `Notice`. Where another program has called us, SIGTERM is its own affair:
        that notice never comes.

    Examples
    --------
    >>> with patience() as notice:
    ...     notice.asked
    False
    """
    handler = signal.getsignal(signal.SIGTERM)
    return (handler if isinstance(handler, Notice) else Notice()).patience()


def write_out(text):
    """Write to standard output, as long as anybody reads it.

    Parameters
    ----------
    text : str
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(main, options):
    """Run a program and turn what bad input raises into one message.

    Parameters
    ----------
    main : callable
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status: what `main` returned, or 1; 130 or 143 after SIGINT or SIGTERM.
    """
    show_log()
    try:
        with _terminable():
            return main(options)
    except KeyboardInterrupt as error:
        _say(str(error) or "interrupted")
        return 143 if isinstance(error, Terminated) else 130  # as a shell reports it
    except EXPECTED as error:
        if options.debug:
            raise
        _say(str(error))
        return 1


@contextlib.contextmanager
def _terminable():
    """Make SIGTERM what `Notice` says, and in the end what it was."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, Notice())
    signal.siginterrupt(signal.SIGTERM, False)  # libraries of C do not expect a read to end early
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text):
    """Say it once, and not for every rank."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized() or mpi.COMM_WORLD.rank == 0:
        get_logger().critical("%s", printable(text))


def printable(text):
    r"""Return text without what a terminal would obey: names come from files.

    Parameters
    ----------
    text : str
        Of several lines, perhaps.

    Returns
    -------
    str

    Examples
    --------
    >>> printable("layer \x1b[2J")
    'layer \\x1b[2J'
    """
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)

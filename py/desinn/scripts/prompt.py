"""What every program does at the prompt, and not when a pipeline calls its main()."""

import os
import sys

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


def run(main, options):
    """Run a program and turn what bad input raises into one message.

    Parameters
    ----------
    main : callable
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status: what `main` returned, or 1.
    """
    show_log()
    try:
        return main(options)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        get_logger().critical("interrupted; nothing was written")
        return 130  # as a shell reports it
    except EXPECTED as error:
        if options.debug:
            raise
        get_logger().critical("%s", error)
        return 1

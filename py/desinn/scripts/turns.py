"""One file after the other, where what comes of each is kept in memory."""

import logging
import time

from ..log import get_logger
from .progress import Progress
from .prompt import EXPECTED


def in_turn(paths, work):
    """Do something with each file. One that cannot be used is named, and costs only itself.

    Parameters
    ----------
    paths : sequence of str
        One or more, all different.
    work : callable
        Takes a path; returns a result, and counts for the log.

    Returns
    -------
    dict
        Path -> result, in the order of the paths, without those that could not be used.

    Raises
    ------
    ValueError
        If none could be used.
    Exception
        A single file's error as it is, and all that bad input does not raise.

    Examples
    --------
    >>> in_turn(["a", "bcd"], lambda path: (path.upper(), {"letters": len(path)}))
    {'a': 'A', 'bcd': 'BCD'}
    """
    results = {}
    progress = Progress(len(paths))
    try:
        for path in paths:
            start = time.monotonic()
            try:
                results[path], counts = work(path)
            except EXPECTED as error:
                if len(paths) == 1:
                    raise
                progress.tell(logging.ERROR, str(error))
                progress.failed()
            else:
                progress.done(path, counts, time.monotonic() - start)
    finally:
        progress.close()
    if not results:
        raise ValueError(f"none of the {len(paths)} files could be used")
    return results


def status(paths, used):
    """Name the files that could not be used and return the exit status.

    Parameters
    ----------
    paths : sequence of str
    used : container of str

    Returns
    -------
    int
        0, or 1 where there are some.
    """
    failed = [path for path in paths if path not in used]
    if failed:
        count = f"{len(failed)} of {len(paths)}"
        get_logger().error("%s files could not be used: %s", count, " ".join(failed))
    return 1 if failed else 0

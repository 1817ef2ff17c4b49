"""Files one after another: what is wrong with one never costs the others."""

import time

from ..log import get_logger
from .prompt import EXPECTED


def over_files(paths, work):
    """Run ``work(path)`` for each file and collect the results.

    Parameters
    ----------
    paths : sequence of str
    work : callable
        Returns the result of one file and a few words about it, for the log.

    Returns
    -------
    results : list
        Of the files that could be read, in their order.
    failed : list of str
        The files that could not.

    Raises
    ------
    OSError, ValueError
        If none of the files could be read; the error of a single file as it is.
    """
    log = get_logger()
    results, failed = [], []
    for number, path in enumerate(paths, 1):
        start = time.monotonic()
        try:
            result, words = work(path)
        except EXPECTED as error:
            if len(paths) == 1:
                raise
            failed.append(path)
            log.error("%s", error)
            continue
        results.append(result)
        seconds = time.monotonic() - start
        log.info("[%d/%d] %s: %s, %.1f s", number, len(paths), path, words, seconds)
    if not results:
        raise ValueError(f"none of the {len(paths)} files could be used")
    if failed:
        count = f"{len(failed)} of {len(paths)}"
        log.error("%s files could not be used: %s", count, " ".join(failed))
    return results, failed

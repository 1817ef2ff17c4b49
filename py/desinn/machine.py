"""The machine that we run on: how many cores there are for us."""

import os


def cores():
    """Return the cores that this process may use.

    Returns
    -------
    set of int
    """
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))

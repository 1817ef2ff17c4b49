"""How far a run is: a bar on a terminal, lines in the log elsewhere."""

import contextlib
import sys
import time
from collections import Counter

from ..log import get_logger
from .prompt import printable


class Progress:
    """Counts files and what was found in them, and tells.

    Parameters
    ----------
    total : int
        Number of files.

    Attributes
    ----------
    counts : collections.Counter
        The files' counts, added up.
    """

    def __init__(self, total):
        self.counts = Counter()
        self._total = total
        self._done = 0
        self._resumed = 0
        self._start = time.monotonic()
        self._bar = _bar(total) if total > 1 else None

    def resumed(self, counts):
        """Count a file that an earlier run has done.

        Parameters
        ----------
        counts : dict
        """
        self._resumed += 1
        self._count(counts)

    def done(self, path, counts, seconds):
        """Count a file that is done, and tell.

        Parameters
        ----------
        path : str
        counts : dict
        seconds : float
            What it took.
        """
        self._count(counts)
        if self._bar is None:
            place = f"[{self._done}/{self._total}] {path}"
            get_logger().info("%s: %s, %.1f s%s", place, words(counts), seconds, self._so_far())

    def failed(self):
        """Count a file that could not be used."""
        self._count({})

    def tell(self, level, text):
        """Write a line to the log, above the bar.

        Parameters
        ----------
        level : int
            As in `logging`.
        text : str
        """
        bar = self._bar
        with contextlib.nullcontext() if bar is None else bar.external_write_mode():
            get_logger().log(level, "%s", printable(text))

    def close(self):
        """Let the bar stand as it is."""
        if self._bar is not None:
            self._bar.close()

    def _count(self, counts):
        self._done += 1
        self.counts.update(counts)
        if self._bar is not None:
            self._bar.set_postfix_str(words(self.counts), refresh=False)
            self._bar.update()

    def _so_far(self):
        if self._total == 1:
            return ""
        text = f"; so far {words(self.counts)}"
        left = self._total - self._done
        each = (time.monotonic() - self._start) / (self._done - self._resumed)
        return f"{text}; {duration(each * left)} left" if left else text


def words(counts):
    """Return counts as words.

    Parameters
    ----------
    counts : dict
        What -> how many.

    Returns
    -------
    str

    Examples
    --------
    >>> words({"spectra": 500, "quasars": 7})
    '500 spectra, 7 quasars'
    """
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "nothing"


def duration(seconds):
    """Return a time in words.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str

    Examples
    --------
    >>> duration(75), duration(600), duration(9000)
    ('75 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _bar(total):
    """Return a bar, if there is a terminal to draw it on and tqdm to do it."""
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit="file", dynamic_ncols=True, file=sys.stderr)

"""Results of single files on disk, so that a run that was ended can be taken up again."""

import contextlib
import hashlib
import json
import os

import numpy as np

from .. import __version__
from ..files import whole_file
from ..log import get_logger
from .crew import Result

_ABOUT = "__part__"
_SUFFIX = ".part.npz"


class Parts:
    """Results of the files that are done, one `.npz` each in a folder of their own.

    Parameters
    ----------
    folder : str
        Made when the first part is kept.
    key : dict
        All that a result depends on beside its input and desinn's version, as JSON can hold
        it: options, the sha256 of weights. Parts that were made with another key are stale.

    Raises
    ------
    NotADirectoryError
        If `folder` is something else.

    Examples
    --------
    >>> parts = Parts("qso.fits.parts", {"c_thresh": 0.5})
    >>> parts.find("coadd-0.fits") is None
    True
    """

    def __init__(self, folder, key):
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise NotADirectoryError(f"{folder}: is a file, expected a folder for finished parts")
        self.folder = folder
        self._key = {"desinn": __version__, **key}

    def about(self, path):
        """Return what a part of this input must say of itself; None without an input.

        Parameters
        ----------
        path : str

        Returns
        -------
        dict or None
        """
        try:
            status = os.stat(path)
        except OSError:
            return None
        return {
            "input": os.path.abspath(path),
            "size": status.st_size,
            "mtime": status.st_mtime_ns,
            "key": self._key,
        }

    def find(self, path):
        """Return the result for an input as it is now; None, with a line in the log, if stale.

        Parameters
        ----------
        path : str

        Returns
        -------
        Result or None
        """
        name, about = self._name(path), self.about(path)
        if about is None or not os.path.exists(name):
            return None
        try:
            found, result = _read(name)
        except Exception as error:  # zip and NumPy raise whatever they like
            get_logger().warning("%s: damaged, done again: %s", name, error)
            return None
        stale = sorted(item for item in about if found.get(item) != _plain(about)[item])
        if stale:
            words = ", ".join("options" if item == "key" else item for item in stale)
            get_logger().warning("%s: of other %s, done again: %s", name, words, path)
            return None
        return result

    def keep(self, path, about, result):
        """Write the result for an input; the file appears whole or not at all.

        Parameters
        ----------
        path : str
        about : dict or None
            Of the input as it was before the work; without it nothing is kept.
        result : Result
        """
        if about is None:
            return
        if any(array.dtype.hasobject for array in result.arrays.values()):
            raise TypeError(f"{path}: arrays of objects cannot be kept")
        text = json.dumps({**about, "counts": result.counts})
        os.makedirs(self.folder, exist_ok=True)
        with whole_file(self._name(path), overwrite=True) as name:
            np.savez(name, **{_ABOUT: np.frombuffer(text.encode(), np.uint8)}, **result.arrays)

    def count(self):
        """Return how many parts there are.

        Returns
        -------
        int
        """
        return sum(name.endswith(_SUFFIX) for name in self._names())

    def remove(self):
        """Remove the parts, and their folder if nothing else is in it."""
        for name in self._names():
            if name.endswith(_SUFFIX):  # also those that were never finished
                os.remove(os.path.join(self.folder, name))
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)

    def _names(self):
        return os.listdir(self.folder) if os.path.isdir(self.folder) else []

    def _name(self, path):
        digest = hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()[:16]
        return os.path.join(self.folder, digest + _SUFFIX)


def _read(name):
    with open(name, "rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}  # the zip's checksums are compared
    about = json.loads(arrays.pop(_ABOUT).tobytes())
    return about, Result(arrays, about.pop("counts"))


def _plain(about):
    return json.loads(json.dumps(about))

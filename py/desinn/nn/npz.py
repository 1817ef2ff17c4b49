"""The arrays of an .npz, read without belief in what the file says of itself.

NumPy's reader makes room for an array of the shape that is stated before it looks how much there
is, and unpacks whatever a member unpacks to. Here the bytes are there before an array is made of
them, and there are no more of them than the file's own length allows.
"""

import math
import os
import re
import struct
import zipfile
import zlib

import numpy as np

from ..files import input_file

MULTIPLE = 16
SPARE = 2**20
"""Deflated members may unpack to `MULTIPLE` times the file's length and `SPARE` bytes: weights
hardly shrink."""

LONGEST_HEAD = 10_000
"""Bytes of the description in front of an array, as in NumPy."""

LARGEST_SIZE = 2**31
MOST_AXES = 32

BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError,
          ValueError, OverflowError)  # fmt: skip
"""What zipfile raises for a file that is no zip file, or a broken one."""

_ENTRY = r"'(descr|fortran_order|shape)'\s*:\s*('[^']{1,40}'|True|False|\([\dL,\s]*\))"
_HEAD = re.compile(rf"\s*\{{\s*{_ENTRY}(?:\s*,\s*{_ENTRY}){{2}}\s*(?:,\s*)?\}}\s*")
_DTYPE = re.compile(r"[<>|=][biufcSU]\d{1,4}")
_LENGTH = re.compile(r"\s*(\d{1,19})L?\s*")


def read_npz(path, stored=False):
    """Read the arrays of an .npz.

    Parameters
    ----------
    path : str or os.PathLike
    stored : bool
        Whether deflated members are a problem.

    Returns
    -------
    arrays : dict of ndarray
        What could be read, of any plain dtype, read-only.
    problems : list of str
        What could not.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no zip file, a broken one, or one that unpacks to far more than its own length.
        The text does not name the file.
    """
    path = input_file(path)
    size = os.path.getsize(path)
    room = most = size if stored else MULTIPLE * size + SPARE
    arrays, problems, seen = {}, [], set()
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                problem = _refused(info, stored, name in seen)
                seen.add(name)
                if problem is not None:
                    problems.append(f"{name}: {problem}")
                    continue
                room -= info.file_size
                if room < 0:
                    raise ValueError(f"members of more than {most} bytes in one of {size}")
                _read_member(archive, info, name, arrays, problems)
    except BROKEN as error:
        raise ValueError(str(error) or repr(error)) from None
    return arrays, problems


def _refused(info, stored, repeated):
    """Return why a member is not even opened."""
    if repeated:
        return "there are two of that name"
    if info.compress_type == zipfile.ZIP_STORED:
        same = info.compress_size == info.file_size
        return None if same else "is stored in another length than its own"
    if stored:
        return "expected a stored array, found a deflated one"
    if info.compress_type != zipfile.ZIP_DEFLATED:
        return f"expected a stored or deflated array, found method {info.compress_type}"
    return None


def _read_member(archive, info, name, arrays, problems):
    with archive.open(info) as stream:
        try:
            arrays[name] = _read_array(stream, info.file_size)
        except ValueError as error:
            problems.append(f"{name}: {error}")


def _read_array(stream, length):
    """Read one .npy of `length` bytes; its shape is believed only if the bytes are there."""
    start = stream.read(8)
    version = tuple(start[6:])
    if start[:6] != b"\x93NUMPY" or version not in ((1, 0), (2, 0)):
        raise ValueError(f"expected an array (.npy, version 1.0 or 2.0), found {start!r}")
    count = int.from_bytes(stream.read(2 * version[0]), "little")
    if count > LONGEST_HEAD:
        raise ValueError(f"expected at most {LONGEST_HEAD} bytes of description, found {count}")
    dtype, fortran, shape = _described(stream.read(count).decode("latin-1"))
    # In as many bytes as are left: with fewer zipfile would not come to compare the checksum.
    data = stream.read(length)
    size = math.prod(shape) * dtype.itemsize  # Python's integers: a lying shape cannot overflow
    if size != len(data):
        raise ValueError(f"expected {size} bytes for shape {shape}, found {len(data)} of {length}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _described(text):
    """Return dtype, whether in Fortran order, and shape from the text in front of an array.

    It is the repr of a dict, of which plain arrays have one form only: nothing is evaluated.
    """
    entries = dict(re.findall(_ENTRY, text)) if _HEAD.fullmatch(text) else {}
    descr = entries.get("descr", "").strip("'")
    order, shape = entries.get("fortran_order"), entries.get("shape", "")
    if order not in ("True", "False") or not shape.startswith("("):
        raise ValueError(f"expected a description of a plain array, found {text[:100]!r}")
    return _dtype(descr), order == "True", _lengths(shape)


def _dtype(descr):
    try:
        if _DTYPE.fullmatch(descr):
            return np.dtype(descr)
    except TypeError:  # of no size that NumPy has
        pass
    raise ValueError(f"expected numbers, found {descr}")


def _lengths(shape):
    parts = shape.strip("()").split(",")
    if not parts[-1].strip():
        parts.pop()
    found = [_LENGTH.fullmatch(part) for part in parts]
    good = None not in found and len(found) <= MOST_AXES
    if not good or any(int(n[1]) >= LARGEST_SIZE for n in found):
        raise ValueError(
            f"expected a shape of at most {MOST_AXES} sizes below {LARGEST_SIZE}, found "
            f"{shape[:100]}"
        )
    return tuple(int(n[1]) for n in found)

"""The weights file: one .npz that is enough by itself.

It holds ``__header__``, a JSON text as uint8, and float32 arrays named ``node/parameter``,
stored and not deflated. ``doc/weights.rst`` describes it for readers in other languages.
"""

import hashlib
import json
import os
import zipfile

import numpy as np

from ..files import input_file, whole_file
from .graph import Graph, GraphError

FORMAT_VERSION = 1
KINDS = ("qso", "dla", "cosmics", "free")
HEADER = "__header__"
SECTIONS = {
    "format_version": int,
    "kind": str,
    "name": str,
    "inputs": list,
    "nodes": list,
    "outputs": dict,
    "prepare": dict,
    "interpret": dict,
    "provenance": dict,
    "sha256": str,
}
"""What a header holds, and as which type."""


class WeightsError(ValueError):
    """A file or a set of arrays that is no valid network.

    Attributes
    ----------
    problems : list of str
        All that is wrong, one line each.
    """

    def __init__(self, name, problems):
        self.problems = list(problems)
        several = len(self.problems) > 1
        text = "".join(f"\n  {p}" for p in self.problems) if several else f" {self.problems[0]}"
        super().__init__(f"{name}: not a valid weights file:{text}")


def write_weights(path, header, arrays, overwrite=False):
    """Write a weights file; it appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
    header : dict
        As `SECTIONS` says; ``format_version`` and ``sha256`` are filled in.
    arrays : dict of ndarray
        ``node/parameter`` -> array, turned to float32.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    str
        The sha256 over header and arrays.

    Raises
    ------
    WeightsError
        If header and arrays are no valid network, with all that is wrong.
    FileExistsError
        If the file exists and `overwrite` is not set.
    """
    arrays = {name: np.asarray(value, dtype="<f4", order="C") for name, value in arrays.items()}
    header = {**header, "format_version": FORMAT_VERSION, "sha256": ""}
    try:  # as a reader will see it: keys are text, numbers are JSON's
        header = json.loads(json.dumps(header, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise WeightsError(os.fspath(path), [f"{HEADER}: no JSON: {error}"]) from None
    problems = all_problems(header, arrays)
    if problems:
        raise WeightsError(os.fspath(path), problems)
    header["sha256"] = digest(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with whole_file(path, overwrite) as name, open(name, "wb") as stream:
        np.savez(stream, **{HEADER: text}, **arrays)
    return header["sha256"]


def read_weights(path):
    """Read a weights file and check all of it.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    header : dict
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WeightsError
        If it is not a weights file, was changed or cut since it was written, or does not fit
        its own header: everything that is missing, superfluous or of the wrong shape at once.

    Examples
    --------
    >>> header, arrays = read_weights("missing.npz")
    Traceback (most recent call last):
    FileNotFoundError: missing.npz: there is no such file
    """
    arrays, problems = read_stored(path)
    text = arrays.pop(HEADER, None)
    if text is None:
        problems.append(f"{HEADER}: missing, expected a JSON text as uint8")
        raise WeightsError(os.fspath(path), problems)
    header = _parse(text, problems)
    problems = problems or all_problems(header, arrays)
    if not problems and digest(header, arrays) != header["sha256"]:
        problems = ["sha256: header and arrays are not those that were written: a damaged file"]
    if problems:
        raise WeightsError(os.fspath(path), problems)
    return header, arrays


def digest(header, arrays):
    """Return the sha256 over a header (but for its own ``sha256``) and arrays.

    Over the header as JSON with sorted keys and no spaces, then for each array, sorted by name:
    its name, its shape as JSON and its values as little-endian float32, row by row; a zero byte
    behind each of name and shape.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    stated = {key: value for key, value in header.items() if key != "sha256"}
    total = hashlib.sha256(json.dumps(stated, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], dtype="<f4", order="C")
        shape = json.dumps(list(array.shape), separators=(",", ":"))
        total.update(f"{name}\0{shape}\0".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def read_stored(path):
    """Read the arrays of an .npz, taking no more memory than the file is long.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    arrays : dict of ndarray
        What could be read.
    problems : list of str

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WeightsError
        If it is no .npz at all.
    """
    path = input_file(path)
    arrays, problems = {}, []
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                _read_member(archive, info, arrays, problems)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError) as error:
        raise WeightsError(path, [f"expected an .npz, found: {error}"]) from None
    return arrays, problems


def _read_member(archive, info, arrays, problems):
    name = info.filename.removesuffix(".npy")
    if name in arrays:
        problems.append(f"{name}: there are two of that name")
    elif info.compress_type != zipfile.ZIP_STORED:
        problems.append(f"{name}: expected a stored array, found a deflated one")
    else:
        with archive.open(info) as stream:
            try:
                arrays[name] = _read_array(stream, info.file_size)
            except (ValueError, EOFError) as error:
                problems.append(f"{name}: {error}")


def _read_array(stream, length):
    """Read one .npy of `length` bytes; its shape is believed only if the bytes are there."""
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"expected .npy version 1.0 or 2.0, found {version}")
    shape, fortran, dtype = readers[version](stream)
    if fortran or dtype not in (np.dtype("<f4"), np.dtype("u1")):
        order = " in Fortran order" if fortran else ""
        raise ValueError(f"expected little-endian float32 in C order, found {dtype.str}{order}")
    data = stream.read()
    size = dtype.itemsize
    for n in shape:
        size *= n  # Python's integers: a lying shape cannot overflow
    if size != len(data):
        raise ValueError(f"expected {size} bytes for shape {shape}, found {len(data)} of {length}")
    return np.frombuffer(data, dtype).reshape(shape)


def _parse(text, problems):
    """Return the header, or an empty one and a problem."""
    try:
        header = json.loads(bytes(text))
    except (ValueError, RecursionError) as error:
        problems.append(f"{HEADER}: expected JSON, found: {error}")
        return {}
    if not isinstance(header, dict):
        problems.append(f"{HEADER}: expected an object, found {type(header).__name__}")
        return {}
    return header


def all_problems(header, arrays):
    """Return what is wrong with a header, its graph, and the arrays against it.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray

    Returns
    -------
    list of str
        Empty where all is well. Of a newer format nothing but that is said.
    """
    version = header.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        newer = f"this desinn reads up to {FORMAT_VERSION}: a newer desinn is needed"
        return [f"format_version: the file is of format {version}, {newer}"]
    problems = _header_problems(header)
    if not all(isinstance(header.get(k), SECTIONS[k]) for k in ("inputs", "nodes", "outputs")):
        return problems
    try:
        graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    except GraphError as error:
        return problems + error.problems
    return problems + array_problems(graph, arrays)


def _header_problems(header):
    """Return what is wrong with a header by itself, its graph apart."""
    problems = [f"{key}: missing in the header" for key in SECTIONS if key not in header]
    problems += [f"{key}: unknown in the header" for key in header if key not in SECTIONS]
    for key, kind in SECTIONS.items():
        if key in header and (not isinstance(header[key], kind) or header[key] is True):
            found = type(header[key]).__name__
            problems.append(f"{key}: expected {kind.__name__} in the header, found {found}")
    if isinstance(header.get("kind"), str) and header["kind"] not in KINDS:
        problems.append(f"kind: expected one of {', '.join(KINDS)}, found {header['kind']!r}")
    if header.get("format_version") in range(-(2**31), 1):
        problems.append(f"format_version: expected 1 or more, found {header['format_version']}")
    return problems


def array_problems(graph, arrays):
    """Return what is wrong with arrays against a graph: missing, superfluous, of the wrong shape.

    Parameters
    ----------
    graph : desinn.nn.graph.Graph
    arrays : dict of ndarray

    Returns
    -------
    list of str
    """
    expected = graph.parameters()
    problems = [
        f"{n}: missing, expected shape {s}" for n, s in expected.items() if n not in arrays
    ]
    problems += [
        f"{n}: superfluous, no node has it: shape {a.shape}"
        for n, a in arrays.items()
        if n not in expected
    ]
    for name in expected.keys() & arrays.keys():
        problems += _array_problems(name, expected[name], arrays[name])
    return sorted(problems)


def _array_problems(name, shape, array):
    if array.dtype != np.float32:
        return [f"{name}: expected float32, found {array.dtype}"]
    if array.shape != shape:
        return [f"{name}: expected shape {shape}, found {array.shape}"]
    if not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        return [f"{name}: {count} of {array.size} values are not finite"]
    return []

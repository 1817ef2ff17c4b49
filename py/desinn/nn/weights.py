"""The weights file: one .npz that is enough by itself.

It holds ``__header__``, a JSON text as uint8, and float32 arrays named ``node/parameter``,
stored and not deflated. ``doc/weights.rst`` describes it for readers in other languages.
"""

import hashlib
import json
import os

import numpy as np

from ..files import read_json, whole_file
from .graph import Graph, GraphError, listed
from .npz import read_npz

FORMAT_VERSION = 1
KINDS = ("qso", "dla", "cosmics", "free")
HEADER = "__header__"
LONGEST_HEADER = 2**22
"""Bytes: tens of thousands of nodes."""

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
        between = "\n  " if len(self.problems) > 1 else " "
        text = listed(self.problems, between)
        super().__init__(f"{name}: not a valid weights file:{between}{text}")


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
    try:
        arrays, problems = read_npz(path, stored=True)
    except ValueError as error:
        raise WeightsError(os.fspath(path), [f"expected an .npz, found: {error}"]) from None
    for name, array in arrays.items():
        plain = array.flags.c_contiguous
        if not plain or array.dtype not in (np.dtype("<f4"), np.dtype("u1")):
            found = f"{array.dtype.str}{'' if plain else ' in Fortran order'}"
            problems.append(f"{name}: expected little-endian float32 in C order, found {found}")
    return arrays, problems


def _parse(text, problems):
    """Return the header, or an empty one and a problem."""
    if text.dtype != np.uint8 or text.ndim != 1 or text.size > LONGEST_HEADER:
        found = f"{text.dtype} of shape {text.shape}"
        problems.append(f"{HEADER}: expected at most {LONGEST_HEADER} bytes, found {found}")
        return {}
    try:
        header = read_json(bytes(text).decode())
    except ValueError as error:
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
    name = header.get("name")
    if isinstance(name, str) and not name.isprintable():
        problems.append(f"name: expected printable text, found {name!r}")
    if isinstance(header.get("format_version"), int) and header["format_version"] < 1:
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

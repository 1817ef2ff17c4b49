"""Architectures in YAML: what the named arrays of some file are.

The file holds what a header holds (``kind``, ``name``, ``inputs``, ``nodes``, ``outputs``, and
where they are known ``prepare``, ``interpret``, ``provenance``) and two entries of its own:

``arrays``
    ``node/parameter`` -> the array's name in the file, or an object with ``from`` (the name),
    ``shape`` (reshape to this first) and ``axes`` (then put the axes into this order).
``ignore``
    Names in the file that are not wanted, or patterns (``optimizer/*``). What is neither used nor
    ignored is an error.
"""

import fnmatch

import numpy as np

from ..files import read_yaml
from ..nn.graph import listed

SECTIONS = {"kind": str, "inputs": list, "nodes": list, "outputs": dict, "arrays": dict}
OPTIONAL = {"name": str, "prepare": dict, "interpret": dict, "provenance": dict, "ignore": list}
SOURCE = {"from", "shape", "axes"}
MOST_COPIES = 8
"""An array may be used several times, but all together not more often than so."""


def read_architecture(path):
    """Read an architecture.

    Parameters
    ----------
    path : str or os.PathLike
        A YAML file, or the name of one that comes with desinn (``parks2018``).

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML, or lacks sections or has unknown ones: all of them at once.
    ImportError
        If pyyaml is not installed.
    """
    path, content = read_yaml(path, "yaml")
    problems = _problems(content)
    if problems:
        raise ValueError(f"{path}: not an architecture: {listed(problems, '; ')}")
    return content


def _problems(content):
    if not isinstance(content, dict):
        return [f"expected an object, found {type(content).__name__}"]
    known = {**SECTIONS, **OPTIONAL}
    problems = [f"{key}: missing" for key in SECTIONS if key not in content]
    problems += [f"{key}: unknown" for key in content if key not in known]
    for key, value in content.items():
        if key in known and not isinstance(value, known[key]):
            found = type(value).__name__
            problems.append(f"{key}: expected {known[key].__name__}, found {found}")
    if not all(isinstance(name, str) for name in content.get("ignore", ())):
        problems.append("ignore: expected a list of names")
    arrays = content.get("arrays")
    for target, source in arrays.items() if isinstance(arrays, dict) else ():
        if not _is_source(source):
            problems.append(
                f"arrays: {target}: expected a name or from, shape, axes, found {source!r}"
            )
    return problems


def _is_source(source):
    """Whether an entry of arrays is a name, or from, shape, axes of the right types."""
    if not isinstance(source, dict):
        return isinstance(source, str)
    lists = [source.get("shape", []), source.get("axes", [])]
    numbers = all(isinstance(v, list) and all(type(n) is int for n in v) for v in lists)
    return numbers and isinstance(source.get("from"), str) and set(source) <= SOURCE


def named_arrays(state, architecture, where):
    """Return header and arrays of a network from named arrays.

    Parameters
    ----------
    state : dict of ndarray
    architecture : dict
        As `read_architecture` returns it.
    where : str
        The file, for messages.

    Returns
    -------
    header : dict
    arrays : dict of ndarray

    Raises
    ------
    ValueError
        With all arrays that are missing, left over, or do not take the shape.
    """
    sources = {
        target: {"from": source} if isinstance(source, str) else source
        for target, source in architecture["arrays"].items()
    }
    used = {source["from"] for source in sources.values()}
    for pattern in architecture.get("ignore", ()):
        used.update(fnmatch.filter(state, pattern) or [pattern])
    problems = [f"{n}: missing in the file" for n in sorted(used - set(state))]
    problems += [
        f"{n}: in the file, but neither used nor ignored" for n in sorted(set(state) - used)
    ]
    arrays, room = {}, MOST_COPIES * sum(array.size for array in state.values())
    for target, source in sources.items():
        if source["from"] in state:
            room -= state[source["from"]].size
            if room < 0:
                problems.append(f"arrays: more than {MOST_COPIES} times what the file holds")
                break
            try:
                arrays[target] = _turned(state[source["from"]], source)
            except (ValueError, OverflowError) as error:
                problems.append(f"{source['from']}: {error}")
    if problems:
        raise ValueError(f"{where}: does not fit the architecture: {listed(problems, '; ')}")
    defaults = {"name": "", "prepare": {}, "interpret": {}, "provenance": {}}
    header = {k: v for k, v in architecture.items() if k not in ("arrays", "ignore")}
    return {**defaults, **header}, arrays


def _turned(array, source):
    if array.dtype.kind not in "fiu":
        raise ValueError(f"expected real numbers, found {array.dtype}")
    if "shape" in source:
        array = array.reshape(source["shape"])
    if "axes" in source:
        array = array.transpose(source["axes"])
    return np.ascontiguousarray(array, dtype=np.float32)

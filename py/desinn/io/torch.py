"""Tensors out of PyTorch's files (``.pth``), with PyTorch not installed.

A torch file is a program for Python's unpickler, and a hostile one may do anything. Here it can
name tensors and nothing else (see `torchpickle`), and shapes, strides and sizes are checked
against the bytes that are there before any array is made.
"""

import math
import os
import pickle
import zipfile

import numpy as np

from ..files import check_stored, input_file
from .torchpickle import MAX_AXES, STORED, Tensor, TorchFileError, is_count, unpickle

_MAGIC = 0x1950A86A20F9469CFC6C  # torch's own, the first pickle of a legacy file
_PROTOCOL = 1001
_WRAPPERS = ("state_dict", "model_state_dict")
_MAX_COPIES = 8  # Tied weights may be handed out several times, but not without bound.


def read_state_dict(path):
    """Read the state dict of a torch file, in either of torch's two containers.

    The legacy stream of pickles and the zip archive are recognised by their content. A
    checkpoint that holds the state dict under ``state_dict`` or ``model_state_dict`` is
    unwrapped (what lies beside it, as epoch or optimizer, is ignored), and so is the prefix
    ``module.`` that ``torch.nn.DataParallel`` gives to every name. No code of the file is run.

    Parameters
    ----------
    path : str or os.PathLike
        A file written by ``torch.save``.

    Returns
    -------
    dict of str to numpy.ndarray
        In the file's order, each array of its own, C-contiguous and native. The dtype is
        torch's; bfloat16, which NumPy does not have, becomes float32 of the same value.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TorchFileError
        If it is not a torch file, is truncated or damaged, is a TorchScript archive, names
        anything but tensors, or holds tensors that reach beyond their storage; with the file,
        what was expected and what was found.

    Examples
    --------
    >>> state = read_state_dict("ACS-WFC.pth")  # doctest: +SKIP
    >>> state["inc.conv.conv.0.weight"].shape  # doctest: +SKIP
    (32, 1, 3, 3)
    >>> read_state_dict("hostile.pth")  # doctest: +SKIP
    Traceback (most recent call last):
    TorchFileError: hostile.pth: expected nothing but tensors, found os.system (refused, not run)
    """
    path = input_file(path)
    with open(path, "rb") as file:
        try:
            return _read(file)
        except TorchFileError as error:
            raise TorchFileError(f"{path}: {error}") from error


def _read(file):
    start = file.read(4)
    file.seek(0)
    if start == b"PK\x03\x04":
        graph, raw, order = _read_zip(file)
    elif start[:1] == pickle.PROTO:
        graph, raw, order = _read_legacy(file.read())
    else:
        raise TorchFileError(
            f"expected a torch file (a zip archive or a stream of pickles), found {start!r} at "
            "its start"
        )
    return _arrays(_state_dict(graph), raw, order, _MAX_COPIES * file.seek(0, os.SEEK_END))


# The two containers: each gives the object, the bytes of every storage, and their byte order.


def _read_legacy(data):
    magic, _, at = unpickle(data)
    if type(magic) is not int or magic != _MAGIC:
        raise TorchFileError("expected torch's magic number in the first pickle, found another")
    version, _, at = unpickle(data, at)
    if type(version) is not int or version != _PROTOCOL:
        raise TorchFileError(f"expected protocol version {_PROTOCOL}, found another")
    _, _, at = unpickle(data, at)  # byte order and type sizes of the writer: of no effect
    graph, storages, at = unpickle(data, at)
    keys, _, at = unpickle(data, at)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise TorchFileError("expected the list of storage keys, found another object")
    if sorted(keys) != sorted(storages):
        raise TorchFileError(
            f"expected {len(storages)} storages, found {len(keys)}; missing: "
            f"{sorted(set(storages) - set(keys))[:5]}, "
            f"superfluous: {sorted(set(keys) - set(storages))[:5]}"
        )
    return graph, _legacy_storages(data, at, keys, storages), "<"


def _legacy_storages(data, at, keys, storages):
    raw = {}
    for key in keys:
        kind, numel = storages[key]
        end = at + 8 + numel * kind.itemsize
        if end > len(data):
            raise TorchFileError(
                f"expected storage {key!r} up to byte {end}, found the end at byte {len(data)}"
            )
        found = int.from_bytes(data[at : at + 8], "little", signed=True)
        if found != numel:
            raise TorchFileError(f"storage {key!r}: expected {numel} values, found {found}")
        raw[key] = memoryview(data)[at + 8 : end]
        at = end
    if at != len(data):
        raise TorchFileError(f"expected {at} bytes, found {len(data)}")
    return raw


def _read_zip(file):
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:
        raise TorchFileError(f"expected a whole zip archive, found: {error}") from error
    with archive:
        top = _top_folder(archive)
        check_stored(archive, file.seek(0, os.SEEK_END), TorchFileError)
        graph, storages, _ = unpickle(_member(archive, f"{top}/data.pkl"))
        order = b"little"  # of files older than this member
        if f"{top}/byteorder" in archive.namelist():
            order = _member(archive, f"{top}/byteorder")
        if order not in (b"little", b"big"):
            raise TorchFileError(f"expected byteorder little or big, found {order[:20]!r}")
        raw = {
            key: _member(archive, f"{top}/data/{key}", numel * kind.itemsize)
            for key, (kind, numel) in storages.items()
        }
    return graph, raw, {b"little": "<", b"big": ">"}[order]


def _top_folder(archive):
    names = archive.namelist()
    tops = [name[:-9] for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(tops) != 1:
        raise TorchFileError(
            f"expected a torch archive (one folder with data.pkl), found {names[:5]}"
        )
    script = (f"{tops[0]}/code/", f"{tops[0]}/constants.pkl")
    if any(name.startswith(script) for name in names):
        raise TorchFileError(
            "expected a state dict, found a TorchScript archive (a program, not weights): save "
            "model.state_dict()"
        )
    return tops[0]


def _member(archive, name, size=None):
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise TorchFileError(f"expected a member {name}, found none") from None
    if size is not None and info.file_size != size:
        raise TorchFileError(f"{name}: expected {size} bytes, found {info.file_size}")
    try:
        return archive.read(info)
    except Exception as error:
        raise TorchFileError(f"{name}: expected a readable member, found: {error}") from error


# From records to arrays.


def _state_dict(graph):
    """Find the dict of tensors in what a file holds: name -> record."""
    if isinstance(graph, dict):
        inner = [graph[key] for key in _WRAPPERS if isinstance(graph.get(key), dict)]
        graph = inner[0] if inner else graph
    if not isinstance(graph, dict) or not graph:
        found = "an empty dict" if graph == {} else type(graph).__name__.lstrip("_")
        raise TorchFileError(f"expected a state dict (names and tensors), found {found}")
    for name, tensor in graph.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise TorchFileError(
                f"expected a state dict (names and tensors), found {type(tensor).__name__} "
                f"under {repr(name[:100]) if isinstance(name, str) else type(name).__name__}"
            )
    prefix = "module." if all(name.startswith("module.") for name in graph) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in graph.items()}


def _arrays(state, raw, order, most):
    arrays, total = {}, 0
    for name, tensor in state.items():
        total += _checked_size(name, tensor) * tensor.storage.kind.itemsize
        if total > most:
            raise TorchFileError(f"expected tensors of at most {most} bytes together, found more")
        arrays[name] = _array(tensor, raw[tensor.storage.key], order)
    return arrays


def _checked_size(name, tensor):
    """Return how many values a tensor has, all of them inside its storage."""
    storage, offset, shape, stride = tensor
    numbers = (shape, stride)
    if not all(isinstance(axes, tuple) and len(axes) <= MAX_AXES for axes in numbers):
        raise TorchFileError(f"tensor {name!r}: expected a shape and strides, found neither")
    if not all(is_count(number) for number in (offset, *shape, *stride)):
        raise TorchFileError(
            f"tensor {name!r}: expected whole numbers from 0 for offset, shape and stride, found "
            "others (negative, overlarge or not numbers)"
        )
    count = math.prod(shape)
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=False))
    # An empty tensor needs no storage, but NumPy wants even its shape to be addressable.
    inside = last < storage.numel and count <= storage.numel
    empty = count == 0 and math.prod(n for n in shape if n) < 2**31
    if len(shape) != len(stride) or not (inside if count else empty):
        raise TorchFileError(
            f"tensor {name!r}: expected a view inside storage {storage.key!r} of {storage.numel} "
            f"values, found offset {offset}, shape {shape}, stride {stride}"
        )
    return count


def _array(tensor, raw, order):
    storage, offset, shape, stride = tensor
    stored = np.dtype(STORED[storage.kind.name])
    if 0 in shape:
        return _as_returned(np.empty(shape, stored), storage.kind)
    flat = np.frombuffer(raw, stored.newbyteorder(order))[storage.start + offset :]
    # NumPy wants representable strides even where an axis of length 1 makes no step.
    steps = [step * stored.itemsize if n > 1 else 0 for n, step in zip(shape, stride, strict=True)]
    view = np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)
    return _as_returned(np.array(view, dtype=stored, order="C"), storage.kind)


def _as_returned(array, kind):
    if kind.name == "BoolStorage":
        return np.asarray(array != 0)
    if kind.name == "BFloat16Storage":
        return np.asarray(array.astype("u4") << np.uint32(16)).view("f4")
    return array

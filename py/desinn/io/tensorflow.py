"""Arrays out of TensorFlow's checkpoints and SavedModels, with TensorFlow not installed.

A checkpoint is an index (`sstable`) and shards of values. The index says of each name where its
values are, of what type and shape. TensorFlow's own reader ends the whole process where that is
nonsense; here it is checked against the bytes that are there before any array is made.
"""

import glob
import math
import os
from typing import NamedTuple

import numpy as np

from ..files import input_file
from ..spectra.container import naming, native
from .sstable import masked_crc32c, read_table, varint

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
INDEX = ".index"
MAX_AXES = 32
_BFLOAT16 = 14
_FLOATS = {1: "f4", 2: "f8", _BFLOAT16: "u2", 19: "f2"}  # TensorFlow's number -> as stored
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST = 10_000  # bytes on one array, which needs less than 1000
_LARGEST = 2**60  # values, so that no size of them overflows
_DTYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _CRC, _SLICES = range(1, 8)


class _Entry(NamedTuple):
    """What the index says of an array."""

    name: str
    dtype: int
    shape: tuple
    shard: int
    offset: int
    size: int
    crc: int


def checkpoint_prefix(path):
    """Return what the names of a checkpoint's files begin with.

    Parameters
    ----------
    path : str or os.PathLike
        That itself, the file ``.index``, or the folder of a SavedModel.

    Returns
    -------
    str or None
        None if there is no checkpoint.
    """
    path = os.fspath(path)
    prefix = path.removesuffix(INDEX)
    if os.path.isdir(path):
        prefix = os.path.join(path, "variables", "variables")
    return prefix if os.path.isfile(prefix + INDEX) else None


def checkpoint_files(prefix):
    """Return the names of a checkpoint's files.

    Parameters
    ----------
    prefix : str

    Returns
    -------
    list of str

    Raises
    ------
    OSError
        If one is not a file, or may not be read.
    """
    shards = sorted(glob.glob(f"{glob.escape(prefix)}.data-?????-of-?????"))
    return [input_file(path) for path in (prefix + INDEX, *shards)]


def read_checkpoint(prefix):
    """Read the arrays of a checkpoint; no graph is looked at and no function run.

    Parameters
    ----------
    prefix : str
        As `checkpoint_prefix` returns it.

    Returns
    -------
    dict of ndarray
        By the names in the checkpoint, without the ending that TensorFlow gives to all; those of
        floating-point numbers only, which leaves out counters and TensorFlow's own entries.
        bfloat16, which NumPy does not have, becomes float32 of the same value.

    Raises
    ------
    FileNotFoundError
        If a file of it is missing.
    OSError
        If one is a folder, a pipe or a device, or may not be read.
    ValueError
        If it is damaged, truncated, compressed, or has arrays in slices; with the file, what was
        expected and what was found.

    Examples
    --------
    >>> read_checkpoint("ckpt-1")["net/w"].shape  # doctest: +SKIP
    (3, 2)
    >>> read_checkpoint("half")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: half.index: expected a checkpoint, found: 99 bytes that are no table, or not all
    of it
    """
    path = input_file(prefix + INDEX)
    with open(path, "rb") as file:
        content = file.read()
    with naming(path):
        order, shards, entries = _read_index(content)
        paths = {n: f"{prefix}.data-{n:05d}-of-{shards:05d}" for n in _used(entries, shards)}
        sizes = {n: os.path.getsize(input_file(name)) for n, name in paths.items()}
        _check_room(entries, sum(sizes.values()))
    arrays = {}
    for entry in sorted(entries, key=lambda entry: entry.name):
        with naming(paths[entry.shard]):
            values = _values(paths[entry.shard], sizes[entry.shard], entry, order)
        arrays[entry.name.removesuffix(SUFFIX)] = values
    return arrays


def _read_index(content):
    """Return the byte order, the number of shards, and what is said of each array."""
    try:
        rows = read_table(content)
        shards, big = _read_header(*next(rows, (None, b"")))
        # With a zero begin the names of slices.
        entries = [_entry(key, value) for key, value in rows if not key.startswith(b"\0")]
    except ValueError as error:
        raise ValueError(f"expected a checkpoint, found: {error}") from None
    entries = [entry for entry in entries if entry is not None]
    names = [entry.name.removesuffix(SUFFIX) for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError("expected a name for each array, found one with and without its ending")
    return "<>"[big], shards, entries


def _read_header(key, message):
    if key != b"":
        raise ValueError("no header")
    fields = _fields(message)
    shards, big = _integer(fields, 1), _integer(fields, 2)
    if not (0 < shards < 10**5 and big in (0, 1)):
        raise ValueError(f"a header that tells of {shards} shards and byte order {big}")
    return shards, big


def _fields(message):
    """Return the fields of a protobuf message: number -> its values, integers or bytes."""
    if len(message) > _LONGEST:
        raise ValueError(f"{len(message)} bytes on one array")
    fields, place = {}, 0
    while place < len(message):
        tag, place = varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = varint(message, place)
        elif kind in (_BYTES, _FIXED32, _FIXED64):
            size = {_FIXED32: 4, _FIXED64: 8}.get(kind)
            if size is None:
                size, place = varint(message, place)
            value, place = message[place : place + size] if size >= 0 else b"", place + size
            if len(value) != size:
                raise ValueError("an entry that is longer than it is")
        else:
            raise ValueError(f"an entry with a field of kind {kind}")
        fields.setdefault(number, []).append(value)
    return fields


def _entry(key, message):
    """Return what is said of an array, None if it is not of floating-point numbers."""
    with naming(ascii(key[:100])[1:]):
        fields = _fields(message)
        dtype = _integer(fields, _DTYPE)
        if dtype <= 0:
            raise ValueError("an array without a type")
        if dtype not in _FLOATS:
            return None
        if _SLICES in fields:
            raise ValueError("an array in slices, which is not supported")
        shape, size = _shape(_fields(_text(fields, _SHAPE))), _integer(fields, _SIZE)
        expected = math.prod(shape) * np.dtype(_FLOATS[dtype]).itemsize
        if size != expected:
            raise ValueError(f"an array of shape {shape} in {size} bytes, not {expected}")
        place = _integer(fields, _SHARD), _integer(fields, _OFFSET)
        crc = int.from_bytes(_text(fields, _CRC), "little")
        return _Entry(_name(key), dtype, shape, *place, size, crc)


def _name(key):
    name = key.decode(errors="replace")
    if not name.isprintable() or "\ufffd" in name:
        raise ValueError("a name that cannot be printed")
    return name


def _integer(fields, number):
    value = fields.get(number, [0])[-1]
    if type(value) is not int:
        raise ValueError(f"a text in field {number}")
    return value


def _text(fields, number):
    value = fields.get(number, [b""])[-1]
    if type(value) is int:
        raise ValueError(f"a number in field {number}")
    return value


def _shape(fields):
    axes = [_fields(axis) for axis in fields.get(2, []) if type(axis) is not int]
    if len(axes) > MAX_AXES or len(axes) < len(fields.get(2, [])) or _integer(fields, 3):
        raise ValueError(f"an array of {len(axes)} axes, or an unknown number of them")
    shape = tuple(_integer(axis, 1) for axis in axes)
    if min(shape, default=0) < 0 or math.prod(max(1, length) for length in shape) > _LARGEST:
        raise ValueError(f"an array of shape {shape}")
    return shape


def _used(entries, shards):
    """Return the numbers of the shards that hold arrays."""
    used = sorted({entry.shard for entry in entries})
    if used and not 0 <= used[0] <= used[-1] < shards:
        raise ValueError(f"expected shards 0 to {shards - 1}, found {used[0]} to {used[-1]}")
    return used


def _check_room(entries, size):
    """Raise where arrays lie on one another: then they may be any number of times the files."""
    total = sum(entry.size for entry in entries)
    if total > size:
        raise ValueError(f"expected {total} bytes of arrays in its shards, found {size}")


def _values(path, size, entry, order):
    start, end = entry.offset, entry.offset + entry.size
    found = f"bytes {start} to {end} of {size}"
    if 0 <= start <= end <= size:
        raw = np.fromfile(path, np.uint8, entry.size, offset=start)
        if masked_crc32c(raw) == entry.crc:
            return _decoded(raw, entry, order)
        found = "a wrong checksum"
    raise ValueError(f"expected the values of {entry.name[:100]!a}, found {found}")


def _decoded(raw, entry, order):
    """Return values of this machine's byte order from bytes."""
    values = native(raw.view(f"{order}{_FLOATS[entry.dtype]}"))
    if entry.dtype == _BFLOAT16:  # the upper half of a float32
        values = (values.astype("u4") << 16).view("f4")
    return values.reshape(entry.shape)

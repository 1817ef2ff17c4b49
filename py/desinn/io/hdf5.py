"""What an HDF5 file may hold to be read at all: plain arrays that lie in the file itself.

The format can do far more: links lead to other files, arrays lie in other files or in none and
are made of a fill value, filters unpack to any size. A network needs nothing of this.
"""

import math
import struct

from .keras_layers import KerasError

HEAP = b"GCOL\x01\0\0\0"
"""How a heap begins: the part of a file in which texts of attributes lie."""

READ = ("keras_version", "model_config", "name", "weight_names")
"""Attributes that are read."""

MOST_TEXTS = 16
"""Of an attribute whose texts may all be one text, as long as the file."""


def check_hdf5(file, content):
    """Raise unless a file holds nothing but plain groups, arrays and attributes, each once.

    Parameters
    ----------
    file : h5py.File
        Just opened.
    content : bytes
        The same file's. It is as long as all arrays together may be, and each attribute.

    Raises
    ------
    KerasError
        With the name of what is refused.
    """
    if file.id.get_create_plist().get_sizes() != (8, 8):
        raise KerasError("expected sizes and places in 8 bytes, as HDF5 writes them by itself")
    _check_heaps(content)
    size = len(content)
    waiting, seen, room = [file], {_address(file)}, size
    _check_attributes(file, size)
    while waiting:
        group = waiting.pop()
        for item in _members(group):
            address = _address(item)
            if address in seen:
                raise KerasError(f"{item.name}: is linked twice, or in a circle")
            seen.add(address)
            _check_attributes(item, size)
            if hasattr(item, "keys"):
                waiting.append(item)
            elif hasattr(item, "shape"):
                room -= _checked_bytes(item)
                if room < 0:
                    raise KerasError(
                        f"{item.name}: arrays of more than the {size} bytes there are"
                    )


def _check_heaps(content):
    """Raise unless the parts of every heap lead to its end: the library would go on for ever."""
    start = content.find(HEAP)
    while start >= 0:
        end = start + int.from_bytes(content[start + 8 : start + 16], "little")
        at = start + 16
        while at + 16 <= min(end, len(content)):
            number, length = struct.unpack_from("<H6xQ", content, at)
            length = 16 + -(-length // 8) * 8 if number else length  # of what is free: all of it
            if length < 16:
                break
            at += length
        if not at <= end < at + 16:
            raise KerasError(f"the heap at byte {start} is damaged")
        start = content.find(HEAP, start + 1)


def _address(item):
    from h5py import h5o

    return h5o.get_info(item.id).addr


def _members(group):
    """Yield what a group holds, and follow no link out of it."""
    from h5py import HardLink

    for name in group:
        if not isinstance(group.get(name, getlink=True), HardLink):
            raise KerasError(f"{group.name}: {name!r} is a soft or external link: not followed")
        yield group[name]


def _checked_bytes(dataset):
    """Return the bytes that a dataset takes when it is read, if it is plain."""
    if dataset.shape is None or dataset.dtype.hasobject:
        raise KerasError(f"{dataset.name}: expected an array of numbers")
    if dataset.is_virtual or dataset.external:
        raise KerasError(f"{dataset.name}: lies in another file: not followed")
    if dataset.id.get_create_plist().get_nfilters():
        raise KerasError(f"{dataset.name}: is compressed or filtered (h5repack -f NONE undoes it)")
    chunk = math.prod(dataset.chunks or ())
    return max(math.prod(dataset.shape), chunk) * dataset.dtype.itemsize


def _check_attributes(item, size):
    from h5py import check_string_dtype

    for name in filter(item.attrs.__contains__, READ):
        attribute = item.attrs.get_id(name)
        count = math.prod(attribute.shape or ())
        if count and check_string_dtype(attribute.dtype) is None:
            # Of lists the library has been seen to crash.
            raise KerasError(f"{item.name}: attribute {name}: expected text")
        most = MOST_TEXTS if attribute.dtype.hasobject else size // attribute.dtype.itemsize
        if count > most:
            raise KerasError(f"{item.name}: attribute {name} has {count} values")

"""Checkpoints of TensorFlow, written byte by byte: so that they can be wrong in one thing only.

The index is a sorted table as LevelDB has it (of names, with where the values are and what they
look like), the values lie one behind the other in ``.data-00000-of-00001``.
"""

import struct

import numpy as np

ARCHITECTURE = {
    "kind": "free",
    "inputs": [{"name": "x", "shape": [3]}],
    "nodes": [{"name": "d", "op": "dense", "inputs": ["x"], "units": 2, "bias": True,
               "weight_norm": False}],
    "outputs": {"y": "d"},
    "arrays": {"d/kernel": "net/w", "d/bias": "net/b"},
}  # fmt: skip
"""What `arrays` are."""

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
MAGIC = 0xDB4775248B80FB57
FLOAT, DOUBLE, INT32, STRING, INT64, BFLOAT16, HALF = 1, 2, 3, 7, 9, 14, 19
DTYPES = {"float32": FLOAT, "float64": DOUBLE, "int32": INT32, "int64": INT64, "float16": HALF}


def _table():
    rows = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        rows.append(value)
    return rows


_TABLE = _table()


def crc32c(data):
    """Return the checksum as checkpoints hold it, byte for byte."""
    crc = 0xFFFFFFFF
    for one in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ one) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    """Return an integer in groups of seven bits; a negative one as of 64 bits."""
    number &= 2**64 - 1
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number, value):
    """Return a field of a message: of an integer, or of bytes."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def header(shards=1, endian=0):
    """Return the entry that has no name."""
    return field(1, shards) + field(2, endian) + field(3, field(1, 1))


def entry(dtype, shape, offset, size, crc, shard=0, more=b""):
    """Return what the index says of an array."""
    axes = b"".join(field(2, field(1, length)) for length in shape)
    place = field(3, shard) + field(4, offset) + field(5, size)
    return field(1, dtype) + field(2, axes) + place + b"\x35" + struct.pack("<I", crc) + more


def block(rows, restarts=None):
    """Return a block of (key, value), with what stands behind it."""
    content, before, places = b"", b"", []
    for number, (key, value) in enumerate(rows):
        shared = 0
        if number % 16:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        else:
            places.append(len(content))
        content += varint(shared) + varint(len(key) - shared) + varint(len(value))
        content += key[shared:] + value
        before = key
    places = places or [0]
    content += struct.pack(f"<{len(places)}I", *places)
    return content + struct.pack("<I", len(places) if restarts is None else restarts)


def stored(content, kind=0):
    """Return a block as it stands in the file."""
    return content + bytes([kind]) + struct.pack("<I", crc32c(content + bytes([kind])))


def table(blocks, kind=0, magic=MAGIC):
    """Return a table of blocks, each a list of (key, value) or bytes."""
    content, handles = b"", []
    for one in blocks:
        raw = one if isinstance(one, bytes) else block(one)
        last = b"\xff" if isinstance(one, bytes) or not one else one[-1][0]
        handles.append((last, varint(len(content)) + varint(len(raw))))
        content += stored(raw, kind)
    ends = b""
    for raw in (block([]), block(handles)):
        ends += varint(len(content)) + varint(len(raw))
        content += stored(raw)
    return content + footer(ends, magic)


def footer(ends, magic=MAGIC):
    """Return the end of a table, by where two blocks lie."""
    return ends.ljust(40, b"\0") + struct.pack("<Q", magic)


def arrays():
    """Return the arrays that a good file has here, by their names in it."""
    rng = np.random.default_rng(7)
    values = {
        "net/w": rng.normal(size=(3, 2)).astype("f4"),
        "net/b": rng.normal(size=2).astype("f4"),
        "net/steps": np.array(7, "i4"),
    }
    return {f"{name}{SUFFIX}": value for name, value in values.items()}


def parts(values=None):
    """Return the rows of an index, and the bytes of the values."""
    rows, data = [(b"", header())], b""
    for name, value in sorted((arrays() if values is None else values).items()):
        raw = value.tobytes()
        kind = DTYPES[str(value.dtype)]
        row = entry(kind, value.shape, len(data), len(raw), crc32c(raw))
        rows.append((name.encode(), row))
        data += raw
    return rows, data


def write(path, rows=None, data=None, **options):
    """Write an index, and beside it the values."""
    good_rows, good_data = parts()
    path.write_bytes(table([good_rows if rows is None else rows], **options))
    data_path(path).write_bytes(good_data if data is None else data)


def data_path(path, number=0, shards=1):
    """Return the path of a shard."""
    return path.with_name(f"{path.stem}.data-{number:05d}-of-{shards:05d}")

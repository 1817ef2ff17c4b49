"""Broken and hostile checkpoints: name -> function that writes one to a path in ``.index``.

All checksums are right unless they are what is wrong: whoever writes a file can sign it.
"""

import os
import struct

import numpy as np

from . import checkpoint_file as good
from .checkpoint_file import SUFFIX, crc32c, data_path, entry, field, parts, table, varint

FLIPS = 60
KERNEL = f"net/w{SUFFIX}".encode()
HUGE = 2**62


def _described(more=b"", dtype=good.FLOAT, shape=(3, 2), offset=8, size=24, shard=0, crc=None):
    """Return what writes a checkpoint that says this of the kernel, which begins at byte 8."""

    def write(path):
        rows, data = parts()
        right = crc32c(data[offset : offset + size]) if 0 <= offset < size <= len(data) else 0
        said = entry(dtype, shape, offset, size, right if crc is None else crc, shard, more)
        good.write(path, [(key, said if key == KERNEL else old) for key, old in rows])

    return write


def _entry(value):
    """Return what writes a checkpoint with these bytes on the kernel, or what makes them."""

    def write(path):
        made = value() if callable(value) else value
        good.write(path, [(key, made if key == KERNEL else old) for key, old in parts()[0]])

    return write


def _rows(change):
    """Return what writes a checkpoint with other rows in its index."""
    return lambda path: good.write(path, change(parts()[0]))


def _index(change):
    """Return what writes a checkpoint of which the index is other bytes."""

    def write(path):
        good.write(path)
        path.write_bytes(change(path.read_bytes()))

    return write


def _data(change):
    """Return what writes a checkpoint and does something to the path of its only shard."""

    def write(path):
        good.write(path)
        change(data_path(path))

    return write


def _replaced(make):
    def change(shard):
        shard.unlink()
        make(shard)

    return _data(change)


def _values(**changes):
    """Return what writes a checkpoint with other arrays; None leaves one out."""

    def write(path):
        arrays = {**good.arrays(), **{f"net/{k}{SUFFIX}": v for k, v in changes.items()}}
        good.write(path, *parts({k: v for k, v in arrays.items() if v is not None}))

    return write


def _flipped(number):
    """Return what writes a checkpoint with a bit turned: the place is by the number."""

    def write(path):
        good.write(path)
        file = path if number % 3 else data_path(path)
        content = bytearray(file.read_bytes())
        # The last 48 bytes of an index are filled up with zeros that mean nothing, and bytes 8 to
        # 11 of the values are a counter, which is not read.
        end = len(content) - (48 if number % 3 else 4)
        bit = int(np.random.default_rng(number).integers(8 * end))
        place = bit // 8 + (0 if number % 3 or bit < 64 else 4)
        content[place] ^= 1 << bit % 8
        file.write_bytes(content)

    return write


def _handles(number, place=b"\x00\x10"):
    """Return a table whose blocks are one and the same, so many times."""
    block = good.stored(good.block(parts()[0]))
    handle = varint(0) + varint(len(block) - 5)
    index = good.block([(struct.pack(">I", n), handle) for n in range(number)])
    ends = place + varint(len(block)) + varint(len(index))
    return block + good.stored(index) + good.footer(ends)


def _long_names():
    """Return a table whose rows take three bytes each and have a name of 100,000."""
    name = b"a" * 100_000
    raw = varint(0) + varint(len(name)) + varint(0) + name
    raw += b"".join(varint(len(name)) + varint(1) + varint(0) + bytes([n]) for n in range(250))
    rows = good.block(parts()[0][:1])[:-8] + raw * 200
    return table([rows + struct.pack("<II", 0, 1)])


def _many_fields():
    """Return 2 MB on an array: fields of which each would be an object."""
    return b"".join(varint(8 * n) + b"\0" for n in range(2, 500_000))


def _folder_of_the_same_name(path):
    """Write a damaged checkpoint, and a folder of its name whose state names another one."""
    good.write(path.with_name("elsewhere.index"))
    path.with_suffix("").mkdir()
    elsewhere = path.with_name("elsewhere")
    text = f'model_checkpoint_path: "{elsewhere}"\n'
    (path.with_suffix("") / "checkpoint").write_text(text)
    path.write_bytes(b"")


def _sliced(path):
    extent = field(1, field(1, 0) + field(2, 3)) + field(1, field(1, 0) + field(2, 2))
    _described(field(7, extent))(path)


def indices():
    """Return what is wrong with the index."""
    cuts = (0, 1, 7, 8, 47, 48, 49, 60, 100, 150, 200, 250)
    blocks = [good.block(parts()[0])]
    found = {
        **{f"cut-{k}": _index(lambda content, k=k: content[:k]) for k in cuts},
        "cut-at-the-end": _index(lambda content: content[:-1]),
        "cut-in-front": _index(lambda content: content[1:]),
        "more-at-the-end": _index(lambda content: content + b"\0"),
        "magic": lambda path: good.write(path, magic=7),
        "compressed": lambda path: good.write(path, kind=1),
        "ends-negative": _index(lambda c: c[:-48] + good.footer(varint(-1) * 4)),
        "ends-huge": _index(lambda c: c[:-48] + good.footer(varint(2**62) * 4)),
        "ends-without-end": _index(lambda c: c[:-48] + good.footer(b"\xff" * 40)),
        "restarts-huge": _index(lambda _: table([good.block(parts()[0], restarts=2**31)])),
        "block-empty": _index(lambda _: table([b""])),
        "block-short": _index(lambda _: table([b"abc"])),
        "row-beyond": _index(lambda _: table([b"\0\x7f\x7fabc" + struct.pack("<II", 0, 1)])),
        "row-shares-what-is-not": _index(lambda _: table([b"\x09\0\0" + bytes(4) + b"\1\0\0\0"])),
        "blocks-twice": _index(lambda _: table(blocks * 2)),
        "blocks-often": _index(lambda _: _handles(20_000)),
        "names-long": _index(lambda _: _long_names()),
    }
    found.update({f"flip-{n}": _flipped(n) for n in range(FLIPS)})
    return found


def names():
    """Return what is wrong with the names and with what is said of all."""
    return {
        "no-rows": _rows(lambda rows: []),
        "no-header": _rows(lambda rows: rows[1:]),
        "header-garbage": _rows(lambda rows: [(b"", b"\xff" * 9), *rows[1:]]),
        "header-shards": _rows(lambda rows: [(b"", good.header(2**31)), *rows[1:]]),
        "header-no-shards": _rows(lambda rows: [(b"", good.header(0)), *rows[1:]]),
        "header-other-shards": _rows(lambda rows: [(b"", good.header(2)), *rows[1:]]),
        "header-order": _rows(lambda rows: [(b"", good.header(1, 2)), *rows[1:]]),
        "header-text": _rows(lambda rows: [(b"", field(1, b"one")), *rows[1:]]),
        "name-twice": _rows(lambda rows: [*rows, rows[-1]]),
        "name-with-and-without-ending": _rows(lambda rows: [*rows[:2], (b"net/w", rows[3][1]),
                                                            rows[3]]),
        "names-not-in-order": _rows(lambda rows: [rows[0], *rows[:0:-1]]),
        "name-missing": _values(w=None),
        "name-more": _values(more=np.ones(3, "f4")),
        "name-of-a-path": _values(**{"../../../etc/passwd": np.ones(3, "f4")}),
        "name-long": _values(**{"a" * 50_000: np.ones(3, "f4")}),
        "name-of-controls": _values(**{"\x1b[2J\n": np.ones(3, "f4")}),
        "name-not-utf8": _rows(lambda rows: [*rows, (b"\xff\xfe", rows[1][1])]),
        "names-of-slices": _rows(lambda rows: [rows[0], (b"\0\1", rows[1][1])]),
    }  # fmt: skip


def entries():
    """Return what is wrong with what the index says of an array."""
    deep = b""
    for _ in range(300):
        deep = field(2, deep)
    return {
        "entry-garbage": _entry(b"\xff\xff\xff"),
        "entry-nothing": _entry(b""),
        "entry-group": _entry(b"\x0b\x0c"),
        "entry-cut": _entry(b"\x12\x7f\x08"),
        "entry-longer-than-all": _entry(b"\x12" + varint(2**62)),
        "entry-negative-length": _entry(b"\x12" + varint(-9)),
        "entry-of-many-fields": _entry(_many_fields),
        "entry-of-many-axes": _entry(lambda: field(1, 1) + field(2, b"\x12\0" * 500_000)),
        "entry-deep": _entry(field(1, 1) + deep),
        "no-dtype": _described(dtype=0),
        "dtype-negative": _described(dtype=-1),
        "dtype-unknown": _described(dtype=99),
        "dtype-text": _described(dtype=good.STRING),
        "dtype-wider": _described(dtype=good.DOUBLE),
        "dtype-narrower": _described(dtype=good.HALF),
        "dtype-integers": _described(dtype=good.INT32),
        "dtype-variant": _described(dtype=21),
        "dtype-no-number": _described(field(1, b"float")),
        "shape-huge": _described(shape=(HUGE, 2)),
        "shape-large": _described(shape=(2**29, 2)),
        "shape-large-and-size": _described(shape=(2**29, 2), size=2**32),
        "shape-overflows": _described(shape=(HUGE, HUGE)),
        "shape-overflows-to-24": _described(shape=(2**32, 2**30, 3, 2)),
        "shape-negative": _described(shape=(-3, 2)),
        "shape-twice-negative": _described(shape=(-3, -2)),
        "shape-nothing-times-huge": _described(shape=(0, HUGE, HUGE), size=0),
        "shape-nothing-times-negative": _described(shape=(0, -1), size=0),
        "shape-of-many-axes": _described(shape=(3, 2, *[1] * 300)),
        "shape-other": _described(shape=(2, 3)),
        "shape-scalar": _described(shape=()),
        "shape-number": _described(field(2, 7)),
        "shape-unknown": _described(field(2, field(3, 1))),
        "shape-axis-a-number": _described(field(2, field(2, 7))),
        "shape-axis-a-text": _described(field(2, field(2, field(1, b"3")))),
        "size-negative": _described(size=-24),
        "size-other": _described(size=20),
        "offset-negative": _described(offset=-8),
        "offset-beyond": _described(offset=30),
        "offset-huge": _described(offset=HUGE),
        "offset-other": _described(offset=4, crc=1),
        "shard-negative": _described(shard=-1),
        "shard-beyond": _described(shard=7),
        "shard-huge": _described(shard=HUGE),
        "checksum-other": _described(crc=1),
        "checksum-a-number": _described(field(6, 7)),
        "sliced": _sliced,
        "nan": _values(w=np.full((3, 2), np.nan, "f4")),
        "too-large-for-float32": _values(w=np.full((3, 2), 1e300)),
        "on-one-another": _rows(lambda rows: [rows[0], *((b"a%05d" % n, rows[1][1])
                                                      for n in range(5000))]),
    }  # fmt: skip


def shards():
    """Return what is wrong with the values' file."""
    return {
        "shard-missing": _data(lambda shard: shard.unlink()),
        "shard-empty": _data(lambda shard: shard.write_bytes(b"")),
        "shard-cut": _data(lambda shard: shard.write_bytes(shard.read_bytes()[:20])),
        "shard-cut-by-one": _data(lambda shard: os.truncate(shard, 31)),
        "shard-zeros": _data(lambda shard: shard.write_bytes(bytes(36))),
        "shard-folder": _replaced(lambda shard: shard.mkdir()),
        "shard-pipe": _replaced(lambda shard: os.mkfifo(shard)),
        "shard-device": _replaced(lambda shard: shard.symlink_to("/dev/zero")),
        "shard-nowhere": _replaced(lambda shard: shard.symlink_to("nowhere")),
        "shard-link-to-itself": _replaced(lambda shard: shard.symlink_to(shard)),
        "shard-another-pipe": _data(
            lambda shard: os.mkfifo(shard.with_name("bad.data-00007-of-00009"))
        ),
        "folder-of-the-same-name": _folder_of_the_same_name,
    }  # fmt: skip


CHECKPOINTS = {**indices(), **names(), **entries(), **shards()}
"""All of these."""


def _folder(write):
    """Return what makes a folder of a SavedModel, whose variables a function writes."""

    def make(path):
        (path / "variables").mkdir(parents=True)
        write(path / "variables" / "variables.index")

    return make


def _looped(path):
    path.mkdir()
    (path / "variables").symlink_to("variables")


def saved_models():
    """Return folders in the place of SavedModels."""
    return {
        "empty": lambda path: path.mkdir(),
        "no-variables": lambda path: (path / "variables").mkdir(parents=True),
        "variables-linked-to-themselves": _looped,
        "no-index": _folder(lambda index: data_path(index).write_bytes(b"")),
        "index-folder": _folder(lambda index: index.mkdir()),
        "index-pipe": _folder(os.mkfifo),
        "index-empty": _folder(lambda index: index.write_bytes(b"")),
        "index-loop": _folder(lambda index: index.symlink_to(index)),
        "index-device": _folder(lambda index: index.symlink_to("/dev/zero")),
        "shard-missing": _folder(CHECKPOINTS["shard-missing"]),
        "shard-pipe": _folder(CHECKPOINTS["shard-pipe"]),
        "huge": _folder(CHECKPOINTS["shape-huge"]),
    }

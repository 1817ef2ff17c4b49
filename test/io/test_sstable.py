"""Tables as LevelDB stores them, against a writer that goes byte by byte."""

import numpy as np
import pytest

from desinn.io.sstable import masked_crc32c, read_table, varint
from helpers import checkpoint_file


@pytest.mark.parametrize("size", [0, 1, 3, 4, 255, 256, 257, 511, 512, 513, 1025, 5000])
def test_a_checksum_is_the_one_of_every_byte(size):
    content = np.random.default_rng(size).bytes(size)
    assert masked_crc32c(content) == checkpoint_file.crc32c(content)
    assert masked_crc32c(bytes(size)) == checkpoint_file.crc32c(bytes(size))


def test_a_checksum_that_is_known():
    assert masked_crc32c(b"123456789") == (
        ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) % 2**32
    )


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_an_integer(number):
    content = checkpoint_file.varint(number)
    assert varint(b"a" + content + b"b", 1) == (number, 1 + len(content))
    with pytest.raises(ValueError, match="without end"):
        varint(content[:-1], 0)


def test_an_integer_that_goes_on_for_ever():
    with pytest.raises(ValueError, match="without end"):
        varint(b"\xff" * 11, 0)


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_rows_of_several_blocks(blocks):
    rows = [(b"name/%05d" % n, b"v" * (n % 300)) for n in range(40 * blocks)]
    content = checkpoint_file.table([rows[40 * n : 40 * n + 40] for n in range(blocks)])
    assert [(key, bytes(value)) for key, value in read_table(content)] == rows


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "0 bytes that are no table"),
        (checkpoint_file.table([[(b"b", b""), (b"a", b"")]]), "not in order: b'a'"),
        (checkpoint_file.table([[(b"a", b"")]], kind=1), "blocks that are compressed"),
        (b"x" + checkpoint_file.table([[(b"a", b"")]]), "a wrong checksum of bytes"),
    ],
)
def test_what_is_wrong_is_said(content, text):
    with pytest.raises(ValueError, match=text):
        list(read_table(content))

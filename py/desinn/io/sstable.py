"""Tables of sorted names as LevelDB stores them, which TensorFlow keeps its checkpoints' index in.

A table is blocks of rows one behind the other, a block that says where these are, and 48 bytes
that say where that one is. Each block has a checksum.
"""

import functools
import struct

import numpy as np

MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5  # how a block is packed, and its checksum
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits turned round
_LANE = 256  # bytes that are gone through one by one, in as many lanes as it takes
_MOST = 16  # A writer says every 16th name in full: names are not more than so many times the file
_LARGEST = 2**63


def varint(content, place):
    r"""Return an integer of groups of seven bits, and where it ends.

    Parameters
    ----------
    content : bytes or memoryview
    place : int
        Where it begins.

    Returns
    -------
    number, place : int
        With a sign, as of 64 bits.

    Raises
    ------
    ValueError
        If it has no end.

    Examples
    --------
    >>> varint(b"\xac\x02", 0)
    (300, 2)
    """
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            break
        one = content[place]
        number |= (one & 127) << shift
        place += 1
        if one < 128:
            number %= 2 * _LARGEST
            return number - 2 * _LARGEST * (number >= _LARGEST), place
    raise ValueError("an integer without end")


def read_table(content):
    """Yield the rows of a table.

    Parameters
    ----------
    content : bytes

    Yields
    ------
    key : bytes
        Greater than the one before, as bytes are compared.
    value : memoryview

    Raises
    ------
    ValueError
        If it is no table, is damaged, packed, or not in order; without the name of the file.
    """
    if len(content) < _FOOTER or content[-8:] != struct.pack("<Q", MAGIC):
        raise ValueError(f"{len(content)} bytes that are no table, or not all of it")
    content = memoryview(content)
    ends = content[-_FOOTER:]
    start, size, place = _handle(ends, 0)
    _block(content, start, size)  # of filters, which nobody needs; but it must be whole
    start, size, _ = _handle(ends, place)
    before = None
    for _, handle in _rows(_block(content, start, size), len(content)):
        start, size, _ = _handle(handle, 0)
        for key, value in _rows(_block(content, start, size), len(content)):
            if before is not None and key <= before:
                raise ValueError(f"names that are there twice or not in order: {key[:100]!r}")
            before = key
            yield key, value


def _handle(content, place):
    start, place = varint(content, place)
    size, place = varint(content, place)
    return start, size, place


def _block(content, start, size):
    """Return a block without what stands behind it."""
    end = start + size
    if min(start, size) < 0 or end + _TRAILER + _FOOTER > len(content):
        raise ValueError(f"a block of bytes {start} to {end} in a file of {len(content)}")
    block, trailer = content[start:end], content[end : end + _TRAILER]
    if masked_crc32c(content[start : end + 1]) != int.from_bytes(trailer[1:], "little"):
        raise ValueError(f"a wrong checksum of bytes {start} to {end}")
    if trailer[0]:
        raise ValueError("blocks that are compressed, which is not supported")
    return block


def _rows(block, size):
    """Yield the rows of a block in a file of some bytes; names begin as the ones before do."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise ValueError("a block that is shorter than it says")
    place, key, length = 0, b"", 0
    while place < end:
        shared, place = varint(block, place)
        own, place = varint(block, place)
        count, place = varint(block, place)
        if min(own, count) < 0 or not 0 <= shared <= len(key) or place + own + count > end:
            raise ValueError("a row that does not fit its block")
        key = key[:shared] + bytes(block[place : place + own])
        length += len(key)
        if length > _MOST * size:
            raise ValueError(f"names that are longer than {_MOST} times the file")
        place += own + count
        yield key, block[place - count : place]


def masked_crc32c(content):
    """Return the checksum of bytes, changed as LevelDB stores it.

    Parameters
    ----------
    content : bytes, memoryview or numpy.ndarray

    Returns
    -------
    int

    Examples
    --------
    >>> hex(masked_crc32c(b"123456789"))
    '0xc78ab0e5'
    """
    crc = _crc32c(np.frombuffer(content, np.uint8)) ^ 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c(data):
    """Return the state that a checksum is in behind some bytes.

    To each byte belongs a linear map of the state, so lanes can be gone through side by side and
    be put together; zeros in front change nothing.
    """
    table, shift = _maps()
    lanes = np.zeros((-(-data.size // _LANE), _LANE), np.uint8)
    lanes.reshape(-1)[lanes.size - data.size :] = data
    states = np.zeros(len(lanes), np.uint32)
    for column in lanes.T:
        states = table[(states ^ column) & 255] ^ states >> 8
    total, size, length = np.uint32(0xFFFFFFFF), data.size, 1
    while size or len(states) > 1:
        if length >= _LANE and len(states) > 1:
            states = np.append(np.zeros(len(states) % 2, np.uint32), states)
            states = _moved(states[::2], shift) ^ states[1::2]
        total = _moved(total, shift) if size & 1 else total
        shift, size, length = _moved(shift, shift), size >> 1, 2 * length
    return int(total ^ np.bitwise_xor.reduce(states))


@functools.cache
def _maps():
    """Return what a byte makes of the state 0, and what a byte 0 makes of each bit."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> 1 ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return table, table[bits & 255] ^ bits >> 8


def _moved(states, shift):
    """Return (...) states behind as many zeros as `shift` (32,), one state a bit, stands for."""
    found = np.zeros_like(states)
    for bit, image in enumerate(shift):
        found ^= image * (states >> np.uint32(bit) & np.uint32(1))
    return found

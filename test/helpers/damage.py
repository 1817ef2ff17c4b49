"""Damage to FITS files: to their bytes, and to the HDUs of which they are made."""

import io
import re
import zlib

import numpy as np
from astropy.io import fits

CARD = 80
_NAME = re.compile(rb"EXTNAME = '([^']*)'")


def truncated(content, number):
    """Return name -> bytes of a file cut off at so many places, from its first byte to its last.

    None of them is the end of an HDU, where nothing would be wrong with what is left.
    """
    places = np.linspace(0, len(content) - 1, number).astype(int)
    return {f"cut-{k:06d}": content[: int(k) + (k % 2880 == 0)] for k in places}


def flipped(content, number, rng, within=None):
    """Return name -> bytes of a file with one bit turned, in each of its copies another one.

    `within` are the (start, end) of the parts of the file that are to be hit.
    """
    places = np.concatenate([np.arange(*ends) for ends in within or [(0, len(content))]])
    found = {}
    for place in rng.choice(places, number, replace=False):
        bit = int(rng.integers(8))
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        found[f"flip-{place:06d}-{bit}"] = bytes(changed)
    return found


def inflating(content, zeros):
    """Return a gzip file that says it holds some bytes, and so many MB of zeros behind them.

    Its checksum is wrong, which shows when all has been unpacked.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    size = (len(content) + zeros * 2**20) % 2**32
    ends = packer.flush() + bytes(4) + size.to_bytes(4, "little")
    return b"\x1f\x8b\x08" + bytes(7) + start + piece * zeros + ends


def ends_of(content):
    """Return where each HDU's header and data begin, and its data end."""
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        infos = [hdu.fileinfo() for hdu in hdus]
    return [(one["hdrLoc"], one["datLoc"], one["datLoc"] + one["datSpan"]) for one in infos]


def headers_of(content):
    """Return the (start, end) of all headers."""
    return [(start, data) for start, data, _ in ends_of(content)]


def data_of(content):
    """Return the (start, end) of all data."""
    return [(data, end) for _, data, end in ends_of(content) if end > data]


def without(content, *names):
    """Return a file without some of its HDUs."""
    return b"".join(part for part in _split(content) if _name(part) not in names)


def renamed(content, names):
    """Return a file with other names of HDUs: old -> new."""
    parts = _split(content)
    return b"".join(_with_name(part, names.get(_name(part), _name(part))) for part in parts)


def with_cards(content, name, values):
    """Return a file with other values of keywords in the HDU of a name ("" for the first)."""
    parts = _split(content)
    number = [_name(part) for part in parts].index(name) if name else 0
    for key, value in values.items():
        part, start = parts[number], f"{key:<8}= ".encode()
        place = next(k for k in range(0, len(part), CARD) if part[k : k + 10] == start)
        card = start + f"{value:>20}".encode()
        parts[number] = part[:place] + card.ljust(CARD) + part[place + CARD :]
    return b"".join(parts)


def _split(content):
    return [content[start:end] for start, _, end in ends_of(content)]


def _name(part):
    found = _NAME.search(part)
    return found[1].decode().strip() if found else ""


def _with_name(part, name):
    found = _NAME.search(part)
    if not found or name == _name(part):
        return part
    start = found.start()
    card = b"EXTNAME = '%-8s'" % name.encode()
    return part[:start] + card.ljust(CARD) + part[start + CARD :]

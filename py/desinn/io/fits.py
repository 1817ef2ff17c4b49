"""Opening FITS files: every failure is one line that names the file."""

import bz2
import contextlib
import gzip
import math
import os
import re
import zlib
from traceback import walk_tb

from ..files import input_file

MOST_UNPACKED = 2**30
MOST_TIMES = 50
"""A packed file may unpack to so many bytes, or to so many times its own length: a preprocessed
image of DESI has 0.3e9 bytes, and noise cannot be packed so tightly."""

_MOST_OF_GZIP = 1032  # times that it unpacks to, at the very most
_SAMPLE = 2**20
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"

_BLOCK, _CARD = 2880, 80
_LONGEST = 400  # blocks of a header; those of coadds have five
_NUMBER = re.compile(rb"(BITPIX|Z?NAXIS\d*|[PG]COUNT) *= *(-?\d{1,18})\b")


@contextlib.contextmanager
def open_fits(path):
    """Open a FITS file for reading and close it whatever happens.

    Parameters
    ----------
    path : str or os.PathLike
        The file; ``.gz`` is unpacked in memory, if that is not out of all proportion.

    Yields
    ------
    fitsio.FITS
        Its HDUs are found by name in any case.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated: also where only the last HDUs are lost,
        which cfitsio passes over in silence. If it unpacks to more than `MOST_UNPACKED` bytes
        and `MOST_TIMES` its own length.

    Examples
    --------
    >>> with open_fits("nowhere.fits") as fits:
    ...     fits[0].read_header()
    Traceback (most recent call last):
        ...
    FileNotFoundError: nowhere.fits: there is no such file
    """
    import fitsio

    path = input_file(path)  # cfitsio would also take addresses and commands for names
    _check_packed(path)
    _check_tiles(path)
    with _one_line(path):
        fits = fitsio.FITS(path)
    with fits:
        with _one_line(path):
            end, hdus = fits[-1].get_offsets()["data_end"], len(fits)
        _check_whole(path, end, hdus)
        with _one_line(path):
            yield fits


def _check_tiles(path):
    """Raise if a compressed image has no pixels: cfitsio divides by 0, which ends the process.

    In a file packed by gzip the checksum tells that a header is damaged.
    """
    with open(path, "rb") as file:
        while numbers := _numbers(file):
            axes = [numbers.get(b"NAXIS%d" % k, 0) for k in range(1, numbers[b"NAXIS"] + 1)]
            if 0 in (value for key, value in numbers.items() if key.startswith(b"ZNAXIS")):
                raise OSError(f"{path}: damaged: a compressed image without pixels")
            values = numbers.get(b"PCOUNT", 0) + math.prod(axes) if axes else 0
            size = abs(numbers[b"BITPIX"]) // 8 * numbers.get(b"GCOUNT", 1) * values
            if not 0 <= size < os.path.getsize(path):
                return
            file.seek(-(-size // _BLOCK) * _BLOCK, os.SEEK_CUR)


def _numbers(file):
    """Return what the next header says of its HDU's size; nothing where there is no header."""
    found = {}
    for number in range(_LONGEST):
        block = file.read(_BLOCK)
        if not number and not block.startswith((b"SIMPLE", b"XTENSION")):
            return {}
        cards = [block[k : k + _CARD] for k in range(0, len(block), _CARD)]
        found |= {match[1]: int(match[2]) for match in map(_NUMBER.match, cards) if match}
        if not block or any(card.split(b" ")[0] == b"END" for card in cards):
            break
    return found if {b"BITPIX", b"NAXIS"} <= set(found) and found[b"NAXIS"] < 1000 else {}


@contextlib.contextmanager
def _one_line(path):
    try:
        yield
    except Exception as error:
        if not _is_of_fitsio(error):
            raise
        # cfitsio empties its whole stack of messages into one.
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise OSError(f"{path}: not a readable FITS file ({reason})") from None


def _is_of_fitsio(error):
    """Return whether fitsio found something wrong: then, in a damaged file, with any class."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return isinstance(error, OSError) or any(name.split(".")[0] == "fitsio" for name in modules)


def _check_whole(path, expected, hdus):
    found = _unpacked_size(path)
    if found is not None and found != expected % 2**32:
        size = os.path.getsize(path)
        packed = "" if found == size % 2**32 else " packed"  # what a cut gzip says is nonsense
        raise OSError(
            f"{path}: truncated or damaged: expected {expected} bytes in {hdus} HDUs, "
            f"found {size}{packed}"
        )


def _unpacked_size(path):
    """Return the size in bytes modulo 2**32 (all that gzip keeps of it), None if unknown."""
    with open(path, "rb") as file:
        start = file.read(6)
        size = file.seek(0, os.SEEK_END)
        if start == b"SIMPLE":
            return size % 2**32
        if start[:2] != _GZIP:
            return None
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _check_packed(path):
    """Raise if a packed file is far longer unpacked, all of which cfitsio takes into memory."""
    with open(path, "rb") as file:
        start, size = file.read(3), os.path.getsize(path)
        most = max(MOST_UNPACKED, MOST_TIMES * size)
        said = 0
        if start[:2] == _GZIP and _MOST_OF_GZIP * size > most:
            said = _unpacked_size(path)
            found = _counted(file, gzip.open, most)
        elif start == _BZIP2:
            found = _counted(file, bz2.open, most)
        else:
            return
    if found > most:
        found = max(found, said)
        raise OSError(
            f"{path}: expected at most {most} bytes unpacked, found {found} or more in {size}"
        )
    if said > most:  # what a cut file says at its end is nonsense
        text = f"{size} bytes that say they are {said}, expected at most {most}"
        raise OSError(f"{path}: truncated or damaged, or packed out of all proportion: {text}")


def _counted(file, unpacker, most):
    """Return how long a file is unpacked, as far as it must be known.

    Where the beginning is packed as data are, the rest is not looked at: that would take as long
    as to read it.
    """
    file.seek(0)
    count, piece = 0, b"first"
    with contextlib.suppress(OSError, EOFError, zlib.error), unpacker(file) as stream:
        while piece and count <= most:
            if file.tell() >= _SAMPLE and count <= MOST_TIMES * file.tell():
                break
            piece = stream.read(_SAMPLE)
            count += len(piece)
    return count

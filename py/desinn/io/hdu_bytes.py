"""HDUs as bytes: copied from file to file as they are, packed or not, and made one by one."""

import contextlib
import gzip
import os
import re
import shutil
import zlib

from .catalogs import cards_of

_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 20
# The noise of an image does not pack any better at a higher one.
_LEVEL = 1
# What says how the values are stored, and holds for one way of storing them only.
_STORAGE = re.compile(
    r"SIMPLE|XTENSION|EXTEND|EXTNAME|BITPIX|NAXIS\d*|[PG]COUNT|THEAP|CHECKSUM|DATASUM|"
    r"BSCALE|BZERO|BLANK|T(FIELDS|(TYPE|FORM)\d+)|"
    r"Z(SIMPLE|IMAGE|TENSION|EXTEND|BITPIX|NAXIS\d*|[PG]COUNT|BLANK|CMPTYPE|QUANTIZ|DITHER0|"
    r"(TILE|NAME|VAL)\d+)"
)


def is_storage(key):
    """Return whether a keyword tells how an HDU is stored, not what it holds.

    Parameters
    ----------
    key : str or None

    Returns
    -------
    bool
    """
    return bool(_STORAGE.fullmatch(key or ""))


@contextlib.contextmanager
def unpacked(path):
    """Open a FITS file to read its bytes as they are when nothing is packed.

    Parameters
    ----------
    path : str
        The file, plain or packed by gzip, whatever its name.

    Yields
    ------
    file object

    Raises
    ------
    OSError
        If it is neither, or damaged.
    """
    with open(path, "rb") as file:
        start = file.read(6)
        file.seek(0)
        if start != b"SIMPLE" and start[:2] != _GZIP:
            raise OSError(f"{path}: expected a FITS file, plain or packed by gzip")
        try:
            with gzip.GzipFile(fileobj=file) if start[:2] == _GZIP else file as stream:
                yield stream
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise OSError(f"{path}: damaged ({error})") from None


@contextlib.contextmanager
def packing(path):
    """Open a file to write to; what is written is packed if its name ends in ``.gz``.

    Parameters
    ----------
    path : str

    Yields
    ------
    file object
    """
    with open(path, "wb") as file:
        if not path.endswith(".gz"):
            yield file
            return
        # Without a name and a time in it the same content gives the same file.
        with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as stream:
            yield stream


@contextlib.contextmanager
def packed_at_the_end(path):
    """Give the name of a plain file to write, which becomes `path`, packed if that says so.

    Parameters
    ----------
    path : str

    Yields
    ------
    str
        `path` itself, without ``.gz``.
    """
    if not path.endswith(".gz"):
        yield path
        return
    plain = path.removesuffix(".gz")
    try:
        yield plain
        with open(plain, "rb") as source, packing(path) as target:
            shutil.copyfileobj(source, target, _BLOCK)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(plain)


def copy_bytes(source, target, start, end):
    """Copy the bytes between two places.

    Parameters
    ----------
    source, target : file objects
    start, end : int

    Raises
    ------
    OSError
        If there are not as many.
    """
    source.seek(start)
    left = end - start
    while left:
        block = source.read(min(left, _BLOCK))
        if not block:
            raise OSError(f"{source.name}: truncated: expected {left} more bytes before {end}")
        target.write(block)
        left -= len(block)


def places(hdu):
    """Return where an HDU begins and ends in its file.

    Parameters
    ----------
    hdu : fitsio HDU

    Returns
    -------
    start, end : int
    """
    offsets = hdu.get_offsets()
    return offsets["header_start"], offsets["data_end"]


def image_bytes(image, extname, cards, compressed):
    """Return an image as an extension of a FITS file, with its checksums.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X).
    extname : str
    cards : list of dict
        The header's, as fitsio takes them.
    compressed : bool
        Store integers by Rice's method, without loss.

    Returns
    -------
    bytes
    """
    options = {"compress": "RICE"} if compressed else {}
    return _extension(image, extname, header=cards, **options)


def table_bytes(rows, extname):
    """Return a table as an extension of a FITS file, with its checksums.

    Parameters
    ----------
    rows : numpy.ndarray
        (N,) structured, of what FITS can store (`desinn.io.catalogs.split_columns`).
    extname : str

    Returns
    -------
    bytes
    """
    return _extension(rows, extname)


def _extension(data, extname, **options):
    import fitsio

    with fitsio.FITS("mem://", "rw") as fits:
        fits.write(None)
        fits.write(data, extname=extname, **options)
        fits[-1].write_checksum()
        start, end = places(fits[-1])
        return fits.read_raw()[start:end]


def renewed_cards(hdu, header, path):
    """Return the cards of an HDU with others added; those of the same names are replaced.

    Parameters
    ----------
    hdu : fitsio HDU
    header : Mapping
        Keyword -> value or (value, comment).
    path : str
        For messages.

    Returns
    -------
    list of dict
        Without those that say how the HDU is stored.

    Raises
    ------
    ValueError
        If FITS cannot store a keyword or value.
    """
    new = cards_of(header, path)
    names = {card["name"] for card in new}
    old = [
        card
        for card in hdu.read_header().records()
        if card["name"] not in names and not is_storage(card["name"])
    ]
    return old + new

"""Catalogues: tables of results in FITS files that say what made them."""

import math
import os
import platform
import re
from importlib import metadata

import numpy as np

from .. import __version__
from ..files import whole_file
from ..spectra.container import naming, native
from .fits import open_fits
from .fits_out import new_fits
from .hdus import is_image, names_of

_DEPENDENCIES = ("numpy", "scipy", "astropy", "fitsio")
# What FITS says of the table itself: only the writer knows it, whatever header was handed on.
_STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|EXTEND|EXTNAME|THEAP|CHECKSUM|DATASUM|TFIELDS|"
    r"T(TYPE|FORM|UNIT|DIM|SCAL|ZERO|NULL|DISP)\d+"
)
_KEYWORD = re.compile("[A-Z0-9_-]{1,8}")
_COLUMN = re.compile("[!-~]([ -~]{0,66}[!-~])?")
_STORABLE = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16"}


def write_catalog(path, table, header=None, extname="CATALOG", overwrite=False):
    """Write a table to a FITS file, which appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file. A name in ``.gz`` is compressed.
    table : astropy.table.Table or numpy.ndarray
        The rows, none or more: a Table (units are kept, its meta is not) or a structured array.
        Masked entries become NaN, which only columns of floats can hold.
    header : Mapping, optional
        Keyword -> value or (value, comment) for the header of the table, such as
        `provenance` gives. Keywords that describe the table itself (NAXIS, TTYPE1, ...) are
        passed over, so that an input file's header may be handed on. The versions of the
        software are added as DEPNAMnn and DEPVERnn.
    extname : str
        Name of the table's HDU.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If a column or a header value cannot be stored in FITS; file and column are named.

    Examples
    --------
    >>> table = np.zeros(2, [("TARGETID", "i8"), ("Z_QN", "f8")])
    >>> write_catalog("qso.fits", table, {"TILEID": 80605}, "QN_RR")  # doctest: +SKIP
    >>> write_catalog("qso.fits", table)  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    FileExistsError: qso.fits: exists already; --overwrite (overwrite=True) replaces it
    """
    path = os.fspath(path)
    with whole_file(path, overwrite) as temporary:
        names, columns, units = split_columns(table, path)
        cards = cards_of(with_dependencies(header or {}, path), path)
        with new_fits(temporary) as fits:
            fits.write(joined(names, columns), units=units, header=cards, extname=extname.upper())
            for hdu in fits:
                hdu.write_checksum()


def read_catalog(path, extname=None):
    """Read a table from a FITS file.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    extname : str, optional
        Name of the HDU, in any case; without it the first table.

    Returns
    -------
    numpy.ndarray
        Structured array in this machine's byte order, strings as str.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        If it has no (such) table.
    """
    path = os.fspath(path)
    with open_fits(path) as fits, naming(path):
        for hdu in fits:
            wanted = extname is None or hdu.get_extname().upper() == extname.upper()
            if wanted and not is_image(hdu):
                return native(hdu.read())
        found = names_of(hdu.get_extname() for hdu in fits)
        raise ValueError(f"expected a table {extname or 'in some HDU'}, found {found}")


def provenance(weights_header, sha256=None, path=None):
    """Return the header cards that say which model made a catalogue.

    Parameters
    ----------
    weights_header : Mapping
        Header of the weights file; its ``name``, ``kind`` and ``sha256`` are used if there.
    sha256 : str, optional
        Hexadecimal digest of the weights, before that of the header.
    path : str or os.PathLike, optional
        The weights file; only its base name is kept, for folders mean nothing elsewhere.

    Returns
    -------
    dict
        MODEL, MODELKND, MODELSHA and MODELFIL -> (value, comment), without those unknown.
    """
    cards = {
        "MODEL": (weights_header.get("name"), "name of the network"),
        "MODELKND": (weights_header.get("kind"), "what it finds"),
        # With a comment the 64 letters would no longer fit into one card.
        "MODELSHA": (sha256 or weights_header.get("sha256"), ""),
        "MODELFIL": (os.path.basename(path) if path else None, "weights file"),
    }
    return {key: card for key, card in cards.items() if card[0] is not None}


def split_columns(table, path):
    """Return a table's columns as FITS can store them.

    Parameters
    ----------
    table : astropy.table.Table or numpy.ndarray
    path : str
        For messages.

    Returns
    -------
    names : tuple of str
    columns : list of numpy.ndarray
    units : list of str or None

    Raises
    ------
    ValueError
        If a column or its name cannot be stored, or names differ only by case.
    """
    if isinstance(table, np.ndarray):
        names, units = table.dtype.names or (), None
    else:
        names = tuple(table.colnames)
        units = [str(getattr(table[name], "unit", None) or "") for name in names]
    storable = [name.upper() for name in names if _COLUMN.fullmatch(name)]
    if len(set(storable)) < max(1, len(names)) or getattr(table, "ndim", 1) != 1:
        wanted = "a table with columns whose names are ASCII and differ not only by case"
        raise ValueError(f"{path}: expected {wanted}, found {names or 'none'}")
    return names, [_storable(table[name], f"{path}: column {name}") for name in names], units


def _storable(column, where):
    array = np.ma.asanyarray(getattr(column, "value", column))
    if np.ma.is_masked(array):
        if array.dtype.kind != "f":
            raise ValueError(f"{where}: masked entries need a column of floats")
        array = array.filled(np.nan)
    array = native(np.ma.getdata(array))
    if array.dtype.kind in "SU":
        return _text(array, where)
    if array.dtype.str[1:] not in _STORABLE:
        raise ValueError(f"{where}: expected numbers, bools or text, found dtype {array.dtype}")
    return array


def _text(array, where):
    try:
        # FITS knows no text of width 0, which a column without rows may have.
        return array.astype(f"S{max(1, array.dtype.itemsize // array.dtype.alignment)}")
    except UnicodeEncodeError:
        raise ValueError(f"{where}: expected ASCII text only") from None


def joined(names, columns):
    """Return columns as one structured array.

    Parameters
    ----------
    names : sequence of str
    columns : sequence of numpy.ndarray

    Returns
    -------
    numpy.ndarray
    """
    dtype = [(name, col.dtype, col.shape[1:]) for name, col in zip(names, columns, strict=True)]
    rows = np.zeros(len(columns[0]), dtype)
    for name, column in zip(names, columns, strict=True):
        rows[name] = column
    return rows


def cards_of(header, path):
    """Return a header as fitsio takes it, without what describes the table itself.

    Parameters
    ----------
    header : Mapping
        Keyword -> value or (value, comment).
    path : str
        For messages.

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If FITS cannot store a keyword or value.
    """
    cards = []
    for key, item in header.items():
        if _STRUCTURE.fullmatch(key):
            continue
        if not _KEYWORD.fullmatch(key):
            raise ValueError(f"{path}: expected a FITS keyword like MODEL, found {key!r}")
        value, comment = item if isinstance(item, tuple) else (item, "")
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, str):
            value = _printable(value)
        elif not _is_number(value):
            raise ValueError(f"{path}: {key}: expected text or a finite number, found {value!r}")
        cards.append({"name": key, "value": value, "comment": _printable(comment)})
    return cards


def _is_number(value):
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _printable(text):
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def with_dependencies(header, path):
    """Return a header with the versions of the software, as DEPNAMnn and DEPVERnn.

    Parameters
    ----------
    header : Mapping
    path : str
        For messages.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is no room for them.
    """
    header = dict(header)
    try:
        from desiutil.depend import add_dependencies, setdep
    except ImportError:
        add_dependencies, setdep = _add_dependencies, _set_dependency
    try:
        add_dependencies(header)
        setdep(header, "desinn", __version__)
    except IndexError:
        raise ValueError(f"{path}: no room in the header for more than 100 DEPNAM") from None
    return header


def _add_dependencies(header):
    _set_dependency(header, "python", platform.python_version())
    for name in _DEPENDENCIES:
        try:
            _set_dependency(header, name, metadata.version(name))
        except metadata.PackageNotFoundError:
            continue


def _set_dependency(header, name, version):
    for number in range(100):
        key = f"DEPNAM{number:02d}"
        if header.setdefault(key, name) == name:
            header[f"DEPVER{number:02d}"] = version
            return
    raise IndexError("more than 100 dependencies")

"""What all readers of spectra in FITS files do: find HDUs, images, columns and keywords."""

import os

from ..spectra.container import Spectra, naming
from .fits import open_fits

_KINDS = {"integers": "iub", "numbers": "fiub", "text": "SU"}
_REMARKS = (None, "", "COMMENT", "HISTORY", "CONTINUE")


def spectra_of(path, parts_of, **options):
    """Open a file and return what a reader finds in it; errors name the file.

    Parameters
    ----------
    path : str or os.PathLike
    parts_of : callable
        ``parts_of(fits, **options)`` returns targetid, cameras, fibermap and header, the first
        arguments of `desinn.spectra.Spectra`.
    **options
        Handed on.

    Returns
    -------
    desinn.spectra.Spectra

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        The one of `parts_of`, or where the parts do not fit together.
    """
    path = os.fspath(path)
    with open_fits(path) as fits, naming(path):
        parts = parts_of(fits, **options)
    return Spectra(*parts, source=path)


def by_name(fits):
    """Return the HDUs of a file by their names in upper case.

    Parameters
    ----------
    fits : fitsio.FITS

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If two have the same name.
    """
    hdus = {}
    for hdu in fits:
        name = hdu.get_extname().upper()
        if name in hdus and name:
            raise ValueError(f"expected one HDU {name}, found two")
        hdus[name] = hdu
    return hdus


def is_image(hdu):
    """Return whether an HDU holds an image, compressed or not, with or without data.

    Parameters
    ----------
    hdu : fitsio HDU

    Returns
    -------
    bool
    """
    return not hasattr(hdu, "get_colnames")


def read_image(hdu):
    """Return the image of an HDU.

    Parameters
    ----------
    hdu : fitsio HDU or None

    Returns
    -------
    numpy.ndarray or None
        None where there is no HDU.

    Raises
    ------
    ValueError
        If the HDU holds something else, or nothing.
    """
    if hdu is None:
        return None
    if not is_image(hdu) or not hdu.has_data():
        raise ValueError(f"expected an image in HDU {_name(hdu)}, found none")
    return hdu.read()


def _name(hdu):
    return hdu.get_extname() or hdu.get_extnum()


def find_table(fits, columns):
    """Return the first table that has all of some columns, in any case.

    Parameters
    ----------
    fits : fitsio.FITS
    columns : iterable of str
        Names in upper case.

    Returns
    -------
    fitsio HDU or None
    """
    wanted = set(columns)
    for hdu in fits:
        if not is_image(hdu) and wanted <= {name.upper() for name in hdu.get_colnames()}:
            return hdu
    return None


def read_columns(hdu, columns):
    """Return those of some columns that a table has.

    Parameters
    ----------
    hdu : fitsio table HDU
    columns : iterable of str
        Names in upper case.

    Returns
    -------
    dict of numpy.ndarray
        By the names in upper case.

    Raises
    ------
    ValueError
        If the HDU holds an image.
    """
    if is_image(hdu):
        raise ValueError(f"expected a table in HDU {_name(hdu)}, found an image")
    names = {name.upper(): name for name in hdu.get_colnames()}
    wanted = [name for name in columns if name in names]
    rows = hdu.read(columns=[names[name] for name in wanted])
    return {name: rows[names[name]] for name in wanted}


def check_kinds(columns, kinds):
    """Raise unless columns hold what they should: a cast would lose it without a word.

    Parameters
    ----------
    columns : dict of numpy.ndarray
        As `read_columns` returns them.
    kinds : Mapping of str to str
        Name -> "integers", "numbers" or "text", of columns that may be missing.

    Raises
    ------
    ValueError
        If one is of another kind; it is named. A float holds no TARGETID of DESI exactly.
    """
    for name, kind in kinds.items():
        if name in columns and columns[name].dtype.kind not in _KINDS[kind]:
            raise ValueError(f"column {name}: expected {kind}, found dtype {columns[name].dtype}")


def keywords(hdu):
    """Return the keywords of an HDU's header, without remarks.

    Parameters
    ----------
    hdu : fitsio HDU

    Returns
    -------
    dict
    """
    cards = hdu.read_header().records()
    return {card["name"]: card["value"] for card in cards if card["name"] not in _REMARKS}


def number(header, key):
    """Return the number that a header has under a keyword.

    Parameters
    ----------
    header : Mapping
        As `keywords` returns it.
    key : str

    Returns
    -------
    int or float

    Raises
    ------
    ValueError
        If there is none, or something else.
    """
    found = header.get(key)
    if not isinstance(found, int | float):
        found = "none" if found is None else repr(found)
        raise ValueError(f"expected keyword {key} with a number, found {found}")
    return found


def names_of(hdus):
    """Return the names of HDUs for a message.

    Parameters
    ----------
    hdus : iterable of str
        As `by_name` returns them.

    Returns
    -------
    str
    """
    return ", ".join(filter(None, hdus)) or "none with a name"

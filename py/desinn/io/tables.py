"""Several tables in one FITS file, each column with its unit and a word on what it is."""

import os

from ..files import whole_file
from .catalogs import cards_of, joined, split_columns, with_dependencies
from .fits_out import new_fits


def write_tables(path, tables, header=None, columns=None, overwrite=False):
    """Write tables to a FITS file, which appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file. A name in ``.gz`` is compressed.
    tables : Mapping of str to (table, Mapping)
        Name of the HDU -> its rows, none or more, as `desinn.io.catalogs.write_catalog` takes
        them, and cards for its header alone.
    header : Mapping, optional
        Cards for the headers of all, as `write_catalog` takes them. The versions of the software
        are added.
    columns : Mapping of str to (str, str), optional
        Name of a column -> its unit, and what it is (a comment in the header). Columns that a
        table does not have are passed over.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If a column or a header value cannot be stored in FITS; file and column are named.
    """
    path = os.fspath(path)
    columns = columns or {}
    with whole_file(path, overwrite) as temporary, new_fits(temporary) as fits:
        for extname, (table, cards) in tables.items():
            names, values, _ = split_columns(table, f"{path}: {extname}")
            cards = cards_of(with_dependencies({**(header or {}), **cards}, path), path)
            units = [columns.get(name, ("", ""))[0] for name in names]
            fits.write(joined(names, values), units=units, header=cards, extname=extname)
            _comment(fits[-1], columns)
        for hdu in fits:
            hdu.write_checksum()


def _comment(hdu, columns):
    for number, name in enumerate(hdu.get_colnames(), 1):
        if name in columns:
            hdu.write_key(f"TTYPE{number}", name, comment=columns[name][1])

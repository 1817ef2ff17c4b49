"""One table from the results of many files, which still says what came from where."""

import contextlib
import gzip
import os
import shutil

import numpy as np

from ..files import whole_file

EXTNAME = "INFILES"


def stack(results, name="rows"):
    """Return the rows of all files, in the files' order.

    Parameters
    ----------
    results : sequence of desinn.scripts.crew.Result or None
        One for each file, None for those that could not be used; one at least is there.
    name : str
        Of the structured array in each result, shape (B,).

    Returns
    -------
    astropy.table.Table
        The rows with a column INFILE, int32: the file's number in `results`.

    Examples
    --------
    >>> from desinn.scripts.crew import Result
    >>> rows = np.array([(0.5,), (0.25,)], [("Z", "f8")])
    >>> stack([None, Result({"rows": rows}, {})])["INFILE"].tolist()
    [1, 1]
    """
    from astropy.table import Table

    used = [number for number, result in enumerate(results) if result]
    rows = [results[number].arrays[name] for number in used]
    table = Table(np.concatenate(rows))
    table["INFILE"] = np.repeat(np.array(used, np.int32), [len(part) for part in rows])
    return table


def infiles_table(paths, used, rows):
    """Return the table of the inputs.

    Parameters
    ----------
    paths : sequence of str
    used : sequence of bool
        Whether each could be used.
    rows : sequence of int
        Its rows in the table that has those of all inputs.

    Returns
    -------
    numpy.ndarray
        Structured, with PATH, NROWS and USED.
    """
    # FITS has no other letters.
    names = [os.fspath(path).encode("ascii", "backslashreplace") for path in paths]
    table = np.zeros(len(names), [("PATH", f"S{max(map(len, names))}"), ("NROWS", "i8"),
                                  ("USED", "?")])  # fmt: skip
    table["PATH"], table["NROWS"], table["USED"] = names, rows, used
    return table


def write_stacked(path, table, header, extname, overwrite, infiles):
    """Write a table of `stack`, and beside it in the file the names of the inputs.

    Not in the header: thousands of cards take minutes.

    Parameters
    ----------
    path : str
    table : astropy.table.Table
    header : Mapping
    extname : str
    overwrite : bool
        All of them as `desinn.io.catalogs.write_catalog` takes them.
    infiles : sequence of (str, bool)
        Name of each input, and whether it could be used.
    """
    from ..io.catalogs import write_catalog

    with whole_file(path, overwrite) as name, _plain(name) as plain:
        write_catalog(plain, table, header, extname)
        paths, used = zip(*infiles, strict=True)
        rows = np.bincount(table["INFILE"], minlength=len(paths))
        _append(plain, infiles_table(paths, used, rows))


@contextlib.contextmanager
def _plain(name):
    """Give a name to write to that is not compressed: nothing can be appended to what is."""
    plain = name.removesuffix(".gz")
    try:
        yield plain
        if plain != name:
            with open(plain, "rb") as source, gzip.open(name, "wb") as target:
                shutil.copyfileobj(source, target)
    finally:
        if plain != name:
            with contextlib.suppress(FileNotFoundError):
                os.remove(plain)


def _append(path, rows):
    from ..io.fits_out import new_fits

    with new_fits(path, append=True) as fits:
        fits.write(rows, extname=EXTNAME)
        fits[-1].write_checksum()

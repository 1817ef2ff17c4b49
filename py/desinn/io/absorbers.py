"""Absorbers of neutral hydrogen in files: those that were simulated, and those that were found."""

import os

import numpy as np

from ..spectra.container import naming
from .desi import TRUTH_HDU
from .fits import open_fits
from .hdus import by_name, check_kinds, is_image, names_of, number, read_columns

TRUE_ABSORBER = np.dtype(
    [
        ("TARGETID", "i8"),
        ("Z_DLA", "f8"),
        ("NHI", "f8"),  # log10 of the column density, cm^-2
        ("DLAID", "U32"),  # "" where the file has none
    ]
)
"""A simulated absorber; in a file, a row of the HDU `META_HDU`."""

_SPECTRUM = [
    ("TARGETID", "i8"),
    ("RA", "f8"),
    ("DEC", "f8"),
    ("Z_QSO", "f8"),
    ("SNR_FOREST", "f4"),
    ("SNR_REDSIDE", "f4"),
]
FOUND_ABSORBER = np.dtype(
    [
        *_SPECTRUM,
        ("DLAID", "U32"),
        ("Z_DLA", "f8"),
        ("Z_DLA_ERR", "f8"),
        ("NHI", "f8"),
        ("NHI_ERR", "f8"),
        ("DLA_CONFIDENCE", "f4"),
        ("ABSORBER_TYPE", "U8"),
        ("DLAFLAG", "i4"),
        ("IN_CATALOG", "?"),  # it is in DLACAT, not in CANDIDATES; no column of the file
    ]
)
"""An absorber that was found; in a file, a row of DLACAT or CANDIDATES."""

SEARCHED = np.dtype(
    [
        *_SPECTRUM,
        ("ZMIN", "f8"),  # absorbers were searched from here
        ("ZMAX", "f8"),  # to here; both NaN where not searched
        ("NDLA", "i4"),
        ("NCANDIDATES", "i4"),
        ("SIGHTLINE_FLAG", "i4"),
    ]
)
"""A quasar that was asked for; in a file, a row of SIGHTLINES."""

META_HDU = "DLA_META"
CATALOG_HDU = "DLACAT"
CANDIDATES_HDU = "CANDIDATES"
SIGHTLINES_HDU = "SIGHTLINES"

THRESHOLD_KEY = "MIN_CONF"
"""Keyword of DLACAT: the least DLA_CONFIDENCE of its rows."""

COLUMN_DENSITIES = (10.0, 30.0)
"""log10 of column densities that are none of them lie outside."""

_KINDS = {"i": "integers", "?": "integers", "f": "numbers"}
_ALL_TARGETS = ("FIBERMAP", "ZCATALOG", TRUTH_HDU, "TRUTH")


def read_absorbers(paths):
    """Read the absorbers that simulated spectra have.

    Parameters
    ----------
    paths : sequence of str
        Files with an HDU DLA_META: coadds of ``desinn simulate dla``, truth files of
        quickquasars, or files of this HDU alone, as the mocks of the DLA Toolkit come with.

    Returns
    -------
    structured array of dtype TRUE_ABSORBER
        In the order of the files.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file has no such HDU, lacks a column, holds something that is no absorber, or has a
        quasar that another file has, too: two simulations count their quasars alike.
    """
    parts, owner = [], {}
    for path in map(os.fspath, paths):
        with open_fits(path) as fits:
            rows = _table(fits, path, META_HDU, TRUE_ABSORBER, optional=("DLAID",))
        _check_absorbers(rows, path)
        _check_owner(np.unique(rows["TARGETID"]).tolist(), path, owner)
        parts.append(rows)
    return np.concatenate(parts) if parts else np.empty(0, TRUE_ABSORBER)


def read_known_targets(paths):
    """Return the quasars of which the truth is known, those without absorbers among them.

    Parameters
    ----------
    paths : sequence of str
        As in `read_absorbers`.

    Returns
    -------
    ndarray of int64 or None
        TARGETIDs of the files' FIBERMAP, ZCATALOG, EXTRA_CATALOG or TRUTH (the first that is
        there); None if some file holds none of them, so that nobody knows.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file's TARGETIDs are no integers.
    """
    parts = []
    for path in map(os.fspath, paths):
        with open_fits(path) as fits, naming(path):
            tables = {h.get_extname().upper(): h for h in fits if not is_image(h)}
            columns = (read_columns(tables[n], ["TARGETID"]) for n in _ALL_TARGETS if n in tables)
            column = next(filter(None, columns), None)
            if column is None:
                return None
            check_kinds(column, {"TARGETID": "integers"})
        parts.append(column["TARGETID"].astype(np.int64))
    return np.unique(np.concatenate(parts)) if parts else None


def read_dla_catalog(path):
    """Read a catalogue of absorbers, with all that was found and all that was searched.

    Parameters
    ----------
    path : str or os.PathLike
        As ``desi_find_dla`` writes it, with the HDUs DLACAT, CANDIDATES and SIGHTLINES.

    Returns
    -------
    found : structured array of dtype FOUND_ABSORBER
        The rows of DLACAT, then those of CANDIDATES.
    sightlines : structured array of dtype SEARCHED

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it lacks one of the HDUs or columns.
    """
    path = os.fspath(path)
    with open_fits(path) as fits:
        catalog, candidates = (
            _table(fits, path, name, FOUND_ABSORBER, optional=("IN_CATALOG",))
            for name in (CATALOG_HDU, CANDIDATES_HDU)
        )
        sightlines = _table(fits, path, SIGHTLINES_HDU, SEARCHED)
    catalog["IN_CATALOG"], candidates["IN_CATALOG"] = True, False
    return np.concatenate([catalog, candidates]), sightlines


def read_threshold(path):
    """Return the least confidence of a catalogue's absorbers, as its header states it.

    Parameters
    ----------
    path : str or os.PathLike
        As in `read_dla_catalog`.

    Returns
    -------
    float or None
        None where the header does not say.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no number.
    """
    header = catalog_header(path)
    with naming(path):
        return None if header.get(THRESHOLD_KEY) is None else float(number(header, THRESHOLD_KEY))


def catalog_header(path):
    """Return the header of a catalogue's DLACAT.

    Parameters
    ----------
    path : str or os.PathLike
        As in `read_dla_catalog`.

    Returns
    -------
    Mapping
        Empty where there is no such HDU.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with open_fits(path) as fits:
        for hdu in fits:
            if hdu.get_extname().upper() == CATALOG_HDU:
                return hdu.read_header()
    return {}


def _table(fits, path, name, dtype, optional=()):
    """Return a table's columns in a dtype of ours."""
    with naming(path):
        hdus = by_name(fits)
        if name not in hdus or is_image(hdus[name]):
            raise ValueError(f"expected a table {name}, found {names_of(hdus)}")
    with naming(path, name):
        return _rows(hdus[name], dtype, optional)


def _rows(hdu, dtype, optional):
    columns = read_columns(hdu, dtype.names)
    missing = [key for key in dtype.names if key not in columns and key not in optional]
    if missing:
        found = ", ".join(hdu.get_colnames())
        raise ValueError(f"expected a column {missing[0]}, found {found}")
    check_kinds(
        columns, {key: _KINDS[dtype[key].kind] for key in columns if dtype[key].kind != "U"}
    )
    rows = np.zeros(hdu.get_nrows(), dtype)
    for key, values in columns.items():
        if dtype[key].kind == "U":  # FITS fills up with blanks
            rows[key] = np.char.strip(values.astype(dtype[key]))
        else:
            rows[key] = values
    return rows


def _check_absorbers(rows, path):
    low, high = COLUMN_DENSITIES
    right = (rows["Z_DLA"] > -1) & np.isfinite(rows["Z_DLA"])
    right &= (rows["NHI"] > low) & (rows["NHI"] < high)
    wrong = np.flatnonzero(~right)
    if wrong.size:
        expected = f"Z_DLA above -1 and log10 of a column density from {low:g} to {high:g} in NHI"
        z, nhi = rows[["Z_DLA", "NHI"]][wrong[0]]
        raise ValueError(
            f"{path}: {META_HDU}: row {wrong[0]}: expected {expected}, found {z:g} and {nhi:g}"
        )


def _check_owner(targets, path, owner):
    for targetid in targets:
        first = owner.setdefault(targetid, path)
        if first != path:
            expected = f"each quasar in one file, found TARGETID {targetid} in {first}, too"
            raise ValueError(f"{path}: expected {expected}")

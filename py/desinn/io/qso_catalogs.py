"""Which spectra are quasars, and where: from catalogues of quasars and from redrock's files."""

import os

import numpy as np

from ..log import get_logger
from ..spectra.container import naming
from .boss import targetid_of
from .fits import open_fits
from .hdus import by_name, check_kinds, is_image, names_of, read_columns

QUASAR = [("TARGETID", "i8"), ("RA", "f8"), ("DEC", "f8"), ("Z", "f8")]
"""What is known of every quasar; coordinates in degrees, NaN where they are not known."""

NAMES = ("QSO_CAT", "QSOCAT", "ZCATALOG")
"""HDUs in which a catalogue is looked for first."""

VELOCITIES = ("VMIN_CIV_450", "VMAX_CIV_450")
"""Ends of the absorption troughs of CIV, km/s from the quasar, positive towards us."""

PLACES = {"RA": ("TARGET_RA", "RA"), "DEC": ("TARGET_DEC", "DEC")}
"""Coordinate -> what catalogues and fibermaps call it; the first that is there counts."""

_REDSHIFTS = ("Z", "Z_QN")
_REDROCK = ("REDSHIFTS", "ZBEST")  # the second in older versions
_FIBRE = ("PLATE", "MJD", "FIBERID")
_OTHERS = {"HPXPIXEL": "i8", "ZWARN": "i8"}
_WANTED = ("TARGETID", *_FIBRE, *_REDSHIFTS, "IS_QSO_QN", *PLACES["RA"], *PLACES["DEC"],
           *_OTHERS, *VELOCITIES)  # fmt: skip
_KINDS = {
    **dict.fromkeys(("TARGETID", *_OTHERS), "integers"),
    **dict.fromkeys((*_REDSHIFTS, "IS_QSO_QN", *PLACES["RA"], *PLACES["DEC"], *VELOCITIES),
                    "numbers"),
    "SPECTYPE": "text",
}  # fmt: skip


def read_qso_catalog(path):
    """Read a catalogue of quasars.

    Parameters
    ----------
    path : str or os.PathLike
        A FITS file with a table in HDU QSO_CAT, QSOCAT or ZCATALOG, else the first one that will
        do. It needs TARGETID (or PLATE, MJD, FIBERID, of which `desinn.io.boss.targetid_of`
        makes it) and Z, or Z_QN in its place; then IS_QSO_QN, if it is there, says which rows are
        quasars. Column names may be in any case.

    Returns
    -------
    numpy.ndarray
        (N,) structured, a row for each quasar in the order of the file: `QUASAR`; of HPXPIXEL
        and ZWARN, int64, those that the file has; and if it has both, of
        VMIN_CIV_450 and VMAX_CIV_450 (N, K) float32 as many as are in use, at least one.
        Of rows with the same TARGETID the first is kept, and one warning is logged.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        If there is no such table, with what is missing. All messages name the file.

    Examples
    --------
    >>> rows = read_qso_catalog("QSO_cat_main_dark_healpix.fits")  # doctest: +SKIP
    >>> read_qso_catalog("coadd-main-dark-1375.fits")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: coadd-main-dark-1375.fits: expected a table with TARGETID and Z, found ...
    """
    path = os.fspath(path)
    with open_fits(path) as fits, naming(path):
        columns = read_columns(_table(fits), _WANTED)
        check_kinds(columns, _KINDS)
        if "Z" not in columns and "IS_QSO_QN" in columns:
            chosen = columns["IS_QSO_QN"] == 1
            columns = {name: column[chosen] for name, column in columns.items()}
        rows = _joined(columns)
    return _without_repeats(rows, path)


def read_qso_catalogs(paths):
    """Read several catalogues of quasars as one.

    Parameters
    ----------
    paths : sequence of str
        As `read_qso_catalog` takes them.

    Returns
    -------
    numpy.ndarray
        (N,) as `read_qso_catalog` returns it, with the columns that all of them have, and with
        troughs if any has them. Of rows with the same TARGETID the first is kept, with the
        troughs of the first that has any, and one warning is logged. So the redshifts of one file
        (as a mock's zcat) can be joined with the troughs of another (its bal_cat).

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As for `read_qso_catalog`; and if no file is given.
    """
    parts = [read_qso_catalog(path) for path in paths]
    if not parts:
        raise ValueError("paths: expected at least one catalogue of quasars, found none")
    if len(parts) == 1:
        return parts[0]
    all_names = dict.fromkeys(name for part in parts for name in part.dtype.names)
    having = {name: [part for part in parts if name in part.dtype.names] for name in all_names}
    dtype = [
        (name, max(some, key=lambda part, n=name: part.dtype[n].itemsize).dtype[name])
        for name, some in having.items()
        if name in VELOCITIES or len(some) == len(parts)
    ]
    rows = np.zeros(sum(map(len, parts)), dtype)
    first = 0
    for part in parts:
        here = slice(first, first + len(part))
        for name in rows.dtype.names:
            _fill(rows[name][here], part[name] if name in part.dtype.names else None)
        first = here.stop
    _share_troughs(rows)
    return _without_repeats(rows, os.fspath(paths[0]) + " ...")


def _fill(target, values):
    """Copy a column; troughs that are not there, or fewer than elsewhere, are none (-1)."""
    if target.ndim == 1:
        target[...] = values
        return
    target[...] = -1
    if values is not None:
        target[:, : values.shape[1]] = values


def _share_troughs(rows):
    """Give rows without troughs, in place, those of another row with their TARGETID."""
    if not set(VELOCITIES) <= set(rows.dtype.names):
        return
    low, high = (rows[name] for name in VELOCITIES)
    given = np.flatnonzero((high > low).any(axis=1))
    known, first = np.unique(rows["TARGETID"][given], return_index=True)
    lacking = np.setdiff1d(np.arange(len(rows)), given)
    lacking = lacking[np.isin(rows["TARGETID"][lacking], known)]
    source = given[first[np.searchsorted(known, rows["TARGETID"][lacking])]]
    for name in VELOCITIES:
        rows[name][lacking] = rows[name][source]


def read_redrock(paths):
    """Read which spectra redrock takes for quasars.

    Parameters
    ----------
    paths : str, os.PathLike or iterable of them
        redrock files: HDU REDSHIFTS (or ZBEST) with TARGETID, Z, SPECTYPE and perhaps ZWARN;
        coordinates from HDU FIBERMAP, where it is.

    Returns
    -------
    numpy.ndarray
        (N,) structured: `QUASAR` and ZWARN, int64 (0 where the file does not say), for the rows of
        SPECTYPE QSO; none is left out for its ZWARN. Of rows with the same TARGETID, also in
        several files, the first is kept, and one warning is logged.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_qso_catalog`.
    ValueError
        If no file is given, or one lacks what is needed.
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not paths:
        raise ValueError("paths: expected at least one redrock file, found none")
    rows = np.concatenate([_redrock(os.fspath(path)) for path in paths])
    return _without_repeats(rows, os.fspath(paths[0]) + (" ..." if len(paths) > 1 else ""))


def _table(fits):
    """Return the HDU of the quasars."""
    tables = [(hdu, {n.upper() for n in hdu.get_colnames()}) for hdu in fits if not is_image(hdu)]
    by_its_name = {hdu.get_extname().upper(): (hdu, names) for hdu, names in tables}
    for name in NAMES:
        if name in by_its_name:
            hdu, names = by_its_name[name]
            if _missing(names):
                raise ValueError(f"HDU {name}: missing {_missing(names)}, found {_some(names)}")
            return hdu
    for hdu, names in tables:
        if not _missing(names):
            return hdu
    found = [f"{hdu.get_extname() or 'a table'} ({_some(names)})" for hdu, names in tables]
    raise ValueError(
        f"expected a table with TARGETID and Z, found {'; '.join(found) or 'no table'}"
    )


def _missing(names):
    """Return what a table of quasars lacks, as words."""
    who = "TARGETID" in names or set(_FIBRE) <= names
    missing = [] if who else ["TARGETID"]
    if not names & set(_REDSHIFTS):
        missing.append("Z (or Z_QN)")
    return " and ".join(missing)


def _some(names):
    names = sorted(names)
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _joined(columns):
    """Return the columns as one structured array."""
    z = columns["Z"] if "Z" in columns else columns["Z_QN"]
    values = {"TARGETID": _targetid(columns), "Z": z}
    for name, names in PLACES.items():
        values[name] = next((columns[n] for n in names if n in columns), np.nan)
    dtype = QUASAR + [(name, kind) for name, kind in _OTHERS.items() if name in columns]
    values |= {name: columns[name] for name in _OTHERS if name in columns}
    if set(VELOCITIES) <= set(columns):
        troughs = _troughs(*(columns[name] for name in VELOCITIES))
        values |= dict(zip(VELOCITIES, troughs, strict=True))
        dtype += [(name, "f4", troughs[0].shape[1:]) for name in VELOCITIES]
    rows = np.zeros(len(z), dtype)
    for name, value in values.items():
        rows[name] = value
    return rows


def _targetid(columns):
    if "TARGETID" in columns:
        return columns["TARGETID"]
    return targetid_of(*(columns[name] for name in _FIBRE))


def _troughs(low, high):
    """Return (N, K) velocities, without the columns that no quasar uses."""
    low, high = (v[:, None] if v.ndim == 1 else v for v in (low, high))
    if low.shape != high.shape:
        found = f"{low.shape[1]} and {high.shape[1]}"
        raise ValueError(f"expected as many of {' as of '.join(VELOCITIES)}, found {found}")
    used = np.flatnonzero((high > low).any(axis=0))
    size = used[-1] + 1 if used.size else 1
    return low[:, :size], high[:, :size]


def _redrock(path):
    with open_fits(path) as fits, naming(path):
        hdus = by_name(fits)
        extname = next((name for name in _REDROCK if name in hdus), None)
        if extname is None:
            raise ValueError(f"expected HDU REDSHIFTS, found {names_of(hdus)}")
        columns = read_columns(hdus[extname], ("TARGETID", "Z", "SPECTYPE", "ZWARN"))
        missing = [name for name in ("TARGETID", "Z", "SPECTYPE") if name not in columns]
        if missing:
            raise ValueError(f"HDU {extname}: missing {', '.join(missing)}")
        check_kinds(columns, _KINDS)
        quasars = np.char.strip(columns.pop("SPECTYPE").astype("U")) == "QSO"
        rows = np.zeros(np.count_nonzero(quasars), [*QUASAR, ("ZWARN", "i8")])
        for name, column in columns.items():
            rows[name] = column[quasars]
        rows["RA"], rows["DEC"] = _places(hdus.get("FIBERMAP"), rows["TARGETID"])
    return rows


def _places(fibermap, targetid):
    """Return coordinates of targets from a FIBERMAP, NaN for those that it does not have."""
    wanted = ("TARGETID", *(names[0] for names in PLACES.values()))
    columns = {} if fibermap is None else read_columns(fibermap, wanted)
    check_kinds(columns, _KINDS)
    if len(columns) < len(wanted) or not len(columns["TARGETID"]):
        return np.nan, np.nan
    known, first = np.unique(columns["TARGETID"], return_index=True)
    place = np.minimum(np.searchsorted(known, targetid), len(known) - 1)
    there = known[place] == targetid
    return [np.where(there, columns[name][first[place]], np.nan) for name in wanted[1:]]


def _without_repeats(rows, path):
    _, first = np.unique(rows["TARGETID"], return_index=True)
    repeated = len(rows) - len(first)
    if repeated:
        text = "%s: %d of %d rows repeat a TARGETID; the first of each is used"
        get_logger().warning(text, path, repeated, len(rows))
    return rows[np.sort(first)] if repeated else rows

"""What is known of spectra: lists of labels, truth HDUs, and whose row is whose."""

import csv
import os
import re

import numpy as np

from ..files import input_file
from ..log import get_logger
from ..spectra.container import naming
from . import desi
from .boss import targetid_of

KNOWN = np.dtype(
    [
        ("TARGETID", "i8"),
        ("TRUESPECTYPE", "U8"),
        ("TRUESUBTYPE", "U12"),
        ("TRUEZ", "f8"),
        ("SNR", "f8"),
        ("BI", "f8"),
        ("NAME", "U100"),  # name of the spectrum's file, without folder; "" where not known
        ("FILE", "i4"),  # number of the truth's file
        ("ROW", "i8"),  # in that file
    ]
)
"""What evaluation and training use; numbers that are not known are NaN, texts are empty."""

NEEDED = ("TRUESPECTYPE", "TRUEZ")
NO_TARGETID = -1
_SPEC = re.compile(r"spec-(\d{1,5})-(\d{5})-(\d{1,4})\.fits(\.gz)?")


def read_truth(paths, label_source=None):
    """Read what is known of spectra from CSV files and from FITS files with a truth HDU.

    Parameters
    ----------
    paths : sequence of str
        Lists of labels as `is_list` tells them; all others are read with
        `desinn.io.desi.read_truth`.
    label_source : str, optional
        Keep only those labels of a CSV whose label_source contains this text.

    Returns
    -------
    structured array of dtype KNOWN

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file lacks a column or holds something that is no number; file and line are named.
    """
    parts = []
    for number, path in enumerate(paths):
        rows = read_labels(path, label_source)[0] if is_list(path) else _read_hdu(path)
        rows["FILE"] = number
        parts.append(rows)
    return np.concatenate(parts) if parts else np.empty(0, KNOWN)


def is_list(path):
    """Return whether a file is a list of labels, by its name: it ends in ``.csv``.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    bool
    """
    return os.fspath(path).lower().endswith(".csv")


def _read_hdu(path):
    truth = desi.read_truth(path)
    if truth is None:
        raise ValueError(f"{path}: expected a truth HDU as simulated coadds have, found none")
    return known(truth, path)


def known(truth, name="truth"):
    """Return what is used of a truth table.

    Parameters
    ----------
    truth : structured array, shape (B,)
        TRUESPECTYPE and TRUEZ; others of `KNOWN` where it has them.
    name : str
        For the message.

    Returns
    -------
    structured array of dtype KNOWN, shape (B,)

    Raises
    ------
    ValueError
        If a column is missing, or a quasar has no redshift.
    """
    missing = [key for key in NEEDED if key not in truth.dtype.names]
    if missing:
        raise ValueError(f"{name}: expected columns {', '.join(NEEDED)}, found no {missing[0]}")
    rows = np.zeros(len(truth), KNOWN)
    rows["TARGETID"], rows["SNR"], rows["BI"] = NO_TARGETID, np.nan, np.nan
    for key in ("TARGETID", "TRUESPECTYPE", "TRUESUBTYPE", "TRUEZ", "SNR", "BI"):
        if key in truth.dtype.names:
            rows[key] = truth[key]
    for key in ("TRUESPECTYPE", "TRUESUBTYPE"):  # FITS fills up with blanks
        rows[key] = np.char.strip(rows[key])
    rows["ROW"] = np.arange(len(rows))
    wrong = np.flatnonzero((rows["TRUESPECTYPE"] == "QSO") & ~(rows["TRUEZ"] > -1))
    if wrong.size:
        found = rows["TRUEZ"][wrong[0]]
        raise ValueError(f"{name}: row {wrong[0]}: a quasar without redshift: TRUEZ {found}")
    return rows


def read_labels(path, label_source=None):
    """Read a list of labels: ``file,spectype,z`` and perhaps more.

    Parameters
    ----------
    path : str or os.PathLike
        CSV whose first line names the columns: ``file`` or ``targetid`` (or both), ``spectype``,
        ``z``; optional ``snr``, ``bi``, ``label_source``. Other columns are passed over. A file
        named as BOSS's (spec-PLATE-MJD-FIBER.fits) tells the TARGETID, too.
        What stands behind an underscore in spectype is the subtype (QSO_BAL is a QSO).
    label_source : str, optional
        Keep only rows whose label_source contains this text.

    Returns
    -------
    rows : structured array of dtype KNOWN, shape (B,)
    files : list of str
        The column ``file`` as it stands there, with folders; "" where nothing does.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If a column is missing or a number is none; file and line are named.
    """
    path = input_file(path)
    names, entries = _entries(path)
    if not {"spectype", "z"} <= set(names) or not {"file", "targetid"} & set(names):
        expected = "columns file or targetid, spectype and z"
        raise ValueError(f"{path}: expected {expected}, found {', '.join(names) or 'none'}")
    if label_source is not None:
        if "label_source" not in names:
            raise ValueError(f"{path}: expected a column label_source, found {', '.join(names)}")
        entries = [entry for entry in entries if label_source in _text(entry[0], "label_source")]
    files = [_text(entry, "file") for entry, _ in entries]
    rows = np.array([_label(*entry) for entry in entries], KNOWN)
    rows["ROW"] = np.arange(len(rows))
    return rows, files


def _entries(path):
    """Return the columns' names, and of each line: name -> text, and where it stands."""
    # A spreadsheet begins its files with a mark, which is none of the first name.
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as stream:
        reader = csv.DictReader(stream)
        try:
            names = reader.fieldnames or []
            return names, [(entry, f"{path}: line {reader.line_num}") for entry in reader]
        except csv.Error as error:  # as of a quotation mark without an end
            raise ValueError(f"{path}: line {reader.line_num}: {error}") from None


def _text(entry, key):
    return (entry.get(key) or "").strip()


def _label(entry, where):
    spectype, _, subtype = _text(entry, "spectype").upper().partition("_")
    if not spectype:
        raise ValueError(f"{where}: spectype is empty")
    z, snr, bi = (_number(entry, key, where) for key in ("z", "snr", "bi"))
    if spectype == "QSO" and not z > -1:
        raise ValueError(f"{where}: a quasar without redshift")
    name = os.path.basename(_text(entry, "file"))
    targetid = _targetid(_text(entry, "targetid"), name, where)
    return targetid, spectype, subtype, z, snr, bi, name, 0, 0


def _targetid(text, name, where):
    """Return the TARGETID that a line states, else that of a file of BOSS."""
    if text:
        try:
            return int(np.int64(text))
        except (ValueError, OverflowError):
            raise ValueError(f"{where}: targetid: expected an integer, found {text!r}") from None
    fibre = _SPEC.fullmatch(name)
    with naming(where, "file"):
        return int(targetid_of(*map(int, fibre.groups()[:3]))) if fibre else NO_TARGETID


def _number(entry, key, where):
    text = _text(entry, key) or "nan"
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{where}: {key}: expected a number, found {text!r}") from None


def match(targetid, truth, path):
    """Return the row of the truth for each row of a file.

    Parameters
    ----------
    targetid : ndarray of int64, shape (B,)
    truth : structured array of dtype KNOWN
        Where it has rows with the file's name, only these count: a single one is that of a
        single spectrum, whatever its TARGETID.
    path : str
        The file.

    Returns
    -------
    ndarray of int64, shape (B,)
        -1 where nothing is known.

    Raises
    ------
    ValueError
        If a TARGETID stands in the truth more than once, and the rows are not the file's own.
    """
    named = np.flatnonzero(truth["NAME"] == os.path.basename(path))
    if named.size == len(targetid) == 1:
        return named
    rows = named if named.size else np.arange(len(truth))
    ids = truth["TARGETID"][rows]
    if np.array_equal(ids, targetid) and len(set(ids.tolist())) > 1:
        return rows
    if not ids.size:
        return np.full(len(targetid), -1)
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    twice = np.intersect1d(ids[1:][ids[1:] == ids[:-1]], targetid)
    twice = twice[twice != NO_TARGETID]
    if twice.size:
        raise ValueError(f"{path}: TARGETID {twice[0]} is in the truth more than once")
    at = np.minimum(np.searchsorted(ids, targetid), len(ids) - 1)
    there = (ids[at] == targetid) & (targetid != NO_TARGETID)
    return np.where(there, rows[order[at]], -1)


def beside(targetid, truth, path):
    """Return the truth of the rows of a file of which it is known.

    Parameters
    ----------
    targetid, truth, path
        As in `match`.

    Returns
    -------
    truth : structured array of dtype KNOWN, shape (N,)
    rows : ndarray of int, shape (N,)
        Their numbers in the file.

    Raises
    ------
    ValueError
        As in `match`.
    """
    index = match(targetid, truth, path)
    rows = np.flatnonzero(index >= 0)
    return truth[index[rows]], rows


def report_left_out(kept, total):
    """Log how many spectra are left out, in one line for all files, if there are any.

    Parameters
    ----------
    kept, total : int
        Spectra of which the truth is known, and all.
    """
    if kept < total:
        get_logger().warning(
            "%d of %d spectra are left out: not in the truth", total - kept, total
        )

"""The catalogue of absorbers: from what finders return to the three tables of the file."""

import numpy as np

from ..finders.absorbers import ABSORBER, NOT_SEARCHED, SIGHTLINE, DLAFlag, SightlineFlag
from ..finders.verdict import accepted
from ..io.absorbers import CANDIDATES_HDU, CATALOG_HDU, FOUND_ABSORBER, SEARCHED, SIGHTLINES_HDU
from ..spectra.coaddition import NO_TARGETID

# All that is in the file; text as FITS has it, a byte a letter, for there may be millions of rows.
CATALOGUE = np.dtype([(name, kind.replace("<U", "S")) for name, kind in FOUND_ABSORBER.descr[:-1]])
"""Columns of DLACAT and CANDIDATES. Never one that is called Z: picca refuses both together."""

COLUMNS = {
    "TARGETID": ("", "target of the quasar"),
    "RA": ("deg", "right ascension of the quasar"),
    "DEC": ("deg", "declination of the quasar"),
    "Z_QSO": ("", "redshift of the quasar"),
    "SNR_FOREST": ("", "S/N per 0.8 A, rest 1040-1205 A"),
    "SNR_REDSIDE": ("", "S/N per 0.8 A, rest 1420-1480 A"),
    "DLAID": ("", "TARGETID and number of the absorber"),
    "Z_DLA": ("", "redshift of the absorber"),
    "Z_DLA_ERR": ("", "its standard error"),
    "NHI": ("", "log10 of the column of HI in cm^-2"),
    "NHI_ERR": ("", "its standard error, dex"),
    "DLA_CONFIDENCE": ("", "from 0 to 1"),
    "ABSORBER_TYPE": ("", "DLA, SUBDLA or LYB"),
    "DLAFLAG": ("", "bits, see FLAGBITn"),
    "ZMIN": ("", "absorbers were searched from here"),
    "ZMAX": ("", "to here"),
    "NDLA": ("", "rows in DLACAT"),
    "NCANDIDATES": ("", "rows in CANDIDATES"),
    "SIGHTLINE_FLAG": ("", "bits, see FLAGBITn"),
}
"""Unit of each column, and what it is."""

_FOUND = [name for name in CATALOGUE.names if name != "DLAID"]  # which is given at the end
_PART = np.dtype(
    [("SIGHTLINE", "i8"), ("ACCEPTED", "?"), *((name, CATALOGUE[name]) for name in _FOUND)]
)


def parts_of(absorbers, sightlines, known, limits):
    """Return what was found in one file as rows of the tables.

    Parameters
    ----------
    absorbers : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER`, sorted by row and redshift.
    sightlines : numpy.ndarray
        (B,) of `desinn.finders.absorbers.SIGHTLINE`.
    known : numpy.ndarray
        (B,) of `desinn.io.qso_catalogs.QUASAR`.
    limits : (float, float)
        Least NHI and confidence of an absorber in DLACAT.

    Returns
    -------
    dict of numpy.ndarray
        ``absorbers`` (A,) and ``sightlines`` (B,), for `tables_of`.
    """
    lines = _sightlines(known)
    for name in set(SIGHTLINE.names) - {"TARGETID", "Z_QSO"}:
        lines[name] = sightlines[name]
    rows = np.zeros(len(absorbers), _PART)
    rows["SIGHTLINE"] = absorbers["ROW"]
    rows["ACCEPTED"] = accepted(absorbers, *limits)
    for name in _FOUND:
        known = name in ABSORBER.names
        rows[name] = absorbers[name] if known else lines[name][absorbers["ROW"]]
    for name, chosen in (("NDLA", rows["ACCEPTED"]), ("NCANDIDATES", ~rows["ACCEPTED"])):
        lines[name] = np.bincount(rows["SIGHTLINE"][chosen], minlength=len(lines))
    return {"absorbers": rows, "sightlines": lines}


def tables_of(parts, missing):
    """Return the tables from the rows of all files.

    Parameters
    ----------
    parts : sequence of dict or None
        As `parts_of` returns them, one for each file; None for those that could not be used; one
        at least is there. Their absorbers are taken out: there may be millions.
    missing : callable
        Takes the (N,) TARGETIDs of all sightlines, and returns the quasars that were asked for
        and are not among them: (M,) of `desinn.io.qso_catalogs.QUASAR`.

    Returns
    -------
    tables : dict of numpy.ndarray
        DLACAT and CANDIDATES, of `CATALOGUE`, and SIGHTLINES, of
        `desinn.io.absorbers.SEARCHED`: first those of the
        files, in their order, then the missing ones. Of a TARGETID that is in several files the
        first sightline that was searched is kept, with what was found on it.
    counts : dict of int
        By the keyword for the header.
    rows : list of int
        Sightlines of each file.
    """
    used = [part for part in parts if part is not None]
    lines = np.concatenate([part["sightlines"] for part in used])
    sizes = np.array([0 if part is None else len(part["sightlines"]) for part in parts])
    starts = np.cumsum(sizes) - sizes
    first = _first_ones(lines)
    found = _joined(parts, starts, first)
    names = _names(found["TARGETID"])
    lost = missing(lines["TARGETID"])
    tables = {
        CATALOG_HDU: _chosen(found, names, found["ACCEPTED"]),
        CANDIDATES_HDU: _chosen(found, names, ~found["ACCEPTED"]),
        SIGHTLINES_HDU: np.concatenate([lines[first], _without_spectrum(lost)]),
    }
    kept = np.bincount(np.repeat(np.arange(len(parts)), sizes)[first], minlength=len(parts))
    return tables, _counts(tables, len(lost), len(first) - first.sum()), kept.tolist()


def _joined(parts, starts, first):
    """Return the absorbers of all files on the sightlines that are kept, and take them out."""
    kept = []
    for start, part in zip(starts, parts, strict=True):
        if part is not None:
            rows = part.pop("absorbers")
            rows["SIGHTLINE"] += start
            kept.append(rows[first[rows["SIGHTLINE"]]])
    return np.concatenate(kept)


def _chosen(found, names, which):
    """Return some absorbers, with their names, as rows of a catalogue."""
    rows = np.empty(np.count_nonzero(which), CATALOGUE)
    rows["DLAID"] = names[which]
    for name in _FOUND:
        rows[name] = found[name][which]
    return rows


def flag_cards(flags):
    """Return header cards that name the bits of a flag.

    Parameters
    ----------
    flags : type
        A `enum.IntFlag`.

    Returns
    -------
    dict
        FLAGBIT0 and so on -> (name, what it is).
    """
    return {
        f"FLAGBIT{flag.value.bit_length() - 1}": (flag.name, f"bit {flag.value}") for flag in flags
    }


FLAGS = {CATALOG_HDU: DLAFlag, CANDIDATES_HDU: DLAFlag, SIGHTLINES_HDU: SightlineFlag}
"""HDU -> the flags in it."""


def _sightlines(known):
    """Return rows for quasars of which no more is known yet."""
    lines = np.zeros(len(known), SEARCHED)
    for name in ("TARGETID", "RA", "DEC"):
        lines[name] = known[name]
    lines["Z_QSO"] = known["Z"]
    return lines


def _without_spectrum(known):
    lines = _sightlines(known)
    lines["SNR_FOREST"] = lines["SNR_REDSIDE"] = -1
    lines["ZMIN"] = lines["ZMAX"] = np.nan
    lines["SIGHTLINE_FLAG"] = SightlineFlag.NO_SPECTRUM
    return lines


def _first_ones(lines):
    """Return which of (N,) sightlines are kept of their TARGETID, or have none.

    The first that was searched; if none was, the first.
    """
    targetid = lines["TARGETID"]
    lost = (lines["SIGHTLINE_FLAG"] & int(NOT_SEARCHED)) != 0
    order = np.lexsort([lost, targetid])  # stable: in the order of the files
    kept = targetid == NO_TARGETID
    kept[order[np.unique(targetid[order], return_index=True)[1]]] = True
    return kept


def _names(targetid):
    """Return the DLAID of (A,) absorbers: they are counted within their TARGETID."""
    order = np.argsort(targetid, kind="stable")
    _, first, size = np.unique(targetid[order], return_index=True, return_counts=True)
    number = np.empty(len(targetid), np.int64)
    number[order] = np.arange(len(targetid)) - np.repeat(first, size) + 1
    names = np.empty(len(targetid), CATALOGUE["DLAID"])
    for first in range(0, len(names), 10_000):  # texts of Python's own are ten times as large
        part = slice(first, first + 10_000)
        pairs = zip(targetid[part].tolist(), number[part].tolist(), strict=True)
        names[part] = [f"{target}{n:03d}" for target, n in pairs]
    return names


def _counts(tables, lost, repeated):
    searched = (tables[SIGHTLINES_HDU]["SIGHTLINE_FLAG"] & int(NOT_SEARCHED)) == 0
    return {
        "NQSO": (len(tables[SIGHTLINES_HDU]), "quasars asked for"),
        "NSEARCH": (int(searched.sum()), "of them searched"),
        "NDLA": (len(tables[CATALOG_HDU]), "rows of DLACAT"),
        "NCAND": (len(tables[CANDIDATES_HDU]), "rows of CANDIDATES"),
        "NOSPEC": (int(lost), "quasars asked for without a spectrum"),
        "NREPEAT": (int(repeated), "quasars found again, left out"),
    }

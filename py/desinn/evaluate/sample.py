"""Results and truth, row by row, from the files that hold them."""

from dataclasses import dataclass, field

import numpy as np

from ..io.truth import KNOWN, beside, read_truth, report_left_out
from ..spectra import LINES, Grid

N_BOXES = 13
CATALOG_COLUMNS = {"TARGETID", "IS_QSO_QN", "Z_QN", "Z_QN_CONF"}


@dataclass(eq=False)
class Sample:
    """What was found and what is true of B spectra.

    Attributes
    ----------
    found : structured array, shape (B,)
        TARGETID and the columns of `desinn.finders.qso.QSOFinder.interpret`.
    truth : structured array of dtype `desinn.io.truth.KNOWN`, shape (B,)
        Its FILE and ROW say where the spectrum is: FILE counts in `files`.
    files : list of str
        Files of spectra.
    grid : desinn.spectra.Grid
        The network's.
    n_boxes : int
    lines : dict
        Name -> rest wavelength in A, of broad absorption too.
    n_thresh : int
    """

    found: np.ndarray
    truth: np.ndarray
    files: list
    grid: Grid = field(default_factory=Grid.log)
    n_boxes: int = N_BOXES
    lines: dict = field(default_factory=lambda: {**LINES, "CIV_BAL": LINES["CIV"]})
    n_thresh: int = 1

    def __len__(self):
        return len(self.found)


def is_catalog(path):
    """Return whether a file is a catalogue of quasars rather than spectra.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    bool

    Raises
    ------
    OSError
        If it is no FITS file, or damaged.
    """
    from ..io.fits import open_fits

    with open_fits(path) as fits:
        tables = [hdu for hdu in fits if hdu.get_exttype() != "IMAGE_HDU"]
        return any(set(hdu.get_colnames()) >= CATALOG_COLUMNS for hdu in tables)


def read_sample(inputs, truths=(), finder=None, label_source=None):
    """Read catalogues, or find quasars in spectra, and put the truth beside each row.

    Parameters
    ----------
    inputs : sequence of str
        Catalogues of `desi_find_qso` or files of spectra.
    truths : sequence of str
        As in `desinn.io.truth.read_truth`; without any, each input's own truth HDU.
    finder : callable, optional
        Returns a `desinn.finders.qso.QSOFinder`; called once, if there are spectra.
    label_source : str, optional
        As in `desinn.io.truth.read_truth`.

    Returns
    -------
    Sample
        Without the rows of which nothing is known (the log says how many).

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file is not what it should be, catalogues and spectra are mixed, or nothing is known
        of any row.
    """
    kinds = [is_catalog(path) for path in inputs]
    if len(set(kinds)) > 1:
        raise ValueError(f"expected catalogues or spectra, found both: {' '.join(inputs)}")
    if all(kinds) and not truths:
        raise ValueError(f"{inputs[0]}: a catalogue has no truth of its own: --truth is needed")
    known = read_truth(truths, label_source)
    finder = None if all(kinds) or finder is None else finder()
    parts, total = [], 0
    for number, path in enumerate(inputs):
        found = _catalog(path) if kinds[number] else _find(finder, path)
        truth = known if truths else read_truth([path])
        truth, rows = beside(found["TARGETID"], truth, path)
        total += len(found)
        if not all(kinds):
            truth["FILE"], truth["ROW"] = number, rows
        parts.append((found[rows], truth))
    files = list(truths) if all(kinds) else list(inputs)
    sample = _sample(parts, files, finder)
    if not len(sample):
        raise ValueError(f"{' '.join(inputs)}: the truth says nothing of any of these spectra")
    report_left_out(len(sample), total)
    return sample


def _catalog(path):
    from ..io.catalogs import read_catalog

    found = read_catalog(path)
    missing = CATALOG_COLUMNS - set(found.dtype.names)
    if missing:
        raise ValueError(f"{path}: expected the column {min(missing)} in the first table")
    return found


def _find(finder, path):
    from ..io.read import read_spectra

    return np.asarray(finder.find(read_spectra(path)).as_array())


def _sample(parts, files, finder):
    names = {found.dtype.names for found, _ in parts}
    if len(names) > 1:
        raise ValueError("expected catalogues with the same columns, found different ones")
    found = np.concatenate([found for found, _ in parts])
    truth = np.concatenate([truth for _, truth in parts] or [np.empty(0, KNOWN)])
    sample = Sample(found, truth, files)
    if finder is not None:
        sample.grid, sample.n_thresh = finder.grid, finder.n_thresh
        sample.n_boxes = finder.network.header["interpret"]["boxes"]
        sample.lines = {**finder.lines, **finder.bal_lines}
    sample.lines = {k: v for k, v in sample.lines.items() if f"C_{k}" in found.dtype.names}
    return sample

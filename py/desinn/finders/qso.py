"""Quasars: QuasarNET's input, and what its boxes and offsets mean.

Sources: Busca & Balland 2018 (arXiv:1808.09955), Farr et al. 2020 (arXiv:2007.10348).
"""

import numpy as np

from ..spectra import NORMALIZATION, Grid, normalize, rebin
from ..spectra.lines import C_KMS
from .base import NOT_RUN, input_flags
from .header import section

LINE = {"name": str, "wave": float}
PREPARE = {"grid": dict, "normalize": str}
INTERPRET = {
    "boxes": int,
    "lines": [LINE],
    "bal_lines": [LINE],
    "c_thresh": float,
    "n_thresh": int,
    "z_within": float,
}


class QSOFinder:
    """Finds quasars and their redshifts in spectra.

    Parameters
    ----------
    network : desinn.nn.Network
        Of kind ``qso``: one input (B, W, 1), for each line one output (B, 2 * boxes).

    Attributes
    ----------
    network : desinn.nn.Network
    grid : desinn.spectra.Grid
        The bins of the input.
    lines, bal_lines : dict
        Name -> rest wavelength in A; of the emission lines, and of broad absorption.
    c_thresh : float
        A line counts as found if its confidence is larger.
    n_thresh : int
        A quasar is what has at least so many lines.
    z_within : float
        km/s: lines whose redshifts lie at most so far from that of the most confident one share
        in the quasar's redshift. 0, as published: that line alone.

    Raises
    ------
    ValueError
        If the network's header does not say all that is needed, or outputs do not fit it.

    Examples
    --------
    >>> from desinn import load_model
    >>> finder = load_model("qso.npz")  # doctest: +SKIP
    >>> table = finder.find(spectra)  # doctest: +SKIP
    """

    def __init__(self, network):
        self.network = network
        prepare = section(network.header, "prepare", PREPARE)
        if prepare["normalize"] != NORMALIZATION:
            found = prepare["normalize"]
            raise ValueError(f"prepare: normalize: expected {NORMALIZATION!r}, found {found!r}")
        self.grid = Grid.from_header(prepare["grid"])
        interpret = section(network.header, "interpret", INTERPRET)
        self._boxes = interpret["boxes"]
        self.lines = _rest(interpret["lines"])
        self.bal_lines = _rest(interpret["bal_lines"])
        self.c_thresh = interpret["c_thresh"]
        self.n_thresh = interpret["n_thresh"]
        self.z_within = interpret["z_within"]
        if not self.lines or not 0 <= self.c_thresh < 1:
            found = f"{len(self.lines)} lines, c_thresh {self.c_thresh}"
            raise ValueError(
                f"interpret: expected lines and a c_thresh from 0 to 1, found {found}"
            )
        self._check_shapes()

    def _check_shapes(self):
        graph = self.network.graph
        shapes = list(graph.inputs.values())
        if shapes != [(self.grid.size, 1)]:
            raise ValueError(f"inputs: expected one of {(self.grid.size, 1)}, found {shapes}")
        expected = dict.fromkeys([*self.lines, *self.bal_lines], (2 * self._boxes,))
        found = {name: graph.shapes[node] for name, node in graph.outputs.items()}
        if found != expected:
            raise ValueError(f"outputs: expected {expected}, found {found}")

    def find(self, spectra, c_thresh=None, n_thresh=None):
        """Find quasars: prepare, run, interpret.

        Parameters
        ----------
        spectra : desinn.spectra.Spectra
            B spectra.
        c_thresh : float, optional
            In place of the file's own threshold on the confidence of a line.
        n_thresh : int, optional
            In place of the file's own number of lines.

        Returns
        -------
        astropy.table.Table
            B rows in the order of the input: TARGETID, and the columns of `interpret`.
        """
        from astropy.table import Table

        x, flags = self.prepare(spectra)
        rows = self.interpret(self.network(x), flags, c_thresh, n_thresh)
        table = Table(rows)
        table.add_column(spectra.targetid, name="TARGETID", index=0)
        return table

    def thresholds(self, c_thresh=None, n_thresh=None):
        """Return the thresholds that hold: those given, else the file's own.

        Parameters
        ----------
        c_thresh : float, optional
        n_thresh : int, optional

        Returns
        -------
        c_thresh : float
        n_thresh : int

        Raises
        ------
        ValueError
            If `n_thresh` is more than there are lines, or below 1.
        """
        n_thresh = self.n_thresh if n_thresh is None else n_thresh
        if not 1 <= n_thresh <= len(self.lines):
            raise ValueError(f"n_thresh: expected 1 to {len(self.lines)} lines, found {n_thresh}")
        return self.c_thresh if c_thresh is None else c_thresh, n_thresh

    def prepare(self, spectra):
        """Return the network's input.

        Parameters
        ----------
        spectra : desinn.spectra.Spectra

        Returns
        -------
        x : ndarray of float32, shape (B, W, 1)
            Rebinned, normalised flux; 0 in rows that cannot be run.
        flags : ndarray of int32, shape (B,)
            `desinn.finders.base.Flag` of each row.
        """
        x, flags = network_input(spectra, self.grid)
        return x[:, :, np.newaxis], flags  # (B, W) -> (B, W, 1)

    def interpret(self, outputs, flags, c_thresh=None, n_thresh=None):
        """Return what the outputs mean.

        Parameters
        ----------
        outputs : dict of ndarray, shape (B, 2 * boxes)
            The network's.
        flags : ndarray of int, shape (B,)
        c_thresh, n_thresh : optional
            As in `find`.

        Returns
        -------
        structured array, shape (B,)
            IS_QSO_QN (1, 0, or -1 where the row was not run), Z_QN (`shared_redshift` of the
            lines), Z_QN_CONF (the largest confidence), C_x and Z_x for every line x, QN_FLAG.
            What was not run is NaN.

        Raises
        ------
        ValueError
            If `n_thresh` is more than there are lines, or below 1.
        """
        c_thresh, n_thresh = self.thresholds(c_thresh, n_thresh)
        every = {**self.lines, **self.bal_lines}
        columns = {
            name: line_of(outputs[name], rest, self.grid.wave) for name, rest in every.items()
        }
        c = np.stack([columns[name][0] for name in self.lines], axis=1)  # (B, lines)
        z = np.stack([columns[name][1] for name in self.lines], axis=1)
        rows = np.empty(len(flags), self._dtype())
        rows["IS_QSO_QN"] = np.count_nonzero(c > c_thresh, axis=1) >= n_thresh
        rows["Z_QN"] = shared_redshift(c, z, self.z_within)
        rows["Z_QN_CONF"] = c.max(axis=1)
        for name, (confidence, redshift) in columns.items():
            rows[f"C_{name}"], rows[f"Z_{name}"] = confidence, redshift
        rows["QN_FLAG"] = flags
        _blank(rows, (flags & NOT_RUN) != 0)
        return rows

    def _dtype(self):
        names = [*self.lines, *self.bal_lines]
        return np.dtype(
            [("IS_QSO_QN", "i2"), ("Z_QN", "f8"), ("Z_QN_CONF", "f4")]
            + [(f"C_{name}", "f4") for name in names]
            + [(f"Z_{name}", "f8") for name in names]
            + [("QN_FLAG", "i4")]
        )


def network_input(spectra, grid):
    """Return spectra rebinned and normalised.

    Parameters
    ----------
    spectra : desinn.spectra.Spectra
    grid : desinn.spectra.Grid

    Returns
    -------
    x : ndarray of float32, shape (B, W)
        0 in rows that cannot be run.
    flags : ndarray of int32, shape (B,)
        `desinn.finders.base.Flag` of each row.
    """
    flux, ivar = rebin(spectra.cameras, grid)
    x, valid = normalize(flux, ivar)
    return x, input_flags(spectra, valid, ivar.any(axis=1))


def line_of(output, rest, wave):
    """Return confidence and redshift of one line from its boxes and offsets.

    Confidence is that of the best box; the line stands at box + offset, in units of
    W / boxes bins (Busca & Balland 2018, section 3).

    Parameters
    ----------
    output : ndarray of float, shape (B, 2 * boxes)
        The network's, boxes before offsets.
    rest : float
        Rest wavelength, A.
    wave : ndarray of float64, shape (W,)
        Lower edges of the network's bins, A.

    Returns
    -------
    confidence : ndarray, shape (B,)
        Of the dtype of `output`.
    z : ndarray of float64, shape (B,)
    """
    boxes, offsets = np.split(output, 2, axis=1)
    best = boxes.argmax(axis=1)[:, np.newaxis]
    confidence = np.take_along_axis(boxes, best, axis=1)[:, 0]
    place = (best + np.take_along_axis(offsets, best, axis=1).astype(np.float64))[:, 0]
    seen = np.interp(place * wave.size / boxes.shape[1], np.arange(wave.size), wave)
    return confidence, seen / rest - 1


def shared_redshift(confidence, z, within):
    """Return the redshift that the most confident line and those that agree with it give.

    A line's own redshift scatters by half a bin and more, and lines scatter apart from one
    another: their mean, weighted by confidence, lies nearer to the truth.

    Parameters
    ----------
    confidence : ndarray, shape (B, lines)
    z : ndarray of float64, shape (B, lines)
        Redshift from each line.
    within : float
        km/s from the most confident line's: what lies further away is another line, taken for
        this one. 0: that line alone (Busca & Balland 2018).

    Returns
    -------
    ndarray of float64, shape (B,)

    Examples
    --------
    >>> c, z = np.array([[0.9, 0.3, 0.8]]), np.array([[2.0, 2.004, 0.5]])
    >>> shared_redshift(c, z, 4000.0), shared_redshift(c, z, 0.0)
    (array([2.001]), array([2.]))
    """
    best = confidence.argmax(axis=1)[:, np.newaxis]
    z_best = np.take_along_axis(z, best, axis=1)  # (B, 1)
    if not within:
        return z_best[:, 0]
    agree = np.abs(z - z_best) * C_KMS <= within * (1 + z_best)
    weight = np.where(agree, confidence, 0).astype(np.float64)
    # Of the differences, which are 0 for the best line: exact where it stands alone, or where
    # all confidences underflow.
    total = np.maximum(weight.sum(axis=1), np.finfo(np.float64).tiny)
    return z_best[:, 0] + ((z - z_best) * weight).sum(axis=1) / total


def _rest(lines):
    """Return name -> rest wavelength from the header's list of objects."""
    if not all(line["wave"] > 0 for line in lines):
        raise ValueError(f"interpret: lines: expected wavelengths above 0, found {lines}")
    return {line["name"]: line["wave"] for line in lines}


def _blank(rows, where):
    """Set what was not run to NaN, and IS_QSO_QN to -1."""
    for name in rows.dtype.names:
        if rows.dtype[name].kind == "f":
            rows[name][where] = np.nan
    rows["IS_QSO_QN"][where] = -1

"""Damped Lyman-alpha absorbers: a network that looks at the whole sightline at once.

For each cell of some 280 km/s the network says how likely an absorber stands there, how far from
the cell's middle, and its column density, with errors. What stands highest among its neighbours
is an absorber.
"""

import numpy as np

from ..spectra import rebin
from ..spectra.lines import C_KMS
from .absorber_finder import CORE, AbsorberFinder, mark_gaps, redshifts_of
from .absorbers import ABSORBER, LYA, NOT_SEARCHED
from .dla_input import SightlineInput
from .header import section
from .sightlines import brightness, searched_range, sightlines
from .verdict import judge

INTERPRET = {
    "method": str,
    "threshold": float,
    "floor": float,
    "apart": float,
    "nhi": [float, float],
}

OUTPUTS = ("confidence", "offset", "nhi", "offset_lnerr", "nhi_lnerr")
"""What the network says of each cell: probability; place against the cell's middle, in cells;
log10 of the column density; natural logarithms of the errors of these two."""

_LNERR = (-6.0, 4.0)  # training lets them be -5 to 3; calibration may add to that
_ROWS = 128  # sightlines whose input is made at once
_ROUND = 32  # cells: sightlines whose lengths round up to the same are run together


def dla_finder(network):
    """Return the finder of a network of kind ``dla``, by the method that its header names.

    Parameters
    ----------
    network : desinn.nn.Network

    Returns
    -------
    DLAFinder or desinn.finders.dla_windows.WindowDLAFinder

    Raises
    ------
    ValueError
        If there is no such method, or the header does not say all that is needed.
    """
    from .dla_windows import WindowDLAFinder

    finders = {"sightline": DLAFinder, "windows": WindowDLAFinder}
    method = network.header["prepare"].get("method")
    if method not in list(finders):  # what a file says need not be hashable
        raise ValueError(f"prepare: method: expected one of {list(finders)}, found {method!r}")
    return finders[method](network)


class DLAFinder(AbsorberFinder):
    """Finds damped Lyman-alpha absorbers in spectra of quasars.

    Parameters
    ----------
    network : desinn.nn.Network
        Of kind ``dla``: one input (B, L, C) of any length L, the outputs (B, K, 1) of `OUTPUTS`
        for the cells that its receptive field leaves.

    Attributes
    ----------
    network : desinn.nn.Network
    input : desinn.finders.dla_input.SightlineInput
    min_confidence : float
        From here on an absorber counts.
    floor : float
        From here on it is a candidate.
    apart : float
        Absorbers nearer than this are one, cells.
    halo : int
        Bins of the input that the outputs' cells do not cover, both sides together.

    Raises
    ------
    ValueError
        If the network's header does not say all that is needed, or outputs do not fit it.
    """

    def __init__(self, network):
        self.network = network
        self.input = SightlineInput.from_header(network.header)
        said = section(network.header, "interpret", INTERPRET)
        self.min_confidence, self.floor = said["threshold"], said["floor"]
        self.apart, self._nhi = said["apart"], said["nhi"]
        if not 0 < self.floor <= self.min_confidence < 1:
            found = f"{self.floor} and {self.min_confidence}"
            raise ValueError(f"interpret: expected 0 < floor <= threshold < 1, found {found}")
        if self.apart < 1:
            raise ValueError(f"interpret: expected apart of 1 or more, found {self.apart}")
        self._core = int(np.ceil(CORE / C_KMS / np.log(10) / self.input.width))
        self._check_shapes((None, self.input.channels), OUTPUTS, (None, 1))
        self.halo = self._halo()

    def _halo(self):
        """Return `halo`, or raise where the network's outputs are no such cells."""
        graph = self.network.graph
        field = graph.receptive_field("confidence")[0]
        halo = None if field is None else sum(field) + 1 - self.input.cell
        if halo is None or field[0] or halo < 0 or halo % 2:
            raise ValueError(
                f"nodes: expected valid padding and a receptive field of {self.input.cell} bins "
                f"and as many on either side, found {field}"
            )
        name = next(iter(graph.inputs))
        for cells in (1, 2):
            bins = halo + cells * self.input.cell
            shapes = graph.shapes_for({name: (bins, self.input.channels)})
            found = shapes[graph.outputs["confidence"]][0]
            if found != cells:
                raise ValueError(
                    f"nodes: expected one output for each cell of {self.input.cell} bins, found "
                    f"{found} for {cells}"
                )
        return halo

    def search(self, spectra, z):
        """Find all absorbers and candidates.

        Parameters
        ----------
        spectra : desinn.spectra.Spectra
            B spectra.
        z : array_like
            (B,) redshifts of the quasars; NaN where there is none.

        Returns
        -------
        absorbers : numpy.ndarray
            (A,) of `desinn.finders.absorbers.ABSORBER`, by row and redshift.
        sightlines : numpy.ndarray
            (B,) of `desinn.finders.absorbers.SIGHTLINE`.
        """
        lines, parts = self._run(spectra, z)
        found = [np.empty(0, ABSORBER)]
        for rows, first, outputs, weight in parts:
            part = self.interpret(outputs, first, lines["Z_QSO"][rows])
            place = np.rint(self.input.cell_of(LYA * (1 + part["Z_DLA"]))).astype(int)
            mark_gaps(part, weight, place - first[part["ROW"]], self._core)
            part["ROW"] = rows[part["ROW"]]
            found.append(part)
        found = np.concatenate(found)
        found = found[np.lexsort([found["Z_DLA"], found["ROW"]])]
        judge(found, lines, self.input.width, self._nhi, self.min_confidence)
        return found, lines

    def trace(self, spectra, z):
        """Return the network's confidence along each sightline, to look at.

        Parameters
        ----------
        spectra, z
            As for `search`.

        Returns
        -------
        list of (numpy.ndarray, numpy.ndarray)
            For each spectrum wavelengths in A and confidences; empty where not searched.
        """
        lines, parts = self._run(spectra, z)
        traces = [(np.empty(0), np.empty(0, np.float32))] * len(lines)
        for rows, first, outputs, _ in parts:
            inside, middle = self._searched(lines["Z_QSO"][rows], first, outputs)
            for k, row in enumerate(rows):
                shown = 10 ** middle[k][inside[k]], outputs["confidence"][k, inside[k], 0]
                traces[row] = shown
        return traces

    def prepare(self, flux, ivar, z, scale, first, cells):
        """Return the network's input for some cells of each sightline.

        Parameters
        ----------
        flux, ivar : numpy.ndarray
            (B, W) in the bins of the grid.
        z, scale : array_like
            (B,) redshifts and brightness of the quasars.
        first : array_like
            (B,) first cell of each.
        cells : int
            How many cells K the outputs shall have.

        Returns
        -------
        numpy.ndarray
            (B, L, C) float32.
        """
        begin = self.input.cell * np.asarray(first) - self.halo // 2
        length = self.input.cell * cells + self.halo
        return self.input.channels_of(flux, ivar, z, scale, begin, length)

    def interpret(self, outputs, first, z):
        """Return the absorbers that the outputs speak of.

        Parameters
        ----------
        outputs : dict of numpy.ndarray
            (B, K, 1) the network's.
        first : array_like
            (B,) number of the first cell of each sightline.
        z : array_like
            (B,) redshifts of the quasars: only what lies in their searched range is looked at.

        Returns
        -------
        numpy.ndarray
            (A,) of `desinn.finders.absorbers.ABSORBER`, in no order; type and flags are not set.
        """
        inside, middle = self._searched(z, first, outputs)
        values = {name: outputs[name][:, :, 0] for name in OUTPUTS}
        row, cell = peaks(np.where(inside, values["confidence"], 0), values["offset"],
                          self.floor, self.apart)  # fmt: skip
        at = {name: value[row, cell].astype(np.float64) for name, value in values.items()}
        found = np.zeros(len(row), ABSORBER)
        found["ROW"] = row
        seen = 10 ** (middle[row, cell] + at["offset"] * self.input.width)
        found["Z_DLA"] = seen / LYA - 1
        lnerr = {name: np.clip(at[f"{name}_lnerr"], *_LNERR) for name in ("offset", "nhi")}
        width = np.log(10) * self.input.width * np.exp(lnerr["offset"])
        found["Z_DLA_ERR"] = width * (1 + found["Z_DLA"])
        found["NHI"] = np.clip(at["nhi"], *self._nhi)
        found["NHI_ERR"] = np.exp(lnerr["nhi"])
        found["DLA_CONFIDENCE"] = at["confidence"]
        return found

    def _searched(self, z, first, outputs):
        """Return which of (B, K) cells are searched, and log10 of their wavelengths."""
        cells = np.asarray(first)[:, None] + np.arange(outputs["confidence"].shape[1])
        low, high = np.log10(searched_range(z, self.input.rest))
        middle = self.input.middle(cells)
        return (middle >= low[:, None]) & (middle <= high[:, None]), middle

    def _run(self, spectra, z):
        """Return sightlines, and rows, first cells, outputs and weights of all that are run."""
        grid = self.input.grid
        flux, ivar = rebin(spectra.cameras, grid)
        z = redshifts_of(spectra, z)
        scale = brightness(flux, ivar, grid, z, self.input.scale)
        lines = sightlines(spectra, z, flux, ivar, grid, scale, self.input.rest)
        first, cells = self.extent(z)
        run = (lines["SIGHTLINE_FLAG"] & NOT_SEARCHED) == 0
        parts = []
        for count in np.unique(cells[run]):
            alike = np.flatnonzero(run & (cells == count))
            for begin in range(0, alike.size, _ROWS):
                rows = alike[begin : begin + _ROWS]
                x = self.prepare(flux[rows], ivar[rows], z[rows], scale[rows], first[rows], count)
                inner = x[:, self.halo // 2 : x.shape[1] - self.halo // 2, 1]
                weight = inner.reshape(len(rows), count, self.input.cell)  # (B, K, cell)
                parts.append((rows, first[rows], self.network(x), weight.any(axis=2)))
        return lines, parts

    def extent(self, z):
        """Return the cells that cover the searched range of each sightline, and a few more.

        Parameters
        ----------
        z : array_like
            (B,) redshifts of the quasars.

        Returns
        -------
        first, cells : numpy.ndarray
            (B,) int64 number of the first cell, and of cells: a multiple of 32; 0 where there is
            nothing to search.
        """
        low, high = searched_range(z, self.input.rest)
        empty = ~np.isfinite(low)
        low, high = (np.where(empty, self.input.grid.wave[0], end) for end in (low, high))
        first = np.floor(self.input.cell_of(low)).astype(np.int64)
        last = np.ceil(self.input.cell_of(high)).astype(np.int64)
        cells = -(-(last - first + 1) // _ROUND) * _ROUND
        return first, np.where(empty, 0, cells)


def peaks(confidence, offset, floor, apart):
    """Return what stands highest among its neighbours, sightline by sightline.

    The highest cell is taken first, of equal ones that which is nearest to its absorber; cells so
    near to where it puts its absorber, or that put theirs so near, are spoken for; then the
    highest of the others.

    Parameters
    ----------
    confidence : numpy.ndarray
        (B, K), 0 where not searched.
    offset : numpy.ndarray
        (B, K) from the cell to where it puts its absorber, cells.
    floor : float
        Least confidence, above 0.
    apart : float
        Distance within which two are one, cells.

    Returns
    -------
    row, cell : numpy.ndarray
        (A,) int64.
    """
    left = np.array(confidence)
    place = np.arange(left.shape[1]) + offset  # (B, K)
    active = np.arange(len(left))
    found = []
    while active.size:
        highest = left[active] == left[active].max(axis=1, keepdims=True)
        best = np.where(highest, np.abs(offset[active]), np.inf).argmin(axis=1)
        high = left[active, best] >= floor
        active, best = active[high], best[high]
        found.append((active, best))
        here = place[active, best][:, None]
        near = np.abs(place[active] - here) < apart
        near |= np.abs(np.arange(left.shape[1]) - here) < apart
        near[np.arange(len(active)), best] = True
        left[active] = np.where(near, 0, left[active])
    rows, cells = (np.concatenate([pair[k] for pair in found] or [[]]) for k in (0, 1))
    return rows.astype(np.int64), cells.astype(np.int64)

"""Damped Lyman-alpha absorbers: the published networks, which look through a window.

A window around each pixel of the spectrum is classified; `desinn.finders.votes` makes absorbers
of that. Sources: Parks et al. 2018 (arXiv:1709.04962), Wang et al. 2022 (arXiv:2201.00827).

The header of such a network says in ``prepare``:

``method``
    ``windows``.
``grid``
    The pixels, evenly spaced in log10 of the wavelength (`desinn.spectra.Grid`).
``window``
    Pixels n of a window; the one it is about has n // 2 before it.
``medians``
    Widths of running medians of the flux that are further channels, such as [3, 7, 15]; or none.
``rest``, ``bluest``
    Windows are about pixels of these rest wavelengths of the quasar, from this observed one on, A.
``scale``
    Rest wavelengths in A between which the median flux is 1 in the input.

And in ``interpret``:

``method``
    ``windows``.
``threshold``, ``floor``
    Sum of votes from which on there is an absorber, and a candidate.
``valley``, ``min_class``, ``votes``
    As `desinn.finders.votes` takes them.
``nhi_pixels``
    Windows up to so many pixels away have a say in the column density.
``nhi_correction``
    Polynomial that corrects its mean, the highest power first; empty for none.
``nhi``
    Smallest and largest log10 N that the network can say.
"""

from dataclasses import dataclass

import numpy as np

from ..nn.windows import SharedWindows
from ..spectra import Grid, rebin
from ..spectra.lines import C_KMS
from .absorber_finder import CORE, AbsorberFinder, mark_gaps, redshifts_of
from .absorbers import ABSORBER, LYA, NOT_SEARCHED
from .header import section
from .sightlines import brightness, sightlines
from .verdict import judge
from .votes import column_densities, find_peaks, median_filter, vote_sums

PREPARE = {
    "method": str,
    "grid": dict,
    "window": int,
    "medians": [int],
    "rest": [float, float],
    "bluest": float,
    "scale": [float, float],
}
INTERPRET = {
    "method": str,
    "threshold": float,
    "floor": float,
    "valley": float,
    "min_class": float,
    "votes": float,
    "nhi_pixels": int,
    "nhi_correction": [float],
    "nhi": [float, float],
}
OUTPUTS = ("confidence", "offset", "nhi")
"""What the network says of a window: probability, pixels from its middle, log10 N."""

_END = 50  # pixels whose mean stands for what is beyond an end of the spectrum
_COARSE = 2e-4  # dex: wider than any camera's pixels


@dataclass(frozen=True)
class WindowInput:
    """How a spectrum becomes the series that windows are cut from; as the header says."""

    grid: Grid
    window: int
    medians: tuple
    rest: tuple
    bluest: float
    scale: tuple

    @classmethod
    def from_header(cls, header):
        """Return what the section ``prepare`` of a header says.

        Parameters
        ----------
        header : dict

        Returns
        -------
        WindowInput

        Raises
        ------
        ValueError
            If something is missing, unknown, of the wrong type or of no use.
        """
        said = section(header, "prepare", PREPARE)
        said.pop("method")
        said["grid"] = Grid.from_header(said["grid"])
        for name in ("medians", "rest", "scale"):
            said[name] = tuple(said[name])
        if said["grid"].spacing != "log":
            raise ValueError("prepare: expected a log grid")
        if not all(width > 0 and width % 2 for width in said["medians"]):
            raise ValueError(f"prepare: medians: expected odd widths, found {said['medians']}")
        return cls(**said)

    @property
    def channels(self):
        """Number of channels m: the flux and its medians."""
        return 1 + len(self.medians)

    def wave(self, place):
        """Return the wavelengths at the middle of bins, A."""
        return 10 ** (self.grid.start + self.grid.step * (np.asarray(place) + 0.5))

    def series(self, flux, ivar, z, scale):
        """Return the series of one spectrum, and the bin that its first window is about.

        Bins without data between others get the straight line between these: they are no
        absorber, and a grid finer than the camera's pixels is interpolated.

        Parameters
        ----------
        flux, ivar : numpy.ndarray
            (W,) in the bins of the grid.
        z, scale : float
            Redshift and brightness of the quasar.

        Returns
        -------
        first : int
        series : numpy.ndarray
            (N, m) float32: N - window + 1 windows, one about each bin that is to be looked at.
            Shorter than a window where there is none.
        """
        data = np.flatnonzero(ivar > 0)
        bins = np.arange(self.grid.size)
        wave = self.wave(bins)
        low, high = max(self.rest[0] * (1 + z), self.bluest), self.rest[1] * (1 + z)
        inside = bins[(wave >= low) & (wave <= high)]
        inside = inside[(inside >= data[0]) & (inside <= data[-1])] if data.size else inside[:0]
        if not inside.size:
            return 0, np.empty((0, self.channels), np.float32)
        spare = max(self.medians, default=0) // 2
        before = self.window // 2
        place = np.arange(
            inside[0] - before - spare, inside[-1] + self.window - before + spare
        )  # (N + 2 spare,)
        bridged = np.interp(np.arange(data[0], data[-1] + 1), data, flux[data])
        ends = bridged[:_END].mean(), bridged[-_END:].mean()
        at = np.clip(place - data[0], 0, len(bridged) - 1)
        values = np.where(place < data[0], ends[0], bridged[at])
        values = np.where(place > data[-1], ends[1], values) / scale
        filtered = [values, *(median_filter(values, width) for width in self.medians)]
        return int(inside[0]), np.stack(filtered, axis=1)[spare : len(place) - spare].astype("f4")


class WindowDLAFinder(AbsorberFinder):
    """Finds damped Lyman-alpha absorbers with a network for windows.

    Parameters
    ----------
    network : desinn.nn.Network
        Of kind ``dla``: one input (B, n, m), the outputs (B, 1) of `OUTPUTS`.

    Attributes
    ----------
    network : desinn.nn.Network
    input : WindowInput
    min_confidence : float
        From here on an absorber counts.
    floor : float
        From here on it is a candidate.

    Raises
    ------
    ValueError
        If the network's header does not say all that is needed, or the network does not fit it.
    """

    def __init__(self, network):
        self.network = network
        self.input = WindowInput.from_header(network.header)
        said = section(network.header, "interpret", INTERPRET)
        self._said, self._nhi = said, said["nhi"]
        self.min_confidence, self.floor = said["threshold"], said["floor"]
        if not 0 < said["valley"] <= self.floor <= self.min_confidence:
            expected = "0 < valley <= floor <= threshold"
            raise ValueError(f"interpret: expected {expected}, found {said}")
        self._core = int(np.ceil(CORE / C_KMS / np.log(10) / self.input.grid.step))
        self._check_shapes((self.input.window, self.input.channels), OUTPUTS, (1,))
        self._windows = SharedWindows(network)

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
            (A,) of `desinn.finders.absorbers.ABSORBER`, by row and redshift. Z_DLA_ERR is NaN,
            NHI_ERR the scatter of the windows.
        sightlines : numpy.ndarray
            (B,) of `desinn.finders.absorbers.SIGHTLINE`.
        """
        lines, parts = self._run(spectra, z)
        found = [np.empty(0, ABSORBER)]
        for row, first, outputs, has_data in parts:
            part = self.interpret(outputs, first)
            place = self.input.grid.bin_of(LYA * (1 + part["Z_DLA"]))
            mark_gaps(part, has_data[None], place, self._core)  # ROW is 0 still
            part["ROW"] = row
            line = lines[row]
            inside = (part["Z_DLA"] >= line["ZMIN"]) & (part["Z_DLA"] <= line["ZMAX"])
            found.append(part[inside])
        found = np.concatenate(found)
        judge(found, lines, self.input.grid.step, self._nhi, self.min_confidence)
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
            For each spectrum wavelengths in A and confidences of the windows around them; empty
            where not searched.
        """
        lines, parts = self._run(spectra, z)
        traces = [(np.empty(0), np.empty(0, np.float32))] * len(lines)
        for row, first, outputs, _ in parts:
            confidence = outputs["confidence"][:, 0]
            wave = self.input.wave(first + np.arange(len(confidence)))
            seen = wave / LYA - 1
            inside = (seen >= lines["ZMIN"][row]) & (seen <= lines["ZMAX"][row])
            traces[row] = wave[inside], confidence[inside]
        return traces

    def interpret(self, outputs, first):
        """Return the absorbers that the windows of one sightline speak of.

        Parameters
        ----------
        outputs : dict of numpy.ndarray
            (W, 1) the network's, of windows one pixel apart.
        first : int
            Bin that the first window is about.

        Returns
        -------
        numpy.ndarray
            (A,) of `desinn.finders.absorbers.ABSORBER` by redshift; row, type and flags are not
            set. DLA_CONFIDENCE is the sum of votes, at most 1. The published program decides by
            the filtered sum, so where the two disagree the confidence is taken to its side of
            the threshold.
        """
        said = self._said
        confidence, offset, nhi = (outputs[name][:, 0] for name in OUTPUTS)
        sums = vote_sums(confidence, offset, said["min_class"], said["votes"])
        places, heights = find_peaks(sums, self.floor, said["valley"])
        strong = heights >= self.min_confidence
        found = np.zeros(len(places), ABSORBER)
        found["Z_DLA"] = self.input.wave(first + places) / LYA - 1
        found["Z_DLA_ERR"] = np.nan
        # Candidates are no neighbours of absorbers, which the published program finds alone.
        for chosen, among in ((~strong, places), (strong, places[strong])):
            mean, scatter = column_densities(nhi, among, said["nhi_pixels"])
            here = np.isin(among, places[chosen])
            found["NHI"][chosen], found["NHI_ERR"][chosen] = mean[here], scatter[here]
        if said["nhi_correction"]:
            found["NHI"] = np.polyval(said["nhi_correction"], found["NHI"])
        at = np.minimum(sums[places], 1)
        least = self.min_confidence
        found["DLA_CONFIDENCE"] = np.where(strong, np.maximum(at, least), np.minimum(at, heights))
        return found

    def _run(self, spectra, z):
        """Return sightlines; and row, first bin, outputs and bins with data of those that run."""
        grid = self.input.grid
        flux, ivar = rebin(spectra.cameras, grid)
        z = redshifts_of(spectra, z)
        scale = brightness(flux, ivar, grid, z, [self.input.scale])
        lines = sightlines(spectra, z, *self._coarse(spectra), scale, bluest=self.input.bluest)
        rows = np.flatnonzero((lines["SIGHTLINE_FLAG"] & NOT_SEARCHED) == 0)
        return lines, (self._one(row, flux[row], ivar[row], z[row], scale[row]) for row in rows)

    def _coarse(self, spectra):
        """Return flux, ivar and grid with bins that hold a camera's pixels, as S/N needs them."""
        fine = self.input.grid
        together = int(np.ceil(_COARSE / fine.step))
        grid = Grid.log(fine.start, together * fine.step, -(-fine.size // together))
        return *rebin(spectra.cameras, grid), grid

    def _one(self, row, flux, ivar, z, scale):
        first, series = self.input.series(flux, ivar, z, scale)
        return row, first, self._windows(series), ivar > 0

"""What a network that looks at a whole sightline is given: channels in cells of the grid.

A cell is a few bins of the grid, as many as the network's strides make; cells are counted from
the grid's first bin. Beside the flux at a cell stands what an absorber there must show elsewhere:
Lyman-beta, or the line of which this would be the Lyman-beta, and metals. On a logarithmic grid
these stand a fixed number of bins apart, so they are channels: the same spectrum, moved.
"""

from dataclasses import dataclass

import numpy as np

from ..spectra import Grid
from .absorbers import LYA
from .header import section

PREPARE = {
    "method": str,
    "grid": dict,
    "cell": int,
    "rest": [float, float],
    "scale": [[float, float]],
    "lines": [float],
    "means": [int],
    "metals": [float],
    "local": int,
    "dark": float,
    "bounds": [float, float],
    "sigmas": float,
    "units": [float, float],
}


@dataclass(frozen=True)
class SightlineInput:
    """How spectra become the input of a network.

    Parameters
    ----------
    grid : desinn.spectra.Grid
        Logarithmic bins.
    cell : int
        Bins of a cell.
    rest : tuple of float
        Rest wavelengths of the quasar between which absorbers are searched, A.
    scale : tuple of (float, float)
        Rest ranges whose median flux is 1 in the input; the first with data counts.
    lines : tuple of float
        Wavelengths in A that are Lyman-alpha's in turn: flux and weight at
        ``line / 1215.67`` times each bin's wavelength are two channels.
    means : tuple of int
        Bins on either side over which means of the flux, weighted with ivar, are two channels
        more each: flux and weight.
    metals : tuple of float
        Rest wavelengths in A of metal lines, one channel each.
    local : int
        Bins on either side over which the mean is that metal lines are compared with.
    dark : float
        A local mean below this part of the quasar's brightness is no continuum to compare with.
    bounds : tuple of float
        What lies farther from the continuum, below or above, is cut: spikes are no spectrum.
    sigmas : float
        But never what is within so many standard errors.
    units : tuple of float
        Of the last two channels, dex: wavelength at rest from Lyman-alpha on, and observed from
        the grid's beginning.
    """

    grid: Grid
    cell: int
    rest: tuple
    scale: tuple
    lines: tuple
    means: tuple
    metals: tuple
    local: int
    dark: float
    bounds: tuple
    sigmas: float
    units: tuple

    @classmethod
    def from_header(cls, header):
        """Return what the section ``prepare`` of a header says.

        Parameters
        ----------
        header : dict

        Returns
        -------
        SightlineInput

        Raises
        ------
        ValueError
            If something is missing, unknown or of the wrong type.
        """
        values = section(header, "prepare", PREPARE)
        values.pop("method")
        values["grid"] = Grid.from_header(values["grid"])
        values["scale"] = [tuple(pair) for pair in values["scale"]]
        for name in ("rest", "scale", "lines", "means", "metals", "bounds", "units"):
            values[name] = tuple(values[name])
        if values["grid"].spacing != "log" or values["cell"] < 1:
            raise ValueError("prepare: expected a log grid and a cell of 1 or more")
        above = [*values["lines"], *values["metals"], *values["rest"], *values["units"]]
        if min(above) <= 0 or min(values["local"], *values["means"], 0) < 0:
            raise ValueError(
                "prepare: expected wavelengths and units above 0, no negative means or local"
            )
        if not values["lines"] or values["lines"][0] != LYA:
            raise ValueError(f"prepare: lines: expected {LYA} first, found {values['lines']}")
        return cls(**values)

    @property
    def channels(self):
        """Number of channels C."""
        return 2 * (len(self.lines) + len(self.means)) + len(self.metals) + 2

    @property
    def width(self):
        """Width of a cell, dex."""
        return self.cell * self.grid.step

    def middle(self, cell):
        """Return log10 of the wavelength at the middle of cells.

        Parameters
        ----------
        cell : array_like
            Numbers of cells.

        Returns
        -------
        numpy.ndarray
            float64, of the shape of `cell`.
        """
        return self.grid.start + self.width * (np.asarray(cell, np.float64) + 0.5)

    def cell_of(self, wave):
        """Return the place of wavelengths in cells: whole numbers are their middles.

        Parameters
        ----------
        wave : array_like
            A, above 0.

        Returns
        -------
        numpy.ndarray
            float64.
        """
        return (np.log10(np.asarray(wave, np.float64)) - self.grid.start) / self.width - 0.5

    def channels_of(self, flux, ivar, z, scale, first, length):
        """Return the input: for each sightline the channels of some bins in a row.

        Parameters
        ----------
        flux, ivar : numpy.ndarray
            (B, W) in the bins of the grid.
        z : array_like
            (B,) finite redshifts of the quasars.
        scale : numpy.ndarray
            (B,) their brightness, above 0.
        first : array_like
            (B,) the first bin of each; any number, also below 0.
        length : int
            Number of bins L.

        Returns
        -------
        numpy.ndarray
            (B, L, C) float32. Where there is no data, flux and weight are 0: as continuum of no
            weight, and never as an absorber.
        """
        x = np.zeros((len(flux), length, self.channels), np.float32)
        bins = np.asarray(first)[:, None] + np.arange(length)  # (B, L)
        for k, (line, values) in enumerate(self._sources(flux, ivar, scale)):
            x[:, :, k] = self._moved(values, bins + self._shift(line))
        seen = self.grid.step * (bins + 0.5)
        at_rest = seen + (self.grid.start - np.log10(LYA * (1 + np.asarray(z, "f8"))))[:, None]
        x[:, :, -2], x[:, :, -1] = at_rest / self.units[0], seen / self.units[1]
        return x

    def _sources(self, flux, ivar, scale):
        """Yield for each channel the line that it shows in Lyman-alpha's place, and (B, W)."""
        scale = np.asarray(scale)[:, None]
        total, light = (_sums(values) for values in (ivar, flux * ivar))
        alone = self._weighted(flux, ivar, scale)
        for line in self.lines:
            yield from ((line, values) for values in alone)
        for half in self.means:
            precision = _around(total, half)
            mean = _ratio(_around(light, half), precision)
            yield from ((LYA, values) for values in self._weighted(mean, precision, scale))
        against = self._against_local(flux, total, light, scale, alone[1])
        yield from ((line, against) for line in self.metals)

    def _shift(self, line):
        return round(np.log10(line / LYA) / self.grid.step)

    def _moved(self, values, place):
        inside = (place >= 0) & (place < self.grid.size)
        taken = np.take_along_axis(values, np.clip(place, 0, self.grid.size - 1), axis=1)
        return np.where(inside, taken, 0)

    def _weighted(self, flux, ivar, scale):
        """Return (flux / scale - 1) w and w, float32: w falls from 1 to 0 as the noise grows."""
        precision = ivar * scale**2  # (B, W) of the flux over the continuum
        weight = precision / (1 + precision)
        signal = self._bounded(flux / scale - 1, precision, self.bounds, 1.0) * weight
        return signal.astype(np.float32), weight.astype(np.float32)

    def _against_local(self, flux, total, light, scale, weight):
        """Return (flux / local mean - 1) w: metal lines below 0, whatever the continuum does."""
        precision = _around(total, self.local)
        local = _ratio(_around(light, self.local), precision)
        good = (precision > 0) & (local > self.dark * scale)
        against = _ratio(flux, np.where(good, local, 0)) - good
        # The weight tells the noise; a line and its sides are not further from 1 than this.
        noise = np.where(weight > 0, weight / (1.0001 - weight), 0)
        return (self._bounded(against, noise, (-1.5, 1.5), 0.0) * weight).astype(np.float32)

    def _bounded(self, values, precision, bounds, dark):
        """Cut values to the bounds, or to so many standard errors around 0 or `dark` below it."""
        with np.errstate(divide="ignore"):
            error = self.sigmas / np.sqrt(precision)
        return np.clip(values, np.minimum(bounds[0], -dark - error),
                       np.maximum(bounds[1], error))  # fmt: skip


def _sums(values):
    """Return (B, W + 1) float64: the sum of all bins before each."""
    total = np.cumsum(values, axis=1, dtype=np.float64)
    return np.concatenate([np.zeros((len(values), 1)), total], axis=1)


def _around(sums, half):
    """Return sums over 2 half + 1 bins around each, from the `_sums`."""
    size = sums.shape[1] - 1
    at = np.arange(size)
    return sums[:, np.minimum(at + half + 1, size)] - sums[:, np.maximum(at - half, 0)]


def _ratio(above, below):
    """Return the ratio, 0 where there is nothing below."""
    out = np.zeros(np.broadcast_shapes(above.shape, below.shape))
    return np.divide(above, below, out=out, where=below > 0)

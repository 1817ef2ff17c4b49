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
from .base import section

PREPARE = {
    "method": str,
    "grid": dict,
    "cell": int,
    "rest": list,
    "scale": list,
    "lines": list,
    "metals": list,
    "local": int,
}

# Bounds on what a channel holds: spikes are no spectrum.
_FLUX, _METAL = (-3.0, 5.0), (-2.0, 2.0)

# The last two channels: log10 of the wavelength, at rest from Lyman-alpha on and observed from the
# grid's beginning, in these units.
_REST_UNIT, _SEEN_UNIT = 0.13, 0.4

# A local mean below this part of the quasar's brightness is no continuum to see metals in.
_DARK = 0.1


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
    metals : tuple of float
        Rest wavelengths in A of metal lines, one channel each.
    local : int
        Bins on either side over which the mean is that metal lines are compared with.
    """

    grid: Grid
    cell: int
    rest: tuple
    scale: tuple
    lines: tuple
    metals: tuple
    local: int

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
        values = dict(section(header, "prepare", PREPARE))
        values.pop("method")
        values["grid"] = Grid.from_header(values["grid"])
        values["scale"] = [tuple(pair) for pair in values["scale"]]
        for name in ("rest", "scale", "lines", "metals"):
            values[name] = tuple(values[name])
        if values["grid"].spacing != "log" or values["cell"] < 1 or len(values["rest"]) != 2:
            raise ValueError("prepare: expected a log grid, a cell of 1 or more, and two in rest")
        return cls(**values)

    @property
    def channels(self):
        """Number of channels C."""
        return 2 * len(self.lines) + len(self.metals) + 2

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
        signal, weight = _weighted(flux, ivar, scale)
        for k, line in enumerate(self.lines):
            place = bins + self._shift(line)
            x[:, :, 2 * k] = self._moved(signal, place)
            x[:, :, 2 * k + 1] = self._moved(weight, place)
        against = _against_local(flux, ivar, scale, weight, self.local)
        for k, line in enumerate(self.metals, 2 * len(self.lines)):
            x[:, :, k] = self._moved(against, bins + self._shift(line))
        seen = self.grid.step * (bins + 0.5)
        at_rest = seen + (self.grid.start - np.log10(LYA * (1 + np.asarray(z, "f8"))))[:, None]
        x[:, :, -2], x[:, :, -1] = at_rest / _REST_UNIT, seen / _SEEN_UNIT
        return x

    def _shift(self, line):
        return round(np.log10(line / LYA) / self.grid.step)

    def _moved(self, values, place):
        inside = (place >= 0) & (place < self.grid.size)
        taken = np.take_along_axis(values, np.clip(place, 0, self.grid.size - 1), axis=1)
        return np.where(inside, taken, 0)


def _weighted(flux, ivar, scale):
    """Return (flux / scale - 1) w and w, float32: w falls from 1 to 0 as the noise grows."""
    scale = np.asarray(scale)[:, None]
    precision = ivar * scale**2  # (B, W) of the flux over the continuum
    weight = precision / (1 + precision)
    signal = np.clip(flux / scale - 1, *_FLUX) * weight
    return signal.astype(np.float32), weight.astype(np.float32)


def _against_local(flux, ivar, scale, weight, half):
    """Return (flux / local mean - 1) w: metal lines below 0, whatever the continuum does."""
    total, light = (_running(values, half) for values in (ivar, flux * ivar))
    with np.errstate(divide="ignore", invalid="ignore"):
        local = light / total
        against = flux / local - 1
    good = (total > 0) & (local > _DARK * np.asarray(scale)[:, None])
    against = np.where(good, np.clip(against, *_METAL), 0)
    return (against * weight).astype(np.float32)


def _running(values, half):
    """Return sums over 2 half + 1 bins around each, float64."""
    total = np.cumsum(values, axis=1, dtype=np.float64)
    total = np.concatenate([np.zeros((len(values), 1)), total], axis=1)  # (B, W + 1)
    at = np.arange(values.shape[1])
    last = np.minimum(at + half + 1, values.shape[1])
    return total[:, last] - total[:, np.maximum(at - half, 0)]

"""Sightlines to train on: made once, observed anew at every look."""

import numpy as np

from ..finders.sightlines import BLUEST, brightness, searched_range
from ..simulate.columns import ABSORBER
from ..simulate.grid import C_KMS
from ..simulate.sample import Observed
from ..simulate.sightlines import MOST_ERROR, Sightlines

CELLS = 328
"""Cells of each sightline: those of the rest range 912 to 1220 A, and a few more."""


class SeenSightlines(Observed):
    """Sightlines with their absorbers, in the bins of a grid.

    Parameters
    ----------
    settings : desinn.simulate.sightlines.SightlineSettings
    seed, size : int
    grid : desinn.spectra.Grid
        The network's bins.
    templates : dict, optional
        Of `desinn.io.templates.read_templates`.
    processes : int
        How many make the spectra; what they make does not depend on it.
    native : bool
        As `desinn.simulate.sample.Observed` takes it.

    Attributes
    ----------
    truth : numpy.ndarray
        (N,) of `desinn.simulate.grid.TRUTH`.
    absorbers : numpy.ndarray
        (A,) of `desinn.simulate.columns.ABSORBER`, by row.
    """

    def __init__(self, settings, seed, size, grid, templates=None, processes=1, native=False):
        self._settings = settings
        self._systems = []
        super().__init__(Sightlines, settings, seed, size, grid, templates, processes, native)
        self.absorbers = np.concatenate([np.empty(0, ABSORBER), *self._systems])

    def _note(self, first, systems):
        systems["ROW"] += first
        self._systems.append(systems)

    def seen(self, rng, rows, ranges):
        """Observe sightlines, with redshifts as uncertain as a catalogue's.

        Parameters
        ----------
        rng : numpy.random.Generator
        rows : array_like
            (B,) their numbers.
        ranges : sequence of (float, float)
            Rest wavelengths of their brightness, as `desinn.finders.sightlines.brightness` takes
            them.

        Returns
        -------
        flux, ivar : numpy.ndarray
            (B, W) in the bins of the grid.
        z, scale : numpy.ndarray
            (B,) redshifts and brightness.
        """
        rows = np.asarray(rows)
        flux, ivar = self.observe(rng, rows)
        error = rng.normal(0, self._settings.z_error, rows.size)
        error = np.clip(error, -MOST_ERROR, MOST_ERROR)
        z = (1 + self.truth["TRUEZ"][rows]) * (1 + error / C_KMS) - 1
        scale = brightness(flux, ivar, self.grid, z, ranges)
        # What has no brightness is seen as without data, as the finder would not run it.
        good = np.isfinite(scale) & (scale > 0)
        ivar[~good] = 0
        return flux, ivar, z, np.where(good, scale, 1)


class SightlineSample(SeenSightlines):
    """Sightlines as a network is given them that looks at the whole of each.

    Parameters
    ----------
    settings : desinn.simulate.sightlines.SightlineSettings
    seed, size : int
    finder : desinn.finders.dla.DLAFinder
        It knows the network's input.
    templates : dict, optional
        Of `desinn.io.templates.read_templates`.
    processes : int
        How many make the spectra; what they make does not depend on it.

    Attributes
    ----------
    truth : numpy.ndarray
        (N,) of `desinn.simulate.grid.TRUTH`.
    absorbers : numpy.ndarray
        (A,) of `desinn.simulate.columns.ABSORBER`, by row.
    cells : numpy.ndarray
        (N, K) float64 log10 of the wavelength at the middle of each cell.
    searched : numpy.ndarray
        (N, K) bool: cells that lie in the searched range.
    cell : float
        Width of a cell, dex.
    shape : tuple of int
        Of the network's input: (L, C).
    """

    def __init__(self, settings, seed, size, finder, templates=None, processes=1):
        super().__init__(settings, seed, size, finder.input.grid, templates, processes)
        self._finder = finder
        self._lay_out()

    def _lay_out(self):
        """Place the cells: the last ones at the red end of each searched range."""
        given = self._finder.input
        low, high = searched_range(self.truth["TRUEZ"], given.rest)
        if not np.isfinite(low).all():
            z = self.truth["TRUEZ"][~np.isfinite(low)][0]
            raise ValueError(f"simulation: expected redshifts with something to search, found {z}")
        # A catalogue's redshift may be off by so much, and the range with it.
        low = np.maximum(low * (1 - MOST_ERROR / C_KMS), BLUEST)
        high = high * (1 + MOST_ERROR / C_KMS)
        last = np.ceil(given.cell_of(high)).astype(np.int64)
        self._first = last + 1 - CELLS
        self.cell = given.width
        self.cells = given.middle(self._first[:, None] + np.arange(CELLS))
        self.searched = (self.cells >= np.log10(low)[:, None]) & (
            self.cells <= np.log10(high)[:, None]
        )
        self.shape = (given.cell * CELLS + self._finder.halo, given.channels)

    def draw(self, rng, rows):
        """Observe sightlines, with redshifts as uncertain as a catalogue's.

        Parameters
        ----------
        rng : numpy.random.Generator
        rows : array_like
            (B,) their numbers.

        Returns
        -------
        numpy.ndarray
            (B, L, C) float32.
        """
        rows = np.asarray(rows)
        seen = self.seen(rng, rows, self._finder.input.scale)
        return self._finder.prepare(*seen, self._first[rows], CELLS)

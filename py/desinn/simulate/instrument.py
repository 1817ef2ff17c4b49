"""What a spectrograph makes of noise-free spectra: DESI's, or BOSS's."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..spectra import Camera, Grid, Spectra, rebin
from . import arms as spectrographs
from . import defects, grid
from .conditions import CONDITIONS, SHIFTED, Conditions
from .layout import build

__all__ = ["BAD", "CONDITIONS", "SHIFTED", "Conditions", "Exposure", "Instrument"]

BAD = 2
"""Mask of a pixel without data: DESI's ALLBADPIX."""

# S/N is a median; where most of a spectrum is dark (a forest, one lone line), how bright it gets
# is set by these parts of its 90th percentile and of its maximum instead.
_DARK_PERCENTILE, _DARK, _LINE = 0.9, 0.15, 0.05

# Light of a neighbour that is brighter than this, in the unit of the flux, is no light.
_BRIGHTEST = 1e4


@dataclass(frozen=True, eq=False)
class Exposure:
    """B spectra as recorded, arm by arm.

    Parameters
    ----------
    flux, ivar : dict
        Arm -> (B, P) float32; both 0 where there is no data.
    snr : numpy.ndarray
        (B,) float32 true S/N: median over the pixels with data between 3600 and 9824 A, per
        0.8 A, of the source's noise-free flux and sigma; 0 without a source.
    scale : numpy.ndarray
        (B,) float32: how many times the model's flux the recorded one is.
    """

    flux: dict
    ivar: dict
    snr: np.ndarray
    scale: np.ndarray

    def __len__(self):
        return self.snr.size

    @property
    def mask(self):
        """Arm -> (B, P) uint32, 0 where there is data."""
        return {name: (ivar == 0) * np.uint32(BAD) for name, ivar in self.ivar.items()}


@dataclass(frozen=True, eq=False)
class Instrument:
    """A spectrograph that turns models into spectra with noise and all that goes wrong.

    Parameters
    ----------
    arms : tuple of Arm
        In the order of their wavelengths.
    conditions : Conditions, optional
        What goes wrong.
    grid : spectra.Grid, optional
        Record the bins of this grid instead of native pixels: what `spectra.rebin` makes of
        those, without making them.
    joined : str, optional
        Name of the one camera that the arms' native pixels are put together to.

    Examples
    --------
    >>> import numpy as np
    >>> from desinn.spectra import Grid
    >>> desi = Instrument.desi(Grid.log())
    >>> pixels = desi.project(np.ones((2, 4780), np.float32))
    >>> exposure = desi.expose(np.random.default_rng(1), pixels, snr=[5, 0.5])
    >>> flux, ivar = desi.bins(exposure)
    >>> flux.shape
    (2, 443)
    >>> desi.project(np.ones((2, 443), np.float32))
    Traceback (most recent call last):
        ...
    ValueError: flux: expected shape (B, 4780), found (2, 443)
    """

    arms: tuple
    conditions: Conditions = field(default_factory=Conditions)
    grid: Grid | None = None
    joined: str | None = None

    @classmethod
    def desi(cls, grid=None, conditions=None):
        """Return DESI: arms b, r and z of 0.8 A a pixel, 3600 to 9824 A.

        Parameters
        ----------
        grid : spectra.Grid, optional
            For bins instead of native pixels.
        conditions : Conditions, optional
            None for those of training.

        Returns
        -------
        Instrument
        """
        return cls(spectrographs.desi(), conditions or Conditions(), grid)

    @classmethod
    def boss(cls, grid=None, conditions=None):
        """Return BOSS: one spectrum on a grid of 1e-4 dex from two arms, 3560 to 10316 A.

        Parameters
        ----------
        grid : spectra.Grid, optional
            For bins instead of native pixels.
        conditions : Conditions, optional
            None for those of training.

        Returns
        -------
        Instrument
        """
        return cls(spectrographs.boss(), conditions or Conditions(), grid, joined="boss")

    def under(self, conditions):
        """Return the same instrument under other conditions.

        Parameters
        ----------
        conditions : Conditions
            What goes wrong.

        Returns
        -------
        Instrument
        """
        return replace(self, conditions=conditions)

    @cached_property
    def layout(self):
        """The pixels, and curves on them."""
        return build(self.arms, self.conditions, self.grid)

    def project(self, flux):
        """Return models as the pixels see them: at the instrument's resolution, without noise.

        Parameters
        ----------
        flux : array_like
            (B, W) on the wavelengths `grid.WAVE`, per A, in any unit.

        Returns
        -------
        dict
            Arm -> (B, P) float32.

        Raises
        ------
        ValueError
            If the shape is another or a pixel is not finite.
        """
        flux = np.asarray(flux, np.float32)
        if flux.ndim != 2 or flux.shape[1] != grid.SIZE:
            raise ValueError(f"flux: expected shape (B, {grid.SIZE}), found {flux.shape}")
        seen = np.ascontiguousarray((self.layout.matrix @ flux.T).T)  # (B, P)
        wrong = np.flatnonzero(~np.isfinite(seen).all(axis=1))
        if wrong.size:
            raise ValueError(f"flux: expected finite numbers, found others in row {wrong[0]}")
        return self._split(seen)

    def expose(self, rng, pixels, snr):
        """Return spectra of the models at given S/N, with noise drawn anew.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the random numbers.
        pixels : dict
            As `project` gives them; a row that is 0 all over has no source: a sky fibre.
        snr : array_like
            (B,) median S/N per 0.8 A that is asked for. Spectra that are dark over most of their
            length are made fainter than that; `Exposure.snr` is the true one.

        Returns
        -------
        Exposure

        Raises
        ------
        ValueError
            If a shape does not fit or an S/N is negative or not finite.
        """
        source, snr = self._checked(pixels, snr)
        rows, layout, conditions = len(source), self.layout, self.conditions
        ivar = self._sky_ivar(rng, rows)  # (B, P)
        left = defects.kept(rng, rows, layout, conditions)
        source *= self._gain(rng, rows)
        root = np.sqrt(ivar)
        median, level = _levels(source * root, left > 0, layout)
        scale = self._scale(snr, level)
        truth = _with_source_noise(median * scale, conditions.source_noise)
        source *= scale[:, None]
        got, given, amounts = defects.neighbour_light(rng, level * scale, conditions)
        light = amounts[:, None] * source[given]
        # A source that is bright only in an arm that is lost was scaled by what little is left.
        sane = np.abs(light).max(axis=1, initial=0) < _BRIGHTEST
        source[got[sane]] += light[sane]
        ivar *= left
        # The source's photon noise goes with its S/N over the sky's alone.
        above = np.maximum(source * root * np.sqrt(layout.share), 0)
        ivar /= 1 + np.float32(conditions.source_noise) * above
        self._add_noise(rng, source, ivar)
        return Exposure(self._split(source), self._split(ivar), truth, scale)

    def bins(self, exposure, grid=None):
        """Return the arms' spectra averaged in the bins of a grid, weighted with their ivar.

        Parameters
        ----------
        exposure : Exposure
            By this instrument.
        grid : spectra.Grid, optional
            None for the instrument's own.

        Returns
        -------
        flux, ivar : numpy.ndarray
            (B, size) float32, 0 in bins without data.

        Raises
        ------
        ValueError
            If the instrument has bins and `grid` is not theirs, or it has none and there is no
            `grid`.
        """
        grid = grid or self.grid
        if self.grid is None and grid is not None:
            flux, ivar = rebin(self._cameras(exposure), grid)
            return flux.astype(np.float32), ivar.astype(np.float32)
        if grid is None or grid != self.grid:
            raise ValueError(f"grid: expected the instrument's, {self.grid}, found {grid}")
        flux, ivar = np.zeros((2, len(exposure), grid.size), np.float32)
        for name, part in self.layout.bins.items():
            flux[:, part] += exposure.flux[name] * exposure.ivar[name]
            ivar[:, part] += exposure.ivar[name]
        np.divide(flux, ivar, out=flux, where=ivar > 0)
        return flux, ivar

    def spectra(self, exposure, targetid, fibermap=None, header=None):
        """Return native pixels as the files have them.

        Parameters
        ----------
        exposure : Exposure
            By this instrument.
        targetid : array_like
            (B,) int64.
        fibermap : numpy.ndarray, optional
            As for `spectra.Spectra`.
        header : dict, optional
            As for `spectra.Spectra`.

        Returns
        -------
        spectra.Spectra
            DESI's with resolution, (B, 11, P): one array that all rows share, not to be
            written to.

        Raises
        ------
        ValueError
            If the instrument records bins, or the numbers of rows differ.
        """
        if self.grid is not None:
            raise ValueError(f"grid: expected None, for native pixels, found {self.grid}")
        return Spectra(targetid, self._cameras(exposure), fibermap, header)

    def _cameras(self, exposure):
        parts = (exposure.flux, exposure.ivar, exposure.mask)
        if self.joined:
            wave = np.concatenate([arm.wave for arm in self.arms])
            whole = [np.concatenate(list(part.values()), axis=1) for part in parts]
            return {self.joined: Camera(wave, *whole)}
        cameras = {}
        for arm in self.arms:
            diagonals = spectrographs.resolution_diagonals(arm, self.conditions.resolution)
            shared = np.broadcast_to(diagonals, (len(exposure), *diagonals.shape))
            cameras[arm.name] = Camera(arm.wave, *(part[arm.name] for part in parts), shared)
        return cameras

    def _split(self, whole):
        return {name: whole[:, part] for name, part in self.layout.slices.items()}

    def _checked(self, pixels, snr):
        """Return pixels side by side, as a copy, and S/N as an array."""
        for name, part in self.layout.slices.items():
            width = part.stop - part.start
            found = np.shape(pixels[name]) if name in pixels else "nothing"
            if len(found) != 2 or found[1] != width:
                raise ValueError(f"pixels: expected shape (B, {width}) for {name}, found {found}")
        source = np.concatenate([pixels[name] for name in self.layout.slices], axis=1)
        snr = np.asarray(snr, np.float32)
        if snr.shape != source.shape[:1]:
            raise ValueError(f"snr: expected shape {source.shape[:1]}, found {snr.shape}")
        if not (np.isfinite(snr) & (snr >= 0)).all():
            raise ValueError("snr: expected finite numbers not below 0")
        return source.astype(np.float32, copy=False), snr

    def _sky_ivar(self, rng, rows):
        """Return ivar without source and masks, different from spectrum to spectrum."""
        layout, conditions = self.layout, self.conditions
        widths = (conditions.noise_variation, conditions.blue_variation)
        numbers = defects.normals(rng, rows, widths, layout.noise_numbers)
        variation = numbers @ layout.noise_shape  # (B, P)
        last = len(layout.ivar) - 1
        # Between the brightnesses that are tabulated: (B, K) weights of each.
        place = rng.uniform(0, last, (rows, 1))
        weights = np.clip(1 - np.abs(place - np.arange(last + 1)), 0, 1).astype(np.float32)
        return (weights @ layout.ivar) * np.exp(-variation)

    def _gain(self, rng, rows):
        conditions = self.conditions
        widths = (conditions.tilt, conditions.ripple, conditions.step)
        numbers = defects.normals(rng, rows, widths, self.layout.gain_numbers)
        return np.exp(numbers @ self.layout.gain_shape)

    def _scale(self, snr, level):
        """Return what to multiply models by, for S/N that the source's noise is part of."""
        noise = self.conditions.source_noise
        over_sky = 0.5 * snr * (noise * snr + np.sqrt((noise * snr) ** 2 + 4))
        scale = np.zeros_like(snr)
        return np.divide(over_sky, level, out=scale, where=level > 0).astype(np.float32)

    def _add_noise(self, rng, flux, ivar):
        """Add to the source, in place, all that is not its light; 0 where there is no ivar."""
        layout, conditions = self.layout, self.conditions
        rows = len(flux)
        light = defects.light_numbers(rng, rows, conditions, layout.light_numbers)
        flux += light @ layout.light_shape
        data = ivar > 0
        scatter = rng.uniform(*conditions.error_scale, (rows, 1)).astype(np.float32)
        sigma = scatter / np.sqrt(np.where(data, ivar, 1))
        flux += sigma * rng.standard_normal(flux.shape, np.float32)
        defects.add_spikes(rng, flux, ivar, layout, conditions)
        defects.add_residue(rng, flux, ivar, layout, conditions)
        flux *= data


def _levels(quality, data, layout):
    """Return the median S/N of each row over its data, and the level that sets its brightness."""
    teeth = np.where(data, quality, np.inf)[:, layout.comb] * layout.comb_root
    ordered = np.sort(teeth, axis=1)
    number = np.count_nonzero(data[:, layout.comb], axis=1)  # (B,)
    last = np.maximum(number - 1, 0)

    def at(place):
        found = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
        return np.where(number > 0, found, 0)

    median = 0.5 * (at(last // 2) + at((last + 1) // 2))
    bright = _DARK * at((_DARK_PERCENTILE * last).astype(int))
    line = _LINE * np.max(quality, axis=1, where=data, initial=0)
    return median, np.maximum(np.maximum(median, bright), line)


def _with_source_noise(quality, noise):
    return (quality / np.sqrt(1 + noise * np.maximum(quality, 0))).astype(np.float32)

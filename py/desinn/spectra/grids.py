"""The wavelength grids of the networks, and how spectra get onto them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from numbers import Integral, Real

import numpy as np

LOG_3600 = math.log10(3600)  # where DESI's spectra begin, and QuasarNET's grid

NORMALIZATION = "ivar-weighted mean and rms"
"""What a weights file calls what `normalize` does."""

# Rows that are worked on at once: large enough to hide Python, small enough for the cache.
ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class Grid:
    """A network's wavelength bins: evenly spaced in log10 of the wavelength, or in wavelength.

    Parameters
    ----------
    spacing : str
        ``log`` or ``linear``.
    start : float
        Lower edge of the first bin: log10 of Angstrom for ``log``, Angstrom for ``linear``.
    step : float
        Width of a bin, in the same unit.
    size : int
        Number of bins.

    Raises
    ------
    ValueError
        With all that is wrong at once.

    Examples
    --------
    >>> Grid.log().bin_of([3600.0, 3599.9, 9824.0])
    array([  0,  -1, 435])
    >>> Grid.from_header({"spacing": "log", "start": 3.5, "size": 443.0})
    Traceback (most recent call last):
        ...
    ValueError: grid: step: missing; size: expected an integer above 0, found 443.0
    """

    spacing: str
    start: float
    step: float
    size: int

    def __post_init__(self):
        _check_grid(vars(self))
        for name, kind in (("start", float), ("step", float), ("size", int)):
            object.__setattr__(self, name, kind(getattr(self, name)))

    @classmethod
    def log(cls, start=LOG_3600, step=1e-3, size=443):
        """Return a grid evenly spaced in log10; without arguments that of QuasarNET.

        Parameters
        ----------
        start, step : float
            log10 of the first lower edge in Angstrom; width of a bin in dex.
        size : int
            Number of bins.

        Returns
        -------
        Grid
        """
        return cls("log", start, step, size)

    @classmethod
    def linear(cls, start=3600.0, step=13.6, size=458):
        """Return a grid evenly spaced in wavelength; without arguments that of QuasarNET.

        Parameters
        ----------
        start, step : float
            First lower edge and width of a bin, in Angstrom.
        size : int
            Number of bins.

        Returns
        -------
        Grid
        """
        return cls("linear", start, step, size)

    @classmethod
    def from_wave(cls, wave):
        """Return the grid that has these lower edges; exactly QuasarNET's where they are those.

        Parameters
        ----------
        wave : array_like
            (W,) lower edges in Angstrom, W > 1.

        Returns
        -------
        Grid

        Raises
        ------
        ValueError
            If they are even neither in wavelength nor in its logarithm.
        """
        wave = np.asarray(wave, np.float64)
        if wave.ndim == 1 and wave.size > 1 and wave[0] > 0 and wave[-1] > wave[0]:
            ends, size = wave[[0, -1]], wave.size
            low, high = np.log10(ends)
            log = cls.log(low, (high - low) / (size - 1), size)
            linear = cls.linear(ends[0], (ends[1] - ends[0]) / (size - 1), size)
            for grid in (cls.log(), cls.linear(), log, linear):
                if grid.size == size and np.allclose(grid.wave, wave, rtol=1e-7, atol=0):
                    return grid
        expected = "expected increasing edges with even steps in wavelength or its logarithm"
        raise ValueError(f"grid: {expected}, found shape {wave.shape}")

    @classmethod
    def from_header(cls, header):
        """Return the grid that `to_header` described.

        Parameters
        ----------
        header : Mapping
            With the keys spacing, start, step and size, and no others.

        Returns
        -------
        Grid

        Raises
        ------
        ValueError
            With all missing, unknown and ill-typed keys at once.
        """
        if not isinstance(header, Mapping):
            raise ValueError(f"grid: expected a mapping, found {type(header).__name__}")
        _check_grid(header)
        return cls(**header)

    def to_header(self):
        """Return the grid as plain numbers and strings, fit for JSON.

        Returns
        -------
        dict
            ``{"spacing": "log", "start": ..., "step": ..., "size": ...}``.
        """
        return dict(vars(self))

    @property
    def wave(self):
        """Lower edge of each bin in Angstrom, (size,) float64.

        Edges of a linear grid are rounded to the last decimal that its start or step has, so
        that they are the numbers one reads (3613.6, not 3613.6000000000004).
        """
        edges = self.start + np.arange(self.size) * self.step
        if self.spacing == "log":
            return 10.0**edges
        return np.round(edges, max(_decimals(self.start), _decimals(self.step)))

    def bin_of(self, wave):
        """Return the number of the bin that each wavelength falls into.

        Parameters
        ----------
        wave : array_like
            Wavelengths in Angstrom.

        Returns
        -------
        numpy.ndarray
            int64, in the shape of `wave`; below 0 or above size - 1 outside the grid.

        Raises
        ------
        ValueError
            If a wavelength is not a finite number above 0.
        """
        wave = np.asarray(wave, np.float64)
        if not np.all((wave > 0) & (wave < np.inf)):
            raise ValueError("wave: expected finite wavelengths above 0")
        place = np.log10(wave) if self.spacing == "log" else wave
        # Rounded, because DESI's first pixel stands on the very edge of the first bin, and a
        # log10 that is one digit low on some machine would lose it.
        position = np.round((place - self.start) / self.step, 10)
        return np.floor(position).astype(np.int64)


def rebin(cameras, grid):
    """Average the usable pixels of all cameras in each bin, weighted with their ivar.

    Parameters
    ----------
    cameras : Mapping of str to Camera, or iterable of Camera
        As in ``Spectra.cameras``; all with B rows. Pixels outside the grid are left out.
    grid : Grid
        The bins.

    Returns
    -------
    flux : numpy.ndarray
        (B, size) float64, 0 in bins without ivar.
    ivar : numpy.ndarray
        (B, size) float64, the sum over the bin's pixels.

    Raises
    ------
    ValueError
        If there is no camera or their numbers of rows differ.

    Notes
    -----
    Masked and non-finite pixels do not count. Float64 values so large that their sum overflows
    leave inf or NaN in their own row; `normalize` calls such a row not valid.
    """
    cameras = list(cameras.values() if isinstance(cameras, Mapping) else cameras)
    rows = {len(camera) for camera in cameras}
    if len(rows) != 1:
        raise ValueError(f"cameras: expected one number of rows, found {sorted(rows) or 'none'}")
    shape = (rows.pop(), grid.size)
    flux, ivar = np.zeros(shape), np.zeros(shape)  # (B, size)
    runs = [_runs(camera.wave, grid) for camera in cameras]
    for block in _row_blocks(shape[0]):
        with np.errstate(over="ignore", invalid="ignore"):
            for camera, run in zip(cameras, runs, strict=True):
                _add(camera[block], run, flux[block], ivar[block])
            np.divide(flux[block], ivar[block], out=flux[block], where=ivar[block] != 0)
    return flux, ivar


def normalize(flux, ivar):
    """Subtract the ivar-weighted mean of each row and divide by its ivar-weighted rms.

    Parameters
    ----------
    flux, ivar : array_like
        (B, W), as `rebin` gives them.

    Returns
    -------
    x : numpy.ndarray
        (B, W) float32, computed in float64. Bins without data (flux 0 at ivar 0) become
        -mean/rms, not 0: the published weights were trained so. Rows that are not valid are 0.
    valid : numpy.ndarray
        (B,) bool: False for rows without ivar, with something that is not finite, or with
        nothing but one constant (an rms no larger than the rounding of the mean).

    Raises
    ------
    ValueError
        If the shapes are not (B, W) and equal.
    """
    flux, ivar = np.asarray(flux), np.asarray(ivar)
    if flux.ndim != 2 or flux.shape != ivar.shape:
        found = f"{flux.shape} and {ivar.shape}"
        raise ValueError(f"flux and ivar: expected equal shapes (B, W), found {found}")
    x, valid = np.empty(flux.shape, np.float32), np.empty(len(flux), bool)
    for block in _row_blocks(len(flux)):
        x[block], valid[block] = _normalized(
            # A sum's order follows the memory's: one layout, one result.
            np.ascontiguousarray(flux[block], np.float64),
            np.ascontiguousarray(ivar[block], np.float64),
        )
    return x, valid


def _normalized(flux, ivar):
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = ivar.sum(axis=1, keepdims=True)  # (B, 1)
        mean = (flux * ivar).sum(axis=1, keepdims=True) / total
        x = flux - mean  # (B, W)
        rms = np.sqrt((x * x * ivar).sum(axis=1, keepdims=True) / total)
        x = (x / rms).astype(np.float32)
    # A constant spectrum leaves rounding noise, here 1e-16 of the mean, which is no spectrum.
    # Float32 data that vary at all vary by more than 1e-8.
    usable = np.isfinite(rms) & (rms > 1e-12 * np.abs(mean))  # (B, 1)
    valid = usable[:, 0] & np.isfinite(x).all(axis=1)
    x[~valid] = 0
    return x, valid


def _runs(wave, grid):
    """Return the pixels inside the grid, where each bin's run of them starts, and the bins."""
    bins = grid.bin_of(wave)
    inside = slice(*np.searchsorted(bins, (0, grid.size)))
    starts = np.flatnonzero(np.diff(bins[inside], prepend=-1))
    return inside, starts, bins[inside][starts]


def _add(camera, run, flux_sum, ivar_sum):
    inside, starts, bins = run
    if not starts.size:
        return
    flux, ivar, _ = camera.usable()
    flux *= ivar
    # Wavelengths increase, so the pixels of a bin are neighbours: one pass, no scatter.
    flux_sum[:, bins] += np.add.reduceat(flux[:, inside], starts, axis=1)
    ivar_sum[:, bins] += np.add.reduceat(ivar[:, inside], starts, axis=1)


def _row_blocks(rows):
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, rows, ROWS_AT_ONCE)]


def _decimals(number):
    return min(max(-Decimal(repr(number)).as_tuple().exponent, 0), 10)


def _check_grid(header):
    """Raise unless these are the attributes of a grid."""
    names = [item.name for item in fields(Grid)]
    problems = [f"{name}: missing" for name in names if name not in header]
    problems += [f"{name}: unknown" for name in header if name not in names]
    rules = {
        "spacing": ("'log' or 'linear'", _is_spacing),
        "start": ("a finite number", _is_finite),
        "step": ("a finite number above 0", lambda value: _is_finite(value) and value > 0),
        "size": ("an integer above 0", _is_count),
    }
    for name, (expected, holds) in rules.items():
        if name in header and not holds(header[name]):
            problems.append(f"{name}: expected {expected}, found {header[name]!r}")
    if problems:
        raise ValueError("grid: " + "; ".join(problems))


def _is_spacing(value):
    return isinstance(value, str) and value in ("log", "linear")


def _is_finite(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0

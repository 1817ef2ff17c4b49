"""Where the light of each fibre falls on a CCD, and how it spreads."""

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import legendre

from .spread import add_block, with_tails

DEGREE = 5
"""Degree of the polynomials in the row that stand for the shape's parameters."""

BUNDLE = 25
"""Fibres that are projected together."""

# Deviation of what changes from one exposure to the next, of each Gauss-Hermite coefficient: of
# the size of its variation over the CCD in a real exposure of r0.
_RESTLESS = {
    **{(1, 1): 0.04, (2, 0): 0.008, (0, 2): 0.015, (3, 0): 0.01, (0, 3): 0.012},
    **{(2, 1): 0.015, (1, 2): 0.015, (2, 2): 0.01, (4, 0): 0.006, (0, 4): 0.006},
}

# Deviations of the shift (pixels), of the scale, of ln of the focus and of its gradient, and of
# ln of the tails' height.
_SHIFT, _SCALE, _FOCUS, _TILT, _TAILS = 0.5, 5e-5, 0.05, 0.03, 0.3

_GRID = 512  # wavelengths at which traces are evaluated
_BEYOND = 0.06  # of their range, by which traces are followed beyond it
_SIDE = 10.0  # pixels outside of the CCD within which a trace still counts


@dataclass(frozen=True, eq=False)
class Optics:
    """Traces and point-spread function of F fibres on a CCD of Y rows and X columns.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    fibers : numpy.ndarray
        (F,) int64 numbers of the fibres on the whole CCD.
    x : numpy.ndarray
        (F, Y) float64 centre of each trace in each row, pixels (whole numbers at their centres).
    wave : numpy.ndarray
        (F, Y) float64 wavelength at the centre of each row, A, rising.
    sigma : numpy.ndarray
        (F, 2, K) Legendre coefficients in the row of the core's widths along x and y, pixels.
    core : numpy.ndarray
        (F, I, J, K) those of the Gauss-Hermite coefficients, order i along x and j along y.
    span : tuple of float
        Rows at which the polynomials' argument is -1 and 1.
    tails : tuple of float
        Height, core size, x scale, y scale, index: the tails are height r^2 /
        (core^2 + r^2)^(1 + index / 2); one set for the whole CCD.
    """

    shape: tuple
    fibers: np.ndarray
    x: np.ndarray
    wave: np.ndarray
    sigma: np.ndarray
    core: np.ndarray
    span: tuple
    tails: tuple

    def basis(self):
        """Return the Legendre polynomials at each row.

        Returns
        -------
        numpy.ndarray
            (K, Y) float64.
        """
        low, high = self.span
        rows = (2 * np.arange(self.shape[0]) - low - high) / (high - low)
        return legendre.legvander(rows, self.core.shape[-1] - 1).T

    def widths(self):
        """Return the core's widths.

        Returns
        -------
        numpy.ndarray
            (F, 2, Y) float64: sigma along x and along y, pixels.
        """
        return self.sigma @ self.basis()

    def rows_at(self, wave):
        """Return the rows at which the fibres have some wavelengths.

        Parameters
        ----------
        wave : array_like
            (L,) wavelengths in A.

        Returns
        -------
        numpy.ndarray
            (F, L) float64; NaN beyond the CCD.
        """
        rows = np.arange(self.shape[0])
        found = [np.interp(wave, own, rows, left=np.nan, right=np.nan) for own in self.wave]
        return np.array(found).reshape(len(self.wave), np.size(wave))

    def traces(self, width=2.0):
        """Return which pixels lie on a trace.

        Parameters
        ----------
        width : float, optional
            Largest distance of a pixel's centre, pixels.

        Returns
        -------
        numpy.ndarray
            (Y, X) bool.
        """
        on = np.zeros(self.shape, bool)
        rows = np.broadcast_to(np.arange(self.shape[0]), self.x.shape)
        reach = int(np.ceil(width))
        for step in range(-reach, reach + 1):
            column = np.rint(self.x).astype(np.int64) + step  # (F, Y)
            near = (column >= 0) & (column < self.shape[1]) & (abs(column - self.x) <= width)
            on[rows[near], column[near]] = True
        return on

    def project(self, light):
        """Return the image that light makes.

        Parameters
        ----------
        light : array_like
            (F, Y) electrons of each fibre in each row, taken to fall on the row's centre.

        Returns
        -------
        numpy.ndarray
            (Y, X) float32 electrons, never negative: where Gauss-Hermite functions would make
            them so they are 0. What spreads beyond the edges is lost.

        Raises
        ------
        ValueError
            If the shape of `light` is another.
        """
        light = np.asarray(light, np.float32)
        if light.shape != self.x.shape:
            raise ValueError(f"light: expected shape {self.x.shape}, found {light.shape}")
        image = np.zeros(self.shape, np.float32)
        basis = self.basis().astype(np.float32)
        for first in range(0, len(light), BUNDLE):
            part = slice(first, first + BUNDLE)
            if np.any(light[part]):
                core = self.core[part].astype(np.float32) @ basis  # (B, I, J, Y)
                widths = self.sigma[part].astype(np.float32) @ basis  # (B, 2, Y)
                add_block(image, light[part], self.x[part], widths, core)
        return with_tails(np.maximum(image, 0), self.tails)

    def perturbed(self, rng, amount=1.0):
        """Return the optics of another exposure.

        Parameters
        ----------
        rng : numpy.random.Generator
        amount : float, optional
            Factor on all changes: shifts and scale along x and y, focus and its gradient,
            asymmetry, height of the tails.

        Returns
        -------
        Optics
        """
        shift = amount * rng.normal(0, _SHIFT, 2)
        scale = amount * rng.normal(0, _SCALE)
        tilt = amount * rng.normal(0, _SCALE)
        middle = np.mean(self.span)
        x = self.x * (1 + scale) + shift[0] + tilt * (np.arange(self.shape[0]) - middle)
        moved = shift[1] * np.gradient(self.wave, axis=1) if self.shape[0] > 1 else 0
        focus = np.exp(amount * (rng.normal(0, _FOCUS) + rng.normal(0, _TILT) * self._across()))
        core = np.array(self.core)
        for (i, j), deviation in _RESTLESS.items():
            where = core[:, i, j]  # (F, K)
            change = amount * deviation * rng.normal(size=3)
            where[:, 0] += change[0] + change[1] * self._across()
            where[:, 1] += change[2]
        tails = (self.tails[0] * np.exp(amount * rng.normal(0, _TAILS)), *self.tails[1:])
        sigma = self.sigma * focus[:, None, None]
        return replace(self, x=x, wave=self.wave - moved, sigma=sigma, core=core, tails=tails)

    def _across(self):
        """Return where each fibre is across the CCD, (F,) from -1 to 1."""
        return (self.fibers - 249.5) / 249.5


def make_optics(psf, shape=None, origin=(0, 0)):
    """Make optics of a psf file's arrays, or of those of `spectrograph.parametric_psf`.

    Parameters
    ----------
    psf : dict
        As `desinn.io.psf.read_psf` returns it.
    shape : tuple of int, optional
        (Y, X) of the cut; by default the whole CCD.
    origin : tuple of int, optional
        Row and column of the CCD at which the cut begins; rows outside of the CCD are allowed.

    Returns
    -------
    Optics
        Of the fibres whose traces come near the cut; perhaps none.

    Raises
    ------
    ValueError
        If the shape is not of two positive numbers, or wavelengths do not rise with the row.

    Examples
    --------
    >>> from desinn.simulate.ccd.spectrograph import parametric_psf
    >>> make_optics(parametric_psf("r"), (256, 256), (1000, 2000)).x.shape
    (35, 256)
    >>> make_optics(parametric_psf("r"), (256, 0))
    Traceback (most recent call last):
        ...
    ValueError: shape: expected two positive numbers, found (256, 0)
    """
    shape = tuple(psf["shape"] if shape is None else shape)
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"shape: expected two positive numbers, found {shape}")
    grid, x, y = _traces(psf)
    rows = origin[0] + np.arange(shape[0])
    places = np.array([np.interp(rows, *pair) for pair in zip(y, x, strict=True)]) - origin[1]
    near = (places > -_SIDE) & (places < shape[1] - 1 + _SIDE)  # (F, Y)
    fibers = np.flatnonzero(near.any(axis=1))
    wave = np.array([np.interp(rows, y[fiber], grid) for fiber in fibers])
    nodes = np.linspace(0, psf["shape"][0] - 1, 6 * (DEGREE + 1))
    at_nodes = np.array([np.interp(nodes, y[fiber], grid) for fiber in fibers])
    values = _Values(psf, fibers, at_nodes.reshape(-1, nodes.size))
    return Optics(
        shape,
        fibers,
        places[fibers],
        wave.reshape(places[fibers].shape),
        np.stack([values("GHSIGX"), values("GHSIGY")], axis=1),
        values.core(),
        (-origin[0], psf["shape"][0] - 1 - origin[0]),
        _tails(psf),
    )


def _traces(psf):
    """Return wavelengths (N,), and x and y of all fibres there, (F, N)."""
    low, high = psf["trace_range"]
    scaled = np.linspace(-1 - 2 * _BEYOND, 1 + 2 * _BEYOND, _GRID)
    x, y = (psf[name] @ legendre.legvander(scaled, psf[name].shape[1] - 1).T for name in "xy")
    if not (np.diff(y, axis=1) > 0).all():
        fiber = np.flatnonzero(~(np.diff(y, axis=1) > 0).all(axis=1))[0]
        raise ValueError(f"y: expected rows that rise with the wavelength, fibre {fiber} does not")
    return (low + high + (high - low) * scaled) / 2, x, y


class _Values:
    """A psf's parameters as polynomials in the row."""

    def __init__(self, psf, fibers, wave):
        low, high = psf["range"]
        self._scaled = (2 * wave - low - high) / (high - low)  # (F, N)
        self._fit = np.linalg.pinv(legendre.legvander(np.linspace(-1, 1, wave.shape[1]), DEGREE))
        self._params, self._fibers = psf["params"], fibers

    def __call__(self, name):
        coefficients = self._params[name][self._fibers]  # (F, K)
        terms = legendre.legvander(self._scaled, coefficients.shape[1] - 1)  # (F, N, K)
        return np.einsum("fnk,fk->fn", terms, coefficients) @ self._fit.T

    def core(self):
        """Return (F, I, J, K); orders that are not given have none, but for the first few."""
        names = [re.fullmatch(r"GH-(\d+)-(\d+)", name) for name in self._params]
        orders = [(int(name[1]), int(name[2])) for name in names if name]
        least = np.max(list(_RESTLESS), axis=0)
        size = np.maximum(np.max(orders, axis=0), least) + 1
        core = np.zeros((len(self._fibers), *size, DEGREE + 1))
        for i, j in orders:
            core[:, i, j] = self(f"GH-{i}-{j}")
        return core


def _tails(psf):
    """Return the tails in the middle of the wavelengths, of all fibres' mean."""
    names = ("TAILAMP", "TAILCORE", "TAILXSCA", "TAILYSCA", "TAILINDE")
    height, *others = (float(legendre.legval(0.0, psf["params"][n].mean(axis=0))) for n in names)
    return (max(height, 0.0), *others)

"""Spectra as arrays: the container, the networks' wavelength grids, rest wavelengths."""

from .container import Camera, Spectra
from .grids import NORMALIZATION, Grid, normalize, rebin
from .lines import LINES

__all__ = ["LINES", "NORMALIZATION", "Camera", "Grid", "Spectra", "normalize", "rebin"]

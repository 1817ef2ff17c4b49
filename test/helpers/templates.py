"""Folders of small synthetic templates, in redrock's forms."""

import fitsio
import numpy as np


def write_redrock(path, spectype, subtype, wave, vectors, coefficients=None, log=False):
    """Write a template on an even grid of `wave`, or of its logarithm."""
    grid = np.log10(wave) if log else np.asarray(wave, "f8")
    header = {"CRVAL1": grid[0], "CDELT1": grid[1] - grid[0], "RRTYPE": spectype}
    header |= {"RRSUBTYP": subtype}
    if log:
        header["LOGLAM"] = 1
    with fitsio.FITS(path, "rw", clobber=True) as fits:
        fits.write(np.atleast_2d(vectors), header=header, extname="BASIS_VECTORS")
        if coefficients is not None:
            fits.write(np.asarray(coefficients, "f8"), extname="ARCHETYPE_COEFF")


def bumps(wave, n=3):
    """Return n positive functions (n, W): a slope, and slopes with a bump at 4000 A, 5000 A ..."""
    wave = np.asarray(wave, "f8")
    places = 4000 + 1000 * np.arange(n - 1)[:, None]
    slope = 5500 / wave
    return np.concatenate([slope[None], slope * np.exp(-(((wave - places) / 200) ** 2))])

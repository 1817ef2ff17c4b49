"""DESI's psf files: where the light of each fibre and wavelength falls, and how it spreads."""

import numpy as np

from ..spectra.container import naming, native
from .fits import open_fits
from .hdus import by_name, find_table, keywords, number, read_columns, read_image

NEEDED = ("GHSIGX", "GHSIGY", "TAILAMP", "TAILCORE", "TAILXSCA", "TAILYSCA", "TAILINDE")
"""Parameters that every file must have, beside the Gauss-Hermite coefficients."""

_COLUMNS = ("PARAM", "COEFF", "LEGDEGW")


def read_psf(path):
    """Read traces and shape of the point-spread function of one camera.

    Parameters
    ----------
    path : str or os.PathLike
        A psf file of DESI with HDUs XTRACE and YTRACE and a table PSF with columns PARAM, COEFF
        and LEGDEGW, of type GAUSS-HERMITE.

    Returns
    -------
    dict
        - ``camera``: str, as ``r0``; ``shape``: (Y, X) of the CCD;
        - ``trace_range``: wavelengths in A between which the traces' polynomials are defined
          (their arguments -1 and 1); ``range``: those of the parameters;
        - ``x``, ``y``: (F, K) float64 Legendre coefficients of the traces in the wavelength;
          positions are pixels, whole numbers at their centres;
        - ``params``: name -> (F, K) float64 Legendre coefficients: GHSIGX and GHSIGY (pixels),
          GH-i-j (order i along x, j along y, probabilists' Hermite polynomials), TAILAMP,
          TAILCORE, TAILXSCA, TAILYSCA, TAILINDE, and what else there is. Coefficients beyond
          LEGDEGW, where files have leftovers, are 0.

    Raises
    ------
    FileNotFoundError, OSError
        As for `desinn.io.desi.read_coadd`.
    ValueError
        If an HDU, a keyword or a parameter is missing, the type is another, or shapes do not
        fit. All messages name the file.

    Examples
    --------
    >>> read_psf("psf-r0-00051060.fits")["x"].shape  # doctest: +SKIP
    (500, 7)
    >>> read_psf("coadd-0-80605-thru20210205.fits")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: coadd-0-80605-thru20210205.fits: missing HDU XTRACE, YTRACE
    """
    with open_fits(path) as fits, naming(path):
        hdus = by_name(fits)
        missing = [name for name in ("XTRACE", "YTRACE") if name not in hdus]
        if missing:
            raise ValueError("missing HDU " + ", ".join(missing))
        traces = keywords(hdus["XTRACE"])
        x, y = (_trace(hdus[name], name) for name in ("XTRACE", "YTRACE"))
        if x.shape[0] != y.shape[0]:
            raise ValueError(f"YTRACE: expected {len(x)} fibres as in XTRACE, found {len(y)}")
        table = find_table(fits, _COLUMNS)
        if table is None:
            raise ValueError(f"expected a table with columns {', '.join(_COLUMNS)}, found none")
        header = keywords(table)
        _check_type(header)
        return {
            "camera": str(header.get("CAMERA", "")).strip("' ").lower(),
            "shape": tuple(int(number(header, name)) for name in ("NPIX_Y", "NPIX_X")),
            "trace_range": _range(traces),
            "range": _range(header),
            "x": x,
            "y": y,
            "params": _params(read_columns(table, _COLUMNS), len(x)),
        }


def _range(header):
    low, high = (float(number(header, name)) for name in ("WAVEMIN", "WAVEMAX"))
    if not low < high:
        raise ValueError(f"expected WAVEMIN < WAVEMAX, found {low:g}, {high:g}")
    return low, high


def _check_type(header):
    found = str(header.get("PSFTYPE", "GAUSS-HERMITE")).strip()
    if found != "GAUSS-HERMITE":
        raise ValueError(f"PSFTYPE: expected GAUSS-HERMITE, found {found}")


def _trace(hdu, name):
    image = native(read_image(hdu)).astype(np.float64)
    if image.ndim != 2:
        raise ValueError(f"{name}: expected 2 dimensions, found {image.ndim}")
    return image


def _params(columns, fibers):
    params = {}
    rows = zip(*(native(columns[name]) for name in _COLUMNS), strict=True)
    for name, coefficients, degree in rows:
        name = name.decode() if isinstance(name, bytes) else str(name)
        values = np.array(coefficients, np.float64)
        if values.ndim != 2 or len(values) != fibers:
            raise ValueError(
                f"{name.strip()}: expected ({fibers}, K) coefficients, found {values.shape}"
            )
        values[:, int(np.ravel(degree)[0]) + 1 :] = 0  # the fit leaves other numbers there
        params[name.strip()] = values
    missing = [name for name in (*NEEDED, "GH-0-0") if name not in params]
    if missing:
        raise ValueError("missing PARAM " + ", ".join(missing))
    return params

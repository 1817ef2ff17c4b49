"""QuasarNP's ``utils``: wavelength grids, rebinning, and what the network's output means."""

import numpy as np

from ... import spectra
from ...finders.qso import line_of
from ...log import get_logger
from ...spectra import LINES, Camera, Grid

_LOG, _LINEAR = Grid.log(), Grid.linear()

wave = _LOG.wave
"""Lower edges in A of the 443 bins that are even in log10 of the wavelength, float64."""

linear_wave = _LINEAR.wave
"""Lower edges in A of the 458 bins that are even in wavelength, float64."""

for _edges in (wave, linear_wave):
    _edges.setflags(write=False)  # they are default arguments: a change would reach every call

nbins, nbins_linear = _LOG.size, _LINEAR.size
l_min, l_max, dl = _LOG.start, 4.0, _LOG.step

absorber_IGM = {
    "LYB": 1025.72,
    "OVI(1032)": 1031.912,
    "OVI(1038)": 1037.613,
    "OI(1039)": 1039.230,
    "SiII(1190)": 1190.4158,
    "SiII(1193)": 1193.2897,
    "NI(1200)": 1200.0,
    "SiIII(1207)": 1206.500,
    "LYA": LINES["LYA"],
    "NV(1239)": 1238.821,
    "NV(1243)": 1242.804,
    "SiII(1260)": 1260.4221,
    "OI(1302)": 1302.1685,
    "SiII(1304)": 1304.3702,
    "CII(1335)": 1334.5323,
    "SiIV(1394)": 1393.76018,
    "SiIV(1403)": 1402.77291,
    "SiII(1527)": 1526.70698,
    "CIV(1548)": LINES["CIV"],
    "CIV(eff)": 1549.06,
    "CIV(1551)": 1550.77845,
    "FeII(1608)": 1608.4511,
    "AlII(1671)": 1670.7886,
    "AlIII(1855)": 1854.71829,
    "AlIII(1863)": 1862.79113,
    "CIII(1909)": LINES["CIII"],
    "FeII(2344)": 2344.2129601,
    "FeII(2374)": 2374.4603294,
    "FeII(2383)": 2382.7641781,
    "MnII(2577)": 2576.877,
    "FeII(2587)": 2586.6495659,
    "FeII(2600)": 2600.1724835,
    "MgII(2796)": LINES["MgII"],
    "MgII(2804)": 2803.5324,
    "MgI(2853)": 2852.96,
    "Hbeta": LINES["Hbeta"],
    "OIII(4933)": 4932.68,
    "OIII(5008)": 5008.24,
    "Halpha": LINES["Halpha"],
}
"""Rest wavelength in A of each line that `process_preds` may be asked for."""


def process_preds(preds, lines, lines_bal, verbose=True, wave=wave):
    """Turn the network's output into confidences and redshifts.

    Parameters
    ----------
    preds : sequence of array_like, each (N, 2 * boxes)
        What ``model.predict`` gave: one array per line, boxes first and then offsets.
    lines : sequence of str
        Names of the emission lines, keys of `absorber_IGM`, in the order of `preds`.
    lines_bal : sequence of str
        Names of the lines of broad absorption, whose outputs follow.
    verbose : bool
        Log the numbers of spectra and boxes.
    wave : array_like
        (W,) lower edges in A of the bins that the network took.

    Returns
    -------
    c_line : numpy.ndarray
        (lines, N) float64, confidence in each line: the largest of its boxes.
    z_line : numpy.ndarray
        (lines, N) float64, redshift from each line.
    zbest : numpy.ndarray
        (N,) float64, redshift from the most confident of `lines`.
    c_line_bal, z_line_bal : numpy.ndarray
        (lines_bal, N), as `c_line` and `z_line`.

    Raises
    ------
    ValueError
        If there are no lines, not as many as predictions, or one is unknown.

    Examples
    --------
    >>> process_preds([np.zeros((1, 26))], ["LYA"], ["CIV(1548)"])
    Traceback (most recent call last):
        ...
    ValueError: preds: expected 2 arrays, one per line, found 1
    """
    names = [*lines, *lines_bal]
    preds = [np.asarray(pred) for pred in preds]
    _check_lines(preds, names)
    if not len(lines):
        raise ValueError("lines: expected at least one, for zbest")
    if verbose:
        get_logger().info("quasarnp: %d spectra, %d boxes", len(preds[0]), preds[0].shape[1] // 2)
    rest = [absorber_IGM[name] for name in names]
    found = [line_of(*item, np.asarray(wave)) for item in zip(preds, rest, strict=True)]
    c = np.stack([confidence for confidence, _ in found]).astype(np.float64)  # (all lines, N)
    z = np.stack([redshift for _, redshift in found])
    split = len(lines)
    best = c[:split].argmax(axis=0)[np.newaxis]  # (1, N)
    zbest = np.take_along_axis(z[:split], best, axis=0)[0]
    return c[:split], z[:split], zbest, c[split:], z[split:]


def _check_lines(preds, names):
    if len(preds) != len(names):
        raise ValueError(f"preds: expected {len(names)} arrays, one per line, found {len(preds)}")
    unknown = [name for name in names if name not in absorber_IGM]
    if unknown:
        raise ValueError(f"lines: expected names in absorber_IGM, found {', '.join(unknown)}")


def regrid(old_grid, new_grid=wave):
    """Return the bin that each wavelength falls into.

    Parameters
    ----------
    old_grid : array_like
        (P,) wavelengths in A.
    new_grid : array_like
        (W,) lower edges of the bins in A, even in wavelength or its logarithm.

    Returns
    -------
    bins : numpy.ndarray
        (P,) int64, below 0 or above W - 1 outside the grid.
    w : numpy.ndarray
        (P,) bool, whether the wavelength is on the grid.

    Raises
    ------
    ValueError
        If `new_grid` is not even, or a wavelength is not a finite number above 0.
    """
    grid = Grid.from_wave(new_grid)
    bins = grid.bin_of(old_grid)
    return bins, (bins >= 0) & (bins < grid.size)


def rebin(flux, ivar, w_grid, out_grid=wave):
    """Sum flux * ivar and ivar of the pixels in each bin: one camera, not yet divided.

    Parameters
    ----------
    flux, ivar : array_like
        (N, P) flux and its inverse variance. Pixels that are not finite count as ivar 0.
    w_grid : array_like
        (P,) wavelengths of the pixels in A, increasing.
    out_grid : array_like
        (W,) lower edges of the bins in A.

    Returns
    -------
    flux_out, ivar_out : numpy.ndarray
        (N, W) float64, the sums; add those of all cameras, then divide.

    Raises
    ------
    ValueError
        If shapes do not fit, the wavelengths do not increase, or `out_grid` is not even.
    """
    mean, total = spectra.rebin([Camera(w_grid, flux, ivar)], Grid.from_wave(out_grid))
    return mean * total, total


def renormalize(flux, ivar):
    """Subtract each row's ivar-weighted mean and divide by its ivar-weighted rms.

    Parameters
    ----------
    flux, ivar : array_like
        (N, W), the mean flux of each bin and its ivar.

    Returns
    -------
    numpy.ndarray
        (N, W) float32, 0 in rows that cannot be normalised (no ivar, or constant).

    Raises
    ------
    ValueError
        If the shapes are not (N, W) and equal.
    """
    return spectra.normalize(flux, ivar)[0]

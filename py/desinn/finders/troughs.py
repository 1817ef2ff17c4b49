"""Broad absorption troughs of quasars, masked: their hydrogen looks like a DLA, but is none.

A catalogue gives the velocities of the troughs of CIV; what flows out absorbs in all lines at the
same velocities.
"""

import numpy as np

from ..spectra import Camera, Spectra
from ..spectra.lines import C_KMS
from .absorbers import LYA, LYB, DLAFlag, SightlineFlag

LINES = {
    "CIV": 1549.06,
    "SiIV 1402": 1402.77,
    "SiIV 1393": 1393.76,
    "NV": 1240.81,
    "Lya": LYA,
    "CIII 1175": 1175.7,
    "PV 1128": 1128.01,
    "PV 1117": 1117.98,
    "SIV 1072": 1072.97,
    "SIV 1062": 1062.66,
    "OVI 1037": 1037.62,
    "OVI 1031": 1031.93,
    "Lyb": LYB,
    "NIII": 989.80,
    "CIII 977": 977.02,
    "Lyg": 972.54,
    "Lyd": 949.74,
}
"""Rest wavelengths of the lines in which broad absorption is masked, A. Doublets that are nearer
than troughs are broad have their mean; of the others each line has its own trough."""

DARK = ("Lya", "NV")
"""Those whose troughs look like an absorber's: others are too weak in the forest. They set
POTENTIAL_BAL, as in the DESI DLA Toolkit."""


def troughs(z, vmin, vmax, lines=tuple(LINES)):
    """Return between which wavelengths quasars have broad absorption.

    Parameters
    ----------
    z : array_like
        (B,) redshifts of the quasars.
    vmin, vmax : array_like
        (B, K) velocities of the ends of each trough of CIV, km/s, positive towards us (as in
        DESI's VMIN_CIV_450 and VMAX_CIV_450). Where not 0 <= vmin < vmax, as -1 and -1 or NaN,
        there is no trough.
    lines : sequence of str
        Of `LINES`.

    Returns
    -------
    first, last : numpy.ndarray
        (B, T) float64 observed wavelengths, A, of the ends of T = K times 17 troughs: those of
        each line at rest (1 - v / c). NaN where there is none.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> first, last = troughs([2.0], [[10000.0]], [[12000.0]])
    >>> first[0, :1].round(1).tolist(), last[0, :1].round(1).tolist()  # CIV
    ([4461.2], [4492.2])
    """
    z, vmin, vmax = (np.asarray(values, np.float64) for values in (z, vmin, vmax))
    if z.ndim != 1 or vmin.ndim != 2 or vmin.shape != vmax.shape or len(vmin) != len(z):
        found = f"{z.shape}, {vmin.shape}, {vmax.shape}"
        raise ValueError(f"expected z (B,), vmin (B, K) and vmax (B, K), found shapes {found}")
    there = (vmin >= 0) & (vmax > vmin) & np.isfinite(vmax) & np.isfinite(z)[:, None]
    rest = np.array([LINES[name] for name in lines]) * (1 + z[:, None])  # (B, L)
    ends = []
    for velocity in (vmax, vmin):
        scale = 1 - np.where(there, velocity, np.nan) / C_KMS  # (B, K)
        ends.append((rest[:, :, None] * scale[:, None, :]).reshape(len(z), -1))  # (B, L * K)
    return ends[0], ends[1]


def mask_troughs(spectra, z, vmin, vmax):
    """Return spectra whose pixels in broad absorption troughs have no weight.

    Parameters
    ----------
    spectra : desinn.spectra.Spectra
        B spectra; they are not changed.
    z, vmin, vmax : array_like
        As `troughs` takes them.

    Returns
    -------
    desinn.spectra.Spectra
        With an ivar of 0 there. What is not changed is shared with `spectra`; without any trough
        it is `spectra` itself.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> camera = Camera([4400.0, 4470.0, 4500.0], [[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]])
    >>> masked = mask_troughs(Spectra([7], {"b": camera}), [2.0], [[10000.0]], [[12000.0]])
    >>> masked.cameras["b"].ivar.tolist()
    [[1.0, 0.0, 1.0]]
    """
    first, last = troughs(z, vmin, vmax)
    if len(first) != len(spectra):
        raise ValueError(f"z: expected {len(spectra)}, one for each spectrum, found {len(first)}")
    rows = np.flatnonzero(np.isfinite(first).any(axis=1))
    if not rows.size:
        return spectra
    cameras = {}
    for name, camera in spectra.cameras.items():
        ivar = camera.ivar.copy()
        for row in rows:
            ivar[row, _within(camera.wave, first[row], last[row])] = 0
        cameras[name] = Camera(camera.wave, camera.flux, ivar, camera.mask, camera.resolution)
    return Spectra(spectra.targetid, cameras, spectra.fibermap, spectra.header, spectra.source)


def mark_troughs(absorbers, sightlines, z, vmin, vmax, masked=True):
    """Set the flags of absorbers in troughs, and of sightlines whose troughs were masked.

    Parameters
    ----------
    absorbers : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER`; where the centre of Lyman-alpha lies in a
        trough of `DARK` lines, POTENTIAL_BAL is set in place.
    sightlines : numpy.ndarray
        (B,) of `desinn.finders.absorbers.SIGHTLINE`; TROUGHS_MASKED is set in place.
    z, vmin, vmax : array_like
        As `troughs` takes them.
    masked : bool
        Whether the troughs were masked. Absorbers get their flag in any case.
    """
    first, last = troughs(z, vmin, vmax, DARK)
    if masked:
        there = np.isfinite(first).any(axis=1)
        sightlines["SIGHTLINE_FLAG"][there] |= int(SightlineFlag.TROUGHS_MASKED)
    row, wave = absorbers["ROW"], LYA * (1 + absorbers["Z_DLA"])
    within = ((first[row] <= wave[:, None]) & (wave[:, None] <= last[row])).any(axis=1)
    absorbers["DLAFLAG"][within] |= int(DLAFlag.POTENTIAL_BAL)


def _within(wave, first, last):
    """Return which of (W,) wavelengths lie between any of (T,) ends."""
    there = np.isfinite(first)
    return ((wave >= first[there, None]) & (wave <= last[there, None])).any(axis=0)

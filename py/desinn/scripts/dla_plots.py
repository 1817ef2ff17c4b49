"""Pictures of sightlines with absorbers, for eyes."""

import os

import numpy as np

from ..finders.absorbers import LYA, LYB
from .plots import figure_class, save_figure

METALS = {
    "SiII": 1260.4221,
    "OI": 1302.1685,
    "CII": 1334.5323,
    "SiII 1526": 1526.7070,
    "FeII": 1608.4508,
    "AlII": 1670.7886,
}
"""Lines redward of Lyman-alpha that a DLA should have, A."""

COLORS = ("tab:red", "tab:blue", "tab:green", "tab:purple", "tab:orange")
"""Of the absorbers, one after the other."""

_STEP = 3e-4  # of the bins that are drawn, dex: 200 km/s
_FOREST = (912.0, 1245.0)  # A at the quasar
_RED = 1245.0
_REACH = 0.016  # half-width of a model, and of what its continuum is taken from, dex
_RUNG = 0.075  # of a panel: height of a line of words
_ROOM = 0.07  # of a panel's width: what a word takes


def plot_sightline(path, spectra, sightline, absorbers, accepted, finder, threshold):
    """Draw a sightline: forest with models, confidence beneath, and where metals should be.

    Parameters
    ----------
    path : str or os.PathLike
        PNG file to write; an existing one is replaced.
    spectra : desinn.spectra.Spectra
        One.
    sightline : numpy.void
        Its row of SIGHTLINES.
    absorbers : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER` on it.
    accepted : numpy.ndarray
        (A,) bool: in DLACAT; the others are drawn in grey.
    finder : object
        Its ``trace(spectra, z)``, if it has one, gives the confidence along the wavelength.
    threshold : float
        Confidence from which on an absorber is in DLACAT.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    wave, flux, error = _binned(spectra)
    z = float(sightline["Z_QSO"])
    forest = np.array(_FOREST) * (1 + z)
    forest[0] = max(forest[0], wave[0])
    red = np.array([_RED * (1 + z), 1.01 * METALS["AlII"] * (1 + absorbers["Z_DLA"].max())])
    red[1] = min(max(red[1], 1.2 * red[0]), wave[-1])
    figure = figure_class()(figsize=(11, 8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, height_ratios=(4, 1.6, 2.6))
    for axes, limits in ((top, forest), (middle, forest), (bottom, red)):
        axes.set_xlim(*limits)
    _draw_spectrum(top, wave, flux, error)
    _draw_models(top, wave, flux, error, absorbers, accepted)
    _mark_lines(top, absorbers, accepted, {"": LYA, "Lyb": LYB})
    _draw_confidence(middle, finder, spectra, z, absorbers, accepted, threshold)
    _draw_spectrum(bottom, wave, flux, error)
    _mark_lines(bottom, absorbers, accepted, METALS)
    bottom.set_xlabel("observed wavelength [Angstrom]")
    top.set_title(_title(spectra, sightline))
    save_figure(path, figure)


def local_continuum(wave, flux, error, models, wanted):
    """Return the straight line that, with absorbers on it, fits best near one of them.

    Parameters
    ----------
    wave, flux, error : numpy.ndarray
        (W,) spectrum.
    models : numpy.ndarray
        (W,) transmission of all absorbers.
    wanted : numpy.ndarray
        (W,) bool, near the absorber.

    Returns
    -------
    numpy.ndarray
        (N,) the line at the wanted wavelengths; a constant where too little is seen there, and 0
        where nothing is.
    """
    x = (wave[wanted] - wave[wanted].mean()) / np.ptp(wave[wanted])
    weight = models[wanted] / error[wanted]
    value = flux[wanted] / error[wanted]
    for degree in (1, 0):
        basis = np.stack([x**power for power in range(degree + 1)], axis=1)  # (N, degree + 1)
        line = basis @ np.linalg.lstsq(basis * weight[:, None], value, rcond=None)[0]
        if (line > 0).all():
            return line
    return np.zeros_like(x)


def _binned(spectra):
    """Return wavelengths, flux and error of one spectrum in the bins that are drawn."""
    from ..spectra import Grid, rebin

    waves = [camera.wave for camera in spectra.cameras.values()]
    first, last = (np.log10(end(end(wave) for wave in waves)) for end in (min, max))
    grid = Grid.log(first, _STEP, max(int((last - first) / _STEP), 1))
    flux, ivar = (values[0] for values in rebin(spectra.cameras, grid))
    use = ivar > 0
    return (grid.wave * 10 ** (_STEP / 2))[use], flux[use], ivar[use] ** -0.5


def _draw_spectrum(axes, wave, flux, error):
    """Draw what lies within the panel; the vertical range is that of the most of it."""
    low, high = axes.get_xlim()
    use = (wave > low) & (wave < high)
    wave, flux, error = _with_gaps(wave[use], flux[use], error[use])
    axes.fill_between(wave, flux - error, flux + error, step="mid", color="0.85", linewidth=0)
    axes.step(wave, flux, where="mid", color="black", linewidth=0.8)
    axes.axhline(0, color="0.5", linewidth=0.6)
    if use.any():
        top = np.nanpercentile(flux, 98.5) + np.nanmedian(error)
        bottom = min(np.nanpercentile(flux, 1) - np.nanmedian(error), -0.05 * abs(top))
        axes.set_ylim(bottom, bottom + 1.45 * max(top - bottom, 1e-30))  # with room for words
    axes.set_ylabel("flux")


def _with_gaps(wave, flux, error):
    """Return the arrays with NaN where bins are missing, so that no line bridges them."""
    gaps = np.flatnonzero(np.diff(np.log10(wave)) > 1.5 * _STEP) + 1
    middle = (wave[gaps - 1] + wave[gaps]) / 2
    return np.insert(wave, gaps, middle), *(np.insert(a, gaps, np.nan) for a in (flux, error))


def _draw_models(axes, wave, flux, error, absorbers, accepted):
    """Draw the absorbers of DLACAT over the flux that is around them."""
    from ..simulate.voigt import voigt_tau

    transmission = np.ones_like(wave)
    for one in absorbers[accepted]:
        for line in ("Lya", "Lyb"):
            transmission *= np.exp(-voigt_tau(wave, one["Z_DLA"], one["NHI"], line=line))
    for one, color in zip(absorbers[accepted], _colors(accepted)[accepted], strict=True):
        wanted = np.abs(np.log10(wave / (LYA * (1 + one["Z_DLA"])))) < _REACH
        if np.count_nonzero(wanted) < 5:
            continue
        line = local_continuum(wave, flux, error, transmission, wanted)
        axes.plot(wave[wanted], line, color=color, linewidth=0.8, linestyle=":")
        axes.plot(wave[wanted], line * transmission[wanted], color=color, linewidth=1.4)


def _draw_confidence(axes, finder, spectra, z, absorbers, accepted, threshold):
    if hasattr(finder, "trace"):
        ((wave, confidence),) = finder.trace(spectra, np.array([z]))
        axes.plot(wave, confidence, color="black", linewidth=0.8)
    for one, color in zip(absorbers, _colors(accepted), strict=True):
        seen = LYA * (1 + one["Z_DLA"])
        axes.vlines(seen, 0, one["DLA_CONFIDENCE"], color=color, linewidth=0.8)
        axes.plot([seen], [one["DLA_CONFIDENCE"]], "o", color=color, markersize=4)
    axes.axhline(threshold, color="0.5", linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("confidence")


def _mark_lines(axes, absorbers, accepted, lines):
    """Mark lines of absorbers; words that would lie on one another go to another height."""
    words = []
    for one, color, good in zip(absorbers, _colors(accepted), accepted, strict=True):
        for name, rest in lines.items():
            text = name or _words(one)
            if good or not name:
                words.append((rest * (1 + one["Z_DLA"]), text if good else "", color, not name))
    low, high = axes.get_xlim()
    ends = {}  # height -> where its last word ends
    for wave, text, color, strong in sorted(words):
        if not low < wave < high:
            continue
        axes.axvline(wave, color=color, linewidth=0.8, linestyle="--" if strong else ":")
        if not text:
            continue
        place = (wave - low) / (high - low)
        rungs = 2 if strong else 1
        level = 0
        while any(ends.get(level + k, -1) > place for k in range(rungs)):
            level += 1
        width = _ROOM * (2 if strong else 1)
        for k in range(rungs):
            ends[level + k] = place + width
        right = place + width > 1
        axes.text(
            wave,
            0.98 - _RUNG * level,
            f"{text} " if right else f" {text}".replace("\n", "\n "),
            color=color,
            fontsize=8,
            va="top",
            ha="right" if right else "left",
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
            transform=axes.get_xaxis_transform(),
        )


def _words(one):
    error = f" +- {one['NHI_ERR']:.2f}" if np.isfinite(one["NHI_ERR"]) else ""
    return f"z = {one['Z_DLA']:.4f}\nlog N = {one['NHI']:.2f}{error}"


def _colors(accepted):
    """Return the colour of each absorber: grey for candidates."""
    number = np.cumsum(accepted) - 1
    return np.where(accepted, np.array(COLORS)[number % len(COLORS)], "0.6")


def _title(spectra, sightline):
    source = os.path.basename(spectra.source or "spectra")
    snr = sightline["SNR_REDSIDE"]
    return (
        f"{source}, TARGETID {sightline['TARGETID']}: z = {sightline['Z_QSO']:.3f}, "
        f"S/N {snr:.1f} (red side)"
    )

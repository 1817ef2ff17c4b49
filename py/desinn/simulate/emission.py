"""Emission lines of quasars: what they are like on average, how they vary, and their profiles."""

from dataclasses import dataclass, replace

import numpy as np

from .grid import BEFORE, C_KMS, CELL_KMS, SIZE, STEP

HIGH, LOW, NARROW, OIII = "high", "low", "narrow", "oiii"
"""Families: broad lines of high and of low ionization, narrow lines, and [OIII] on its own."""

# name, wavelength (A), log10 equivalent width (A), sigma (km/s), mean shift and its scatter
# (km/s), family, scatter of log10 of the equivalent width. Means are of the order of the SDSS
# composites' (Vanden Berk et al. 2001); shifts of CIV as in Richards et al. 2011 (AJ 141, 167).
LINES = (
    ("Lyg", 972.5, 0.9, 3000, -200, 200, HIGH, 0.2),
    ("OVI", 1034.0, 1.05, 3800, -300, 300, HIGH, 0.2),
    ("FeIII", 1123.0, 0.4, 3500, 0, 200, HIGH, 0.2),
    ("CIII*", 1176.0, 0.5, 3000, 0, 200, HIGH, 0.2),
    ("LyA broad", 1215.67, 1.75, 4200, -100, 300, HIGH, 0.18),
    ("LyA narrow", 1215.67, 1.3, 1200, 0, 150, HIGH, 0.25),
    ("NV", 1240.8, 1.15, 3000, -300, 300, HIGH, 0.2),
    ("SiII", 1262.6, 0.6, 2200, 0, 200, LOW, 0.2),
    ("OI", 1304.5, 0.45, 1900, 0, 200, LOW, 0.2),
    ("CII", 1335.3, 0.1, 1900, 0, 200, LOW, 0.2),
    ("SiIV", 1398.3, 1.0, 2700, -350, 300, HIGH, 0.18),
    ("NIV]", 1486.5, -0.1, 2000, -100, 200, HIGH, 0.3),
    ("CIV broad", 1549.06, 1.3, 3900, -700, 500, HIGH, 0.18),
    ("CIV narrow", 1549.06, 1.1, 1500, -200, 250, HIGH, 0.25),
    ("HeII", 1640.4, 0.75, 3800, -700, 500, HIGH, 0.2),
    ("OIII]", 1663.5, 0.3, 2200, -200, 200, HIGH, 0.2),
    ("blend 1690", 1690.0, 0.5, 7000, 0, 300, HIGH, 0.3),
    ("NIII]", 1750.3, 0.1, 2400, -100, 200, HIGH, 0.2),
    ("SiII 1816", 1816.7, -0.3, 1800, 0, 200, LOW, 0.3),
    ("AlIII", 1857.8, 0.45, 2400, -200, 200, LOW, 0.25),
    ("SiIII]", 1892.0, 0.6, 2000, -100, 200, LOW, 0.2),
    ("CIII] broad", 1908.73, 1.2, 3800, -300, 250, HIGH, 0.15),
    ("CIII] narrow", 1908.73, 0.6, 1300, -100, 200, HIGH, 0.3),
    ("blend 2080", 2080.0, 0.3, 5500, 0, 200, LOW, 0.3),
    ("CII] 2326", 2326.4, 0.1, 2500, 0, 200, LOW, 0.25),
    ("[NeIV]", 2423.5, -0.1, 1500, 0, 200, HIGH, 0.3),
    ("MgII broad", 2799.1, 1.2, 2700, 0, 200, LOW, 0.15),
    ("MgII narrow", 2799.1, 1.05, 1100, 0, 120, LOW, 0.2),
    ("OIII 3133", 3133.0, -0.1, 1500, 0, 200, HIGH, 0.3),
    ("[NeV] 3346", 3346.8, -0.5, 600, -100, 150, NARROW, 0.3),
    ("[NeV] 3426", 3426.8, 0.0, 600, -100, 150, NARROW, 0.3),
    ("[OII]", 3728.5, 0.25, 350, 0, 60, NARROW, 0.35),
    ("[NeIII] 3869", 3869.9, 0.2, 500, 0, 100, NARROW, 0.3),
    ("[NeIII] 3968", 3968.6, -0.3, 500, 0, 100, NARROW, 0.3),
    ("Hdelta", 4102.9, 0.75, 2200, 0, 200, LOW, 0.2),
    ("Hgamma", 4341.7, 1.1, 2200, 0, 200, LOW, 0.18),
    ("[OIII] 4364", 4364.4, 0.0, 600, 0, 150, NARROW, 0.3),
    ("Hbeta broad", 4862.68, 1.6, 2300, 50, 250, LOW, 0.18),
    ("Hbeta narrow", 4862.68, 0.5, 400, 0, 60, NARROW, 0.35),
    ("[OIII] 4960", 4960.3, 0.65, 400, -30, 60, OIII, 0.0),
    ("[OIII] 5008", 5008.24, 1.13, 400, -30, 60, OIII, 0.0),
    ("HeI 5877", 5877.3, 0.6, 2200, 0, 200, LOW, 0.2),
    ("[OI] 6302", 6302.0, -0.2, 400, 0, 80, NARROW, 0.3),
    ("Halpha broad", 6564.6, 2.25, 2000, 50, 200, LOW, 0.15),
    ("Halpha narrow", 6564.6, 1.1, 400, 0, 60, NARROW, 0.35),
    ("[NII] 6585", 6585.3, 0.7, 400, 0, 60, NARROW, 0.35),
    ("[NII] 6549", 6549.9, 0.25, 400, 0, 60, NARROW, 0.35),
    ("[SII]", 6725.0, 0.6, 700, 0, 80, NARROW, 0.3),
    ("HeI 7067", 7067.0, 0.4, 2200, 0, 200, LOW, 0.2),
    ("OI 8446", 8448.7, 0.9, 2000, 0, 200, LOW, 0.25),
    ("Paschen delta", 10052.0, 1.2, 2200, 0, 200, LOW, 0.25),
)

BALDWIN = {HIGH: 0.08, LOW: 0.03, NARROW: 0.06, OIII: 0.06}
"""d log10(EW) / d magnitude: brighter quasars have weaker lines (Baldwin 1977)."""

ABSOLUTE_MAGNITUDE = -25.5
"""M_1450 at which `LINES` holds."""


@dataclass(frozen=True)
class Profiles:
    """The lines of B quasars; all arrays are (B, L).

    Parameters
    ----------
    wave : numpy.ndarray
        Wavelengths of the peaks in the quasars' rest frame, A.
    sigma : numpy.ndarray
        Widths, km/s.
    equivalent_width : numpy.ndarray
        In the rest frame, A.
    asymmetry : numpy.ndarray
        By what fraction the blue half is wider, and the red one narrower, than `sigma`.
    """

    wave: np.ndarray
    sigma: np.ndarray
    equivalent_width: np.ndarray
    asymmetry: np.ndarray


def add_lines(ratio, z, lines):
    """Add lines to the ratio of emission to continuum, in place.

    Parameters
    ----------
    ratio : numpy.ndarray
        (B, W) float32 on `desinn.simulate.grid.WAVE`.
    z : numpy.ndarray
        (B,) redshifts.
    lines : Profiles
        Of the same quasars. Each line is two halves of Gaussians, cut at five sigma.
    """
    log_wave = np.log10(lines.wave * (1 + z[:, np.newaxis]) / 3600)
    place = log_wave / STEP + BEFORE - 0.5  # (B, L), in cells
    peak = lines.equivalent_width / (np.sqrt(2 * np.pi) * lines.sigma / C_KMS * lines.wave)
    reach = 5 * lines.sigma / CELL_KMS * (1 + np.abs(lines.asymmetry))
    seen = (place > -reach) & (place < SIZE + reach)
    for line in np.flatnonzero(seen.any(axis=0)):
        rows = np.flatnonzero(seen[:, line])
        width = (lines.sigma[rows, line] / CELL_KMS, lines.asymmetry[rows, line])
        half = int(reach[rows, line].max()) + 1
        _add_line(ratio, rows, place[rows, line], width, peak[rows, line], half)


def _add_line(ratio, rows, place, width, peak, half):
    """Add one line to the rows that see it."""
    sigma, asymmetry = (part.astype(np.float32)[:, np.newaxis] for part in width)
    centre = np.rint(place).astype(np.intp)
    window = np.arange(-half, half + 1)
    away = (window - (place - centre)[:, np.newaxis]).astype(np.float32)  # (rows, window) cells
    away /= np.where(away < 0, sigma * (1 + asymmetry), sigma * (1 - asymmetry))
    profile = peak.astype(np.float32)[:, np.newaxis] * np.exp(-0.5 * away * away)
    cells = centre[:, np.newaxis] + window
    inside = (cells >= 0) & (cells < SIZE)
    # No cell occurs twice in a row, so plain indexing adds correctly.
    ratio[np.broadcast_to(rows[:, np.newaxis], cells.shape)[inside], cells[inside]] += profile[
        inside
    ]


def draw_lines(rng, magnitude, strength=0.22, width=0.17):
    """Draw the lines of quasars from `LINES` and their variety.

    Parameters
    ----------
    rng : numpy.random.Generator
    magnitude : numpy.ndarray
        (B,) absolute magnitudes M_1450.
    strength, width : float
        Scatter (dex) of the factor that all equivalent widths, or all broad widths, share.

    Returns
    -------
    Profiles
        A quasar's lines of high ionization vary together: the stronger their blueshift, the
        weaker they are, and the broader their blue halves.
    """
    b, table = len(magnitude), list(zip(*LINES, strict=True))
    wave, log_ew, sigma, shift, shift_scatter = (np.array(c, float) for c in table[1:6])
    family, scatter = np.array(table[6]), np.array(table[7], float)
    wind = rng.normal(size=(b, 1))
    factors = _family_factors(rng, b, strength)
    baldwin = np.array([BALDWIN[name] for name in family])
    log_ew = log_ew + baldwin * (magnitude - ABSOLUTE_MAGNITUDE)[:, np.newaxis]
    log_ew = log_ew + scatter * rng.normal(size=(b, wave.size))
    log_ew += np.stack([factors[name][:, 0] for name in family], axis=1)
    log_ew += np.where(family == HIGH, 0.08 * wind, 0.0)
    own = rng.normal(size=(b, wave.size))
    shared = np.where(family == HIGH, 0.7 * wind + 0.7 * own, own)
    shift = shift + shift_scatter * shared
    broad = np.isin(family, (HIGH, LOW))
    common = np.where(broad, rng.normal(-0.1, width, (b, 1)), rng.normal(0, 0.15, (b, 1)))
    sigma = sigma * 10 ** (common + rng.normal(0, 0.07, (b, wave.size)))
    asymmetry = np.where(broad, rng.normal(0, 0.12, (b, wave.size)), 0.0)
    asymmetry += np.where(family == HIGH, 0.06 * (1 - wind), 0.0)
    return Profiles(wave * (1 + shift / C_KMS), sigma, 10**log_ew, np.clip(asymmetry, -0.5, 0.5))


def _family_factors(rng, b, strength):
    """Return by what log10 of a factor the lines of each family are stronger, (B, 1) each."""
    common = rng.normal(0, strength, (b, 1))
    narrow = rng.normal(0.05, 0.35, (b, 1))
    return {
        HIGH: common + rng.normal(0, 0.12, (b, 1)),
        LOW: common,
        NARROW: narrow,
        OIII: narrow + rng.normal(0.05, 0.4, (b, 1)),
    }


def shifted(rng, lines, scatter=300.0):
    """Return lines of which those below 1950 A are shifted together, and all widths changed.

    Parameters
    ----------
    rng : numpy.random.Generator
    lines : Profiles
    scatter : float
        Of the shift, km/s.

    Returns
    -------
    Profiles
        Broad widths are changed by a factor of 0.06 dex that all of a quasar's share.
    """
    b = len(lines.wave)
    shift = np.where(lines.wave < 1950, rng.normal(-50, scatter, (b, 1)), 0.0)
    width = np.where(lines.sigma > 1000, 10 ** rng.normal(0, 0.06, (b, 1)), 1.0)
    return replace(lines, wave=lines.wave * (1 + shift / C_KMS), sigma=lines.sigma * width)


I_BAND = 0.89
"""M_1450 - M_i(z = 0): the trends are stated against the latter."""

BROAD = np.array([1215.67, 1549.06, 1908.73, 2799.1, 4862.68, 6564.6])
"""Laboratory wavelengths of the lines that redshifts come from, A."""


def lines_of_trends(rng, magnitude, table, strength=0.12):
    """Draw lines whose means follow linear trends with absolute magnitude.

    Parameters
    ----------
    rng : numpy.random.Generator
    magnitude : numpy.ndarray
        (B,) absolute magnitudes M_1450.
    table : numpy.ndarray
        Structured (L,) with ``wavelength``, ``logEW`` and ``logWidth``, each (3, 2): slope and
        intercept of the mean, of one deviation less and of one more; widths are sigmas in A.
    strength : float
        Scatter (dex) of the factor that all equivalent widths share.

    Returns
    -------
    Profiles
    """
    values = {}
    for name in ("wavelength", "logEW", "logWidth"):
        slope, intercept = np.moveaxis(np.asarray(table[name], float), -1, 0)  # (L, 3) each
        at = slope * (magnitude - I_BAND)[:, np.newaxis, np.newaxis] + intercept  # (B, L, 3)
        spread = np.abs(at[..., 2] - at[..., 1]) / 2
        values[name] = at[..., 0] + spread * rng.normal(size=spread.shape)
    b = len(magnitude)
    sigma = 10 ** values["logWidth"] / values["wavelength"] * C_KMS
    sigma = np.clip(sigma * 10 ** rng.normal(0, 0.12, (b, 1)), 250, 15000)
    common = rng.normal(0, strength, (b, 1))
    asymmetry = np.clip(rng.normal(0.03, 0.1, sigma.shape), -0.5, 0.5)
    return Profiles(values["wavelength"], sigma, 10 ** (values["logEW"] + common), asymmetry)


def lines_of_composite(rng, magnitude, table, strength=0.15):
    """Draw lines around a composite spectrum's list, which no training uses.

    Parameters
    ----------
    rng : numpy.random.Generator
    magnitude : numpy.ndarray
        (B,) absolute magnitudes M_1450.
    table : numpy.ndarray
        Structured (L,) with OWave and Width (A; sigma), EqWid (A) and Skew.
    strength : float
        Scatter (dex) of the factor that all equivalent widths share.

    Returns
    -------
    Profiles
    """
    b = len(magnitude)
    wave, ew, width, skew = (
        np.asarray(table[name], float) for name in ("OWave", "EqWid", "Width", "Skew")
    )
    own = rng.normal(0, 0.12, (b, wave.size))
    luminosity = 0.05 * (magnitude - ABSOLUTE_MAGNITUDE)[:, np.newaxis]
    log_ew = np.log10(np.maximum(ew, 0.01)) + luminosity + own + rng.normal(0, strength, (b, 1))
    sigma = width / wave * C_KMS * 10 ** rng.uniform(-0.3, 0.1, (b, 1))
    # A composite's own shifts would be in every one of its quasars: redshifts come from the
    # laboratory's wavelengths, and each quasar has shifts of its own.
    nearest = BROAD[np.abs(wave[:, np.newaxis] - BROAD).argmin(axis=1)]
    wave = np.where(np.abs(wave - nearest) < 15, nearest, wave)
    high = wave < 1950
    shift = np.where(high, rng.normal(-250, 350, (b, 1)), rng.normal(0, 120, (b, 1)))
    asymmetry = np.clip(-0.1 * skew + rng.normal(0, 0.08, (b, wave.size)), -0.5, 0.5)
    return Profiles(wave * (1 + shift / C_KMS), np.maximum(sigma, 250), 10**log_ew, asymmetry)

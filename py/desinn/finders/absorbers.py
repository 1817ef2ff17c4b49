"""What every finder of damped Lyman-alpha absorbers returns, and what its flags mean."""

import enum

import numpy as np

from .base import Flag

LYA = 1215.67
"""Rest wavelength of Lyman-alpha, A."""

LYB = 1025.7223
"""Rest wavelength of Lyman-beta, A."""

MIN_DLA = 20.3
"""log10 of the least HI column density of a DLA, cm^-2."""

PROXIMATE = 3000.0
"""Absorbers nearer than this to the quasar are called proximate, km/s."""

ABSORBER = np.dtype(
    [
        ("ROW", "i8"),  # of the spectrum it was found in
        ("Z_DLA", "f8"),
        ("Z_DLA_ERR", "f8"),
        ("NHI", "f8"),  # log10 of the column density, cm^-2
        ("NHI_ERR", "f8"),
        ("DLA_CONFIDENCE", "f4"),
        ("ABSORBER_TYPE", "U6"),  # DLA, SUBDLA, LYB
        ("DLAFLAG", "i4"),  # `DLAFlag`
    ]
)
"""An absorber that was found; errors are NaN where a method has none."""

SIGHTLINE = np.dtype(
    [
        ("TARGETID", "i8"),
        ("Z_QSO", "f8"),
        ("SNR_FOREST", "f4"),  # mean of flux sqrt(ivar) per 0.8 A at rest 1040-1205 A; -1: none
        ("SNR_REDSIDE", "f4"),  # the same at rest 1420-1480 A
        ("ZMIN", "f8"),  # absorbers were searched from here
        ("ZMAX", "f8"),  # to here; both NaN where not searched
        ("SIGHTLINE_FLAG", "i4"),  # `SightlineFlag`
    ]
)
"""A quasar whose spectrum was searched, or why not."""


class DLAFlag(enum.IntFlag):
    """What speaks against an absorber; the first bits are those of the DESI DLA Toolkit.

    Bits without a word on who sets them are never set here.
    """

    ZBOUNDARY = 1
    """At an end of the searched range: within an error, or a pixel, of it."""
    NHIBOUNDARY = 2
    """The column density is at an end of what the network can say."""
    POTENTIAL_BAL = 4
    """The catalogue states broad absorption of the quasar in Lyman-alpha or NV right there."""
    BAD_ZFIT = 8
    BAD_NHIFIT = 16
    PROXIMATE = 32
    """Within 3000 km/s of the quasar, or behind it."""
    LYMAN_BETA = 64
    """May be the Lyman-beta line of a stronger absorber."""
    FEW_PIXELS = 128
    """Most of its core is masked or without data."""


class SightlineFlag(enum.IntFlag):
    """Why a sightline was not searched, or with what reservation; the first as in `base.Flag`."""

    NO_DATA = Flag.NO_DATA
    """No pixel with ivar in the searched range: not searched."""
    NOT_NORMAL = Flag.NOT_NORMAL
    """No continuum above 0 to normalise with: not searched."""
    NON_FINITE = Flag.NON_FINITE
    """Some pixels are NaN or inf; they were treated as masked."""
    MISSING_CAMERA = Flag.MISSING_CAMERA
    """A camera is absent or has no usable pixel; the others were used."""
    OUT_OF_RANGE = 16
    """The redshift is not finite, or leaves nothing to search: not searched."""
    NO_SPECTRUM = 32
    """The quasar's TARGETID is in none of the files: not searched."""
    TROUGHS_MASKED = 64
    """Broad absorption troughs of the quasar were masked."""


NOT_SEARCHED = (
    SightlineFlag.NO_DATA
    | SightlineFlag.NOT_NORMAL
    | SightlineFlag.OUT_OF_RANGE
    | SightlineFlag.NO_SPECTRUM
)
"""The bits with which nothing was searched."""

"""The wavelengths on which noise-free spectra are made, before an instrument looks at them."""

import numpy as np

from ..spectra.grids import LOG_3600
from ..spectra.lines import C_KMS

STEP = 1e-4
"""Width of a cell in log10 of the wavelength: 69 km/s, as BOSS's pixels."""

BEFORE = 120
"""Cells below 3600 A. From there on ten cells are one bin of QuasarNET's grid."""

SIZE = 4780
"""Number of cells: 3502 to 10526 A."""

EDGES = 10 ** (LOG_3600 + STEP * (np.arange(SIZE + 1) - BEFORE))
"""(SIZE + 1,) float64 edges of the cells, A (vacuum, observed)."""

WAVE = 10 ** (LOG_3600 + STEP * (np.arange(SIZE) - BEFORE + 0.5))
"""(SIZE,) float64 centres of the cells, A (vacuum, observed)."""

CELL_KMS = STEP * np.log(10) * C_KMS
"""Width of a cell, km/s."""

TRUTH = np.dtype(
    [
        ("TARGETID", "i8"),
        ("TRUESPECTYPE", "U8"),  # QSO, STAR, GALAXY, SKY
        ("TRUESUBTYPE", "U12"),
        ("TRUEZ", "f8"),
        ("SNR", "f4"),  # median over the pixels, per 0.8 A, of the noise-free flux
        ("BI", "f4"),  # balnicity index of CIV, km/s
        ("AI", "f4"),  # absorption index of CIV, km/s
        ("VMIN_CIV_450", "f4", (5,)),  # ends of the troughs that AI counts, km/s; -1: none
        ("VMAX_CIV_450", "f4", (5,)),
        ("EBV", "f4"),  # reddening at the source, mag
        ("NHI", "f4"),  # log10 of the largest HI column on the sightline, cm^-2; 0 if none
        ("ZDLA", "f4"),  # its redshift
    ]
)
"""What is known of each simulated spectrum."""

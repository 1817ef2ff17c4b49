"""Parametric starlight of galaxies: populations of a few ages behind named absorption."""

import numpy as np

from .atmospheres import BALMER, CALCIUM
from .profiles import edge, lines
from .shift import rest_wave

NAMES = ("old", "middle", "young", "flat")
"""Rows of `table`: breaks at 4000 A; at 3646 A; none and blue; a bare power law."""

SHARES = {
    "GALAXY": (0.6, 0.5, 0.4, 0.0),
    "PASSIVE": (1.0, 0.12, 0.0, 0.0),
    "ELG": (0.1, 0.5, 1.0, 0.2),
    "STARBURST": (0.0, 0.15, 1.0, 0.4),
    "TYPE2": (0.7, 0.4, 0.15, 0.25),
    "LONE OII": (0.0, 0.0, 0.0, 1.0),
}
"""Subtype -> mean share of each population at 5500 A; the scatter is a factor 2."""

_METALS = (3834.4, 4227.9, 5168.8, 5174.1, 5185.0, 5271.0, 5329.5, 5407.0, 5891.6, 5897.6, 6500.0)
_INTERSTELLAR = (
    1260.4, 1302.2, 1334.5, 1393.8, 1402.8, 1526.7, 1548.2, 1550.8, 1608.5, 1670.8, 1854.7,
    1862.8, 2344.2, 2374.5, 2382.8, 2586.7, 2600.2, 2796.35, 2803.53, 2853.0,
)  # fmt: skip
_PIVOT = 5500.0


def table():
    """Return the light of each population.

    Returns
    -------
    numpy.ndarray
        (4, R) float32 f_lambda on `shift.rest_wave`, about 1 at 5500 A. Beyond the Lyman limit it
        goes on: absorption by hydrogen is not of the stars.
    """
    wave = rest_wave()
    series = sum(lines(wave, [centre], 6) * min(1, centre / 4000) for centre in BALMER)
    gas = np.exp(-0.5 * lines(wave, _INTERSTELLAR, 1.2))
    blue = edge(wave, 4000, 60)
    old = (wave / _PIVOT) ** (-0.6 + 3.2 * edge(wave, 4700, 600))
    old *= 1 - 0.3 * blue - 0.35 * edge(wave, 2900, 150)
    depth = 1.1 * lines(wave, CALCIUM[:2], 7) + 0.5 * lines(wave, CALCIUM[2:], 5)
    depth += 0.25 * lines(wave, _METALS, 7) + 0.35 * lines(wave, [4305], 16, 6)
    depth += 0.15 * lines(wave, [5175], 60, 4) + 0.12 * lines(wave, [7150, 6200], 90, 4)
    old *= np.exp(-depth)
    middle = (wave / _PIVOT) ** -1.3 * np.exp(-0.8 * series * (1 - edge(wave, 3700, 30)))
    middle *= 1 - 0.55 * edge(wave, 3700, 60)
    middle *= np.exp(-0.4 * lines(wave, CALCIUM[:2], 5))
    young = (wave / _PIVOT) ** -1.9 * np.exp(-0.25 * series * (1 - edge(wave, 3700, 30)))
    young *= 1 - 0.1 * edge(wave, 3700, 60)
    flat = (wave / _PIVOT) ** -1.0
    return np.stack([old, middle * gas, young * gas, flat]).astype("f4")


def shares(rng, kind, n):
    """Draw how much of each population galaxies have.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        Subtype, of `SHARES`.
    n : int
        How many galaxies.

    Returns
    -------
    numpy.ndarray
        (n, 4) float32, the sum of each 1.
    """
    weights = np.array(SHARES[kind]) * np.exp(rng.normal(0, np.log(2), (n, len(NAMES))))
    return (weights / weights.sum(axis=1, keepdims=True)).astype("f4")

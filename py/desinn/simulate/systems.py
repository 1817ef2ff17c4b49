"""Which absorbers stand on a sightline: as observed, and more of them to learn from."""

import numpy as np

from .columns import ABSORBER, MAX_NHI, draw_columns, draw_hi
from .grid import C_KMS
from .voigt import LINES, LYMAN_LIMIT

LYA = LINES["Lya"][0]
"""Rest wavelength of Lyman-alpha, A."""

# The weakest that are added, and the bluest observed Lyman-alpha of those, A.
_WEAKEST, _BLUEST = 19.0, 3600.0

# Of what is drawn flat in log N: the largest.
_LARGEST = 22.2

# A companion lies so far away, km/s; one near the quasar so far before it, deviation in km/s.
_COMPANION, _NEAR = (400.0, 3500.0), 1500.0


def draw_systems(rng, z, boost=0.0, flat=0.3, blends=0.1, proximate=0.06, min_nhi=17.0):
    """Draw the systems of neutral hydrogen on sightlines.

    Parameters
    ----------
    rng : numpy.random.Generator
    z : array_like
        (B,) redshifts of the quasars.
    boost : float
        Mean number of systems above 10^19 that each sightline has besides those observed.
    flat : float
        Share of these with log N flat from 19 to 22.2; the others follow the observed f(N).
    blends, proximate : float
        Share of these that have a companion within some 1000 km/s; that stand near the quasar.
    min_nhi : float
        Least log10 of the column density of those as observed, cm^-2.

    Returns
    -------
    numpy.ndarray
        (A,) of `desinn.simulate.columns.ABSORBER`, sorted by row and redshift.
    """
    z = np.asarray(z, np.float64)
    observed = draw_hi(rng, z, min_nhi)
    more = _more(rng, z, boost, flat, proximate)
    chosen = more[rng.random(len(more)) < blends]
    beside = chosen.copy()
    away = rng.uniform(*_COMPANION, len(beside)) * rng.choice([-1, 1], len(beside))
    beside["Z"] = (1 + beside["Z"]) * (1 + away / C_KMS) - 1
    beside["NHI"] = draw_columns(rng, len(beside), _WEAKEST)
    systems = np.concatenate([observed, more, beside])
    return systems[np.lexsort([systems["Z"], systems["ROW"]])]


def _more(rng, z, boost, flat, proximate):
    row = np.repeat(np.arange(len(z)), rng.poisson(boost, len(z)))
    low = np.maximum(_BLUEST, LYMAN_LIMIT * (1 + z[row])) / LYA - 1
    at = rng.uniform(low, np.maximum(z[row], low + 1e-3))
    near = rng.random(len(row)) < proximate
    velocity = rng.normal(-0.3 * _NEAR, _NEAR, len(row))
    at = np.where(near, (1 + z[row]) * (1 + velocity / C_KMS) - 1, at)
    uniform = rng.uniform(_WEAKEST, min(_LARGEST, MAX_NHI), len(row))
    nhi = np.where(rng.random(len(row)) < flat, uniform, draw_columns(rng, len(row), _WEAKEST))
    systems = np.empty(len(row), ABSORBER)
    systems["ROW"], systems["Z"], systems["NHI"] = row, at, nhi
    return systems

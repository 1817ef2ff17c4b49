"""Which absorbers stand on a sightline: as observed, and more of them to learn from."""

import numpy as np

from .columns import draw_columns, draw_hi
from .grid import C_KMS

# The weakest that are added.
_WEAKEST = 19.0

# Of what is drawn flat in log N: the largest.
_LARGEST = 22.2

# A companion lies so far away, km/s; one near the quasar so far before it (deviation), or behind.
_COMPANION, _NEAR, _BEHIND = (400.0, 3500.0), 1500.0, 1000.0


def draw_systems(rng, z, boost=0.0, flat=0.3, blends=0.1, proximate=0.06, min_nhi=17.0):
    """Draw the systems of neutral hydrogen on sightlines.

    Parameters
    ----------
    rng : numpy.random.Generator
    z : array_like
        (B,) redshifts of the quasars.
    boost : float
        How many times as many systems above 10^19 as are observed come besides these: the odds
        of one place to have one are then those observed times a constant, at all redshifts.
    flat : float
        Share of these with log N flat from 19 to 22.2; the others follow the observed f(N).
    blends, proximate : float
        Share of these that have a companion, 400 to 3500 km/s away; that stand near the quasar,
        within some 1500 km/s before it, and at most 1000 behind.
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
    systems = draw_hi(rng, z, _WEAKEST, boost)
    row, n = systems["ROW"], len(systems)
    near = rng.random(n) < proximate
    velocity = np.minimum(rng.normal(-0.3 * _NEAR, _NEAR, n), _BEHIND)
    close = (1 + z[row]) * (1 + velocity / C_KMS) - 1
    systems["Z"] = np.where(near, close, systems["Z"])
    uniform = rng.uniform(_WEAKEST, _LARGEST, n)
    systems["NHI"] = np.where(rng.random(n) < flat, uniform, systems["NHI"])
    return systems

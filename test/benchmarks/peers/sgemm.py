"""No peer but the bar: the matrix product in float32 at its best, through NumPy's BLAS."""

import numpy as np

PACKAGES = ("numpy",)
CHOICES = [{}]
SIZE = 3072
OPERATIONS = 2 * SIZE**3


def load(header, arrays, threads):
    """Return a callable that multiplies two square matrices, whatever it is given."""
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal((SIZE, SIZE), dtype=np.float32) for _ in range(2))
    return lambda x: a @ b

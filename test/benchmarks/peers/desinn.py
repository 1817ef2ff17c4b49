"""Ours."""

import numpy as np

PACKAGES = ("desinn", "numpy")
CHOICES = [{}]


def load(header, arrays, threads):
    """Return a callable: input -> outputs side by side. The environment sets the threads."""
    from desinn.nn import Network

    network = Network(header, arrays)

    def run(x):
        return np.concatenate(list(network(x[:]).values()), axis=-1)  # (B, C)

    return run

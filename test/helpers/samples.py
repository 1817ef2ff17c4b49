"""A sample to train with that needs no simulation."""

import numpy as np

from desinn.simulate.grid import TRUTH
from desinn.spectra import Grid


class FakeSample:
    """Quasars are one bright line (Lyman alpha) on noise; all else is noise."""

    def __init__(self, size=96, seed=1):
        rng = np.random.default_rng(seed)
        self.truth = np.zeros(size, TRUTH)
        self.truth["TRUESPECTYPE"] = np.where(np.arange(size) % 2, "QSO", "STAR")
        self.truth["TRUEZ"] = np.where(np.arange(size) % 2, rng.uniform(2.2, 5.0, size), 0)
        self.truth["BI"] = np.where(np.arange(size) % 4 == 1, 500.0, 0.0)
        self.truth["SNR"] = 5.0
        place = np.interp(1215.67 * (1 + self.truth["TRUEZ"]), Grid.log().wave, np.arange(443))
        lines = np.exp(-0.5 * ((np.arange(443) - place[:, np.newaxis]) / 3) ** 2)
        self._clean = (20 * lines * (np.arange(size) % 2)[:, np.newaxis])[:, :, np.newaxis]

    def __len__(self):
        return len(self.truth)

    def draw(self, rng, rows):
        clean = self._clean[rows]
        return (clean + rng.normal(0, 1, clean.shape)).astype(np.float32)

"""A network that trains in a moment, and samples that it can learn."""

import numpy as np

from desinn.simulate.grid import TRUTH
from desinn.spectra import Grid

from .networks import quasarnet
from .spectra import quasar_model


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


def make_recipe():
    """Return the content of a recipe for a tiny network."""
    header, _ = quasar_model()
    header |= quasarnet(443, filters=8, layers=3)
    header.pop("provenance")
    kept = {"0", "1", "6"}  # LYA, CIV and CIV_BAL: compiling is what takes time
    heads = ("box", "offset", "scaled", "out")
    header["nodes"] = [
        node for node in header["nodes"]
        if not node["name"].startswith(heads) or set(node["name"]) & kept
    ]  # fmt: skip
    header["outputs"] = {n: o for n, o in header["outputs"].items() if set(o) & kept}
    header["interpret"]["lines"] = header["interpret"]["lines"][:2]
    return {
        **header,
        "seed": 3,
        "optimizer": {"learning_rate": 0.003},
        "schedule": {"epochs": 4, "batch": 32},
    }


def make_samples():
    """Return a sample to train with, and one that is held out."""
    return FakeSample(96, 1), FakeSample(40, 2)

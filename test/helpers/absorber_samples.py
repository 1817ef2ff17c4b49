"""A network for absorbers that trains in a moment, and sightlines that it can learn."""

import numpy as np

from desinn.simulate.columns import ABSORBER
from desinn.simulate.grid import TRUTH
from desinn.spectra import Grid

LYA = 1215.67
CELL = 4e-4
"""Width of a cell, dex: two bins."""
HALO = 8
"""Bins that the network of `make_recipe` needs beside those of its cells."""


class FakeSightlines:
    """Half of them have a trough, wider and darker the larger its column; all else is noise.

    What a sample says of its absorbers can be given instead, to test targets by hand.
    """

    def __init__(self, size=64, cells=24, seed=1, absorbers=None):
        rng = np.random.default_rng(seed)
        self.cell = CELL
        self.shape = (2 * cells + HALO, 4)
        self.cells = np.log10(4000) + CELL * np.arange(cells) + np.zeros((size, 1))  # (N, K)
        self.searched = np.ones((size, cells), bool)
        self.truth = np.zeros(size, TRUTH)
        self.truth["SNR"] = np.where(np.arange(size) % 4 < 2, 5.0, 1.0)
        self.absorbers = self._random(rng, cells) if absorbers is None else absorbers

    def _random(self, rng, cells):
        row = np.arange(0, len(self), 2)
        at = rng.uniform(3, cells - 3, row.size)
        return placed(self, *zip(row, at, rng.uniform(19.6, 21.5, row.size), strict=True))

    def __len__(self):
        return len(self.truth)

    def draw(self, rng, rows):
        length = self.shape[0]
        x = rng.normal(0, 0.1, (len(rows), *self.shape)).astype(np.float32)
        middle = (np.arange(length) - HALO // 2 - 0.5) / 2
        at = (np.log10(LYA * (1 + self.absorbers["Z"])) - self.cells[0, 0]) / CELL
        for k, row in enumerate(rows):
            for one in np.flatnonzero(self.absorbers["ROW"] == row):
                width = 1 + 2 * (self.absorbers["NHI"][one] - 19)
                x[k, :, 0] -= np.exp(-0.5 * ((middle - at[one]) / width) ** 2)
        return x


def placed(sample, *absorbers):
    """Return absorbers given as row, place in cells (whole numbers are middles), and log10 N."""
    found = np.zeros(len(absorbers), ABSORBER)
    row, at, nhi = np.array(absorbers, float).reshape(-1, 3).T
    found["ROW"], found["NHI"] = row, nhi
    found["Z"] = 10 ** (sample.cells[found["ROW"], 0] + CELL * at) / LYA - 1
    return found


def make_recipe():
    """Return the content of a recipe of kind ``dla``, method ``sightline``."""
    conv = {"op": "conv", "dilation": [1], "padding": "valid", "bias": True, "weight_norm": False}
    nodes = [
        {**conv, "name": "conv0", "inputs": ["flux"], "filters": 8, "kernel": [2], "stride": [2]},
        {"name": "relu0", "op": "relu", "inputs": ["conv0"]},
        {**conv, "name": "conv1", "inputs": ["relu0"], "filters": 8, "kernel": [5],
         "stride": [1]},
        {"name": "relu1", "op": "relu", "inputs": ["conv1"]},
    ]  # fmt: skip
    last = {"confidence": {"op": "sigmoid"}, "nhi": {"op": "affine", "scale": 1.0, "shift": 20.5}}
    outputs = {}
    for name in ("confidence", "offset", "nhi", "offset_lnerr", "nhi_lnerr"):
        head = {**conv, "filters": 1, "kernel": [1], "stride": [1]}
        nodes.append({**head, "name": f"{name}_raw", "inputs": ["relu1"]})
        outputs[name] = f"{name}_raw"
        if name in last:
            nodes.append({**last[name], "name": name, "inputs": [f"{name}_raw"]})
            outputs[name] = name
    return {
        "kind": "dla",
        "name": "tiny",
        "inputs": [{"name": "flux", "shape": [None, 4]}],
        "nodes": nodes,
        "outputs": outputs,
        "prepare": {
            "method": "sightline",
            "grid": {"spacing": "log", "start": 3.5563025, "step": 2e-4, "size": 1000},
            "cell": 2,
            "rest": [912.0, 1220.0],
            "scale": [[1420.0, 1480.0]],
            "lines": [LYA],
            "means": [],
            "metals": [],
            "local": 50,
            "dark": 0.1,
            "bounds": [-3.0, 5.0],
            "sigmas": 4.0,
            "units": [0.13, 0.4],
        },
        "interpret": {
            "method": "peaks", "threshold": 0.5, "floor": 0.1, "apart": 4.0, "nhi": [19.0, 22.5]
        },
        "seed": 3,
        "loss": {"class_weight": 5.0},
        "optimizer": {"learning_rate": 0.01},
        "schedule": {"epochs": 2, "batch": 16},
    }  # fmt: skip


class FakeLines:
    """Sightlines in the bins of a grid: every other one has a trough some 20 bins wide."""

    def __init__(self, size=40, seed=1, absorbers=None):
        rng = np.random.default_rng(seed)
        self.grid = Grid.from_header(WINDOW_GRID)
        self.truth = np.zeros(size, TRUTH)
        self.truth["TRUEZ"] = 2.5
        self.truth["SNR"] = np.where(np.arange(size) % 4 < 2, 5.0, 1.0)
        if absorbers is None:
            row = np.arange(0, size, 2)
            absorbers = np.zeros(row.size, ABSORBER)
            absorbers["ROW"] = row
            absorbers["Z"] = rng.uniform(3750, 4250, row.size) / LYA - 1
            absorbers["NHI"] = rng.uniform(20, 21.5, row.size)
        self.absorbers = absorbers

    def __len__(self):
        return len(self.truth)

    def seen(self, rng, rows, ranges):
        assert ranges == [(1420.0, 1480.0)]
        flux = 2 + rng.normal(0, 0.1, (len(rows), self.grid.size))
        bins = np.arange(self.grid.size)
        for k, row in enumerate(rows):
            for one in self.absorbers[self.absorbers["ROW"] == row]:
                at = self.grid.bin_of(LYA * (1 + one["Z"]))
                width = 3 + 4 * (one["NHI"] - 19)
                flux[k] -= 2 * np.exp(-0.5 * ((bins - at) / width) ** 2)
        ivar = np.full(flux.shape, 100.0)
        return flux, ivar, np.full(len(rows), 2.51), np.full(len(rows), 2.0)


WINDOW_GRID = {"spacing": "log", "start": 3.5563025, "step": 2e-4, "size": 700}


def make_window_recipe():
    """Return the content of a recipe of kind ``dla``, method ``windows``."""
    dense = {"op": "dense", "bias": True, "weight_norm": False}
    names = ("confidence", "offset", "nhi")
    nodes = [
        {"name": "flat", "op": "flatten", "inputs": ["flux"]},
        {**dense, "name": "fc", "inputs": ["flat"], "units": 16},
        {"name": "fc_relu", "op": "relu", "inputs": ["fc"]},
        *({**dense, "name": f"{name}_raw", "inputs": ["fc_relu"], "units": 1} for name in names),
        {"name": "confidence", "op": "sigmoid", "inputs": ["confidence_raw"]},
    ]
    return {
        "kind": "dla",
        "name": "tiny",
        "inputs": [{"name": "flux", "shape": [40, 2]}],
        "nodes": nodes,
        "outputs": {"confidence": "confidence", "offset": "offset_raw", "nhi": "nhi_raw"},
        "prepare": {
            "method": "windows", "grid": WINDOW_GRID, "window": 40, "medians": [3],
            "rest": [900.0, 1346.0], "bluest": 3600.0, "scale": [1420.0, 1480.0],
        },
        "interpret": {
            "method": "windows", "threshold": 0.2, "floor": 0.15, "valley": 0.1,
            "min_class": 0.5, "votes": 8.0, "nhi_pixels": 4, "nhi_correction": [],
            "nhi": [19.5, 22.5],
        },
        "seed": 3,
        "optimizer": {"learning_rate": 0.003},
        "schedule": {"epochs": 2, "batch": 32},
    }  # fmt: skip

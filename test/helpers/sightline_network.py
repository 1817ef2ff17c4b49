"""A network over sightlines that calls dark what is dark, made by hand."""

import numpy as np

from desinn.finders.dla import DLAFinder
from desinn.nn import Network
from desinn.spectra import Camera, Grid, Spectra

GRID = Grid.log(step=2e-4, size=2180)
NHI, OFFSET, NHI_ERR, OFFSET_ERR = 20.8, 0.25, 0.2, 0.5
"""What it says of every cell."""


def header(**changes):
    """Return its header; `changes` go into the sections that have these keys."""
    names = ("logit", "offset", "nhi", "offset_lnerr", "nhi_lnerr")
    conv = {"op": "conv", "inputs": ["flux"], "filters": 1, "kernel": [4], "stride": [2],
            "dilation": [1], "padding": "valid", "bias": True, "weight_norm": False}  # fmt: skip
    nodes = [{"name": name, **conv} for name in names]
    nodes.append({"name": "confidence", "op": "sigmoid", "inputs": ["logit"]})
    prepare = {
        "method": "sightline",
        "grid": GRID.to_header(),
        "cell": 2,
        "rest": [912.0, 1220.0],
        "scale": [[1420.0, 1480.0], [1270.0, 1340.0]],
        "lines": [1215.67, 1025.7223],
        "means": [],
        "metals": [1260.42],
        "local": 25,
        "dark": 0.1,
        "bounds": [-3.0, 5.0],
        "sigmas": 4.0,
        "units": [0.13, 0.4],
    }
    interpret = {"method": "sightline", "threshold": 0.5, "floor": 0.2, "apart": 6.0,
                 "nhi": [19.0, 22.5]}  # fmt: skip
    for section in (prepare, interpret):
        section.update({key: value for key, value in changes.items() if key in section})
    return {
        "kind": "dla",
        "name": "dark",
        "inputs": [{"name": "flux", "shape": [None, 7]}],
        "nodes": nodes,
        "outputs": {name.replace("logit", "confidence"): name.replace("logit", "confidence")
                    for name in names},
        "prepare": prepare,
        "interpret": interpret,
        "provenance": {},
    }  # fmt: skip


def arrays():
    """Return its arrays: the logit is 8 where the two bins of a cell are dark, -8 if bright."""
    values = {}
    for name in ("logit", "offset", "nhi", "offset_lnerr", "nhi_lnerr"):
        values[f"{name}/kernel"] = np.zeros((4, 7, 1), "f4")
        values[f"{name}/bias"] = np.zeros(1, "f4")
    values["logit/kernel"][1:3, 0] = -8.0
    values["logit/bias"][:] = -8.0
    said = {"offset": OFFSET, "nhi": NHI, "offset_lnerr": np.log(OFFSET_ERR),
            "nhi_lnerr": np.log(NHI_ERR)}  # fmt: skip
    for name, value in said.items():
        values[f"{name}/bias"][:] = value
    return values


def finder(**changes):
    """Return the finder."""
    return DLAFinder(Network(header(**changes), arrays()))


def spectra(dark=(), rows=1, ivar=400.0, cameras=1):
    """Return bright spectra, 0 in ranges of wavelength that are given as (row, low, high)."""
    wave = np.arange(3600.0, 9000.0, 1.0)
    flux = np.full((rows, wave.size), 2.0)
    for row, low, high in dark:
        flux[row, (wave >= low) & (wave < high)] = 0
    parts = np.array_split(np.arange(wave.size), cameras)
    found = {
        f"c{k}": Camera(wave[p], flux[:, p], np.full((rows, p.size), ivar))
        for k, p in enumerate(parts)
    }
    return Spectra(np.arange(100, 100 + rows), found)

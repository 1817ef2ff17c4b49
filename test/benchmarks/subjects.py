"""What is timed: networks, their input, and the ways in which peers go about them."""

import functools
from dataclasses import replace

import networks
from images import Image
from series import Cut, Subject, Way, graph_of

CELLS = 320
"""Of a sightline: as many as the finder runs where nothing of the searched range is lost."""

PIXELS = 1748
"""Of a sightline whose windows are run: rest 900 to 1346 A, in log10 of the wavelength 1e-4."""

CCD, QUICK_CCD = 4096**2, 768**2
"""Pixels; the small one is four of our tiles."""

HALF_GIB = 2**29 / 1e6
"""In MB."""


def sightline(header):
    """Return the `Cut` of a whole sightline: a window for each cell, all that the cell sees."""
    ((before, after),) = graph_of(header).receptive_field("confidence")
    window, step = before + after + 1, header["prepare"]["cell"]
    return Cut((CELLS - 1) * step + window, window, step)


def pixel_by_pixel(header):
    """Return the `Cut` of a series with a window about each of `PIXELS`."""
    window = header["inputs"][0]["shape"][0]
    return Cut(PIXELS - 1 + window, window, 1)


SUBJECTS = {
    "qso": Subject(
        title="QuasarNET, 6 layers of 100 filters, 443 bins",
        network=networks.quasarnet,
        batch=5000,
        quick_batch=500,
        most={"naive": 1 / 5, "onnxruntime": 0.8},
        most_memory=200.0,
    ),
    "dla": Subject(
        title=f"our DLA network, whole sightlines of {CELLS} cells",
        network=functools.partial(networks.of_recipe, "dla"),
        batch=512,
        quick_batch=32,
        most={"onnxruntime": 0.9, "onnxruntime-windows": 0.1},
        ways={
            "desinn": Way("desinn"),
            "naive": Way("naive"),
            "onnxruntime": Way("onnxruntime"),
            "onnxruntime-windows": Way("onnxruntime", windows=True, part=32),
            "tensorflow": Way("tensorflow"),
            "sgemm": Way("sgemm"),
        },
        cut=sightline,
    ),
    "parks": Subject(
        title=f"the network of Parks et al. 2018, {PIXELS} windows of 400 pixels, ours shared",
        network=functools.partial(networks.of_recipe, "parks2018"),
        batch=2,
        quick_batch=1,
        most={"desinn-windows": 1 / 3},
        ways={
            "desinn": Way("shared"),
            "desinn-windows": Way("desinn", windows=True),
            "naive": Way("naive", windows=True),
            "onnxruntime-windows": Way("onnxruntime", windows=True),
            "sgemm": Way("sgemm"),
        },
        cut=pixel_by_pixel,
    ),
    "deepcr": Image(
        title="the network of deepCR (Zhang & Bloom 2020), two levels of 32 and 64 filters",
        network=networks.deepcr,
        batch=CCD,
        quick_batch=QUICK_CCD,
        most={"onnxruntime": 1.0, "torch": 1 / 3},
        most_memory=HALF_GIB,
        ways={
            "desinn": Way("tiled"),
            "naive": Way("naive", takes="places"),
            "onnxruntime": Way("onnxruntime_tiled"),
            "torch": Way("torch"),
            "sgemm": Way("sgemm"),
        },
    ),
    "cosmics": Image(
        title="our finder of cosmic rays on a simulated exposure; all others but desispec: its "
        "network alone",
        network=functools.partial(networks.of_recipe, "cosmics"),
        batch=CCD,
        quick_batch=QUICK_CCD,
        most={"desispec": {1: 1.0, 2: 0.5}},
        most_memory=HALF_GIB,
        ways={
            "desinn": Way("finder", takes="frame"),
            "desinn-network": Way("tiled"),
            "naive": Way("naive", takes="places"),
            "onnxruntime": Way("onnxruntime_tiled"),
            "desispec": Way(
                "desispec", takes="frame", compared=False, threads=1, environment="integration"
            ),
            "sgemm": Way("sgemm"),
        },
        exposure=("--arm", "r", "--kind", "science", "--seconds", "900", "--seed", "1"),
    ),
}

for _name, _batch in (("qso", 16), ("dla", 4)):
    _ways = {k: w for k, w in SUBJECTS[_name].ways.items() if not w.windows}
    SUBJECTS[f"{_name}-small"] = replace(
        SUBJECTS[_name], batch=_batch, quick_batch=_batch, most={}, most_memory=None, ways=_ways
    )

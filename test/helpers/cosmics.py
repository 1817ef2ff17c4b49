"""Small exposures, and a network for them of which one knows by hand what it finds."""

import numpy as np

from desinn.io.preproc import COSMIC, Preproc, write_preproc
from desinn.nn import write_weights

SHAPE = (24, 30)

RAYS = (((3, slice(4, 9)), 900.0), ((slice(12, 15), 20), 500.0), ((20, 2), 60.0))
"""Place and charge of what is on every exposure: five pixels, three, and a dim one."""


def frame(camera="r0", seed=1, shape=SHAPE, **header):
    """Return an exposure: noise of 3 electrons, `RAYS`, bad pixels, an old mark."""
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 3, shape).clip(-10, 10)
    for place, charge in RAYS:
        image[place] += charge
    mask = np.zeros(shape, np.uint32)
    mask[3, 8] = COSMIC | 1  # part of a ray in a hot column
    mask[10, 10] = COSMIC  # nothing is there
    ivar = np.full(shape, 1 / 9)
    ivar[3, 4] = 0
    header = {"CAMERA": camera, "EXPTIME": 900.0, **header}
    return Preproc(image, ivar, mask, np.full(shape, 3.0), header)


def write_frame(path, *args, **kwargs):
    """Write an exposure; return the name as text."""
    write_preproc(path, frame(*args, **kwargs))
    return str(path)


def write_finder(path, *args, **kwargs):
    """Write the weights that `finder_parts` returns; return the name as text."""
    write_weights(path, *finder_parts(*args, **kwargs), overwrite=True)
    return str(path)


def finder_parts(level=100.0, output="probability", normalize="none", **changes):
    """Return header and arrays of what finds pixels above some electrons at probability 0.5.

    At 1.1 times the level the probability is 0.73. If the image is normalised, the level is in
    what becomes of it.
    """
    filler = output == "image"
    channels = ["image outside mask", "mask"] if filler else ["image"]
    conv = {
        "name": "conv", "op": "conv", "inputs": ["x"], "filters": 1, "kernel": [1, 1],
        "stride": [1, 1], "dilation": [1, 1], "padding": "same", "bias": True,
        "weight_norm": False,
    }  # fmt: skip
    header = {
        "kind": "cosmics",
        "name": "bright",
        "inputs": [{"name": "x", "shape": [None, None, len(channels)]}],
        "nodes": [conv, {"name": "p", "op": "sigmoid", "inputs": ["conv"]}],
        "outputs": {output: "p"},
        "prepare": {
            "scale": 1.0, "normalize": normalize, "pad_multiple": 1, "pad_side": "low",
            "pad_value": 0.0, "channels": channels,
        },
        "interpret": {} if filler else {"threshold": 0.5},
        "provenance": {},
        **changes,
    }  # fmt: skip
    kernel = np.full((1, 1, len(channels), 1), 10 / level, np.float32)
    return header, {"conv/kernel": kernel, "conv/bias": np.float32([-10.0])}

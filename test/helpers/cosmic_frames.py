"""Simulated CCD images that are small enough to count by hand, with their truth."""

import numpy as np

from desinn.io.ccd_truth import CcdTruth, truth_bits, write_ccd_truth
from desinn.io.preproc import Preproc
from desinn.simulate.cosmic_rays import RAY

SHAPE = (40, 60)

TRACK = [(10, x, 400.0) for x in range(20, 30)]
"""Ten pixels of S/N above 80, at a read noise of 3 and no light."""

SPOT = [(30, 40, 12.0), (30, 41, 2.0)]
"""One pixel of S/N 4, and one that is touched only."""


def make_frame(rays=(TRACK, SPOT), line=(), trace=(), light=0.0, **header):
    """Return an image without noise of read noise 3, and its truth.

    Parameters
    ----------
    rays : sequence of list of tuple
        (y, x, electrons) of each one's pixels.
    line, trace : sequence of tuple
        Indices (y, x) of what is near lines, and on traces; slices, too.
    light : float
        Electrons in each pixel.
    **header
        More of the image's header.
    """
    entries = [(i, y * SHAPE[1] + x, e) for i, ray in enumerate(rays) for y, x, e in ray]
    ray, pixel, electrons = (np.array(column) for column in zip(*entries, strict=True))
    charge = np.bincount(pixel, electrons, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.float32)
    layers = [np.zeros(SHAPE, bool) for _ in range(2)]
    for layer, places in zip(layers, (line, trace), strict=True):
        for place in places:
            layer[place] = True
    table = np.zeros(len(rays), RAY)
    table["KIND"] = ["muon", "spot", "worm"][: len(rays)]
    table["CHARGE"] = np.bincount(ray, electrons)
    table["Y"] = [np.mean([y for y, _, _ in one]) for one in rays]
    table["X"] = [np.mean([x for _, x, _ in one]) for one in rays]
    bits = truth_bits(charge > 3 * np.sqrt(9 + light), charge, *layers)
    image = charge + np.float32(light)
    header = {"CAMERA": "r1", "KIND": "science", "DEVICE": "thick", **header}
    frame = Preproc(image, np.full(SHAPE, 0.1), np.zeros(SHAPE, int), 3.0, header)
    truth = CcdTruth(bits, table, ray, pixel, electrons.astype(np.float32), {"SEED": 3})
    return frame, truth


def write_frame(path, **parts):
    """Write such an image with its truth, and return the name."""
    write_ccd_truth(path, *make_frame(**parts))
    return str(path)

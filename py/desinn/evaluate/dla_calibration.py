"""What makes the errors of absorbers honest: a shift of log N, a factor for each error.

A network for absorbers states the natural logarithm of its errors, and log N itself, so that all
of this can be added to the biases of its last layers, and the file needs nothing new.
"""

import copy
import math
from dataclasses import dataclass

import numpy as np

from ..finders.absorbers import MIN_DLA
from .absorber_errors import FAR, difference, pairs_of, with_error
from .absorber_scores import best_threshold
from .absorbers import select
from .calibration import FEWEST
from .intervals import clipped, spread

SELECTIONS = ("found", "true")

CLIPPED_GAUSSIAN = 0.98658
"""Standard deviation of the part of a Gaussian of 1 that lies within 3."""


ROUNDS = 5
"""Shift and choice of the pairs follow each other so many times; two or three settle both."""


@dataclass(frozen=True)
class DLACalibration:
    """What has to be added to what a network says.

    Attributes
    ----------
    nhi_shift : float
        To log10 of the column density.
    nhi_lnerr : float
        To the natural logarithm of NHI_ERR.
    z_lnerr : float
        To that of Z_DLA_ERR; the same for the offset that gives the redshift.
    threshold : float
        Least DLA_CONFIDENCE of the catalogue.
    pairs : int
        Absorbers that were found, and are there, from which this is.
    """

    nhi_shift: float
    nhi_lnerr: float
    z_lnerr: float
    threshold: float
    pairs: int


def calibrate(
    found,
    truth,
    sightlines,
    threshold=None,
    by="found",
    min_nhi=MIN_DLA,
    min_completeness=None,
    min_purity=None,
    **options,
):
    """Return what makes the pulls of absorbers scatter by 1, and those of log N around 0.

    Outliers beyond three times the spread decide nothing: most are matches by chance.

    Parameters
    ----------
    found, truth, sightlines : structured array
        Of a calibration set, as in `desinn.evaluate.absorbers.select`.
    threshold : float, optional
        Without it the best one for the shifted log N, as `best_threshold` gives it.
    by : str
        ``found``: on what is found with `min_nhi` or more, which is what a catalogue's reader
        sees. ``true``: on what truly has it; near the limit these two cannot both be right.
    min_nhi : float
        Least log N.
    min_completeness, min_purity : float, optional
        As in `desinn.evaluate.absorber_scores.best_threshold`.
    **options
        As in `desinn.evaluate.absorbers.select`.

    Returns
    -------
    DLACalibration

    Raises
    ------
    ValueError
        If there are fewer than 10 pairs with errors, their differences do not scatter, there is
        no threshold as wanted, or `by` is something else.
    """
    limits = {"min_completeness": min_completeness, "min_purity": min_purity}
    if by not in SELECTIONS:
        raise ValueError(f"by: expected one of {', '.join(SELECTIONS)}, found {by!r}")

    shift, least = 0.0, threshold
    for number in range(ROUNDS):  # the shift says which pass, too, and so what the threshold is
        shifted = found.copy()
        shifted["NHI"] += shift
        sample = select(shifted, truth, sightlines, **options)
        if threshold is None:
            # What is asked for may be out of reach before the first shift.
            least = best_threshold(sample, **(limits if number else {}))
        pairs = pairs_of(sample, least)
        pairs = pairs[pairs["NHI" if by == "found" else "NHI_TRUE"] >= min_nhi]
        step, nhi_lnerr = _shift_and_factor(pairs, "NHI")
        shift += step
    _, z_lnerr = _shift_and_factor(pairs, "Z")
    return DLACalibration(shift, nhi_lnerr, z_lnerr, float(least), len(pairs))


def _shift_and_factor(pairs, quantity):
    """Return what added to a quantity makes its mean pull 0, and ln of the errors' factor."""
    pairs = with_error(pairs, quantity)
    if len(pairs) < FEWEST:
        raise ValueError(f"{quantity}: expected at least {FEWEST} pairs with an error above 0, "
                         f"found {len(pairs)}")  # fmt: skip
    off, error = difference(pairs, quantity), pairs[f"{quantity}_ERR"]
    median, mad = spread(off / error)
    inside = np.abs(off / error - median) <= FAR * mad
    shift = -float((off[inside] / error[inside]).sum() / (1 / error[inside]).sum())
    # A factor on the errors leaves a mean of 0 where it is, so that the shift stays right.
    scatter = clipped((off + shift) / error)[1] / CLIPPED_GAUSSIAN
    if not scatter > 0:
        raise ValueError(f"{quantity}: expected pulls that scatter, found all alike")
    return shift, math.log(scatter)


def apply(found, calibration):
    """Return absorbers as the calibrated network would state them.

    Parameters
    ----------
    found : structured array
        NHI, NHI_ERR and Z_DLA_ERR.
    calibration : DLACalibration

    Returns
    -------
    structured array
        A copy; types and flags stay as they are.
    """
    found = found.copy()
    found["NHI"] += calibration.nhi_shift
    found["NHI_ERR"] *= math.exp(calibration.nhi_lnerr)
    found["Z_DLA_ERR"] *= math.exp(calibration.z_lnerr)
    return found


def bake(header, arrays, calibration):
    """Return a network that states what has been calibrated.

    Parameters
    ----------
    header : dict
        Of kind dla, method sightline.
    arrays : dict of ndarray
        Not changed, as the header.
    calibration : DLACalibration

    Returns
    -------
    header : dict
    arrays : dict of ndarray

    Raises
    ------
    ValueError
        If an output is not a convolution with a bias, or such a one times a number.
    """
    header, arrays = copy.deepcopy(header), dict(arrays)
    added = {
        "nhi": calibration.nhi_shift,
        "nhi_lnerr": calibration.nhi_lnerr,
        "offset_lnerr": calibration.z_lnerr,
    }
    for name, value in added.items():
        bias, scale = _bias_of(header, name)
        arrays[bias] = (arrays[bias] + value / scale).astype(np.float32)
    header["interpret"]["threshold"] = calibration.threshold
    # Below the floor nothing is a candidate; what is one must not be missed by a low threshold.
    header["interpret"]["floor"] = min(header["interpret"]["floor"], calibration.threshold)
    return header, arrays


def _bias_of(header, name):
    """Return the array that can be added to for an output, and what it is multiplied by."""
    nodes = {node["name"]: node for node in header["nodes"]}
    node, scale = nodes.get(header["outputs"].get(name), {}), 1.0
    if node.get("op") == "affine":
        node, scale = nodes.get(node["inputs"][0], {}), node["scale"]
    if node.get("op") != "conv" or not node["bias"]:
        expected = "expected a conv with a bias, or affine of one"
        raise ValueError(f"output {name}: {expected}, found {node.get('op', 'nothing')}")
    return f"{node['name']}/bias", scale

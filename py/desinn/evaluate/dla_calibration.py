"""What makes the errors of absorbers honest: a shift of what is said, a line for each error.

A network for absorbers states log N, the place in cells, and the natural logarithms of their
errors. A shift of the former, and a line in the latter, can be put into the weights of its last
layers, and the file needs nothing new.
"""

import copy
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

SLOPES = (0.3, 3.0)
"""The slope of a line lies between these."""

SLOPE_PRIOR = 0.3
"""Standard deviation of slopes around 1: few pairs, or errors that are all alike, leave it 1."""


@dataclass(frozen=True)
class Correction:
    """What is done to a quantity, and to the natural logarithm of its stated error.

    Attributes
    ----------
    shift : float
        Added to the quantity.
    slope, lnerr : float
        The logarithm becomes ``slope`` times itself, and ``lnerr`` more.
    """

    shift: float = 0.0
    slope: float = 1.0
    lnerr: float = 0.0

    def error(self, error):
        """Return the corrected error, (N,), of the stated one."""
        return np.exp(self.lnerr) * np.asarray(error, np.float64) ** self.slope


@dataclass(frozen=True)
class DLACalibration:
    """What has to be done to what a network says.

    Attributes
    ----------
    nhi : Correction
        Of log10 of the column density.
    place : Correction
        Of where an absorber is, in cells.
    threshold : float
        Least DLA_CONFIDENCE of the catalogue.
    pairs : int
        Absorbers that were found, and are there, from which this is.
    """

    nhi: Correction
    place: Correction
    threshold: float
    pairs: int


def calibrate(
    found,
    truth,
    sightlines,
    cell,
    threshold=None,
    by="found",
    min_nhi=MIN_DLA,
    min_completeness=None,
    min_purity=None,
    **options,
):
    """Return what makes the pulls of absorbers scatter by 1 around 0, at small errors and large.

    Outliers beyond three times the spread decide nothing: most are matches by chance.

    Parameters
    ----------
    found, truth, sightlines : structured array
        Of a calibration set, as in `desinn.evaluate.absorbers.select`.
    cell : float
        Width of the network's cells in the natural logarithm of the wavelength.
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

    nhi, least = Correction(), threshold
    for number in range(ROUNDS):  # the shift says which pass, too, and so what the threshold is
        shifted = found.copy()
        shifted["NHI"] += nhi.shift
        sample = select(shifted, truth, sightlines, **options)
        if threshold is None:
            # What is asked for may be out of reach before the first shift.
            least = best_threshold(sample, **(limits if number else {}))
        pairs = pairs_of(sample, least)
        pairs = pairs[pairs["NHI" if by == "found" else "NHI_TRUE"] >= min_nhi]
        said = with_error(pairs, "NHI")
        step = _correction("NHI", difference(said, "NHI"), said["NHI_ERR"])
        nhi = Correction(nhi.shift + step.shift, step.slope, step.lnerr)
    said = with_error(pairs, "Z")
    unit = cell * (1 + said["Z"])
    place = _correction("Z", difference(said, "Z") / unit, said["Z_ERR"] / unit)
    return DLACalibration(nhi, place, float(least), len(pairs))


def _correction(name, off, error):
    """Return the correction for differences that were found with these stated errors."""
    if len(off) < FEWEST:
        raise ValueError(f"{name}: expected at least {FEWEST} pairs with an error above 0, "
                         f"found {len(off)}")  # fmt: skip
    if not np.ptp(off) > 0:
        raise ValueError(f"{name}: expected pulls that scatter, found all alike")
    done = Correction()
    for _ in range(ROUNDS):  # which are outliers depends on the errors
        now = done.error(error)
        pull = (off + done.shift) / now
        median, mad = spread(pull)
        inside = np.abs(pull - median) <= FAR * mad
        shift = -float((off[inside] / now[inside]).sum() / (1 / now[inside]).sum())
        slope = _slope(off[inside] + shift, error[inside])
        # A factor on the errors leaves a mean pull of 0 where it is.
        scatter = clipped((off + shift) / error**slope)[1] / CLIPPED_GAUSSIAN
        done = Correction(shift, slope, float(np.log(scatter)))
    return done


def _slope(off, error):
    """Return the likeliest slope for Gaussian differences, whatever the factor."""
    from scipy.optimize import minimize_scalar

    lnerr = np.log(error)
    lnerr -= lnerr.mean()

    def cost(slope):  # -log of the likelihood at the best factor, and of the prior
        variance = np.mean((off * np.exp(-slope * lnerr)) ** 2)
        return 0.5 * len(off) * np.log(variance) + 0.5 * ((slope - 1) / SLOPE_PRIOR) ** 2

    return float(minimize_scalar(cost, bounds=SLOPES, method="bounded").x)


def apply(found, calibration, cell):
    """Return absorbers as the calibrated network would state them.

    Parameters
    ----------
    found : structured array
        NHI, Z_DLA and their errors.
    calibration : DLACalibration
    cell : float
        As for `calibrate`.

    Returns
    -------
    structured array
        A copy; types and flags stay as they are.
    """
    found = found.copy()
    found["NHI"] += calibration.nhi.shift
    found["NHI_ERR"] = calibration.nhi.error(found["NHI_ERR"])
    unit = cell * (1 + found["Z_DLA"])
    error = calibration.place.error(found["Z_DLA_ERR"] / unit)
    found["Z_DLA"] += unit * calibration.place.shift
    found["Z_DLA_ERR"] = error * unit
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
    for name, said in (("nhi", calibration.nhi), ("offset", calibration.place)):
        _put(header, arrays, name, 1.0, said.shift)
        _put(header, arrays, f"{name}_lnerr", said.slope, said.lnerr)
    header["interpret"]["threshold"] = calibration.threshold
    # Below the floor nothing is a candidate; what is one must not be missed by a low threshold.
    header["interpret"]["floor"] = min(header["interpret"]["floor"], calibration.threshold)
    return header, arrays


def _put(header, arrays, output, slope, more):
    """Change the weights so that an output becomes `slope` times itself and `more`."""
    nodes = {node["name"]: node for node in header["nodes"]}
    node, scale, shift = nodes.get(header["outputs"].get(output), {}), 1.0, 0.0
    if node.get("op") == "affine":
        scale, shift = node["scale"], node["shift"]
        node = nodes.get(node["inputs"][0], {})
    if node.get("op") != "conv" or not node["bias"] or node["weight_norm"]:
        expected = "expected a conv with a bias and plain weights, or affine of one"
        raise ValueError(f"output {output}: {expected}, found {node.get('op', 'nothing')}")
    kernel, bias = (f"{node['name']}/{name}" for name in ("kernel", "bias"))
    arrays[kernel] = (slope * arrays[kernel]).astype(np.float32)
    moved = slope * arrays[bias] + (slope * shift + more - shift) / scale
    arrays[bias] = moved.astype(np.float32)

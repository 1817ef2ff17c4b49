"""How good a finder of cosmic rays is: counts that images are added to, one by one."""

from typing import NamedTuple

import numpy as np

from .cosmic_counts import Counts
from .cosmic_cutouts import CutOuts, false_marks, missed_rays
from .cosmic_pixels import (
    CLEAN,
    LINE,
    RAY_ROW,
    classes_of,
    device_of,
    exposure_kind,
    judge_rays,
    own_pixels,
)


class Group(NamedTuple):
    """Images that are told apart.

    Parameters
    ----------
    arm : str
    exposure : str
        Kind of the exposure.
    device : str
        Kind of the CCD.
    """

    arm: str
    exposure: str
    device: str


def group_of(frame):
    """Return the group that an image is of.

    Parameters
    ----------
    frame : desinn.io.preproc.Preproc

    Returns
    -------
    Group
    """
    return Group(frame.camera[:1], exposure_kind(frame), device_of(frame))


class CosmicScores:
    """What a finder makes of simulated images of which the truth is known.

    Memory does not grow with the images, but for some 100 bytes for each cosmic ray.

    Parameters
    ----------
    worst : int
        So many of the worst rays missed, and false marks, are kept.

    Attributes
    ----------
    counts : dict
        `Group` -> `desinn.evaluate.cosmic_counts.Counts`.
    cutouts : dict
        ``missed`` and ``false`` -> `desinn.evaluate.cosmic_cutouts.CutOuts`.

    Examples
    --------
    >>> from desinn.io.ccd_truth import read_ccd_truth
    >>> from desinn.io.preproc import read_preproc
    >>> scores = CosmicScores()
    >>> path = "preproc-r3-20100000.fits"
    >>> frame, truth = read_preproc(path), read_ccd_truth(path)  # doctest: +SKIP
    >>> found = finder.probability(frame.image, bad_pixels(frame))  # doctest: +SKIP
    >>> scores.add(frame, truth, found, finder.threshold, path)  # doctest: +SKIP
    """

    def __init__(self, worst=48):
        self.counts = {}
        self.cutouts = {kind: CutOuts(worst) for kind in ("missed", "false")}
        self._rays = {}

    def add(self, frame, truth, found, threshold=0.5, name=""):
        """Add what a finder made of an image.

        Parameters
        ----------
        frame : desinn.io.preproc.Preproc
        truth : desinn.io.ccd_truth.CcdTruth
        found : array_like
            (Y, X) probabilities from 0 to 1; or bool, what was marked.
        threshold : float
            A pixel with a larger probability is marked. What is bool is, whatever it is.
        name : str
            What the image is called.

        Raises
        ------
        ValueError
            If shapes differ, or there is something else than probabilities.
        """
        found = _checked(frame, truth, np.asarray(found))
        threshold = 0.5 if found.dtype == bool else threshold
        found = found.astype(np.float32) if found.dtype == bool else found
        group = group_of(frame)
        kind = group.exposure
        charge = truth.charge()
        classes = classes_of(frame, truth, charge)
        self.counts.setdefault(group, Counts()).add(classes, found, threshold)
        rays = judge_rays(truth, own_pixels(truth, classes, charge), found, threshold, kind)
        self._rays.setdefault(group, []).append(rays)
        marked = (found > threshold) & ((classes == CLEAN) | (classes == LINE))
        about = {"name": name, "exposure": kind, "camera": frame.camera}
        layers = (frame.image, truth.bits, found > threshold, classes)
        self.cutouts["missed"].add(missed_rays(rays), layers, about)
        self.cutouts["false"].add(false_marks(marked, found, classes == LINE), layers, about)

    def select(self, **wanted):
        """Return the counts of some of the images.

        Parameters
        ----------
        **wanted
            ``arm``, ``exposure``, ``device``: values of `Group`, or None for all.

        Returns
        -------
        desinn.evaluate.cosmic_counts.Counts
        """
        total = Counts()
        for group in self.groups(**wanted):
            total += self.counts[group]
        return total

    def rays(self, **wanted):
        """Return the rays of some of the images.

        Parameters
        ----------
        **wanted
            As for `select`.

        Returns
        -------
        numpy.ndarray
            (R,) of `desinn.evaluate.cosmic_pixels.RAY_ROW`.
        """
        parts = [part for group in self.groups(**wanted) for part in self._rays[group]]
        return np.concatenate([*parts, np.zeros(0, RAY_ROW)])

    def groups(self, **wanted):
        """Return some of the groups that there are.

        Parameters
        ----------
        **wanted
            As for `select`.

        Returns
        -------
        list of Group
        """
        wanted = {name: value for name, value in wanted.items() if value is not None}
        return [
            group
            for group in sorted(self.counts)
            if all(getattr(group, name) == value for name, value in wanted.items())
        ]

    def values(self, name):
        """Return what there is of one of a group's properties.

        Parameters
        ----------
        name : str

        Returns
        -------
        list of str
        """
        return sorted({getattr(group, name) for group in self.counts})


def _checked(frame, truth, found):
    for name, shape in (("truth", truth.bits.shape), ("found", found.shape)):
        if shape != frame.image.shape:
            expected = f"shape {frame.image.shape} as the image's"
            raise ValueError(f"{name}: expected {expected}, found {shape}")
    if found.dtype != bool and not (
        found.dtype.kind == "f" and found.min() >= 0 and found.max() <= 1
    ):
        what = f"{found.dtype} from {found.min()} to {found.max()}"
        raise ValueError(f"found: expected bool, or floats from 0 to 1, found {what}")
    return found

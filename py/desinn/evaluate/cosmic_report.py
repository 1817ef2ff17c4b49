"""Everything that is said of a finder of cosmic rays, as plain numbers."""

import itertools
from dataclasses import asdict, dataclass

import numpy as np

from .cosmic_counts import (
    ALL_BINS,
    ALL_PLACES,
    FALSE,
    RAYS,
    STRICT,
    ratio,
    ray_classes,
    threshold_of,
)
from .cosmic_pixels import LINE, PLACES, RING, SNR_EDGES
from .report import plain

LEVELS = (5e-5, 1e-4, 1e-3)
"""False-positive rates at which all is told."""

CHARGE_EDGES = (100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5)
"""Electrons between the bins of rays."""


@dataclass(frozen=True)
class CosmicOptions:
    """What an evaluation is made with.

    Attributes
    ----------
    model : str or None
        What found the rays; None for the network of each CCD.
    thresholds : dict or None
        Name of a network -> its threshold; None for marks of others, which have none.
    confidence : float
        Of the intervals.
    failures : int
        So many are listed at most, of each kind.
    """

    model: str | None = None
    thresholds: dict | None = None
    confidence: float = 0.95
    failures: int = 48


def evaluate_cosmics(scores, options, name="cosmics"):
    """Return the whole report on some images.

    Parameters
    ----------
    scores : desinn.evaluate.cosmic_scores.CosmicScores
    options : CosmicOptions
    name : str
        What was evaluated.

    Returns
    -------
    dict
        Numbers, texts, lists and dicts only; what is not known is None, as are the ends of bins
        without end. ``doc/evaluate.rst`` describes it.
    """
    counts = scores.select()
    index = [counts.index_at(level) for level in LEVELS]
    content = {
        "name": name,
        "kind": "cosmics",
        "options": asdict(options),
        "numbers": {
            "frames": counts.frames,
            "pixels": counts.marked.sum(),
            "masked": counts.masked,
            "rays": len(scores.rays()),
        },
        "groups": [_group(scores, wanted, options) for wanted in _wanted(scores)],
        "lines": _lines(scores, options),
        "pixels": _pixels(counts, index, options),
        "rays": _rays(scores, index, options),
        "curve": [
            {**wanted, "points": _curve(scores.select(**wanted), options)}
            for wanted in [{"arm": None}, *({"arm": arm} for arm in scores.values("arm"))]
        ],
        "failures": {
            kind: [{**cutout.about, "weight": cutout.weight} for cutout in cutouts]
            for kind, cutouts in scores.cutouts.items()
        },
    }
    return plain(content)


def _wanted(scores):
    """Return which groups are told of: all, by arm, by exposure, by arm and the other two."""
    nothing = dict.fromkeys(("arm", "exposure", "device"))
    found = [nothing]
    for name in ("arm", "exposure"):
        found += [{**nothing, name: value} for value in scores.values(name)]
    for name in ("device", "exposure"):
        pairs = itertools.product(scores.values("arm"), scores.values(name))
        found += [{**nothing, "arm": arm, name: value} for arm, value in pairs]
    return [wanted for wanted in found if scores.groups(**wanted)]


def _group(scores, wanted, options):
    counts, how = scores.select(**wanted), {"confidence": options.confidence}
    return {
        **wanted,
        "frames": counts.frames,
        "completeness": counts.rate(RAYS, **how),
        "precision": counts.precision(**how),
        "precision_strict": counts.precision(STRICT, **how),
        "false": counts.rate(FALSE, **how),
        "false_strict": counts.rate(STRICT, **how),
        "touched": counts.rate([RING], **how),
        "levels": _levels(counts, FALSE, options),
        "levels_strict": _levels(counts, STRICT, options),
    }


def _levels(counts, false, options):
    """Return what is reached at each false-positive rate; nothing where it is not."""
    found = [(level, counts.index_at(level, false)) for level in LEVELS]
    return [
        {
            "level": level,
            "threshold": None if options.thresholds is None else threshold_of(index),
            "completeness": counts.rate_at(index, RAYS, options.confidence),
            "false": counts.rate_at(index, false, options.confidence),
        }
        for level, index in found
        if index is not None and counts.above(RAYS)[0]
    ]


def _curve(counts, options):
    """Return the points of the ROC; those of marks have no threshold."""
    points = counts.curve()
    if options.thresholds is None:
        points = [{**point, "threshold": None} for point in points]
    return points


def _lines(scores, options):
    """Return the false marks near bright lines, of each kind of exposure that has any."""
    found = []
    for exposure in scores.values("exposure"):
        for arm in [None, *scores.values("arm")]:
            rate = scores.select(exposure=exposure, arm=arm).rate([LINE], options.confidence)
            if rate.n:
                found.append({"exposure": exposure, "arm": arm, "false": rate})
    return found


def _pixels(counts, index, options):
    """Return completeness by place and S/N of the rays' pixels."""
    places = [(None, ALL_PLACES), *((name, [i]) for i, name in enumerate(PLACES))]
    bins = [((None, None), ALL_BINS), *((e, [i]) for i, e in _bins(SNR_EDGES))]
    found = []
    for (place, numbers), (ends, some) in itertools.product(places, bins):
        classes = ray_classes(numbers, some)
        rate = counts.rate(classes, options.confidence)
        if rate.n:
            at = [i if i is None else counts.rate_at(i, classes, options.confidence)
                  for i in index]  # fmt: skip
            found.append({"place": place, **_ends(ends), "completeness": rate, "levels": at})
    return found


def _bins(edges):
    """Return (number, its ends) of bins, the outer ones without end."""
    return enumerate(itertools.pairwise([None, *edges, None]))


def _ends(ends):
    return {"from": ends[0], "to": ends[1]}


def _rays(scores, index, options):
    """Return which rays are found: all, by charge, kind, place and device."""
    rays = scores.rays()
    seen = _seen(rays)
    number = np.digitize(seen["CHARGE"], CHARGE_EDGES)
    limits = [None if i is None else threshold_of(i) for i in index]

    def told(rows):
        return _told(rows, limits, options)

    return {
        "hidden": len(rays) - len(seen),
        "all": told(seen),
        "charge": [{**_ends(ends), **told(seen[number == i])} for i, ends in _bins(CHARGE_EDGES)],
        "kind": [
            {"name": kind, **told(seen[seen["KIND"] == kind])}
            for kind in np.unique(seen["KIND"]).tolist()
        ],
        "place": [
            {"name": name, **told(seen[seen["PLACE"] == i])} for i, name in enumerate(PLACES)
        ],
        "device": [
            {"name": name, **told(_seen(scores.rays(device=name)))}
            for name in scores.values("device")
        ],
    }


def _seen(rays):
    return rays[rays["NPIX"] > 0]


def _told(rays, limits, options):
    n, confidence = len(rays), options.confidence
    return {
        "found": ratio(rays["FOUND"].sum(), n, confidence),
        "noticed": ratio((rays["MARKED"] > 0).sum(), n, confidence),
        "levels": [
            None if limit is None else ratio((rays["SCORE"] > limit).sum(), n, confidence)
            for limit in limits
        ],
    }

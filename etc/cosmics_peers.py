"""How compare-cosmics runs our finder of cosmic rays and its peers, and tunes them."""

import functools
import importlib.util
import operator
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from desinn.evaluate.cosmic_counts import FALSE, RAYS, Counts
from desinn.evaluate.cosmic_pixels import bad_pixels, classes_of
from desinn.evaluate.cosmic_scores import CosmicScores, group_of
from desinn.finders.cosmics import cosmics_finder
from desinn.finders.holes import fill_holes
from desinn.io.ccd_truth import read_ccd_truth
from desinn.io.convert import read_foreign
from desinn.io.preproc import read_preproc
from desinn.log import get_logger
from desinn.nn import Network
from desinn.scripts.cosmics_networks import Networks
from desinn.scripts.progress import Progress

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEEPCR = {"deepcr-decam": "decam", "deepcr-acs": "ACS-WFC"}
TRIED = {"background": (0, 15), "objlim": (1.0, 2.5, 5.0, 10.0), "sigfrac": (0.15, 0.3, 0.5)}
PUBLISHED = {"background": 0, "objlim": 5.0, "sigfrac": 0.3, "sigclip": 4.5}  # astroscrappy's own
AS_PREPROC = {"nsig": 6, "cfudge": 3.0, "c2fudge": 0.5}
GROWN = {"grown": True, "plain": False}  # whether desispec's method dilates
LEVEL, PARITY = 1e-4, 1e-5
UNTUNED = "as published: no tuning frames"


class Way(NamedTuple):
    """One way of running one finder: what of `RUNS`, and its settings."""

    run: str
    settings: tuple


@dataclass
class Finder:
    """A line of the tables.

    Parameters
    ----------
    name : str
    ways : list of Way
        One with probabilities; or marks: a point of the ROC each. None: it is not run.
    own : int
        Number of the way that is its own.
    how : str
        How it is run, or why it is not.
    scores : list of CosmicScores
        Of each way.
    seconds : float or None
        Of a frame.
    """

    name: str
    ways: list
    own: int = 0
    how: str = ""
    scores: list = field(default_factory=list)
    seconds: float | None = None

    def has_probabilities(self):
        """Whether its threshold is free."""
        return bool(self.ways) and self.ways[0].run in ("desinn", "deepcr")

    def rate(self, classes, **wanted):
        """Return which part of some classes it marks, at its own threshold."""
        return self.scores[self.own].select(**wanted).rate(classes)

    def points(self, **wanted):
        """Return (false, true) rates, those that are to be had, the lower ones first."""
        if self.has_probabilities():
            curve = self.scores[0].select(**wanted).curve()
            return [(point["false"], point["true"]) for point in curve]
        parts = [scores.select(**wanted) for scores in self.scores]
        return sorted((part.rate(FALSE).value, part.rate(RAYS).value) for part in parts)

    def reached(self, level, **wanted):
        """Return the true-positive rate at a false-positive one, None where it has none."""
        if self.has_probabilities():
            counts = self.scores[0].select(**wanted)
            index = counts.index_at(level)
            there = index is not None and counts.above(RAYS)[0] > 0
            return counts.rate_at(index, RAYS).value if there else None
        false, true = np.array(self.points(**wanted)).T
        if len(false) < 2 or not false[0] <= level:  # nor where it is NaN
            return None
        least = 0.5 / self.scores[0].select(**wanted).rate(FALSE).n  # none is half a pixel
        true = np.maximum.accumulate(true)
        return float(np.interp(np.log(level), np.log(np.maximum(false, least)), true))


# Ways of running: (frame, its path, settings) -> marks or probabilities, threshold, and CPU
# seconds where another process measured them.


def run_desinn(frame, path, model):
    """Return probabilities of a network of ours, and its threshold."""
    return *networks(model)(frame), None


@functools.cache
def networks(model):
    """Return what runs our network for each CCD, or one for all; each process makes one."""
    return Networks(model)


def run_deepcr(frame, path, weights, factor):
    """Return what stands for the probabilities of one of deepCR's networks: 0.5 is its 0.5."""
    finder = deepcr(weights, factor)
    logit = finder.probability(frame.image, bad_pixels(frame))
    # Bright lines take it to where a probability is 1, and a ROC ends: only the order counts.
    return expit(np.arcsinh(logit)), finder.threshold, None


@functools.cache
def deepcr(weights, factor):
    """Return the finder of one of deepCR's networks: logits, of an input times a factor."""
    header, arrays = read_foreign(weights)
    header["prepare"]["scale"] /= factor
    *header["nodes"], sigmoid = header["nodes"]
    header["outputs"] = {"probability": sigmoid["inputs"][0]}
    return cosmics_finder(Network(header, arrays))


def run_lacosmic(frame, path, background, objlim, sigfrac, sigclip):
    """Return what L.A.Cosmic marks; the background is the median of so many rows, or none."""
    from astroscrappy import detect_cosmics
    from scipy.ndimage import median_filter

    bad = bad_pixels(frame)
    image = fill_holes(frame.image, bad)
    # Its own model of the noise has one read noise for all; given so, it has each amplifier's.
    variance = image + fill_holes(frame.readnoise, bad) ** 2
    found, _ = detect_cosmics(
        image,
        inmask=bad,
        inbkg=median_filter(image, (background, 1)) if background else None,
        invar=variance,
        sigclip=sigclip,
        sigfrac=sigfrac,
        objlim=objlim,
        gain=1.0,
        satlevel=np.inf,  # what is saturated is masked
        sepmed=True,
    )
    return found.astype(bool), 0.5, None


def run_desispec(frame, path, folder, grown):
    """Return what desispec's own method has marked in its process."""
    with np.load(os.path.join(folder, _mask_name(path))) as file:
        found = np.unpackbits(file[grown], count=frame.image.size).reshape(frame.image.shape)
        return found.astype(bool), 0.5, float(file[f"{grown}-seconds"])


def _mask_name(path):
    return os.path.abspath(path).replace(os.sep, "!") + ".npz"


RUNS = {
    "desinn": run_desinn,
    "deepcr": run_deepcr,
    "lacosmic": run_lacosmic,
    "desispec": run_desispec,
}


def mark_by_desispec(paths, folder):
    """Write what desispec's own method marks; to be run where desispec is."""
    from desispec.cosmics import reject_cosmic_rays
    from desispec.io import read_image
    from desispec.maskbits import ccdmask

    for path in paths:
        image, said = read_image(path), {}
        bit = image.mask.dtype.type(ccdmask.COSMIC)
        unmarked = image.mask & ~bit
        for name, dilate in GROWN.items():
            image.mask = unmarked.copy()
            before = time.process_time()
            reject_cosmic_rays(image, **AS_PREPROC, dilate=dilate)
            said[f"{name}-seconds"] = time.process_time() - before
            said[name] = np.packbits(image.mask & bit > 0)
        np.savez_compressed(os.path.join(folder, _mask_name(path)), **said)


def score(paths, ways, nproc):
    """Return what some ways make of frames: way -> CosmicScores, way -> CPU seconds of each."""
    scores, seconds = {way: CosmicScores() for way in ways}, {way: [] for way in ways}
    progress = Progress(len(paths))
    with ProcessPoolExecutor(nproc) as pool:
        start = time.monotonic()
        for path, (group, said) in zip(
            paths, pool.map(judge, paths, [ways] * len(paths)), strict=True
        ):
            for way, (counts, spent) in said.items():
                known = scores[way].counts
                known[group] = operator.iadd(known[group], counts) if group in known else counts
                seconds[way].append(spent)
            progress.done(path, {"images": 1}, time.monotonic() - start)
            start = time.monotonic()
    progress.close()
    return scores, seconds


def judge(path, ways):
    """Return the group of a frame, and what some ways make of it: way -> counts, CPU seconds."""
    truth, frame = read_ccd_truth(path), read_preproc(path)
    classes, said = classes_of(frame, truth, truth.charge()), {}
    del truth
    for way in ways:
        start, counts = time.process_time(), Counts()
        found, threshold, seconds = RUNS[way.run](frame, path, *way.settings)
        spent = time.process_time() - start if seconds is None else seconds
        counts.add(classes, found, threshold)
        if found.dtype == bool:  # then a histogram tells no more, and takes 2 MB for each group
            counts.histogram = np.zeros((1, 1), np.int64)
        said[way] = counts, spent
    return group_of(frame), said


def ours(options):
    """Return our lines, one for each model."""
    lines = []
    for model in options.model:
        name = "desinn" if model is None else f"desinn, {os.path.basename(model)}"
        try:
            Networks(model).load_all()
        except FileNotFoundError as error:
            lines.append(absent(name, str(error)))
        else:
            how = "for each CCD its own" if model is None else "for all CCDs"
            lines.append(Finder(name, [Way("desinn", (model,))], how=how))
    return lines


def absent(name, why):
    """Return the line of a finder that is not run, and say so."""
    get_logger().warning("%s: %s; not run", name, why)
    return Finder(name, [], how=why)


def deepcr_lines(options):
    """Return the lines of deepCR's networks, with the best of the scales."""
    folder = os.environ.get("DESINN_REFERENCE_DIR") or os.path.join(ROOT, "../shared/reference")
    folder, lines, trials = os.path.join(folder, "cosmics"), {}, {}
    for net in (DEEPCR[name] for name in DEEPCR if name in options.only):
        path = os.path.join(folder, f"deepcr-mask-{net}.npz")
        if os.path.exists(path):
            check_parity(folder, net, path)
            trials[net] = [Way("deepcr", (path, factor)) for factor in _factors(options)]
            lines[net] = Finder(f"deepCR {net}", trials[net][:1], how=UNTUNED)
        else:
            lines[net] = absent(f"deepCR {net}", f"no file {os.path.basename(path)}")
    if options.tuning and trials:
        tuned, _ = score(options.tuning, [*chain(*trials.values())], options.nproc)
        lines |= {net: _best_scaled(net, ways, tuned) for net, ways in trials.items()}
    return list(lines.values())


def _best_scaled(net, ways, scores):
    """Return the line of one of deepCR's networks, with the best of the scales."""
    rates = {way: at_level([way], scores) for way in ways}
    best = max(ways, key=lambda way: (rates[way], way.settings[1] == 1))
    if len(ways) > 1 and best in (ways[0], ways[-1]):
        get_logger().warning("deepCR %s: the best factor is at an end of --factors", net)
    tried = ", ".join(f"x {way.settings[1]:g}: {rate_cell(rate)}" for way, rate in rates.items())
    return Finder(f"deepCR {net}", [best], how=f"input x {best.settings[1]:g}; tuning: {tried}")


def _factors(options):
    return sorted(options.factors) if options.tuning else [1.0]


def at_level(ways, scores):
    """Return what a finder reaches at the level by which is chosen, -1 where it has no such."""
    reached = Finder("", ways, scores=[scores[way] for way in ways]).reached(LEVEL)
    return -1.0 if reached is None else reached


def rate_cell(value):
    """Return a rate for a table."""
    return f"{value:.4f}" if value is not None and value >= 0 else "-"  # or it is NaN


def check_parity(folder, net, path):
    """Raise unless deepCR's network computes here what it does there, on stored images."""
    for kind in ("fiber_256x256", "fiber_300x217", "star_33x50"):
        image = np.load(os.path.join(folder, f"{kind}_in.npy"))
        theirs = np.load(os.path.join(folder, f"{kind}_{net}_prob.npy"))
        off = np.abs(expit(deepcr(path, 1.0).probability(image)) - theirs).max()
        if not off <= PARITY:
            raise ValueError(f"{path}: expected its probabilities to {PARITY:g}, found {off:g}")
        get_logger().info("deepCR %s, %s: equal to theirs to %.1g", net, kind, off)


def lacosmic_lines(options):
    """Return the line of L.A.Cosmic, with the best of its settings."""
    if importlib.util.find_spec("astroscrappy") is None:
        return [absent("L.A.Cosmic", "astroscrappy is not installed")]
    best, scores, told = {key: PUBLISHED[key] for key in TRIED}, {}, []
    sweep = sorted({*options.sigclip, *([] if options.tuning else [PUBLISHED["sigclip"]])})

    def ways(**changed):
        settings = {**best, **changed}
        return [Way("lacosmic", (*(settings[key] for key in TRIED), s)) for s in sweep]

    for key, values in TRIED.items() if options.tuning else ():
        todo = [way for v in values for way in ways(**{key: v}) if way not in scores]
        scores |= score(options.tuning, todo, options.nproc)[0]
        rates = {v: at_level(ways(**{key: v}), scores) for v in values}
        best[key] = max(values, key=lambda v: (rates[v], v == PUBLISHED[key]))
        told += [f"{key} {value:g}: {rate_cell(rate)}" for value, rate in rates.items()]
        if max(rates.values()) < 0:
            text = "L.A.Cosmic: %s not tuned: 0.01 %% false ones need a larger --sigclip"
            get_logger().warning(text, key)
    chosen = ways()
    own = _own_sigclip(chosen, scores) if scores else sweep.index(PUBLISHED["sigclip"])
    how = f"{', '.join(f'{k} {v:g}' for k, v in best.items())}, sigclip {sweep[own]:g}; "
    how += f"tuning: {', '.join(told)}" if told else UNTUNED
    return [Finder("L.A.Cosmic", chosen, own, how)]


def _own_sigclip(ways, scores):
    """Return the number of the point that finds most with few enough false ones."""
    parts = [scores[way].select() for way in ways]
    few = [part.rate(FALSE).value <= LEVEL for part in parts]
    found = [part.rate(RAYS).value if ok else -1 for part, ok in zip(parts, few, strict=True)]
    return int(np.argmax(found)) if any(few) else len(ways) - 1


def desispec_lines(options, folder):
    """Return the lines of desispec's own method, which is run here; masks go to a folder."""
    names = {"grown": "desispec", "plain": "desispec, not grown"}
    command = [options.desispec_python, os.path.abspath(sys.argv[0]), "--marks-into", folder]
    get_logger().info("desispec: %d frames, twice, in its own process", len(options.frames))
    quiet = {**os.environ, "DESI_LOGLEVEL": "warning"}  # it tells of each iteration
    try:
        subprocess.run([*command, "--frames", *options.frames], stdout=sys.stderr, check=True,
                       env=quiet)  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "strerror", None) or "its process failed"
        get_logger().warning("desispec: %s: %s; not run", options.desispec_python, why)
        return [Finder(name, [], how=why) for name in names.values()]
    said = {"grown": "as preproc calls it, grown and repaired", "plain": "without growing, repair"}
    return [Finder(names[key], [Way("desispec", (folder, key))], how=said[key]) for key in GROWN]

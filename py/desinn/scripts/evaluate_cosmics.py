"""desinn evaluate cosmics: what networks, or other programs, mark in simulated images."""

import os
import time

from .cosmics_networks import Networks
from .progress import Progress

DEFAULTS = {"model": None, "threshold": None, "marked": False}
"""Options for cosmic rays, some of them of other kinds, too."""


def add_options(parser):
    """Add the options for cosmic rays alone; without them they are None.

    Parameters
    ----------
    parser : argparse.ArgumentParser or one of its groups
    """
    parser.add_argument("--marked", action="store_true", default=None,
        help="judge the bit of cosmic rays in MASK, whoever set it; run no network")  # fmt: skip


def evaluate(options, name):
    """Return a report on cosmic rays.

    Parameters
    ----------
    options : argparse.Namespace
    name : str
        What the report calls the images.

    Returns
    -------
    content : dict
        The numbers.
    render : callable
        Makes a text of them and a form.
    draw : callable
        Draws pictures into a folder and returns their names.

    Raises
    ------
    OSError, ValueError
        If an input cannot be used.
    """
    from ..evaluate.cosmic_report import CosmicOptions, evaluate_cosmics
    from ..evaluate.cosmic_scores import CosmicScores
    from ..evaluate.cosmic_tables import render_cosmics
    from .evaluate_cosmics_frames import FirstFrames

    if options.truth:
        raise ValueError("--truth: images of cosmic rays have their truth in them")
    if options.marked and not (options.model is options.threshold is None):
        raise ValueError("--marked: runs no network, found --model or --threshold")
    scores = CosmicScores(options.failures)
    judge = _Marked() if options.marked else Networks(options.model, options.threshold)
    frames = None if options.plot is None else FirstFrames()
    _run(options.inputs, scores, judge, frames)
    model = "MASK" if options.marked else options.model
    how = CosmicOptions(model, judge.thresholds, options.confidence, options.failures)
    content = evaluate_cosmics(scores, how, name)

    def draw(folder):
        from . import evaluate_cosmics_plots

        return evaluate_cosmics_plots.draw(folder, scores, content, frames)

    return content, render_cosmics, draw


def _run(paths, scores, judge, frames):
    from ..io.ccd_truth import read_ccd_truth
    from ..io.preproc import read_preproc

    progress = Progress(len(paths))
    try:
        for path in paths:
            start = time.monotonic()
            truth, frame = read_ccd_truth(path), read_preproc(path)
            found, threshold = judge(frame)
            about = (frame, truth, found, threshold, os.path.basename(path))
            scores.add(*about)
            if frames is not None:
                frames.add(*about)
            counts = {"images": 1, "rays": len(truth.rays)}
            progress.done(path, counts, time.monotonic() - start)
    finally:
        progress.close()


class _Marked:
    """Takes what is marked in MASK."""

    thresholds = None

    def __call__(self, frame):
        from ..io.preproc import COSMIC

        return frame.mask & COSMIC > 0, 0.5

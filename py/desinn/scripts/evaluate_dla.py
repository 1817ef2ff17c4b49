"""desinn evaluate dla: catalogues of absorbers against the truth of simulated sightlines."""

import numpy as np

from ..log import get_logger
from . import prompt

DEFAULTS = {"threshold": None, "min_snr": None, "within": 10.0, "proximate": False}
"""Options for absorbers alone."""


def add_options(parser):
    """Add the options for absorbers alone; without them they are None.

    Parameters
    ----------
    parser : argparse.ArgumentParser or one of its groups
    """
    add = parser.add_argument
    add("--threshold", type=prompt.fraction, metavar="C",
        help="least DLA_CONFIDENCE of a detection (default: the catalogue's own)")  # fmt: skip
    add("--min-snr", type=prompt.positive, metavar="S",
        help="leave out sightlines with less SNR_REDSIDE (default: none)")  # fmt: skip
    add("--within", type=prompt.positive, metavar="A",
        help="matches are at most so far apart at Lyman-alpha, observed "
        "(default: 10 A)")  # fmt: skip
    add("--proximate", action="store_true", default=None,
        help="count absorbers within 3000 km/s of the quasar, too")  # fmt: skip


def evaluate(options, name):
    """Return a report on absorbers.

    Parameters
    ----------
    options : argparse.Namespace
    name : str
        What the report calls the catalogues.

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
        If an input cannot be used, or nobody knows which confidence makes a detection.
    """
    from ..evaluate.absorber_report import AbsorberOptions, evaluate_absorbers
    from ..evaluate.absorber_tables import render_absorbers

    if not options.truth:
        raise ValueError(f"{options.inputs[0]}: a catalogue has no truth of its own: --truth is "
                         "needed")  # fmt: skip
    threshold = _threshold(options)
    sample = _sample(options)
    how = AbsorberOptions(
        threshold,
        options.min_snr,
        options.proximate,
        options.within,
        options.confidence,
        options.seed,
        options.failures,
    )
    content = evaluate_absorbers(sample, how, name)

    def draw(folder):
        from . import evaluate_dla_plots

        return evaluate_dla_plots.draw(folder, sample, content)

    return content, render_absorbers, draw


def _threshold(options):
    """Return the threshold that was given, else that of the catalogues."""
    from ..io.absorbers import THRESHOLD_KEY, read_threshold

    if options.threshold is not None:
        return options.threshold
    stated = {path: read_threshold(path) for path in options.inputs}
    for path, value in stated.items():
        if value is None:
            expected = f"{THRESHOLD_KEY} in the header of DLACAT, or --threshold"
            raise ValueError(f"{path}: expected {expected}, found neither")
    if len(set(stated.values())) > 1:
        found = ", ".join(f"{value:g}" for value in sorted(set(stated.values())))
        raise ValueError(f"expected catalogues with one threshold, or --threshold, found {found}")
    return next(iter(stated.values()))


def _sample(options):
    from ..evaluate.absorbers import select
    from ..io.absorbers import read_absorbers, read_dla_catalog, read_known_targets

    catalogs = [read_dla_catalog(path) for path in options.inputs]
    found, sightlines = (np.concatenate(parts) for parts in zip(*catalogs, strict=True))
    sample = select(
        found,
        read_absorbers(options.truth),
        sightlines,
        options.min_snr,
        options.proximate,
        read_known_targets(options.truth),
        options.within,
    )
    numbers = sample.numbers
    if not numbers["sightlines"]:
        raise ValueError(f"{' '.join(options.inputs)}: no sightline that was searched is in the "
                         "truth, with the S/N that is asked for")  # fmt: skip
    if numbers["not_searched"] or numbers["not_known"]:
        get_logger().warning(
            "%d sightlines were not searched, %d are not in the truth: left out",
            numbers["not_searched"], numbers["not_known"],
        )  # fmt: skip
    return sample

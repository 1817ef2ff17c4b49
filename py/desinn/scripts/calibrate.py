"""desinn calibrate: confidences of a quasar network, and errors of absorbers, made honest."""

import os

import numpy as np

from ..log import get_logger
from . import prompt
from .calibrate_dla import calibrate_dla
from .evaluate import add_truth, qso_finder
from .kinds import settle

DESCRIPTION = """\
Fit a temperature and a bias for each line's confidence on spectra that are known,

  logit -> logit / temperature + bias

and write the network with both multiplied into its own weights: who runs it gets
calibrated confidences and needs to know nothing of it. Broad absorption is rare, and its
probability seldom passes 0.5: its bias is set so that 0.5 means --bal-false.

TRUTH is as in "desinn evaluate": .csv, or a simulated coadd; default: the SPECTRA's own
truth HDU.

Of a network for absorbers the errors are made honest and the threshold is set where the
harmonic mean of completeness and purity is best, or by --min-purity: --data is then the catalogue
that desi_find_dla made with it, and --truth the files with DLA_META."""

DEFAULTS = {
    "qso": {"label_source": None, "fit": "boxes", "bal_false": 0.05, "prior": None,
            "c_thresh": None},
    "dla": {"min_purity": None, "min_snr": None},
}  # fmt: skip
"""Options for networks of one kind alone."""

TOLERANCE = 1e-5
"""How far the written network's confidences may be from those that were fitted."""

FEWEST_FALSE = 3
"""So many of the quasars without broad absorption must be among those that pass 0.5."""

SAMPLE = 64
"""Spectra on which the two are compared."""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("weights", metavar="WEIGHTS", help="network: a weights file, or its name")
    add("--data", nargs="+", required=True, metavar="SPECTRA", help="spectra to calibrate on")
    add_truth(parser)
    add("-o", "--outfile", required=True, metavar="OUT", help="weights file to write (.npz)")
    add("--fit", choices=("boxes", "best"),
        help="what is made likely: each box (default), or the best box of a line")  # fmt: skip
    add("--bal-false", type=prompt.fraction, metavar="F",
        help="part of the quasars without broad absorption that may pass 0.5 "
        "(default: 0.05)")  # fmt: skip
    add("--prior", type=prompt.share, metavar="F",
        help="weight quasars and others as if quasars had the share F "
        "(default: as they are)")  # fmt: skip
    add("--c-thresh", type=prompt.fraction, metavar="C",
        help="threshold to store in the file (default: as it was)")  # fmt: skip
    add("--min-purity", type=prompt.fraction, metavar="P",
        help="absorbers: the most complete threshold of this purity (default: the one with the "
        "best harmonic mean of both)")  # fmt: skip
    add(
        "--min-snr",
        type=prompt.positive,
        metavar="S",
        help="absorbers: use sightlines with at least this SNR_REDSIDE (default: all)",
    )
    add("--overwrite", action="store_true", help="replace an existing output")


def main(options):
    """Calibrate one network.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    OSError, ValueError
        If a file cannot be used, the network is built so that nothing can be multiplied in, or
        the spectra are too few.
    """
    from ..files import check_output
    from ..finders.base import weights_path
    from ..nn import read_weights

    if not options.outfile.endswith(".npz"):
        raise ValueError(f"{options.outfile}: expected a name that ends in .npz")
    path = weights_path(options.weights)
    check_output(options.outfile, options.overwrite, [path, *options.data, *options.truth])
    header, arrays = read_weights(path)
    options.kind = header["kind"]
    if options.kind not in DEFAULTS:
        expected = "expected weights of kind 'qso' or 'dla'"
        raise ValueError(f"{path}: {expected}, found {options.kind!r}")
    settle(options, DEFAULTS)
    if options.kind == "dla":
        return calibrate_dla(options, header, arrays)
    return _calibrate_qso(options, header, arrays, qso_finder(path))


def _calibrate_qso(options, header, arrays, finder):
    """Calibrate a network that finds quasars on spectra that are known, and write it."""
    from ..evaluate.calibration import bake, box_nodes, class_weights
    from ..nn import write_weights

    lines = {**finder.lines, **finder.bal_lines}
    n_boxes = header["interpret"]["boxes"]
    nodes = box_nodes(finder.network.graph, lines, n_boxes)
    logits, truth, x = _logits(finder, header, arrays, nodes, options)
    weight = class_weights(truth["TRUESPECTYPE"] == "QSO", options.prior)
    heads = {
        name: _Head(name, rest, logits[name], truth, finder.grid, weight)
        for name, rest in lines.items()
    }
    for name, head in heads.items():
        if name in finder.bal_lines:
            head.cut(options.bal_false, truth)
        else:
            head.fit(options.fit)
    turns = {name: head.turn for name, head in heads.items() if head.turn is not None}
    if not turns:
        raise ValueError("no line has enough examples to be calibrated: more spectra are needed")
    new, new_arrays = bake(header, arrays, nodes, turns)
    _record(new, heads, finder, truth, weight, options)
    _compare(new, new_arrays, heads, x, n_boxes)
    write_weights(options.outfile, new, new_arrays, options.overwrite)
    get_logger().info("%s: calibrated on %d spectra", options.outfile, len(truth))
    return 0


class _Head:
    """One line's logits and what they should say."""

    def __init__(self, name, rest, logits, truth, grid, weight):
        from ..evaluate.reliability import near, true_box
        from ..finders.targets import boxes

        self.name, self.logits = name, logits  # (B, boxes)
        true, known = true_box(truth, name, grid, logits.shape[1], rest)
        self.weight = weight * known
        self.target = np.arange(logits.shape[1]) == true[:, np.newaxis]  # (B, boxes)
        self.best = logits.max(axis=1)
        self.seen = boxes(grid, logits.shape[1], rest, truth["TRUEZ"])[0] >= 0
        self.right = near(logits.argmax(axis=1), true)
        self.turn = None

    def fit(self, what):
        """Find temperature and bias, and say what they do."""
        from ..evaluate.calibration import fit

        if what == "best":
            self.turn = fit(self.best, self.right, self.weight)
        else:
            weight = np.repeat(self.weight, self.target.shape[1])
            self.turn = fit(self.logits.ravel(), self.target.ravel(), weight)
        if self.turn is None:
            get_logger().warning("%s: too few examples, left as it is", self.name)
            return
        get_logger().info(
            "%s: temperature %.3f, bias %.3f, calibration error %.4f, was %.4f",
            self.name, self.turn.temperature, self.turn.bias, self.error(), self.error(False),
        )  # fmt: skip

    def cut(self, fraction, truth):
        """Find the bias with which a fraction of the quasars without the line passes 0.5."""
        from ..evaluate.calibration import Calibration

        without = (truth["TRUESPECTYPE"] == "QSO") & (truth["BI"] == 0) & self.seen
        if np.count_nonzero(without) * fraction < FEWEST_FALSE:
            get_logger().warning("%s: too few examples, left as it is", self.name)
            return
        self.turn = Calibration(1.0, -float(np.quantile(self.best[without], 1 - fraction)))
        get_logger().info("%s: bias %.3f", self.name, self.turn.bias)

    def confidence(self, calibrated=True):
        """Return the confidence of the best box, (B,)."""
        from ..evaluate.calibration import sigmoid

        turned = self.turn(self.best) if calibrated and self.turn else self.best
        return sigmoid(turned)

    def error(self, calibrated=True):
        """Return the expected calibration error."""
        from ..evaluate.reliability import reliability

        rows = self.weight > 0
        parts = (part[rows] for part in (self.confidence(calibrated), self.right, self.weight))
        return reliability(*parts).error

    def summary(self):
        """Return what the file's provenance says of this line."""
        if self.turn is None:
            return None
        return {
            "temperature": self.turn.temperature,
            "bias": self.turn.bias,
            "error_before": self.error(False),
            "error_after": self.error(),
        }


def _logits(finder, header, arrays, nodes, options):
    """Return the logits of each line, (B, boxes), the truth, and some of the input."""
    from ..finders.base import NOT_RUN
    from ..io.read import read_spectra
    from ..io.truth import beside, read_truth, report_left_out
    from ..nn import Network

    network = Network({**header, "outputs": nodes}, arrays)
    known = read_truth(options.truth, options.label_source)
    parts, kept, total = [], 0, 0
    for path in options.data:
        spectra = read_spectra(path)
        truth = known if options.truth else read_truth([path])
        truth, rows = beside(spectra.targetid, truth, path)
        kept, total = kept + len(rows), total + len(spectra)
        x, flags = finder.prepare(spectra[rows])
        run = (flags & NOT_RUN) == 0
        parts.append((network(x[run]), truth[run], x[run][:SAMPLE]))
    report_left_out(kept, total)
    outputs, truths, inputs = zip(*parts, strict=True)
    logits = {
        name: np.concatenate([output[name] for output in outputs]).astype(np.float64)
        for name in nodes
    }
    return logits, np.concatenate(truths), np.concatenate(inputs)[:SAMPLE]


def _record(header, heads, finder, truth, weight, options):
    """Put into the header what was done, and the threshold."""
    from ..evaluate.calibration import best_threshold

    quasar = truth["TRUESPECTYPE"] == "QSO"
    confidences = np.stack([heads[name].confidence() for name in finder.lines], axis=1)
    # A quasar is what has n_thresh lines over the threshold.
    deciding = np.sort(confidences, axis=1)[:, -finder.n_thresh]
    recommended = best_threshold(deciding, quasar, weight)
    get_logger().info("recommended threshold: %.2f", recommended)
    earlier = header["provenance"].get("calibration")
    header["provenance"]["calibration"] = {
        "set": [os.path.basename(path) for path in options.data],
        "spectra": len(truth),
        "quasars": int(quasar.sum()),
        "prior": options.prior,
        "fit": options.fit,
        "heads": {name: head.summary() for name, head in heads.items()},
        "recommended_c_thresh": recommended,
        **({"earlier": earlier} if earlier else {}),
    }
    if options.c_thresh is not None:
        header["interpret"]["c_thresh"] = options.c_thresh


def _compare(header, arrays, heads, x, n_boxes):
    """Raise unless the new network says what was fitted."""
    from ..evaluate.calibration import sigmoid
    from ..nn import Network

    outputs = Network(header, arrays)(x)
    for name, head in heads.items():
        logits = head.logits[: len(x)]
        expected = sigmoid(logits if head.turn is None else head.turn(logits))
        off = np.abs(outputs[name][:, :n_boxes] - expected).max(initial=0)
        if not off <= TOLERANCE:
            raise ValueError(f"output {name}: confidences are {off:.1e} from those fitted")

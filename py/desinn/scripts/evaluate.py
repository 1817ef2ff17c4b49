"""desinn evaluate: completeness, purity and errors against the truth, with intervals."""

import json
import os

from ..log import get_logger
from . import evaluate_cosmics, evaluate_dla, prompt
from .kinds import settle
from .loading import Loader
from .pictures import picture_folder

DESCRIPTION = """\
Compare what was found with what the spectra are known to be.

  qso
  INPUT   catalogues of desi_find_qso; or spectra, in which --model finds quasars first
  TRUTH   .csv: a list "file,spectype,z" beside BOSS spectra (matched by file name;
          a column "targetid" is matched by TARGETID)
          other names: a simulated coadd with its truth HDU (matched by TARGETID)
          default: the INPUT's own truth HDU

  dla
  INPUT   catalogues of desi_find_dla
  TRUTH   simulated files with an HDU DLA_META (matched by TARGETID); needed

  cosmics
  INPUT   images of desinn simulate cosmics, with their truth, in which --model finds
          cosmic rays; or with --marked copies in which others have marked them

The report goes to standard output, or to a file with -o."""

QSO_DEFAULTS = {
    "label_source": None,
    "model": "qso",
    "c_thresh": (0.5, 0.95, 0.99),
    "n_thresh": None,
    "catastrophic": 6000.0,
    "bal_thresh": 0.5,
}
"""Options for quasars alone."""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("kind", choices=tuple(KINDS), help="what was looked for")
    add("inputs", nargs="+", metavar="INPUT", help="catalogues, spectra or images")
    add_truth(parser)
    add("--confidence", type=prompt.share, default=0.95, metavar="P",
        help="of the intervals (default: 0.95)")  # fmt: skip
    add("--seed", type=prompt.whole, default=0,
        help="of the resampling for the intervals of errors (default: 0)")  # fmt: skip
    add("--format", choices=("text", "rst", "json"), default="text",
        help="of the report (default: text)")  # fmt: skip
    add("-o", "--outfile", metavar="REPORT", help="write the report to a file")
    add("--plot", metavar="DIR", help="draw figures (and failures), PNG, into DIR")
    add("--failures", type=prompt.whole, default=48, metavar="N",
        help="failures of each kind to list and draw at most (default: 48)")  # fmt: skip
    add("--overwrite", action="store_true", help="replace an existing REPORT")
    _add_qso_options(parser.add_argument_group("qso only (--model: cosmics, too)").add_argument)
    evaluate_dla.add_options(parser.add_argument_group("dla only (--threshold: cosmics, too)"))
    evaluate_cosmics.add_options(parser.add_argument_group("cosmics only"))


def _add_qso_options(add):
    add("-m", "--model", metavar="MODEL", help="for spectra (default: qso), or images "
        "(default: that for the CCD)")  # fmt: skip
    add("--c-thresh", type=prompt.fraction, nargs="+", metavar="C",
        help="confidences above which a line counts (default: 0.5 0.95 0.99)")  # fmt: skip
    add("--n-thresh", type=prompt.count, metavar="N", help="lines that make a quasar (default: the"
        " weights file's own; 1 for a catalogue)")  # fmt: skip
    add("--catastrophic", type=prompt.positive, metavar="KMS",
        help="a redshift wrong by more km/s is no redshift (default: 6000)")  # fmt: skip
    add("--bal-thresh", type=prompt.fraction, metavar="C",
        help="C_CIV_BAL above which a quasar counts as BAL (default: 0.5)")  # fmt: skip


def add_truth(parser):
    """Add the options that say what is true.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("--truth", nargs="+", default=(), metavar="TRUTH",
        help="what the spectra are; see above (default: their own truth HDU)")  # fmt: skip
    add(
        "--label-source",
        metavar="TEXT",
        help="use only labels of the list whose label_source contains TEXT",
    )


def main(options):
    """Evaluate, report and draw.

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
        If an input cannot be used: a report on part of them would be none.
    ImportError
        If pictures are wanted and matplotlib is not installed.
    """
    settle(options, DEFAULTS)
    _check(options)
    content, render, draw = KINDS[options.kind](options, _name(options.inputs))
    as_json = options.format == "json"
    _write(options, _json(content) if as_json else render(content, options.format))
    if options.plot is not None:
        names = draw(options.plot)
        get_logger().info("%s: %d pictures", options.plot, len(names))
    return 0


def _evaluate_qso(options, name):
    """Return the numbers of a report on quasars, what makes a text of them, what draws them."""
    from ..evaluate.report import Options, evaluate
    from ..evaluate.sample import read_sample
    from ..evaluate.tables import render

    sample = read_sample(
        options.inputs, options.truth, lambda: qso_finder(options.model), options.label_source
    )
    how = Options(
        tuple(options.c_thresh),
        options.n_thresh,
        options.catastrophic,
        options.bal_thresh,
        options.confidence,
        options.seed,
        options.failures,
    )
    content = evaluate(sample, how, name)

    def draw(folder):
        from . import evaluate_plots

        return evaluate_plots.draw(folder, sample, content, how)

    return content, render, draw


KINDS = {
    "qso": _evaluate_qso,
    "dla": evaluate_dla.evaluate,
    "cosmics": evaluate_cosmics.evaluate,
}
DEFAULTS = {
    "qso": QSO_DEFAULTS,
    "dla": evaluate_dla.DEFAULTS,
    "cosmics": evaluate_cosmics.DEFAULTS,
}


def qso_finder(model):
    """Return the finder of a weights file of kind qso.

    Parameters
    ----------
    model : str

    Returns
    -------
    desinn.finders.qso.QSOFinder

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a weights file of this kind.
    """
    from ..finders.base import weights_path

    return Loader(weights_path(model), "qso")()


def _check(options):
    """Raise before the work if what comes of it could not be written."""
    if options.outfile is not None:
        from ..files import check_output

        inputs = filter(None, [*options.inputs, *options.truth, options.model])
        check_output(options.outfile, options.overwrite, inputs)
    if options.plot is not None:
        picture_folder(options.plot)


def _name(inputs):
    first = os.path.basename(inputs[0])
    return first if len(inputs) == 1 else f"{first} and {len(inputs) - 1} more"


def _json(content):
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _write(options, text):
    if options.outfile is None:
        prompt.write_out(text)
        return
    from ..files import whole_file

    with (
        whole_file(options.outfile, options.overwrite) as name,
        open(name, "w", encoding="utf-8") as stream,
    ):
        stream.write(text)
    get_logger().info("%s: report written", options.outfile)

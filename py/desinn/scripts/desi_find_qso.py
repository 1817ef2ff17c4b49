"""desi_find_qso: quasars and their redshifts in spectra."""

import argparse
import functools
import os
import sys

from ..files import check_output
from ..log import get_logger
from . import prompt, runner
from .crew import Result
from .loading import Loader
from .pictures import picture_names
from .plots import plot_quasar
from .progress import words
from .stacking import stack, write_stacked

EXTNAME = "QSO_QN"
COLUMNS = """\
The output has one row for every target, in the order of the inputs: TARGETID;
IS_QSO_QN (1, 0, or -1 where the spectrum could not be run); Z_QN, the redshift (of
the most confident line and those that agree with it, or of that line alone, as the
network's file says), and Z_QN_CONF, that line's confidence; C_x and Z_x for each line x;
C_CIV_BAL and Z_CIV_BAL for broad absorption; QN_FLAG, whose bits the header names
(FLAGBIT0 and so on); INFILE, the number of the input: its row in the HDU INFILES,
which has the names. What could not be run is NaN."""


def parse(options=None):
    """Return the options of the command line.

    Parameters
    ----------
    options : list of str, optional
        In place of the command line.

    Returns
    -------
    argparse.Namespace
    """
    parser = argparse.ArgumentParser(
        prog="desi_find_qso",
        description="Find quasars and their redshifts in DESI and SDSS spectra.",
        epilog=COLUMNS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "-i",
        "--infiles",
        nargs="+",
        action="extend",
        required=True,
        metavar="FILE",
        help="DESI coadd, spectra or cframe files, SDSS spec or spPlate files",
    )
    add("-o", "--outfile", required=True, metavar="OUT", help="table to write (FITS)")
    add(
        "-m",
        "--model",
        default="qso",
        metavar="WEIGHTS",
        help="weights file (.npz; see desinn convert) or name (default: qso, our own)",
    )
    add(
        "--c-thresh",
        type=prompt.fraction,
        metavar="C",
        help="confidence above which a line counts (default: the weights file's own)",
    )
    add(
        "--n-thresh",
        type=prompt.count,
        metavar="N",
        help="lines that make a quasar (default: the weights file's own)",
    )
    add("--plot", metavar="DIR", help="draw every quasar that was found, one PNG each, into DIR")
    add("--overwrite", action="store_true", help="replace an existing output")
    runner.add_options(parser)
    prompt.add_common(parser)
    return parser.parse_args(options)


def main(args=None, comm=None):
    """Find quasars in all files and write one table.

    Parameters
    ----------
    args : argparse.Namespace or list of str, optional
        Options, parsed or not; without them the command line's.
    comm : mpi4py.MPI.Comm, optional
        Of the program that this runs in: every rank calls, rank 0 shares out the files.

    Returns
    -------
    int
        0, or 1 where some files could not be used: they are named in the log, and the table
        holds the others. The same on every rank.

    Raises
    ------
    OSError, ValueError
        If the output cannot be written, or no input can be used; on every rank.
    """
    options = args if isinstance(args, argparse.Namespace) else parse(args)
    return runner.run(options, _prepare, comm)


def _prepare(options):
    """Check what can be checked before the work; return what there is to do."""
    from ..finders.base import weights_path

    model = weights_path(options.model)
    check_output(options.outfile, options.overwrite, [*options.infiles, model])
    pictures = picture_names(options.plot, options.infiles, "qso")
    load = Loader(model, "qso")
    header = load().network.header
    thresholds = load().thresholds(options.c_thresh, options.n_thresh)
    work = FindQuasars(load, thresholds, pictures)
    cards = _cards(header, model, *thresholds)
    plot = options.plot and os.path.abspath(options.plot)
    key = {"sha256": header["sha256"], "thresholds": thresholds, "plot": plot}
    finish = functools.partial(_write, options, cards)
    folders = (os.path.dirname(options.outfile), options.plot)
    return runner.Task(options.infiles, work, finish, options.outfile, key, folders)


class FindQuasars:
    """The work on one file.

    Parameters
    ----------
    load : desinn.scripts.loading.Loader
        Of the finder.
    thresholds : (float, int)
        C_THRESH and N_THRESH.
    pictures : dict
        Path -> how the names of its pictures begin. Files without get none.
    """

    def __init__(self, load, thresholds, pictures):
        self._load = load
        self._thresholds = thresholds
        self._pictures = pictures

    def __call__(self, path):
        """Return the rows of a file as a `Result`."""
        from ..io.read import read_spectra

        spectra = read_spectra(path)
        table = self._load().find(spectra, *self._thresholds)
        if path in self._pictures:
            _plot(self._load(), spectra, table, self._pictures[path], self._thresholds[0])
        return Result({"rows": table.as_array()}, _counts(table))


def _plot(finder, spectra, table, pictures, c_thresh):
    """Draw the quasars of one file; a picture that fails costs nothing but itself."""
    for row in (table["IS_QSO_QN"] == 1).nonzero()[0]:
        path = f"{pictures}-{row:04d}.png"
        try:
            plot_quasar(path, spectra, int(row), table[row], finder, c_thresh)
        except Exception as error:  # whatever it is, the file's results are worth more
            get_logger().error("%s: no picture: %s", path, error)


def _counts(rows):
    found, lost = (int((rows["IS_QSO_QN"] == value).sum()) for value in (1, -1))
    return {"spectra": len(rows), "quasars": found, "could not be run": lost}


def _write(options, cards, results):
    """Write the table: the rows of all files, in the order of the command line."""
    table = stack(results)
    infiles = [(path, one is not None) for path, one in zip(options.infiles, results, strict=True)]
    write_stacked(options.outfile, table, cards, EXTNAME, options.overwrite, infiles)
    get_logger().info("%s: %s", options.outfile, words(_counts(table)))


def _cards(header, model, c_thresh, n_thresh):
    """Return what the header says of how the table was made."""
    from ..finders.base import Flag
    from ..io.catalogs import provenance

    cards = provenance(header, path=model)
    cards["C_THRESH"] = (c_thresh, "a line counts above this confidence")
    cards["N_THRESH"] = (n_thresh, "lines that make a quasar")
    for number, flag in enumerate(Flag):
        cards[f"FLAGBIT{number}"] = (flag.name, f"QN_FLAG & {flag.value}")
    return cards


def prompt_main():
    """Run as a program; return the exit status."""
    return prompt.run(main, parse())


if __name__ == "__main__":
    # Under its own name: other processes could not import a class of __main__.
    from . import desi_find_qso

    sys.exit(desi_find_qso.prompt_main())

"""desi_find_qso: quasars and their redshifts in coadds."""

import argparse
import contextlib
import os
import sys

from ..files import check_output
from ..log import get_logger
from . import prompt
from .plots import figure_class, plot_quasar
from .runner import over_files

EXTNAME = "QSO_QN"
COLUMNS = """\
The output has one row for every fibre, in the order of the input: TARGETID;
IS_QSO_QN (1, 0, or -1 where the spectrum could not be run); Z_QN, the redshift of
the most confident line, and Z_QN_CONF, its confidence; C_x and Z_x for each line x;
C_CIV_BAL and Z_CIV_BAL for broad absorption; QN_FLAG, whose bits the header names
(FLAGBIT0 and so on). What could not be run is NaN."""


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
        description="Find quasars and their redshifts in DESI coadds.",
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
        metavar="COADD",
        help="coadds or spectra files",
    )
    add("-o", "--outfile", required=True, metavar="OUT", help="table to write (FITS)")
    add(
        "-m",
        "--model",
        required=True,
        metavar="WEIGHTS",
        help="weights file (.npz; see desinn convert)",
    )
    add(
        "--c-thresh",
        type=_fraction,
        metavar="C",
        help="confidence above which a line counts (default: the weights file's own)",
    )
    add(
        "--n-thresh",
        type=_count,
        metavar="N",
        help="lines that make a quasar (default: the weights file's own)",
    )
    add("--plot", metavar="DIR", help="draw every quasar that was found, one PNG each, into DIR")
    add("--overwrite", action="store_true", help="replace an existing output")
    prompt.add_common(parser)
    return parser.parse_args(options)


def _fraction(text):
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, found {text}")


def _count(text):
    with contextlib.suppress(ValueError):
        if int(text) >= 1:
            return int(text)
    raise argparse.ArgumentTypeError(f"expected an integer, 1 or more, found {text}")


def main(args=None, comm=None):
    """Find quasars in all files and write one table.

    Parameters
    ----------
    args : argparse.Namespace or list of str, optional
        Options, parsed or not; without them the command line's.
    comm : mpi4py.MPI.Comm, optional
        The first rank does the work.

    Returns
    -------
    int
        0, or 1 where some files could not be used: they are named in the log, and the table
        holds the others.

    Raises
    ------
    OSError, ValueError
        If the output cannot be written, or no input can be used.
    """
    if comm is not None and comm.rank > 0:
        return 0
    options = args if isinstance(args, argparse.Namespace) else parse(args)
    check_output(options.outfile, options.overwrite, [*options.infiles, options.model])
    pictures = _picture_names(options)
    from astropy.table import vstack

    from .. import load_model
    from ..io.catalogs import write_catalog

    finder = load_model(options.model)
    if finder.network.header["kind"] != "qso":
        kind = finder.network.header["kind"]
        raise ValueError(f"{options.model}: expected weights of kind 'qso', found {kind!r}")
    thresholds = finder.thresholds(options.c_thresh, options.n_thresh)
    tables, failed = over_files(
        options.infiles, lambda path: _find(finder, path, thresholds, pictures.get(path))
    )
    table = vstack(tables, metadata_conflicts="silent")
    cards = _cards(finder, options.model, *thresholds)
    write_catalog(options.outfile, table, cards, EXTNAME, options.overwrite)
    get_logger().info("%s: %s", options.outfile, _summary(table))
    return 1 if failed else 0


def _picture_names(options):
    """Return how the names of each input's pictures begin, and make their folder."""
    if options.plot is None:
        return {}
    figure_class()  # before the work
    if os.path.exists(options.plot) and not os.path.isdir(options.plot):
        raise NotADirectoryError(f"{options.plot}: is a file, expected a folder for pictures")
    os.makedirs(options.plot, exist_ok=True)
    paths = list(dict.fromkeys(options.infiles))
    stems = [os.path.basename(path).split(".")[0] for path in paths]
    if len(set(stems)) < len(stems):  # files of one name in several folders
        stems = [f"{number}-{stem}" for number, stem in enumerate(stems, 1)]
    names = [os.path.join(options.plot, f"qso-{stem}") for stem in stems]
    return dict(zip(paths, names, strict=True))


def _find(finder, path, thresholds, pictures):
    from ..io.desi import read_coadd

    spectra = read_coadd(path)
    table = finder.find(spectra, *thresholds)
    if pictures is not None:
        _plot(finder, spectra, table, pictures, thresholds[0])
    return table, _summary(table)


def _plot(finder, spectra, table, pictures, c_thresh):
    """Draw the quasars of one file; a picture that fails costs nothing but itself."""
    for row in (table["IS_QSO_QN"] == 1).nonzero()[0]:
        path = f"{pictures}-{row:04d}.png"
        try:
            plot_quasar(path, spectra, int(row), table[row], finder, c_thresh)
        except OSError as error:
            get_logger().error("%s: no picture: %s", path, error)


def _summary(table):
    found, lost = ((table["IS_QSO_QN"] == value).sum() for value in (1, -1))
    return f"{len(table)} spectra, {found} quasars, {lost} could not be run"


def _cards(finder, model, c_thresh, n_thresh):
    """Return what the header says of how the table was made."""
    from ..finders.base import Flag
    from ..io.catalogs import provenance

    cards = provenance(finder.network.header, path=model)
    cards["C_THRESH"] = (c_thresh, "a line counts above this confidence")
    cards["N_THRESH"] = (n_thresh, "lines that make a quasar")
    for number, flag in enumerate(Flag):
        cards[f"FLAGBIT{number}"] = (flag.name, f"QN_FLAG & {flag.value}")
    return cards


def prompt_main():
    """Run as a program; return the exit status."""
    return prompt.run(main, parse())


if __name__ == "__main__":
    sys.exit(prompt_main())

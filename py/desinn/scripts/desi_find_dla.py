"""desi_find_dla: damped Lyman-alpha absorbers in spectra of quasars."""

import argparse
import functools
import os
import sys

import numpy as np

from ..files import check_output
from ..log import get_logger
from . import prompt, runner
from .crew import Result
from .dla_table import COLUMNS, FLAGS, flag_cards, parts_of, tables_of
from .loading import Loader
from .pictures import picture_names
from .progress import words
from .stacking import infiles_table

OUTPUT = """\
The output has the absorbers in HDU DLACAT: those with an NHI of --min-nhi or more, a
confidence at or above the threshold, and no flag; all others found in CANDIDATES; and
in SIGHTLINES a row for every quasar asked for, with the range that was searched, or
why it was not. Which spectra are quasars, and their redshifts, a catalogue says (-q),
redrock (--redrock), or our own network (without either)."""

CATALOGUE_OPTIONS = ("qsocat", "redrock")


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
        prog="desi_find_dla",
        description="Find damped Lyman-alpha absorbers in DESI and SDSS spectra of quasars.",
        epilog=OUTPUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_inputs(parser)
    _add_settings(parser)
    runner.add_options(parser)
    prompt.add_common(parser)
    found = parser.parse_args(options)
    given = [name for name in ("infiles", "release", "mocks") if getattr(found, name)]
    if len(given) != 1:
        parser.error("give the spectra: one of -i FILE..., -r RELEASE, or --mocks --mockdir DIR")
    if bool(found.mocks) != bool(found.mockdir):
        parser.error("--mocks and --mockdir belong together")
    if found.datapath and not found.release:
        parser.error("--datapath is for --release")
    if found.balmask and not found.qsocat:
        parser.error("--balmask needs --qsocat, a catalogue with the velocities of the troughs")
    if found.zmax is not None and found.zmax < found.zmin:
        parser.error(f"--zmax {found.zmax:g} is below --zmin {found.zmin:g}")
    return found


def _add_inputs(parser):
    add = parser.add_argument
    add(
        "-i",
        "--infiles",
        nargs="+",
        action="extend",
        metavar="FILE",
        help="DESI coadd, spectra or cframe files, SDSS spec or spPlate files",
    )
    add("-r", "--release", metavar="RELEASE", help="all coadds of a DESI release, by healpix")
    add("-s", "--survey", default="main", help="its survey (default: main)")
    add("-p", "--program", default="dark", help="its program (default: dark)")
    add("--datapath", metavar="DIR", help="folder of all releases (default: $DESI_SPECTRO_REDUX)")
    add("--mocks", action="store_true", help="all spectra of a mock as quickquasars makes them")
    add("--mockdir", metavar="DIR", help="its folder, with spectra-16 in it")
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "-q",
        "--qsocat",
        nargs="+",
        action="extend",
        metavar="CAT",
        help="catalogue of quasars (FITS), or several",
    )
    who.add_argument(
        "--redrock",
        nargs="+",
        action="extend",
        metavar="FILE",
        help="redrock files: their spectra of SPECTYPE QSO",
    )


def _add_settings(parser):
    add = parser.add_argument
    add("-o", "--outfile", required=True, metavar="OUT", help="catalogue to write (FITS)")
    add(
        "-m",
        "--model",
        default="dla",
        metavar="WEIGHTS",
        help="weights file (.npz; see desinn convert) or name (default: dla, our own)",
    )
    add(
        "--zmin",
        type=prompt.positive,
        default=2.0,
        metavar="Z",
        help="least redshift of a quasar (default: 2.0)",
    )
    add("--zmax", type=prompt.positive, metavar="Z", help="greatest redshift (default: none)")
    add(
        "--balmask",
        action="store_true",
        help="mask the broad absorption troughs that the catalogue of quasars has",
    )
    add(
        "--min-nhi",
        type=prompt.positive,
        default=20.3,
        metavar="N",
        help="least log10 of the column density in DLACAT (default: 20.3)",
    )
    add(
        "--min-confidence",
        type=prompt.fraction,
        metavar="C",
        help="least confidence in DLACAT (default: the weights file's own)",
    )
    add("--plot", metavar="DIR", help="draw every sightline with a row in DLACAT into DIR")
    add("--overwrite", action="store_true", help="replace an existing output")


def main(args=None, comm=None):
    """Find absorbers in all files and write one catalogue.

    Parameters
    ----------
    args : argparse.Namespace or list of str, optional
        Options, parsed or not; without them the command line's.
    comm : mpi4py.MPI.Comm, optional
        Of the program that this runs in: every rank calls, rank 0 shares out the files.

    Returns
    -------
    int
        0, or 1 where some files could not be used: they are named in the log, and the catalogue
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
    read = [*(options.qsocat or ()), *(options.redrock or ())]
    check_output(options.outfile, options.overwrite, [*(options.infiles or ()), *read, model])
    load = Loader(model, "dla")
    finder = load()
    quasars, pixels = _quasars(options)
    if options.balmask and not quasars.has_troughs:
        names = " ".join(options.qsocat)
        raise ValueError(f"{names}: --balmask needs VMIN_CIV_450 and VMAX_CIV_450")
    infiles = _infiles(options, pixels)
    check_output(options.outfile, options.overwrite, infiles)
    least = options.min_confidence
    limits = (options.min_nhi, finder.min_confidence if least is None else least)
    pictures = picture_names(options.plot, infiles, "dla")
    work = FindAbsorbers(load, quasars, limits, options.balmask, pictures)
    finish = functools.partial(_write, options, infiles, quasars, _cards(options, load, limits))
    plot = options.plot and os.path.abspath(options.plot)
    key = {
        "sha256": finder.network.header["sha256"],
        "quasars": quasars.key(),
        "limits": limits,
        "balmask": options.balmask,
        "plot": plot,
    }
    folders = (os.path.dirname(options.outfile), options.plot)
    return runner.Task(infiles, work, finish, options.outfile, key, folders)


def _quasars(options):
    """Return who says which spectra are quasars; and their healpix pixels, where it knows them."""
    from ..finders.base import weights_path
    from ..io.qso_catalogs import read_qso_catalogs, read_redrock
    from .quasars import Catalogue, Found

    limits = (options.zmin, np.inf if options.zmax is None else options.zmax)
    if not options.qsocat and not options.redrock:
        return Found(Loader(weights_path("qso"), "qso"), limits), None
    rows = read_qso_catalogs(options.qsocat) if options.qsocat else read_redrock(options.redrock)
    asked = (rows["Z"] >= limits[0]) & (rows["Z"] <= limits[1])
    get_logger().info("%d quasars, %d of them asked for", len(rows), np.count_nonzero(asked))
    pixels = rows["HPXPIXEL"][asked] if "HPXPIXEL" in rows.dtype.names else None
    return Catalogue(rows, limits), pixels


def _infiles(options, pixels):
    from .release import healpix_files, mock_files

    if options.infiles:
        return options.infiles
    if options.mocks:
        return mock_files(options.mockdir)
    where = (options.release, options.survey, options.program, options.datapath)
    return healpix_files(*where, pixels)


class FindAbsorbers:
    """The work on one file.

    Parameters
    ----------
    load : desinn.scripts.loading.Loader
        Of the finder of absorbers.
    quasars : desinn.scripts.quasars.Catalogue or desinn.scripts.quasars.Found
    limits : (float, float)
        Least NHI and confidence of an absorber in DLACAT.
    balmask : bool
        Mask broad absorption troughs.
    pictures : dict
        Path -> how the names of its pictures begin. Files without get none.
    """

    def __init__(self, load, quasars, limits, balmask, pictures):
        self._load = load
        self._quasars = quasars
        self._limits = limits
        self._balmask = balmask
        self._pictures = pictures

    def __call__(self, path):
        """Return the absorbers and sightlines of a file as a `Result`."""
        from ..io.read import read_spectra

        spectra = read_spectra(path)
        size = len(spectra)
        chosen = self._quasars.choose(spectra)
        spectra = spectra[chosen.rows]
        spectra, absorbers, sightlines = self._search(spectra, chosen)
        parts = parts_of(absorbers, sightlines, chosen.known, self._limits)
        if path in self._pictures:
            self._plot(spectra, absorbers, parts, self._pictures[path])
        counts = {"spectra": size, self._quasars.others: chosen.others, **_counts(parts)}
        return Result(parts, counts)

    def _search(self, spectra, chosen):
        """Return the spectra as they were searched, and what was found."""
        from ..finders.absorbers import ABSORBER, SIGHTLINE
        from ..finders.troughs import mark_troughs, mask_troughs

        if not len(spectra):
            return spectra, np.empty(0, ABSORBER), np.empty(0, SIGHTLINE)
        z = chosen.known["Z"]
        if self._balmask:
            spectra = mask_troughs(spectra, z, *chosen.troughs)
        absorbers, sightlines = self._load().search(spectra, z)
        if chosen.troughs is not None:
            mark_troughs(absorbers, sightlines, z, *chosen.troughs, masked=self._balmask)
        return spectra, absorbers, sightlines

    def _plot(self, spectra, absorbers, parts, pictures):
        """Draw the sightlines with DLAs; a picture that fails costs nothing but itself."""
        from .dla_plots import plot_sightline

        for row in np.flatnonzero(parts["sightlines"]["NDLA"]):
            targetid = int(spectra.targetid[row])
            path = f"{pictures}-{row:04d}.png" if targetid < 0 else f"{pictures}-{targetid}.png"
            here = absorbers["ROW"] == row
            one = slice(int(row), int(row) + 1)
            try:
                plot_sightline(
                    path,
                    spectra[one],
                    parts["sightlines"][row],
                    absorbers[here],
                    parts["absorbers"]["ACCEPTED"][here],
                    self._load(),
                    self._limits[1],
                )
            except Exception as error:  # whatever it is, the file's results are worth more
                get_logger().error("%s: no picture: %s", path, error)


def _counts(parts):
    from ..finders.absorbers import NOT_SEARCHED

    lines = parts["sightlines"]
    return {
        "quasars": len(lines),
        "not searched": int(((lines["SIGHTLINE_FLAG"] & int(NOT_SEARCHED)) != 0).sum()),
        "DLAs": int(lines["NDLA"].sum()),
        "candidates": int(lines["NCANDIDATES"].sum()),
    }


def _write(options, infiles, quasars, cards, results):
    """Write the catalogue: what was found in all files, in the order of the command line."""
    from ..io.tables import write_tables

    parts = [result and result.arrays for result in results]
    tables, counts, rows = tables_of(parts, quasars.missing)
    others = sum(result.counts[quasars.others] for result in results if result)
    counts["NOCAT"] = (others, f"spectra that are {quasars.others}")
    ready = {name: (table, flag_cards(FLAGS[name])) for name, table in tables.items()}
    ready["INFILES"] = (infiles_table(infiles, [part is not None for part in parts], rows), {})
    write_tables(options.outfile, ready, {**cards, **counts}, COLUMNS, options.overwrite)
    _tell(options, counts, quasars.others)


def _tell(options, counts, others):
    """Say what the catalogue has, and what did not match."""
    number = {name: value for name, (value, _) in counts.items()}
    said = {
        "quasars": number["NQSO"],
        "searched": number["NSEARCH"],
        "DLAs": number["NDLA"],
        "candidates": number["NCAND"],
    }
    log = get_logger()
    log.info("%s: %s", options.outfile, words(said))
    log.info("%d spectra are %s", number["NOCAT"], others)
    if number["NREPEAT"]:
        log.warning(
            "%d quasars are in several files; the first that was searched is used",
            number["NREPEAT"],
        )
    if number["NOSPEC"]:
        text = "%d of %d quasars asked for have no spectrum in these files (NO_SPECTRUM)"
        log.warning(text, number["NOSPEC"], number["NQSO"])


def _cards(options, load, limits):
    """Return what the header says of how the catalogue was made."""
    from ..io.absorbers import THRESHOLD_KEY
    from ..io.catalogs import provenance

    cards = provenance(load().network.header, path=load.path)
    cards["MIN_NHI"] = (limits[0], "least NHI in DLACAT")
    cards[THRESHOLD_KEY] = (limits[1], "least confidence in DLACAT")
    cards["ZQSO_MIN"] = (options.zmin, "least redshift of a quasar")
    if options.zmax is not None:
        cards["ZQSO_MAX"] = (options.zmax, "greatest redshift of a quasar")
    cards["BALMASK"] = (options.balmask, "broad absorption was masked")
    source = next((name for name in CATALOGUE_OPTIONS if getattr(options, name)), "network qso")
    cards["QSOFROM"] = (source, "who says what is a quasar")
    if options.qsocat:
        first, more = os.path.basename(options.qsocat[0]), len(options.qsocat) - 1
        text = "catalogue of quasars" + (f", and {more} more" if more else "")
        cards["QSOCAT"] = (first, text)
    return cards


def prompt_main():
    """Run as a program; return the exit status."""
    return prompt.run(main, parse())


if __name__ == "__main__":
    # Under its own name: other processes could not import a class of __main__.
    from . import desi_find_dla

    sys.exit(desi_find_dla.prompt_main())

"""desi_find_cosmics: cosmic rays, marked in the MASK of preprocessed CCD images."""

import argparse
import functools
import os
import sys
from typing import NamedTuple

import numpy as np

from ..finders.ray_groups import measure_rays
from ..log import get_logger
from . import prompt, runner
from .cosmics_catalog import Catalog, rows_of
from .cosmics_copies import Settings, checked_copies, marks_cards, network_cards
from .cosmics_networks import Networks
from .crew import Result
from .pictures import picture_names
from .progress import words

OUTPUT = """\
Each input gets a copy in which only MASK is changed: pixels that a cosmic ray hit have
the bit COSMIC (16), and MASK's header says which network found them, and how. Pixels
that are masked already, by another bit or by an ivar that is not above 0, tell nothing
and are not searched. OUT is a file if there is one input and OUT ends in .fits or
.fits.gz; else it is a folder, made where it is missing, for copies of the same names.
With --catalog there is a table, too, with a row for every ray: marked pixels that touch."""

RESUME = "skip inputs whose copies are there, made by the same network and options"


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
        prog="desi_find_cosmics",
        description="Mark cosmic rays in preprocessed CCD images of DESI.",
        epilog=OUTPUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser.add_argument)
    runner.add_options(parser, resume=RESUME)
    prompt.add_common(parser)
    found = parser.parse_args(options)
    if found.grow < 0:
        parser.error(f"argument --grow: expected 0 or more pixels, found {found.grow}")
    return found


def _add_options(add):
    add(
        "-i",
        "--infiles",
        nargs="+",
        action="extend",
        required=True,
        metavar="FILE",
        help="preproc files, .fits or .fits.gz",
    )
    add("-o", "--output", required=True, metavar="OUT", help="folder for the copies, or a file")
    add(
        "-m",
        "--model",
        metavar="WEIGHTS",
        help="weights file (.npz; see desinn convert) or name, for all CCDs (default: cosmics-b, "
        "cosmics-r or cosmics-z, by CAMERA and CCDTYPE)",
    )
    add(
        "--threshold",
        type=prompt.fraction,
        metavar="P",
        help="mark pixels of a larger probability (default: the weights file's own)",
    )
    add(
        "--grow",
        type=int,
        default=0,
        metavar="N",
        help="mark N pixels around those found, too (default: 0)",
    )
    add("--reset", action="store_true", help="take away what was marked as COSMIC before")
    add("--catalog", metavar="FILE", help="write a table of all rays, too (FITS)")
    add("--plot", metavar="DIR", help="draw every image with its marks into DIR")
    add("--overwrite", action="store_true", help="replace existing copies, and the table")


def main(args=None, comm=None):
    """Mark the cosmic rays in copies of all files.

    Parameters
    ----------
    args : argparse.Namespace or list of str, optional
        Options, parsed or not; without them the command line's.
    comm : mpi4py.MPI.Comm, optional
        Of the program that this runs in: every rank calls, rank 0 shares out the files.

    Returns
    -------
    int
        0, or 1 where some files could not be used: they are named in the log, and have no copy.
        The same on every rank.

    Raises
    ------
    OSError, ValueError
        If a copy or the table cannot be written, or no input can be used; on every rank.
    """
    options = args if isinstance(args, argparse.Namespace) else parse(args)
    return runner.run(options, _prepare, comm)


def _prepare(options):
    """Check what can be checked before the work; return what there is to do."""
    networks = Networks(options.model).load_all()
    settings = Settings(options.threshold, options.grow, options.reset)
    infiles = list(dict.fromkeys(options.infiles))
    copies, counts = checked_copies(options, infiles, networks, settings)
    catalog = Catalog(options, copies, networks, settings) if options.catalog else None
    pictures = picture_names(options.plot, infiles, "cosmics")
    wanted = {path: copy for path, copy in copies.items() if path not in counts}
    work = MarkRays(networks, settings, wanted, pictures, options.overwrite, catalog)
    before = _done_before(counts, catalog)
    finish = functools.partial(_finish, options.output, infiles, catalog)
    folders = {*map(os.path.dirname, copies.values()), options.plot}
    folders |= catalog.folders if catalog else set()
    return runner.Task(infiles, work, finish, options.output, {}, tuple(folders), before.get)


def _done_before(counts, catalog):
    """Return path -> result of those inputs of which the copy is there, and the rays if wanted."""
    if catalog is None:
        return {path: Result({}, one) for path, one in counts.items()}
    kept = {path: catalog.parts.find(path) for path in counts}
    before = {path: result for path, result in kept.items() if result}
    if len(before) < len(kept):
        text = "%d copies are there without their rays: searched again for the table"
        get_logger().warning(text, len(kept) - len(before))
    return before


class Seen(NamedTuple):
    """What there is to say of an image: (Y, X) each.

    Parameters
    ----------
    bad : numpy.ndarray
        bool, tells nothing.
    probability : numpy.ndarray
        float32.
    found, marked : numpy.ndarray
        bool, above the threshold; the same after growing.
    """

    bad: np.ndarray
    probability: np.ndarray
    found: np.ndarray
    marked: np.ndarray


class MarkRays:
    """The work on one file.

    Parameters
    ----------
    networks : desinn.scripts.cosmics_networks.Networks
    settings : desinn.scripts.cosmics_copies.Settings
    copies : dict
        Path -> copy to write. Files without have one: their rays alone are wanted.
    pictures : dict
        Path -> how the name of its picture begins. Files without get none.
    overwrite : bool
        Replace existing copies.
    catalog : desinn.scripts.cosmics_catalog.Catalog, optional
        Where the rays are to be in a table: with ``parts``, in which they are kept meanwhile.
    """

    def __init__(self, networks, settings, copies, pictures, overwrite, catalog=None):
        self._networks = networks
        self._settings = settings
        self._copies = copies
        self._pictures = pictures
        self._overwrite = overwrite
        self._lists = catalog is not None
        self._parts = catalog.parts if catalog else None

    def __call__(self, path):
        """Write the copy of a file; return a `Result` that counts, and has the rays if wanted."""
        from ..io.preproc import read_preproc, with_cosmics
        from ..spectra.container import naming

        about = self._parts and self._parts.about(path)
        frame = read_preproc(path)
        with naming(path):
            network = self._networks.name(frame.camera, frame.header)
            load = self._networks.of(frame.camera, frame.header)
            seen = self._search(path, frame, load())
        cards = {**network_cards(load, self._settings), **marks_cards(seen.marked)}
        if path in self._copies:
            copy, reset = self._copies[path], self._settings.reset
            with_cosmics(path, copy, seen.marked, cards, reset, self._overwrite)
        result = Result({}, {"pixels marked": cards["CRNPIX"][0]})
        if self._lists or path in self._pictures:
            rays = measure_rays(frame.image, seen.probability, seen.found, seen.bad)
            if path in self._pictures:
                self._plot(path, frame, seen, rays, cards)
            if self._lists:
                result.arrays.update(rows=rows_of(frame, rays), network=np.array(network))
                result.counts["rays"] = len(rays)
        if self._parts:
            self._parts.keep(path, about, result)
        return result

    def _search(self, path, frame, finder):
        from ..finders.ccds import grown, no_good
        from ..io.preproc import COSMIC

        bad = no_good(frame.mask, frame.ivar, COSMIC)
        lost = np.count_nonzero(~np.isfinite(frame.image) & ~bad)
        if lost:
            text = "%s: %d pixels that are not finite are treated as masked"
            get_logger().warning(text, path, lost)
        if bad.all():
            get_logger().warning("%s: all pixels are masked: nothing to search", path)
        probability = finder.probability(frame.image, bad)
        least = self._settings.threshold
        found = probability > (finder.threshold if least is None else least)
        return Seen(bad, probability, found, grown(found, self._settings.grow))

    def _plot(self, path, frame, seen, rays, cards):
        """Draw the image; a picture that fails costs nothing but itself."""
        from .cosmics_plots import plot_marks

        picture = f"{self._pictures[path]}.png"
        title = (
            f"{os.path.basename(path)}: camera {frame.camera}, {cards['MODEL'][0]} at "
            f"{cards['CRTHRESH'][0]:g}, {cards['CRNPIX'][0]} pixels marked "
            f"({100 * cards['CRFRAC'][0]:.3g} %)"
        )
        try:
            noise = float(np.median(frame.readnoise))
            plot_marks(picture, frame.image, seen.marked, seen.bad, noise, rays, title)
        except Exception as error:  # whatever it is, the copy is there
            get_logger().error("%s: no picture: %s", picture, error)


def _finish(output, infiles, catalog, results):
    """Write the table of rays if one is wanted; say what was written."""
    done = [result.counts for result in results if result]
    said = {"images": len(done), "pixels marked": sum(one["pixels marked"] for one in done)}
    if catalog:
        said["rays"] = catalog.write(infiles, results)
    get_logger().info("%s: %s", output, words(said))


def prompt_main():
    """Run as a program; return the exit status."""
    return prompt.run(main, parse())


if __name__ == "__main__":
    # Under its own name: other processes could not import a class of __main__.
    from . import desi_find_cosmics

    sys.exit(desi_find_cosmics.prompt_main())

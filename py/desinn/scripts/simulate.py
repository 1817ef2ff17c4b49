"""desinn simulate: spectra as DESI or BOSS would see them, with their truth."""

import os

import numpy as np

from ..log import get_logger
from . import prompt

DESCRIPTION = """\
Make spectra of quasars, stars, galaxies and empty sky, and write them as a coadd.

The truth (class, redshift, S/N, broad absorption, largest HI column) is in an HDU
of its own. The same seed and recipe give the same spectra, whatever --nproc.

redrock's templates make stars and galaxies like the real ones: --templates DIR, or
the environment variable RR_TEMPLATE_DIR. Without them all is parametric."""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("kind", choices=("qso",), help="what it is for: qso, the targets of a quasar survey")
    add("-n", "--spectra", type=prompt.count, metavar="N", help="spectra in a file (default: 500)")
    add("--seed", type=int, metavar="S", help="seed (default: 1)")
    add("-o", "--outfile", required=True, metavar="FILE", help="coadd to write (FITS)")
    add(
        "--files",
        type=prompt.count,
        metavar="N",
        help="write N files, FILE-0, FILE-1 ..., with seeds S, S+1 ... (default: one, FILE)",
    )
    add(
        "--recipe",
        metavar="YAML",
        help="what is simulated: a file, or qso-test, qso-test-shifted",
    )
    add("--instrument", choices=("desi", "boss"), help="who observes (default: desi)")
    add("--templates", metavar="DIR", help="folder of redrock's templates; none: do without")
    add("--nproc", type=prompt.count, default=1, metavar="N", help="processes (default: 1)")
    add("--no-resolution", action="store_true", help="leave the large resolution matrices out")
    add("--overwrite", action="store_true", help="replace an existing output")


def main(options):
    """Write the spectra.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.
    """
    from ..files import check_output
    from ..simulate.parallel import in_processes
    from ..simulate.survey import make_survey, observe_chunk

    recipe = _recipe(options)
    names = _names(options.outfile, recipe.files)
    for name in names:
        check_output(name, options.overwrite, filter(None, [options.recipe]))
    settings = (recipe.settings, read_templates(options.templates), recipe.instrument)
    with in_processes(make_survey, settings, options.nproc) as run:
        for number, name in enumerate(names):
            seed = recipe.seed + number
            spectra, truth = _one_file(run, observe_chunk, seed, recipe.spectra)
            _write(name, spectra, truth, options)
    return 0


def _recipe(options):
    """Return the recipe, with what the options say in its place."""
    import dataclasses

    from ..simulate.recipe import SimulationRecipe, read_recipe
    from ..simulate.survey import SurveySettings

    recipe = (
        SimulationRecipe(SurveySettings())
        if options.recipe is None
        else read_recipe(options.recipe)
    )
    given = {key: getattr(options, key) for key in ("seed", "spectra", "files", "instrument")}
    return dataclasses.replace(recipe, **{k: v for k, v in given.items() if v is not None})


def _names(outfile, files):
    if files == 1:
        return [outfile]
    packed = ".gz" if outfile.endswith(".gz") else ""
    stem, suffix = os.path.splitext(outfile.removesuffix(packed))
    return [f"{stem}-{number}{suffix}{packed}" for number in range(files)]


def read_templates(folder):
    """Return redrock's templates, or None where there are none.

    Parameters
    ----------
    folder : str or None
        ``none`` does without; None takes $RR_TEMPLATE_DIR if it is set.

    Returns
    -------
    dict or None
        Of `desinn.io.templates.read_templates`.
    """
    from ..io import templates

    if folder is None:
        folder = os.environ.get("RR_TEMPLATE_DIR")
        if folder is None:
            get_logger().warning(
                "no templates (--templates, RR_TEMPLATE_DIR): stars and galaxies are parametric"
            )
    return None if folder in (None, "none") else templates.read_templates(folder)


def _one_file(run, work, seed, size):
    from ..simulate.survey import chunks, join_spectra

    parts, done = [], 0
    for part in run(work, chunks(seed, size)):
        parts.append(part)
        done += len(part[1])
        get_logger().info("simulated %d of %d spectra", done, size)
    return join_spectra(parts)


def _write(path, spectra, truth, options):
    from ..io.desi_tables import coadd_tables
    from ..io.desi_write import TRUTH_HDU, write_coadd

    if options.no_resolution:
        for camera in spectra.cameras.values():
            camera.resolution = None
    sky = truth["TRUESPECTYPE"] == "SKY"
    tables = coadd_tables(spectra.targetid, np.where(sky, "SKY", "TGT"))
    spectra.fibermap = tables.pop("FIBERMAP")
    write_coadd(path, spectra, {**tables, TRUTH_HDU: truth}, options.overwrite)
    get_logger().info("%s: %d spectra", path, len(spectra))

"""desinn simulate: spectra and CCD images as DESI would see them, with their truth."""

import os

import numpy as np

from ..log import get_logger
from . import prompt, simulate_cosmics
from .kinds import settle

DESCRIPTION = """\
Make spectra and write them as a coadd: of quasars, stars, galaxies and empty sky
(qso), or of quasars beyond z = 2 with absorbers before them (dla). Or make CCD images
with cosmic rays (cosmics), and write them as preproc files.

The truth (class, redshift, S/N, broad absorption, largest HI column) is in an HDU
of its own. With dla, FILE-truth.fits has all absorbers (DLA_META) and the quasar
catalogue (ZCATALOG), its redshifts with errors. The same seed and recipe give the
same spectra, whatever --nproc.

redrock's templates make stars and galaxies like the real ones: --templates DIR, or
the environment variable RR_TEMPLATE_DIR. Without them all is parametric.

cosmics: files preproc-CAMERA-EXPID.fits in the folder DIR, with the truth in further
HDUs: which pixels (TRUTH), which rays (RAYS), what each left where (RAYPIX)."""

SPECTRA_DEFAULTS = {"files": None, "instrument": None, "templates": None, "no_resolution": False}
"""Options for spectra alone."""

DEFAULTS = {
    "qso": SPECTRA_DEFAULTS,
    "dla": SPECTRA_DEFAULTS,
    "cosmics": simulate_cosmics.DEFAULTS,
}


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add(
        "kind",
        choices=tuple(DEFAULTS),
        help="what it is for: qso, the targets of a quasar survey; dla, sightlines; cosmics, "
        "CCD images",
    )
    add("-n", "--spectra", type=prompt.count, metavar="N",
        help="spectra in a file; with cosmics, images (default: the recipe's, else 500, "
        "or 1)")  # fmt: skip
    add("--seed", type=prompt.whole, metavar="S",
        help="of the random numbers (default: the recipe's, else 1)")  # fmt: skip
    add("-o", "--outfile", required=True, metavar="FILE",
        help="coadd to write (FITS); with cosmics, a folder")  # fmt: skip
    add(
        "--recipe",
        metavar="YAML",
        help="what is simulated: a file, or qso-test, qso-test-shifted, dla-test, "
        "dla-test-boosted, dla-test-shifted, cosmics-test, cosmics-test-shifted, "
        "qso-calibration, dla-calibration",
    )
    add("--nproc", type=prompt.count, default=1, metavar="N", help="processes (default: 1)")
    add("--overwrite", action="store_true", help="replace an existing output")
    _add_spectra_options(parser.add_argument_group("qso and dla only").add_argument)
    simulate_cosmics.add_options(parser.add_argument_group("cosmics only"))


def _add_spectra_options(add):
    add(
        "--files",
        type=prompt.count,
        metavar="N",
        help="write N files, FILE-0, FILE-1 ..., with seeds S, S+1 ... (default: the "
        "recipe's, else one, FILE)",
    )
    add(
        "--instrument",
        choices=("desi", "boss"),
        help="who observes (default: the recipe's, else desi)",
    )
    add("--templates", metavar="DIR", help="folder of redrock's templates; none: do "
        "without (default: $RR_TEMPLATE_DIR)")  # fmt: skip
    add("--no-resolution", action="store_true", default=None,
        help="leave the large resolution matrices out")  # fmt: skip


def main(options):
    """Write the spectra, or the images.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.
    """
    settle(options, DEFAULTS, simulate_cosmics.CALLED)
    return simulate_cosmics.main(options) if options.kind == "cosmics" else _spectra(options)


def _spectra(options):
    from ..files import check_output
    from ..simulate.parallel import in_processes

    recipe = _recipe(options)
    make, work = _maker(options.kind)
    names = _names(options.outfile, recipe.files)
    for name in names:
        check_output(name, options.overwrite, filter(None, [options.recipe]))
        if options.kind == "dla":
            check_output(_truth_name(name), options.overwrite)
    settings = (recipe.settings, read_templates(options.templates), recipe.instrument)
    with in_processes(make, settings, options.nproc) as run:
        for number, name in enumerate(names):
            parts = _one_file(run, work, recipe.seed + number, recipe.spectra)
            _write(name, parts, options)
    return 0


def _maker(kind):
    """Return what each process makes first, and what it does then."""
    from ..simulate import sightlines, survey

    return {
        "qso": (survey.make_survey, survey.observe_chunk),
        "dla": (sightlines.make_sightlines, sightlines.observe_sightlines),
    }[kind]


def _recipe(options):
    """Return the recipe, with what the options say in its place."""
    import dataclasses

    from ..simulate.recipe import KINDS, SimulationRecipe, read_recipe

    kind = KINDS[options.kind]
    recipe = SimulationRecipe(kind()) if options.recipe is None else read_recipe(options.recipe)
    if not isinstance(recipe.settings, kind):
        raise ValueError(f"{options.recipe}: expected a recipe of kind {options.kind}")
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
    from ..simulate.survey import chunks

    parts, done = [], 0
    for part in run(work, chunks(seed, size)):
        parts.append(part)
        done += len(part[1])
        get_logger().info("simulated %d of %d spectra", done, size)
    return parts


def _write(path, parts, options):
    from ..io.desi_tables import coadd_tables
    from ..io.desi_write import TRUTH_HDU, write_coadd
    from ..simulate.survey import join_spectra

    spectra, truth = join_spectra([part[:2] for part in parts])
    if options.no_resolution:
        for camera in spectra.cameras.values():
            camera.resolution = None
    sky = truth["TRUESPECTYPE"] == "SKY"
    tables = coadd_tables(spectra.targetid, np.where(sky, "SKY", "TGT"))
    spectra.fibermap = tables.pop("FIBERMAP")
    more = [np.concatenate(column) for column in zip(*(part[2:] for part in parts), strict=True)]
    if more:
        _write_truth(_truth_name(path), spectra.fibermap, *more, options.overwrite)
    write_coadd(path, spectra, {**tables, TRUTH_HDU: truth}, options.overwrite)
    get_logger().info("%s: %d spectra", path, len(spectra))


def _truth_name(path):
    """Return the name of the file that the truth on absorbers is in, beside the spectra.

    Not among them: desispec takes an HDU of the name DLA_META for a camera's.
    """
    stem, suffix = os.path.splitext(path.removesuffix(".gz"))
    return f"{stem}-truth{suffix}"


def _write_truth(path, fibermap, catalog, meta, overwrite):
    from ..io.tables import write_tables

    for name in ("TARGET_RA", "TARGET_DEC"):
        catalog[name] = fibermap[name]
    write_tables(path, {"ZCATALOG": (catalog, {}), "DLA_META": (meta, {})}, overwrite=overwrite)

"""desinn simulate cosmics: CCD images with cosmic rays, and what is true of each pixel."""

import glob
import json
import os
import time
from dataclasses import asdict, fields, replace

from ..log import get_logger
from . import prompt
from .progress import Progress

DEFAULTS = {"arm": None, "exposure": None, "seconds": None, "shape": None, "psf": ()}
"""Options for images alone."""

CALLED = {"exposure": "kind"}
"""What the user calls an option: `kind` is what is simulated."""

_OF_A_SEED = 100_000  # exposure numbers in EXPID, below three digits of the seed
_ARMS = ("b", "r", "z")
_KINDS = ("science", "twilight", "arc", "flat", "dark", "bias")


def add_options(parser):
    """Add the options for images alone; without them they are None.

    Parameters
    ----------
    parser : argparse.ArgumentParser or one of its groups
    """
    add = parser.add_argument
    add("--arm", choices=_ARMS, help="of the spectrographs (default: the recipe's, else any)")
    add("--kind", dest="exposure", choices=_KINDS,
        help="of all exposures (default: the recipe's, else any)")  # fmt: skip
    add("--seconds", type=prompt.positive, metavar="T",
        help="exposure time in s of all but bias (default: the recipe's, else drawn)")  # fmt: skip
    add("--shape", type=prompt.count, nargs=2, metavar=("Y", "X"),
        help="pixels, cut out of the CCD anywhere (default: the recipe's, else all)")  # fmt: skip
    add("--psf", nargs="+", metavar="FILE", help="psf files of DESI, at most one for an arm "
        "(default: traces and widths from formulas)")  # fmt: skip


def main(options):
    """Write the images.

    Parameters
    ----------
    options : argparse.Namespace
        Settled (`desinn.scripts.kinds.settle`).

    Returns
    -------
    int
        The exit status.
    """
    from ..simulate.parallel import in_processes

    recipe = recipe_of(options)
    psfs = read_psfs(options.psf)
    _check_folder(options, recipe)
    about = os.path.basename(options.recipe) if options.recipe else "none"
    arguments = (recipe, psfs, options.outfile, about, options.overwrite)
    progress = Progress(recipe.frames)
    try:
        with in_processes(FrameWriter, arguments, options.nproc) as run:
            for path, counts, seconds in run(FrameWriter.write, range(recipe.frames)):
                progress.done(path, counts, seconds)
    finally:
        progress.close()
    get_logger().info("%s: %d images", options.outfile, recipe.frames)
    return 0


def recipe_of(options):
    """Return the recipe, with what the options say in its place.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    desinn.simulate.cosmic_recipe.CosmicsRecipe
    """
    from ..simulate.cosmic_recipe import CosmicsRecipe, read_cosmics_recipe

    recipe = CosmicsRecipe() if options.recipe is None else read_cosmics_recipe(options.recipe)
    settings = {}
    if options.shape is not None:
        settings["shape"] = tuple(options.shape)
    if options.seconds is not None:
        exposed = [kind for kind in _KINDS if kind != "bias"]
        times = dict.fromkeys(exposed, (options.seconds, options.seconds))
        settings["seconds"] = {**recipe.settings.seconds, **times}
    changes = {
        "settings": replace(recipe.settings, **settings),
        "seed": options.seed,
        "frames": options.spectra,
        "arms": options.arm and (options.arm,),
        "exposures": options.exposure and (options.exposure,),
    }
    return replace(recipe, **{key: v for key, v in changes.items() if v is not None})


def read_psfs(paths):
    """Read psf files.

    Parameters
    ----------
    paths : sequence of str

    Returns
    -------
    dict
        Arm -> what `desinn.io.psf.read_psf` returns.

    Raises
    ------
    ValueError
        If a file is of no arm, or two of the same.
    """
    from ..io.psf import read_psf

    psfs = {}
    for path in paths:
        psf = read_psf(path)
        arm = psf["camera"][:1]
        if arm not in _ARMS or arm in psfs:
            found = f"a second one of {arm}" if arm in psfs else repr(psf["camera"])
            raise ValueError(f"{path}: expected a camera of one of b, r, z each, found {found}")
        psfs[arm] = psf
    return psfs


def expid_of(seed, number):
    """Return the number of an exposure, of eight digits: three of the seed, five of its own.

    Parameters
    ----------
    seed, number : int

    Returns
    -------
    int

    Examples
    --------
    >>> expid_of(20261503, 12)
    50300012
    """
    return seed % 1000 * _OF_A_SEED + number


def _check_folder(options, recipe):
    """Make the folder; raise if there is something in it that would be replaced."""
    folder = options.outfile
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"{folder}: is a file, expected a folder for the images")
    os.makedirs(folder, exist_ok=True)
    for number in range(0 if options.overwrite else recipe.frames):
        name = f"preproc-*-{expid_of(recipe.seed, number):08d}.fits*"
        found = sorted(glob.glob(os.path.join(glob.escape(folder), name)))
        if found:
            raise FileExistsError(f"{found[0]}: exists already; --overwrite replaces it")


class FrameWriter:
    """Simulates exposures and writes each to its file.

    Parameters
    ----------
    recipe : desinn.simulate.cosmic_recipe.CosmicsRecipe
    psfs : dict
        Arm -> psf.
    folder : str
    about : str
        Name of the recipe, for the header.
    overwrite : bool
    """

    def __init__(self, recipe, psfs, folder, about, overwrite):
        self._recipe, self._psfs, self._folder = recipe, psfs, folder
        self._about, self._overwrite = about, overwrite

    def write(self, number):
        """Simulate and write one exposure.

        Parameters
        ----------
        number : int

        Returns
        -------
        path : str
        counts : dict
            What is in it.
        seconds : float
            What it took.
        """
        from ..io.ccd_truth import CcdTruth, truth_bits, write_ccd_truth
        from ..io.preproc import Preproc

        start = time.monotonic()
        made = self._recipe.expose(number, self._psfs)
        expid = expid_of(self._recipe.seed, number)
        header = {**made.header, "EXPID": expid}
        frame = Preproc(made.image, made.ivar, made.mask, made.readnoise, header)
        bits = truth_bits(made.truth, made.charge, made.lines, made.traces)
        rays = made.rays
        cards = {**self._provenance(number), **made.header, "EXPID": expid}
        truth = CcdTruth(bits, rays.table, rays.ray, rays.pixel, rays.electrons, cards)
        path = os.path.join(self._folder, f"preproc-{frame.camera}-{expid:08d}.fits")
        write_ccd_truth(path, frame, truth, self._overwrite)
        return path, {"images": 1, "rays": len(rays)}, time.monotonic() - start

    def _provenance(self, number):
        recipe = self._recipe
        settings = recipe.settings_of(number)
        said = {part.name: getattr(settings, part.name) for part in fields(settings)}
        return {
            "SEED": (recipe.seed, "of the set"),
            "NUMBER": (number, "of the exposure in the set"),
            "RECIPE": (self._about, "what was simulated"),
            "PSF": (
                ",".join(psf["camera"] for psf in self._psfs.values()) or "none",
                "cameras of psf files; others by formulas",
            ),
            "SETTINGS": json.dumps(said, separators=(",", ":")),
            "RAYS": json.dumps(asdict(recipe)["rays"], separators=(",", ":")),
        }

"""desinn extract-cosmics: cosmic rays out of real dark exposures, to plant them elsewhere."""

import functools
import os

import numpy as np

from ..log import get_logger
from . import prompt
from .turns import in_turn, status

DESCRIPTION = """\
Cut the cosmic rays out of dark exposures (preproc files), and write them to one file
from which training plants them into other images.

A pixel above --seed electrons is that of a ray, which reaches over all pixels above
--level times the noise that touch one another. The noise is the file's READNOISE. What
touches a masked pixel is left out; the bit COSMIC is no mask here. Take darks of CCDs
of one kind: tracks in thin and in thick ones differ."""

_UNLIKE = "the darks are of CCDs for several networks (%s): tracks in them differ"


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    from ..simulate.real_rays import LEVEL, SEED

    add = parser.add_argument
    add("infiles", nargs="+", metavar="DARK", help="preproc file of a dark exposure")
    add("-o", "--outfile", required=True, metavar="FILE", help="file of rays to write (.npz)")
    add(
        "--seed",
        type=prompt.positive,
        default=SEED,
        metavar="E",
        help=f"electrons that a ray has in one pixel at least (default: {SEED:g})",
    )
    add(
        "--level",
        type=prompt.positive,
        default=LEVEL,
        metavar="N",
        help=f"down to how many times the noise it is followed (default: {LEVEL:g})",
    )
    add(
        "--noise",
        type=prompt.positive,
        metavar="E",
        help="noise of a pixel in electrons (default: READNOISE of each file)",
    )
    add("--overwrite", action="store_true", help="replace an existing output")


def main(options):
    """Write the rays of all darks.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status: 1 where some files could not be used.

    Raises
    ------
    OSError, ValueError
        If the output cannot be written, or no file could be used, or there is no ray in them.
    """
    from ..files import check_output
    from ..io.rays import write_rays

    if not options.outfile.endswith(".npz"):
        raise ValueError(f"{options.outfile}: expected a name that ends in .npz")
    paths = list(dict.fromkeys(options.infiles))
    check_output(options.outfile, options.overwrite, paths)
    found = in_turn(paths, functools.partial(_rays_of, options))
    rays = [ray for some, _ in found.values() for ray in some]
    darks = [dark for _, dark in found.values()]
    if not rays:
        raise ValueError(f"no ray in {len(darks)} darks; a --seed below {options.seed:g} finds "
                         "fainter ones")  # fmt: skip
    networks = sorted({dark["network"] for dark in darks})
    if len(networks) > 1:
        get_logger().warning(_UNLIKE, ", ".join(networks))
    header = {"seed": options.seed, "level": options.level, "noise": options.noise, "darks": darks}
    write_rays(options.outfile, rays, header, options.overwrite)
    seconds = sum(dark["seconds"] or 0 for dark in darks)
    text = "%s: %d rays of %d darks, %.0f s in all"
    get_logger().info(text, options.outfile, len(rays), len(darks), seconds)
    return status(paths, found)


def _rays_of(options, path):
    """Return the rays of a dark and where they come from; and counts for the log."""
    from ..finders.ccds import network_for, no_good
    from ..io.preproc import COSMIC, read_preproc
    from ..simulate.real_rays import extract_rays
    from ..spectra.container import naming

    dark = read_preproc(path)
    bad = no_good(dark.mask, dark.ivar, COSMIC)
    noise = dark.readnoise if options.noise is None else options.noise
    with naming(path):
        network = network_for(dark.camera, dark.header)
        rays = extract_rays(dark.image, noise, options.seed, options.level, bad)
    seconds = dark.header.get("EXPTIME")
    about = {
        "file": os.path.basename(path),
        "camera": dark.camera,
        "network": network,
        "seconds": float(seconds) if isinstance(seconds, int | float) else None,
        "pixels": int(np.count_nonzero(~bad)),
        "rays": len(rays),
    }
    return (rays, about), {"rays": len(rays)}

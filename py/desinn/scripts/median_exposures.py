"""desinn median-exposures: an image without cosmic rays, out of several of the same field."""

import os
from typing import NamedTuple

import numpy as np

from ..log import get_logger
from .turns import in_turn, status

DESCRIPTION = """\
Write the median of exposures of the same field with the same CCD (preproc files): an
image that no cosmic ray survives, for training to plant rays into.

Masked pixels, those with the bit COSMIC among them, are left out. The output is a preproc
file: IMAGE the median, IVAR that of the median, MASK 1 where no exposure has the pixel,
READNOISE the mean of the exposures', and in the HDU EXPIVAR the median of their ivars: how
noisy a single one of them is. Exposures should be of equal length and sky."""

FEWEST = 3
"""Of two exposures the median is the mean: a ray in one of them stays."""

TYPICAL = "EXPIVAR"
"""HDU of the median of the exposures' own ivar."""

_BAD = 1  # desispec's ccdmask.BAD
_PIXELS = 1 << 27  # of all exposures at a time: 1 GB of images and ivars
_ALIKE = 0.01  # exposure times may differ by so much


class Known(NamedTuple):
    """What is known of an exposure.

    Parameters
    ----------
    header : dict
    camera : str
    shape : tuple of int
        (Y, X).
    """

    header: dict
    camera: str
    shape: tuple


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("infiles", nargs="+", metavar="PREPROC", help=f"preproc file; {FEWEST} or more")
    add("-o", "--outfile", required=True, metavar="FILE", help="preproc file to write")
    add("--overwrite", action="store_true", help="replace an existing output")


def main(options):
    """Write the median of all exposures.

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
        If the output cannot be written, there are too few exposures, or they are not of one CCD.
    """
    from ..files import check_output

    paths = list(dict.fromkeys(options.infiles))
    check_output(options.outfile, options.overwrite, paths)
    _check_number(len(paths))
    found = in_turn(paths, _look)
    _check_number(len(found))
    _check_alike(found)
    used = list(found)
    shape = found[used[0]].shape
    step = max(_PIXELS // (len(used) * shape[1]), 1)
    median, readnoise = _median(used, shape[0], step)
    _write(options, used, found[used[0]].header, median, readnoise)
    text = "%s: median of %d exposures; %d pixels are in none of them"
    get_logger().info(text, options.outfile, len(used), np.count_nonzero(median.ivar == 0))
    return status(paths, found)


def _check_number(number):
    if number < FEWEST:
        raise ValueError(f"expected {FEWEST} different exposures or more, found {number} that can "
                         "be used: a ray survives the median of fewer")  # fmt: skip


def _look(path):
    """Return what is known of an exposure; and counts for the log."""
    from ..io.preproc import read_preproc

    frame = read_preproc(path)
    known = Known(frame.header, frame.camera, frame.image.shape)
    return known, {"masked pixels": int(np.count_nonzero(frame.mask))}


def _check_alike(found):
    """Raise unless all exposures are of the same CCD; warn if they are not equally long."""
    (first, one), *others = found.items()
    for path, other in others:
        if other[1:] != one[1:]:
            expected = f"camera {one.camera} and {one.shape} pixels as in {first}"
            found = f"{other.camera} and {other.shape}"
            raise ValueError(f"{path}: expected {expected}, found {found}")
    times = [known.header.get("EXPTIME") for known in found.values()]
    times = [time for time in times if isinstance(time, int | float)]
    if times and max(times) > (1 + _ALIKE) * min(times):
        get_logger().warning(
            "exposure times differ, from %g to %g s: the median is of unequal images",
            min(times), max(times),
        )  # fmt: skip


def _median(paths, height, step):
    """Return median and mean read noise, some rows at a time: memory does not grow with paths."""
    from ..simulate.real_rays import MedianImage, median_exposures

    medians, noises = [], []
    for first in range(0, height, step):
        rows = slice(first, min(first + step, height))
        images, ivars, noise = _rows_of(paths, rows)
        medians.append(median_exposures(images, ivars))
        noises.append(noise)
        if step < height:
            get_logger().info("median of rows %d to %d of %d", first, rows.stop - 1, height)
    median = MedianImage(*(np.concatenate(part) for part in zip(*medians, strict=True)))
    return median, np.concatenate(noises)


def _rows_of(paths, rows):
    """Return images, ivars (0 where a pixel is masked) and mean read noise of some rows."""
    from ..io.preproc import read_preproc

    images, ivars, noise = [], [], np.float32(0)
    for path in paths:
        frame = read_preproc(path)
        images.append(frame.image[rows].copy())  # of the whole nothing is to stay
        ivars.append(np.where(frame.mask[rows] == 0, frame.ivar[rows], np.float32(0)))
        noise = noise + frame.readnoise[rows]
    return images, ivars, noise / np.float32(len(paths))


def _write(options, paths, header, median, readnoise):
    from ..io.hdu_bytes import image_bytes
    from ..io.preproc import Preproc, write_preproc

    names = {f"INFIL{n:03d}": os.path.basename(path) for n, path in enumerate(paths[:1000])}
    header = {**header, "NCOMBINE": (len(paths), "exposures of this median"), **names}
    mask = np.where(median.ivar > 0, 0, _BAD).astype(np.uint32)
    others = {TYPICAL: image_bytes(median.typical, TYPICAL, [], False)}
    image = Preproc(median.image, median.ivar, mask, readnoise, header, others)
    write_preproc(options.outfile, image, options.overwrite)

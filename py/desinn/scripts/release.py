"""Where DESI's releases and mocks keep their spectra."""

import glob
import os
import re

from ..log import get_logger

REDUX = "DESI_SPECTRO_REDUX"
"""Environment variable that names the folder of all releases."""


def healpix_files(release, survey, program, datapath=None, pixels=None):
    """Return the coadds of a survey's program in a release.

    Parameters
    ----------
    release, survey, program : str
        As ``loa``, ``main``, ``dark``.
    datapath : str, optional
        Folder of all releases, in place of $DESI_SPECTRO_REDUX.
    pixels : sequence of int, optional
        Only the coadds of these healpix pixels. Those that are not there are counted in a
        warning: a catalogue may have more than one program.

    Returns
    -------
    list of str
        In the order of the pixels' numbers: ``DATAPATH/RELEASE/healpix/SURVEY/PROGRAM/PIX//100/
        PIX/coadd-SURVEY-PROGRAM-PIX.fits``, or the same with ``.gz``.

    Raises
    ------
    FileNotFoundError
        If none is there, or `datapath` is needed.
    ValueError
        If there are no pixels.
    """
    base = datapath or os.environ.get(REDUX)
    if not base:
        raise FileNotFoundError(f"release {release}: where? Set ${REDUX} or give --datapath")
    folder = os.path.join(base, release, "healpix", survey, program)
    _check_folder(folder)
    name = f"coadd-{survey}-{program}"
    if pixels is None:
        return _all_there(folder, name)
    if not len(pixels):
        raise ValueError(
            f"release {release}: no quasar of the catalogue is in the range asked for"
        )
    wanted = [
        os.path.join(folder, str(pixel // 100), str(pixel), f"{name}-{pixel}.fits")
        for pixel in sorted({int(pixel) for pixel in pixels})
    ]
    found = {path: _packed_or_not(path) for path in wanted}
    lost = [path for path in wanted if found[path] is None]
    if len(lost) == len(wanted):
        raise FileNotFoundError(f"{folder}: no coadd of the catalogue's {len(wanted)} pixels")
    if lost:
        text = "%d of the catalogue's %d healpix pixels have no coadd; the first: %s"
        get_logger().warning(text, len(lost), len(wanted), lost[0])
    return [path for path in found.values() if path]


def mock_files(folder):
    """Return the spectra files of a mock as quickquasars makes them.

    Parameters
    ----------
    folder : str
        Of the mock; the files are ``spectra-16/PIX//100/PIX/spectra-16-PIX.fits`` in it.

    Returns
    -------
    list of str
        In the order of the pixels' numbers.

    Raises
    ------
    FileNotFoundError
        If none is there.
    """
    folder = os.path.join(folder, "spectra-16")
    _check_folder(folder)
    return _all_there(folder, "spectra-16")


def _check_folder(folder):
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder}: there is no such folder")


def _packed_or_not(path):
    return next((name for name in (path, f"{path}.gz") if os.path.exists(name)), None)


def _all_there(folder, name):
    """Return the files of all pixels; of a file that is there packed too the plain one."""
    found = {}
    pattern = re.compile(rf"{re.escape(name)}-(\d+)\.fits(\.gz)?")
    for path in glob.iglob(os.path.join(glob.escape(folder), "*", "*", f"{name}-*.fits*")):
        match = pattern.fullmatch(os.path.basename(path))
        if match:
            pixel = int(match[1])
            found[pixel] = min(path, found.get(pixel, path))  # .fits comes before .fits.gz
    if not found:
        raise FileNotFoundError(f"{folder}: no {name}-PIX.fits in it")
    return [found[pixel] for pixel in sorted(found)]

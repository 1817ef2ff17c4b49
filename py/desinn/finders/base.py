"""What all finders share: from a weights file to a finder, and why a row could not be run."""

import enum
import os

import numpy as np

from ..files import input_file
from ..log import get_logger
from ..nn import Network, WeightsError, read_weights
from .ccds import ARMS, NETWORKS

DESI_CAMERAS = set(ARMS)

STAND_INS = dict.fromkeys(NETWORKS, "cosmics")
"""Name -> name of the network that is meant where none of the first name comes with desinn."""


class Flag(enum.IntFlag):
    """Why a row was not run, or with what reservation it was.

    The bits are never set for anything else; a row without a bit was run on all its cameras.
    """

    NO_DATA = 1
    """No pixel with ivar on the network's grid: not run."""
    NOT_NORMAL = 2
    """The spectrum is constant or too large to normalise: not run."""
    NON_FINITE = 4
    """Some pixels are NaN or inf; they were treated as masked."""
    MISSING_CAMERA = 8
    """A camera is absent or has no usable pixel; the others were used."""


NOT_RUN = Flag.NO_DATA | Flag.NOT_NORMAL
"""The bits with which a row has no result."""


def weights_path(name):
    """Return the weights file that a name stands for.

    Parameters
    ----------
    name : str or os.PathLike
        Name of a network that comes with desinn, such as ``qso``, or a file.

    Returns
    -------
    str
        A file that is there. A name of ours comes before a file of that name in the working
        folder (``./qso`` is the file).

    Raises
    ------
    FileNotFoundError
        If there is neither such a network nor such a file.
    """
    name = os.fspath(name)
    shipped = shipped_weights()
    if name in shipped:
        return shipped[name]
    try:
        return input_file(name)
    except FileNotFoundError as error:
        if os.path.splitext(name)[1]:
            raise
        names = ", ".join(shipped) or "none"
        raise FileNotFoundError(f"{error}, nor a network of this name (ours: {names})") from None


def shipped_weights():
    """Return the weights files that come with desinn.

    Returns
    -------
    dict
        Name -> path; `STAND_INS` are among them, so that names may share a file.
    """
    folder = os.path.join(os.path.dirname(__file__), os.pardir, "weights")
    files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = {
        stem: os.path.normpath(os.path.join(folder, f"{stem}.npz"))
        for stem, suffix in map(os.path.splitext, files)
        if suffix == ".npz"
    }
    stand_ins = {name: found[other] for name, other in STAND_INS.items() if other in found}
    return {**stand_ins, **found}


def load_model(path):
    """Return the finder for what a weights file holds.

    Parameters
    ----------
    path : str or os.PathLike
        As `weights_path` takes it.

    Returns
    -------
    QSOFinder, DLAFinder, WindowDLAFinder, CosmicRayFinder or CosmicRayFiller

    Raises
    ------
    FileNotFoundError, WeightsError
        As `desinn.load_model` says.
    """
    path = weights_path(path)
    return finder_for(*read_weights(path), path)


def finder_for(header, arrays, path):
    """Return the finder for a network.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray
    path : str
        The file they come from, for messages.

    Returns
    -------
    QSOFinder, DLAFinder, WindowDLAFinder, CosmicRayFinder or CosmicRayFiller

    Raises
    ------
    WeightsError
        If the network is not what its header says, or its kind has no finder.
    """
    from .cosmics import cosmics_finder
    from .dla import dla_finder
    from .qso import QSOFinder

    finders = {"qso": QSOFinder, "dla": dla_finder, "cosmics": cosmics_finder}
    kind = header["kind"]
    if kind not in finders:
        raise WeightsError(
            path,
            [
                f"kind: {kind!r} has no finder (there are: {', '.join(finders)}); "
                "desinn.nn.Network(*desinn.nn.read_weights(path)) runs it as it is"
            ],
        )
    try:
        return finders[kind](Network(header, arrays))
    except ValueError as error:
        raise WeightsError(path, getattr(error, "problems", [str(error)])) from None


def input_flags(spectra, valid, has_data):
    """Return the flag of each row from its input.

    Parameters
    ----------
    spectra : desinn.spectra.Spectra
    valid, has_data : ndarray of bool, shape (B,)
        Whether the row could be normalised; whether it has any ivar on the grid.

    Returns
    -------
    ndarray of int32, shape (B,)
    """
    flags = np.zeros(len(spectra), np.int32)
    flags[~has_data] |= Flag.NO_DATA
    flags[has_data & ~valid] |= Flag.NOT_NORMAL
    flags[_missing_camera(spectra) & has_data] |= Flag.MISSING_CAMERA
    bad = sum(camera.count_non_finite() for camera in spectra.cameras.values())  # (B,)
    flags[bad > 0] |= Flag.NON_FINITE
    if bad.any():
        get_logger().warning(
            "%s: %d non-finite pixels in %d of %d spectra are treated as masked",
            spectra.source or "spectra", bad.sum(), np.count_nonzero(bad), len(spectra),
        )  # fmt: skip
    return flags


def _missing_camera(spectra):
    """Return the rows that lack a camera of DESI's, where they are DESI's at all."""
    cameras = spectra.cameras
    if not DESI_CAMERAS & set(cameras):
        return np.zeros(len(spectra), bool)
    if not set(cameras) >= DESI_CAMERAS:
        return np.ones(len(spectra), bool)
    return np.any([~cameras[name].has_data() for name in DESI_CAMERAS], axis=0)

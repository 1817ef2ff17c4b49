"""QuasarNP's ``io``: models from files, and spectra as the input of a model."""

import os

import numpy as np

from ...finders.base import NOT_RUN, Flag, finder_for
from ...finders.base import load_model as load_finder
from ...finders.qso import QSOFinder, network_input
from ...io.convert import KERAS, read_foreign
from ...io.desi import read_cframe, read_coadd
from ...io.quasarnet import BOXES, OUTPUTS
from ...log import get_logger
from ...spectra import LINES, Grid
from .utils import wave

FIBERS = np.ones(500, bool)
"""All fibres of a petal."""
FIBERS.setflags(write=False)

DAILY = "/global/cfs/cdirs/desi/spectro/redux"
"""Where the daily exposures lie at NERSC, unless ``$DESI_SPECTRO_REDUX`` says otherwise."""


class QuasarNP:
    """A network as the host programs call it.

    Parameters
    ----------
    finder : desinn.finders.qso.QSOFinder

    Attributes
    ----------
    finder : desinn.finders.qso.QSOFinder
    nlines : int
        How many arrays `predict` returns.
    """

    def __init__(self, finder):
        self.finder = finder
        self._outputs = (*finder.lines, *finder.bal_lines)
        self.nlines = len(self._outputs)

    def predict(self, x_input):
        """Compute the outputs.

        Parameters
        ----------
        x_input : array_like
            (N, W, 1) rebinned, normalised spectra, N >= 0.

        Returns
        -------
        list of numpy.ndarray
            For each line (N, 26) float32: 13 boxes, then 13 offsets.

        Raises
        ------
        desinn.nn.graph.GraphError
            If the shape is not what the network takes.
        """
        outputs = self.finder.network(x_input)
        return [outputs[name] for name in self._outputs]

    def __call__(self, x_input):
        """Compute the outputs: `predict` by another name."""
        return self.predict(x_input)


def load_model(filename):
    """Load a quasar network.

    Parameters
    ----------
    filename : str or os.PathLike
        A weights file of desinn (``.npz``) or the name of one that comes with it (``qso``); or
        a QuasarNET that Keras wrote (``.h5``, ``.hdf5``; needs h5py).

    Returns
    -------
    model : QuasarNP
    wave : numpy.ndarray
        (W,) float64, lower edges in A of the bins that the model takes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no quasar network, or not one whose lines and boxes are QuasarNET's, which
        the host programs know by heart. The file is named.
    ImportError
        If a Keras file is to be read without h5py.

    Examples
    --------
    >>> load_model("nowhere.h5")
    Traceback (most recent call last):
        ...
    FileNotFoundError: nowhere.h5: there is no such file
    """
    name = os.fspath(filename)
    keras = os.path.splitext(name)[1].lower() in KERAS
    finder = _keras_finder(name) if keras else load_finder(name)
    _check_quasarnet(finder, name)
    return QuasarNP(finder), finder.grid.wave


def _keras_finder(path):
    header, arrays = read_foreign(path)
    if header["kind"] != "qso":
        raise ValueError(f"{path}: expected a QuasarNET, found another network")
    return finder_for(header, arrays, path)


def _check_quasarnet(finder, name):
    """Raise if the outputs are not what the hosts take them for: they count lines and boxes."""
    if not isinstance(finder, QSOFinder):
        raise ValueError(f"{name}: expected a quasar network, found a {type(finder).__name__}")
    boxes = finder.network.header["interpret"]["boxes"]
    found = (*finder.lines.items(), *finder.bal_lines.items(), ("boxes", boxes))
    expected = (*LINES.items(), (OUTPUTS[-1], LINES["CIV"]), ("boxes", BOXES))
    if found != expected:
        raise ValueError(
            f"{name}: expected the outputs of QuasarNET, which its users know by heart: "
            f"{dict(expected)}, found {dict(found)}"
        )


def load_desi_coadd(filename, rows=None, out_grid=wave):
    """Read a DESI coadd as the input of a model.

    Parameters
    ----------
    filename : str or os.PathLike
        A coadd or spectra file.
    rows : array_like of bool, optional
        (B,) which rows to take; without it all. Row numbers are taken too.
    out_grid : array_like
        (W,) lower edges in A of the model's bins, as `load_model` returns them.

    Returns
    -------
    X_out : numpy.ndarray
        (N, W) float32, rebinned and normalised.
    w : numpy.ndarray
        (N,) int64, which of the rows taken these are: rows that cannot be run (no ivar,
        constant flux) are left out, and one line of the log says how many.

    Raises
    ------
    FileNotFoundError, OSError
        If the file is missing, or no FITS file.
    ValueError
        If it holds no spectra, or `out_grid` is not even.
    IndexError
        If `rows` has another length than the file.
    """
    spectra = read_coadd(filename)
    return _network_input(spectra if rows is None else spectra[np.asarray(rows)], out_grid)


def load_desi_exposure(dir_name, spec_number, fibers=FIBERS, out_grid=wave):
    """Read one petal of a DESI exposure, three cframe files, as the input of a model.

    Parameters
    ----------
    dir_name : str or os.PathLike
        The exposure's folder, named after it, with files
        ``cframe-{camera}{spec_number}-{exposure}.fits`` or ``.fits.gz``.
    spec_number : int
        Spectrograph, 0 to 9.
    fibers : array_like of bool
        (500,) which fibres to take.
    out_grid : array_like
        As for `load_desi_coadd`.

    Returns
    -------
    X_out, w : numpy.ndarray
        As for `load_desi_coadd`.

    Raises
    ------
    FileNotFoundError
        If there is none of the three files. One or two that are missing are done without.
    ValueError
        If `fibers` or `spec_number` are not as said, or a file is no cframe of 500 fibres.
    """
    fibers = np.asarray(fibers)
    if fibers.shape != FIBERS.shape or fibers.dtype != bool:
        found = f"{fibers.dtype} of shape {fibers.shape}"
        raise ValueError(f"fibers: expected {FIBERS.size} bools, found {found}")
    if spec_number not in range(10):
        raise ValueError(f"spec_number: expected 0 to 9, found {spec_number!r}")
    folder = os.path.abspath(os.fspath(dir_name))
    exposure = os.path.basename(folder)
    names = (f"cframe-{camera}{spec_number}-{exposure}.fits" for camera in "brz")
    paths = [path for name in names if (path := _existing(os.path.join(folder, name)))]
    if not paths:
        raise FileNotFoundError(
            f"{folder}: expected files like cframe-b{spec_number}-{exposure}.fits, found none"
        )
    spectra = read_cframe(paths)
    if len(spectra) != FIBERS.size:
        raise ValueError(f"{paths[0]}: expected {FIBERS.size} fibres, found {len(spectra)}")
    return _network_input(spectra[fibers], out_grid)


def load_desi_daily(night, exp_id, spec_number, fibers=FIBERS, out_grid=wave):
    """Read one petal of a daily DESI exposure as the input of a model.

    Parameters
    ----------
    night : int or str
        As in 20210107.
    exp_id : int or str
        Number of the exposure, as in 71246 or "00071246".
    spec_number, fibers, out_grid
        As for `load_desi_exposure`.

    Returns
    -------
    X_out, w : numpy.ndarray
        As for `load_desi_coadd`.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `load_desi_exposure`. The files are looked for in
        ``$DESI_SPECTRO_REDUX/daily/exposures``, without it where they lie at NERSC.
    """
    root = os.environ.get("DESI_SPECTRO_REDUX", DAILY)
    folder = os.path.join(root, "daily", "exposures", str(night), f"{exp_id:0>8}")
    return load_desi_exposure(folder, spec_number, fibers, out_grid)


def _existing(path):
    return next((name for name in (path, path + ".gz") if os.path.exists(name)), None)


def _network_input(spectra, out_grid):
    """Return the input of a network and the rows it stands for."""
    x, flags = network_input(spectra, Grid.from_wave(out_grid))
    for flag, what in (
        (NOT_RUN, "cannot be run (no ivar, or constant) and are left out"),
        (Flag.MISSING_CAMERA, "lack a camera, and are run without it"),
    ):
        count = np.count_nonzero(flags & flag)
        if count:
            where = spectra.source or "spectra"
            get_logger().info("%s: %d of %d spectra %s", where, count, len(spectra), what)
    kept = np.flatnonzero((flags & NOT_RUN) == 0)
    return x[kept], kept

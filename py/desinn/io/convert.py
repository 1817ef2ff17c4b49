"""Networks from other programs' files, turned into ours by what the file is."""

import datetime as dt
import hashlib
import os
import zipfile
import zlib

import numpy as np

from .. import __version__
from ..files import input_file
from ..nn.weights import HEADER
from ..spectra.container import naming
from .architecture import named_arrays, read_architecture
from .deepcr import convert_deepcr, is_deepcr
from .keras import read_keras
from .quasarnet import describe_quasarnet, is_quasarnet
from .torch import read_state_dict

KERAS = (".h5", ".hdf5")
TORCH = (".pth", ".pt")
NUMPY = (".npz",)
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error)


def read_foreign(path, architecture=None, name=None, scale=None, normalize=None):
    """Read a network from a file that is not ours.

    Parameters
    ----------
    path : str or os.PathLike
        Keras ``.h5``; torch ``.pth``; ``.npz`` of named arrays.
    architecture : str or os.PathLike, optional
        YAML file that says what the arrays of a ``.pth`` or ``.npz`` are
        (see `desinn.io.architecture`). deepCR's networks need none.
    name : str, optional
        Name of the network; without it the architecture's, else the file's without its ending.
    scale, normalize : optional
        For deepCR's networks: see `desinn.io.deepcr.convert_deepcr`.

    Returns
    -------
    header : dict
        With the file's name and sha256, the version of desinn and the date in its provenance.
    arrays : dict of ndarray

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is none of these, or its network is not among what desinn has.
    """
    path = input_file(path)
    stem, kind = os.path.splitext(os.path.basename(path))
    if kind.lower() in KERAS:
        _refuse_options(path, architecture=architecture, scale=scale, normalize=normalize)
        header, arrays = _from_keras(path)
    elif kind.lower() in TORCH + NUMPY:
        state = _state(path, kind.lower())
        if architecture is not None:
            _refuse_options(path, scale=scale, normalize=normalize)
            header, arrays = named_arrays(state, read_architecture(architecture), path)
            name = name or header["name"]
        elif is_deepcr(state):
            with naming(path):
                header, arrays = convert_deepcr(state, name or stem, scale, normalize)
        else:
            raise ValueError(f"{path}: not a network of deepCR; its arrays need an --architecture")
    else:
        known = " ".join(KERAS + TORCH + NUMPY)
        raise ValueError(f"{path}: expected a file that ends in one of {known}, found {kind!r}")
    made = {**header["provenance"], **_origin(path)}
    return {**header, "name": name or stem, "provenance": made}, arrays


def _from_keras(path):
    header, arrays, grid = read_keras(path)
    if is_quasarnet(header, arrays):
        with naming(path):
            header = describe_quasarnet(header, grid)
    return header, arrays


def _state(path, kind):
    """Return the named arrays of a torch or NumPy file."""
    if kind in TORCH:
        return read_state_dict(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: expected an .npz of arrays, found no zip file")
    try:
        with np.load(path, allow_pickle=False) as file:
            state = {key: file[key] for key in file.files}
    except (ValueError, OSError, EOFError, RuntimeError, *ZIP_ERRORS) as error:
        raise ValueError(f"{path}: expected an .npz of arrays, found: {error}") from None
    if HEADER in state:
        raise ValueError(f"{path}: is a weights file of desinn already")
    return state


def _refuse_options(path, **options):
    given = [f"--{key}" for key, value in options.items() if value is not None]
    if given:
        raise ValueError(f"{path}: {', '.join(given)} says nothing of such a file")


def _origin(path):
    with open(path, "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    return {
        "source": os.path.basename(path),
        "source_sha256": sha256,
        "desinn": __version__,
        "date": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"),
    }

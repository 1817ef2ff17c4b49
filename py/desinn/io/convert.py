"""Networks from other programs' files, turned into ours by what the file is."""

import datetime as dt
import hashlib
import os

from .. import __version__
from ..files import input_file
from ..nn.graph import listed
from ..nn.npz import read_npz
from ..nn.weights import HEADER
from ..spectra.container import naming
from .architecture import named_arrays, read_architecture
from .deepcr import convert_deepcr, is_deepcr
from .keras import read_keras
from .onnx_in import read_onnx
from .quasarnet import describe_quasarnet, is_quasarnet
from .tensorflow import checkpoint_files, checkpoint_prefix, read_checkpoint
from .torch import read_state_dict

KERAS = (".keras", ".h5", ".hdf5")
ONNX = (".onnx",)
TORCH = (".pth", ".pt")
NUMPY = (".npz",)
MOST_NAMES = 100
"""Arrays that a message names: all of most networks."""


def read_foreign(path, architecture=None, name=None, scale=None, normalize=None):
    """Read a network from a file that is not ours.

    Parameters
    ----------
    path : str or os.PathLike
        Keras ``.keras``, ``.h5``; ONNX ``.onnx``; torch ``.pth``; ``.npz`` of named arrays; a
        checkpoint of TensorFlow (``.index``, or without ending), the folder of a SavedModel.
    architecture : str or os.PathLike, optional
        YAML file that says what the arrays of a ``.pth``, ``.npz`` or checkpoint are
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
    options = {"architecture": architecture, "scale": scale, "normalize": normalize}
    prefix = checkpoint_prefix(path)
    files = checkpoint_files(prefix) if prefix else [input_file(path)]
    path = os.fspath(path)
    stem, kind = os.path.splitext(os.path.basename(os.path.normpath(path)))
    if not prefix and kind.lower() in WHOLE:
        refuse_options(path, **options)
        header, arrays = WHOLE[kind.lower()](path)
    elif prefix or kind.lower() in TORCH + NUMPY:
        state = read_checkpoint(prefix) if prefix else _state(path, kind.lower())
        header, arrays = _from_arrays(path, state, name or stem, **options)
        stem = header["name"] or stem
    else:
        known = " ".join((*WHOLE, *TORCH, *NUMPY))
        raise ValueError(f"{path}: expected a file that ends in one of {known}, found {kind!r}")
    made = {**header["provenance"], **_origin(path, files)}
    return {**header, "name": name or stem, "provenance": made}, arrays


def _from_arrays(path, state, name, architecture, scale, normalize):
    """Return header and arrays from named arrays, which say little of the network."""
    if architecture is not None:
        refuse_options(path, scale=scale, normalize=normalize)
        return named_arrays(state, read_architecture(architecture), path)
    if is_deepcr(state):
        with naming(path):
            return convert_deepcr(state, name, scale, normalize)
    held = ", ".join(f"{key} {value.shape}" for key, value in list(state.items())[:MOST_NAMES])
    raise ValueError(
        f"{path}: not a network of deepCR; its arrays need an --architecture: {held}"
        f"{', ...' if len(state) > MOST_NAMES else ''}"
    )


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
    try:
        state, problems = read_npz(path)
    except ValueError as error:
        problems = [str(error)]
    if problems:
        text = listed(problems, "; ")
        raise ValueError(f"{path}: expected an .npz of arrays, found: {text}")
    if HEADER in state:
        raise ValueError(f"{path}: is a weights file of desinn already")
    return state


def refuse_options(path, **options):
    """Raise if an option is given that says nothing of a file.

    Parameters
    ----------
    path : str
    **options : object
        Name -> value; None where it is not given.

    Raises
    ------
    ValueError
    """
    given = [f"--{key}" for key, value in options.items() if value is not None]
    if given:
        raise ValueError(f"{path}: {', '.join(given)} says nothing of such a file")


def _origin(path, files):
    sha256 = hashlib.sha256()
    for name in files:
        with open(name, "rb") as file:
            sha256.update(file.read())
    return {
        "source": os.path.basename(os.path.normpath(path)),
        "source_sha256": sha256.hexdigest(),
        "desinn": __version__,
        "date": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"),
    }


WHOLE = {**dict.fromkeys(KERAS, _from_keras), **dict.fromkeys(ONNX, read_onnx)}
"""Endings of files that say what their networks are -> what reads them."""

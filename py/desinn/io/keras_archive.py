"""The zip archives of Keras 3 (``.keras``): a configuration, and weights in HDF5.

Nothing is unpacked: the members that are wanted are read into memory, which they can only take
as far as the file is long.
"""

import io
import os
import re
import zipfile
from collections import Counter

from ..files import check_stored, read_json
from .keras_layers import KerasError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

ORDER = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "GroupNormalization": ("gamma", "beta"),
}
"""Keras' class -> its arrays in the order of the archive; all others have kernel and bias."""

SWITCHES = {"gamma": "scale", "beta": "center", "bias": "use_bias"}
"""Array -> setting that says whether it is there."""


def read_archive(path):
    """Return what an archive holds.

    Parameters
    ----------
    path : str

    Returns
    -------
    config : dict
        Keras' configuration of the model.
    version : str
        Of Keras.
    weights : io.BytesIO
        An HDF5 file.

    Raises
    ------
    KerasError
        If it is no such archive; if a member is compressed, there twice, or larger than the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_stored(archive, os.path.getsize(path), KerasError)
            config = _json(archive, CONFIG)
            version = _json(archive, METADATA).get("keras_version", "3")
            return config, str(version), io.BytesIO(_member(archive, WEIGHTS))
    except KerasError:
        raise
    except Exception as error:  # zipfile has no common class for what damaged archives raise
        raise KerasError(f"expected a Keras 3 archive, found: {error}") from None


def _member(archive, name):
    try:
        return archive.read(name)
    except KeyError:
        found = ", ".join(archive.namelist()[:5])
        raise KerasError(f"expected a member {name}, found {found or 'none'}") from None


def _json(archive, name):
    try:
        content = read_json(_member(archive, name).decode())
    except KerasError:
        raise
    except ValueError as error:
        raise KerasError(f"{name}: expected JSON, found: {error}") from None
    if not isinstance(content, dict):
        raise KerasError(f"{name}: expected an object, found {type(content).__name__}")
    return content


def archive_arrays(file, layers):
    """Yield layer, Keras' name of an array, and dataset, of all layers.

    A layer is known by its name, which its group carries; by its class and their number where
    an older Keras did not write that.

    Parameters
    ----------
    file : h5py.File
    layers : list of dict

    Yields
    ------
    layer : dict
    parameter : str
    dataset : h5py.Dataset

    Raises
    ------
    KerasError
        If a layer has another number of arrays than its settings say.
    """
    groups = file["layers"]
    by_name = {group["vars"].attrs.get("name"): group["vars"] for group in groups.values()}
    numbers = Counter()
    for layer in layers:
        stem = snake_case(layer["class_name"])
        number, numbers[stem] = numbers[stem], numbers[stem] + 1
        found = by_name.get(layer["name"])
        if found is None:
            path = f"{stem}_{number}/vars" if number else f"{stem}/vars"
            found = groups[path] if path in groups and None in by_name else {}
        names = _names(layer) if len(found) else []
        if len(names) != len(found):
            raise KerasError(
                f"layer {layer['name']} ({layer['class_name']}): expected the arrays "
                f"{', '.join(names)}, found {len(found)}"
            )
        for position, parameter in enumerate(names):
            yield layer, parameter, found[str(position)]


def _names(layer):
    names = ORDER.get(layer["class_name"], ("kernel", "bias"))
    return [n for n in names if layer["config"].get(SWITCHES.get(n), True)]


def snake_case(name):
    """Return how Keras writes the name of a class in its archives.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> snake_case("Conv1DTranspose"), snake_case("ReLU")
    ('conv1d_transpose', 're_lu')
    """
    apart = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()

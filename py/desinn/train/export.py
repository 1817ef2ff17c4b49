"""From a Keras model to a weights file, which is written only if both compute the same."""

import datetime as dt
import platform

import numpy as np

from .. import __version__
from ..files import whole_file
from ..nn import Network, write_weights
from .backend import import_keras
from .networks import get_arrays, keras_model

TOLERANCE = 1e-5
"""How far an output of ours may be from Keras', in proportion to its largest value above 1."""


def export(path, header, model, x, overwrite=False):
    """Write the weights of a model, after a comparison.

    Parameters
    ----------
    path : str or os.PathLike
    header : dict
        From which the model was made, with the provenance filled in.
    model : keras.Model
        Made by `desinn.train.networks.keras_model`.
    x : ndarray, shape (B, ...)
        Input to compare with.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    float
        The largest difference of any output.

    Raises
    ------
    ValueError
        If an output differs by more than 1e-5 (in proportion to its largest value, if that is
        above 1), or is not finite; no file is written then.
    """
    arrays = get_arrays(model, header)
    ours = Network(header, arrays)(x)
    keras = model({header["inputs"][0]["name"]: x}, training=False)
    apart = {name: _apart(ours[name], np.asarray(keras[name])) for name in ours}
    worst = max(apart, key=lambda name: np.nan_to_num(apart[name], nan=np.inf))
    if not apart[worst] <= TOLERANCE:
        raise ValueError(
            f"{path}: not written: output {worst} differs from Keras' by {apart[worst]:.2g}, "
            f"expected at most {TOLERANCE:g}"
        )
    write_weights(path, header, arrays, overwrite)
    return float(apart[worst])


def write_keras(path, header, arrays, overwrite=False):
    """Write a network as a Keras model (``.keras``), which Keras can load, run and train.

    Parameters
    ----------
    path : str or os.PathLike
    header : dict
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ValueError
        If Keras has no layer for an op, or for one of its settings.
    FileExistsError
        If the file exists and `overwrite` is not set.
    ImportError
        If TensorFlow is not installed.
    """
    import_keras()
    model = keras_model(header, arrays)
    with whole_file(path, overwrite) as name:
        model.save(name)


def _apart(ours, theirs):
    # In proportion to the largest: what is small is the rest of large terms, and rounded as they.
    return np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1)


def provenance(recipe, fitted, metrics, source):
    """Return what a weights file says of how it was made.

    Parameters
    ----------
    recipe : dict
    fitted : desinn.train.fit.Fit
        After its run.
    metrics : dict
        Its figures.
    source : dict
        What it was trained on and began with, besides the recipe.

    Returns
    -------
    dict
    """
    import keras
    import tensorflow as tf

    own = ("seed", "size", "minutes", "simulation", "loss", "optimizer", "schedule", "stop",
           "validation")  # fmt: skip
    return {
        "recipe": {key: recipe[key] for key in own},
        **source,
        "epochs": fitted.epoch,
        "minutes": round(fitted.seconds / 60, 1),
        "metrics": metrics,
        "desinn": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "date": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"),
    }

"""A whole training: recipe and samples in, weights file out."""

import os

from ..files import check_output
from ..finders.base import weights_path
from ..log import get_logger
from ..nn import read_weights
from ..nn.graph import Graph
from ..nn.weights import WeightsError, array_problems
from .backend import import_keras
from .checkpoint import NAME
from .data import PARTS, Mixed, split
from .export import export, provenance
from .fit import Fit
from .recipe import header_of
from .tasks import task_for

COMPARED = 256
"""Spectra by which the exported network is compared with Keras'."""


def samples(recipe, data=(), fraction=1.0, templates=None, processes=1):
    """Return what a recipe trains with and is judged by.

    Parameters
    ----------
    recipe : dict
    data : sequence of str
        Labelled spectra, as `desinn.train.data.read_labelled` takes them. A part of them, at
        most a fifth, is held out.
    fraction : float
        How much of both samples is labelled spectra; with 1 nothing is simulated.
    templates, processes : optional
        For the simulation.

    Returns
    -------
    train, held_out : sample

    Raises
    ------
    ValueError
        If there is neither simulation nor data, or data that this kind of network cannot use.
    """
    simulated = not data or fraction < 1
    if simulated and recipe["simulation"] is None:
        raise ValueError("simulation: missing in the recipe, and not all is labelled data")
    task = task_for(recipe)
    labelled = task.labelled(data) if data else None
    parts = [[task.sample(part, templates, processes) for part in PARTS]] if simulated else []
    if data:
        parts.append(split(labelled, recipe["seed"], recipe["validation"]["size"]))
    if len(parts) == 1:
        return tuple(parts[0])
    return tuple(Mixed(*pair, fraction) for pair in zip(*parts, strict=True))


def train(recipe, outfile, *, samples, source=None, arrays=None, freeze=(), checkpoints=None,
          resume=False, overwrite=False):  # fmt: skip
    """Train a network and write its weights file, and a log of its epochs beside it.

    Parameters
    ----------
    recipe : dict
        As `desinn.train.recipe.read_recipe` returns it.
    outfile : str
        Weights file to write (``.npz``); its log has ``.log`` in place of ``.npz``.
    samples : tuple
        To train with and to judge by (see `desinn.train.data`).
    source : dict, optional
        Words on what it is trained with, for the provenance.
    arrays, freeze, checkpoints : optional
        As `desinn.train.fit.Fit` takes them.
    resume : bool
        Go on from the checkpoint.
    overwrite : bool
        Replace an existing output, and a checkpoint without `resume`.

    Returns
    -------
    dict
        The figures of the last validation, or of the best one where the recipe has a stop.

    Raises
    ------
    ImportError
        If TensorFlow is not installed.
    OSError, ValueError
        If the output cannot be written, or does not compute what Keras does.
    """
    check_outputs(outfile, checkpoints, resume, overwrite)
    log = log_name(outfile)
    sample, held_out = samples
    fitted = Fit(recipe, sample, held_out, arrays, freeze, checkpoints, log)
    metrics = fitted.run(resume)
    source = {"trained_on": len(sample), "judged_by": len(held_out), **(source or {})}
    header = header_of(recipe)
    header["provenance"] = provenance(recipe, fitted, metrics, source)
    apart = export(outfile, header, fitted.model, fitted.examples(COMPARED), overwrite)
    get_logger().info(
        "%s: %s, %d epochs in %.1f minutes, differs from Keras' by %.1g; log in %s",
        outfile, recipe["name"], fitted.epoch, fitted.seconds / 60, apart, log,
    )  # fmt: skip
    return metrics


def log_name(outfile):
    """Return the name of the log beside a weights file.

    Parameters
    ----------
    outfile : str

    Returns
    -------
    str
    """
    return os.fspath(outfile).removesuffix(".npz") + ".log"


def check_outputs(outfile, checkpoints=None, resume=False, overwrite=False, inputs=()):
    """Raise at once if something could not be written after hours of work.

    Parameters
    ----------
    outfile : str
    checkpoints : str, optional
    resume, overwrite : bool
    inputs : iterable of str
        Files that will be read, which must not be lost.

    Raises
    ------
    OSError, ValueError, ImportError
    """
    import_keras()
    if not os.fspath(outfile).endswith(".npz"):
        raise ValueError(f"{outfile}: expected a name that ends in .npz")
    check_output(outfile, overwrite, inputs)
    check_output(log_name(outfile), overwrite or resume, inputs)
    if checkpoints is None:
        if resume:
            raise ValueError("--resume needs the folder of the checkpoints (--checkpoints)")
        return
    os.makedirs(checkpoints, exist_ok=True)
    check_output(os.path.join(checkpoints, NAME), overwrite or resume)


def starting_arrays(path, recipe):
    """Return the arrays of a weights file, to begin a training of the same graph with.

    Parameters
    ----------
    path : str
    recipe : dict

    Returns
    -------
    dict of ndarray

    Raises
    ------
    WeightsError
        If the arrays do not fit the recipe's nodes: all that is missing, superfluous or of the
        wrong shape.
    """
    path = weights_path(path)
    header, arrays = read_weights(path)
    graph = Graph(recipe["inputs"], recipe["nodes"], recipe["outputs"])
    problems = array_problems(graph, arrays)
    if problems:
        raise WeightsError(f"{path} for the nodes of the recipe", problems)
    if header["prepare"] != recipe["prepare"]:
        get_logger().warning("%s: was made for another input (prepare) than the recipe's", path)
    return arrays

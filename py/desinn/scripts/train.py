"""desinn train: train a network and write its weights file."""

import os

from . import prompt
from .simulate import read_templates

DESCRIPTION = """\
Train a network as a recipe says, and write its weights file (.npz).

The recipe is a YAML file, or the name of one that comes with desinn; it holds the
simulation, the network, loss, optimizer, schedule and seed. A log with the figures
of every epoch appears beside the output. A GPU is used where TensorFlow sees one.
Needs TensorFlow: pip install 'desinn[train]'."""

CHANGES = {
    "epochs": ("schedule.epochs", int),
    "batch": ("schedule.batch", int),
    "learning_rate": ("optimizer.learning_rate", float),
    "minutes": ("minutes", float),
    "seed": ("seed", int),
    "size": ("size", int),
    "name": ("name", str),
}
"""Option -> the recipe's key that it takes the place of, and its type."""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("recipe", metavar="RECIPE", help="YAML file, or the name of a recipe of desinn's")
    add("-o", "--outfile", required=True, metavar="OUT", help="weights file to write (.npz)")
    add("--checkpoints", metavar="DIR", help="folder for a checkpoint after every validation")
    add("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    add("--init", metavar="WEIGHTS", help="begin with the weights of this file (.npz)")
    add(
        "--freeze",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATTERN",
        help="nodes whose weights stay as they are, such as 'conv_*'",
    )
    add(
        "--data",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="labelled spectra: CSV files (file, spectype, z), or spectra with a truth HDU",
    )
    add(
        "--data-fraction",
        type=prompt.part,
        default=1.0,
        metavar="F",
        help="part of an epoch that is --data, 0 to 1; the rest is simulated (default: 1)",
    )
    add("--templates", metavar="DIR", help="folder of redrock's templates; none: do "
        "without (default: $RR_TEMPLATE_DIR)")  # fmt: skip
    add("--nproc", type=prompt.count, default=2, metavar="N", help="processes that simulate "
        "(default: 2)")  # fmt: skip
    for name, (key, kind) in CHANGES.items():
        option = "--" + name.replace("_", "-")
        add(
            option,
            type=kind,
            metavar=kind.__name__.upper(),
            help=f"in place of the recipe's {key}",
        )
    add("--overwrite", action="store_true", help="replace existing output and checkpoint")


def main(options):
    """Train one network.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.
    """
    from ..train import job
    from ..train.recipe import read_recipe

    given = {name: getattr(options, name) for name in CHANGES}
    changes = {CHANGES[name][0]: value for name, value in given.items() if value is not None}
    recipe = read_recipe(options.recipe, changes)
    inputs = [options.recipe, *options.data, *filter(None, [options.init])]
    job.check_outputs(
        options.outfile, options.checkpoints, options.resume, options.overwrite, inputs
    )
    arrays = job.starting_arrays(options.init, recipe) if options.init else None
    simulated = recipe["simulation"] is not None
    templates = read_templates(options.templates) if simulated else None
    samples = job.samples(recipe, options.data, options.data_fraction, templates, options.nproc)
    job.train(
        recipe,
        options.outfile,
        samples=samples,
        source=_source(options),
        arrays=arrays,
        freeze=options.freeze,
        checkpoints=options.checkpoints,
        resume=options.resume,
        overwrite=options.overwrite,
    )
    return 0


def _source(options):
    """Return what the options add to the provenance."""
    source = {}
    if options.data:
        names = [os.path.basename(path) for path in options.data]
        source["data"] = {"files": names, "fraction": options.data_fraction}
    if options.init:
        source["init"] = os.path.basename(options.init)
    if options.freeze:
        source["freeze"] = options.freeze
    return source

"""desinn convert: networks of other programs into weights files, and weights files into theirs."""

import os

from ..log import get_logger

DESCRIPTION = """\
Turn a network of another program into a weights file (.npz).

  Keras       .keras .h5 .hdf5  QuasarNET is recognised; others become kind "free"
  ONNX        .onnx             becomes kind "free"
  torch       .pth .pt          deepCR's are recognised; others need --architecture
  NumPy       .npz              named arrays: deepCR's names, else --architecture
  TensorFlow  .index, folder    checkpoints, SavedModels: with --architecture

No code from the file is run, and neither torch nor TensorFlow is needed. Keras
files need h5py, ONNX files onnx, architectures pyyaml.

Or turn a weights file into a network for another program, by OUT's ending:

  ONNX   .onnx   needs onnx
  Keras  .keras  needs TensorFlow"""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("infile", metavar="IN", help="network to convert; a weights file or its name to go out")
    add("outfile", metavar="OUT", help="weights file to write (.npz); .onnx or .keras to go out")
    add(
        "--name",
        help="name of the network (default: the architecture's, or the input's)",
    )
    add(
        "--architecture",
        metavar="YAML",
        help="what the arrays of the input are: a file, or parks2018",
    )
    add(
        "--scale",
        type=float,
        help="deepCR: what an image in electrons is divided by (default: 1, example_model: 100)",
    )
    add(
        "--normalize",
        choices=("none", "mean-std"),
        help="deepCR: bring the whole image to mean 0 and deviation 1 (default: none, "
        "WFC3-UVIS: mean-std)",
    )
    add("--overwrite", action="store_true", help="replace an existing output")


def main(options):
    """Convert one file.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.
    """
    from ..files import check_output

    kind = os.path.splitext(options.outfile)[1]
    if kind not in WRITERS:
        known = " ".join(WRITERS)
        raise ValueError(f"{options.outfile}: expected a name that ends in one of {known}")
    inputs = [options.infile, *filter(None, [options.architecture])]
    check_output(options.outfile, options.overwrite, inputs)
    header, arrays = (_read if kind == ".npz" else _read_ours)(options)
    WRITERS[kind](options.outfile, header, arrays, options.overwrite)
    count = sum(array.size for array in arrays.values())
    get_logger().info(
        "%s: %s, kind %s, %d parameters, %.1f MB",
        options.outfile, header["name"], header["kind"], count,
        os.path.getsize(options.outfile) / 1e6,
    )  # fmt: skip
    return 0


def _read(options):
    from ..io.convert import read_foreign

    return read_foreign(
        options.infile, options.architecture, options.name, options.scale, options.normalize
    )


def _read_ours(options):
    """Return header and arrays of a weights file, which needs no more to be understood."""
    from ..finders.base import weights_path
    from ..io.convert import refuse_options
    from ..nn import read_weights

    names = ("architecture", "scale", "normalize")
    refuse_options(options.infile, **{name: getattr(options, name) for name in names})
    header, arrays = read_weights(weights_path(options.infile))
    return {**header, "name": options.name or header["name"]}, arrays


def _write_npz(*arguments):
    from ..nn import write_weights

    write_weights(*arguments)


def _write_onnx(*arguments):
    from ..io.onnx_out import write_onnx

    write_onnx(*arguments)


def _write_keras(*arguments):
    from ..train.export import write_keras

    write_keras(*arguments)


WRITERS = {".npz": _write_npz, ".onnx": _write_onnx, ".keras": _write_keras}
"""Ending of the output -> what writes it."""

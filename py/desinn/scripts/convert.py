"""desinn convert: turn a network of another program into a weights file."""

import os

from ..log import get_logger

DESCRIPTION = """\
Turn a network of another program into a weights file (.npz).

  Keras     .h5 .hdf5   QuasarNET is recognised; other networks become kind "free"
  torch     .pth .pt    deepCR's networks are recognised; others need --architecture
  NumPy     .npz        named arrays: deepCR's names are recognised, else --architecture

Neither TensorFlow nor torch is needed, and no code from the file is run.
Keras files need h5py, architectures pyyaml."""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    add = parser.add_argument
    add("infile", metavar="IN", help="network to convert")
    add("outfile", metavar="OUT", help="weights file to write (.npz)")
    add(
        "--name",
        help="name of the network (default: the architecture's, or the input's)",
    )
    add(
        "--architecture",
        metavar="YAML",
        help="what the arrays of the input are: a file, or parks2018",
    )
    add("--scale", type=float, help="deepCR: what an image in electrons is divided by")
    add(
        "--normalize",
        choices=("none", "mean-std"),
        help="deepCR: bring the whole image to mean 0 and deviation 1 (WFC3-UVIS: mean-std)",
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
    from ..io.convert import read_foreign
    from ..nn import write_weights

    if not options.outfile.endswith(".npz"):
        raise ValueError(f"{options.outfile}: expected a name that ends in .npz")
    inputs = [options.infile, *filter(None, [options.architecture])]
    check_output(options.outfile, options.overwrite, inputs)
    header, arrays = read_foreign(
        options.infile, options.architecture, options.name, options.scale, options.normalize
    )
    write_weights(options.outfile, header, arrays, options.overwrite)
    count = sum(array.size for array in arrays.values())
    get_logger().info(
        "%s: %s, kind %s, %d parameters, %.1f MB",
        options.outfile, header["name"], header["kind"], count,
        os.path.getsize(options.outfile) / 1e6,
    )  # fmt: skip
    return 0

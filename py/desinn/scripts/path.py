"""desinn path: where the weights file of a network is, for $QN_MODEL_FILE and the like."""

from . import prompt

DESCRIPTION = """\
Print the path of a weights file that comes with desinn.

  export QN_MODEL_FILE=$(desinn path qso)"""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("name", metavar="NAME", help="name of the network, such as qso")


def main(options):
    """Print one path.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.
    """
    from ..finders.base import weights_path

    prompt.write_out(weights_path(options.name) + "\n")
    return 0

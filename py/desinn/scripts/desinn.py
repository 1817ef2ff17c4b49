"""desinn: weights files, simulated spectra, training, and how good a network is."""

import argparse
import sys

from . import (
    calibrate,
    convert,
    evaluate,
    extract_cosmics,
    info,
    median_exposures,
    path,
    prompt,
    simulate,
    train,
)

COMMANDS = {
    "convert": convert,
    "info": info,
    "path": path,
    "simulate": simulate,
    "extract-cosmics": extract_cosmics,
    "median-exposures": median_exposures,
    "train": train,
    "evaluate": evaluate,
    "calibrate": calibrate,
}


def parse(options=None):
    """Return the options of the command line.

    Parameters
    ----------
    options : list of str, optional
        In place of the command line.

    Returns
    -------
    argparse.Namespace
    """
    parser = argparse.ArgumentParser(
        prog="desinn", description="DESI's neural networks in NumPy alone: all but the finders."
    )
    prompt.add_version(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = module.__doc__.split(": ", 1)[1].splitlines()[0]
        command = commands.add_parser(
            name,
            help=summary,
            description=module.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(command)
        prompt.add_common(command)
    return parser.parse_args(options)


def main(args=None):
    """Run one of the commands.

    Parameters
    ----------
    args : argparse.Namespace or list of str, optional
        Options, parsed or not; without them the command line's.

    Returns
    -------
    int
        The exit status.
    """
    options = args if isinstance(args, argparse.Namespace) else parse(args)
    return COMMANDS[options.command].main(options)


def prompt_main():
    """Run as a program; return the exit status."""
    return prompt.run(main, parse())


if __name__ == "__main__":
    sys.exit(prompt_main())

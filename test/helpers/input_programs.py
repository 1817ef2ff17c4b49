"""The programs on files that may be damaged: what they say, and what they leave."""

import logging
import os
from typing import NamedTuple

import numpy as np

from desinn.io.catalogs import read_catalog
from desinn.io.preproc import read_preproc
from desinn.log import get_logger
from desinn.nn import write_weights
from desinn.scripts import desi_find_cosmics, desi_find_dla, desi_find_qso, prompt

from . import cosmics, input_files, sightline_network
from .spectra import quasar_model

MODULES = {"qso": desi_find_qso, "dla": desi_find_dla, "cosmics": desi_find_cosmics}
TABLES = {"qso": ["QSO_QN"], "dla": ["DLACAT", "CANDIDATES", "SIGHTLINES"], "cosmics": ["COSMICS"]}
"""Program -> HDUs of its table."""


class Run(NamedTuple):
    """How a program ended."""

    status: int
    errors: list
    """Lines of the log that tell of errors, or worse."""
    warnings: list


def weights(folder):
    """Write small networks and a catalogue into a folder; return it."""
    write_weights(folder / "qso.npz", *quasar_model())
    write_weights(folder / "dla.npz", sightline_network.header(), sightline_network.arrays())
    cosmics.write_finder(folder / "cosmics.npz")
    input_files.write_catalogue(folder / "quasars.fits")
    return folder


def argv(program, made, infiles, out, catalogue=None):
    """Return the options of a run that writes into the folder `out`."""
    options = ["-i", *map(str, infiles), "-m", str(made / f"{program}.npz")]
    if program == "cosmics":
        return [*options, "-o", str(out), "--catalog", str(out / "table.fits")]
    if program == "dla":
        options += catalogue or ["-q", str(made / "quasars.fits")]
    return [*options, "-o", str(out / "table.fits")]


def run(program, options):
    """Run one of the three programs as at the prompt, in this process."""
    module = MODULES[program]
    return run_main(module.main, module.parse(options))


def run_main(main, options):
    """Run a program with parsed options; what is raised here is a traceback there."""
    errors, warnings = [], []

    def emit(record):
        lines = errors if record.levelno >= logging.ERROR else warnings
        lines.append(record.getMessage())

    handler = logging.Handler(logging.WARNING)
    handler.emit = emit
    get_logger().addHandler(handler)
    try:
        status = prompt.run(main, options)
    finally:
        get_logger().removeHandler(handler)
    return Run(status, errors, warnings)


def rows_of(program, out):
    """Return the tables that a program wrote, without the number of the input."""
    tables = {name: read_catalog(out / "table.fits", name) for name in TABLES[program]}
    return {
        name: {column: table[column] for column in table.dtype.names if column != "INFILE"}
        for name, table in tables.items()
    }


def marks_of(out):
    """Return name -> MASK of the copies in a folder."""
    names = sorted(name for name in os.listdir(out) if name.startswith("preproc"))
    return {name: read_preproc(out / name).mask for name in names}


def assert_same(found, expected, rows=slice(None)):
    """Compare tables bit by bit; `rows` are those of the expected one."""
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert found[name].dtype == column.dtype, name
        np.testing.assert_array_equal(
            _bits(found[name]), _bits(column[rows]), err_msg=name, strict=True
        )


def _bits(column):
    kind = f"u{column.itemsize}" if column.dtype.kind == "f" else column.dtype
    return np.ascontiguousarray(column).view(kind)

"""The programs with small inputs of their own, and how to see what they have written."""

import functools
import os
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from desinn.io.fits import open_fits
from desinn.nn import write_weights

from . import cosmics, dla, sightline_network
from .spectra import coadd, quasar_model, write_coadd

FILES = 6


class Program(NamedTuple):
    """One of the programs, and what it is run on."""

    name: str
    infiles: list
    options: list
    """All but the inputs and outputs."""
    outputs: Callable
    """Takes a folder, returns the options that name the outputs."""
    written: tuple
    """The outputs, seen from that folder."""
    largest: int
    """Bytes of the largest output."""
    run: Callable
    """That of a `helpers.nursery.Nursery`."""

    def argv(self, folder, *more):
        return ["-i", *self.infiles, *self.options, *self.outputs(folder), *more]

    def __call__(self, folder, *more, **fault):
        return self.run(self.name, self.argv(folder, *more), **fault)


def qso_program(folder, run):
    spectra = [coadd(rows=60, seed=n, first=100 * n) for n in range(1, 1 + FILES)]
    infiles = [write_coadd(folder / f"qso-{n}.fits", one) for n, one in enumerate(spectra)]
    write_weights(folder / "qso.npz", *quasar_model())
    options = ["-m", folder / "qso.npz", "--c-thresh", "0"]
    outputs = functools.partial(_one_table, "qso.fits")
    return Program("desi_find_qso", infiles, options, outputs, ("qso.fits",), 60480, run)


def dla_program(folder, run):
    ranges = [(row, 3900.0 + 20 * row, 3925.0 + 20 * row) for row in range(12)]
    infiles = []
    for number in range(FILES):
        spectra = sightline_network.spectra(ranges, rows=12, cameras=2)
        spectra.targetid[:] += 100 * number
        infiles.append(write_coadd(folder / f"dla-{number}.fits", spectra))
    write_weights(folder / "dla.npz", sightline_network.header(), sightline_network.arrays())
    targets = np.concatenate([100 * (1 + n) + np.arange(12) for n in range(FILES)])
    catalogue = dla.write_catalogue(folder / "cat.fits", targets, np.full(targets.size, 2.8))
    options = ["-m", folder / "dla.npz", "-q", catalogue]
    outputs = functools.partial(_one_table, "dla.fits")
    return Program("desi_find_dla", infiles, options, outputs, ("dla.fits",), 48960, run)


def _one_table(name, folder):
    return ["-o", folder / name]


def cosmics_program(folder, run):
    infiles = []
    for number in range(FILES):
        path = folder / f"preproc-r{number}-00000007.fits{'.gz' if number % 2 else ''}"
        infiles.append(cosmics.write_frame(path, f"r{number}", number, (80, 90), EXPID=7))
    weights = cosmics.write_finder(folder / "cosmics.npz")
    names = [os.path.basename(path) for path in infiles]
    written = ("rays.fits", *(os.path.join("copies", name) for name in names))
    return Program("desi_find_cosmics", infiles, ["-m", weights], _copies, written, 103680, run)


def _copies(folder):
    return ["-o", folder / "copies", "--catalog", folder / "rays.fits"]


def data_of(path):
    """Return name -> data of the HDUs of a FITS file, of which all must be there and right."""
    content = {}
    with open_fits(path) as fits:
        for number, hdu in enumerate(fits):
            header = hdu.read_header()
            if "CHECKSUM" in header:
                hdu.verify_checksum()
            data = hdu.read() if hdu.has_data() else None
            content[hdu.get_extname() or number] = data
    return content


def contents(folder, names):
    """Return name -> content of files in a folder."""
    return {name: data_of(str(folder / name)) for name in names}


def matches(folder, expected):
    """Return whether files in a folder have the `contents` that are expected."""
    return all(same(data_of(str(folder / name)), expected[name]) for name in expected)


def last_line(run):
    """Return what a program said last, of which no traceback was a part."""
    assert "Traceback" not in run.log
    last = run.log.rstrip("\n").split("\n")[-1]
    return re.sub(r"^([A-Z]+):\w+\.py:\d+:\w+: ", r"\1: ", last)  # desiutil adds the place


def same(found, expected):
    """Return whether two contents of `data_of` are the same, NaNs too."""
    return list(found) == list(expected) and all(
        _bytes(found[name]) == _bytes(expected[name]) for name in found
    )


def _bytes(data):
    return None if data is None else (data.dtype, data.shape, data.tobytes())


def tree(folder):
    """Return the names of all files below a folder, and of folders that are empty."""
    found = set()
    for place, folders, files in os.walk(folder):
        names = files or ([] if folders else [""])
        found |= {os.path.relpath(os.path.join(place, name), folder) for name in names}
    return found - {"."}


def visible(names):
    """Return those that are no temporary files."""
    return {name for name in names if not os.path.basename(name).startswith(".")}

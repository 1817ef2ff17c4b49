"""Small good files of every kind that the programs read, as name -> function that writes one."""

import gzip

import fitsio
import numpy as np

from . import absorbers, boss_file, cosmics, desi_file
from .boss_file import table_of
from .spectra import WAVES

TARGETS = np.arange(100, 106)
"""Of all spectra that are written here."""

REDSHIFTS = np.array([2.6, 2.8, 3.0, 2.7, 3.2, 2.9])


def coadd_hdus(rows=6, first=0, fine=1, seed=1):
    """Return the HDUs of a coadd as arrays: bright quasars with a dark gap in each forest.

    Pixels are of 10 A divided by `fine`; absorbers are only searched where these are small.
    """
    rng = np.random.default_rng([seed, first])
    z = REDSHIFTS[first : first + rows]
    fibermap = np.zeros(rows, [("TARGETID", "i8"), ("TARGET_RA", "f8"), ("FIBERSTATUS", "i4")])
    fibermap["TARGETID"] = TARGETS[first : first + rows]
    hdus = {"FIBERMAP": fibermap}
    for name, wave in WAVES.items():
        wave = np.linspace(wave[0], wave[-1], (wave.size - 1) * fine + 1)
        flux = rng.normal(2.0, 0.2, (rows, wave.size))
        flux[np.abs(wave / (1215.67 * (0.85 + z[:, None])) - 1) < 0.008] = 0
        hdus[f"{name.upper()}_WAVELENGTH"] = wave
        hdus[f"{name.upper()}_FLUX"] = flux.astype("f4")
        hdus[f"{name.upper()}_IVAR"] = np.full(flux.shape, 25.0, "f4")
        hdus[f"{name.upper()}_MASK"] = np.zeros(flux.shape, "i4")
    return hdus


def write_hdus(path, hdus, **header):
    """Write HDUs, masks compressed as DESI has them; the first carries the header of an image."""
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        if not header:
            fits.write(None)
        for name, array in hdus.items():
            packing = {"compress": "GZIP"} if name.endswith("MASK") and array.ndim > 1 else {}
            cards = header if name == next(iter(hdus)) else None
            fits.write(array, extname=name, header=cards, **packing)
    return str(path)


def frame_hdus(seed=1):
    """Return the HDUs of an exposure as arrays."""
    frame = cosmics.frame(seed=seed)
    return {
        "IMAGE": frame.image,
        "IVAR": frame.ivar,
        "MASK": frame.mask.astype("i4"),
        "READNOISE": frame.readnoise,
    }


def write_frame(path, hdus=None, **header):
    """Write an exposure."""
    return write_hdus(path, hdus or frame_hdus(), CAMERA="r0", EXPID=7, **header)


def catalogue_columns(**changes):
    """Return the columns of a catalogue of the quasars; None drops one."""
    columns = {"TARGETID": TARGETS, "RA": TARGETS / 10, "DEC": TARGETS / 20, "Z": REDSHIFTS}
    return {name: column for name, column in {**columns, **changes}.items() if column is not None}


def write_catalogue(path, **changes):
    """Write a catalogue of the quasars."""
    return write_hdus(path, {"QSO_CAT": table_of(catalogue_columns(**changes))})


def redrock_rows(**changes):
    """Return the table of a redrock file of the quasars."""
    changes = {"SPECTYPE": np.full(len(TARGETS), "QSO", "S6"), "RA": None, "DEC": None, **changes}
    return table_of(catalogue_columns(**changes))


def write_redrock(path, **changes):
    """Write a redrock file of the quasars."""
    places = {"TARGETID": TARGETS, "TARGET_RA": TARGETS / 10, "TARGET_DEC": TARGETS / 20}
    hdus = {"REDSHIFTS": redrock_rows(**changes), "FIBERMAP": table_of(places)}
    return write_hdus(path, hdus)


def write_dlacat(path):
    """Write a catalogue of absorbers."""
    found = absorbers.found_of(*[(7, 4000 + 9 * n, 20.5, 0.9) for n in range(12)])
    return absorbers.write_dlacat(path, found, absorbers.lines_of((7, 2.5), (8, 0.5)),
                                  {"MIN_CONF": 0.5})  # fmt: skip


def write_coadd(path, **options):
    """Write a coadd."""
    return write_hdus(path, coadd_hdus(**options))


def packed(write):
    """Return a function that writes the same, packed by gzip."""

    def write_packed(path):
        write(path)
        path.write_bytes(gzip.compress(path.read_bytes(), 1, mtime=0))

    return write_packed


KINDS = {
    "coadd": ("spectra", write_coadd),
    "coadd.gz": ("spectra", packed(write_coadd)),
    "cframe": ("spectra", lambda path: desi_file.write_frame(path, "b0")),
    "spec": ("spectra", boss_file.write_spec),
    "spplate": ("spectra", boss_file.write_spplate),
    "preproc": ("preproc", write_frame),
    "preproc.gz": ("preproc", packed(write_frame)),
    "quasars": ("quasars", write_catalogue),
    "redrock": ("redrock", write_redrock),
    "dlacat": ("absorbers", write_dlacat),
}
"""What is read -> the door of `helpers.input_warden` that reads it, and what writes one."""

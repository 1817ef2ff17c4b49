"""Files as SDSS lays them out, small, and without a single pixel of SDSS's."""

import numpy as np
from astropy.io import fits


def write_spec(path, row=None, named=True, case=str.upper, drop=(), seed=3):
    """Write a spec file of 60 pixels; return its table of pixels.

    `row` are columns of the table of the fibre beside or in place of the usual ones (None drops
    one), `drop` are names of columns of pixels to leave out.
    """
    rng = np.random.default_rng(seed)
    columns = {
        "flux": rng.normal(size=60).astype("f4"),
        "loglam": (3.5527 + 1e-4 * np.arange(60)).astype("f4"),
        "ivar": rng.exponential(size=60).astype("f4"),
        "and_mask": np.zeros(60, "i4"),
    }
    columns["and_mask"][[5, 6, 7]] = [1 << 23, 1 << 24, (1 << 23) | (1 << 27)]
    columns["ivar"][8] = 0
    pixels = table_of({case(key): value for key, value in columns.items() if key not in drop})
    fibre = {"PLATE": 3655, "MJD": 55240, "FIBERID": 30, "RA": 110.5, "DEC": 40.25, "Z": 2.5}
    fibre |= row or {}
    fibre = table_of({key: np.atleast_1d(v) for key, v in fibre.items() if v is not None})
    lines = table_of({"PLATE": [1, 1], "MJD": [2, 2], "FIBERID": [3, 3], "LINEZ": [0.0, 0.0]})
    names = ("COADD", "SPALL", "SPZLINE") if named else (None,) * 3
    primary = fits.PrimaryHDU()
    primary.header["COEFF0"], primary.header["COEFF1"] = 3.5527, 1e-4
    tables = [
        fits.BinTableHDU(table, name=name)
        for table, name in zip((pixels, fibre, lines), names, strict=True)
    ]
    fits.HDUList([primary, *tables]).writeto(path, overwrite=True)
    return pixels


def write_spplate(path, fibres=4, header=None, plugmap=True, images=3):
    """Write an spPlate file of 60 pixels a fibre; return flux, ivar and AND_MASK."""
    rng = np.random.default_rng(4)
    flux = rng.normal(size=(fibres, 60)).astype("f4")
    ivar = rng.exponential(size=(fibres, 60)).astype("f4")
    bits = np.zeros((fibres, 60), "i4")
    bits[1, 3], bits[2, 4] = 1 << 23, 1 << 24
    hdus = [fits.PrimaryHDU(flux), fits.ImageHDU(ivar), fits.ImageHDU(bits)][:images]
    cards = {"PLATEID": 7102, "MJD": 56666, "COEFF0": 3.5527, "COEFF1": 1e-4, **(header or {})}
    hdus[0].header.update({key: value for key, value in cards.items() if value is not None})
    if plugmap:
        number = np.arange(fibres)
        plugs = {"FIBERID": number + 1, "RA": 10.0 + number, "DEC": 20.0 - number}
        hdus.append(fits.BinTableHDU(table_of(plugs)))
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return flux, ivar, bits


def table_of(columns):
    """Return a structured array of columns."""
    columns = {name: np.asarray(column) for name, column in columns.items()}
    dtype = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    table = np.zeros(len(next(iter(columns.values()))), dtype)
    for name, column in columns.items():
        table[name] = column
    return table

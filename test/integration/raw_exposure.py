"""A raw exposure as DESI's spectrographs give it, but small, with cosmic rays in it."""

import numpy as np
from astropy.io import fits

ROWS, COLUMNS, OVERSCAN = 110, 100, 30
"""Of one of the four amplifiers. desispec leaves 50 rows at both ends out of its look at steps in
the overscan, and must find some in between."""

SHAPE = (2 * ROWS, 2 * COLUMNS)
"""Of the image that preproc makes."""

AMPLIFIERS = {"A": (0, 0), "B": (0, 1), "C": (1, 0), "D": (1, 1)}
"""Row and column of each."""

GAIN = {"A": 1.0, "B": 1.4, "C": 0.8, "D": 1.2}
OFFSET = {"A": 1000, "B": 1100, "C": 950, "D": 1200}
NOISE, SKY = 3.0, 20.0

NIGHT, EXPID = 20220105, 117
CAMERAS = ("b0", "r0")

BRIGHT = np.zeros(SHAPE, bool)
BRIGHT[range(20, 32), range(30, 42)] = True
BRIGHT[95:125, 150] = True  # over amplifiers B and D
BRIGHT[170, 85:115] = True  # over C and D
"""Where rays left 5000 electrons in each pixel."""

DIM = np.zeros(SHAPE, bool)
DIM[60, 20:32] = True
"""Where one left 300."""


def exposure(camera, seed=1):
    """Return the counts of a camera, (220, 260) int32, and their header."""
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(SKY, SHAPE) + 5000.0 * BRIGHT + 300.0 * DIM
    raw = np.zeros((2 * ROWS, 2 * (COLUMNS + OVERSCAN)))
    header = fits.Header({"CAMERA": camera.upper(), "NIGHT": NIGHT, "EXPID": EXPID})
    for amplifier in AMPLIFIERS:
        ccd, data, bias = sections(amplifier)
        for name, section in (("CCDSEC", ccd), ("DATASEC", data), ("BIASSEC", bias)):
            header[name + amplifier] = _as_fits(*section)
        header[f"GAIN{amplifier}"] = GAIN[amplifier]
        header[f"RDNOISE{amplifier}"] = NOISE
        raw[data] = electrons[ccd] / GAIN[amplifier]
        for place in (data, bias):
            noise = rng.normal(0, NOISE / GAIN[amplifier], raw[place].shape)
            raw[place] += OFFSET[amplifier] + noise
    return raw.round().astype(np.int32), header


def sections(amplifier):
    """Return where an amplifier's pixels are in the image and, with their overscan, in the raw."""
    row, column = AMPLIFIERS[amplifier]
    rows = slice(row * ROWS, (row + 1) * ROWS)
    starts = (column * COLUMNS, column * (COLUMNS + 2 * OVERSCAN), COLUMNS + column * OVERSCAN)
    widths = (COLUMNS, COLUMNS, OVERSCAN)
    return [(rows, slice(x, x + width)) for x, width in zip(starts, widths, strict=True)]


def primary_header():
    """Return what the exposure is, which is the same for all cameras."""
    return fits.Header({
        "NIGHT": NIGHT, "EXPID": EXPID, "EXPTIME": 900.0, "OBSTYPE": "SCIENCE",
        "FLAVOR": "science", "DATE-OBS": "2022-01-06T05:00:00", "DOSVER": "SIM",
    })  # fmt: skip


def fibermap():
    """Return what is known of some fibres; of all of them only an installed desimodel knows."""
    table = np.zeros(6, [("TARGETID", "i8"), ("FIBER", "i4"), ("PETAL_LOC", "i2"),
                         ("FIBERSTATUS", "i4")])  # fmt: skip
    table["TARGETID"] = 39627000000000000 + np.arange(6)
    table["FIBER"] = [0, 1, 2, 500, 501, 502]
    table["PETAL_LOC"] = table["FIBER"] // 500
    return table


def write_raw(folder):
    """Write a raw file with all of `CAMERAS`, and the fibermap that preproc looks for beside it.

    Return the raw file.
    """
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(fibermap(), name="FIBERMAP")]
    fits.HDUList(hdus).writeto(folder / f"fibermap-{EXPID:08}.fits")
    path = folder / f"desi-{EXPID:08}.fits"
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(None, primary_header(), name="SPEC")]
    for seed, camera in enumerate(CAMERAS):
        hdus.append(fits.ImageHDU(*exposure(camera, seed), name=camera))
    fits.HDUList(hdus).writeto(path)
    return path


def _as_fits(rows, columns):
    return f"[{columns.start + 1}:{columns.stop},{rows.start + 1}:{rows.stop}]"

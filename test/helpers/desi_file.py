"""Files as DESI lays them out, small."""

import fitsio
import numpy as np


def write_hdus(path, hdus, header=None):
    """Write arrays as the HDUs whose names they have."""
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(None, header=header)
        for name, array in hdus.items():
            fits.write(array, extname=name)
    return path


def frame_hdus(camera, rows=4, first=100, seed=6):
    """Return HDU name -> array of a cframe file of one camera."""
    rng = np.random.default_rng([seed, ord(camera[0])])
    wave = {"b": 3600, "r": 5760, "z": 7520}[camera[0]] + 0.8 * np.arange(40)
    fibermap = np.zeros(rows, [("TARGETID", "i8"), ("FIBER", "i4"), ("FIBERSTATUS", "i4")])
    fibermap["TARGETID"] = first + np.arange(rows)
    fibermap["FIBER"] = 500 * int(camera[1]) + np.arange(rows)
    shape = (rows, wave.size)
    return {
        "FLUX": rng.normal(size=shape).astype("f4"),
        "IVAR": rng.exponential(size=shape).astype("f4"),
        "MASK": (rng.random(shape) < 0.1).astype("i4"),
        "WAVELENGTH": wave,
        "RESOLUTION": rng.random((rows, 3, wave.size)).astype("f4"),
        "FIBERMAP": fibermap,
        "CHI2PIX": np.ones(shape, "f4"),
        "SCORES": np.ones(rows, [("TARGETID", "i8")]),
    }


def write_frame(path, camera, hdus=None, **header):
    """Write a cframe file; None drops a keyword. Return its HDUs."""
    hdus = hdus or frame_hdus(camera)
    cards = {"CAMERA": camera, "EXPID": 12345, "NIGHT": 20250101, **header}
    cards = {key: value for key, value in cards.items() if value is not None}
    first, *others = hdus
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(hdus[first], extname=first, header=cards)
        for name in others:
            fits.write(hdus[name], extname=name)
    return hdus

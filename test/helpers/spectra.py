"""Spectra and a small quasar network for tests that need no reference data."""

import numpy as np
from astropy.io import fits

from desinn.spectra import LINES, Camera, Grid, Spectra

from .cases import arrays_for
from .networks import quasarnet

WAVES = {
    "b": np.linspace(3600, 5800, 221),
    "r": np.linspace(5760, 7620, 187),
    "z": np.linspace(7520, 9824, 231),
}


def coadd(rows=4, mask=False, seed=1, first=100):
    """Return spectra of DESI's three cameras with coarser pixels."""
    rng = np.random.default_rng(seed)
    cameras = {}
    for name, wave in WAVES.items():
        shape = (rows, wave.size)
        flux = rng.normal(1.0, 0.5, shape).astype("f4")
        bits = np.zeros(shape, "u4") if mask else None
        cameras[name] = Camera(wave, flux, np.full(shape, 4.0, "f4"), bits)
    return Spectra(np.arange(first, first + rows), cameras)


def quasar_model():
    """Return header and arrays of a QuasarNET that is small and knows nothing."""
    graph = quasarnet(bins=443, filters=2, layers=2)
    names = list(graph["outputs"])
    header = {
        "kind": "qso",
        "name": "tiny",
        **graph,
        "prepare": {"grid": Grid.log().to_header(), "normalize": "ivar-weighted mean and rms"},
        "interpret": {
            "boxes": 13,
            "lines": [{"name": name, "wave": LINES[name]} for name in names[:-1]],
            "bal_lines": [{"name": "CIV_BAL", "wave": LINES["CIV"]}],
            "c_thresh": 0.5,
            "n_thresh": 1,
            "z_within": 0.0,
        },
        "provenance": {},
    }
    return header, arrays_for(graph)


def write_coadd(path, spectra):
    """Write spectra as DESI lays them out, also none at all; return the name as text."""
    fibermap = np.array([(targetid,) for targetid in spectra.targetid], [("TARGETID", "i8")])
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(fibermap, name="FIBERMAP")]
    for name, camera in spectra.cameras.items():
        parts = {"WAVELENGTH": camera.wave, "FLUX": camera.flux, "IVAR": camera.ivar}
        hdus += [fits.ImageHDU(data, name=f"{name}_{part}") for part, data in parts.items()]
    fits.HDUList(hdus).writeto(path)
    return str(path)

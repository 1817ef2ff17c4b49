"""A small coadd as DESI lays it out, with quasars that redrock's own templates can fit."""

import numpy as np
from astropy.io import fits

Z = np.array([0.8, 1.6, 2.4, 3.3])
"""The redshifts of the quasars: LYA, CIV, CIII], MgII or Hbeta is in the spectrum of each."""

MISSED = [0, 2]
"""The rows of quasars that redrock is said to have missed, one by class and one by redshift."""

SKY, DEAD = 4, 5
"""The rows of a sky fibre and of one without data, after the quasars."""

ROWS = 6
CAMERAS = {"b": (3600, 5800), "r": (5760, 7620), "z": (7520, 9824)}
LINES = [
    (1215.67, 30, 4), (1240.8, 25, 1.2), (1400, 25, 0.5), (1549, 25, 1.8), (1908.734, 35, 0.8),
    (2799, 35, 0.7), (4862.68, 50, 0.8), (4960.3, 10, 0.2), (5008.24, 10, 0.6), (6564.6, 60, 3),
]  # fmt: skip
"""Rest wavelength, width (A) and height over the continuum of a quasar's lines."""


def quasar_flux(wave, z, templates):
    """Return a quasar's flux as redrock's eigenvectors have it, nearest to a plain one."""
    name = "rrtemplate-QSO-LOZ-v1.1.fits" if z < 1.5 else "rrtemplate-QSO-HIZ-v1.1.fits"
    with fits.open(templates / name) as hdus:
        vectors, header = hdus[0].data.astype(float), hdus[0].header
    rest = 10 ** (header["CRVAL1"] + header["CDELT1"] * np.arange(vectors.shape[1]))
    plain = (rest / 2000) ** -1.5
    plain *= 1 + sum(h * np.exp(-0.5 * ((rest - at) / w) ** 2) for at, w, h in LINES)
    seen = (rest * (1 + z) > wave[0]) & (rest * (1 + z) < wave[-1])
    weights = np.linalg.lstsq(vectors[:, seen].T, plain[seen], rcond=None)[0]
    model = np.interp(wave, rest * (1 + z), weights @ vectors)
    tau = 0.00554 * (wave / 1215.67) ** 3.182  # Kamble et al. 2020, as redrock has it
    return np.where(wave < 1215.67 * (1 + z), model * np.exp(-tau), model)


def write_coadd(path, templates, seed=1, noise=0.1):
    """Write quasars at S/N of about 10 a pixel, a sky fibre and a dead one."""
    rng = np.random.default_rng(seed)
    hdus = [fits.PrimaryHDU(), *tables()]
    whole = np.arange(3600, 9824.4, 0.8)
    models = [quasar_flux(whole, z, templates) for z in Z]
    models = [5 * model / np.median(model) for model in models] + [0 * whole] * 2
    for name, (first, last) in CAMERAS.items():
        wave = np.round(np.arange(first, last + 0.4, 0.8), 1)
        flux = np.array([np.interp(wave, whole, model) for model in models])
        flux += rng.normal(0, 5 * noise, flux.shape)
        ivar = np.full(flux.shape, (5 * noise) ** -2)
        ivar[DEAD] = 0
        diagonals = np.zeros((ROWS, 11, wave.size))
        shape = np.exp(-0.5 * (np.arange(-5, 6) / 1.0) ** 2)
        diagonals[:] = (shape / shape.sum())[:, np.newaxis]
        parts = {
            "WAVELENGTH": wave,
            "FLUX": flux.astype("f4"),
            "IVAR": ivar.astype("f4"),
            "MASK": np.zeros(flux.shape, "i4"),
            "RESOLUTION": diagonals.astype("f4"),
        }
        hdus += [fits.ImageHDU(data, name=f"{name.upper()}_{key}") for key, data in parts.items()]
    fits.HDUList(hdus).writeto(path)


def spoil_redrock(path, missed):
    """Let a redrock file have missed two quasars, one by class and one by redshift."""
    with fits.open(path, mode="update") as hdus:
        rows = hdus["REDSHIFTS"].data
        rows["SPECTYPE"][missed[0]] = "GALAXY"
        rows["Z"][missed[0]] = 0.3
        rows["Z"][missed[1]] = 1.1 if rows["Z"][missed[1]] > 2 else 4


def targetids():
    """Return the TARGETIDs: large ones as DESI has them, and one below 0."""
    return np.array([*(39627000000000000 + np.arange(ROWS - 1)), -35])


def tables():
    """Return the tables that redrock and the afterburner read beside the spectra."""
    number = np.arange(ROWS)
    fibermap = {
        "TARGETID": targetids(),
        "TARGET_RA": 10 + number / 100,
        "TARGET_DEC": 5 + number / 100,
        "OBJTYPE": np.where(number == SKY, "SKY", "TGT").astype("S3"),
        "DESI_TARGET": np.full(ROWS, 4),
        "BGS_TARGET": np.zeros(ROWS, int),
        "MWS_TARGET": np.zeros(ROWS, int),
        "COADD_FIBERSTATUS": np.zeros(ROWS, "i4"),
        "COADD_NUMEXP": np.ones(ROWS, "i2"),
        "COADD_EXPTIME": np.full(ROWS, 1000, "f4"),
        "LOCATION": number,
    }
    exposures = {
        "TARGETID": targetids(),
        "TILEID": np.full(ROWS, 80605, "i4"),
        "FIBER": number.astype("i4"),
        "EXPID": np.full(ROWS, 12345, "i4"),
        "NIGHT": np.full(ROWS, 20210205, "i4"),
        "FIBERSTATUS": np.zeros(ROWS, "i4"),
        "PETAL_LOC": np.zeros(ROWS, "i2"),
    }
    scores = {"TARGETID": targetids(), "TSNR2_LRG": np.full(ROWS, 100.0)}
    named = {"FIBERMAP": fibermap, "EXP_FIBERMAP": exposures, "SCORES": scores}
    return [_table(columns, name) for name, columns in named.items()]


def _table(columns, name):
    dtype = [(key, values.dtype) for key, values in columns.items()]
    rows = np.zeros(ROWS, dtype)
    for key, values in columns.items():
        rows[key] = values
    return fits.BinTableHDU(rows, name=name)

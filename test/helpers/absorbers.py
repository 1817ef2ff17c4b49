"""Sightlines and absorbers whose every match can be told by hand, and files of them."""

import fitsio
import numpy as np

from desinn.finders.absorbers import LYA
from desinn.io.absorbers import FOUND_ABSORBER, SEARCHED, TRUE_ABSORBER
from desinn.io.catalogs import joined

THRESHOLD = 0.3


def z_of(wave):
    """Return the redshift at which Lyman-alpha is observed at a wavelength."""
    return wave / LYA - 1


def true_of(*rows):
    """Return true absorbers from (TARGETID, wavelength of Lyman-alpha, log N)."""
    truth = np.zeros(len(rows), TRUE_ABSORBER)
    for number, (row, (targetid, wave, nhi)) in enumerate(zip(truth, rows, strict=True)):
        row["TARGETID"], row["Z_DLA"], row["NHI"] = targetid, z_of(wave), nhi
        row["DLAID"] = str(number)
    return truth


def found_of(*rows):
    """Return absorbers from (TARGETID, wavelength, log N, confidence) and perhaps a flag."""
    found = np.zeros(len(rows), FOUND_ABSORBER)
    for row, (targetid, wave, nhi, confidence, *flag) in zip(found, rows, strict=True):
        row["TARGETID"], row["Z_DLA"], row["NHI"] = targetid, z_of(wave), nhi
        row["DLA_CONFIDENCE"], row["DLAFLAG"] = confidence, flag[0] if flag else 0
        row["NHI_ERR"], row["Z_DLA_ERR"], row["ABSORBER_TYPE"] = 0.1, 0.001, "DLA"
        row["DLAID"] = f"{targetid}001"
    found["IN_CATALOG"] = (found["NHI"] >= 20.3) & (found["DLA_CONFIDENCE"] >= THRESHOLD)
    found["IN_CATALOG"] &= found["DLAFLAG"] == 0
    return found


def lines_of(*rows):
    """Return sightlines searched from 3700 to 4900 A from (TARGETID, S/N) and perhaps a flag."""
    lines = np.zeros(len(rows), SEARCHED)
    for line, (targetid, snr, *flag) in zip(lines, rows, strict=True):
        line["TARGETID"], line["SNR_REDSIDE"] = targetid, snr
        line["SIGHTLINE_FLAG"] = flag[0] if flag else 0
    lines["Z_QSO"], lines["ZMIN"], lines["ZMAX"] = 3.1, z_of(3700), z_of(4900)
    return lines


def random_case(rng, sightlines=300, nhi_error=0.1, stated=0.1, shift=0.0):
    """Return found, truth and sightlines with many DLAs, Gaussian errors and some false ones."""
    lines = lines_of(*((100 + i, snr) for i, snr in enumerate(rng.uniform(0.3, 8, sightlines))))
    targets = rng.permutation(np.repeat(lines["TARGETID"], 2))
    wave = rng.uniform(3720, 4880, targets.size)
    truth = true_of(*zip(targets, wave, rng.uniform(19.5, 21.5, targets.size), strict=True))
    found = found_of(
        *zip(
            truth["TARGETID"],
            wave + rng.normal(0, 1, wave.size),
            truth["NHI"] + rng.normal(shift, nhi_error, wave.size),
            rng.uniform(0.5, 1, wave.size),
            strict=True,
        )
    )
    found["NHI_ERR"] = stated
    false = found_of(
        *((t, rng.uniform(3720, 4880), 20.5, rng.uniform(0, 0.6)) for t in targets[:60])
    )
    return np.concatenate([found, false]), truth, lines


def write_truth(path, truth, targets=None):
    """Write an HDU DLA_META, and a FIBERMAP of some targets."""
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(_storable(truth), extname="DLA_META")
        if targets is not None:
            fits.write({"TARGETID": np.asarray(targets, np.int64)}, extname="FIBERMAP")
    return str(path)


def write_dlacat(path, found, lines, header=None):
    """Write a catalogue as desi_find_dla does."""
    listed = found["IN_CATALOG"]
    rows = _storable(found[[name for name in found.dtype.names if name != "IN_CATALOG"]])
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(rows[listed], extname="DLACAT", header=header)
        fits.write(rows[~listed], extname="CANDIDATES", header=header)
        fits.write(_storable(lines), extname="SIGHTLINES")
    return str(path)


def _storable(rows):
    columns = [rows[name] for name in rows.dtype.names]
    return joined(rows.dtype.names, [c.astype("S") if c.dtype.kind == "U" else c for c in columns])

"""The tables beside the spectra in a DESI coadd, made by hand for spectra that DESI never took."""

import numpy as np

QSO_TARGET = 1 << 2
SKY_TARGET = 1 << 32
"""Bits of DESI_TARGET."""

_FIBRE = [
    ("TARGETID", "i8"),
    ("PETAL_LOC", "i2"),
    ("DEVICE_LOC", "i4"),
    ("LOCATION", "i8"),
    ("FIBER", "i4"),
]
_TARGET = [
    ("TARGET_RA", "f8"),
    ("TARGET_DEC", "f8"),
    ("OBJTYPE", "U3"),
    ("DESI_TARGET", "i8"),
    ("BGS_TARGET", "i8"),
    ("MWS_TARGET", "i8"),
    ("SCND_TARGET", "i8"),
]
_COADD = [
    ("TILEID", "i4"),
    ("COADD_FIBERSTATUS", "i4"),
    ("COADD_NUMEXP", "i2"),
    ("COADD_EXPTIME", "f4"),
    ("COADD_NUMNIGHT", "i2"),
    ("COADD_NUMTILE", "i2"),
]
_EXPOSURE = [
    ("FIBERSTATUS", "i4"),
    ("TILEID", "i4"),
    ("EXPID", "i4"),
    ("NIGHT", "i4"),
    ("EXPTIME", "f8"),
    ("IN_COADD_B", "?"),
    ("IN_COADD_R", "?"),
    ("IN_COADD_Z", "?"),
]
_SCORES = [("TARGETID", "i8"), ("TSNR2_LRG", "f4")]

_TSNR2_SECONDS = 12.15
"""Effective seconds of DESI's dark programme in one unit of TSNR2_LRG."""

FIBRES = 500
"""Fibres of a petal."""


def coadd_tables(
    targetid,
    objtype="TGT",
    desi_target=None,
    ra=0.0,
    dec=0.0,
    exptime=1000.0,
    exposure=(1, 1, 20250101),
    petal=0,
):
    """Return the tables with which desispec and redrock take a file for a real coadd.

    They are made as if each target had been observed once, by a fibre in good order; fibres are
    counted along the rows, and begin anew where there are more than a petal has.

    Parameters
    ----------
    targetid : array_like
        (B,) int64. redrock wants them all different.
    objtype : str or array_like of str
        TGT or SKY, one for all or (B,).
    desi_target : int or array_like of int, optional
        Bits of the target selection; without them the quasars' for TGT, and the sky's for SKY.
    ra, dec : float or array_like
        Coordinates, degrees.
    exptime : float or array_like
        Exposure time in seconds, taken for the effective time too.
    exposure : tuple of int
        TILEID, EXPID and NIGHT (as 20250101).
    petal : int
        0 to 9.

    Returns
    -------
    dict of numpy.ndarray
        FIBERMAP, EXP_FIBERMAP and SCORES: structured arrays of B rows.

    Raises
    ------
    ValueError
        If an argument's length is not that of `targetid`.

    Examples
    --------
    >>> tables = coadd_tables([7, 8], ["TGT", "SKY"])
    >>> tables["FIBERMAP"]["DESI_TARGET"].tolist()
    [4, 4294967296]
    >>> coadd_tables([7, 8], ["TGT", "SKY", "SKY"])
    Traceback (most recent call last):
        ...
    ValueError: OBJTYPE: expected one value or 2, found shape (3,)
    """
    targetid = np.asarray(targetid, np.int64)
    tile, expid, night = exposure
    place = np.arange(targetid.size) % FIBRES
    if desi_target is None:
        desi_target = np.where(np.asarray(objtype) == "SKY", SKY_TARGET, QSO_TARGET)
    values = {
        "TARGETID": targetid,
        "PETAL_LOC": petal,
        "DEVICE_LOC": place,
        "LOCATION": 1000 * petal + place,
        "FIBER": FIBRES * petal + place,
        "TARGET_RA": ra,
        "TARGET_DEC": dec,
        "OBJTYPE": objtype,
        "DESI_TARGET": desi_target,
        "TILEID": tile,
        "COADD_NUMEXP": 1,
        "COADD_EXPTIME": exptime,
        "COADD_NUMNIGHT": 1,
        "COADD_NUMTILE": 1,
        "EXPID": expid,
        "NIGHT": night,
        "EXPTIME": exptime,
        "IN_COADD_B": True,
        "IN_COADD_R": True,
        "IN_COADD_Z": True,
        "TSNR2_LRG": np.asarray(exptime) / _TSNR2_SECONDS,
    }
    dtypes = {
        "FIBERMAP": _FIBRE + _TARGET + _COADD,
        "EXP_FIBERMAP": _FIBRE + _EXPOSURE,
        "SCORES": _SCORES,
    }
    return {name: _table(targetid.size, dtype, values) for name, dtype in dtypes.items()}


def _table(rows, dtype, values):
    """Return a table of those `values` that are its columns; the others are 0."""
    table = np.zeros(rows, dtype)
    for name in table.dtype.names:
        column = np.asarray(values.get(name, 0))
        if column.shape not in ((), (rows,)):
            raise ValueError(f"{name}: expected one value or {rows}, found shape {column.shape}")
        table[name] = column
    return table

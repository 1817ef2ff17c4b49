"""Spectra into files that DESI's programs take for coadds of their own."""

import os

import numpy as np

from ..files import whole_file
from .catalogs import cards_of, joined, split_columns, with_dependencies
from .checksum import fill_checksums, places_of, reserve_checksums
from .desi import TRUTH_HDU
from .fits_out import new_fits

BUNIT = {
    "WAVELENGTH": "Angstrom",
    "FLUX": "10**-17 erg/(s cm2 Angstrom)",
    "IVAR": "10**+34 (s2 cm4 Angstrom2) / erg2",
}
"""Units as desispec writes them."""

_ROW_BY_ROW = ("SCORES", TRUTH_HDU)
"""Tables with one row per spectrum: desispec joins them to the fibermap by the row."""


def write_coadd(path, spectra, tables=None, overwrite=False):
    """Write spectra as a DESI coadd, which appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file. A name in ``.gz`` is compressed.
    spectra : desinn.spectra.Spectra
        Written as float32, wavelengths as float64, masks as 32 bits; cameras without mask or
        resolution have no such HDU. Without a fibermap there will be one with TARGETID alone.
        The header's keywords go into the primary header.
    tables : Mapping of str to numpy.ndarray or astropy.table.Table, optional
        HDU name -> table: EXP_FIBERMAP and SCORES (redrock needs both, see
        `desinn.io.desi_tables.coadd_tables`), `desinn.io.desi.TRUTH_HDU`, and others whose names
        have no underscore.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If a table has a name that desispec would take for a camera's, a SCORES or truth has not
        the TARGETIDs of the spectra, or something cannot be stored in FITS.

    Examples
    --------
    >>> tables = coadd_tables(spectra.targetid)  # doctest: +SKIP
    >>> write_coadd("coadd.fits", spectra, {**tables, TRUTH_HDU: truth})  # doctest: +SKIP
    >>> write_coadd("coadd.fits", spectra, {"QSO_TRUTH": truth})  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: coadd.fits: QSO_TRUTH: expected a name without underscore ...
    """
    path = os.fspath(path)
    tables = {name.upper(): table for name, table in (tables or {}).items()}
    with whole_file(path, overwrite) as temporary:
        before, after = _arranged(tables, spectra, path)
        known = {key: value for key, value in spectra.header.items() if value is not None}
        header = cards_of(with_dependencies(known, path), path)
        with new_fits(temporary) as fits:
            fits.write(None, header=header)
            reserve_checksums(fits[-1])
            for name, table in before.items():
                _write_table(fits, name, table)
            for name, camera in spectra.cameras.items():
                for part, image in _images(camera, f"{path}: camera {name}").items():
                    _write_image(fits, f"{name.upper()}_{part}", image, BUNIT.get(part))
            for name, table in after.items():
                _write_table(fits, name, table)
            places = places_of(fits)
            packed = path.endswith(".gz")
            for hdu in fits if packed else ():  # nothing can be put in later
                hdu.write_checksum()
        if not packed:
            fill_checksums(temporary, places)


def _arranged(tables, spectra, path):
    """Return the tables that come before the spectra and after them, ready for fitsio."""
    fibermap = tables.pop("FIBERMAP", spectra.fibermap)
    if fibermap is None:
        fibermap = np.array([(number,) for number in spectra.targetid], [("TARGETID", "i8")])
    tables = {"FIBERMAP": fibermap, **tables}
    stored = {}
    for name, table in tables.items():
        where = f"{path}: {name}"
        if "_" in name and name not in ("EXP_FIBERMAP", TRUTH_HDU):
            expected = "expected a name without underscore, which desispec takes for a camera's"
            raise ValueError(f"{where}: {expected}")
        stored[name] = joined(*split_columns(table, where)[:2])
        if name in ("FIBERMAP", *_ROW_BY_ROW):
            _check_rows(stored[name], spectra.targetid, where)
    first = [name for name in ("FIBERMAP", "EXP_FIBERMAP") if name in stored]
    known = [name for name in _ROW_BY_ROW if name in stored]
    others = [name for name in stored if name not in (*first, *known)]
    return {n: stored[n] for n in first}, {n: stored[n] for n in (*known, *others)}


def _check_rows(table, targetid, where):
    if "TARGETID" not in table.dtype.names or not np.array_equal(table["TARGETID"], targetid):
        raise ValueError(f"{where}: expected the TARGETIDs of the spectra, row by row")


def _images(camera, where):
    """Return the arrays of a camera by the names of their HDUs, in DESI's types and order."""
    images = {
        "WAVELENGTH": camera.wave,
        "FLUX": camera.flux.astype(np.float32, copy=False),
        "IVAR": camera.ivar.astype(np.float32, copy=False),
    }
    if camera.mask is not None:
        if camera.mask.itemsize > 4 and camera.mask.max(initial=0) >= 1 << 32:
            raise ValueError(f"{where}: mask: expected 32 bits, found {camera.mask.max()}")
        # desispec stores the 32 bits under a sign, and reads them back without.
        images["MASK"] = camera.mask.astype(np.uint32, copy=False).view(np.int32)
    if camera.resolution is not None:
        images["RESOLUTION"] = camera.resolution.astype(np.float32, copy=False)
    return images


def _write_table(fits, name, table):
    fits.write(table, extname=name)
    reserve_checksums(fits[-1])


def _write_image(fits, name, image, unit):
    if image.size:
        fits.write(np.ascontiguousarray(image), extname=name)
    else:  # which fitsio refuses to write, but makes room for
        fits.create_image_hdu(dims=list(image.shape), dtype=image.dtype.str[1:], extname=name)
    if unit:
        fits[-1].write_key("BUNIT", unit)
    reserve_checksums(fits[-1])

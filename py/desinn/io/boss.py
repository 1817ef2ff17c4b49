"""SDSS and BOSS spectra: spec files of one fibre and spPlate files of a whole plate."""

import numpy as np

from ..spectra.container import Camera, naming
from .hdus import find_table, is_image, keywords, number, read_columns, read_image, spectra_of

CAMERA = "boss"
"""Name of the one camera: the pipeline has put blue and red arm onto one grid."""

#: The bits of AND_MASK (SDSS's SPPIXMASK) with which a pixel says nothing of its object.
#:
#: NOPLUG, BADTRACE, BADFLAT, BADARC, LOWFLAT, FULLREJECT, NOSKY, NODATA, COMBINEREJ,
#: BADFLUXFACTOR, BADSKYCHI and REDMONSTER: no data, or data whose calibration or sky is known to
#: be wrong. The pipeline itself sets ivar to 0 at nearly all of them. The other bits are remarks
#: on pixels that it weighed and kept: BRIGHTSKY says no more than that the sky was bright, which
#: ivar knows already, and would cost one pixel in sixteen, most of the red end; NEARBADPIXEL,
#: PARTIALREJECT, SCATTEREDLIGHT, CROSSTALK, NEARWHOPPER and the warnings on whole fibres (MANY...)
#: would cost spectra that show their object well.
BAD_PIXEL = sum(1 << bit for bit in (0, 1, 2, 3, 17, 18, 22, 24, 25, 26, 27, 28))

FIBERMAP = np.dtype(
    [
        ("TARGETID", "i8"),
        ("PLATE", "i4"),
        ("MJD", "i4"),
        ("FIBERID", "i4"),
        ("TARGET_RA", "f8"),
        ("TARGET_DEC", "f8"),
    ]
)

_PIXELS = ("LOGLAM", "FLUX", "IVAR")
_FIBRE = ("PLATE", "MJD", "FIBERID")
_PLUGMAP = ("FIBERID", "RA", "DEC")


def read_spec(path, bad=BAD_PIXEL):
    """Read the spectrum of a spec file (``spec-PLATE-MJD-FIBER.fits``).

    Parameters
    ----------
    path : str or os.PathLike
        A FITS file with one table of pixels (FLUX, LOGLAM, IVAR, perhaps AND_MASK; LOGLAM is
        log10 of the vacuum wavelength in A) and one with PLATE, MJD, FIBERID and perhaps RA
        and DEC. Tables are found by their columns, for many files give them no names.
    bad : int
        The bits of AND_MASK that make a pixel bad, beside an ivar of 0; ``~0`` for all.

    Returns
    -------
    desinn.spectra.Spectra
        One row and one camera, ``boss``; its mask holds the bits of `bad`. The fibermap is a
        `FIBERMAP`, with NaN for coordinates that the file lacks, TARGETID is `targetid_of` it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        If one of the tables is missing or does not fit. All messages name the file.

    Examples
    --------
    >>> read_spec("spec-3655-55240-0030.fits").targetid  # doctest: +SKIP
    array([3655052400030])
    >>> read_spec("coadd-0-80605-thru20210205.fits")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: coadd-...: expected a table with LOGLAM, FLUX, IVAR, found none
    """
    return spectra_of(path, spec_parts, bad=bad)


def read_spplate(path, bad=BAD_PIXEL):
    """Read all spectra of an spPlate file (``spPlate-PLATE-MJD.fits``).

    Parameters
    ----------
    path : str or os.PathLike
        A FITS file with images in its first HDUs: flux, ivar, AND_MASK, each (B, W); COEFF0 and
        COEFF1 in the first header, so that log10 of the vacuum wavelength in A of pixel i is
        COEFF0 + i COEFF1; PLATEID and MJD; and a table with FIBERID, RA and DEC of each row.
    bad : int
        As for `read_spec`.

    Returns
    -------
    desinn.spectra.Spectra
        A row per fibre, otherwise as `read_spec` gives them.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_spec`.
    ValueError
        If an HDU or a keyword is missing or does not fit. All messages name the file.
    """
    return spectra_of(path, spplate_parts, bad=bad)


def targetid_of(plate, mjd, fiberid):
    """Return the TARGETID of SDSS spectra: ``plate 10^9 + (mjd - 50000) 10^4 + fiberid``.

    The decimal digits can be read: 3655052400030 is plate 3655, MJD 55240, fibre 30. DESI's own
    TARGETIDs of targets are larger (release 9010 and later times 2^42), those of its sky fibres
    larger still or negative. SDSS's specObjID is another number: it depends on the version of
    the pipeline, and does not fit into an int64 for all plates.

    Parameters
    ----------
    plate, mjd, fiberid : array_like of int
        Modified Julian Dates from 50000 (1995) to 149999; fibres 0 to 9999.

    Returns
    -------
    numpy.ndarray
        int64, in the broadcast shape.

    Raises
    ------
    ValueError
        If a number is no integer or outside its range.

    Examples
    --------
    >>> int(targetid_of(3655, 55240, 30))
    3655052400030
    >>> targetid_of(3655, 55240, 10000)
    Traceback (most recent call last):
        ...
    ValueError: fiberid: expected 0 to 9999, found 10000
    """
    parts = {
        "plate": (plate, 0, 10**6),
        "mjd": (mjd, 50000, 150000),
        "fiberid": (fiberid, 0, 10**4),
    }
    checked = []
    for name, (values, low, high) in parts.items():
        values = np.asarray(values)
        if values.dtype.kind not in "iu":
            raise ValueError(f"{name}: expected integers, found dtype {values.dtype}")
        wrong = values[(values < low) | (values >= high)]
        if wrong.size:
            raise ValueError(f"{name}: expected {low} to {high - 1}, found {wrong.flat[0]}")
        checked.append(values.astype(np.int64))
    plate, mjd, fiberid = checked
    return plate * 10**9 + (mjd - 50000) * 10**4 + fiberid


def spec_parts(fits, bad=BAD_PIXEL):
    """Return what `read_spec` finds in an open file.

    Parameters
    ----------
    fits : fitsio.FITS
    bad : int

    Returns
    -------
    targetid, cameras, fibermap, header
        As `desinn.spectra.Spectra` takes them.

    Raises
    ------
    ValueError
        As `read_spec` says.
    """
    pixels = read_columns(_needed(fits, _PIXELS), (*_PIXELS, "AND_MASK"))
    # LOGLAM is a float32 of numbers with four decimals: rounded, it is what was meant.
    wave = _wave(np.round(pixels["LOGLAM"].astype(np.float64), 6))
    flux, ivar, bits = (pixels.get(name) for name in ("FLUX", "IVAR", "AND_MASK"))
    fibre = read_columns(_needed(fits, _FIBRE), (*_FIBRE, "RA", "DEC", "PLUG_RA", "PLUG_DEC"))
    rows = len(fibre["PLATE"])
    if rows != 1:
        raise ValueError(f"expected one row with PLATE, MJD, FIBERID, found {rows}")
    place = [fibre.get(name, fibre.get(f"PLUG_{name}", np.nan)) for name in ("RA", "DEC")]
    fibermap = _fibermap(*(fibre[name] for name in _FIBRE), *place)
    with naming(f"camera {CAMERA}"):
        camera = Camera(wave, flux[None], ivar[None], _bad(bits, bad, flux)[None])
    return fibermap["TARGETID"], {CAMERA: camera}, fibermap, keywords(fits[0])


def is_spec(fits):
    """Return whether an open file is for `read_spec`.

    Parameters
    ----------
    fits : fitsio.FITS

    Returns
    -------
    bool
    """
    return find_table(fits, _PIXELS) is not None


def spplate_parts(fits, bad=BAD_PIXEL):
    """Return what `read_spplate` finds in an open file.

    Parameters
    ----------
    fits : fitsio.FITS
    bad : int

    Returns
    -------
    targetid, cameras, fibermap, header
        As `desinn.spectra.Spectra` takes them.

    Raises
    ------
    ValueError
        As `read_spplate` says.
    """
    header = keywords(fits[0])
    missing = [key for key in ("COEFF0", "COEFF1", "PLATEID", "MJD") if key not in header]
    if missing:
        raise ValueError(f"missing keywords in the first header: {', '.join(missing)}")
    if len(fits) < 3:
        raise ValueError(f"expected images of flux, ivar and AND_MASK, found {len(fits)} HDUs")
    flux, ivar, bits = (read_image(fits[number]) for number in range(3))  # (B, W)
    start, step = (float(number(header, key)) for key in ("COEFF0", "COEFF1"))
    wave = _wave(start + step * np.arange(flux.shape[-1]))
    plugs = read_columns(_needed(fits, _PLUGMAP), _PLUGMAP)
    fibermap = _fibermap(header["PLATEID"], header["MJD"], *(plugs[name] for name in _PLUGMAP))
    with naming(f"camera {CAMERA}"):
        camera = Camera(wave, flux, ivar, _bad(bits, bad, flux))
    return fibermap["TARGETID"], {CAMERA: camera}, fibermap, header


def is_spplate(fits):
    """Return whether an open file is for `read_spplate`.

    Parameters
    ----------
    fits : fitsio.FITS

    Returns
    -------
    bool
    """
    # A spec file has COEFF0 too, but no image under it.
    if not is_image(fits[0]) or not fits[0].has_data():
        return False
    return {"COEFF0", "COEFF1"} <= set(keywords(fits[0]))


def _wave(loglam):
    with np.errstate(over="ignore"):  # inf is no wavelength, and will be said so
        return 10**loglam


def _needed(fits, columns):
    hdu = find_table(fits, columns)
    if hdu is None:
        raise ValueError(f"expected a table with {', '.join(columns)}, found none")
    return hdu


def _fibermap(plate, mjd, fiberid, ra, dec):
    targetid = targetid_of(plate, mjd, fiberid)
    fibermap = np.zeros(targetid.size, FIBERMAP)
    for name, values in zip(FIBERMAP.names, (targetid, plate, mjd, fiberid, ra, dec), strict=True):
        fibermap[name] = values
    return fibermap


def _bad(bits, bad, flux):
    """Return the mask, 0 where the file has none."""
    if bits is None:
        return np.zeros(flux.shape, np.uint32)
    if bits.dtype.kind not in "iu":
        raise ValueError(f"AND_MASK: expected integers, found dtype {bits.dtype}")
    return (bits.astype(np.int64) & bad).astype(np.uint32)

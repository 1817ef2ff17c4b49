"""DESI spectra files: coadds, spectra files of single exposures (laid out alike), cframes."""

import os

import numpy as np

from ..spectra.coaddition import coadd
from ..spectra.container import Camera, Spectra, naming, native
from .fits import open_fits
from .hdus import by_name, check_kinds, is_image, keywords, names_of, read_image, spectra_of

TRUTH_HDU = "EXTRA_CATALOG"
"""Name of the HDU in which simulated spectra carry what they really are.

desispec's ``read_spectra`` knows this name: it checks the TARGETIDs against the fibermap's and
keeps the table as ``extra_catalog``, also when rows are selected. A name like TRUTH it skips with
a warning in version 0.70 and refuses in older ones; one like QSO_TRUTH it takes for a camera.
redrock looks at none of them.
"""

BAD_FIBERSTATUS = 0x3F0304
"""The FIBERSTATUS bits with which desispec leaves an exposure out of a coadd: BROKENFIBER,
MISSINGPOSITION, BADPOSITION, BADFIBER, BADTRACE, BADFLAT, BADARC, MANYBADCOL, MANYREJECTED."""

BAD_AMPLIFIER = {"b": 1 << 22, "r": 1 << 23, "z": 1 << 24}
"""And those with which it leaves it out of one camera's: BADAMPB, BADAMPR, BADAMPZ."""

_NEEDED = ("WAVELENGTH", "FLUX", "IVAR")
_PARTS = (*_NEEDED, "MASK", "RESOLUTION")


def read_coadd(path, resolution=False):
    """Read a DESI coadd or spectra file.

    Parameters
    ----------
    path : str or os.PathLike
        A FITS file, ``.fits`` or ``.fits.gz``. HDUs are found by their names in any case and
        order: ``{camera}_WAVELENGTH``, ``_FLUX`` and ``_IVAR``, optional ``_MASK`` and
        ``_RESOLUTION``, optional ``FIBERMAP``.
    resolution : bool
        Read the resolution matrices, which are larger than all the rest.

    Returns
    -------
    Spectra
        With the rows in the file's order, flux and ivar in the file's precision, the fibermap
        and the keywords of the primary header. A camera of which the file has nothing is left
        out. Without FIBERMAP all TARGETIDs are -1, and one warning is logged.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        If there is no camera, a camera lacks one of its three HDUs, shapes do not fit, or the
        FIBERMAP has no TARGETID. All messages name the file.

    Examples
    --------
    >>> spectra = read_coadd("coadd-0-80605-thru20210205.fits")  # doctest: +SKIP
    >>> spectra.cameras["b"].flux.shape  # doctest: +SKIP
    (500, 2751)
    >>> read_coadd("redrock-0-80605-thru20210205.fits")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: redrock-0-80605-thru20210205.fits: expected HDUs like B_FLUX, found REDSHIFTS, ...
    """
    return spectra_of(path, coadd_parts, resolution=resolution)


def coadd_parts(fits, resolution=False):
    """Return what `read_coadd` finds in an open file.

    Parameters
    ----------
    fits : fitsio.FITS
    resolution : bool

    Returns
    -------
    targetid, cameras, fibermap, header
        As `desinn.spectra.Spectra` takes them.

    Raises
    ------
    ValueError
        As `read_coadd` says.
    """
    hdus = by_name(fits)
    cameras = {
        name.lower(): _read_camera(hdus, name, f"{name}_", resolution)
        for name in _camera_names(hdus)
    }
    return None, cameras, _fibermap(hdus), keywords(fits[0])


def is_coadd(names):
    """Return whether a file with these HDUs is for `read_coadd`.

    Parameters
    ----------
    names : iterable of str
        In upper case.

    Returns
    -------
    bool
        True also where the file lacks some of what it should have.
    """
    return bool(_cameras_among(names))


def coadd_exposures(spectra):
    """Coadd the exposures of each target as a spectra file holds them.

    Parameters
    ----------
    spectra : desinn.spectra.Spectra
        Targets with several rows are coadded (`desinn.spectra.coaddition.coadd`), from those
        whose FIBERSTATUS, where the fibermap has it, is not bad.

    Returns
    -------
    desinn.spectra.Spectra
        `spectra` itself where every TARGETID occurs once.

    Raises
    ------
    ValueError
        If FIBERSTATUS holds no integers.
    """
    use = None
    if spectra.fibermap is not None and "FIBERSTATUS" in spectra.fibermap.dtype.names:
        status = spectra.fibermap["FIBERSTATUS"]  # (B,)
        check_kinds({"FIBERSTATUS": status}, {"FIBERSTATUS": "integers"})
        status = status.astype(np.int64)
        use = {
            name: status & (BAD_FIBERSTATUS | BAD_AMPLIFIER.get(name, 0)) == 0
            for name in spectra.cameras
        }
    return coadd(spectra, use)


def read_cframe(paths, resolution=False):
    """Read cframe files: the flux-calibrated spectra of one exposure and spectrograph.

    Parameters
    ----------
    paths : str, os.PathLike or iterable of them
        One file, or those of several cameras, each with HDUs FLUX, IVAR, WAVELENGTH, optional
        MASK, RESOLUTION, FIBERMAP, and CAMERA ("b0") in the first header.
    resolution : bool
        Read the resolution matrices.

    Returns
    -------
    Spectra
        The rows and the fibermap of the first file, a camera for each file, and the keywords
        that all headers agree in. Rows are matched by TARGETID; where no file has a FIBERMAP,
        by their places.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_coadd`.
    ValueError
        If no file is given, one is no cframe, or they are not of one exposure and spectrograph,
        of different cameras, and with the same targets. All messages name the file.

    Examples
    --------
    >>> read_cframe(["cframe-b0-00012345.fits", "cframe-r0-00012345.fits"])  # doctest: +SKIP
    Spectra(500 rows, cameras b r, cframe-b0-00012345.fits)
    >>> read_cframe(["cframe-b0-00012345.fits", "cframe-r1-00012345.fits"])  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: cframe-r1-00012345.fits: expected exposure 12345, spectrograph 0 ..., found ... 1
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not paths:
        raise ValueError("paths: expected at least one cframe file, found none")
    frames = [spectra_of(path, cframe_parts, resolution=resolution) for path in paths]
    first, *others = frames
    cameras = dict(first.cameras)
    for frame in others:
        with naming(frame.source):
            _check_belongs(frame, first, cameras)
            cameras |= _in_order_of(first, frame).cameras
    header = {
        key: value
        for key, value in first.header.items()
        if all(frame.header.get(key) == value for frame in others)
    }
    return Spectra(first.targetid, cameras, first.fibermap, header, first.source)


def cframe_parts(fits, resolution=False):
    """Return what `read_cframe` finds in one open file.

    Parameters
    ----------
    fits : fitsio.FITS
    resolution : bool

    Returns
    -------
    targetid, cameras, fibermap, header
        As `desinn.spectra.Spectra` takes them.

    Raises
    ------
    ValueError
        As `read_cframe` says.
    """
    hdus = by_name(fits)
    header = keywords(fits[0])
    name = str(header.get("CAMERA", "")).strip().lower()
    if not is_cframe(hdus) or not name:
        expected = "expected HDUs FLUX, IVAR, WAVELENGTH and a keyword CAMERA"
        raise ValueError(f"{expected}, found {names_of(hdus)}; CAMERA {name or 'missing'}")
    camera = _read_camera(hdus, name[0], "", resolution)
    return None, {name[0]: camera}, _fibermap(hdus), header


def is_cframe(names):
    """Return whether a file with these HDUs is for `read_cframe`.

    Parameters
    ----------
    names : iterable of str
        In upper case.

    Returns
    -------
    bool
    """
    return set(_NEEDED) <= set(names)


def read_truth(path):
    """Read what simulated spectra really are.

    Parameters
    ----------
    path : str or os.PathLike
        A coadd with an HDU `TRUTH_HDU` (EXTRA_CATALOG), as simulations write it, or a file with an
        HDU that is called TRUTH, as DESI's mocks have it.

    Returns
    -------
    numpy.ndarray or None
        Structured array with at least TARGETID and TRUEZ; None where the file says nothing.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_coadd`.
    """
    with open_fits(path) as fits:
        for hdu in fits:
            if hdu.get_extname().upper() in (TRUTH_HDU, "TRUTH") and _tells_truth(hdu):
                return native(hdu.read())
    return None


def _tells_truth(hdu):
    return not is_image(hdu) and {"TARGETID", "TRUEZ"} <= set(hdu.get_colnames())


def _cameras_among(names):
    split = [name.rpartition("_") for name in names]
    return list(dict.fromkeys(camera for camera, _, part in split if camera and part in _PARTS))


def _camera_names(hdus):
    names = _cameras_among(hdus)
    if not names:
        raise ValueError(f"expected HDUs like B_FLUX, found {names_of(hdus)}")
    return names


def _read_camera(hdus, name, prefix, resolution):
    wanted = _PARTS if resolution else _PARTS[:-1]
    with naming(f"camera {name.lower()}"):
        missing = [f"{prefix}{part}" for part in _NEEDED if f"{prefix}{part}" not in hdus]
        if missing:
            raise ValueError("missing HDU " + ", ".join(missing))
        images = {part: read_image(hdus.get(f"{prefix}{part}")) for part in wanted}
        mask = images["MASK"]
        if mask is not None and mask.dtype.kind == "i":
            images["MASK"] = mask.view(f"u{mask.itemsize}")  # the same bits, and no copy
        return Camera(*images.values())


def _fibermap(hdus):
    return hdus["FIBERMAP"].read() if "FIBERMAP" in hdus else None


def _exposure(frame):
    """Return the words that say of which exposure and spectrograph a cframe is."""
    spectrograph = str(frame.header["CAMERA"]).strip()[1:]
    return f"exposure {frame.header.get('EXPID')}, spectrograph {spectrograph}"


def _check_belongs(frame, first, cameras):
    expected, found = _exposure(first), _exposure(frame)
    if found != expected:
        raise ValueError(f"expected {expected} as in {first.source}, found {found}")
    repeated = sorted(set(frame.cameras) & set(cameras))
    if repeated:
        raise ValueError(f"expected another camera than those before, found {repeated[0]} again")


def _in_order_of(first, frame):
    """Return `frame` with its rows in the order of `first`'s."""
    if np.array_equal(first.targetid, frame.targetid):
        return frame
    order = np.argsort(frame.targetid)
    ordered = frame.targetid[order]
    if np.any(ordered[1:] == ordered[:-1]) or not np.array_equal(ordered, np.sort(first.targetid)):
        raise ValueError(f"expected the TARGETIDs of {first.source}, found others")
    return frame[order[np.searchsorted(ordered, first.targetid)]]

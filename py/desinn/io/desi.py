"""DESI spectra files: coadds, and spectra files of single exposures, which are laid out alike."""

import os

from ..spectra.container import Camera, Spectra, naming
from .fits import open_fits

_NEEDED = ("WAVELENGTH", "FLUX", "IVAR")
_PARTS = (*_NEEDED, "MASK", "RESOLUTION")
_REMARKS = (None, "", "COMMENT", "HISTORY", "CONTINUE")


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
    path = os.fspath(path)
    with open_fits(path) as fits, naming(path):
        hdus = _by_name(fits)
        names = _camera_names(hdus)
        cameras = {name.lower(): _read_camera(hdus, name, resolution) for name in names}
        fibermap = hdus["FIBERMAP"].read() if "FIBERMAP" in hdus else None
        header = _keywords(fits[0])
    return Spectra(None, cameras, fibermap, header, path)


def _by_name(fits):
    hdus = {}
    for hdu in fits:
        name = hdu.get_extname().upper()
        if name in hdus and name:
            raise ValueError(f"expected one HDU {name}, found two")
        hdus[name] = hdu
    return hdus


def _camera_names(hdus):
    split = [name.rpartition("_") for name in hdus]
    names = dict.fromkeys(camera for camera, _, part in split if camera and part in _PARTS)
    if not names:
        found = ", ".join(filter(None, hdus)) or "none with a name"
        raise ValueError(f"expected HDUs like B_FLUX, found {found}")
    return names


def _read_camera(hdus, name, resolution):
    wanted = _PARTS if resolution else _PARTS[:-1]
    with naming(f"camera {name.lower()}"):
        missing = [part for part in _NEEDED if f"{name}_{part}" not in hdus]
        if missing:
            raise ValueError("missing HDU " + ", ".join(f"{name}_{part}" for part in missing))
        return Camera(*(_read_image(hdus.get(f"{name}_{part}")) for part in wanted))


def _read_image(hdu):
    if hdu is None:
        return None
    image = hdu.read() if hdu.has_data() else None
    if image is None or image.dtype.names:
        raise ValueError(f"expected an image in HDU {hdu.get_extname()}, found none")
    return image


def _keywords(hdu):
    cards = hdu.read_header().records()
    return {card["name"]: card["value"] for card in cards if card["name"] not in _REMARKS}

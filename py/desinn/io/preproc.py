"""Preprocessed CCD images: DESI's files ``preproc-{camera}-{expid}.fits``, plain or gzipped."""

import math
import os
from dataclasses import dataclass, field

import numpy as np

from ..files import whole_file
from ..spectra.container import naming, native
from .catalogs import cards_of, with_dependencies
from .checksum import fill_checksums, places_of, reserve_checksums
from .fits import open_fits
from .fits_out import new_fits
from .hdu_bytes import (
    copy_bytes,
    image_bytes,
    is_storage,
    packed_at_the_end,
    packing,
    places,
    renewed_cards,
    unpacked,
)
from .hdus import by_name, is_image, keywords, names_of, read_image

COSMIC = 1 << 4
"""The bit of a cosmic ray in MASK: ``desispec.maskbits.ccdmask.COSMIC``, which has been so since
the first version. Where desispec is at hand, its own is to be taken."""

MOST_PIXELS = 2**28
"""Of an image: sixteen times as many as a CCD of DESI has. A file may claim any number."""

_NEEDED = ("IMAGE", "IVAR", "MASK")
_PARTS = (*_NEEDED, "READNOISE")


@dataclass(eq=False, repr=False)
class Preproc:
    """A preprocessed image and what is known of each of its pixels.

    Parameters
    ----------
    image : array_like
        (Y, X) electrons; kept as float32.
    ivar : array_like
        (Y, X) inverse variance of `image`; kept as float32.
    mask : array_like
        (Y, X) integers, desispec's ccdmask, 0 where the pixel is good; kept as uint32.
    readnoise : array_like
        (Y, X) or one number, electrons; kept as float32 (Y, X).
    header : dict
        Keywords of the image, with CAMERA ("b0").
    others : dict of bytes
        Name -> whole HDU of what else the file has (FIBERMAP), to be written back as it is.

    Raises
    ------
    ValueError
        If a shape or dtype does not fit, or the header has no CAMERA.

    Examples
    --------
    >>> image = np.zeros((3, 2))
    >>> frame = Preproc(image, image + 1, np.zeros((3, 2), int), 3.0, {"CAMERA": "R0"})
    >>> frame
    Preproc(r0, 3 x 2 pixels)
    >>> Preproc(image, image[:2], np.zeros((3, 2), int), 3.0, {"CAMERA": "r0"})
    Traceback (most recent call last):
        ...
    ValueError: ivar: expected shape (3, 2) as the image's, found (2, 2)
    """

    image: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    readnoise: np.ndarray
    header: dict
    others: dict = field(default_factory=dict)

    def __post_init__(self):
        self.image = _floats("image", self.image)
        if self.image.ndim != 2 or not self.image.size:
            raise ValueError(f"image: expected shape (Y, X), found {self.image.shape}")
        self.ivar = _floats("ivar", self.ivar)
        self.mask = _bits(np.asarray(self.mask))
        self.readnoise = _floats("readnoise", self.readnoise)
        if not self.readnoise.ndim:
            self.readnoise = np.full(self.image.shape, self.readnoise)
        for name in ("ivar", "mask", "readnoise"):
            _check_shape(name, getattr(self, name), self.image.shape)
        if not self.camera:
            raise ValueError("header: expected a keyword CAMERA like 'b0', found none")

    @property
    def camera(self):
        """Arm and number of the spectrograph, in lower case."""
        return str(self.header.get("CAMERA", "")).strip().lower()

    def __repr__(self):
        return f"Preproc({self.camera}, {self.image.shape[0]} x {self.image.shape[1]} pixels)"


def read_preproc(path):
    """Read a preprocessed image.

    Parameters
    ----------
    path : str or os.PathLike
        A FITS file, ``.fits`` or ``.fits.gz``, with HDUs IMAGE, IVAR and MASK in any order, and
        READNOISE or the keyword RDNOISE in IMAGE's header.

    Returns
    -------
    Preproc

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        If an HDU or CAMERA is missing, or shapes or types do not fit. All messages name the file.

    Examples
    --------
    >>> read_preproc("preproc-r0-00051060.fits.gz")  # doctest: +SKIP
    Preproc(r0, 4128 x 4114 pixels)
    >>> read_preproc("coadd-0-80605-thru20210205.fits")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: coadd-0-80605-thru20210205.fits: missing HDU IMAGE, IVAR, MASK; found FIBERMAP, ...
    """
    path = os.fspath(path)
    with naming(path), open_fits(path) as fits:
        hdus = _hdus(fits)
        _check_pixels(hdus)
        header = {
            key: value
            for key, value in keywords(hdus["IMAGE"]).items()
            if value is not None and not is_storage(key)
        }
        image, ivar, mask, readnoise = (read_image(hdus.get(name)) for name in _PARTS)
        if readnoise is None:
            readnoise = _noise_of_header(header)
        return Preproc(image, ivar, mask, readnoise, header, _others(path, fits))


def write_preproc(path, preproc, overwrite=False):
    """Write a preprocessed image, which appears whole or not at all.

    The layout is that of ``desispec.io.write_image``, whose ``read_image`` reads it: IMAGE is the
    first HDU, MASK is compressed without loss. The versions of the software are added to the
    header.

    Parameters
    ----------
    path : str or os.PathLike
        The file. A name in ``.gz`` is packed.
    preproc : Preproc
        Values of its header may be (value, comment), too.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If a header value cannot be stored in FITS.
    """
    path = os.fspath(path)
    known = {key: value for key, value in preproc.header.items() if not is_storage(key)}
    known["CAMERA"] = (preproc.camera, "Spectrograph camera")
    cards = cards_of(with_dependencies(known, path), path)
    with whole_file(path, overwrite) as temporary, packed_at_the_end(temporary) as plain:
        with new_fits(plain) as fits:
            _write(fits, "IMAGE", preproc.image, header=cards)
            _write(fits, "IVAR", preproc.ivar)
            _write(fits, "MASK", _stored_bits(preproc.mask), compress="RICE")
            _write(fits, "READNOISE", preproc.readnoise)
            written = places_of(fits)
        fill_checksums(plain, written)
        with open(plain, "ab") as file:
            file.writelines(preproc.others.values())


def with_cosmics(inpath, outpath, found, header=None, reset=False, overwrite=False, bit=COSMIC):
    """Copy a preprocessed image with cosmic rays marked in MASK.

    All other HDUs are copied byte for byte. The type in which MASK is stored remains.

    Parameters
    ----------
    inpath : str or os.PathLike
        The file, as `read_preproc` takes it.
    outpath : str or os.PathLike
        The copy, which appears whole or not at all. A name in ``.gz`` is packed. It may be
        `inpath` with `overwrite`.
    found : array_like of bool
        (Y, X) the pixels that cosmic rays hit.
    header : Mapping, optional
        Keyword -> value or (value, comment) for MASK's header, as `desinn.io.catalogs.provenance`
        gives it. The versions of the software are added.
    reset : bool
        Take the bit away elsewhere, also from what was marked before.
    overwrite : bool
        Replace an existing file.
    bit : int
        Value of the bit.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_preproc`.
    FileExistsError
        If `outpath` exists and `overwrite` is not set.
    ValueError
        If `found` is not bool or has another shape than MASK, MASK cannot hold the bit or has no
        HDU of its own, or a header value cannot be stored in FITS.
    """
    inpath, outpath = os.fspath(inpath), os.fspath(outpath)
    with whole_file(outpath, overwrite) as temporary:
        with open_fits(inpath) as fits:
            with naming(inpath):
                hdu = _mask_hdu(fits)
                mask = _marked(read_image(hdu), np.asarray(found), reset, bit)
            cards = renewed_cards(hdu, _with_versions(hdu, header, outpath), outpath)
            renewed = image_bytes(mask, "MASK", cards, hdu.is_compressed())
            (start, end), (_, last) = places(hdu), places(fits[-1])
        with unpacked(inpath) as source, packing(temporary) as target:
            copy_bytes(source, target, 0, start)
            target.write(renewed)
            copy_bytes(source, target, end, last)


def _marked(stored, found, reset, bit):
    """Return a mask with a bit set, in the type in which it is stored."""
    mask = _bits(stored)
    if found.dtype != bool:
        raise ValueError(f"found: expected bool, found {found.dtype}")
    if found.shape != mask.shape:
        raise ValueError(f"found: expected shape {mask.shape} as MASK's, found {found.shape}")
    if bit >= 1 << 8 * stored.itemsize:
        raise ValueError(f"MASK: expected room for the bit {bit}, found {stored.dtype}")
    if reset:
        mask &= np.uint32(~bit & 0xFFFFFFFF)
    mask[found] |= np.uint32(bit)
    unsigned = np.dtype(f"u{stored.itemsize}")
    return mask.astype(unsigned).view(native(stored).dtype)


def _mask_hdu(fits):
    hdu = _hdus(fits)["MASK"]
    if not hdu.get_extnum():
        raise ValueError("expected MASK in an extension, found it in the first HDU")
    return hdu


def _with_versions(hdu, header, path):
    """Return a header with the versions of the software, which replace those of the HDU."""
    old = keywords(hdu)
    versions = {key: old[key] for key in old if key.startswith(("DEPNAM", "DEPVER"))}
    return with_dependencies({**versions, **(header or {})}, path)


def _hdus(fits):
    hdus = by_name(fits)
    missing = ", ".join(name for name in _NEEDED if name not in hdus)
    if missing:
        raise ValueError(f"missing HDU {missing}; found {names_of(hdus)}")
    return hdus


def _check_pixels(hdus):
    """Raise if an image is too large, before any is read."""
    for name in _PARTS:
        hdu = hdus.get(name)
        shape = tuple(map(int, hdu.get_dims())) if hdu and is_image(hdu) else ()
        if math.prod(shape) > MOST_PIXELS:
            raise ValueError(f"HDU {name}: expected at most {MOST_PIXELS} pixels, found {shape}")


def _noise_of_header(header):
    noise = header.get("RDNOISE")
    if not isinstance(noise, int | float):
        raise ValueError("expected an HDU READNOISE or a number RDNOISE in the header, found none")
    return noise


def _others(path, fits):
    """Return name -> bytes of the HDUs that are not the image's own."""
    chosen = {
        hdu.get_extname() or str(hdu.get_extnum()): places(hdu)
        for hdu in fits
        if hdu.get_extnum() and hdu.get_extname().upper() not in _PARTS
    }
    if not chosen:
        return {}
    with unpacked(path) as stream:
        return {name: _between(stream, *ends) for name, ends in chosen.items()}


def _between(stream, start, end):
    stream.seek(start)
    return stream.read(end - start)


def _floats(name, values):
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: expected real numbers, found {array.dtype}")
    return array.astype(np.float32, copy=False)


def _bits(stored):
    """Return a new mask of 32 bits; those of a negative number are the same bits."""
    if stored.dtype.kind not in "iu" or (stored.itemsize > 4 and _exceeds(stored)):
        raise ValueError(f"mask: expected integers of 32 bits, found {stored.dtype}")
    if stored.itemsize <= 4:
        stored = native(stored).view(f"u{stored.itemsize}")
    return stored.astype(np.uint32)


def _exceeds(mask):
    return mask.max(initial=0) >= 1 << 32 or mask.min(initial=0) < 0


def _stored_bits(mask):
    """Return a mask as desispec stores it: 16 bits under a sign, where these are enough."""
    if mask.max() < 1 << 16:
        return mask.astype(np.uint16).view(np.int16)
    return mask.view(np.int32)


def _check_shape(name, array, shape):
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape} as the image's, found {array.shape}")


def _write(fits, name, image, **options):
    fits.write(np.ascontiguousarray(image), extname=name, **options)
    reserve_checksums(fits[-1])

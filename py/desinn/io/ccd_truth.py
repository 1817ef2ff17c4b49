"""Simulated CCD images in preproc files, with what is true of their pixels and cosmic rays."""

import enum
import os
from dataclasses import dataclass, field, replace

import numpy as np

from ..spectra.container import naming, native
from .catalogs import cards_of, joined, split_columns
from .fits import open_fits
from .hdu_bytes import image_bytes, is_storage, table_bytes
from .hdus import by_name, is_image, keywords, read_columns, read_image
from .preproc import write_preproc

TOUCHED_ABOVE = 1.0
"""From more electrons of cosmic rays than these on a pixel counts as touched."""

_TRUTH_HDUS = ("TRUTH", "RAYS", "RAYPIX")
_RAY_COLUMNS = ("KIND", "Y", "X", "CHARGE", "NPIX", "LENGTH")
_PIXEL_COLUMNS = ("RAY", "PIXEL", "ELECTRONS")


class Truth(enum.IntFlag):
    """What is true of a pixel; the bits are never set for anything else."""

    RAY = 1
    """The charge of cosmic rays is above three sigmas of the pixel's noise without them."""
    TOUCHED = 2
    """They left more than `TOUCHED_ABOVE` electrons, or the pixel is a neighbour (one of eight)
    of one with RAY; those with RAY themselves have the bit, too."""
    LINE = 4
    """Within one FWHM of a bright emission line of an object, or of a lamp."""
    TRACE = 8
    """Within two pixels of a fibre's trace, whether there is light or not."""


@dataclass(eq=False, repr=False)
class CcdTruth:
    """What is true of an image.

    Parameters
    ----------
    bits : numpy.ndarray
        (Y, X) uint8 of `Truth`.
    rays : numpy.ndarray
        (R,) structured, a row for each cosmic ray: KIND (muon, worm, spot), Y, X (centre of its
        charge, pixels), CHARGE (electrons), NPIX, LENGTH (pixels).
    ray, pixel, electrons : numpy.ndarray
        (P,) int64, int64, float32: what each ray left where: its row in `rays`, flat index of
        the pixel, electrons. Sorted by ray.
    header : dict
        Where it comes from: keyword -> value, or (value, comment).

    Raises
    ------
    ValueError
        If shapes or types do not fit, or there are rays or pixels that do not exist.
    """

    bits: np.ndarray
    rays: np.ndarray
    ray: np.ndarray
    pixel: np.ndarray
    electrons: np.ndarray
    header: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.bits.dtype != np.uint8 or self.bits.ndim != 2:
            found = f"{self.bits.dtype} of shape {self.bits.shape}"
            raise ValueError(f"TRUTH: expected uint8 of shape (Y, X), found {found}")
        if not self.ray.shape == self.pixel.shape == self.electrons.shape:
            raise ValueError("RAYPIX: expected columns of one length")
        _check_numbers("RAY", self.ray, len(self.rays))
        _check_numbers("PIXEL", self.pixel, self.bits.size)
        if (np.diff(self.ray) < 0).any():
            raise ValueError("RAYPIX: expected rows sorted by RAY")

    def __repr__(self):
        shape = " x ".join(map(str, self.bits.shape))
        return f"CcdTruth({shape} pixels, {len(self.rays)} rays)"

    def charge(self):
        """Return the electrons of all rays.

        Returns
        -------
        numpy.ndarray
            (Y, X) float32.
        """
        charge = np.zeros(self.bits.size, np.float32)
        np.add.at(charge, self.pixel, self.electrons)
        return charge.reshape(self.bits.shape)


def truth_bits(ray, charge, line, trace):
    """Return the bits of an image's truth.

    Parameters
    ----------
    ray : array_like of bool
        (Y, X) where cosmic rays stand out of the noise.
    charge : array_like
        (Y, X) their electrons.
    line, trace : array_like of bool
        (Y, X) near emission lines, on traces.

    Returns
    -------
    numpy.ndarray
        (Y, X) uint8 of `Truth`.

    Examples
    --------
    >>> ray = np.array([[True, False, False, False]])
    >>> truth_bits(ray, np.array([[90.0, 0.5, 0.5, 2.0]]), ray, ~ray)
    array([[ 7, 10,  8, 10]], dtype=uint8)
    """
    ray = np.asarray(ray, bool)
    touched = _with_neighbours(ray) | (np.asarray(charge) > TOUCHED_ABOVE)
    layers = {Truth.RAY: ray, Truth.TOUCHED: touched, Truth.LINE: line, Truth.TRACE: trace}
    bits = np.zeros(ray.shape, np.uint8)
    for bit, where in layers.items():
        bits[np.asarray(where, bool)] |= np.uint8(bit)
    return bits


def write_ccd_truth(path, preproc, truth, overwrite=False):
    """Write an image and its truth to one file, which appears whole or not at all.

    Programs that read preproc files pass the further HDUs over: TRUTH, RAYS and RAYPIX, of which
    the first has the header.

    Parameters
    ----------
    path : str or os.PathLike
        The file. A name in ``.gz`` is packed.
    preproc : desinn.io.preproc.Preproc
    truth : CcdTruth
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If the truth has another shape than the image, or a header value cannot be stored.
    """
    path = os.fspath(path)
    if truth.bits.shape != preproc.image.shape:
        expected = f"shape {preproc.image.shape} as the image's"
        raise ValueError(f"{path}: TRUTH: expected {expected}, found {truth.bits.shape}")
    names = {f"BIT{int(bit).bit_length() - 1}": bit.name for bit in Truth}
    cards = cards_of({**truth.header, **names}, path)
    rays = joined(*split_columns(truth.rays, f"{path}: RAYS")[:2])
    pixels = joined(
        _PIXEL_COLUMNS, [truth.ray.astype("i4"), truth.pixel.astype("i4"), truth.electrons]
    )
    others = {
        **preproc.others,
        "TRUTH": image_bytes(truth.bits, "TRUTH", cards, True),
        "RAYS": table_bytes(rays, "RAYS"),
        "RAYPIX": table_bytes(pixels, "RAYPIX"),
    }
    write_preproc(path, replace(preproc, others=others), overwrite)


def read_ccd_truth(path):
    """Read what is true of an image.

    Parameters
    ----------
    path : str or os.PathLike
        A file of ``desinn simulate cosmics``, or a copy of it with cosmic rays marked.

    Returns
    -------
    CcdTruth

    Raises
    ------
    FileNotFoundError, OSError
        As for `desinn.io.preproc.read_preproc`.
    ValueError
        If an HDU or column is missing, or shapes or types do not fit. All messages name the
        file.

    Examples
    --------
    >>> read_ccd_truth("preproc-r3-20100000.fits")  # doctest: +SKIP
    CcdTruth(4128 x 4114 pixels, 1124 rays)
    >>> read_ccd_truth("preproc-r0-00051060.fits.gz")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: preproc-r0-00051060.fits.gz: without the HDUs TRUTH, RAYS, RAYPIX of a simulation
    """
    path = os.fspath(path)
    with naming(path), open_fits(path) as fits:
        hdus = by_name(fits)
        missing = ", ".join(name for name in _TRUTH_HDUS if name not in hdus)
        if missing:
            raise ValueError(f"without the HDUs {missing} of a simulation")
        bits = native(read_image(hdus["TRUTH"]))
        rays = _columns(hdus["RAYS"], _RAY_COLUMNS)
        ray, pixel, electrons = _columns(hdus["RAYPIX"], _PIXEL_COLUMNS).values()
        header = {k: v for k, v in keywords(hdus["TRUTH"]).items() if not is_storage(k)}
        table = joined([*rays], [_text(column) for column in rays.values()])
        places_of_rays = ray.astype(np.int64), pixel.astype(np.int64)
        return CcdTruth(bits, table, *places_of_rays, electrons.astype(np.float32), header)


def _with_neighbours(where):
    """Return a mask that has grown by one pixel in all eight directions."""
    around = np.pad(where, 1)
    rows = around[:-2] | around[1:-1] | around[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]


def _check_numbers(name, numbers, limit):
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < limit):
        expected, found = f"0 to below {limit}", f"{numbers.min()} to {numbers.max()}"
        raise ValueError(f"RAYPIX: {name}: expected numbers from {expected}, found {found}")


def _text(column):
    return np.char.strip(column.astype(str)) if column.dtype.kind in "SU" else column


def _columns(hdu, names):
    """Return the columns of a table by name; all must be there."""
    columns = {} if is_image(hdu) else read_columns(hdu, names)
    missing = ", ".join(name for name in names if name not in columns)
    if missing:
        raise ValueError(f"{hdu.get_extname()}: expected a table with a column {missing}")
    return {name: native(columns[name]) for name in names}

"""Spectra as arrays: one row per target, one set of pixels per camera."""

import contextlib
from dataclasses import dataclass, field

import numpy as np

from ..log import get_logger


@contextlib.contextmanager
def naming(*where):
    """Put file, camera ... before the message of a ValueError raised inside.

    Parameters
    ----------
    *where : str or None
        What to name, outermost first; None is left out.

    Raises
    ------
    ValueError
        The one raised inside, with its place named.
    """
    try:
        yield
    except ValueError as error:
        parts = [str(part) for part in where if part is not None]
        raise ValueError(": ".join([*parts, str(error)])) from None


def native(array):
    """Return `array` in this machine's byte order, itself where it is so already.

    Parameters
    ----------
    array : numpy.ndarray
        Of any dtype, structured ones too.

    Returns
    -------
    numpy.ndarray
        FITS stores big-endian numbers; NumPy carries that order along, and slows down by it.
    """
    return array.astype(array.dtype.newbyteorder("="), copy=False)


@dataclass(eq=False, repr=False)
class Camera:
    """The spectra of one camera, all on one wavelength grid.

    Parameters
    ----------
    wave : array_like
        (W,) wavelengths in Angstrom, strictly increasing; kept as float64, because a float32
        wavelength puts pixels into the wrong bin.
    flux : array_like
        (B, W) in any unit; float32 and float64 are kept, other numbers become float64.
    ivar : array_like
        (B, W) inverse variance of `flux`; dtype as for `flux`.
    mask : array_like, optional
        (B, W) integers, 0 where the pixel is good; kept as unsigned.
    resolution : array_like, optional
        (B, D, W) diagonals of the resolution matrix.

    Raises
    ------
    ValueError
        If a shape or dtype does not fit or the wavelengths do not increase.

    Examples
    --------
    >>> camera = Camera(wave=[4000, 4001], flux=[[1, 2]], ivar=[[1, 0]])
    >>> len(camera)
    1
    >>> Camera(wave=[4000, 4001], flux=[[1, 2, 3]], ivar=[[1, 0, 1]])
    Traceback (most recent call last):
        ...
    ValueError: flux: expected shape (B, 2), found (1, 3)
    """

    wave: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray | None = None
    resolution: np.ndarray | None = None

    def __post_init__(self):
        self.wave = _checked_wave(self.wave)
        width = self.wave.size
        self.flux = _floats("flux", self.flux)
        if self.flux.ndim != 2 or self.flux.shape[1] != width:
            raise ValueError(f"flux: expected shape (B, {width}), found {self.flux.shape}")
        self.ivar = _floats("ivar", self.ivar)
        _check_shape("ivar", self.ivar, self.flux.shape)
        if self.mask is not None:
            self.mask = _unsigned("mask", self.mask)
            _check_shape("mask", self.mask, self.flux.shape)
        if self.resolution is not None:
            self.resolution = _floats("resolution", self.resolution)
            found = self.resolution.shape
            if len(found) != 3 or (found[0], found[2]) != self.flux.shape:
                expected = f"({len(self)}, D, {width})"
                raise ValueError(f"resolution: expected shape {expected}, found {found}")

    def __len__(self):
        return self.flux.shape[0]

    def __repr__(self):
        ends = f"{self.wave[0]:g}-{self.wave[-1]:g} A"
        return f"Camera({len(self)} rows, {self.wave.size} pixels, {ends})"

    def __getitem__(self, rows):
        rows = _row_index(rows, len(self))
        parts = (self.flux, self.ivar, self.mask, self.resolution)
        return Camera(self.wave, *(None if part is None else part[rows] for part in parts))

    def usable(self):
        """Return copies of flux and ivar in which every pixel can be summed without a look.

        Returns
        -------
        flux : numpy.ndarray
            (B, W) float64, 0 where flux or ivar is not finite, mask is not 0 or ivar is not
            above 0.
        ivar : numpy.ndarray
            (B, W) float64, 0 at the same pixels.
        non_finite : numpy.ndarray
            (B,) int64, as `count_non_finite` gives it.
        """
        finite = self._finite()  # (B, W)
        use = self._in_use(finite)
        flux, ivar = np.zeros(use.shape), np.zeros(use.shape)
        np.copyto(flux, self.flux, where=use)
        np.copyto(ivar, self.ivar, where=use)
        return flux, ivar, _count(~finite)

    def has_data(self):
        """Return whether each row has a usable pixel.

        Returns
        -------
        numpy.ndarray
            (B,) bool.
        """
        return self._in_use(self._finite()).any(axis=1)

    def count_non_finite(self):
        """Return how many pixels of each row have a flux or ivar that is not finite.

        Returns
        -------
        numpy.ndarray
            (B,) int64. Masked pixels count too: NaN at ivar 0 poisons a weighted sum all the same.
        """
        return _count(~self._finite())

    def _in_use(self, finite):
        use = finite & (self.ivar > 0)
        return use if self.mask is None else use & (self.mask == 0)

    def _finite(self):
        return np.isfinite(self.flux) & np.isfinite(self.ivar)


@dataclass(eq=False, repr=False)
class Spectra:
    """Spectra of B targets in one or more cameras.

    Parameters
    ----------
    targetid : array_like or None
        (B,) int64. None takes the TARGETID of `fibermap`; without a fibermap all become -1
        and one warning is logged.
    cameras : dict
        Name -> `Camera`, at least one; kept in the order of their first wavelengths.
        DESI's are called ``b``, ``r`` and ``z``.
    fibermap : numpy.ndarray or astropy.table.Table, optional
        (B,) structured array, one row per spectrum; a Table is converted.
    header : dict, optional
        Keywords of the file, or whatever is known of the spectra as a whole.
    source : str or os.PathLike, optional
        The file they come from, for messages.

    Raises
    ------
    ValueError
        If there is no camera, the numbers of rows differ, or `fibermap` has no TARGETID where
        one is wanted or another than `targetid`.

    Examples
    --------
    >>> camera = Camera(wave=[4000, 4001], flux=[[1, 2], [3, 4]], ivar=[[1, 0], [1, 1]])
    >>> spectra = Spectra([7, 8], {"b": camera})
    >>> spectra[1:].targetid
    array([8])
    >>> Spectra([7], {"b": camera})
    Traceback (most recent call last):
        ...
    ValueError: camera b: expected 1 rows, one per targetid, found 2
    """

    targetid: np.ndarray
    cameras: dict
    fibermap: np.ndarray | None = None
    header: dict = field(default_factory=dict)
    source: str | None = None

    def __post_init__(self):
        self.source = None if self.source is None else str(self.source)
        self.header = dict(self.header or {})
        with naming(self.source):
            self.cameras = _in_wavelength_order(self.cameras)
            if self.fibermap is not None:
                self.fibermap = _structured(self.fibermap)
            if self.targetid is None:
                self.targetid = self._found_targetid()
            self.targetid = _checked_targetid(self.targetid)
            self._check_rows()

    @classmethod
    def from_desispec(cls, obj, source=None):
        """Return what a desispec Spectra holds, without copying its arrays.

        Parameters
        ----------
        obj : desispec.spectra.Spectra
            Or anything with its attributes bands, wave, flux, ivar, mask, resolution_data,
            fibermap and meta; desispec itself is not imported.
        source : str, optional
            The file it was read from, for messages.

        Returns
        -------
        Spectra
            Without a fibermap its targetid are -1, as for `Spectra`.

        Raises
        ------
        ValueError
            As for `Camera` and `Spectra`; the camera is named.
        """
        cameras = {}
        for band in obj.bands:
            mask = obj.mask[band] if obj.mask else None
            resolution = obj.resolution_data[band] if obj.resolution_data else None
            parts = (obj.wave[band], obj.flux[band], obj.ivar[band], mask, resolution)
            with naming(source, f"camera {band}"):
                cameras[band] = Camera(*parts)
        return cls(None, cameras, obj.fibermap, obj.meta, source)

    def __len__(self):
        return self.targetid.size

    def __repr__(self):
        where = f", {self.source}" if self.source else ""
        return f"Spectra({len(self)} rows, cameras {' '.join(self.cameras)}{where})"

    def __getitem__(self, rows):
        rows = _row_index(rows, len(self))
        cameras = {name: camera[rows] for name, camera in self.cameras.items()}
        fibermap = None if self.fibermap is None else self.fibermap[rows]
        return Spectra(self.targetid[rows], cameras, fibermap, self.header, self.source)

    def _found_targetid(self):
        if self.fibermap is None:
            rows = len(next(iter(self.cameras.values())))
            where = self.source or "spectra"
            get_logger().warning("%s: no fibermap, all %d TARGETIDs are -1", where, rows)
            return np.full(rows, -1)
        if "TARGETID" not in self.fibermap.dtype.names:
            names = ", ".join(self.fibermap.dtype.names)
            raise ValueError(f"fibermap: expected a column TARGETID, found {names}")
        return self.fibermap["TARGETID"]

    def _check_rows(self):
        parts = {f"camera {name}": camera for name, camera in self.cameras.items()}
        if self.fibermap is not None:
            parts["fibermap"] = self.fibermap
        for name, part in parts.items():
            if len(part) != len(self):
                expected = f"expected {len(self)} rows, one per targetid"
                raise ValueError(f"{name}: {expected}, found {len(part)}")
        if self.fibermap is not None and "TARGETID" in self.fibermap.dtype.names:
            wrong = np.flatnonzero(self.fibermap["TARGETID"] != self.targetid)
            if wrong.size:
                row = wrong[0]
                expected, found = self.fibermap["TARGETID"][row], self.targetid[row]
                raise ValueError(
                    f"targetid: expected the fibermap's {expected} in row {row}, found {found}"
                )


def _checked_wave(wave):
    wave = _floats("wave", wave).astype(np.float64, copy=False)
    if wave.ndim != 1 or not wave.size:
        raise ValueError(f"wave: expected shape (W,) with W > 0, found {wave.shape}")
    wrong = np.flatnonzero(~(np.isfinite(wave) & (wave > 0)))
    if wrong.size:
        pixel = wrong[0]
        raise ValueError(f"wave: expected positive numbers, found {wave[pixel]} at pixel {pixel}")
    wrong = np.flatnonzero(np.diff(wave) <= 0)
    if wrong.size:
        pixel = wrong[0]
        found = f"{wave[pixel]} then {wave[pixel + 1]} at pixel {pixel}"
        raise ValueError(f"wave: expected strictly increasing wavelengths, found {found}")
    return wave


def _floats(name, values):
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: expected real numbers, found dtype {array.dtype}")
    return native(array) if array.dtype.str[1:] in ("f4", "f8") else array.astype(np.float64)


def _unsigned(name, values):
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        raise ValueError(f"{name}: expected integers, found dtype {array.dtype}")
    return array.astype(f"u{array.dtype.itemsize}", copy=False)


def _checked_targetid(targetid):
    targetid = np.asarray(targetid)
    if targetid.ndim != 1 or (targetid.size and targetid.dtype.kind not in "iu"):
        found = f"{targetid.dtype} of shape {targetid.shape}"
        raise ValueError(f"targetid: expected integers of shape (B,), found {found}")
    return targetid.astype(np.int64, copy=False)


def _structured(table):
    array = np.ma.getdata(table.as_array() if hasattr(table, "as_array") else table)
    if getattr(array.dtype, "names", None) is None or array.ndim != 1:
        found = f"{array.dtype} of shape {array.shape}"
        raise ValueError(f"fibermap: expected a structured array of shape (B,), found {found}")
    return native(array)


def _in_wavelength_order(cameras):
    if not cameras:
        raise ValueError("cameras: expected at least one, found none")
    return dict(sorted(cameras.items(), key=lambda item: item[1].wave[0]))


def _check_shape(name, array, expected):
    if array.shape != expected:
        raise ValueError(f"{name}: expected the shape of flux, {expected}, found {array.shape}")


def _row_index(rows, size):
    if isinstance(rows, slice):
        return rows
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iub"):
        found = f"{rows.dtype} of shape {rows.shape}"
        raise TypeError(f"rows: expected a slice, (N,) integers or (B,) bools, found {found}")
    if rows.dtype == bool:
        if rows.size != size:
            raise IndexError(f"rows: expected {size} bools, found {rows.size}")
        return np.flatnonzero(rows)
    return rows.astype(np.intp)


def _count(pixels):
    return np.count_nonzero(pixels, axis=1).astype(np.int64, copy=False)

"""Writing FITS files: what could not be written is an error, not a short file."""

import contextlib

from ..spectra.container import naming
from .fits import open_fits

_RESERVED = "0" * 16
"""A CHECKSUM that is to be filled in later (`desinn.io.checksum`)."""

_SHORT = "could not be written: not all of it is there; is the disk full?"


@contextlib.contextmanager
def new_fits(path, append=False):
    """Open a FITS file for writing, close it whatever happens, and see that all is there.

    cfitsio keeps much in memory until the file is closed, and fitsio does not tell whether that
    went well: on a full disk the file is short, and nobody knows. So it is read again, up to the
    checksums of those HDUs that have them.

    Parameters
    ----------
    path : str
        The file, which is replaced. A name in ``.gz`` is compressed.
    append : bool
        Keep what is in it.

    Yields
    ------
    fitsio.FITS

    Raises
    ------
    OSError
        If it could not be written. The message is one line that names the file.

    Examples
    --------
    >>> with new_fits("nowhere/out.fits") as fits:
    ...     fits.write(None)
    Traceback (most recent call last):
        ...
    OSError: nowhere/out.fits: could not be written: couldn't create the named file
    """
    import fitsio

    try:
        with fitsio.FITS(path, "rw", clobber=not append) as fits:
            yield fits
            hdus = len(fits)
        _check(path, hdus)
    except OSError as error:
        if "FITSIO status" not in str(error):
            raise
        first = str(error).strip().split("\n")[0]
        reason = first.partition(": ")[2] or first
        raise OSError(f"{path}: could not be written: {reason}") from None


def _check(path, expected):
    """Raise if a file is not all that was written to it."""
    try:
        with open_fits(path) as fits, naming(path):
            found = len(fits)
            for hdu in fits:
                if hdu.read_header().get("CHECKSUM", _RESERVED) != _RESERVED:
                    hdu.verify_checksum()
    except (OSError, ValueError) as error:
        raise OSError(f"{path}: {_SHORT}") from error
    if found != expected:
        raise OSError(f"{path}: {_SHORT}")

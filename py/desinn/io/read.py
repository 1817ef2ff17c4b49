"""Spectra from whatever file holds them: what it is, it says itself."""

from ..spectra.container import naming
from .boss import is_spec, is_spplate, spec_parts, spplate_parts
from .desi import cframe_parts, coadd_exposures, coadd_parts, is_cframe, is_coadd
from .hdus import is_image, spectra_of

EXPECTED = """\
a DESI coadd or spectra file (HDUs like B_FLUX), a cframe (FLUX, IVAR, WAVELENGTH), an SDSS spec \
file (a table with FLUX, LOGLAM, IVAR) or an spPlate file (an image with COEFF0, COEFF1)"""


def read_spectra(path, resolution=False):
    """Read spectra from any of the files that desinn knows.

    Parameters
    ----------
    path : str or os.PathLike
        A FITS file, ``.fits`` or ``.fits.gz``: a DESI coadd or spectra file, a cframe, an SDSS
        spec or spPlate file. What it is, its HDUs and their columns say, not its name.
    resolution : bool
        Read DESI's resolution matrices.

    Returns
    -------
    desinn.spectra.Spectra
        One row per target, in the order of first appearance: where TARGETIDs repeat, as in
        spectra files of single exposures, they are coadded; sky fibres with their negative
        TARGETIDs too, but not rows whose TARGETID is missing (-1).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is no FITS file, or damaged or truncated.
    ValueError
        If it is none of these files, or something in it is missing or does not fit. All
        messages name the file.

    See Also
    --------
    desinn.io.desi.read_coadd : the rows as they stand in the file
    desinn.io.desi.read_cframe : several cameras of one exposure

    Examples
    --------
    >>> read_spectra("spectra-main-dark-1375.fits")  # doctest: +SKIP
    Spectra(812 rows, cameras b r z, spectra-main-dark-1375.fits)
    >>> read_spectra("redrock-main-dark-1375.fits")  # doctest: +SKIP
    Traceback (most recent call last):
        ...
    ValueError: redrock-main-dark-1375.fits: expected a DESI coadd ..., found REDSHIFTS, ...
    """
    spectra = spectra_of(path, _parts, resolution=resolution)
    with naming(path):
        return coadd_exposures(spectra)


def _parts(fits, resolution):
    names = [hdu.get_extname().upper() for hdu in fits]
    if is_coadd(names):
        return coadd_parts(fits, resolution)
    if is_cframe(names):
        return cframe_parts(fits, resolution)
    if is_spec(fits):
        return spec_parts(fits)
    if is_spplate(fits):
        return spplate_parts(fits)
    found = ", ".join(filter(None, map(_words, fits))) or "nothing"
    raise ValueError(f"expected {EXPECTED}, found {found}")


def _words(hdu):
    """Return the name of an HDU, what it is where it has none, and nothing where it is empty."""
    kind = "an image" if is_image(hdu) else "a table"
    return hdu.get_extname() or (kind if hdu.has_data() else "")

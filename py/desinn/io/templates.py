"""Reading templates: redrock's eigenvectors, and what goes with them of quasar emission."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..spectra.container import naming, native
from .fits import open_fits
from .hdus import is_image, keywords, number, read_image

COMPOSITE = "VDB01COMPEMLINES"
IRON = {"UV": "VW01_FE_UVTEMPLT_B", "UVOPT": "FE_UVOPT_V01_T06_BR92"}
"""Our name of an iron template -> its HDU in ``simqso_templates.fits``."""

EMLINES = ("average", "peaky", "windy", "narrow")
"""What the vectors of ``("QSO", "EMLINES")`` are, in their order."""

_EMLINES_COLUMNS = [1, 3, 4, 5]
_EMLINES_CONTINUUM = 2
_LARGEST_LOG = 10  # a first wavelength below this can only be its logarithm


@dataclass(frozen=True)
class Template:
    """Functions of the rest wavelength, and how much of each real objects have.

    Parameters
    ----------
    wave : numpy.ndarray
        (P,) float64 rest wavelengths, A (vacuum), rising.
    vectors : numpy.ndarray
        (K, P) float64: eigenvectors in f_lambda, or single templates.
    coefficients : numpy.ndarray or None
        (N, K) float64: the vectors' coefficients in N real objects, where they are known.

    Raises
    ------
    ValueError
        If shapes do not fit, the wavelengths do not rise or a vector is not finite.
    """

    wave: np.ndarray
    vectors: np.ndarray
    coefficients: np.ndarray | None = None

    def __post_init__(self):
        if self.vectors.shape[1:] != self.wave.shape or not (np.diff(self.wave) > 0).all():
            found = f"{self.vectors.shape} on {self.wave.shape}"
            raise ValueError(f"vectors: expected (K, P) on rising wavelengths (P,), found {found}")
        if not np.isfinite(self.vectors).all():
            raise ValueError("vectors: expected finite numbers, found NaN or infinite ones")
        size = len(self.vectors)
        if self.coefficients is not None and self.coefficients.shape[1:] != (size,):
            raise ValueError(
                f"coefficients: expected (N, {size}), found {self.coefficients.shape}"
            )


def read_templates(folder=None):
    """Read all templates of a folder.

    Parameters
    ----------
    folder : str or os.PathLike, optional
        Where ``rrtemplate-*.fits`` lie; by default ``$RR_TEMPLATE_DIR``.

    Returns
    -------
    dict
        What is there of the following:

        - (RRTYPE, RRSUBTYP) in capitals, as ("STAR", "WD"), ("GALAXY", ""), ("QSO", "HIZ"):
          `Template`. Of several versions of a type the last by name, but one with coefficients
          before one without.
        - ("IRON", "UV"), ("IRON", "UVOPT"): `Template` of one vector, from
          ``simqso_templates.fits``. UV ends at 3090 A, UVOPT at 7485 A, and they differ in scale.
        - ("QSO", "COMPOSITE"): structured array, a row for each emission line of the composite
          of Vanden Berk et al. 2001, from the same file: OWave, EqWid, Width (A; Width is the
          Gaussian's sigma), Skew and others.
        - ("QSO", "EMLINES"): `Template` whose vectors are line over continuum, for `EMLINES`,
          from ``qsosed_emlines_*.dat``.
        - ("QSO", "EMLINETRENDS"): structured array, a row for each line, from
          ``emlinetrends_*.fits``: name; wavelength (A), logEW (log10 A, rest) and logWidth
          (log10 A, the Gaussian's sigma), each (3, 2): the mean and the scatter's lower and upper
          end, of each the slope and the intercept against the absolute magnitude
          M_i(z=0) = M_1450 - 0.89.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no redrock template in it.
    OSError, ValueError
        If a file is damaged, or is not what its name says; the message names the file.

    Examples
    --------
    >>> read_templates("nowhere")
    Traceback (most recent call last):
        ...
    FileNotFoundError: nowhere: there is no such folder (expected one with rrtemplate-*.fits)
    """
    folder = folder or os.environ.get("RR_TEMPLATE_DIR")
    if not folder:
        raise FileNotFoundError("no folder of redrock templates is named ($RR_TEMPLATE_DIR)")
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: there is no such folder (expected one with rrtemplate-*.fits)"
        )
    templates = _redrock(folder)
    for pattern, reader in OPTIONAL.items():
        for path in sorted(folder.glob(pattern)):
            with naming(path):
                templates.update(reader(path))
    return templates


def _redrock(folder):
    paths = sorted(folder.glob("rrtemplate-*.fits"))
    if not paths:
        raise FileNotFoundError(f"{folder}: expected redrock's rrtemplate-*.fits, found none")
    templates = {}
    for path in paths:
        with naming(path):
            key, template = _read_redrock(path)
        known = templates.get(key)
        if known is None or known.coefficients is None or template.coefficients is not None:
            templates[key] = template
    return templates


def _read_redrock(path):
    """Return ((RRTYPE, RRSUBTYP), Template) of one file."""
    with open_fits(path) as fits:
        hdu = fits["BASIS_VECTORS"] if "BASIS_VECTORS" in fits else fits[0]
        header = keywords(hdu)
        if "RRTYPE" not in header:
            raise ValueError(
                "expected a redrock template (BASIS_VECTORS with RRTYPE in its header)"
            )
        vectors = np.atleast_2d(read_image(hdu)).astype("f8")  # (K, P), native byte order
        known = read_image(fits["ARCHETYPE_COEFF"]) if "ARCHETYPE_COEFF" in fits else None
    key = tuple(str(header.get(name) or "").strip().upper() for name in ("RRTYPE", "RRSUBTYP"))
    wave = _redrock_wave(header, vectors.shape[-1])
    return key, Template(wave, vectors, None if known is None else known.astype("f8"))


def _redrock_wave(header, size):
    first = number(header, "CRVAL1")
    wave = first + number(header, "CDELT1") * np.arange(size)
    return 10**wave if header.get("LOGLAM") or first < _LARGEST_LOG else wave


def _read_simqso(path):
    with open_fits(path) as fits:
        made = _composite(fits)
        for kind, name in IRON.items():
            if name in fits:
                table = _table(fits[name], "wave", "f_lambda")
                vectors = table["f_lambda"].astype("f8")[None]  # (1, P)
                made["IRON", kind] = Template(table["wave"].astype("f8"), vectors)
    return made


def _composite(fits):
    """Return the emission lines of a composite spectrum; of blends, the first entry."""
    if COMPOSITE not in fits:
        return {}
    table = _table(fits[COMPOSITE], "OWave")
    first = np.unique(table["OWave"], return_index=True)[1]
    return {("QSO", "COMPOSITE"): table[first]}


def _table(hdu, *columns):
    """Return a table, if it has these columns."""
    missing = set(columns) - set(() if is_image(hdu) else hdu.get_colnames())
    if missing:
        where = f"HDU {hdu.get_extname() or hdu.get_extnum()}"
        raise ValueError(f"{where}: expected columns {', '.join(sorted(missing))}, found none")
    return native(hdu.read())


def _read_emlines(path):
    table = np.loadtxt(path, ndmin=2)
    if table.shape[1] <= max(_EMLINES_COLUMNS):
        raise ValueError(f"expected 6 columns, found {table.shape[1]}")
    with np.errstate(divide="ignore", invalid="ignore"):  # a template says what is not finite
        vectors = table[:, _EMLINES_COLUMNS] / table[:, [_EMLINES_CONTINUUM]]
    return {("QSO", "EMLINES"): Template(table[:, 0], np.ascontiguousarray(vectors.T))}


def _read_trends(path):
    with open_fits(path) as fits:
        table = _table(fits[-1], "name", "wavelength", "logEW", "logWidth")
    return {("QSO", "EMLINETRENDS"): table}


OPTIONAL = {
    "simqso_templates.fits": _read_simqso,
    "qsosed_emlines_*.dat": _read_emlines,
    "emlinetrends_*.fits": _read_trends,
}
"""Files that may lie beside redrock's templates -> what reads them."""

"""Reading templates: redrock's eigenvectors, and what goes with them of quasar emission."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..spectra.container import native
from .fits import open_fits

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
    """

    wave: np.ndarray
    vectors: np.ndarray
    coefficients: np.ndarray | None = None


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
            templates.update(reader(path))
    return templates


def _redrock(folder):
    paths = sorted(folder.glob("rrtemplate-*.fits"))
    if not paths:
        raise FileNotFoundError(f"{folder}: expected redrock's rrtemplate-*.fits, found none")
    templates = {}
    for path in paths:
        key, template = _read_redrock(path)
        known = templates.get(key)
        if known is None or known.coefficients is None or template.coefficients is not None:
            templates[key] = template
    return templates


def _read_redrock(path):
    """Return ((RRTYPE, RRSUBTYP), Template) of one file."""
    with open_fits(path) as fits:
        hdu = fits["BASIS_VECTORS"] if "BASIS_VECTORS" in fits else fits[0]
        header = hdu.read_header()
        vectors = hdu.read() if hdu.has_data() else None
        coefficients = fits["ARCHETYPE_COEFF"].read() if "ARCHETYPE_COEFF" in fits else None
    if vectors is None or vectors.dtype.names or not {"RRTYPE", "CRVAL1", "CDELT1"} <= set(header):
        raise ValueError(
            f"{path}: expected a redrock template (an image BASIS_VECTORS with RRTYPE, CRVAL1 "
            "and CDELT1 in its header)"
        )
    vectors = np.atleast_2d(vectors).astype("f8")  # (K, P), native byte order
    if not np.isfinite(vectors).all():
        raise ValueError(f"{path}: expected finite BASIS_VECTORS, found NaN or infinite ones")
    if coefficients is not None:
        coefficients = coefficients.astype("f8")
        if coefficients.ndim != 2 or coefficients.shape[1] != len(vectors):
            raise ValueError(
                f"{path}: expected ARCHETYPE_COEFF (N, {len(vectors)}), found {coefficients.shape}"
            )
    key = tuple(str(header.get(name) or "").strip().upper() for name in ("RRTYPE", "RRSUBTYP"))
    return key, Template(_redrock_wave(header, vectors.shape[1]), vectors, coefficients)


def _redrock_wave(header, size):
    wave = header["CRVAL1"] + header["CDELT1"] * np.arange(size)
    logarithmic = header.get("LOGLAM") or header["CRVAL1"] < _LARGEST_LOG
    return 10**wave if logarithmic else wave


def _read_simqso(path):
    with open_fits(path) as fits:
        tables = {kind: fits[name].read() for kind, name in IRON.items() if name in fits}
        composite = _read_composite(fits)
    return composite | {
        ("IRON", kind): Template(table["wave"].astype("f8"), table["f_lambda"].astype("f8")[None])
        for kind, table in tables.items()
    }


def _read_composite(fits):
    """Return the emission lines of a composite spectrum; of blends, the first entry."""
    if COMPOSITE not in fits:
        return {}
    table = native(fits[COMPOSITE].read())
    first = np.unique(table["OWave"], return_index=True)[1]
    return {("QSO", "COMPOSITE"): table[first]}


def _read_emlines(path):
    table = np.loadtxt(path, ndmin=2)
    if table.shape[1] <= max(_EMLINES_COLUMNS):
        raise ValueError(f"{path}: expected 6 columns, found {table.shape[1]}")
    vectors = table[:, _EMLINES_COLUMNS] / table[:, [_EMLINES_CONTINUUM]]
    return {("QSO", "EMLINES"): Template(table[:, 0], np.ascontiguousarray(vectors.T))}


def _read_trends(path):
    with open_fits(path) as fits:
        table = fits[1].read()
    missing = {"name", "wavelength", "logEW", "logWidth"} - set(table.dtype.names or ())
    if missing:
        raise ValueError(f"{path}: expected columns {', '.join(sorted(missing))}, found none")
    return {("QSO", "EMLINETRENDS"): table.astype(table.dtype.newbyteorder("="))}


OPTIONAL = {
    "simqso_templates.fits": _read_simqso,
    "qsosed_emlines_*.dat": _read_emlines,
    "emlinetrends_*.fits": _read_trends,
}
"""Files that may lie beside redrock's templates -> what reads them."""

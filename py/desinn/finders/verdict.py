"""What is said of absorbers once they are found: their type, and what speaks against them."""

import numpy as np

from ..spectra.lines import C_KMS
from .absorbers import LYA, LYB, MIN_DLA, PROXIMATE, DLAFlag

# A weaker absorber, by so many dex, and so near in A to the Lyman-beta of another, may be that.
_WEAKER, _NEAR = 0.3, 15.0


def judge(found, sightlines, width, nhi_range, min_confidence):
    """Set type and flags of absorbers, in place.

    Parameters
    ----------
    found : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER`, by row; flags that are set stay.
    sightlines : numpy.ndarray
        (B,) of `desinn.finders.absorbers.SIGHTLINE`, which ROW counts.
    width : float
        Of a pixel of the network, dex.
    nhi_range : (float, float)
        Smallest and largest log10 N that the network can say.
    min_confidence : float
        From here on an absorber's Lyman-beta counts.
    """
    line = sightlines[found["ROW"]]
    step = np.maximum(np.log(10) * width * (1 + found["Z_DLA"]), np.nan_to_num(found["Z_DLA_ERR"]))
    edge = (found["Z_DLA"] - line["ZMIN"] < step) | (line["ZMAX"] - found["Z_DLA"] < step)
    found["DLAFLAG"][edge] |= DLAFlag.ZBOUNDARY
    found["DLAFLAG"][(found["NHI"] <= nhi_range[0]) | (found["NHI"] >= nhi_range[1])] |= (
        DLAFlag.NHIBOUNDARY
    )
    before = C_KMS * (line["Z_QSO"] - found["Z_DLA"]) / (1 + line["Z_QSO"])
    found["DLAFLAG"][before < PROXIMATE] |= DLAFlag.PROXIMATE
    is_dla = found["NHI"] >= MIN_DLA
    beta = ~is_dla & _like_beta(found, min_confidence)
    found["ABSORBER_TYPE"] = np.select([is_dla, beta], ["DLA", "LYB"], "SUBDLA")
    found["DLAFLAG"][beta] |= DLAFlag.LYMAN_BETA


def accepted(found, min_nhi, min_confidence):
    """Return which absorbers are fit for a catalogue that is used to mask them.

    Parameters
    ----------
    found : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER`.
    min_nhi, min_confidence : float

    Returns
    -------
    numpy.ndarray
        (A,) bool: strong and confident enough, and without any flag.
    """
    good = (found["NHI"] >= min_nhi) & (found["DLA_CONFIDENCE"] >= min_confidence)
    return good & (found["DLAFLAG"] == 0)


def as_table(found, sightlines, min_nhi, min_confidence):
    """Return the absorbers that are fit for a catalogue, with their sightline's columns.

    Parameters
    ----------
    found : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER`.
    sightlines : numpy.ndarray
        (B,) of `desinn.finders.absorbers.SIGHTLINE`.
    min_nhi, min_confidence : float

    Returns
    -------
    astropy.table.Table
    """
    from astropy.table import Table

    table = Table(found[accepted(found, min_nhi, min_confidence)])
    for place, name in enumerate(("TARGETID", "Z_QSO", "SNR_FOREST", "SNR_REDSIDE")):
        table.add_column(sightlines[name][table["ROW"]], name=name, index=place)
    return table


def _like_beta(found, min_confidence):
    """Return which absorbers stand where a stronger one of their sightline has Lyman-beta.

    They are in the order of their rows.
    """
    like = np.zeros(len(found), bool)
    sure = found["DLA_CONFIDENCE"] >= min_confidence
    for strong in np.flatnonzero(sure & (found["NHI"] >= MIN_DLA)):
        one = found[strong]
        row = slice(*np.searchsorted(found["ROW"], [one["ROW"], one["ROW"] + 1]))
        apart = np.abs(LYB * (1 + one["Z_DLA"]) - LYA * (1 + found["Z_DLA"][row]))
        like[row] |= (found["NHI"][row] <= one["NHI"] - _WEAKER) & (apart < _NEAR)
    return like

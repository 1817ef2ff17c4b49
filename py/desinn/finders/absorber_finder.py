"""What all finders of absorbers share."""

import numpy as np

from ..nn.ops import show
from .absorbers import DLAFlag
from .verdict import as_table

CORE = 1000.0
"""An absorber's core reaches so far to either side, km/s."""


class AbsorberFinder:
    """A finder that is asked for everything on a sightline, and for what a catalogue takes of it.

    Who derives from it has `network`, `min_confidence`, the file's own threshold, and ``search``.
    """

    def find(self, spectra, z, min_nhi=20.3, min_confidence=None):
        """Find absorbers that are fit for a catalogue.

        Parameters
        ----------
        spectra : desinn.spectra.Spectra
            B spectra.
        z : array_like
            (B,) redshifts of the quasars; NaN where there is none.
        min_nhi : float
            Least log10 of the column density.
        min_confidence : float, optional
            In place of the file's own threshold.

        Returns
        -------
        astropy.table.Table
            An absorber a row: TARGETID, Z_QSO, SNR_FOREST, SNR_REDSIDE and the columns of
            `desinn.finders.absorbers.ABSORBER`; those without any flag.
        """
        least = self.min_confidence if min_confidence is None else min_confidence
        return as_table(*self.search(spectra, z), min_nhi, least)

    def _check_shapes(self, taken, outputs, given):
        """Raise unless the network takes one shape, and gives another for each of its outputs."""
        graph = self.network.graph
        shapes = list(graph.inputs.values())
        if shapes != [taken]:
            raise ValueError(f"inputs: expected one of {show(taken)}, found {shapes}")
        found = {name: graph.shapes[node] for name, node in graph.outputs.items()}
        if found != dict.fromkeys(outputs, given):
            expected = f"{', '.join(outputs)} of {show(given)}"
            raise ValueError(f"outputs: expected {expected}, found {found}")


def redshifts_of(spectra, z):
    """Return the redshifts of some spectra as an array, or raise.

    Parameters
    ----------
    spectra : desinn.spectra.Spectra
    z : array_like

    Returns
    -------
    numpy.ndarray
        (B,) float64; NaN where a masked array or column has none.

    Raises
    ------
    ValueError
        If there are not as many as spectra.
    """
    z = np.asarray(np.ma.filled(np.ma.asarray(z, np.float64), np.nan))  # of a column, too
    if z.shape != (len(spectra),):
        raise ValueError(f"z: expected one for each of {len(spectra)} spectra, found {z.shape}")
    return z


def mark_gaps(found, has_data, place, reach):
    """Flag absorbers most of whose core has no data, in place.

    Parameters
    ----------
    found : numpy.ndarray
        (A,) of `desinn.finders.absorbers.ABSORBER`; ROW counts the rows of `has_data`.
    has_data : numpy.ndarray
        (B, N) bool, of pixels.
    place : numpy.ndarray
        (A,) int: the pixel that each absorber is in.
    reach : int
        Pixels of the core on either side.
    """
    near = place[:, None] + np.arange(-reach, reach + 1)  # (A, pixels)
    inside = (near >= 0) & (near < has_data.shape[1])
    near = np.clip(near, 0, has_data.shape[1] - 1)
    has = has_data[found["ROW"][:, None], near] & inside
    found["DLAFLAG"][has.mean(axis=1) < 0.5] |= DLAFlag.FEW_PIXELS

"""Where a line stands in a network's boxes: what `QSOFinder` reads, the other way round."""

import numpy as np


def boxes(grid, n_boxes, rest, z):
    """Return the box that a line falls into at a redshift, and where in the box it stands.

    The line stands at ``box + offset``, in units of ``grid.size / n_boxes`` bins, counted from
    the lower edge of the first bin (Busca & Balland 2018, section 3).

    Parameters
    ----------
    grid : desinn.spectra.Grid
        The network's bins.
    n_boxes : int
        Number of boxes.
    rest : float
        Rest wavelength of the line in A.
    z : array_like, shape (B,)
        Redshifts; NaN or inf where there is no line to be found.

    Returns
    -------
    box : ndarray of int64, shape (B,)
        0 to n_boxes - 1, or -1 where the line is not between the lower edges of first and last
        bin.
    offset : ndarray of float64, shape (B,)
        From 0 to below 1; 0 where box is -1.

    Examples
    --------
    >>> from desinn.spectra import Grid
    >>> box, offset = boxes(Grid.log(), 13, 1215.67, [2.5, 1.0, np.nan])
    >>> box.tolist(), offset.round(2).tolist()
    ([2, -1, -1], [0.13, 0.0, 0.0])
    """
    observed = rest * (1 + np.asarray(z, np.float64))  # (B,)
    edges = grid.wave
    inside = (observed >= edges[0]) & (observed <= edges[-1])
    where = place(grid, n_boxes, np.where(inside, observed, edges[0]))
    box = np.floor(where)
    return np.where(inside, box, -1).astype(np.int64), np.where(inside, where - box, 0.0)


def place(grid, n_boxes, wave):
    """Return where wavelengths stand, in boxes from the lower edge of the first bin.

    Parameters
    ----------
    grid : desinn.spectra.Grid
    n_boxes : int
    wave : array_like
        Wavelengths in A; those off the grid are taken to its ends, as `QSOFinder` does.

    Returns
    -------
    ndarray of float64
        From 0 to below `n_boxes`, in the shape of `wave`.
    """
    return np.interp(wave, grid.wave, np.arange(grid.size)) * n_boxes / grid.size

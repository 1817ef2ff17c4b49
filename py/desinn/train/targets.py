"""What a network shall say of each spectrum: boxes and offsets from the truth.

Source: Busca & Balland 2018 (arXiv:1808.09955), section 3.
"""

import numpy as np

from ..finders.targets import boxes


def qso_targets(finder, truth):
    """Return the target of each output for each spectrum.

    Parameters
    ----------
    finder : desinn.finders.qso.QSOFinder
    truth : structured array, shape (B,)
        TRUESPECTYPE (``QSO`` or anything else), TRUEZ, and BI (km/s; NaN where unknown).

    Returns
    -------
    ndarray of float32, shape (B, outputs, 2 * boxes + 1)
        In the order of the finder's lines, then BAL lines: 1 in the box that the line is in and 0
        in the others, the offset in that box and 0 in the others, and last whether the target is
        known (1 or 0). All boxes are 0 where the line is off the grid, and where the object is
        no quasar. Whether there is broad absorption is unknown in quasars whose BI is NaN or
        whose line is off the grid.
    """
    count = finder.network.header["interpret"]["boxes"]
    heads = [*finder.lines, *finder.bal_lines]
    target = np.zeros((len(truth), len(heads), 2 * count + 1), np.float32)
    target[..., -1] = 1
    is_qso = truth["TRUESPECTYPE"] == "QSO"
    z = np.where(is_qso, truth["TRUEZ"], np.nan)
    for head, rest in enumerate(finder.lines.values()):
        _mark(target[:, head], *boxes(finder.grid, count, rest, z), count)
    for head, rest in enumerate(finder.bal_lines.values(), len(finder.lines)):
        box, offset = boxes(finder.grid, count, rest, z)
        known = ~is_qso | (np.isfinite(truth["BI"]) & (box >= 0))
        has_bal = known & (np.nan_to_num(truth["BI"]) > 0)
        _mark(target[:, head], np.where(has_bal, box, -1), offset, count)
        target[:, head, -1] = known
    return target


def _mark(target, box, offset, count):
    """Enter the boxes that are not -1 into the target of one head, (B, 2 * count + 1)."""
    rows = np.flatnonzero(box >= 0)
    target[rows, box[rows]] = 1
    target[rows, count + box[rows]] = offset[rows]

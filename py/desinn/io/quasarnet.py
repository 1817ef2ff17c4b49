"""What the published QuasarNETs mean: put into the header, for their files do not say it.

The facts are those of the code that trained and runs them (QuasarNET, QuasarNP).
"""

import numpy as np

from ..spectra import LINES, NORMALIZATION, Grid
from ..spectra.container import naming

BOXES = 13
OUTPUTS = ("LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha", "CIV_BAL")
"""The lines of the outputs, in their order; the last one is broad absorption at CIV."""
GRIDS = {443: Grid.log(), 458: Grid.linear()}
"""The grid of a file that does not hold its own, by the number of bins."""


def is_quasarnet(header, arrays):
    """Return whether a network from Keras has QuasarNET's inputs and outputs.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray

    Returns
    -------
    bool
    """
    boxes = [arrays.get(f"fc_box_{i}/bias", np.empty(0)).size for i in range(len(OUTPUTS))]
    shapes = [entry["shape"] for entry in header["inputs"]]
    one_channel = len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] == 1
    return one_channel and len(header["outputs"]) == len(OUTPUTS) and set(boxes) == {BOXES}


def describe_quasarnet(header, grid):
    """Return the header of a published QuasarNET with all that its use needs.

    Parameters
    ----------
    header : dict
        As `desinn.io.keras.read_keras` returns it; not changed.
    grid : dict
        The same function's ``wave``, where the file has it.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the number of bins is none that was published and the file holds no grid.
    """
    outputs = dict(zip(OUTPUTS, header["outputs"].values(), strict=True))
    lines = [{"name": name, "wave": LINES[name]} for name in OUTPUTS[:-1]]
    return {
        **header,
        "kind": "qso",
        "outputs": outputs,
        "prepare": {
            "grid": _grid(header["inputs"][0]["shape"][0], grid).to_header(),
            "normalize": NORMALIZATION,
        },
        "interpret": {
            "boxes": BOXES,
            "lines": lines,
            "bal_lines": [{"name": "CIV_BAL", "wave": LINES["CIV"]}],
            "c_thresh": 0.5,
            "n_thresh": 1,
            "z_within": 0.0,
        },
    }


def _grid(size, stated):
    """Return the grid that the file states, else the published one of this size."""
    if "wave" not in stated:
        if size not in GRIDS:
            sizes = ", ".join(map(str, GRIDS))
            raise ValueError(
                f"grid: expected one of {sizes} bins or a model_grid, found {size} bins"
            )
        return GRIDS[size]
    wave = stated["wave"]
    if wave.shape != (size,):
        raise ValueError(f"model_grid: expected shape ({size},), found {wave.shape}")
    with naming("model_grid"):
        return Grid.from_wave(wave)

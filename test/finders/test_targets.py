"""Boxes and offsets: hand values, and back through the finder."""

import numpy as np
import pytest

from desinn.finders.qso import QSOFinder
from desinn.finders.targets import boxes, place
from desinn.nn import Network
from desinn.spectra import LINES, Grid
from helpers.spectra import quasar_model


def test_hand_values():
    grid = Grid.linear(4000.0, 10.0, 26)  # 13 boxes of two bins
    box, offset = boxes(grid, 13, 1000.0, [3, 3.021, 3.035, 3.25, 3.2501, 2.999, np.nan, np.inf])
    assert box.tolist() == [0, 1, 1, 12, -1, -1, -1, -1]
    assert offset == pytest.approx([0, 0.05, 0.75, 0.5, 0, 0, 0, 0])
    assert (box.dtype, offset.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("grid", [Grid.log(), Grid.linear()])
def test_the_finder_reads_the_redshift_back(grid):
    z = np.random.default_rng(1).uniform(2.0, 5.0, 50)
    header, arrays = quasar_model()
    if grid.size != 443:
        header["inputs"][0]["shape"][0] = grid.size
        header["prepare"]["grid"] = grid.to_header()
        from helpers.cases import arrays_for

        arrays = arrays_for(header)
    finder = QSOFinder(Network(header, arrays))
    box, offset = boxes(finder.grid, 13, LINES["LYA"], z)
    output = np.zeros((50, 26))
    output[np.arange(50), box] = 1
    output[np.arange(50), 13 + box] = offset
    outputs = dict.fromkeys(finder.network.graph.outputs, output)
    rows = finder.interpret(outputs, np.zeros(50, np.int32))
    np.testing.assert_allclose(rows["Z_LYA"], z, rtol=1e-12)


def test_places_off_the_grid_are_its_ends():
    grid = Grid.log()
    assert place(grid, 13, [1000.0, grid.wave[0], 20000.0]).tolist() == [0, 0, 442 * 13 / 443]

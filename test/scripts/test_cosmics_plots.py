"""Pictures of images with marks: what is in them, without eyes."""

import numpy as np
import pytest

from desinn.scripts.cosmics_plots import binned, largest_groups, plot_marks
from helpers.cosmics import frame


def drawn(path):
    from matplotlib.image import imread

    picture = imread(path)[..., :3]
    red = (picture[..., 0] > 0.8) & (picture[..., 1:] < 0.3).all(axis=-1)
    cyan = (picture[..., 1:] > 0.8).all(axis=-1) & (picture[..., 0] < 0.3)
    return picture, red, cyan


def test_marks_are_red_and_groups_framed(tmp_path):
    one = frame()
    found = one.image > 100
    bad = one.mask & 1 > 0
    plot_marks(tmp_path / "marks.png", one.image, found, bad, 3.0, "an exposure")
    picture, red, cyan = drawn(tmp_path / "marks.png")
    assert picture.shape[:2] == (900, 1400)
    left, right = red[:, :900], red[:, 900:]
    assert 1e-3 < left.mean() < 0.1  # whole pixels
    assert 1e-4 < right.mean() < 0.05  # their outlines
    assert 1e-4 < cyan.mean() < 0.02
    plot_marks(tmp_path / "none.png", one.image, found & False, bad, 3.0, "without marks")
    _, red, cyan = drawn(tmp_path / "none.png")
    assert not red.any()
    assert not cyan.any()


@pytest.mark.parametrize("shape", [(1, 1), (5, 2000), (1700, 3)])
def test_odd_shapes_and_no_good_pixel(tmp_path, shape):
    found = np.zeros(shape, bool)
    found[0, -1] = True
    plot_marks(tmp_path / "odd.png", np.full(shape, np.nan), found, ~found, 0.0, "odd")
    plot_marks(tmp_path / "odd.png", np.ones(shape), found, found & False, 0.0, "odd")
    assert drawn(tmp_path / "odd.png")[1].any()


def test_the_largest_groups():
    found = np.zeros((100, 300), bool)
    found[10, 20:23] = True
    found[40, 200] = found[41, 201] = True  # touch at their corners
    found[90:, 299] = True
    found[60, 100:200] = True
    groups = largest_groups(found, 3)
    assert [group.size for group in groups] == [100, 10, 3]
    # A square of the group and 8 pixels around it, or of 48; within the image.
    assert groups[0].window == (slice(0, 100), slice(92, 208))
    assert groups[1].window == (slice(52, 100), slice(252, 300))
    assert groups[2].window == (slice(0, 48), slice(0, 48))
    assert len(largest_groups(found, 9)) == 4
    assert largest_groups(found & False, 9) == []


def test_binning():
    values = np.arange(15).reshape(3, 5)
    expected = [[0 + 1 + 5 + 6, 2 + 3 + 7 + 8, 4 + 9], [10 + 11, 12 + 13, 14]]
    assert binned(values, 2).tolist() == expected
    np.testing.assert_array_equal(binned(values, 1), values)

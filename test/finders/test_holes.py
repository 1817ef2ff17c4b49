"""Bad pixels are interpolated from their neighbours, along y first."""

import numpy as np

from desinn.finders.holes import fill_holes


def filled(image, bad, **options):
    image = np.float32(image)
    spoiled = np.where(bad, np.float32(np.nan), image)
    result = fill_holes(spoiled, np.asarray(bad, bool), **options)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result[~np.asarray(bad, bool)], image[~np.asarray(bad, bool)])
    return result


def test_a_slope_along_y_comes_back():
    y, x = np.mgrid[:12, :5]
    image = 10.0 * x + 3.0 * y
    bad = np.zeros((12, 5), bool)
    bad[3:7, 2] = bad[5, 3] = True
    np.testing.assert_allclose(filled(image, bad), image, rtol=1e-6)


def test_at_the_ends_the_only_neighbour_counts():
    image = np.arange(6.0)[:, None] * np.ones((1, 2))
    bad = np.zeros((6, 2), bool)
    bad[:2, 0] = bad[5, 1] = True
    result = filled(image, bad)
    assert result[:2, 0].tolist() == [2, 2]
    assert result[5, 1] == 4


def test_a_whole_column_is_taken_from_its_sides():
    image = np.ones((30, 1)) * np.array([1.0, 2.0, 3.0, 4.0])
    bad = np.zeros((30, 4), bool)
    bad[:, 1] = True
    np.testing.assert_allclose(filled(image, bad), image, rtol=1e-6)


def test_what_has_no_neighbour_is_zero():
    bad = np.ones((25, 25), bool)
    bad[0, 0] = False
    result = filled(np.full((25, 25), 5.0), bad, reach=4)
    assert result[4, 0] == result[0, 4] == 5
    assert result[5, 0] == result[1, 1] == result[24, 24] == 0


def test_a_good_image_is_left_alone():
    image = np.ones((3, 3), np.float32)
    assert fill_holes(image, np.zeros((3, 3), bool)) is image

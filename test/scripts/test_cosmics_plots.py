"""Pictures of images with marks: what is in them, without eyes."""

import numpy as np
import pytest

from desinn.finders.ray_groups import RAY, measure_rays
from desinn.scripts import cosmics_plots
from desinn.scripts.cosmics_plots import binned, chosen_rays, plot_marks
from helpers.cosmics import frame

NO_RAYS = np.zeros(0, RAY)


def rays_at(*places):
    """Return rays of these (charge, probability, first y, first x, last y, last x)."""
    rays = np.zeros(len(places), RAY)
    names = ("CHARGE", "MAXPROB", "YMIN", "XMIN", "YMAX", "XMAX")
    for ray, place in zip(rays, places, strict=True):
        for name, value in zip(names, place, strict=True):
            ray[name] = value
    return rays


@pytest.fixture
def figures(monkeypatch):
    """Figures in place of files."""
    kept = []
    monkeypatch.setattr(cosmics_plots, "save_figure", lambda path, figure: kept.append(figure))
    return kept


def drawn(path):
    from matplotlib.image import imread

    picture = imread(path)[..., :3]
    red = (picture[..., 0] > 0.8) & (picture[..., 1:] < 0.3).all(axis=-1)
    cyan = (picture[..., 1:] > 0.8).all(axis=-1) & (picture[..., 0] < 0.3)
    return picture, red, cyan


def test_marks_are_red_and_groups_framed(tmp_path):
    one = frame(shape=(70, 90))
    found = one.image > 100
    bad = one.mask & 1 > 0
    rays = measure_rays(one.image, one.image / 1000, found, bad)
    plot_marks(tmp_path / "marks.png", one.image, found, bad, 3.0, rays, "an exposure")
    picture, red, cyan = drawn(tmp_path / "marks.png")
    assert picture.shape[:2] == (900, 1400)
    left, right = red[:, :900], red[:, 900:]
    assert 1e-4 < left.mean() < 0.1  # whole pixels
    assert 1e-4 < right.mean() < 0.05  # their outlines
    assert 1e-4 < cyan.mean() < 0.02
    plot_marks(tmp_path / "none.png", one.image, found & False, bad, 3.0, NO_RAYS, "none")
    _, red, cyan = drawn(tmp_path / "none.png")
    assert not red.any()
    assert not cyan.any()


@pytest.mark.parametrize("shape", [(1, 1), (5, 2000), (1700, 3)])
def test_odd_shapes_and_no_good_pixel(tmp_path, shape):
    found = np.zeros(shape, bool)
    found[0, -1] = True
    rays = rays_at((9, 1, 0, shape[1] - 1, 0, shape[1] - 1))
    plot_marks(tmp_path / "odd.png", np.full(shape, np.nan), found, ~found, 0.0, rays, "odd")
    plot_marks(tmp_path / "odd.png", np.ones(shape), found, found & False, 0.0, rays, "odd")
    assert drawn(tmp_path / "odd.png")[1].any()


def test_the_brightest_and_the_most_doubtful():
    rays = rays_at(*((charge, 0.5 + 0.01 * charge, 1, 1, 1, 1) for charge in range(10)))
    assert chosen_rays(rays) == {0: 9, 1: 8, 2: 7, 3: 0, 4: 1, 5: 2}
    rays["MAXPROB"][9] = 0.4  # bright and doubtful: it is there once
    assert chosen_rays(rays) == {0: 9, 1: 8, 2: 7, 3: 0, 4: 1, 5: 2}
    assert chosen_rays(rays[:4]) == {0: 3, 1: 2, 2: 1, 3: 0}
    assert chosen_rays(rays[:2]) == {0: 1, 1: 0}
    assert chosen_rays(NO_RAYS) == {}


def test_cut_outs_and_their_labels(figures):
    image = np.zeros((100, 300))
    rays = rays_at((5000, 1, 60, 100, 60, 199), (20, 0.501, 10, 20, 10, 22),
                   (900.4, 0.9996, 90, 299, 99, 299), (800, 1, 50, 50, 50, 50))  # fmt: skip
    rays["NPIX"] = 100, 3, 10, 1
    plot_marks("none.png", image, image > 1, image > 1, 3.0, rays, "title")
    left, *panels = figures[0].axes
    labels = {panel.get_title(): (*panel.get_xlim(), *panel.get_ylim()) for panel in panels}
    # Squares of the ray and 8 pixels around it, or of 48; within the image.
    assert labels["1: 100 pixels, 5000 e, p 1.000"] == (91.5, 207.5, -0.5, 99.5)
    assert labels["2: 10 pixels, 900 e, p 1.000"] == (251.5, 299.5, 51.5, 99.5)
    assert "3: 1 pixel, 800 e, p 1.000" in labels
    assert labels["4: 3 pixels, 20 e, p 0.501"] == (-0.5, 47.5, -0.5, 47.5)
    assert [text.get_text().strip() for text in left.texts] == ["1", "2", "3", "4"]
    assert "3 most doubtful" in figures[0].get_suptitle()


def test_binning():
    values = np.arange(15).reshape(3, 5)
    expected = [[0 + 1 + 5 + 6, 2 + 3 + 7 + 8, 4 + 9], [10 + 11, 12 + 13, 14]]
    assert binned(values, 2).tolist() == expected
    np.testing.assert_array_equal(binned(values, 1), values)

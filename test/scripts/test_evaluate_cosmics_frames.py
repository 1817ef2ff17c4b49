"""Whole images of an evaluation: which part of which is drawn, and in which colours."""

import numpy as np
import pytest

from desinn.io.ccd_truth import CcdTruth, Truth
from desinn.io.preproc import Preproc
from desinn.scripts.evaluate_cosmics_frames import COLORS, FirstFrames, busiest, picture
from desinn.scripts.plots import save_figure
from helpers.cosmic_frames import SHAPE, make_frame

MARKED = np.zeros(SHAPE, bool)
MARKED[10, 22:32] = True  # two pixels of ten are missed, two beside the ray's end are marked
MARKED[35, 5:8] = True


def kept(camera="r1", marked=MARKED, **parts):
    """Return what is kept of an image."""
    frames = FirstFrames()
    frames.add(*make_frame(CAMERA=camera, **parts), marked, 0.5, "a.fits")
    return frames


def marks_of(figure):
    """Return what the last panel says: places of each colour, numbers in the legend, rings."""
    from matplotlib.colors import to_rgb

    axes = figure.axes[2]
    shown = axes.get_images()[0].get_array()
    places = {
        name: [tuple(at) for at in np.argwhere((shown == np.float32(to_rgb(color))).all(axis=-1))]
        for name, color in COLORS.items()
    }
    numbers = [text.get_text() for text in axes.get_legend().get_texts()]
    rings = [one.get_offsets().tolist() for one in axes.collections]
    return places, numbers, rings


def test_the_first_of_each_arm():
    frames = FirstFrames()
    for camera, name in (("r1", "a"), ("b3", "b"), ("r2", "c"), ("b3", "d")):
        frames.add(*make_frame(CAMERA=camera), MARKED, 0.5, name)
    titles = {arm: piece.title for arm, piece in frames.pieces.items()}
    assert titles == {
        "r": "a: camera r1, science, y 0-39, x 0-59",
        "b": "b: camera b3, science, y 0-39, x 0-59",
    }
    assert list(frames.draw()) == ["cosmics-frame-b", "cosmics-frame-r"]


def test_probabilities_are_cut_at_the_threshold():
    found = np.full(SHAPE, 0.3, np.float32)
    found[4, 5] = 0.31
    frames = FirstFrames()
    frames.add(*make_frame(), found, np.float32(0.3), "a")
    assert np.argwhere(frames.pieces["r"].marked).tolist() == [[4, 5]]


def test_colours_and_numbers():
    places, numbers, rings = marks_of(kept().draw()["cosmics-frame-r"])
    assert places == {
        "true": [(10, x) for x in range(22, 30)],
        "missed": [(10, 20), (10, 21), (30, 40)],
        "false": [(10, 31), (35, 5), (35, 6), (35, 7)],
        "at a ray's edge": [(10, 30)],
        "masked": [],
    }
    assert numbers == ["true: 8", "missed: 3", "false: 4", "at a ray's edge: 1"]
    # The track has marks, the spot has none.
    assert rings == [[[40, 30]], [[31, 10], [6, 35]]]


def test_masked_pixels_are_neither_true_nor_missed():
    frame, truth = make_frame()
    frame.mask[10, 20:25] = 1
    frame.image[35, 5] = np.nan
    frames = FirstFrames()
    frames.add(frame, truth, MARKED, 0.5, "a")
    places, numbers, _ = marks_of(frames.draw()["cosmics-frame-r"])
    assert numbers == ["true: 5", "missed: 1", "false: 3", "at a ray's edge: 1"]
    assert places["masked"] == [*((10, x) for x in range(20, 25)), (35, 5)]


def test_only_a_part_of_a_large_image():
    shape = (1500, 1100)
    image = np.zeros(shape, np.float32)
    frame = Preproc(image, image + 1, np.zeros(shape, int), 2.0, {"CAMERA": "Z5"})
    bits = np.zeros(shape, np.uint8)
    bits[1400:, 1090:] = Truth.RAY | Truth.TOUCHED
    image[1499, 1099] = 12
    no = np.zeros(0, np.int64)
    truth = CcdTruth(bits, np.zeros(0, [("KIND", "U4")]), no, no, no.astype(np.float32))
    frames = FirstFrames()
    frames.add(frame, truth, bits > 0, 0.5, "a")
    piece = frames.pieces["z"]
    assert piece.title == "a: camera z5, unknown, y 476-1499, x 76-1099"
    assert piece.corner == (476, 76)
    assert piece.image[-1, -1] == 6  # in noises
    assert piece.ray.sum() == piece.marked.sum() == 1000
    assert all(layer.base is None for layer in piece[3:])  # the whole is not kept
    figure = picture(piece)
    assert figure.axes[0].get_xlim() == (75.5, 1099.5)
    # A point of the picture is a pixel.
    width = figure.axes[2].get_position().width * figure.get_figwidth() * 100
    assert width == pytest.approx(1024)


def test_the_busiest_part():
    where = np.zeros((300, 500), bool)
    assert busiest(where, 100) == (slice(0, 100), slice(0, 100))
    where[:, 450] = True
    where[200:300:2, 470] = True
    rows, columns = busiest(where, 128)
    assert where[rows, columns].sum() == 128 + 50
    assert busiest(where, 1000) == (slice(0, 300), slice(0, 500))
    assert busiest(where, 7) == (slice(0, 7), slice(448, 455))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1300)])
def test_odd_shapes(tmp_path, shape):
    piece = kept().pieces["r"]
    layers = [np.zeros(shape, layer.dtype) for layer in piece[2:]]
    save_figure(tmp_path / "a.png", picture(replace_layers(piece, layers)))
    layers[-1][:] = True  # nothing but masked pixels
    layers[0][:] = np.nan
    save_figure(tmp_path / "b.png", picture(replace_layers(piece, layers)))
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def replace_layers(piece, layers):
    return type(piece)(piece.title, piece.corner, *layers)


def test_rays_are_brighter_with_more_charge(tmp_path):
    piece = kept(rays=([(5, 5, 40.0)], [(5, 10, 4000.0)])).pieces["r"]
    figure = picture(piece)
    shown = figure.axes[1].get_images()[0].get_array()
    assert shown[5, 10].sum() > shown[5, 5].sum() + 0.5 > 1
    assert shown[6, 5].sum() == 0

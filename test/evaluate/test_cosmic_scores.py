"""Images that are added one by one: groups, rays, the worst cut-outs."""

import numpy as np
import pytest

from desinn.evaluate.cosmic_counts import FALSE, RAYS, STRICT
from desinn.evaluate.cosmic_cutouts import REACH
from desinn.evaluate.cosmic_pixels import RING
from desinn.evaluate.cosmic_scores import CosmicScores, Group
from helpers.cosmic_frames import SHAPE, SPOT, TRACK, make_frame


def scored(*headers, marks=None, **parts):
    scores = CosmicScores()
    for number, header in enumerate(headers or ({},)):
        frame, truth = make_frame(**parts, **header)
        found = np.zeros(SHAPE, bool)
        for place in TRACK[:5] if marks is None else marks:
            found[place[:2]] = True
        scores.add(frame, truth, found, name=f"{number}.fits")
    return scores


def test_masks_of_others():
    scores = scored(marks=[*TRACK[:5], (9, 20), (0, 0)])  # five, a neighbour, a false one
    counts = scores.select()
    assert (counts.rate(RAYS).k, counts.rate(RAYS).n) == (5, 11)
    assert (counts.rate([RING]).k, counts.rate(FALSE).k, counts.rate(STRICT).k) == (1, 1, 2)
    assert (counts.precision().k, counts.precision().n) == (5, 6)
    assert (counts.precision(STRICT).k, counts.precision(STRICT).n) == (5, 7)
    assert scores.rays()["FOUND"].tolist() == [True, False]


def test_probabilities_and_masks_say_the_same():
    frame, truth = make_frame()
    found = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    masks, values = CosmicScores(), CosmicScores()
    masks.add(frame, truth, found > 0.8)
    values.add(frame, truth, found, 0.8)
    np.testing.assert_array_equal(masks.select().marked, values.select().marked)
    np.testing.assert_array_equal(masks.rays()["FOUND"], values.rays()["FOUND"])


def test_groups():
    scores = scored({"CAMERA": "b1"}, {"CAMERA": "z5", "KIND": "arc", "DEVICE": "thickest"},
                    {"CAMERA": "z2", "KIND": "arc"})  # fmt: skip
    assert scores.groups() == [
        Group("b", "science", "thick"), Group("z", "arc", "thick"), Group("z", "arc", "thickest"),
    ]  # fmt: skip
    assert scores.select(arm="z").frames == 2
    assert scores.select(arm="z", device="thick").frames == 1
    assert scores.select(arm=None).frames == 3
    assert scores.select(exposure="flat").frames == 0
    assert len(scores.rays(exposure="arc")) == 4
    assert len(scores.rays(exposure="flat")) == 0
    assert scores.values("exposure") == ["arc", "science"]


def test_the_worst_are_kept():
    scores = CosmicScores(worst=2)
    for number, electrons in enumerate((300.0, 900.0, 500.0)):
        frame, truth = make_frame(rays=([(10, 20, electrons)], SPOT))
        found = np.zeros(SHAPE, bool)
        found[0, : number + 1] = True
        scores.add(frame, truth, found, name=f"{number}.fits")
    missed, false = ([cutout.about for cutout in scores.cutouts[k]] for k in ("missed", "false"))
    assert [(m["name"], m["charge"]) for m in missed] == [("1.fits", 900), ("2.fits", 500)]
    assert [(f["name"], f["npix"], f["x"]) for f in false] == [
        ("2.fits", 3, 1),
        ("1.fits", 2, 0.5),
    ]
    assert missed[0].items() >= {"kind": "muon", "npix": 1, "marked": 0, "y": 10, "x": 20}.items()
    assert len(scores.cutouts["false"]) == 2


def test_false_marks_are_regions_and_say_how_sure_they_are():
    frame, truth = make_frame(line=[(1, 1)])
    found = np.zeros(SHAPE, np.float32)
    found[0, 0], found[1, 1], found[5, 50], found[35, 5] = 0.7, 0.8, 0.9, 0.4
    scores = CosmicScores()
    scores.add(frame, truth, found)
    about = [cutout.about for cutout in scores.cutouts["false"]]
    assert [(a["npix"], a["line"], round(a["best"], 3)) for a in about] == [
        (2, 1, 0.8),
        (1, 0, 0.9),
    ]


def test_cut_outs_show_where_they_are():
    frame, truth = make_frame()
    frame.mask[30, 45] = 1
    scores = CosmicScores()
    scores.add(frame, truth, np.zeros(SHAPE, bool))
    track, spot = scores.cutouts["missed"]
    assert track.image.shape == track.ray.shape == (2 * REACH + 1,) * 2
    assert track.ray.sum() == 10
    assert track.image[REACH, REACH] == 400
    assert np.isnan(track.image[: REACH - 10]).all()  # above row 0
    assert spot.image[REACH, REACH] == 12  # its centre is half a pixel to the right: to even
    assert np.isnan(spot.image[REACH, REACH + 5])
    assert not track.marked.any()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros((3, 3), bool), r"found: expected shape \(40, 60\) as the image's, found \(3, 3"),
        (np.zeros(SHAPE, int), "found: expected bool, or floats from 0 to 1, found int64"),
        (np.full(SHAPE, 1.5), "found float64 from 1.5 to 1.5"),
        (np.full(SHAPE, np.nan), "from nan to nan"),
    ],
)
def test_what_is_no_probability(found, message):
    frame, truth = make_frame()
    with pytest.raises(ValueError, match=message):
        CosmicScores().add(frame, truth, found)


def test_truth_of_another_image():
    frame, truth = make_frame()
    truth.bits = truth.bits[:10]
    with pytest.raises(ValueError, match="truth: expected shape"):
        CosmicScores().add(frame, truth, np.zeros(SHAPE, bool))

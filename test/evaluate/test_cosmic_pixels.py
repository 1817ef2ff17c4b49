"""Classes of pixels, and what a ray's own are, on images small enough to count."""

import numpy as np
import pytest

from desinn.evaluate.cosmic_pixels import (
    CLEAN,
    LEFT_OUT,
    LINE,
    RAY,
    RING,
    SNR_EDGES,
    classes_of,
    device_of,
    exposure_kind,
    judge_rays,
    own_pixels,
)
from helpers.cosmic_frames import SHAPE, TRACK, make_frame

BINS = len(SNR_EDGES) + 1


def classified(**parts):
    frame, truth = make_frame(**parts)
    return classes_of(frame, truth, truth.charge())


def judged(probability, threshold=0.5, **parts):
    frame, truth = make_frame(**parts)
    charge = truth.charge()
    rows = own_pixels(truth, classes_of(frame, truth, charge), charge)
    return judge_rays(truth, rows, probability, threshold, exposure_kind(frame))


def probability(places):
    result = np.zeros(SHAPE, np.float32)
    for y, x, value in places:
        result[y, x] = value
    return result


def test_classes():
    classes = classified(line=[(5, slice(7, 9)), (10, 20)], trace=[(10, slice(20, 24))])
    assert (classes == LINE).sum() == 2  # the third is part of a ray
    on, between = classes[10, 20:24], classes[10, 24:30]
    assert set(on) == {RAY + BINS - 1}  # S/N of 133
    assert set(between) == {RAY + 2 * BINS - 1}
    assert classes[30, 40] == RAY + BINS  # S/N of 4, between traces
    ring = classes == RING
    assert ring.sum() == 3 * 12 - 10 + 8
    assert ring[30, 41]  # 2 electrons
    assert (classes == CLEAN).sum() == classes.size - 10 - 1 - ring.sum() - 2


@pytest.mark.parametrize("kind", ["dark", "bias", "zero"])
def test_exposures_without_light_have_no_traces(kind):
    classes = classified(trace=[(slice(None), slice(None))], KIND=kind)
    assert set(classes[10, 20:30]) == {RAY + 3 * BINS - 1}


def test_light_is_noise():
    assert classified()[10, 20] == RAY + 2 * BINS - 1
    assert classified(light=1000.0)[10, 20] == RAY + BINS + 2  # 400 / sqrt(9 + 1000)


def test_bad_pixels_are_left_out():
    frame, truth = make_frame()
    frame.mask[0, 0], frame.mask[0, 1], frame.ivar[10, 20] = 1, 16, 0
    classes = classes_of(frame, truth, truth.charge())
    assert np.argwhere(classes == LEFT_OUT).tolist() == [[0, 0], [10, 20]]


def test_what_is_said_in_other_headers():
    frame, _ = make_frame()
    frame.header = {"CAMERA": "b1", "FLAVOR": "ARC ", "CCDTYPE": "ITL"}
    assert (exposure_kind(frame), device_of(frame)) == ("arc", "ITL")
    frame.header = {"CAMERA": "b1"}
    assert (exposure_kind(frame), device_of(frame)) == ("unknown", "unknown")


@pytest.mark.parametrize(("marked", "found"), [(4, False), (5, True), (10, True)])
def test_a_ray_is_found_by_half_of_its_pixels(marked, found):
    rays = judged(probability([(y, x, 0.9) for y, x, _ in TRACK[:marked]]))
    assert rays["FOUND"].tolist() == [found, False]
    assert rays["MARKED"].tolist() == [marked, 0]
    assert rays["NPIX"].tolist() == [10, 1]


def test_the_score_is_the_highest_threshold_at_which_a_ray_is_found():
    values = np.linspace(0.05, 0.95, 10)
    image = probability([(y, x, v) for (y, x, _), v in zip(TRACK, values, strict=True)])
    rays = judged(image)
    assert rays["SCORE"][0] == pytest.approx(values[5], abs=1e-6)
    assert rays["BEST"][0] == pytest.approx(0.95)
    for threshold in (0.54, 0.56):
        assert judged(image, threshold)["FOUND"][0] == (rays["SCORE"][0] > threshold)


def test_pixels_of_two_rays_are_those_of_the_one_with_more():
    rays = judged(np.zeros(SHAPE), rays=([(3, 4, 50.0), (3, 5, 90.0)], [(3, 4, 60.0)]))
    assert rays["NPIX"].tolist() == [1, 1]
    assert rays["SEEN_CHARGE"].tolist() == [90.0, 60.0]


def test_places_of_rays():
    rays = judged(np.zeros(SHAPE), trace=[(10, slice(0, 25))])
    assert rays["PLACE"].tolist() == [0, 1]  # half of the pixels, none
    assert judged(np.zeros(SHAPE), trace=[(10, slice(0, 24))])["PLACE"].tolist() == [1, 1]
    assert judged(np.zeros(SHAPE), KIND="bias")["PLACE"].tolist() == [2, 2]


def test_masked_rays_are_never_found():
    frame, truth = make_frame()
    frame.ivar[10] = 0
    charge = truth.charge()
    rows = own_pixels(truth, classes_of(frame, truth, charge), charge)
    rays = judge_rays(truth, rows, np.ones(SHAPE), 0.5, "science")
    assert rays["NPIX"].tolist() == [0, 1]
    assert rays["FOUND"].tolist() == [False, True]

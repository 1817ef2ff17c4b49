"""Histograms of probabilities: rates are those of the pixels themselves."""

import numpy as np
import pytest

from desinn.evaluate.cosmic_counts import (
    BINS,
    FALSE,
    RAYS,
    STRICT,
    Counts,
    bins_of,
    ray_classes,
    threshold_of,
)
from desinn.evaluate.cosmic_pixels import CLASSES, CLEAN, LEFT_OUT, LINE, RAY, RING

SHAPE = (600, 500)


def sample(seed=1, rays=0.01):
    """Return classes, and log-odds as those of networks: both ends are full."""
    rng = np.random.default_rng(seed)
    kinds = [CLEAN, LINE, RING, RAY, RAY + 1, LEFT_OUT]
    shares = [0.94 - rays, 0.03, 0.02, rays / 2, rays / 2, 0.01]
    classes = rng.choice(np.array(kinds, np.uint8), SHAPE, p=shares)
    odds = rng.normal(-9, 3, SHAPE) + np.where(classes >= RAY, 14, 0) + 6 * (classes == RING)
    return classes, (1 / (1 + np.exp(-odds))).astype(np.float32)


def counted(*samples, threshold=0.5):
    counts = Counts()
    for classes, probability in samples:
        counts.add(classes, probability, threshold)
    return counts


def true_rates(classes, probability, threshold, false=FALSE):
    use = [np.isin(classes, some) for some in (RAYS, false)]
    use[0] &= classes != LEFT_OUT
    return [(probability[some] > threshold).mean() for some in use]


def test_counts_at_the_threshold_are_exact():
    classes, probability = sample()
    counts = counted((classes, probability), threshold=0.37)
    true, false = true_rates(classes, probability, 0.37)
    assert counts.rate(RAYS).value == pytest.approx(true, rel=1e-12)
    assert counts.rate(FALSE).value == pytest.approx(false, rel=1e-12)
    k = [np.sum((probability > 0.37) & np.isin(classes, some)) for some in (RAYS, STRICT)]
    k[0] = counts.rate(RAYS).k
    assert counts.precision(STRICT).value == pytest.approx(k[0] / sum(k))
    assert counts.masked == (classes == LEFT_OUT).sum()
    assert counts.marked.sum() == counts.histogram.sum() == SHAPE[0] * SHAPE[1] - counts.masked


@pytest.mark.parametrize("level", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("false", [FALSE, STRICT])
def test_rates_at_a_level(level, false):
    classes, probability = sample()
    counts = counted((classes, probability))
    index = counts.index_at(level, false)
    limit = threshold_of(index)
    true, wrong = true_rates(classes, probability, limit, false)
    assert wrong <= level
    assert counts.rate_at(index, RAYS).value == true
    assert counts.rate_at(index, false).value == wrong
    # Where the level lies in truth, by all single values.
    values = np.sort(probability[np.isin(classes, false)])[::-1]
    exact = true_rates(classes, probability, values[int(level * values.size)])[0]
    assert true == pytest.approx(exact, rel=0.01)


def test_images_add_up():
    both = counted(sample(1), sample(2))
    other = counted(sample(1))
    other += counted(sample(2))
    np.testing.assert_array_equal(both.histogram, other.histogram)
    np.testing.assert_array_equal(both.marked, other.marked)
    assert (both.frames, both.masked) == (2, other.masked)


def test_masks_are_but_one_point():
    classes, probability = sample()
    counts = counted((classes, (probability > 0.01).astype(np.float32)))
    true, false = true_rates(classes, probability, 0.01)
    assert counts.index_at(false / 2) is None
    index = counts.index_at(false * 1.01)
    assert counts.rate_at(index, RAYS).value == true
    assert counts.rate(FALSE).value == false


def test_no_pixels_give_no_rates():
    counts = Counts()
    assert counts.index_at(0.1) is None
    assert counts.curve() == []
    assert counts.rate(RAYS).n == 0


def test_bins_hold_what_is_above_their_threshold():
    rng = np.random.default_rng(3)
    values = 1 / (1 + np.exp(-rng.uniform(-25, 14, 2000)))
    bins = bins_of(values)
    assert all(
        threshold_of(i) < v <= threshold_of(i + 1) for i, v in zip(bins, values, strict=True)
    )
    ends = bins_of(np.float32([0, 1e-30, 0.5, np.nextafter(np.float32(0.5), np.float32(1)), 1]))
    assert ends.tolist() == [0, 0, 30 * 256 - 1, 30 * 256, BINS - 1]
    # The largest float32 below 1 can be told from 1.
    assert bins_of(np.nextafter(np.float32(1), np.float32(0))) < BINS - 1


def test_the_curve_falls_and_meets_the_rates():
    counts = counted(sample())
    points = counts.curve(50)
    false, true = (np.array([p[key] for p in points]) for key in ("false", "true"))
    assert len(points) <= 50
    assert (np.diff(false) <= 0).all()
    assert (np.diff(true) <= 0).all()
    index = counts.index_at(1e-3)
    at = counts.rate_at(index, RAYS).value
    assert true[false > 1e-3].min() >= at >= true[false < 1e-3].max()


def test_ray_classes_are_all_there_are():
    assert ray_classes() == list(range(RAY, CLASSES))
    assert ray_classes([1], [0, 4]) == [RAY + 5, RAY + 9]

"""From windows to absorbers: the published rules, on votes made by hand."""

import numpy as np
import pytest
from scipy.signal import medfilt

from desinn.finders.votes import column_densities, find_peaks, median_filter, vote_sums


def windows(size, *absorbers, reach=60):
    """Return confidence and offset of windows that see absorbers at these pixels."""
    confidence, offset = np.full(size, 0.01), np.full(size, 17.0)
    for place in absorbers:
        near = np.arange(max(place - reach, 0), min(place + reach + 1, size))
        confidence[near], offset[near] = 0.99, place - near
    return confidence, offset


def heap(size, **heights):
    """Return sums with blocks of 21 pixels around places: p100=0.5."""
    sums = np.full(size, 0.0625)
    for place, height in heights.items():
        sums[int(place[1:]) - 10 : int(place[1:]) + 11] = height
    return sums


def test_windows_vote_for_where_they_see_it():
    sums = vote_sums(*windows(400, 200))
    np.testing.assert_allclose(sums[198:203], 121 / 80)
    np.testing.assert_allclose(sums[[100, 300]], 5 / 80)
    assert sums[170] == 0


def test_windows_below_the_class_vote_for_themselves():
    sums = vote_sums(np.full(50, 0.49), np.full(50, 20.0))
    np.testing.assert_allclose(sums, 5 / 80)
    assert vote_sums(np.full(50, 0.5), np.full(50, 20.0))[10] == 0


def test_votes_beyond_the_ends_go_to_the_ends():
    confidence, offset = np.ones(50), np.full(50, -100.0)
    assert vote_sums(confidence, offset)[0] == pytest.approx((50 + 2) / 80)  # 2: the mean, twice
    assert vote_sums(confidence, -offset)[-1] == pytest.approx((50 + 2) / 80)


def test_offsets_are_rounded_down():
    confidence, offset = np.zeros(60), np.zeros(60)
    confidence[30], offset[30] = 1, 9.9
    assert vote_sums(confidence, offset)[[36, 37, 41, 42]] == pytest.approx(
        np.array([5, 6, 6, 5]) / 80
    )


@pytest.mark.parametrize("size", [0, 1, 3, 9, 50])
@pytest.mark.parametrize("width", [3, 7, 9])
def test_median_filter_is_scipys(size, width):
    values = np.random.default_rng(size).normal(size=size)
    expected = medfilt(values, width) if size >= width else None
    found = median_filter(values, width)
    assert found.shape == values.shape
    if expected is not None:
        np.testing.assert_array_equal(found, expected)


def test_an_absorber_is_the_middle_of_its_plateau():
    places, heights = find_peaks(heap(300, p100=0.5))
    assert places.tolist() == [100]
    assert heights.tolist() == [0.5]


def test_thresholds():
    sums = heap(400, p100=0.5, p200=0.2, p300=0.15)
    assert find_peaks(sums)[0].tolist() == [100, 200]
    assert find_peaks(sums, floor=0.15)[0].tolist() == [100, 200, 300]
    assert find_peaks(sums, floor=0.3)[0].tolist() == [100]
    assert find_peaks(np.full(300, 0.0625))[0].size == 0


def test_two_absorbers_have_a_valley_between_them():
    sums = heap(300, p100=0.5, p140=0.4)
    assert find_peaks(sums)[0].tolist() == [100, 140]
    sums[105:135] = 0.1  # not below the valley: the lower one goes with the higher one
    assert find_peaks(sums)[0].tolist() == [97]


def test_nothing_is_found_at_the_very_beginning():
    sums = heap(300)
    sums[2:13] = 0.5
    assert find_peaks(sums)[0].size == 0
    assert find_peaks(heap(300, p25=0.5))[0].tolist() == [25]
    assert find_peaks(heap(300, p285=0.5))[0].tolist() == [285]


def test_narrow_spikes_are_filtered_out():
    sums = heap(300)
    sums[100:104] = 2.0
    assert find_peaks(sums)[0].size == 0


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_short_sightlines_have_no_peak(size):
    assert find_peaks(vote_sums(np.ones(size), np.zeros(size)))[0].size == 0


def test_a_floor_below_the_valley_is_refused():
    with pytest.raises(ValueError, match=r"floor: expected 0\.1 or more, the valley, found 0\.05"):
        find_peaks(np.ones(50), floor=0.05)


def test_whole_way():
    places, _ = find_peaks(vote_sums(*windows(1000, 300, 700)))
    assert places.tolist() == [300, 700]


def test_column_density_is_the_mean_around():
    nhi = np.arange(300.0)
    mean, scatter = column_densities(nhi, [100], 30)
    assert mean[0] == np.mean(nhi[70:130])
    assert scatter[0] == np.std(nhi[70:130])
    assert column_densities(nhi, [10], 30)[0][0] == np.mean(nhi[:40])
    assert column_densities(nhi, [290], 30)[0][0] == np.mean(nhi[260:])


def test_neighbours_take_their_side():
    nhi = np.arange(400.0)
    mean, _ = column_densities(nhi, [100, 160], 30)  # just within twice the reach
    assert mean.tolist() == [np.mean(nhi[70:100]), np.mean(nhi[160:190])]
    mean, _ = column_densities(nhi, [100, 161], 30)
    assert mean.tolist() == [np.mean(nhi[70:130]), np.mean(nhi[131:191])]
    mean, _ = column_densities(nhi, [100, 140, 170], 30)  # between two: half the way to each
    assert mean[1] == np.mean(nhi[120:155])
    assert column_densities(nhi, [], 30)[0].shape == (0,)

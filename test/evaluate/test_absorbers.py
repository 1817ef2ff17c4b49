"""Who matches whom, and what counts."""

import numpy as np
import pytest

from desinn.evaluate.absorbers import match, select
from desinn.finders.absorbers import DLAFlag, SightlineFlag
from helpers.absorbers import found_of, lines_of, random_case, true_of, z_of

QUIET = 0.9


def wavelengths(*waves):
    return found_of(*((7, wave, 20.5, QUIET) for wave in waves))


def strengths(*pairs):
    return true_of(*((7, *pair) for pair in pairs))


@pytest.mark.parametrize(("wave", "expected"), [(4009.99, 0), (3990.01, 0), (4010.01, -1)])
def test_matches_are_at_most_ten_angstrom_apart(wave, expected):
    assert match(wavelengths(wave), strengths((4000, 20.5))).tolist() == [expected]


def test_the_distance_is_a_parameter():
    assert match(wavelengths(4015), strengths((4000, 20.5)), within=20).tolist() == [0]
    assert match(wavelengths(4005), strengths((4000, 20.5)), within=2).tolist() == [-1]


def test_only_on_the_same_sightline():
    found = found_of((8, 4000, 20.5, 1), (6, 4000, 20.5, 1), (9, 4000, 20.5, 1))
    truth = true_of((9, 4001, 20.5), (7, 4000, 20.5))
    assert match(found, truth).tolist() == [-1, -1, 0]


def test_one_to_one_the_closest_pair_first():
    """The one in the middle is nearer to the second, which leaves the first to the other."""
    assert match(wavelengths(4004, 3993), strengths((4000, 20.5), (4006, 20.5))).tolist() == [1, 0]
    # Each of two wants the same, and there is no other.
    assert match(wavelengths(4002, 4001), strengths((4000, 20.5))).tolist() == [-1, 0]
    assert match(wavelengths(4003), strengths((4000, 20.5), (4005, 20.5))).tolist() == [1]


def test_a_chain_of_choices_is_followed_to_its_end():
    """Distances 5, 4, 3, 2, 1 along a line: only the last pair is of two that want each other."""
    places = np.cumsum([4000, 5, 4, 3, 2, 1])  # true, found, true, found, true, found
    truth = strengths(*((wave, 20.5) for wave in places[::2]))
    assert match(wavelengths(*places[1::2]), truth).tolist() == [0, 1, 2]


def test_dlas_choose_before_weaker_ones():
    truth = strengths((4001, 17.5), (4002, 20.1), (4007, 20.4))
    assert match(wavelengths(4000), truth).tolist() == [2]
    assert match(wavelengths(4000, 4001), truth).tolist() == [1, 2]
    assert match(wavelengths(4000), truth[:2]).tolist() == [1]


def test_equally_close_ones_go_by_their_order():
    truth = true_of((7, 4000, 20.5), (7, 4000, 20.5))
    assert match(wavelengths(4005, 4005), truth).tolist() == [0, 1]


def test_nothing_matches_nothing():
    truth = strengths((4000, 20.5))
    assert match(wavelengths(), truth).tolist() == []
    assert match(wavelengths(4000), truth[:0]).tolist() == [-1]
    assert match(wavelengths(np.nan, np.inf), truth).tolist() == [-1, -1]


def slow_match(found, truth, within):
    """The same, pair by pair."""
    waves = [1215.67 * (1 + rows["Z_DLA"]) for rows in (found, truth)]
    pairs = [
        (-int(truth["NHI"][j] >= 20) - int(truth["NHI"][j] >= 20.3), abs(a - b), i, j)
        for i, a in enumerate(waves[0])
        for j, b in enumerate(waves[1])
        if abs(a - b) <= within and found["TARGETID"][i] == truth["TARGETID"][j]
    ]
    partner, taken = np.full(len(found), -1), set()
    for *_, i, j in sorted(pairs):
        if partner[i] < 0 and j not in taken:
            partner[i] = j
            taken.add(j)
    return partner


@pytest.mark.parametrize("within", [10.0, 300.0])
def test_the_same_as_pair_by_pair(within):
    found, truth, _ = random_case(np.random.default_rng(5), sightlines=40)
    order = np.random.default_rng(6).permutation(len(found))
    partner = match(found[order], truth, within)
    np.testing.assert_array_equal(partner, slow_match(found[order], truth, within))
    taken = partner[partner >= 0]
    assert len(set(taken.tolist())) == taken.size > 60


def test_what_counts():
    """Inside the searched range, on sightlines that were searched, and not proximate."""
    lines = lines_of((1, 3.0), (2, 3.0, int(SightlineFlag.NO_DATA)), (3, 3.0), (4, 0.5))
    lines["Z_QSO"][2] = z_of(4850)  # 3000 km/s before it: 4801.5 A
    truth = true_of(
        (1, 3690, 20.5), (1, 3701, 20.5), (1, 4899, 20.5), (1, 4910, 20.5), (2, 4000, 20.5),
        (3, 4801, 20.5), (3, 4802, 20.5), (4, 4000, 20.5), (5, 4000, 20.5), (4, 4100, 17.5),
    )  # fmt: skip
    found = found_of((2, 4000, 20.5, 1), (3, 4801, 20.5, 1), (3, 4802, 20.5, 1))
    sample = select(found, truth, lines)
    assert sample.truth["TARGETID"].tolist() == [1, 1, 1, 1, 3, 3, 4, 4]
    assert sample.counts.tolist() == [0, 1, 1, 0, 1, 0, 1, 1]
    assert sample.found["TARGETID"].tolist() == [3, 3]
    assert sample.usable.tolist() == [True, False]
    assert sample.sightlines["TARGETID"][sample.truth_line].tolist() == [1, 1, 1, 1, 3, 3, 4, 4]
    assert sample.numbers == {
        "sightlines": 3, "not_searched": 1, "not_known": 0, "low_snr": 0, "dlas": 4,
        "dlas_not_counted": 3, "dlas_elsewhere": 2, "found": 2,
    }  # fmt: skip
    near = select(found, truth, lines, proximate=True)
    assert near.counts.tolist() == [0, 1, 1, 0, 1, 1, 1, 1]
    assert near.usable.all()
    rich = select(found, truth, lines, min_snr=1, known=np.array([1, 2, 4]))
    assert rich.sightlines["TARGETID"].tolist() == [1]
    assert (rich.numbers["not_known"], rich.numbers["low_snr"]) == (1, 1)


def test_a_range_that_is_not_known_was_not_searched():
    lines = lines_of((1, 3.0), (2, 3.0))
    lines["ZMAX"][0] = np.nan
    assert select(found_of(), true_of(), lines).numbers["not_searched"] == 1


def test_flags_speak_against_detections():
    flags = [0, DLAFlag.ZBOUNDARY, DLAFlag.PROXIMATE, DLAFlag.PROXIMATE | DLAFlag.NHIBOUNDARY]
    found = found_of(*((1, 4000, 20.5, 0.3, int(flag)) for flag in flags))
    found = np.concatenate([found, found[:2]])
    found["NHI"][4] = np.nan
    found["Z_DLA"][5] = np.nan
    lines = lines_of((1, 3.0))
    assert select(found, true_of(), lines).usable.tolist() == [True] + 5 * [False]
    sample = select(found, true_of(), lines, proximate=True)
    assert sample.usable.tolist() == [True, False, True, False, False, False]
    assert sample.passed(0.3)[0]  # at the threshold itself, which no float32 is
    assert not sample.passed(0.301).any()
    found["DLA_CONFIDENCE"] = np.nan
    assert not select(found, true_of(), lines).passed(0).any()


def test_snr_that_is_none_is_nan():
    sample = select(found_of(), true_of(), lines_of((1, 3.0), (2, -1.0), (3, -0.2)))
    np.testing.assert_array_equal(np.isnan(sample.snr(slice(None))), [False, True, False])


def test_sightlines_that_contradict_are_refused():
    with pytest.raises(ValueError, match="found two of TARGETID 4"):
        select(found_of(), true_of(), lines_of((4, 1.0), (3, 1.0), (4, 1.0)))
    with pytest.raises(
        ValueError, match="expected a sightline for each absorber, found none of 5"
    ):
        select(found_of((5, 4000, 20.5, 1)), true_of(), lines_of((4, 1.0)))

"""Systems of neutral hydrogen: the observed numbers."""

import numpy as np
import pytest

from desinn.simulate import columns
from desinn.simulate.columns import ABSORBER


@pytest.fixture
def rng():
    return np.random.default_rng(20260729)


def test_published_incidence():
    """Prochaska et al. (2014) at their pivots, and at another redshift."""
    assert columns.log_incidence([12, 17, 21.5]) == pytest.approx([-9.72, -17.94, -23.95])
    assert columns.log_incidence(17, 6.0) + 17.94 == pytest.approx(1.5 * np.log10(2))
    assert (np.diff(columns.log_incidence(np.linspace(12, 22.5, 500))) < 0).all()


def test_absorption_distance():
    """1 today; by hand at z = 3."""
    assert columns.absorption_distance(0) == pytest.approx(1)
    assert columns.absorption_distance(3.0) == pytest.approx(16 / np.sqrt(0.3 * 64 + 0.7))


def test_opacity_is_that_of_the_observed_mean_free_path():
    """37 +- 2 Mpc, proper, at z = 4 (Worseck et al. 2014)."""
    z = 4.0
    length = 299792.458 / (70 * np.sqrt(0.3 * (1 + z) ** 3 + 0.7) * (1 + z))  # Mpc per redshift
    assert 28 < length / columns.opacity(z, 22.5) < 46
    assert columns.opacity(z, 17.0) < 0.5 * columns.opacity(z, 22.5)


@pytest.mark.parametrize(
    ("z", "low", "expected"),
    [(2.5, 20.3, (0.045, 0.065)), (3.5, 20.3, (0.06, 0.095)), (3.7, 17.5, (0.42, 0.62))],
)
def test_observed_numbers(rng, z, low, expected):
    """l(X) of DLAs (Noterdaeme 2012; Prochaska 2009) and Lyman limit systems (2010)."""
    n = 6000
    found = columns.draw_hi(rng, np.full(n, z + 0.25), low)
    found = found[found["Z"] > z - 0.25]
    per_x = len(found) / n / 0.5 / columns.absorption_distance(z)
    assert expected[0] < per_x < expected[1]


def test_draw(rng):
    z = np.array([1.2, 2.5, 4.0])
    found = columns.draw_hi(rng, np.repeat(z, 500), 19.0)
    assert found.dtype == ABSORBER
    assert (np.diff(found["ROW"]) >= 0).all()
    assert found["ROW"].min() >= 500  # none at z = 1.2
    assert ((found["Z"] >= 1.5) & (found["Z"] <= np.repeat(z, 500)[found["ROW"]])).all()
    assert ((found["NHI"] >= 19) & (found["NHI"] <= 22.5)).all()
    assert (found["ROW"] >= 1000).sum() > (found["ROW"] < 1000).sum()


def test_columns_follow_the_distribution(rng):
    log_n = columns.draw_hi(rng, np.full(4000, 4.0), 17.0, boost=5)["NHI"]
    grid = np.linspace(17, 22.5, 5001)
    weight = 10 ** (columns.log_incidence(grid) + grid)
    for edge in (18.0, 19.5, 20.3, 21.0):
        assert (log_n > edge).mean() == pytest.approx(
            weight[grid > edge].sum() / weight.sum(), rel=0.06
        )


def test_boost(rng):
    plain, more = (columns.draw_hi(rng, np.full(2000, 3.0), boost=b).size for b in (1, 4))
    assert more / plain == pytest.approx(4, rel=0.1)
    assert columns.draw_hi(rng, np.full(10, 3.0), boost=0).size == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_nhi": 23}, "min_nhi: expected 12 to below 22.5, found 23"),
        ({"min_nhi": np.nan}, "min_nhi"),
        ({"boost": -1}, "boost: .* found -1"),
        ({"z": [np.inf]}, "finite redshifts"),
    ],
)
def test_bad_draw(rng, options, message):
    with pytest.raises(ValueError, match=message):
        columns.draw_hi(rng, **{"z": [3.0], **options})


def test_columns_alone(rng):
    """As those of whole systems."""
    alone = columns.draw_columns(rng, 20000, 19.0)
    whole = columns.draw_hi(rng, np.full(4000, 4.0), 19.0, boost=5)["NHI"]
    for share in (0.25, 0.5, 0.9):
        assert np.quantile(alone, share) == pytest.approx(np.quantile(whole, share), abs=0.03)

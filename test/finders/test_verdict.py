"""Types and flags of absorbers, and which of them a catalogue takes."""

import numpy as np
import pytest

from desinn.finders.absorbers import ABSORBER, LYA, LYB, SIGHTLINE, DLAFlag
from desinn.finders.verdict import accepted, as_table, judge


def absorbers(*values):
    """Return absorbers of (row, z, NHI) with small errors and full confidence."""
    found = np.zeros(len(values), ABSORBER)
    for one, (row, z, nhi) in zip(found, values, strict=True):
        one["ROW"], one["Z_DLA"], one["NHI"] = row, z, nhi
        one["Z_DLA_ERR"], one["DLA_CONFIDENCE"] = 1e-4, 0.9
    return found


@pytest.fixture
def lines():
    rows = np.zeros(2, SIGHTLINE)
    rows["TARGETID"], rows["Z_QSO"], rows["ZMIN"], rows["ZMAX"] = [7, 8], 3.0, 2.0, 3.01
    return rows


@pytest.mark.parametrize(
    ("z", "nhi", "flag"),
    [
        (2.5, 20.5, 0),
        (2.0005, 20.5, DLAFlag.ZBOUNDARY),
        (2.5, 22.5, DLAFlag.NHIBOUNDARY),
        (2.5, 19.0, DLAFlag.NHIBOUNDARY),
        (3.0 - 4.0 * 2900 / 299792.458, 20.5, DLAFlag.PROXIMATE),
        (3.0 - 4.0 * 3100 / 299792.458, 20.5, 0),
        (3.001, 20.5, DLAFlag.PROXIMATE),
    ],
)
def test_flags(lines, z, nhi, flag):
    found = absorbers((0, z, nhi))
    judge(found, lines, 4e-4, (19.0, 22.5), 0.5)
    assert found["DLAFLAG"].tolist() == [flag]


def test_an_uncertain_redshift_is_at_the_boundary(lines):
    found = absorbers((0, 2.02, 20.5))
    found["Z_DLA_ERR"] = 0.03
    judge(found, lines, 4e-4, (19.0, 22.5), 0.5)
    assert found["DLAFLAG"] == DLAFlag.ZBOUNDARY


def test_types(lines):
    beta = (1 + 2.9) * LYB / LYA - 1
    found = absorbers((0, 2.9, 21.0), (0, beta, 20.0), (1, beta, 20.0), (0, beta + 0.03, 20.0),
                      (0, 2.5, 20.3))  # fmt: skip
    judge(found, lines, 4e-4, (19.0, 22.5), 0.5)
    assert found["ABSORBER_TYPE"].tolist() == ["DLA", "LYB", "SUBDLA", "SUBDLA", "DLA"]
    assert found["DLAFLAG"].tolist() == [0, DLAFlag.LYMAN_BETA, 0, 0, 0]


def test_what_a_catalogue_takes(lines):
    found = absorbers((0, 2.5, 20.3), (1, 2.5, 20.29), (1, 2.6, 21.0), (1, 2.7, 21.0))
    found["DLA_CONFIDENCE"][2] = 0.49
    found["DLAFLAG"][3] = DLAFlag.PROXIMATE
    assert accepted(found, 20.3, 0.5).tolist() == [True, False, False, False]
    table = as_table(found, lines, 20.0, 0.4)
    assert table.colnames[:4] == ["TARGETID", "Z_QSO", "SNR_FOREST", "SNR_REDSIDE"]
    assert table["TARGETID"].tolist() == [7, 8, 8]
    assert len(as_table(found, lines, 23.0, 0.4)) == 0


def test_a_candidate_has_no_beta(lines):
    """Only what counts itself may be taken for the stronger one."""
    beta = (1 + 2.9) * LYB / LYA - 1
    found = absorbers((0, 2.9, 21.0), (0, beta, 20.0))
    found["DLA_CONFIDENCE"][0] = 0.4
    judge(found, lines, 4e-4, (19.0, 22.5), 0.5)
    assert found["ABSORBER_TYPE"].tolist() == ["DLA", "SUBDLA"]

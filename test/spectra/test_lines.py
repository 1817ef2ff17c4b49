"""The rest wavelengths are those the published networks were trained with."""

import pytest

from desinn.spectra import LINES


def test_values_and_order():
    assert list(LINES) == ["LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha"]
    assert list(LINES.values()) == [1215.67, 1548.2049, 1908.734, 2796.3511, 4862.68, 6562.8]


def test_nobody_changes_them():
    with pytest.raises(TypeError):
        LINES["LYA"] = 1216.0

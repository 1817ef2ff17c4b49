"""Which network is for which CCD, which pixels it leaves alone, and marks that grow."""

import numpy as np
import pytest

from desinn.finders.ccds import NETWORKS, grown, network_for, no_good


@pytest.mark.parametrize(
    ("camera", "meta", "name"),
    [
        ("b0", None, "cosmics-b"),
        ("R7", {}, "cosmics-r"),
        ("r7", {"CCDTYPE": "LBNL"}, "cosmics-r"),
        ("r7", {"CCDTYPE": "ITL "}, "cosmics-b"),
        ("b7", {"CCDTYPE": "ITL"}, "cosmics-b"),
        ("z5", {"CCDTYPE": "LBNL"}, "cosmics-z"),
    ],
)
def test_the_network_for_a_ccd(camera, meta, name):
    assert network_for(camera, meta) == name
    assert name in NETWORKS


@pytest.mark.parametrize("camera", ["unknown", "", None])
def test_a_camera_of_no_arm(camera):
    with pytest.raises(ValueError, match="camera: expected b, r or z"):
        network_for(camera)


def test_growing():
    found = np.zeros((7, 7), bool)
    found[3, 3] = True
    assert grown(found, 0) is found
    assert grown(found, 2).sum() == 25
    with pytest.raises(ValueError, match="grow: expected 0 or more pixels, found -1"):
        grown(found, -1)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_pixels_that_tell_nothing(dtype):
    """A mask of another bit, an ivar of 0 or none; but not old marks of cosmic rays."""
    mask = np.array([[0, 16, 1, 17, 0, 0, 0, 1 << 15]], dtype)
    ivar = np.float32([[1, 1, 1, 1, 0, np.nan, -1, 1]])
    assert no_good(mask, ivar, 16).tolist() == [[False, False] + [True] * 6]
    assert no_good(mask, ivar, 1)[0, :3].tolist() == [False, True, False]

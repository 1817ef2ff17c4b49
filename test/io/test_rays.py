"""Files of real cosmic rays: all of it comes back, and nothing that is damaged."""

import numpy as np
import pytest

from desinn.io.rays import read_rays, write_rays

RAYS = [
    (3, 4, np.array([[400, 0], [9, 20]], np.float32), np.array([[True, False], [True, True]])),
    (0, 900, np.array([[1e5]], np.float32), np.array([[True]])),
]


def test_all_of_it_comes_back(tmp_path):
    path = tmp_path / "rays.npz"
    write_rays(path, RAYS, {"seed": 250.0, "files": ["dark.fits"]})
    rays, header = read_rays(path)
    assert header == {"seed": 250.0, "files": ["dark.fits"]}
    assert [ray[:2] for ray in rays] == [ray[:2] for ray in RAYS]
    for new, old in zip(rays, RAYS, strict=True):
        np.testing.assert_array_equal(new[2], old[2])
        np.testing.assert_array_equal(new[3], old[3])
        assert (new[2].dtype, new[3].dtype) == (np.float32, bool)


def test_no_ray_at_all(tmp_path):
    write_rays(tmp_path / "rays.npz", [])
    assert read_rays(tmp_path / "rays.npz") == ([], {})


def test_not_overwritten_unasked(tmp_path):
    write_rays(tmp_path / "rays.npz", RAYS)
    with pytest.raises(FileExistsError, match=r"rays\.npz"):
        write_rays(tmp_path / "rays.npz", [])
    write_rays(tmp_path / "rays.npz", [], overwrite=True)
    assert read_rays(tmp_path / "rays.npz")[0] == []


@pytest.mark.parametrize(
    ("rays", "header", "message"),
    [
        ([(0, 0, np.ones((2, 2)), np.zeros((2, 2), bool))], None, "ray 0: expected .* 0 hit"),
        ([*RAYS, (0, 0, np.ones((2, 3)), np.ones((2, 2), bool))], None, "ray 2"),
        (RAYS, {"a": {1, 2}}, r"rays\.npz: header: .* not JSON serializable"),
        (RAYS, {"a": np.nan}, r"rays\.npz: header: "),
    ],
)
def test_what_cannot_be_written(tmp_path, rays, header, message):
    with pytest.raises(ValueError, match=message):
        write_rays(tmp_path / "rays.npz", rays, header)
    assert list(tmp_path.iterdir()) == []


def changed(path, **changes):
    write_rays(path, RAYS)
    with np.load(path) as stored:
        arrays = {**stored, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"charge": None}, "charge"),
        ({"charge": np.ones(4, int)}, "charge is of type int64"),
        ({"charge": np.ones(5)}, "do not fit together"),
        ({"count": np.array([5, -1])}, "do not fit together"),
        ({"count": np.array(4)}, "do not fit together"),
        ({"place": np.zeros((3, 2), int)}, "do not fit together"),
        ({"pixel": np.array([0, 2, 4, 0])}, "outside"),
        ({"pixel": np.array([0, 2, -1, 0])}, "outside"),
        ({"size": np.array([[-2, -2], [1, 1]])}, "outside"),
        ({"header": np.frombuffer(b"{", np.uint8)}, "Expecting"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changes, message):
    changed(tmp_path / "rays.npz", **changes)
    with pytest.raises(
        ValueError, match=rf"rays\.npz: expected a file of cosmic rays: .*{message}"
    ):
        read_rays(tmp_path / "rays.npz")


@pytest.mark.parametrize("part", [slice(0, 0), slice(0, 100), slice(0, -30), slice(5, None)])
def test_a_damaged_file_is_refused(tmp_path, part):
    path = tmp_path / "rays.npz"
    write_rays(path, RAYS)
    path.write_bytes(path.read_bytes()[part])
    with pytest.raises(ValueError, match=r"rays\.npz: expected a file of cosmic rays"):
        read_rays(path)


def test_an_array_alone_is_no_file_of_rays(tmp_path):
    with open(tmp_path / "rays.npz", "wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match=r"rays\.npz: expected a file of cosmic rays"):
        read_rays(tmp_path / "rays.npz")

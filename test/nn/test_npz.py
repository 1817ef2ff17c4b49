"""Arrays from an .npz: what NumPy wrote comes back, and no number is believed unseen."""

import io

import numpy as np
import pytest

from desinn.nn.npz import read_npz
from helpers.hostile_arrays import archive, foreign, npy, npys

ARRAYS = {
    "a": np.arange(6, dtype="f4").reshape(2, 3),
    "scalar": np.array(7),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(3, 2)),
    "big": np.arange(4, dtype=">i2"),
    "text": np.array(["ab", "c"]),
    "empty": np.empty((0, 5), "f8"),
    "flags": np.array([True, False]),
}


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_wrote(tmp_path, write):
    write(tmp_path / "a.npz", **ARRAYS)
    arrays, problems = read_npz(tmp_path / "a.npz")
    assert problems == []
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_version_2_and_the_longs_of_python_2(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ones(3, "f4"), version=(2, 0))
    old = npy().replace(b"(3,)} ", b"(3L,)}")
    (tmp_path / "a.npz").write_bytes(archive({"a.npy": stream.getvalue(), "b.npy": old}))
    arrays, problems = read_npz(tmp_path / "a.npz")
    assert problems == []
    np.testing.assert_array_equal(arrays["a"], arrays["b"])


def test_deflated_members_are_a_problem_where_they_must_be_stored(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.ones(3))
    assert read_npz(tmp_path / "a.npz", stored=True) == (
        {},
        ["a: expected a stored array, found a deflated one"],
    )


@pytest.mark.parametrize("name", npys())
def test_what_is_no_array_is_a_problem(tmp_path, name):
    (tmp_path / "a.npz").write_bytes(archive({"a.npy": npys()[name], "b.npy": npy()}))
    arrays, (problem,) = read_npz(tmp_path / "a.npz")
    assert list(arrays) == ["b"]
    assert problem.startswith("a: expected") or "array is too big" in problem


@pytest.mark.parametrize("name", [k for k in foreign() if not k.startswith("array-")])
def test_what_is_no_zip_file_of_arrays(tmp_path, name):
    made = foreign()[name]
    (tmp_path / "a.npz").write_bytes(made() if callable(made) else made)
    try:
        _, problems = read_npz(tmp_path / "a.npz")
    except ValueError as error:
        problems = [str(error)]
    # A zip file may be empty, and names are but names: both are for the caller.
    assert all(problems)
    assert problems or name in ("empty-zip", "names")

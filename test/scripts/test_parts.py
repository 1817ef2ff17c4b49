"""Finished results on disk: taken up only where they are what they would be now."""

import os

import numpy as np
import pytest

from desinn.scripts import parts as module
from desinn.scripts.crew import Result
from desinn.scripts.parts import Parts


@pytest.fixture
def infile(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("input")
    return str(path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out.fits.parts"


@pytest.fixture
def result():
    rows = np.array([(1, 0.5, b"a"), (2, np.nan, b"b")], [("n", "i8"), ("x", "f4"), ("t", "S3")])
    return Result({"rows": rows, "image": np.eye(3, dtype="f4")}, {"rows": 2})


@pytest.fixture
def kept(folder, infile, result):
    """Parts with one in them."""
    parts = Parts(str(folder), {"thresholds": (0.5, 1)})
    parts.keep(infile, parts.about(infile), result)
    return parts


def test_what_was_kept_comes_back(kept, infile, result):
    found = kept.find(infile)
    assert found.counts == result.counts
    assert list(found.arrays) == ["rows", "image"]
    for name, array in result.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].tobytes() == array.tobytes()
    assert kept.count() == 1


def test_it_is_found_from_another_folder_too(kept, infile, monkeypatch):
    monkeypatch.chdir(os.path.dirname(infile))
    assert kept.find("in.txt") is not None


def test_without_an_input_there_is_none(kept, infile, result):
    os.remove(infile)
    assert kept.about(infile) is None
    assert kept.find(infile) is None
    kept.keep(infile, None, result)
    assert kept.count() == 1


def change_size(path):
    status = os.stat(path)
    with open(path, "a") as file:
        file.write("more")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def change_mtime(path):
    os.utime(path, ns=(0, 1))


@pytest.mark.parametrize(("change", "word"), [(change_size, "size"), (change_mtime, "mtime")])
def test_a_changed_input_makes_it_stale(kept, infile, caplog, change, word):
    change(infile)
    assert kept.find(infile) is None
    assert f"of other {word}, done again: {infile}" in caplog.text


def test_other_options_make_it_stale(kept, folder, infile, caplog, monkeypatch):
    assert Parts(str(folder), {"thresholds": (0.6, 1)}).find(infile) is None
    assert "of other options, done again" in caplog.text
    monkeypatch.setattr(module, "__version__", "99")
    assert Parts(str(folder), {"thresholds": (0.5, 1)}).find(infile) is None


def damage_end(data):
    return data[: len(data) // 2]


def damage_middle(data):
    place = data.index(np.float32(0.5).tobytes())
    return data[:place] + b"\xff" + data[place + 1 :]


def nothing(data):
    return b""


@pytest.mark.parametrize("damage", [damage_end, damage_middle, nothing])
def test_a_damaged_part_is_done_again(kept, folder, infile, caplog, damage):
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert kept.find(infile) is None
    assert f"{path}: damaged, done again" in caplog.text


def test_a_part_appears_whole_or_not_at_all(folder, infile, result, monkeypatch):
    parts = Parts(str(folder), {})

    def half(name, **arrays):
        with open(name, "w") as file:
            file.write("half")
        raise OSError("no space")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="no space"):
        parts.keep(infile, parts.about(infile), result)
    assert parts.find(infile) is None
    assert os.listdir(folder) == []


def test_objects_cannot_be_kept(folder, infile):
    parts = Parts(str(folder), {})
    with pytest.raises(TypeError, match="arrays of objects cannot be kept"):
        parts.keep(infile, parts.about(infile), Result({"x": np.array([None])}, {}))


def test_only_parts_are_removed(kept, folder):
    (folder / ".tmp1-0.part.npz").write_text("half")
    (folder / "mine.txt").write_text("")
    kept.remove()
    assert os.listdir(folder) == ["mine.txt"]
    (folder / "mine.txt").unlink()
    kept.remove()
    assert not folder.exists()
    kept.remove()


def test_a_file_in_its_place_is_said_at_once(infile):
    with pytest.raises(NotADirectoryError, match="expected a folder for finished parts"):
        Parts(infile, {})

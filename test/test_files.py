"""Output that appears whole or not at all."""

import os

import pytest

from desinn.files import check_output, input_file, whole_file


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.fits"
    with whole_file(path) as name:
        assert os.path.dirname(name) == str(tmp_path)
        assert name.endswith(".fits")
        assert str(os.getpid()) in name
        with open(name, "w") as file:
            file.write("all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert os.listdir(tmp_path) == ["a.fits"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_when_the_block_fails(tmp_path, error):
    with pytest.raises(error), whole_file(tmp_path / "a.txt") as name:  # noqa: PT012
        with open(name, "w") as file:
            file.write("half")
        raise error
    assert os.listdir(tmp_path) == []


def test_failing_before_anything_is_written_is_the_same(tmp_path):
    with pytest.raises(ValueError, match="early"), whole_file(tmp_path / "a.txt"):
        raise ValueError("early")
    assert os.listdir(tmp_path) == []


def test_an_old_file_survives_a_failure(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="late"), whole_file(path, overwrite=True):
        raise ValueError("late")
    assert path.read_text() == "old"


def test_a_name_without_a_folder_is_in_this_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_output("a.txt")
    with whole_file("a.txt") as name, open(name, "w") as file:
        file.write("x")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="--overwrite"):
        check_output(tmp_path / "file")
    check_output(tmp_path / "file", overwrite=True)
    with pytest.raises(IsADirectoryError):
        check_output(tmp_path)
    with pytest.raises(NotADirectoryError, match="does not exist"):
        check_output(tmp_path / "file" / "a.txt")
    with pytest.raises(ValueError, match="output: expected the name of a file"):
        check_output("")
    with pytest.raises(ValueError, match="is an input too, and would be lost"):
        check_output(tmp_path / "file", overwrite=True, inputs=[tmp_path / "." / "file"])


def test_a_device_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: expected the name of a file"):
        check_output(tmp_path / "pipe", overwrite=True)


def test_what_may_not_be_written_or_read_is_said_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may do everything
    with pytest.raises(PermissionError, match="nothing can be written into the folder"):
        check_output(tmp_path / "a.txt")
    with pytest.raises(PermissionError, match="may not be read"):
        input_file(tmp_path / "file")


def test_input_must_be_there_and_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        input_file(tmp_path / "a")
    with pytest.raises(IsADirectoryError, match="is a folder, expected a file"):
        input_file(tmp_path)
    (tmp_path / "a").write_text("")
    assert input_file(tmp_path / "a") == str(tmp_path / "a")

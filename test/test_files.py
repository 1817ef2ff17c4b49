"""Output that appears whole or not at all."""

import os

import pytest

from desinn.files import (
    check_extent,
    check_output,
    clear_unfinished,
    input_file,
    read_json,
    read_yaml,
    whole_file,
)


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


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_cannot_be_written_is_named(tmp_path, suffix):
    """By its own name, whatever the error says."""
    path = str(tmp_path / f"a.fits{suffix}")
    for error in [
        OSError(28, "No space left on device"),
        lambda name: OSError(28, "No space left on device", name),
        lambda name: OSError(f"{name.removesuffix('.gz')}: no more room"),
    ]:
        with pytest.raises(OSError, match=r"a\.fits") as caught, whole_file(path) as name:
            raise error if isinstance(error, OSError) else error(name)
        assert str(caught.value).startswith(f"{path}: ")
        assert ".tmp" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="other"), whole_file(path):
        os.stat(tmp_path / "other")
    assert os.listdir(tmp_path) == []


def test_what_is_not_written_at_all_is_an_error(tmp_path):
    with (
        pytest.raises(OSError, match=r"a\.txt: could not be written"),
        whole_file(tmp_path / "a.txt"),
    ):
        pass


def test_what_dead_processes_have_left_is_cleared(tmp_path):
    """A name tells process and machine."""
    with whole_file(tmp_path / "a.fits") as name:
        mine = os.path.basename(name)
        dead = mine.replace(str(os.getpid()), str(2**22 + 1))
        elsewhere = mine.replace("~", "~x", 1)
        for one in (mine, dead, elsewhere, f"{dead}.gz", "tmp", ".tmp1", ".tmp7~", "b.fits"):
            (tmp_path / one).write_text("half")
        for number in range(9):  # which cannot be removed so; in any order
            (tmp_path / f"{dead}{number}").mkdir()
        assert sorted(clear_unfinished(str(tmp_path))) == [dead, f"{dead}.gz"]
        os.utime(tmp_path / elsewhere, (0, 0))
        assert clear_unfinished(str(tmp_path)) == [elsewhere]
        for number in range(9):
            (tmp_path / f"{dead}{number}").rmdir()
        assert sorted(os.listdir(tmp_path)) == sorted([mine, "tmp", ".tmp1", ".tmp7~", "b.fits"])
    assert clear_unfinished(str(tmp_path / "nowhere")) == []


def test_processes_of_others_are_alive(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    with whole_file(tmp_path / "a.fits") as name:
        open(name, "w").close()
        monkeypatch.setattr(os, "kill", refuse)
        assert clear_unfinished(str(tmp_path)) == []


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
    with pytest.raises(NotADirectoryError, match="file is a file"):
        check_output(tmp_path / "file" / "a.txt")
    with pytest.raises(NotADirectoryError, match="nowhere does not exist"):
        check_output(tmp_path / "nowhere" / "a.txt")
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


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_refused(tmp_path, kind):
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="a: is a pipe or a device, expected a file"):
        input_file(path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"a": 1, "a": 2}', "two entries have one name"),
        ('{"a": -Infinity}', "-Infinity is not a finite number"),
        ("[1e999]", "1e999 is not a finite number"),
        ("[" * 66 + "]" * 66, "it is nested more than 64 deep"),
        ("[" * 10**5, "it is nested more than 64 deep"),
        (str(2**1024), "an integer has more than 1024 bits"),
        ("{", "Expecting property name"),
    ],
)
def test_json_that_readers_could_take_differently(text, match):
    with pytest.raises(ValueError, match=match):
        read_json(text)


def test_json_as_it_is_meant():
    assert read_json("[" * 64 + "]" * 64)
    assert read_json('{"a": [1.5, -1e-3, null, true, "b"]}') == {
        "a": [1.5, -1e-3, None, True, "b"]
    }


def test_what_occurs_twice_counts_twice():
    part = ["abc"]
    check_extent([part, part], 9)  # three lists, and twice three characters
    with pytest.raises(ValueError, match="holds more than 8 values and characters"):
        check_extent([part, part], 8)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: &a {x: 1}\nb: {<<: [*a, *a]}", "<< of several mappings, expected one"),
        ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "<< of several mappings, expected one"),
        (
            f"a: &a {{{', '.join(f'k{i}: 1' for i in range(101))}}}\nb: {{<<: *a}}",
            "<< to more than 100 entries",
        ),
        ("a: &a [*a]", "nested more than 64 deep"),
        ("a: " + "[" * 900, "nested too deeply"),
        ("a: !!bool maybe", "KeyError"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: " + "b" * 2**19, "more than 524288 characters"),
        (f"a: 0x{'f' * 300}", "an integer has more than 1024 bits"),
    ],
)
def test_yaml_that_means_no_good(tmp_path, text, match):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.yaml: expected YAML, found.*{match}"):
        read_yaml(tmp_path / "a.yaml", "yaml")


def test_yaml_with_aliases_and_merges(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]")
    _, content = read_yaml(tmp_path / "a.yaml", "yaml")
    assert content == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": [{"x": 1, "y": 2}] * 2}

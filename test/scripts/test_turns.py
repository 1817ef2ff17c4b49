"""One file after the other: a bad one is named and costs only itself."""

import pytest

from desinn.scripts.turns import in_turn, status


def work(path):
    if path == "bad":
        raise ValueError("bad: as told")
    if path == "mistake":
        raise ZeroDivisionError
    return path.upper(), {"letters": len(path)}


def test_results_are_in_the_order_of_the_paths(caplog):
    assert in_turn(["b", "bad", "ac"], work) == {"b": "B", "ac": "AC"}
    assert "bad: as told" in caplog.text
    assert "[3/3] ac: 2 letters" in caplog.text


def test_what_is_raised():
    with pytest.raises(ValueError, match="bad: as told"):
        in_turn(["bad"], work)
    with pytest.raises(ZeroDivisionError):
        in_turn(["a", "mistake"], work)
    with pytest.raises(ValueError, match="none of the 2 files could be used"):
        in_turn(["bad", "bad"], work)


def test_the_exit_status(caplog):
    assert status(["a", "b"], {"a": 1, "b": 2}) == 0
    assert caplog.text == ""
    assert status(["a", "b", "c"], {"b": 2}) == 1
    assert "2 of 3 files could not be used: a c" in caplog.text

"""The logger: DESI's where there is one, the standard library's else."""

import logging
import sys
import types

import pytest

from desinn.log import get_logger, show_log


@pytest.fixture(autouse=True)
def without_desiutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "desiutil.log", None)


@pytest.mark.parametrize(
    ("text", "level"), [("debug", 10), ("WARNING", 30), ("", 20), ("nonsense", 20)]
)
def test_the_level_is_desis(monkeypatch, text, level):
    monkeypatch.setenv("DESI_LOGLEVEL", text)
    assert get_logger().level == level


def test_desiutils_logger_is_used_where_it_is(monkeypatch):
    theirs = logging.Logger("theirs")
    module = types.SimpleNamespace(get_logger=lambda: theirs)
    monkeypatch.setitem(sys.modules, "desiutil", types.ModuleType("desiutil"))
    monkeypatch.setitem(sys.modules, "desiutil.log", module)
    assert get_logger() is theirs


def test_programs_show_the_log_once(monkeypatch, capsys):
    log = logging.getLogger("desinn")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", False)
    show_log()
    show_log()
    get_logger().warning("seen")
    assert capsys.readouterr().err == "WARNING: seen\n"

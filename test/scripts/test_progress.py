"""How far a run is: lines in a log, a bar on a terminal."""

import contextlib
import io
import logging
import sys
import types

import pytest

from desinn.scripts import progress as module
from desinn.scripts.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Bar:
    """What is used of tqdm."""

    def __init__(self, total, **_):
        self.n, self.total, self.postfix, self.open = 0, total, "", True

    def set_postfix_str(self, text, refresh):
        self.postfix = text

    def update(self):
        self.n += 1

    def external_write_mode(self):
        return contextlib.nullcontext()

    def close(self):
        self.open = False


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""
    now = types.SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def test_lines_say_how_far_it_is(clock, caplog):
    progress = Progress(4)
    progress.resumed({"spectra": 7, "quasars": 0})
    clock.seconds = 30
    progress.done("a", {"spectra": 5, "quasars": 1}, 29.96)
    progress.failed()
    progress.done("b", {"spectra": 5, "quasars": 2}, 0.5)
    progress.close()
    assert [record.getMessage() for record in caplog.records] == [
        "[2/4] a: 5 spectra, 1 quasars, 30.0 s; so far 12 spectra, 1 quasars; 60 s left",
        "[4/4] b: 5 spectra, 2 quasars, 0.5 s; so far 17 spectra, 3 quasars",
    ]


def test_a_single_file_needs_no_sum(caplog):
    Progress(1).done("a", {"spectra": 5}, 1)
    assert caplog.messages == ["[1/1] a: 5 spectra, 1.0 s"]


def test_a_terminal_gets_a_bar(monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    progress = Progress(2)
    progress.resumed({"spectra": 1})
    progress.done("a", {"spectra": 5}, 1)
    progress.tell(logging.WARNING, "something")
    bar = progress._bar
    assert (bar.n, bar.total, bar.postfix) == (2, 2, "6 spectra")
    progress.close()
    assert not bar.open
    assert caplog.messages == ["something"]
    assert Progress(1)._bar is None


def test_without_tqdm_a_terminal_gets_lines(monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", None)
    Progress(2).done("a", {}, 1)
    assert caplog.messages[0].startswith("[1/2] a: nothing, 1.0 s; so far nothing; ")


def test_the_real_bar_takes_all_that_is_asked_of_it(monkeypatch):
    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(2)
    assert isinstance(progress._bar, tqdm.tqdm)
    progress.done("a", {"spectra": 5}, 1)
    progress.tell(logging.INFO, "something")
    progress.close()
    assert "1/2" in sys.stderr.getvalue()
    assert "5 spectra" in sys.stderr.getvalue()

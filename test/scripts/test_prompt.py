"""What programs do at the prompt: one line, a status, and a clean end."""

import argparse
import os
import signal
import sys
import threading
import types

import pytest

from desinn.scripts import prompt


def run(action, debug=False):
    return prompt.run(lambda options: action(), argparse.Namespace(debug=debug))


def raiser(error):
    def action():
        raise error

    return action


def test_the_status_is_the_programs():
    assert run(lambda: 1) == 1


@pytest.mark.parametrize("error", [OSError("bad"), ValueError("bad"), ImportError("bad")])
def test_bad_input_is_one_line(error, caplog):
    assert run(raiser(error)) == 1
    assert caplog.messages == ["bad"]
    with pytest.raises(type(error)):
        run(raiser(error), debug=True)


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(raiser(ZeroDivisionError()))


def test_an_interruption_is_one_line(caplog):
    assert run(raiser(KeyboardInterrupt())) == 130
    assert caplog.messages == ["interrupted"]


def test_sigterm_is_an_interruption_once(caplog):
    before = signal.getsignal(signal.SIGTERM)
    cleared = []

    def action():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(10)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleared.append(True)

    assert run(action) == 143
    assert cleared
    assert caplog.messages == ["interrupted"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_wants_to_finish_first_is_let(caplog):
    def action():
        with prompt.patience() as notice:
            os.kill(os.getpid(), signal.SIGTERM)
            asked = notice.asked
            with pytest.raises(prompt.Terminated):
                os.kill(os.getpid(), signal.SIGTERM)
        return asked

    assert run(action) is True
    assert run(raiser(prompt.Terminated("stopped by SIGTERM"))) == 143
    assert caplog.messages == ["stopped by SIGTERM"]


def test_patience_ends():
    def action():
        with prompt.patience():
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(action) == 143


def test_other_threads_may_run_it():
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(run(lambda: 0)))
    thread.start()
    thread.join()
    assert statuses == [0]


@pytest.mark.parametrize(("rank", "lines"), [(0, 1), (1, 0)])
def test_one_rank_speaks_for_all(monkeypatch, caplog, rank, lines):
    comm = types.SimpleNamespace(rank=rank)
    mpi = types.SimpleNamespace(Is_initialized=lambda: True, COMM_WORLD=comm)
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", mpi)
    assert run(raiser(ValueError("bad"))) == 1
    assert len(caplog.messages) == lines

"""Processes that share work: how many, on how many threads."""

import os

import pytest
from threadpoolctl import threadpool_limits

from desinn.simulate import parallel
from desinn.simulate.parallel import in_processes
from helpers.work import Maker, die, seen


@pytest.mark.parametrize(("cores", "apart"), [(2, True), (1, False)])
def test_one_thread_each_and_no_more_processes_than_cores(monkeypatch, caplog, cores, apart):
    monkeypatch.setattr(parallel, "cores", lambda: set(range(cores)))
    with threadpool_limits(2, user_api="blas"), in_processes(Maker, (5,), 3) as run:
        found = list(run(seen, range(4)))
    assert [task for task, _, _ in found] == [5, 6, 7, 8]
    assert {threads for _, threads, _ in found} == {(1, 1)}
    processes = {process for _, _, process in found}
    assert len(processes) <= cores
    assert (os.getpid() not in processes) is apart
    assert f"3 processes: {cores} is all that the cores allow" in caplog.text


def test_a_process_that_dies_is_said(monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: {0, 1})
    with (
        pytest.raises(ChildProcessError, match="a process that simulated died"),
        in_processes(Maker, (5,), 2) as run,
    ):
        list(run(die, range(4)))

"""The machine: cores, as the system tells them and where it does not."""

import os

from desinn.machine import cores


def test_there_are_cores(monkeypatch):
    assert 1 <= len(cores()) <= os.cpu_count()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores() == set(range(os.cpu_count()))

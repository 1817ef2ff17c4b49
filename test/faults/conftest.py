"""The programs, to be disturbed."""

import os

import pytest

from helpers import input_programs
from helpers import programs as made
from helpers.nursery import Nursery


@pytest.fixture(scope="session")
def nursery(repository):
    if not os.path.exists("/proc/self/task"):
        pytest.skip("needs /proc")
    one = Nursery(repository)
    yield one
    one.close()


@pytest.fixture(scope="session")
def programs(nursery, tmp_path_factory):
    """Name -> each program on several small files."""
    folder = tmp_path_factory.mktemp("inputs")
    makers = {
        "qso": made.qso_program,
        "dla": made.dla_program,
        "cosmics": made.cosmics_program,
    }
    return {name: make(folder, nursery.run) for name, make in makers.items()}


@pytest.fixture(scope="session")
def whole(programs, tmp_path_factory):
    """Name of each program -> name -> content of what it writes undisturbed."""
    contents = {}
    for name, one in programs.items():
        folder = tmp_path_factory.mktemp(name)
        run = one(folder)
        assert run.status == 0, run.log
        contents[one.name] = made.contents(folder, one.written)
    return contents


@pytest.fixture
def expected(program, whole):
    return whole[program.name]


@pytest.fixture
def folder(tmp_path):
    """For what a disturbed program writes."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture(params=["qso", "dla", "cosmics"])
def program(programs, request):
    return programs[request.param]


@pytest.fixture(scope="session", name="made")
def folder_of_networks(tmp_path_factory):
    """A folder with a small network for each program, and a catalogue of quasars."""
    return input_programs.weights(tmp_path_factory.mktemp("made"))

"""Fixtures that all tests share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def reference():
    """The folder of third-party reference data, which is not part of the project."""
    folder = Path(os.environ.get("DESINN_REFERENCE_DIR", HERE.parents[1] / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder} (DESINN_REFERENCE_DIR)")
    return folder


@pytest.fixture(scope="session")
def data():
    """The folder of fixtures that belong to the tests."""
    return HERE / "data"


@pytest.fixture(scope="session")
def repository():
    """The folder of the whole project."""
    return HERE.parent


@pytest.fixture(scope="session")
def mpiexec():
    """The program that starts ranks, three of them, where there is MPI."""
    pytest.importorskip("mpi4py")
    beside = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    program = beside if os.path.exists(beside) else shutil.which("mpiexec")
    if program is None:
        pytest.skip("no mpiexec")
    probe = [sys.executable, "-c", "from mpi4py import MPI; assert MPI.COMM_WORLD.size == 3"]
    run = subprocess.run([program, "-n", "3", *probe], check=False, capture_output=True)
    if run.returncode:
        pytest.skip(f"MPI does not start three ranks here: {run.stderr[-200:]}")
    return program


@pytest.fixture(scope="module")
def warden():
    """What opens hostile files, in processes of its own."""
    from helpers.warden import Warden

    made = Warden()
    yield made
    made.close()

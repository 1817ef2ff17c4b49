"""Fixtures that all tests share."""

import os
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

"""What the tests with the real desispec and redrock share. Elsewhere they skip."""

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import desinn
from desinn.io.convert import read_foreign
from desinn.nn import write_weights
from integration import builder

BIN = Path(sys.executable).parent
HOSTS = ("desispec", "redrock", "desitarget", "fastspecfit", "picca")


@pytest.fixture(scope="session")
def hosts():
    """Skip where the host programs are not installed: they are in `make integration`'s place."""
    for name in ("desispec", "redrock", "desitarget"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: run these tests with make integration")


@pytest.fixture(scope="session")
def templates(reference):
    return reference / "templates"


@pytest.fixture(scope="session")
def run(repository, templates):
    """Return a function that runs a program as a user does, with ours in quasarnp's place."""

    def run(*words, **environment):
        path = [repository / "etc" / "quasarnp", Path(desinn.__file__).parents[1]]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "RR_TEMPLATE_DIR": str(templates),
            "OMP_NUM_THREADS": "1",
            **{key: str(value) for key, value in environment.items()},
        }
        words = list(map(str, words))
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def redrock(run, templates):
    """Return a function that makes the redrock file of a coadd, with two quasars missed."""

    def redrock(coadd, missed):
        path = coadd.with_name(coadd.name.replace("coadd", "redrock"))
        quasars = sorted(templates.glob("rrtemplate-QSO-*.fits"))
        run("rrdesi", "-i", coadd, "-o", path, "--mp", 2, "-t", *quasars)
        builder.spoil_redrock(path, missed)
        return path

    return redrock


@pytest.fixture(scope="session")
def coadd(tmp_path_factory, templates):
    """A coadd of four quasars, a sky fibre and a dead one."""
    path = tmp_path_factory.mktemp("coadd") / "coadd-0-80605-thru20210205.fits"
    builder.write_coadd(path, templates)
    return path


@pytest.fixture(scope="session")
def redrock_file(coadd, redrock):
    return redrock(coadd, builder.MISSED)


@pytest.fixture(scope="session")
def weights(reference, tmp_path_factory):
    """Return a function that gives the file of a network by a word for it."""
    from desinn.finders.base import shipped_weights

    folder = tmp_path_factory.mktemp("weights")

    def weights(which):
        if which == "keras":
            return reference / "qso" / "test_weights.h5"
        if which == "converted":
            path = folder / "6layer.npz"
            if not path.exists():
                six = reference / "qso" / "test_weights_6_layer.h5"
                write_weights(path, *read_foreign(six))
            return path
        if "qso" not in shipped_weights():
            pytest.skip("no network comes with desinn yet")
        return Path(shipped_weights()["qso"])

    return weights


# --- what ran


def pytest_itemcollected(item):
    """Let a test's report say what of the hosts it runs."""
    if mark := item.get_closest_marker("runs"):
        item.user_properties.append(("runs", mark.args[0]))


def pytest_terminal_summary(terminalreporter):
    """Tell which of the hosts are here, and what of them ran with what outcome."""
    outcomes = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            properties = getattr(report, "user_properties", ())  # what failed to be read has none
            for what in (what for key, what in properties if key == "runs"):
                outcomes.setdefault(what, Counter())[outcome] += 1
    if outcomes:
        terminalreporter.section("what of the hosts ran")
        terminalreporter.line(", ".join(f"{name} {_version(name)}" for name in HOSTS))
    for what, counts in sorted(outcomes.items()):
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        terminalreporter.line(f"{what:58s} {told}")


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not here)"

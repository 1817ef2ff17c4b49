"""The house: who may know whom, what is imported when, and what is packed."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import desinn

PACKAGE = Path(desinn.__file__).parent
ROOMS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}

ALLOWED = {
    "nn": set(),
    "spectra": set(),
    "io": {"nn.weights", "nn.geometry", "nn.graph", "nn.npz", "spectra"},
    "finders": {"nn", "spectra"},
    "simulate": {"spectra"},
    "evaluate": {"finders", "io", "spectra"},
    "hosts": {"finders", "io", "spectra"},
    "train": {"nn", "spectra", "finders", "simulate", "io", "evaluate"},
    "scripts": ROOMS,
}
"""Room -> whom it may know beside itself."""

LEAVES = {"log", "files", "machine", "__version__"}
"""What everybody may know: they know nobody."""

NEEDED_EARLY = {"numpy"}
"""What the rooms import at their head; all else waits until it is needed."""

FRAMEWORKS = ("tensorflow", "keras", "torch", "h5py", "astropy", "desiutil", "desispec",
              "redrock", "matplotlib", "scipy", "fitsio", "yaml", "onnx",
              "onnxruntime")  # fmt: skip

FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imports(path, functions_too=True):
    """Yield (level, name) of everything that a module imports."""
    tree = ast.parse((PACKAGE / path).read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if not functions_too and id(node) in inside:
            continue
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            dot = "." if module else ""
            yield from ((node.level, f"{module}{dot}{alias.name}") for alias in node.names)


def within(path):
    """Yield what a module imports of desinn, as dotted paths from the package's root."""
    for level, name in imports(path):
        if level:
            base = path.parts[: len(path.parts) - level]
            yield ".".join((*base, name))
        elif name.split(".")[0] == "desinn":
            yield name.removeprefix("desinn").lstrip(".")


def known(path):
    """Return the rooms (or rooms' modules) and leaves that a module knows beside its own room."""
    room = path.parts[0]
    return {name for name in within(path) if name.split(".")[0] != room}


@pytest.mark.parametrize("path", [p for p in FILES if len(p.parts) > 1], ids=str)
def test_who_knows_whom(path):
    allowed = ALLOWED[path.parts[0]] | LEAVES
    for name in known(path):
        fits = any(name == other or name.startswith(f"{other}.") for other in allowed)
        lazily = path.parts[0] == "scripts" and name == "load_model"
        assert fits or lazily, f"{path} imports {name}; it may know {sorted(allowed)}"


def test_the_document_shows_the_same_table(repository):
    text = (repository / "doc" / "inside.rst").read_text(encoding="ascii")
    table, _, after = text.partition("Who may know whom:\n")[2].partition("``scripts``")
    shown = {}
    for rooms, allowed in re.findall(r"^(``.*``)  +(\S.*)$", table, re.MULTILINE):
        for room in re.findall(r"``([\w.]+)``", rooms):
            shown[room] = set(re.findall(r"``([\w.]+)``", allowed))
    assert {**shown, "scripts": ROOMS} == ALLOWED
    leaves = after.partition(" are the leaves")[0].rpartition("\n\n")[2]
    assert set(re.findall(r"``(\w+)``", leaves)) == LEAVES - {"__version__"}


@pytest.mark.parametrize("path", [Path("log.py"), Path("files.py"), Path("machine.py")], ids=str)
def test_leaves_know_nobody(path):
    assert set(within(path)) == set()


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] != "train"], ids=str)
def test_only_numpy_is_imported_at_the_head(path):
    heads = {name.split(".")[0] for level, name in imports(path, functions_too=False) if not level}
    assert heads - NEEDED_EARLY <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] != "scripts"], ids=str)
def test_nobody_but_scripts_imports_train(path):
    assert path.parts[0] == "train" or not any(n.split(".")[0] == "train" for n in within(path))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_module_is_longer_than_400_lines(path):
    assert len((PACKAGE / path).read_text().splitlines()) <= 400


def functions_of(path):
    """Return the public functions of a module that take something."""
    tree = ast.parse((PACKAGE / path).read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [node for node in found if not node.name.startswith("_") and node.args.args]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_public_functions_say_what_they_take(path):
    """But for the tests of attributes in nn.ops, whose first line is a message."""
    attributes = {"value"}
    for node in functions_of(path):
        if {arg.arg for arg in node.args.args} != attributes:
            assert "Parameters\n" in (ast.get_docstring(node) or ""), f"{path}: {node.name}"


PROBE = """
import sys, importlib.abc
class Trap(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            tried.append(name)
            raise ImportError(name)
tried = []
sys.meta_path.insert(0, Trap())
{code}
print(tried)
"""


def tried(code, names=FRAMEWORKS):
    """Return which of `names` a fresh process tried to import."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    probe = PROBE.format(names=set(names), code=code)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ast.literal_eval(run.stdout)


def test_importing_tries_no_framework():
    modules = [".".join(["desinn", *path.with_suffix("").parts]) for path in FILES]
    modules = [name.removesuffix(".__init__") for name in modules]
    assert tried(f"import {', '.join(modules)}") == []


def test_a_network_runs_where_only_numpy_is(data, tmp_path):
    """Load, prepare and run without one of the frameworks being even tried."""
    from desinn.nn import write_weights
    from helpers.spectra import quasar_model

    write_weights(tmp_path / "w.npz", *quasar_model())
    code = (
        "import numpy as np, desinn\n"
        f"finder = desinn.load_model({str(tmp_path / 'w.npz')!r})\n"
        "finder.network(np.zeros((2, 443, 1)))"
    )
    assert tried(code) == []


def test_the_version_is_the_installed_one():
    from importlib import metadata

    assert metadata.version("desinn") == desinn.__version__


def test_load_model_is_at_the_front_door(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz: there is no such file"):
        desinn.load_model(tmp_path / "nothing.npz")

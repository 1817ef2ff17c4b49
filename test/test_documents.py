"""The documents say what is true: their examples run, and they name all that there is."""

import argparse
import contextlib
import doctest
import importlib
import io
import itertools
import re
import shlex

import numpy as np
import pytest

import desinn
from desinn.finders.absorbers import DLAFlag, SightlineFlag
from desinn.finders.base import Flag
from desinn.log import get_logger
from desinn.nn import ops, write_weights
from desinn.nn.graph import OPS  # with the families imported, which enter themselves
from desinn.scripts import desinn as desinn_script
from desinn.scripts import dla_table
from helpers.documents import PATHS, ROOT, TEXTS, captioned
from helpers.spectra import coadd, quasar_model, write_coadd
from helpers.transcripts import PROGRAMS

PACKAGE = ROOT / "py" / "desinn"
MODULES = sorted(
    ".".join(path.relative_to(ROOT / "py").with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="ascii")
)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of the files that the examples name, but small."""
    folder = tmp_path_factory.mktemp("files")
    write_weights(folder / "6layer.npz", *quasar_model())
    write_coadd(folder / "coadd.fits", coadd(rows=25))  # as many as that of the examples
    return folder


def run_examples(examples):
    """Run a doctest; its report is shown where the test fails."""
    get_logger()  # desiutil's would else take an example's output for the terminal
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    assert runner.run(examples).failed == 0


def with_examples():
    return [name for name, text in TEXTS.items() if re.search(r"^ *>>> ", text, re.MULTILINE)]


@pytest.mark.parametrize("name", with_examples())
def test_examples_of_document(name, files, tmp_path, monkeypatch):
    for file in files.iterdir():
        (tmp_path / file.name).symlink_to(file)
    for caption, content in captioned(TEXTS[name]).items():
        (tmp_path / caption).write_text(content)
    monkeypatch.chdir(tmp_path)
    parser = doctest.DocTestParser()
    run_examples(parser.get_doctest(TEXTS[name], {}, name, str(PATHS[name]), 0))


def test_documents_have_examples():
    expected = {"README.rst", "quickstart.rst", "convert.rst", "weights.rst", "desi_find_qso.rst"}
    assert expected <= set(with_examples())


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    for examples in doctest.DocTestFinder(exclude_empty=True).find(module):
        run_examples(examples)


def test_a_wrong_example_fails():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(AssertionError):
        run_examples(wrong)


def commands():
    """Return all commands of our programs in the documents, as (document, words)."""
    lines = (
        (name, line)
        for name, text in TEXTS.items()
        for line in re.findall(r"^ *\$ (.*)$", text, re.MULTILINE)
    )
    words = ((name, shlex.split(line.partition("|")[0])) for name, line in lines)
    words = ((name, list(itertools.dropwhile(lambda word: "=" in word, w))) for name, w in words)
    return [(name, w) for name, w in words if w[0] in PROGRAMS]


@pytest.mark.parametrize(("name", "words"), commands())
def test_commands_have_options_that_exist(name, words):
    program, *options = words
    assert PROGRAMS[program].parse(options)


def stated_options(program, *command):
    """Return all options that a program says it has."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), pytest.raises(SystemExit):
        PROGRAMS[program].parse([*command, "--help"])
    usage = text.getvalue()
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", usage))


ALL_PROGRAMS = [
    *((name, []) for name in PROGRAMS if name != "desinn"),
    *(("desinn", [command]) for command in desinn_script.COMMANDS),
]


@pytest.mark.parametrize(("program", "command"), ALL_PROGRAMS, ids=str)
def test_every_option_says_what_it_is(program, command, monkeypatch):
    """Also its default, where that is a value."""
    seen = []
    show = argparse.ArgumentParser.print_help
    monkeypatch.setattr(
        argparse.ArgumentParser, "print_help", lambda self, *file: [seen.append(self), show(self)]
    )
    stated_options(program, *command)
    assert seen
    for action in seen[0]._actions:
        assert action.help, action.option_strings
        if action.option_strings and action.nargs != 0 and action.default not in (None, [], ()):
            assert "default: " in action.help, action.option_strings


PAGES = {
    "convert": "convert.rst",
    "info": "convert.rst",
    "path": "convert.rst",
    "simulate": "simulate.rst",
    "extract-cosmics": "desi_find_cosmics.rst",
    "median-exposures": "desi_find_cosmics.rst",
    "train": "training.rst",
    "evaluate": "evaluate.rst",
    "calibrate": "evaluate.rst",
}
"""Command of desinn -> the page that describes it."""


@pytest.mark.parametrize(
    ("document", "program", "command"),
    [
        ("desi_find_qso.rst", "desi_find_qso", []),
        ("desi_find_dla.rst", "desi_find_dla", []),
        ("desi_find_cosmics.rst", "desi_find_cosmics", []),
        *((PAGES[command], "desinn", [command]) for command in desinn_script.COMMANDS),
    ],
)
def test_every_option_is_documented(document, program, command):
    options = stated_options(program, *command)
    assert {"--help", "--version", "--debug"} <= options
    assert sorted(o for o in options if f"``{o}``" not in TEXTS[document]) == []


@pytest.mark.parametrize("command", desinn_script.COMMANDS)
def test_every_command_is_documented(command):
    assert f"``desinn {command}``" in TEXTS[PAGES[command]]


@pytest.mark.parametrize("program", sorted(path.name for path in (ROOT / "bin").iterdir()))
def test_readme_names_every_program(program):
    assert re.search(rf"\$ {program} ", TEXTS["README.rst"])


def test_every_column_is_documented(files):
    finder = desinn.load_model(files / "6layer.npz")
    outputs = {name: np.zeros((1, 26), np.float32) for name in finder.network.graph.outputs}
    rows = finder.interpret(outputs, np.zeros(1, np.int32))
    table = TEXTS["desi_find_qso.rst"].partition("\nFlags\n")[0]
    assert [name for name in rows.dtype.names if f"``{name}``" not in table] == []


@pytest.mark.parametrize("flag", Flag)
def test_every_flag_is_documented(flag):
    row = rf"   \* - {flag.value}\n     - ``{flag.name}``\n"
    assert re.search(row, TEXTS["desi_find_qso.rst"])


@pytest.mark.parametrize("flag", [*DLAFlag, *SightlineFlag], ids=str)
def test_every_flag_of_absorbers_is_documented(flag):
    row = rf"   \* - {flag.value}\n     - ``{flag.name}``\n"
    assert re.search(row, TEXTS["desi_find_dla.rst"])


def test_every_column_of_absorbers_is_documented():
    names = {*dla_table.CATALOGUE.names, *dla_table.SEARCHED.names}
    table = TEXTS["desi_find_dla.rst"].partition("\nFlags\n")[0]
    assert names == set(dla_table.COLUMNS)
    assert sorted(name for name in names if f"``{name}``" not in table) == []


SAMPLES = {
    ops.positive: [2],
    ops.positives: [(1,)],
    ops.integer: [-1],
    ops.integers: [(1,)],
    ops.sizes: [(1,)],
    ops.number: [0.5],
    ops.small_number: [0.5],
    ops.flag: [True, False],
    ops.counts: [((0, 0),)],
    ops.padding: ["same"],
    ops.crops: ["same"],
}
"""Values for each type of attribute, to ask an op for its parameters."""


def parameters_of(op):
    """Return the names of all parameters that an op may have."""
    choices = [SAMPLES[kind] for kind in op.schema.values()]
    made = (
        op(dict(zip(op.schema, values, strict=True))) for values in itertools.product(*choices)
    )
    return {name for one in made for name in one.parameters((4, 3))}


def test_the_op_with_most_parameters():
    assert parameters_of(OPS["conv"]) == {"kernel", "bias", "direction", "gain"}


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_op_is_documented(name):
    table = TEXTS["weights.rst"].partition("\nOps\n===")[2].partition("\nWeight norm\n")[0]
    row = table.partition(f"   * - ``{name}``\n")[2].partition("   * - ")[0]
    words = set(OPS[name].schema) | parameters_of(OPS[name])
    assert row
    assert sorted(word for word in words if f"``{word}``" not in row) == []


def test_every_entry_of_the_header_is_documented():
    from desinn.nn.weights import KINDS, SECTIONS

    text = TEXTS["weights.rst"]
    assert [key for key in SECTIONS if f"   * - ``{key}``\n" not in text] == []
    assert [kind for kind in KINDS if f"``{kind}``" not in text] == []


def test_every_entry_of_prepare_and_interpret_is_documented():
    from desinn.finders import dla, dla_input, dla_windows, image_input, qso

    text = TEXTS["weights.rst"].partition("prepare and interpret\n===")[2]
    kinds = {
        "qso": (qso.PREPARE, qso.INTERPRET),
        "dla: sightlines": (dla_input.PREPARE, dla.INTERPRET),
        "dla: windows": (dla_windows.PREPARE, dla_windows.INTERPRET),
        "cosmics": (image_input.PREPARE, {"threshold"}),
    }
    for title, sections in kinds.items():
        part = re.search(rf"^{title}\n-+\n(.*?)\n[-=]{{3,}}\n", text, re.DOTALL | re.MULTILINE)[1]
        rows = " ".join(re.findall(r"^   \* - (.*)$", part, re.MULTILINE))
        told = re.findall(r"``([a-z_]+)``", rows)
        assert set(told) == {key for section in sections for key in section}, title


def test_the_reader_is_short():
    lines = captioned(TEXTS["weights.rst"])["reader.py"].splitlines()
    assert sum(bool(line) for line in lines) <= 40


def test_documents_are_in_the_index():
    pages = {name.removesuffix(".rst") for name in TEXTS} - {"README", "index"}
    assert pages == set(re.findall(r"^   ([a-z_]+)$", TEXTS["index.rst"], re.MULTILINE))


@pytest.mark.parametrize("dev", [True, False])
def test_module_file_takes_what_desiinstall_fills_in(dev):
    fields = {
        "name": "desinn",
        "version": "1.2.3",
        "product_root": "/somewhere/code",
        "needs_bin": "",
        "needs_python": "# " if dev else "",
        "needs_trunk_py": "" if dev else "# ",
        "trunk_py_dir": "/py",
        "needs_ld_lib": "# ",
        "needs_idl": "# ",
        "pyversion": "python3.12",
    }
    text = (ROOT / "etc" / "desinn.module").read_text(encoding="ascii").format(**fields)
    python = "py" if dev else "lib/python3.12/site-packages"
    active = [line for line in text.splitlines() if not line.startswith("#")]
    assert text.startswith("#%Module1.0\n")
    assert [line for line in active if line.startswith("prepend-path")] == [
        "prepend-path PATH $folder/bin",
        f"prepend-path PYTHONPATH $folder/{python}",
    ]
    assert text.count("{") == text.count("}")

"""All code blocks of the documents: they are run here, or stand in a table that says why not.

What begins with ``>>>`` is run by ``test_documents.py``.
"""

import ast
import configparser
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import desinn
from desinn.nn.graph import OPS
from helpers.documents import ROOT, TEXTS, blocks, commands
from helpers.example_files import write_files
from helpers.transcripts import Prompt, expected_status, says

NEEDS_NETWORK = "downloads packages"
TRAINS = "an hour of TensorFlow; test/train trains small networks"
BENCHMARK = "an hour of an idle machine"
MPI = "a batch system; test/scripts/test_runner.py runs the programs on ranks"
INTEGRATION = "another program; make integration runs it"

NOT_RUN = {
    "make demo       # simulated spectra and an image in; quasars, absorbers, cosmic rays out": (
        "makes an environment"
    ),
    "make test       # the tests": "it is what runs this",
    "pip install .": NEEDS_NETWORK,
    'pip install ".[plot]"': NEEDS_NETWORK,
    'pip install ".[hdf5]"': NEEDS_NETWORK,
    "pip install 'desinn[train]'": NEEDS_NETWORK,
    "desinn convert 6layer.npz 6layer.keras": (
        "TensorFlow; test/train/test_export_keras.py writes such files"
    ),
    "srun -n 65 desi_find_qso -i coadd-*.fits -o many.fits --mpi --resume": MPI,
    "srun -n 31 desi_find_cosmics -i preproc-*.fits.gz -o marked --mpi --resume": MPI,
    "CRITICAL: qso.fits: could not be written: error writing to FITS file": (
        "a full disk; test/faults/test_full_disk.py"
    ),
    "CRITICAL: stopped by SIGTERM after 3 of 8 files; --resume does the rest": (
        "a signal; test/faults/test_terminated.py"
    ),
    "desi_qso_qn_afterburner --coadd coadd.fits --redrock redrock.fits --output qso_qn.fits "
    "--target_selection all": INTEGRATION,
    "python afterburner.py 6layer.npz coadd-0-80605-thru20210205.fits qso_qn.fits": INTEGRATION,
    "import sys": INTEGRATION,
    "from desinn.hosts.desispec import use_desinn_cosmics": INTEGRATION,
    "desinn train qso -o qso.npz --templates rrtemplates --checkpoints ck": TRAINS,
    "desinn train qso-published-4 -o mine.npz --data labels.csv": TRAINS,
    "desinn train qso -o both.npz --data labels.csv coadd.fits --data-fraction 0.2": TRAINS,
    "desinn train qso-published-6 -o new.npz --init 6layer.npz --data my.csv --freeze 'conv_*'": (
        TRAINS
    ),
    "from desinn.train import job": TRAINS,
    "make bench                                # an hour on an idle machine": BENCHMARK,
    'make bench ARGS="--only qso --output qso.json"': BENCHMARK,
    "etc/performance qso.json -o doc/card/performance.inc": "reads what make bench has written",
}
"""Command, or first line of another block -> why it is not run."""

SMALL, FEW = ["--shape", "96", "128"], ["--failures", "1"]
CUT = {
    "desinn simulate qso -n 100 --seed 7 -o coadd.fits": ["-n", "25"],
    "desinn simulate dla -n 100 --seed 7 -o sightlines.fits": ["-n", "4"],
    "desinn simulate qso --recipe qso-test --templates rrtemplates --nproc 2 -o test.fits": (
        ["-n", "4", "--files", "2"]
    ),
    "desinn simulate cosmics -n 4 --arm r --seed 7 -o frames": ["-n", "2", *SMALL],
    "desinn simulate cosmics --recipe cosmics-test --nproc 2 -o cosmics-test": ["-n", "2", *SMALL],
    "desinn simulate cosmics --arm b --kind arc --seconds 600 --shape 1024 1024 -o arcs": SMALL,
    "desinn simulate dla --recipe dla-calibration --files 1 -o sight.fits": (
        ["-n", "60", "--recipe", "dla-test-boosted"]  # which has absorbers enough
    ),
    "desinn evaluate qso qso.fits --truth coadd.fits --c-thresh 0.5 --plot figures": FEW,
    "desinn evaluate qso coadd-0.fits coadd-1.fits -m 6layer.npz --plot pictures": (
        [*FEW, "--c-thresh", "0.5"]
    ),
}
"""Command -> options with which it makes less."""

EXACT = {
    "desinn convert arrays.npz net.npz --architecture net.yaml",
    "desinn convert qso qso.onnx",
    "desinn convert qso.onnx back.npz",
}
"""Commands whose input is the very one that the document means: numbers must be right, too."""

NAMES = {"convert.rst": {"desinn": desinn, "image": np.ones((40, 50), np.float32)}}
"""Document -> what its Python blocks take from elsewhere."""

DOCUMENTS = {name: blocks(name, text) for name, text in TEXTS.items()}
BLOCKS = [block for some in DOCUMENTS.values() for block in some]


def first_line(block):
    return block.text.split("\n", 1)[0].removeprefix("$ ")


def is_transcript(block):
    return block.language in ("console", "") and "$ " in block.text


def is_run_elsewhere(block):
    """Return whether these are doctests, or a file that they read."""
    return block.caption == "reader.py"


def steps(name):
    """Return what is run of a document, in its order: commands and Python blocks."""
    found = []
    for block in DOCUMENTS[name]:
        if is_transcript(block):
            found += [one for one in commands(block) if one.text not in NOT_RUN]
        elif block.language == "python" and first_line(block) not in NOT_RUN:
            found += [] if is_run_elsewhere(block) else [block]
    return found


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A folder of two small coadds with their truth, and qso.fits, what is found in the first."""
    from desinn.scripts import desi_find_qso
    from desinn.scripts.desinn import main

    folder = tmp_path_factory.mktemp("simulated")
    size = ["--files", "2", "-n", "25", "--seed", "7", "--templates", "none", "--no-resolution"]
    assert main(["simulate", "qso", *size, "-o", f"{folder}/coadd.fits"]) == 0
    assert desi_find_qso.main(["-i", f"{folder}/coadd-0.fits", "-o", f"{folder}/qso.fits"]) == 0
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder that we are in, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("RR_TEMPLATE_DIR", "DESI_LOGLEVEL", "QN_MODEL_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DESI_SPECTRO_REDUX", str(tmp_path))
    monkeypatch.setenv("DESINN", str(ROOT))
    monkeypatch.setenv("PWD", str(ROOT))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "quasarnp":
            del sys.modules[name]


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if steps(name)])
def test_document_is_true(name, place, data, simulated, monkeypatch):
    """All of a document's commands and Python blocks, in their order, in one folder."""
    write_files(name, place, data, simulated)
    for block in DOCUMENTS[name]:
        if block.caption:
            (place / block.caption).write_text(block.text)
    prompt, names = Prompt(monkeypatch), dict(NAMES.get(name, {}))
    for step in steps(name):
        if hasattr(step, "shown"):
            check_command(prompt, step)
        else:
            exec(compile(step.text, step.name, "exec"), names)  # as a reader would


def check_command(prompt, step):
    status, said = prompt.run(step.text, CUT.get(step.text, ()))
    about = f"{step.name}: {step.text}: " + "\n".join(said)
    assert status == expected_status(step.shown), about
    if step.shown:
        assert says(step.shown, said), about
    if step.text in EXACT:
        assert said == step.shown, about


@pytest.mark.parametrize("variable", ["PYTHONPATH", "QN_MODEL_FILE"])
@pytest.mark.parametrize("name", ["README.rst", "hosts.rst"])
def test_what_is_exported_is_there(name, variable, place, monkeypatch):
    prompt = Prompt(monkeypatch)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "py"))
    for step in steps(name):
        if getattr(step, "shown", None) == [] and step.text.startswith("export "):
            prompt.run(step.text)
    paths = prompt.value(variable).split(":")
    assert all(Path(path).exists() for path in paths)
    if variable == "PYTHONPATH":
        assert (Path(paths[0]) / "quasarnp" / "__init__.py").exists()


PUBLISHED = {
    "desinn convert 6layer.h5 6layer.npz": "qso/test_weights_6_layer.h5",
    "desinn convert ACS-WFC.pth acs-wfc.npz --name deepcr-ACS-WFC": (
        "cosmics/deepcr-mask-ACS-WFC.npz"
    ),
}
"""Command -> where in the reference data its input is."""


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_networks_have_so_many_parameters(text, reference, place, monkeypatch):
    """Above they are small ones, whose numbers say nothing."""
    source, name = reference / PUBLISHED[text], Path(text.split()[2])
    link = name.with_suffix(source.suffix)  # deepCR's arrays, where torch's file is not there
    (place / link).symlink_to(source)
    status, said = Prompt(monkeypatch).run(text.replace(str(name), str(link)))
    assert status == 0
    commands_of_all = [step for page in DOCUMENTS for step in steps(page)]
    shown = [step.shown for step in commands_of_all if step.text == text and step.shown]
    assert shown
    assert all(one == said for one in shown)


LANGUAGES = {"console", "python", "yaml", "json", "ini", ""}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_is_accounted_for(block):
    """Transcripts and Python are run, or stand in the table; others are checked below."""
    assert block.language in LANGUAGES
    if block.language == "" and not is_transcript(block):
        programs = ("make", "pip", "python", "export", "desinn", "desi_", "import", "from")
        assert not first_line(block).startswith(programs), "a command without $"
    if block.language == "console" and not is_transcript(block):
        assert first_line(block) in NOT_RUN
    if block.language == "python":
        ast.parse(block.text)


def test_nothing_stands_in_the_tables_for_nothing():
    known = {first_line(block) for block in BLOCKS}
    known |= {one.text for block in BLOCKS if is_transcript(block) for one in commands(block)}
    assert sorted({*NOT_RUN, *CUT, *EXACT} - known) == []


def of_language(language):
    return [block for block in BLOCKS if block.language == language]


@pytest.mark.parametrize("block", of_language("json"), ids=lambda block: block.name)
def test_nodes_are_nodes(block):
    found = json.loads(block.text)
    for node in found if isinstance(found, list) else [found]:
        attributes = {key: node[key] for key in node if key not in ("name", "op", "inputs")}
        assert OPS[node["op"]].check(attributes)[1] == []


@pytest.mark.parametrize("block", of_language("yaml"), ids=lambda block: block.name)
def test_recipes_can_be_read(block, tmp_path):
    """What is left out, as three dots, is that of our own recipe; captions are run above."""
    from desinn.train.recipe import read_recipe

    if block.caption:
        return
    stated, ours = yaml.safe_load(block.text), recipe_of_ours(stated_kind(block))
    whole = {key: ours[key] if value == "..." else value for key, value in stated.items()}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(whole))
    assert read_recipe(str(path))["name"] == stated["name"]


def stated_kind(block):
    return yaml.safe_load(block.text)["kind"]


def recipe_of_ours(kind):
    return yaml.safe_load((ROOT / "py" / "desinn" / "recipes" / f"{kind}.yaml").read_text())


@pytest.mark.parametrize("block", of_language("ini"), ids=lambda block: block.name)
def test_configurations_can_be_read(block):
    """test/integration has picca read it."""
    parser = configparser.ConfigParser()
    parser.read_string(block.text)
    assert parser["mask arguments 0"]["filename"] == "dlacat.fits"


# The machinery itself.

PAGE = """
Text::

    $ desinn path qso
    INFO: 3.5 s of 7 ...

.. code-block:: yaml
   :caption: a.yaml

   a: 1

     b

End
"""


def test_blocks():
    first, second = blocks("page", PAGE)
    assert (first.language, first.caption, first.line) == ("", "", 2)
    assert commands(first) == [("page:4", "desinn path qso", ["INFO: 3.5 s of 7 ..."])]
    assert second[2:] == ("yaml", "a.yaml", "a: 1\n\n  b")


def test_a_block_without_a_command():
    block = blocks("page", "::\n\n   WARNING: no\n")[0]
    with pytest.raises(ValueError, match="expected a command behind"):
        commands(block)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        (["INFO: 41 s of 0.25 or so"], True),
        (["INFO: 41 s of many or so"], False),
        (["INFO: 41 s of 1 or so", "more"], False),
        (["WARNING: 41 s of 1 or so"], False),
        ([], False),
    ],
)
def test_says(said, fits):
    assert says(["INFO: 3.5 s of 7 ..."], said) == fits


def test_an_untrue_transcript_fails(place, monkeypatch):
    prompt = Prompt(monkeypatch)
    for page in ("::\n\n   $ desinn path qso\n   INFO: qso\n", "::\n\n   $ desinn path nonet\n"):
        (step,) = commands(blocks("page", page)[0])
        with pytest.raises(AssertionError, match=step.text):
            check_command(prompt, step)


def test_the_prompt(place, monkeypatch):
    prompt = Prompt(monkeypatch)
    assert prompt.run("export WEIGHTS=$(desinn path qso)") == (0, [])
    status, said = prompt.run("DESI_LOGLEVEL=ERROR desinn info $WEIGHTS  # a comment")
    assert status == 0
    assert "kind" in "\n".join(said)
    assert prompt.value("DESI_LOGLEVEL") == ""

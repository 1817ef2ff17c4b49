"""Recipes: what they hold, what is refused, and those that come with desinn."""

import numpy as np
import pytest

from desinn.nn import Network
from desinn.nn.graph import Graph
from desinn.simulate.grid import TRUTH
from desinn.train.recipe import (
    KEYS,
    LOSSES,
    SECTIONS,
    finder_for,
    header_of,
    initial_arrays,
    read_recipe,
)
from helpers.samples import make_recipe

pytest.importorskip("yaml")


def test_what_is_left_out_has_its_default(recipe_file):
    recipe = read_recipe(recipe_file())
    assert recipe["seed"] == 3
    assert (recipe["size"], recipe["minutes"], recipe["simulation"]) == (60000, None, None)
    assert recipe["optimizer"] == {
        "name": "adam",
        "learning_rate": 0.003,
        "weight_decay": 0.0,
        "clipnorm": None,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "amsgrad": False,
    }
    assert recipe["schedule"] == {
        "name": "cosine", "epochs": 4, "batch": 32, "warmup": 0.0, "final": 0.0,
        "freeze_norms": 0.0,
    }  # fmt: skip
    assert recipe["validation"].keys() == SECTIONS["validation"].keys()


def test_changes_take_the_place_of_the_file(recipe_file):
    changes = {"seed": 9, "schedule.epochs": 2, "stop.patience": 5}
    recipe = read_recipe(recipe_file(), changes)
    assert recipe["seed"] == 9
    assert recipe["schedule"]["epochs"] == 2
    assert recipe["schedule"]["batch"] == 32
    assert recipe["stop"] == {"patience": 5}


def test_changes_of_a_section_that_is_empty_or_none(recipe_file):
    changes = {"schedule.epochs": 2}
    assert read_recipe(recipe_file(schedule=None), changes)["schedule"]["epochs"] == 2
    with pytest.raises(ValueError, match="schedule: expected dict, found int"):
        read_recipe(recipe_file(schedule=7), changes)


def test_all_problems_at_once(recipe_file):
    path = recipe_file(
        speed=3,
        seed=-1,
        minutes=-1,
        simulation=[1],
        loss={"name": "hinge", "positive_weight": 0},
        optimizer={"name": "sgd", "amsgrad": True, "learning_rate": "1e-3"},
        schedule={"epochs": 1.5, "warmup": -1, "final": 1.0, "warm": 2},
        stop=3,
        nodes={},
    )
    with pytest.raises(ValueError) as caught:
        read_recipe(path)
    text = str(caught.value)
    for words in (
        "recipe.yaml: not a recipe:\n",
        "speed: unknown (there are: kind, name,",
        "seed: expected an integer that is not negative, found -1",
        "minutes: expected a number above 0, found -1",
        "simulation: expected dict, found list",
        "loss: name: expected one of quasarnet, bernoulli, found 'hinge'",
        "loss: positive_weight: expected a number above 0, found 0",
        "optimizer: learning_rate: expected a finite number, found '1e-3'",
        "optimizer: amsgrad: unknown for sgd",
        "schedule: epochs: expected a positive integer, found 1.5",
        "schedule: warmup: expected a number that is not negative, found -1",
        "schedule: final: expected a number from 0 to below 1, found 1.0",
        "schedule: warm: unknown (there are: name, epochs",
        "stop: expected dict, found int",
        "nodes: expected list, found dict",
    ):
        assert words in text


def test_what_must_be_there(recipe_file, content):
    del content["seed"], content["inputs"]
    with pytest.raises(ValueError, match=r"(?s)inputs: expected list, found nothing.*seed: exp"):
        read_recipe(recipe_file())


def test_a_network_is_judged_whatever_else_is_wrong(recipe_file, content):
    del content["seed"]
    path = recipe_file(speed=3, outputs={"LYA": "nowhere"})
    with pytest.raises(ValueError) as caught:
        read_recipe(path)
    said = [line.split(":")[0] for line in str(caught.value).splitlines()[1:]]
    assert said == ["  speed", "  seed", "  output LYA"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "stars"}, "kind: expected one of qso, dla, cosmics, found 'stars'"),
        ({"outputs": {"LYA": "nowhere"}}, "output LYA: there is no node nowhere"),
        ({"outputs": {"LYA": "out0"}}, "outputs: expected {'LYA': "),
    ],
)
def test_the_network_must_be_one_of_its_kind(recipe_file, change, words):
    with pytest.raises(ValueError) as caught:
        read_recipe(recipe_file(**change))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [", "expected YAML, found"), ("[1]", "expected an object, found list")],
)
def test_no_recipe_at_all(tmp_path, text, words):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    ("name", "layers", "count"), [("qso-published-4", 4, 520882), ("qso-published-6", 6, 591482)]
)
def test_published_networks(name, layers, count):
    """Parameters that are trained, as the facts of the published files have them."""
    recipe = read_recipe(name)
    header = header_of(recipe)
    trained = {
        key: array.size
        for key, array in initial_arrays(header, 1).items()
        if not key.endswith(("/mean", "/variance"))
    }
    assert sum(trained.values()) == count
    assert sum(node["op"] == "conv" for node in recipe["nodes"]) == layers
    assert recipe["name"] == name


@pytest.mark.parametrize("layers", [4, 6])
def test_published_networks_have_the_nodes_of_the_files(reference, layers):
    pytest.importorskip("h5py")
    from desinn.io.convert import read_foreign

    file = {4: "test_weights.h5", 6: "test_weights_6_layer.h5"}[layers]
    header, arrays = read_foreign(reference / "qso" / file)
    recipe = read_recipe(f"qso-published-{layers}")
    for key in ("inputs", "outputs", "prepare", "interpret"):
        assert recipe[key] == header[key]
    graph = Graph(recipe["inputs"], recipe["nodes"], recipe["outputs"])
    assert graph.parameters().keys() == arrays.keys()
    if layers == 6:
        by_name = [
            sorted(n, key=lambda node: node["name"]) for n in (recipe["nodes"], header["nodes"])
        ]
        assert by_name[0] == by_name[1]


def test_arrays_to_begin_with(recipe_file):
    recipe = read_recipe(recipe_file())
    header = header_of(recipe)
    arrays = initial_arrays(header, 1)
    assert np.array_equal(arrays["bn0/variance"], np.ones(8))
    assert not arrays["conv1/bias"].any()
    limit = np.sqrt(6 / (10 * 16))  # ten pixels, eight channels in, eight out
    kernel = arrays["conv1/kernel"]
    assert 0.9 * limit < np.abs(kernel).max() < limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    again, other = initial_arrays(header, 1), initial_arrays(header, 2)
    assert np.array_equal(kernel, again["conv1/kernel"])
    assert not np.array_equal(kernel, other["conv1/kernel"])
    Network(header, arrays)


def test_the_finder_knows_the_lines(recipe_file):
    finder = finder_for(read_recipe(recipe_file()))
    assert (list(finder.lines), list(finder.bal_lines)) == (["LYA", "CIV"], ["CIV_BAL"])


def test_without_pyyaml(recipe_file, monkeypatch):
    path = recipe_file()
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ImportError, match=r"pip install 'desinn\[train\]'"):
        read_recipe(path)


def test_every_key_is_documented(repository):
    text = (repository / "doc" / "training.rst").read_text(encoding="ascii")
    keys = [f"{name}.{key}" for name, keys in SECTIONS.items() for key in keys]
    keys += [f"loss.{key}" for kind in LOSSES.values() for keys in kind.values() for key in keys]
    keys += [key for key in KEYS if key not in SECTIONS]
    assert [key for key in keys if f"``{key}``" not in text] == []


def test_every_figure_of_the_log_is_documented(repository):
    from desinn.train.metrics import quasar_metrics

    text = (repository / "doc" / "training.rst").read_text(encoding="ascii")
    outputs = {name: np.zeros((0, 26), np.float32) for name in ("LYA", "CIV", "CIV_BAL")}
    names = quasar_metrics(finder_for(make_recipe()), outputs, np.zeros(0, TRUTH))
    assert [name for name in names if f"``{name}``" not in text] == []

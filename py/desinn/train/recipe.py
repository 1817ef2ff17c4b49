"""Recipes: one YAML file is one training that can be repeated.

The graph and its meaning (``kind``, ``name``, ``inputs``, ``nodes``, ``outputs``, ``prepare``,
``interpret``) are written as in the header of a weights file, and go into it as they are.
``doc/training.rst`` describes the other keys.
"""

import numpy as np

from ..files import read_yaml
from ..finders.cosmics import cosmics_finder
from ..finders.dla import dla_finder
from ..finders.qso import QSOFinder
from ..nn import Network
from ..nn.graph import Graph, GraphError
from ..nn.ops import flag, number, positive, small_number

HEADER = {
    "kind": str,
    "name": str,
    "inputs": list,
    "nodes": list,
    "outputs": dict,
    "prepare": dict,
    "interpret": dict,
}
"""What a recipe shares with the header of a weights file."""

FINDERS = {"qso": QSOFinder, "dla": dla_finder, "cosmics": cosmics_finder}
"""Kind -> the finder that the network is trained for."""


def one_of(*names):
    """Return a test that accepts one of several names.

    Parameters
    ----------
    *names : str

    Returns
    -------
    callable
        Returns the name or raises a ValueError that says what it expected.
    """

    def test(value):
        if value not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return value

    return test


def above_zero(value):
    """Return a number above 0 as a float, or raise.

    Parameters
    ----------
    value : object

    Returns
    -------
    float
    """
    if not number(value) > 0:
        raise ValueError("a number above 0")
    return float(value)


def fraction(value):
    """Return a number from 0 to below 1 as a float, or raise.

    Parameters
    ----------
    value : object

    Returns
    -------
    float
    """
    if not 0 <= number(value) < 1:
        raise ValueError("a number from 0 to below 1")
    return float(value)


def count(value):
    """Return an integer that is not negative, or raise.

    Parameters
    ----------
    value : object

    Returns
    -------
    int
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("an integer that is not negative")
    return value


NEEDED = "needed"
"""In place of a default: the key must be given."""

WHOLE = {"seed": (count, NEEDED), "size": (positive, 60000), "minutes": (above_zero, None)}
"""Keys with one value: name -> test and default."""

OPTIMIZERS = {
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "adamw": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "sgd": {"momentum": 0.0, "nesterov": False},
}
"""Optimizer -> the settings that not all have, and their defaults, which are Keras' own."""

_QUASARS = {
    "positive_weight": (above_zero, 1.0),
    "offset_weight": (small_number, 1.0),
    "bal_weight": (small_number, 1.0),
}

LOSSES = {
    "qso": {"quasarnet": _QUASARS, "bernoulli": _QUASARS},
    "dla": {
        "sightline": {
            "class_weight": (above_zero, 10.0),
            "positive_weight": (above_zero, 1.0),
            "offset_weight": (small_number, 1.0),
            "nhi_weight": (small_number, 1.0),
            "beta": (fraction, 0.0),
            "near": (above_zero, 4.0),
        },
        "windows": {
            "class_weight": (above_zero, 1.0),
            "offset_weight": (small_number, 0.5),
            "nhi_weight": (small_number, 1.0),
        },
    },
    "cosmics": {"pixels": {"positive_weight": (above_zero, 1.0)}},
}
"""Kind -> loss, the first one the default -> its settings, as in `SECTIONS`. Where the names are
methods of ``prepare``, the loss is that of the method."""

SECTIONS = {
    "optimizer": {
        "name": (one_of(*OPTIMIZERS), "adam"),
        "learning_rate": (above_zero, 1e-3),
        "weight_decay": (small_number, 0.0),
        "clipnorm": (above_zero, None),
        "beta_1": (fraction, None),
        "beta_2": (fraction, None),
        "epsilon": (above_zero, None),
        "amsgrad": (flag, None),
        "momentum": (fraction, None),
        "nesterov": (flag, None),
    },
    "schedule": {
        "name": (one_of("cosine", "constant"), "cosine"),
        "epochs": (positive, 100),
        "batch": (positive, 256),
        "warmup": (small_number, 0.0),
        "final": (fraction, 0.0),
        "freeze_norms": (fraction, 0.0),
    },
    "stop": {"patience": (positive, None)},
    "validation": {
        "size": (positive, 4000),
        "every": (positive, 1),
        "snr": (small_number, 2.0),
    },
}
"""Section -> key -> test and default (None: not used)."""

KEYS = (*HEADER, *WHOLE, "simulation", "loss", *SECTIONS)


def read_recipe(path, changes=None):
    """Read a recipe and check all of it.

    Parameters
    ----------
    path : str or os.PathLike
        A YAML file, or the name of a recipe that comes with desinn (``qso-published-6``).
    changes : dict, optional
        ``section.key`` (or ``key``) -> value, in place of the file's: ``{"schedule.epochs": 3}``.

    Returns
    -------
    dict
        Every key and section of the recipe, with the defaults of what the file leaves out;
        ``simulation`` is None where it has none.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML, or something is missing, unknown or of the wrong type, or the graph is
        no network of its kind: all of it at once.
    ImportError
        If pyyaml is not installed.

    Examples
    --------
    >>> read_recipe("nowhere.yaml")
    Traceback (most recent call last):
        ...
    FileNotFoundError: nowhere.yaml: there is no such file
    """
    path, content = read_yaml(path, "train")
    if not isinstance(content, dict):
        found = type(content).__name__
        raise ValueError(f"{path}: not a recipe: expected an object, found {found}")
    recipe, problems = _checked(_changed(content, changes or {}))
    if all(isinstance(recipe[key], kind) for key, kind in HEADER.items()):
        problems += _network_problems(recipe)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ValueError(f"{path}: not a recipe:{lines}")
    return recipe


def _changed(content, changes):
    """Return what a file holds with changes; they do not hide that a section is none."""
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        inside = (content.get(section) or {}) if section else content
        if isinstance(inside, dict):
            inside = {**inside, name: value}
            content = {**content, section: inside} if section else inside
    return content


def _checked(content):
    """Return the recipe with its defaults, and a list of what is wrong with it."""
    problems = _unknown(content, KEYS)
    recipe = {}
    for key, kind in HEADER.items():
        recipe[key] = content.get(key)
        if not isinstance(recipe[key], kind):
            found = type(recipe[key]).__name__ if key in content else "nothing"
            problems.append(f"{key}: expected {kind.__name__}, found {found}")
    simulation = recipe["simulation"] = content.get("simulation")
    if simulation is not None and not isinstance(simulation, dict):
        problems.append(f"simulation: expected dict, found {type(simulation).__name__}")
    whole = {key: content[key] for key in WHOLE if key in content}
    recipe.update(_values(whole, WHOLE, "", problems))
    for name, keys in {"loss": _loss_keys(content), **SECTIONS}.items():
        section = content.get(name) or {}
        if isinstance(section, dict):
            recipe[name] = _values(section, keys, f"{name}: ", problems)
        else:
            problems.append(f"{name}: expected dict, found {type(section).__name__}")
    if isinstance(recipe.get("optimizer"), dict):
        recipe["optimizer"] = _optimizer(recipe["optimizer"], problems)
    return recipe, problems


def _unknown(section, keys, where=""):
    known = ", ".join(keys)
    return [f"{where}{key}: unknown (there are: {known})" for key in section if key not in keys]


def _loss_keys(content):
    """Return the keys that the section ``loss`` has: they depend on the kind, and on its name."""
    known = LOSSES.get(str(content.get("kind")), LOSSES["qso"])
    prepare, section = content.get("prepare"), content.get("loss")
    method = str(prepare.get("method")) if isinstance(prepare, dict) else None
    names = [method] if method in known else list(known)
    given = str(section.get("name")) if isinstance(section, dict) else None
    return {
        "name": (one_of(*names), names[0]),
        **known[given if given in names else names[0]],
    }


def _values(section, keys, where, problems):
    """Return the value of every key: what is given, tested, else the default."""
    problems += _unknown(section, keys, where)
    values = {}
    for key, (test, default) in keys.items():
        given = section.get(key)
        values[key] = default
        if given is None and default != NEEDED:
            continue
        try:
            values[key] = test(given)
        except ValueError as error:
            found = repr(given) if key in section else "nothing"
            problems.append(f"{where}{key}: expected {error}, found {found}")
    return values


def _optimizer(section, problems):
    """Return the optimizer's section with the settings that this optimizer has, and no others."""
    own = OPTIMIZERS.get(section["name"], {})
    special = {key for keys in OPTIMIZERS.values() for key in keys}
    problems += [
        f"optimizer: {key}: unknown for {section['name']}"
        for key in sorted(special - set(own))
        if section[key] is not None
    ]
    rest = {key: value for key, value in section.items() if key not in special}
    return rest | {key: own[key] if section[key] is None else section[key] for key in own}


def _network_problems(recipe):
    """Return what is wrong with the graph, and with it as a network of its kind."""
    if recipe["kind"] not in FINDERS:
        return [f"kind: expected one of {', '.join(FINDERS)}, found {recipe['kind']!r}"]
    try:
        finder_for({**recipe, "seed": 0})  # its own may be none
    except GraphError as error:
        return error.problems
    except ValueError as error:
        return [str(error)]
    return []


def header_of(recipe):
    """Return the header of the weights file that a recipe makes, its provenance still empty.

    Parameters
    ----------
    recipe : dict

    Returns
    -------
    dict
    """
    return {**{key: recipe[key] for key in HEADER}, "provenance": {}}


def finder_for(recipe):
    """Return the finder that a recipe makes, untrained: it knows lines, boxes and grid.

    Parameters
    ----------
    recipe : dict

    Returns
    -------
    desinn.finders.qso.QSOFinder, DLAFinder, WindowDLAFinder or CosmicRayFinder

    Raises
    ------
    ValueError
        If the graph is no network, or none of this kind.
    """
    header = header_of(recipe)
    return FINDERS[recipe["kind"]](Network(header, initial_arrays(header, recipe["seed"])))


def initial_arrays(header, seed):
    """Return the arrays that a training begins with: Glorot's uniform, and BatchNorm's identity.

    Parameters
    ----------
    header : dict
    seed : int

    Returns
    -------
    dict of ndarray
        ``node/parameter`` -> float32 array.
    """
    rng = np.random.default_rng(seed)
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    return {name: _initial(rng, name, shape) for name, shape in graph.parameters().items()}


def _initial(rng, name, shape):
    if name.endswith(("/gamma", "/variance", "/gain")):
        return np.ones(shape, np.float32)
    if not name.endswith(("/kernel", "/direction")):
        return np.zeros(shape, np.float32)
    fans = np.prod(shape[:-2]) * (shape[-2] + shape[-1])  # Glorot & Bengio 2010
    limit = np.sqrt(6 / fans)
    return rng.uniform(-limit, limit, shape).astype(np.float32)

"""Recipes of simulated spectra: one YAML file says what a set is made of."""

import os
from dataclasses import dataclass

from ..files import input_file
from .survey import SurveySettings


@dataclass(frozen=True)
class SimulationRecipe:
    """A set of simulated spectra.

    Parameters
    ----------
    settings : SurveySettings
    seed : int
        Of the first file; the next ones count up.
    spectra : int
        In each file.
    files : int
    instrument : str
        ``desi`` or ``boss``.
    """

    settings: SurveySettings
    seed: int = 1
    spectra: int = 500
    files: int = 1
    instrument: str = "desi"


def read_recipe(path):
    """Read a recipe.

    Parameters
    ----------
    path : str or os.PathLike
        A YAML file, or the name of one that comes with desinn (``qso-test``).

    Returns
    -------
    SimulationRecipe

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML or has entries that are not known or of the wrong type.
    ImportError
        If pyyaml is not installed.
    """
    own = os.path.join(os.path.dirname(__file__), "..", "recipes", f"{os.fspath(path)}.yaml")
    path = input_file(own if os.path.exists(own) and not os.path.exists(path) else path)
    try:
        import yaml
    except ImportError:
        raise ImportError("recipes need pyyaml: pip install 'desinn[yaml]'") from None
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected YAML, found: {error}") from None
    try:
        return _recipe(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _recipe(content):
    types = {"simulation": dict, "seed": int, "spectra": int, "files": int, "instrument": str}
    if not isinstance(content, dict):
        raise ValueError(f"expected entries {', '.join(types)}, found {type(content).__name__}")
    problems = [f"{key} is unknown" for key in content if key not in types]
    problems += [
        f"{key}: expected {types[key].__name__}, found {value!r}"
        for key, value in content.items()
        if key in types and type(value) is not types[key]
    ]
    if content.get("instrument", "desi") not in ("desi", "boss"):
        problems.append(f"instrument: expected desi or boss, found {content['instrument']!r}")
    if problems:
        raise ValueError("; ".join(problems))
    content = dict(content)
    settings = SurveySettings.from_recipe(content.pop("simulation", {}))
    return SimulationRecipe(settings, **content)

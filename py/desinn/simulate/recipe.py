"""Recipes of simulated spectra: one YAML file says what a set is made of."""

from dataclasses import dataclass

from ..files import read_yaml
from .sightlines import SightlineSettings
from .survey import SurveySettings

KINDS = {"qso": SurveySettings, "dla": SightlineSettings}
"""What a set is for -> the settings of its simulation."""


@dataclass(frozen=True)
class SimulationRecipe:
    """A set of simulated spectra.

    Parameters
    ----------
    settings : SurveySettings or SightlineSettings
    seed : int
        Of the first file; the next ones count up.
    spectra : int
        In each file.
    files : int
    instrument : str
        ``desi`` or ``boss``.

    Raises
    ------
    ValueError
        If a number is too small; all are named at once.
    """

    settings: SurveySettings | SightlineSettings
    seed: int = 1
    spectra: int = 500
    files: int = 1
    instrument: str = "desi"

    def __post_init__(self):
        problems = too_small(self, seed=0, spectra=1, files=1)
        if problems:
            raise ValueError("; ".join(problems))


def too_small(recipe, **least):
    """Return which numbers of a recipe are too small.

    Parameters
    ----------
    recipe : object
    **least : int
        Attribute -> the least that it may be.

    Returns
    -------
    list of str
    """
    found = {name: getattr(recipe, name) for name in least}
    return [f"{name}: expected {least[name]} or more, found {value}"
            for name, value in found.items() if value < least[name]]  # fmt: skip


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
    path, content = read_yaml(path, "yaml")
    try:
        return _recipe(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


_TYPES = {
    "kind": str,
    "simulation": dict,
    "seed": int,
    "spectra": int,
    "files": int,
    "instrument": str,
}


def entry_problems(content, types):
    """Return what is wrong with the entries of a recipe, by their names and types.

    Parameters
    ----------
    content : object
        What a YAML file holds.
    types : dict
        Name -> type.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If it holds no entries.
    """
    if not isinstance(content, dict):
        raise ValueError(f"expected entries {', '.join(types)}, found {type(content).__name__}")
    problems = [f"{key} is unknown" for key in content if key not in types]
    return problems + [
        f"{key}: expected {types[key].__name__}, found {value!r}"
        for key, value in content.items()
        if key in types and type(value) is not types[key]
    ]


def _recipe(content):
    problems = entry_problems(content, _TYPES)
    if content.get("instrument", "desi") not in ("desi", "boss"):
        problems.append(f"instrument: expected desi or boss, found {content['instrument']!r}")
    if content.get("kind", "qso") not in KINDS:
        problems.append(f"kind: expected one of {', '.join(KINDS)}, found {content['kind']!r}")
    if problems:
        raise ValueError("; ".join(problems))
    content = dict(content)
    kind = KINDS[content.pop("kind", "qso")]
    settings = kind.from_recipe(content.pop("simulation", {}))
    return SimulationRecipe(settings, **content)

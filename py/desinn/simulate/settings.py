"""Settings of a simulation from a recipe's mapping."""

import dataclasses

from .conditions import CONDITIONS
from .quasars import QuasarSettings


def settings_from(kind, recipe, problems=()):
    """Return settings that a recipe states; the defaults for the rest.

    Parameters
    ----------
    kind : type
        A dataclass with ``conditions`` and ``quasars``, which is a mapping in the recipe, too.
    recipe : dict
    problems : iterable of str
        What else is unknown in it.

    Returns
    -------
    object
        Of that type.

    Raises
    ------
    ValueError
        If a key or the name of conditions is unknown; all are named at once.
    """
    recipe = dict(recipe)
    quasars = dict(recipe.pop("quasars", {}))
    problems = (
        _unknown("quasars: ", quasars, QuasarSettings) + _unknown("", recipe, kind) + [*problems]
    )
    if recipe.get("conditions", "training") not in CONDITIONS:
        known = ", ".join(CONDITIONS)
        problems.append(f"conditions: {recipe['conditions']} (there are: {known})")
    if problems:
        raise ValueError("simulation: unknown: " + "; ".join(problems))
    if "families" in quasars:
        quasars["families"] = tuple(dict(quasars["families"]).items())
    return kind(**_frozen(recipe), quasars=QuasarSettings(**_frozen(quasars)))


def _unknown(where, found, kind):
    names = {part.name for part in dataclasses.fields(kind)}
    return [f"{where}{name}" for name in found if name not in names]


def _frozen(values):
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}

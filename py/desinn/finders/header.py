"""Sections of a weights file's header: what a network is given, and what its outputs mean."""

import math

_LARGEST = 2**53
"""Integers beyond this are no double exactly, and mean nothing here."""


def section(header, name, keys):
    """Return the values of a header's section, all of which must be there.

    Parameters
    ----------
    header : dict
    name : str
        ``prepare`` or ``interpret``.
    keys : dict
        Key -> what its value must be: a type; ``[kind]`` for a list of any number of these,
        ``[kind, kind]`` for one of so many; a dict of keys for a mapping that has just these.

    Returns
    -------
    dict
        Integers where a float is expected have become floats, at any depth.

    Raises
    ------
    ValueError
        With all that is missing, unknown or not of its kind.

    Examples
    --------
    >>> section({"prepare": {"rest": [912, 1220.0]}}, "prepare", {"rest": [float, float]})
    {'rest': [912.0, 1220.0]}
    """
    found = header[name]
    problems = [f"{name}: {key} is missing" for key in keys if key not in found]
    problems += [f"{name}: {key} is unknown" for key in found if key not in keys]
    for key, kind in keys.items():
        if key in found and not _fits(found[key], kind):
            problems.append(f"{name}: {key}: expected {_name(kind)}, found {found[key]!r}")
    if problems:
        raise ValueError("; ".join(problems))
    return {key: _converted(found[key], kind) for key, kind in keys.items()}


def _fits(value, kind):
    if isinstance(kind, list):
        if not isinstance(value, list) or len(kind) not in (1, len(value)):
            return False
        return all(_fits(*pair) for pair in _pairs(value, kind))
    if isinstance(kind, dict):
        if not isinstance(value, dict) or set(value) != set(kind):
            return False
        return all(_fits(value[key], part) for key, part in kind.items())
    if kind is float and type(value) is float:
        return math.isfinite(value)
    if kind in (int, float):  # True is an int to Python, not to us
        return type(value) is int and abs(value) <= _LARGEST
    return isinstance(value, kind)


def _converted(value, kind):
    if isinstance(kind, list):
        return [_converted(*pair) for pair in _pairs(value, kind)]
    if isinstance(kind, dict) and kind:
        return {key: _converted(value[key], part) for key, part in kind.items()}
    return float(value) if kind is float else value


def _pairs(value, kind):
    kinds = kind * len(value) if len(kind) == 1 else kind
    return zip(value, kinds, strict=True)


def _name(kind):
    if isinstance(kind, list):
        more = ["..."] if len(kind) == 1 else []
        return f"[{', '.join([*map(_name, kind), *more])}]"
    if isinstance(kind, dict):
        return f"{{{', '.join(f'{key}: {_name(part)}' for key, part in kind.items())}}}"
    return kind.__name__

"""Options of commands that do the same for several kinds of things, each with options alone."""


def settle(options, defaults, called=None):
    """Give the options that hold for one kind alone their defaults.

    Parameters
    ----------
    options : argparse.Namespace
        With ``kind``; options that were not given are None.
    defaults : dict
        Kind -> {name of an option: its default}. What none of them has is for all kinds.
    called : dict, optional
        Name of an option -> what the user calls it, where that is something else.

    Raises
    ------
    ValueError
        If an option was given that is for other kinds.

    Examples
    --------
    >>> from argparse import Namespace
    >>> defaults = {"qso": {"model": "qso"}, "dla": {"within": 10.0}}
    >>> options = Namespace(kind="qso", model=None, within=None)
    >>> settle(options, defaults)
    >>> options.model
    'qso'
    >>> settle(Namespace(kind="qso", model=None, within=2.0), defaults)
    Traceback (most recent call last):
        ...
    ValueError: --within: is for dla, found qso
    """
    own = defaults[options.kind]
    for name in dict.fromkeys(name for some in defaults.values() for name in some):
        given = getattr(options, name) is not None
        if given and name not in own:
            kinds = " or ".join(kind for kind, some in defaults.items() if name in some)
            option = (called or {}).get(name, name).replace("_", "-")
            raise ValueError(f"--{option}: is for {kinds}, found {options.kind}")
        if not given:
            setattr(options, name, own.get(name))

"""QuasarNP's interface with desinn inside: for programs that say ``import quasarnp``.

Names, arguments and results are those of QuasarNP 0.2 (https://github.com/desihub/QuasarNP), as
desispec's quasar afterburner and zmtl call it. What differs is listed in ``doc/hosts.rst``.

Examples
--------
>>> from desinn.hosts.quasarnp import install
>>> install()  # doctest: +SKIP
>>> from quasarnp.io import load_model  # doctest: +SKIP
"""

import sys

from ... import __version__ as _desinn_version
from . import io, utils

NAME = "quasarnp"
"""What the host programs import."""

__version__ = f"0.2.0+desinn.{_desinn_version}"
"""The interface's version, and whose it is: desiutil writes it into the headers of results."""

__all__ = ["NAME", "__version__", "install", "io", "utils"]


def install(force=False):
    """Let ``import quasarnp`` give this package, in this process.

    Parameters
    ----------
    force : bool
        Also where another quasarnp is imported already. Programs that took functions from it
        before keep those.

    Returns
    -------
    module
        What ``quasarnp`` now is. A second call changes nothing.

    Raises
    ------
    ImportError
        If another quasarnp is imported already, and `force` is not set.
    """
    ours = {NAME: sys.modules[__name__], f"{NAME}.io": io, f"{NAME}.utils": utils}
    others = [
        name
        for name, module in sys.modules.items()
        if name.partition(".")[0] == NAME and module is not ours.get(name)
    ]
    if others and not force:
        found = getattr(sys.modules[others[0]], "__file__", None) or "unknown file"
        raise ImportError(
            f"quasarnp: expected none to be imported before install(), found {found}; "
            "install(force=True) takes its place"
        )
    for name in others:
        del sys.modules[name]
    sys.modules.update(ours)
    return ours[NAME]

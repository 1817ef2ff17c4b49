"""Copies of CCD images in which cosmic rays are marked: their names, and what they say."""

import math
import os
from typing import NamedTuple

import numpy as np

from .. import __version__
from ..files import check_output
from ..log import get_logger
from .prompt import EXPECTED

_SUFFIXES = (".fits", ".fits.gz")
_DECIDES = {
    "MODELSHA": "network",
    "CRTHRESH": "threshold",
    "CRGROW": "growing",
    "CRRESET": "resetting",
    "desinn": "version of desinn",
}
"""What a copy depends on beside its input: card (or software) -> in words."""


class Settings(NamedTuple):
    """How rays are marked.

    Parameters
    ----------
    threshold : float or None
        A pixel of a larger probability is marked; None for the network's own.
    grow : int
        Pixels marked around those.
    reset : bool
        Whether old marks are taken away.
    """

    threshold: float | None
    grow: int
    reset: bool


def network_cards(load, settings):
    """Return what MASK's header says of how the marks were made.

    Parameters
    ----------
    load : desinn.scripts.loading.Loader
        Of the finder.
    settings : Settings

    Returns
    -------
    dict
        Keyword -> (value, comment).
    """
    from ..io.catalogs import provenance

    finder = load()
    own = settings.threshold is None
    return {
        **provenance(finder.network.header, path=load.path),
        "CRTHRESH": (
            float(finder.threshold if own else settings.threshold),
            "probability above which a pixel is marked",
        ),
        "CRGROW": (settings.grow, "pixels marked around those found"),
        "CRRESET": (settings.reset, "whether old marks were taken away"),
    }


def marks_cards(found):
    """Return what MASK's header says of the marks.

    Parameters
    ----------
    found : numpy.ndarray
        (Y, X) bool.

    Returns
    -------
    dict
        Keyword -> (value, comment).
    """
    number = int(np.count_nonzero(found))
    return {
        "CRNPIX": (number, "pixels marked by this network"),
        "CRFRAC": (number / found.size, "the same as a fraction of all pixels"),
    }


def checked_copies(options, infiles, networks, settings):
    """Return where the copies go, and which of them an earlier run has made; check the others.

    Parameters
    ----------
    options : argparse.Namespace
        With output, model, resume, overwrite.
    infiles : list of str
        All different.
    networks : desinn.scripts.cosmics_networks.Networks
    settings : Settings

    Returns
    -------
    copies : dict
        Path -> copy.
    counts : dict
        Path -> counts for the log, of those that need not be done again; without
        ``options.resume`` none.

    Raises
    ------
    OSError, ValueError
        As `desinn.files.check_output` does; if two inputs would have the same copy, or several
        one file.
    """
    copies = _names(options.output, infiles)
    places = {os.path.realpath(path): path for path in infiles}
    counts = {}
    for path, copy in copies.items():
        # Of all inputs the one that it is, if any: to compare all with all would take too long.
        same = places.get(os.path.realpath(copy))
        before = None
        if options.resume and same is None and os.path.exists(copy):
            before = _made_before(path, copy, networks, settings)
        if before is None:
            inputs = [one for one in (same, options.model) if one is not None]
            check_output(copy, options.overwrite, inputs)
        else:
            counts[path] = before
    return copies, counts


def _names(output, infiles):
    if output.endswith(_SUFFIXES) and not os.path.isdir(output):
        if len(infiles) > 1:
            raise ValueError(f"{output}: expected a folder for {len(infiles)} copies, found the "
                             "name of a file")  # fmt: skip
        return {infiles[0]: output}
    if os.path.exists(output) and not os.path.isdir(output):
        raise NotADirectoryError(f"{output}: is a file, expected a folder, or a name in .fits")
    copies = {path: os.path.join(output, os.path.basename(path)) for path in infiles}
    inputs = {}
    for path, copy in copies.items():
        if inputs.setdefault(copy, path) != path:
            both = f"{inputs[copy]} and {path}"
            raise ValueError(f"{copy}: would be the copy of both {both}; mark them one by one")
    if not os.path.isdir(output):
        _make_folder(output)
    return copies


def _make_folder(output):
    parent = os.path.dirname(os.path.abspath(output))
    if not os.path.isdir(parent):
        what = "is a file" if os.path.exists(parent) else "does not exist"
        raise NotADirectoryError(f"{output}: the folder {parent} {what}")
    os.mkdir(output)


def _made_before(path, copy, networks, settings):
    """Return the counts of a copy that this run would make just so; None if it would not."""
    try:
        differs, counts = _compare(path, copy, networks, settings)
    except EXPECTED as error:
        get_logger().warning("%s, so not taken up", error)
        return None
    if differs:
        text = "%s: made with another %s, so not taken up"
        get_logger().warning(text, copy, ", ".join(differs))
        return None
    return counts


def _compare(path, copy, networks, settings):
    """Return what differs, in words, and the counts that a copy's header has."""
    from ..io.fits import open_fits
    from ..io.hdus import by_name, keywords
    from ..spectra.container import naming

    with naming(copy), open_fits(copy) as fits:
        hdus = by_name(fits)
        if not {"IMAGE", "MASK"} <= set(hdus):
            raise ValueError("expected a copy of a preproc file, found something else")
        image, mask = keywords(hdus["IMAGE"]), keywords(hdus["MASK"])
        load = networks.of(image.get("CAMERA"), image)
    expected = {key: card[0] for key, card in network_cards(load, settings).items()}
    expected["desinn"] = __version__
    found = {**mask, "desinn": _version(mask)}
    differs = [word for key, word in _DECIDES.items() if not _same(found.get(key), expected[key])]
    if os.path.exists(path) and os.path.getmtime(copy) < os.path.getmtime(path):
        differs.append("input (it is newer)")
    return differs, {"pixels marked": mask.get("CRNPIX", 0)}


def _version(header):
    """Return the version of desinn in a header, None without."""
    numbers = [key[6:] for key in header if key.startswith("DEPNAM")]
    versions = {str(header[f"DEPNAM{n}"]).strip(): header.get(f"DEPVER{n}") for n in numbers}
    return versions.get("desinn")


def _same(found, expected):
    """Return whether a card has a value, as FITS keeps it."""
    if isinstance(found, str):
        return found.strip() == expected
    if isinstance(expected, float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    return found == expected

"""The table of cosmic rays that `desi_find_cosmics` writes beside the copies."""

import os

import numpy as np

from ..files import check_output
from .cosmics_copies import network_cards
from .parts import Parts
from .stacking import stack, write_stacked

EXTNAME = "COSMICS"

UNITS = {
    **dict.fromkeys(("X", "Y", "XMIN", "XMAX", "YMIN", "YMAX", "NPIX"), "pix"),
    **dict.fromkeys(("CHARGE", "PEAK"), "electron"),
}

NO_EXPID = -1
"""In the place of an exposure's number where the header has none."""

_SHORT = {"MODEL": "MODEL", "MODELSHA": "MODSHA", "MODELFIL": "MODFIL", "CRTHRESH": "CRTHR"}
"""What the arm's letter is joined to where there are several networks."""


def rows_of(frame, rays):
    """Return the rows of an image.

    Parameters
    ----------
    frame : desinn.io.preproc.Preproc
    rays : numpy.ndarray
        (R,) of `desinn.finders.ray_groups.RAY`.

    Returns
    -------
    numpy.ndarray
        (R,) structured: CAMERA, EXPID (int64) and the columns of `rays`.
    """
    expid = frame.header.get("EXPID")
    dtype = [("CAMERA", f"U{len(frame.camera)}"), ("EXPID", "i8"), *rays.dtype.descr]
    rows = np.zeros(len(rays), dtype)
    rows["CAMERA"] = frame.camera
    rows["EXPID"] = expid if isinstance(expid, int | np.integer) else NO_EXPID
    for name in rays.dtype.names:
        rows[name] = rays[name]
    return rows


class Catalog:
    """A table of rays, and what of it an earlier run has left.

    A copy does not tell its rays: old marks are among the new ones, and probabilities are not in
    it. So a run that may be taken up keeps the rows of each input that is done.

    Parameters
    ----------
    options : argparse.Namespace
        With catalog, overwrite, resume, model.
    copies : dict
        Path -> copy, of all inputs.
    networks : desinn.scripts.cosmics_networks.Networks
    settings : desinn.scripts.cosmics_copies.Settings

    Attributes
    ----------
    parts : desinn.scripts.parts.Parts or None
        None where nothing is to be kept.
    folders : set of str
        Those that are written to.

    Raises
    ------
    OSError, ValueError
        As `desinn.files.check_output` does; if the table would be one of the copies.
    """

    def __init__(self, options, copies, networks, settings):
        self._path = options.catalog
        self._overwrite = options.overwrite
        self._networks = networks
        self._settings = settings
        if os.path.realpath(self._path) in map(os.path.realpath, copies.values()):
            raise ValueError(f"{self._path}: is a copy of this run, expected another name")
        inputs = [*copies, *([options.model] if options.model else [])]
        check_output(self._path, self._overwrite, inputs)
        digests = {name: load().network.header["sha256"] for name, load in networks.items()}
        key = {"sha256": digests, "threshold": settings.threshold}
        folder = f"{self._path}.parts"
        self._left = Parts(folder, key) if options.resume or os.path.isdir(folder) else None
        self.parts = self._left if options.resume else None
        self.folders = {os.path.dirname(self._path), folder}

    def write(self, infiles, results):
        """Write the table; remove what was kept for it if all inputs are in it.

        Parameters
        ----------
        infiles : list of str
        results : list of desinn.scripts.crew.Result or None
            With the arrays ``rows`` and ``network``, the name of what found them.

        Returns
        -------
        int
            Number of rays.
        """
        table = stack(results)
        for name, unit in UNITS.items():
            table[name].unit = unit
        used = [one is not None for one in results]
        cards = self._cards({str(one.arrays["network"]) for one in results if one})
        inputs = list(zip(infiles, used, strict=True))
        write_stacked(self._path, table, cards, EXTNAME, self._overwrite, inputs)
        if self._left and all(used):
            self._left.remove()
        return len(table)

    def _cards(self, used):
        """Return what the header says of the networks that were used."""
        loads = {name: load for name, load in self._networks.items() if name in used}
        cards = {name: _cards_of(load, self._settings) for name, load in loads.items()}
        first, *others = cards.values()
        if all(_values(one) == _values(first) for one in others):
            return first
        return {
            f"{_SHORT[key]}_{name[-1].upper()}" if key in _SHORT else key: card
            for name, own in cards.items()
            for key, card in own.items()
        }


def _cards_of(load, settings):
    """Return the cards of a network but for those that only copies depend on."""
    cards = network_cards(load, settings)
    return {key: card for key, card in cards.items() if key not in ("CRGROW", "CRRESET")}


def _values(cards):
    return {key: value for key, (value, _) in cards.items()}

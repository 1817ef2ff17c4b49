"""Which spectra of a file are quasars, and where: a catalogue says it, or our finder."""

import hashlib
from typing import NamedTuple

import numpy as np

from ..io.qso_catalogs import PLACES, QUASAR, VELOCITIES
from ..spectra.coaddition import NO_TARGETID


class Chosen(NamedTuple):
    """The quasars of one file, those that are asked for."""

    rows: np.ndarray
    """(B,) int64 rows of the file."""
    known: np.ndarray
    """(B,) of `desinn.io.qso_catalogs.QUASAR`."""
    troughs: tuple[np.ndarray, np.ndarray] | None
    """(B, K) velocities of the ends of broad absorption troughs, where a catalogue has them."""
    others: int
    """Spectra of the file that are no quasars, whatever their redshift."""


class Catalogue:
    """The quasars of a catalogue.

    Parameters
    ----------
    rows : numpy.ndarray
        (N,) as `desinn.io.qso_catalogs.read_qso_catalog` or `read_redrock` returns them.
    limits : (float, float)
        Least and greatest redshift of the quasars that are asked for.
    """

    others = "not in the catalogue"
    """What the log calls the other spectra."""

    def __init__(self, rows, limits):
        names = list(rows.dtype.names)
        order = np.argsort(rows["TARGETID"])
        self._known = rows[[name for name, _ in QUASAR]].astype(QUASAR)[order]
        self._place = order  # in the catalogue
        self._troughs = None
        if set(VELOCITIES) <= set(names):
            self._troughs = tuple(rows[name][order] for name in VELOCITIES)
        self._asked = (self._known["Z"] >= limits[0]) & (self._known["Z"] <= limits[1])
        self._asked &= self._known["TARGETID"] != NO_TARGETID

    @property
    def has_troughs(self):
        """Whether the catalogue knows of broad absorption."""
        return self._troughs is not None

    def key(self):
        """Return what a result depends on, as JSON can hold it."""
        digest = hashlib.sha256(self._known.tobytes() + self._asked.tobytes())
        for velocities in self._troughs or ():
            digest.update(velocities.tobytes())
        return digest.hexdigest()

    def choose(self, spectra):
        """Return the quasars among spectra.

        Parameters
        ----------
        spectra : desinn.spectra.Spectra

        Returns
        -------
        Chosen
        """
        targetid = spectra.targetid
        place = np.searchsorted(self._known["TARGETID"], targetid)
        place = np.minimum(place, max(len(self._known) - 1, 0))
        there = np.zeros(len(targetid), bool)
        if len(self._known):
            there = (self._known["TARGETID"][place] == targetid) & (targetid != NO_TARGETID)
            rows = np.flatnonzero(there & self._asked[place])
        else:
            rows = np.flatnonzero(there)
        place = place[rows]
        known = self._known[place]
        for name, values in _coordinates(spectra, rows).items():
            known[name] = np.where(np.isnan(known[name]), values, known[name])
        troughs = self._troughs and tuple(velocities[place] for velocities in self._troughs)
        return Chosen(rows, known, troughs, int(np.count_nonzero(~there)))

    def missing(self, targetid):
        """Return the quasars that are asked for and not among those that were found.

        Parameters
        ----------
        targetid : numpy.ndarray
            (N,) int64 of those that were found.

        Returns
        -------
        numpy.ndarray
            (M,) of `desinn.io.qso_catalogs.QUASAR`, in the order of the catalogue.
        """
        lost = np.flatnonzero(self._asked & ~np.isin(self._known["TARGETID"], targetid))
        return self._known[lost[np.argsort(self._place[lost])]]


class Found:
    """The quasars that a network finds.

    Parameters
    ----------
    load : desinn.scripts.loading.Loader
        Of a finder of quasars.
    limits : (float, float)
        Least and greatest redshift of the quasars that are asked for.
    """

    others = "no quasars"
    """What the log calls the other spectra."""

    has_troughs = False
    """Whether broad absorption is known."""

    def __init__(self, load, limits):
        self.load = load
        self._limits = limits

    def key(self):
        """Return what a result depends on, as JSON can hold it."""
        return [self.load().network.header["sha256"], *self._limits]

    def choose(self, spectra):
        """Return the quasars among spectra; as `Catalogue.choose`.

        Parameters
        ----------
        spectra : desinn.spectra.Spectra

        Returns
        -------
        Chosen
        """
        table = self.load().find(spectra)
        quasar = np.asarray(table["IS_QSO_QN"]) == 1
        z = np.asarray(table["Z_QN"])
        rows = np.flatnonzero(quasar & (z >= self._limits[0]) & (z <= self._limits[1]))
        known = np.zeros(len(rows), QUASAR)
        known["TARGETID"], known["Z"] = spectra.targetid[rows], z[rows]
        for name, values in _coordinates(spectra, rows).items():
            known[name] = values
        return Chosen(rows, known, None, int(np.count_nonzero(~quasar)))

    def missing(self, targetid):
        """Return no quasars: none is asked for that has no spectrum.

        Parameters
        ----------
        targetid : numpy.ndarray

        Returns
        -------
        numpy.ndarray
            (0,) of `desinn.io.qso_catalogs.QUASAR`.
        """
        return np.empty(0, QUASAR)


def _coordinates(spectra, rows):
    """Return RA and DEC of some rows, NaN where the fibermap does not have them."""
    fibermap = spectra.fibermap
    names = () if fibermap is None else fibermap.dtype.names
    return {
        place: next((fibermap[name][rows] for name in known if name in names), np.nan)
        for place, known in PLACES.items()
    }

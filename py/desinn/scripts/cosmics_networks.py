"""The networks for CCD images: which is for which, loaded when they are needed."""

import os

from .loading import Loader


class Networks:
    """The networks that may be needed, each of which is loaded once in each process.

    Parameters
    ----------
    model : str, optional
        Name or weights file of a network for all CCDs; without it each CCD has its own.
    threshold : float, optional
        In place of the networks' own.

    Attributes
    ----------
    thresholds : dict
        Name of a network that images were given to -> its threshold.
    """

    def __init__(self, model=None, threshold=None):
        self._model, self._threshold = model, threshold
        self._loads = {}
        self.thresholds = {}

    def __call__(self, frame):
        """Return the (Y, X) probabilities of a `Preproc`, and the threshold for them."""
        from ..evaluate.cosmic_pixels import bad_pixels

        name = self.name(frame.camera, frame.header)
        finder = self._load(name)()
        limit = finder.threshold if self._threshold is None else self._threshold
        self.thresholds[os.path.basename(name)] = limit
        return finder.probability(frame.image, bad_pixels(frame)), limit

    def load_all(self):
        """Load all that may be needed; return these networks.

        Raises
        ------
        FileNotFoundError
            If there are no such weights.
        ValueError
            If they find no cosmic rays.
        """
        from ..finders.ccds import NETWORKS

        for name in NETWORKS if self._model is None else [self._model]:
            self._load(name)
        return self

    def items(self):
        """Return the name of each network that is loaded, and what loads it, a `Loader`."""
        return self._loads.items()

    def of(self, camera, header):
        """Return what loads the finder for a CCD, a `Loader`.

        Parameters
        ----------
        camera : str
        header : Mapping
            As `desinn.finders.ccds.network_for` takes them.
        """
        return self._load(self.name(camera, header))

    def name(self, camera, header):
        """Return the name of the network for a CCD; it is given as for `of`."""
        from ..finders.ccds import network_for

        return network_for(camera, header) if self._model is None else self._model

    def _load(self, name):
        if name not in self._loads:
            load = Loader(self._path(name), "cosmics")
            if not hasattr(load(), "find"):
                raise ValueError(f"{load.path}: expected a network that finds cosmic rays, found "
                                 "one that fills in what they cover")  # fmt: skip
            self._loads[name] = load
        return self._loads[name]

    def _path(self, name):
        from ..finders.base import weights_path

        try:
            return weights_path(name)
        except FileNotFoundError as error:
            if self._model is not None:
                raise
            raise FileNotFoundError(f"{error}; -m WEIGHTS takes another") from None

"""A finder that is loaded once in each process, and is the same in all of them."""


class Loader:
    """Loads a finder when it is first asked for.

    A process that gets a copy reads the weights itself: they need not be sent, and are read but
    once. A file that was replaced in the meantime is an error.

    Parameters
    ----------
    path : str
        Weights file.
    kind : str
        Which kind it must be.

    Attributes
    ----------
    path : str

    Raises
    ------
    ValueError
        If it is of another kind.
    """

    def __init__(self, path, kind):
        self.path = path
        self._kind = kind
        self._finder = None
        self._sha256 = None

    def __getstate__(self):
        """Return what a copy needs: it reads the network itself."""
        return {**self.__dict__, "_finder": None}

    def __call__(self):
        """Return the finder."""
        if self._finder is None:
            from .. import load_model

            finder = load_model(self.path)
            header = finder.network.header
            if header["kind"] != self._kind:
                expected = f"expected weights of kind {self._kind!r}"
                raise ValueError(f"{self.path}: {expected}, found {header['kind']!r}")
            if self._sha256 not in (None, header["sha256"]):
                raise ValueError(f"{self.path}: was replaced while the program ran")
            self._finder, self._sha256 = finder, header["sha256"]
        return self._finder

"""desi_find_dla in a process of its own, with the time of its stages.

Speaks as `worker` does. ``weights`` makes ready what the program needs (in another process: it
would count for the memory); ``load`` runs it once over the first file; ``time`` over all.
"""

import collections
import functools
import glob
import importlib
import os
import time

import numpy as np
import worker

PLACES = {
    "reading": ["desinn.io.read:read_spectra"],
    "preparing": ["desinn.finders.dla:DLAFinder.search"],
    "network": ["desinn.nn.network:Network.__call__"],
    "interpreting": [
        "desinn.finders.dla:DLAFinder.interpret",
        "desinn.finders.dla:mark_gaps",
        "desinn.finders.dla:judge",
        "desinn.scripts.desi_find_dla:parts_of",
    ],
    "writing": ["desinn.scripts.desi_find_dla:_write"],
}
"""Stage -> where the program comes by it. What they call of one another is not counted twice."""

OTHER = "other"
"""The rest of the program: options, weights, catalogue, which spectra are quasars."""

STAGES = (*PLACES, OTHER)
TRIED = 100
"""Sightlines by which random weights are set."""

CELLS_A_CANDIDATE = 300
"""Random weights find something in one cell of so many: some once in a sightline."""


class Clock:
    """Own seconds of each stage: what a stage calls in turn counts for that one."""

    def __init__(self):
        self.seconds = collections.Counter()
        self._open = []
        self._last = 0.0

    def around(self, stage, function):
        """Return a function that does the same, and counts for a stage."""

        @functools.wraps(function)
        def timed(*args, **kwargs):
            self._turn()
            self._open.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._open.pop()

        return timed

    def _turn(self):
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._last
        self._last = now

    def watch(self, stage, place):
        """Put a timed function in the place of ``module:name`` or ``module:class.name``."""
        module, path = place.split(":")
        *owners, name = path.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        setattr(owner, name, self.around(stage, getattr(owner, name)))


class Program:
    """The program with the files in a folder."""

    def __init__(self, folder):
        self._folder = folder
        truths = sorted(glob.glob(os.path.join(folder, "coadd*-truth.fits")))
        self._truths = truths
        self._files = [name.replace("-truth.fits", ".fits") for name in truths]
        self._catalog = os.path.join(folder, "quasars.fits")
        self._out = os.path.join(folder, "dlacat.fits")
        self._clock = Clock()
        self._main = self._before = None

    def weights(self):
        """Write one catalogue of all quasars; return the weights to use, and whose they are."""
        import fitsio

        from desinn.finders.base import shipped_weights
        from desinn.io.tables import write_tables

        rows = np.concatenate([fitsio.read(name, ext="ZCATALOG") for name in self._truths])
        write_tables(self._catalog, {"ZCATALOG": (rows, {})}, overwrite=True)
        shipped = shipped_weights().get("dla")
        if shipped:
            return {"model": shipped, "whose": "those that come with desinn"}
        return {"model": self._random(rows), "whose": "random, of the recipe's shape"}

    def _random(self, rows):
        """Write random weights that find as much as a program would have to do with."""
        import networks

        from desinn.finders.base import load_model
        from desinn.io.read import read_spectra
        from desinn.nn.weights import write_weights

        path = os.path.join(self._folder, "random.npz")
        header, arrays = networks.of_recipe("dla")
        header["provenance"] = {}
        write_weights(path, header, arrays, overwrite=True)
        finder = load_model(path)
        spectra = read_spectra(self._files[0])[:TRIED]
        z = rows["Z"][: len(spectra)]
        seen = np.concatenate([confidence for _, confidence in finder.trace(spectra, z)])
        high = np.quantile(_logit(seen), 1 - 1 / CELLS_A_CANDIDATE)
        arrays["confidence_logit/bias"] += np.float32(_logit(finder.floor) - high)
        write_weights(path, header, arrays, overwrite=True)
        return path

    def load(self, model):
        """Run once over the first file; return what the process runs on."""
        self._before = worker.peak_bytes()
        from desinn.scripts import desi_find_dla

        for stage, places in PLACES.items():
            for place in places:
                self._clock.watch(stage, place)
        self._main = self._clock.around(OTHER, desi_find_dla.main)
        self._model = model
        self._run(self._files[:1])
        return {"versions": worker.versions(("desinn", "numpy", "fitsio")), "blas": worker.blas()}

    def _run(self, files):
        options = ["-q", self._catalog, "-o", self._out, "-m", self._model, "--overwrite"]
        status = self._main(["-i", *files, *options])
        if status:
            raise RuntimeError(f"desi_find_dla: status {status}")

    def time(self):
        """Run once over all files; return what a peer does, and the seconds of each stage."""
        self._clock.seconds.clear()
        with worker.Watch() as watch:
            self._run(self._files)
        return {**watch.said, "stages": {stage: self._clock.seconds[stage] for stage in STAGES}}

    def found(self):
        """Return what the last catalogue's header counts."""
        import fitsio

        header = fitsio.read_header(self._out, ext="SIGHTLINES")
        return {key: int(header[key]) for key in ("NQSO", "NSEARCH", "NDLA", "NCAND")}

    def memory(self):
        """Return bytes: the peak, and the same before the program was imported."""
        return {"peak": worker.peak_bytes(), "before": self._before}


def _logit(p):
    p = np.clip(np.asarray(p, np.float64), 1e-9, 1 - 1e-9)
    return np.log(p / (1 - p))


if __name__ == "__main__":
    worker.serve(Program)

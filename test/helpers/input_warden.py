"""`helpers.warden` with doors for FITS files: each reads all files of a folder.

The answer's text is JSON, name -> what came of the file: [name of what was raised, its message];
or ["read", how many rows it has].
"""

import json
import os
import sys
import warnings

from . import warden


def _spectra(path):
    from desinn.io.read import read_spectra

    return len(read_spectra(path))


def _preproc(path):
    from desinn.io.preproc import read_preproc

    return len(read_preproc(path).image)


def _quasars(path):
    from desinn.io.qso_catalogs import read_qso_catalogs

    return len(read_qso_catalogs([path]))


def _redrock(path):
    from desinn.io.qso_catalogs import read_redrock

    return len(read_redrock(path))


def _absorbers(path):
    from desinn.io.absorbers import read_dla_catalog

    return len(read_dla_catalog(path)[1])


def _outcome(reader, path):
    try:
        return "read", reader(path)
    except Exception as error:
        return type(error).__name__, str(error)


def _door(reader):
    def every(folder):
        warnings.simplefilter("error")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # remarks of the log
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        found = {os.path.basename(path): _outcome(reader, path) for path in paths}
        return "read", json.dumps(found)

    return every


DOORS = {
    "spectra": _door(_spectra),
    "preproc": _door(_preproc),
    "quasars": _door(_quasars),
    "redrock": _door(_redrock),
    "absorbers": _door(_absorbers),
}


def _import_all():
    """Import what would else be imported, and counted, with the first file."""
    import fitsio  # noqa: F401

    import desinn.io.absorbers
    import desinn.io.preproc
    import desinn.io.qso_catalogs
    import desinn.io.read  # noqa: F401


if __name__ == "__main__":
    warden.DOORS.update(DOORS)
    warden.main(_import_all)

"""redrock: run again on what a network called quasars, near the redshifts that it gave."""

import importlib
import os

import numpy as np

from ..io.catalogs import read_catalog, write_catalog

BOXES = 13
"""QuasarNET's boxes, by which it knows a redshift."""

TEMPLATES = "rrtemplate-QSO-"
"""How the names of redrock's quasar templates begin."""

PRIOR = np.dtype([("TARGETID", "i8"), ("FUNCTION", "S6"), ("Z", "f8"), ("SIGMA", "f8")])


def prior_factor(wave, boxes=BOXES):
    """Return a, with which the full width of a redshift prior is a * (1 + z).

    Parameters
    ----------
    wave : array_like
        (W,) lower edges in A of the network's bins.
    boxes : int
        The network's boxes per line.

    Returns
    -------
    float
        Twice the width of one box in ln(1 + z), taken linearly.

    Examples
    --------
    >>> from desinn.hosts.quasarnp.utils import wave
    >>> round(prior_factor(wave), 5)
    0.16287
    """
    log = np.log10(np.asarray(wave, np.float64)[[0, -1]])
    return float(2 * (10 ** ((log[1] - log[0]) / boxes) - 1))


def write_priors(path, targetid, z, width, overwrite=False):
    """Write a file of redshift priors for redrock: a top hat for each target.

    Parameters
    ----------
    path : str or os.PathLike
        The file; its table is called PRIORS, with TARGETID, FUNCTION, Z and SIGMA.
    targetid : array_like
        (N,) int64, all different.
    z : array_like
        (N,) where each prior is centred.
    width : array_like
        (N,) or one number: the **full** width of each, which redrock calls SIGMA.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If there is no target or one twice, or z and width are not finite numbers, width
        above 0: redrock would leave such targets without any redshift.
    """
    targetid = _targets(targetid)
    rows = np.zeros(targetid.size, PRIOR)
    rows["TARGETID"], rows["FUNCTION"] = targetid, b"tophat"
    rows["Z"], rows["SIGMA"] = z, width
    bad = ~(np.isfinite(rows["Z"]) & np.isfinite(rows["SIGMA"]) & (rows["SIGMA"] > 0))
    if bad.any():
        row = rows[bad][0]
        found = f"z {row['Z']}, width {row['SIGMA']} for target {row['TARGETID']}"
        raise ValueError(f"priors: expected finite z and a width above 0, found {found}")
    write_catalog(path, rows, extname="PRIORS", overwrite=overwrite)


def rrdesi_arguments(
    infiles, outfile, targetid=None, priors=None, templates=None, details=None, mp=None
):
    """Return the arguments of ``rrdesi``.

    Parameters
    ----------
    infiles : str, os.PathLike or sequence of them
        Coadds or spectra files.
    outfile : str or os.PathLike
        The redrock file that it shall write. redrock replaces an existing one.
    targetid : array_like or astropy.table.Table, optional
        (N,) int64, the targets to run; or a finder's table, of which the quasars are run.
        Without it all.
    priors : str or os.PathLike, optional
        File of redshift priors (`write_priors`).
    templates : sequence of str, optional
        Template files; without it redrock's own choice.
    details : str or os.PathLike, optional
        File for all of the fit, which redrock writes only if asked.
    mp : int, optional
        Processes; without it redrock takes half of the hardware's threads.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If `targetid` has no target or one twice.

    Examples
    --------
    >>> rrdesi_arguments("coadd.fits", "redrock.fits", [-7, 8], mp=2)
    ['--infiles', 'coadd.fits', '--outfile', 'redrock.fits', '--targetids=-7,8', '--mp', '2']
    >>> rrdesi_arguments("coadd.fits", "redrock.fits", [])
    Traceback (most recent call last):
        ...
    ValueError: targets: expected at least one, found none
    """
    files = [infiles] if isinstance(infiles, str | os.PathLike) else infiles
    arguments = ["--infiles", *map(os.fspath, files), "--outfile", os.fspath(outfile)]
    if targetid is not None:
        chosen = _targets(quasars(targetid)[0] if _is_table(targetid) else targetid)
        # Of one piece: a number below 0 would else be taken for an option.
        arguments.append("--targetids=" + ",".join(map(str, chosen.tolist())))
    for name, path in (("--priors", priors), ("--details", details)):
        arguments += [] if path is None else [name, os.fspath(path)]
    arguments += [] if templates is None else ["--templates", *map(os.fspath, templates)]
    return arguments + ([] if mp is None else ["--mp", str(mp)])


def quasars(table):
    """Return the quasars of a finder's table.

    Parameters
    ----------
    table : astropy.table.Table or numpy.ndarray
        With TARGETID, IS_QSO_QN and Z_QN, as `desinn.finders.qso.QSOFinder.find` gives it.

    Returns
    -------
    targetid : numpy.ndarray
        (N,) int64, in the order of the table.
    z : numpy.ndarray
        (N,) float64.
    """
    found = np.asarray(table["IS_QSO_QN"]) == 1  # -1 is what was not run
    return np.asarray(table["TARGETID"])[found], np.asarray(table["Z_QN"], np.float64)[found]


def quasar_templates():
    """Return redrock's quasar templates, from ``$RR_TEMPLATE_DIR`` or its own folder.

    Returns
    -------
    list of str

    Raises
    ------
    ImportError
        If redrock is not installed.
    FileNotFoundError
        If there are none.
    """
    find_templates = _redrock("redrock.templates").find_templates
    names = [os.fspath(name) for name in find_templates()]
    chosen = [name for name in names if os.path.basename(name).startswith(TEMPLATES)]
    if not chosen:
        folder = os.environ.get("RR_TEMPLATE_DIR", "redrock's own folder")
        raise FileNotFoundError(f"{folder}: expected templates {TEMPLATES}*.fits, found none")
    return chosen


def run_rrdesi(arguments, comm=None):
    """Run ``rrdesi`` in this process.

    Parameters
    ----------
    arguments : sequence of str
        As `rrdesi_arguments` returns them.
    comm : mpi4py.MPI.Comm, optional
        Communicator that redrock shall share its work over.

    Raises
    ------
    ImportError
        If redrock (with desispec) is not installed.
    RuntimeError
        If it refuses the arguments: it would else end the whole program. What fails while it
        runs is raised as redrock raises it.
    """
    rrdesi = _redrock("redrock.external.desi").rrdesi
    try:
        rrdesi(list(arguments), comm=comm)
    except SystemExit as error:
        raise RuntimeError(
            f"rrdesi: ended with status {error.code}; its arguments were {' '.join(arguments)}"
        ) from None


def rerun(table, infile, outfile, wave, templates=None, mp=None, comm=None):
    """Run redrock on a finder's quasars with priors around the finder's redshifts.

    Parameters
    ----------
    table : astropy.table.Table
        A finder's, for one file; with TARGETID, IS_QSO_QN and Z_QN.
    infile : str or os.PathLike
        The spectra that the finder had.
    outfile : str or os.PathLike
        The redrock file that shall be written, beside it ``.priors.fits`` for a while. An
        existing one is replaced, as redrock does.
    wave : array_like
        (W,) lower edges in A of the network's bins, ``finder.grid.wave``.
    templates : sequence of str, optional
        Without it the quasar templates only.
    mp, comm : optional
        As for `rrdesi_arguments` and `run_rrdesi`.

    Returns
    -------
    numpy.ndarray
        Structured, redrock's REDSHIFTS in the order of ``quasars(table)``; without quasars
        redrock is not run, nothing is written, and this is None.

    Raises
    ------
    ImportError, RuntimeError
        As for `run_rrdesi`.
    ValueError
        If a target comes twice, or redrock's answer lacks one.
    """
    targetid, z = quasars(table)
    if not targetid.size:
        return None
    priors = f"{os.fspath(outfile)}.priors.fits"
    first = comm is None or comm.rank == 0
    try:
        error = None
        if first:
            try:
                write_priors(priors, targetid, z, prior_factor(wave) * (1 + z), overwrite=True)
            except (OSError, ValueError) as found:
                error = found
        error = error if comm is None else comm.bcast(error, root=0)  # or the others would wait
        if error is not None:
            raise error
        templates = quasar_templates() if templates is None else templates
        run_rrdesi(rrdesi_arguments(infile, outfile, targetid, priors, templates, mp=mp), comm)
        _wait(comm)
    finally:
        if first and os.path.exists(priors):
            os.remove(priors)
    return read_redshifts(outfile, targetid)


def read_redshifts(path, targetid):
    """Return the rows of a redrock file in the order of some targets.

    Parameters
    ----------
    path : str or os.PathLike
        The file; redrock orders it as it likes.
    targetid : array_like
        (N,) int64.

    Returns
    -------
    numpy.ndarray
        (N,) structured, REDSHIFTS.

    Raises
    ------
    ValueError
        If a target is not in the file.
    """
    rows = read_catalog(path, "REDSHIFTS")
    place = {target: row for row, target in enumerate(rows["TARGETID"].tolist())}
    wanted = np.asarray(targetid).tolist()
    missing = [target for target in wanted if target not in place]
    if missing:
        raise ValueError(f"{path}: expected {len(wanted)} targets, {missing[0]} is not among them")
    return rows[[place[target] for target in wanted]]


def _is_table(item):
    return hasattr(item, "colnames") or getattr(np.asarray(item).dtype, "names", None) is not None


def _targets(targetid):
    """Return the targets, of which there must be some, each once."""
    targetid = np.asarray(targetid)
    if not targetid.size:
        raise ValueError("targets: expected at least one, found none")
    if targetid.ndim != 1 or targetid.dtype.kind not in "iu":
        found = f"{targetid.dtype} of shape {targetid.shape}"
        raise ValueError(f"targets: expected integers (N,), found {found}")
    values, counts = np.unique(targetid, return_counts=True)
    if counts.max() > 1:
        raise ValueError(f"targets: expected each once, found {values[counts > 1][0]} again")
    return targetid.astype(np.int64)


def _wait(comm):
    if comm is not None:
        comm.barrier()


def _redrock(module):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"redrock and desispec are needed: {error}") from None

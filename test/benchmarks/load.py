"""Many coadds through the programs: throughput, memory over the files, the same tables."""

import functools
import importlib.util
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import harness
import memory
import report
import worker

PROGRAMS = ("desi_find_qso", "desi_find_dla")

FLAT = 1.1
"""Memory in the last quarter of a run over that in the second, at most."""

BYTES_A_SPECTRUM = 100_000
"""On disk, without resolution."""

LAST_LINES = 20
"""Of what a program said, to be shown when it fails."""

PATIENCE = 300
"""Seconds in which MPI must have started ranks."""


@dataclass(frozen=True)
class Load:
    """Files to be searched, and the seconds between looks at the memory."""

    files: int
    spectra: int
    pause: float


FULL, QUICK = Load(200, 500, 0.5), Load(6, 50, 0.1)


@dataclass(frozen=True)
class Way:
    """How files are shared out."""

    name: str
    options: tuple[str, ...]
    working: int
    """Processes that work on files. Of MPI's ranks, the first only hands them out."""
    ranks: int = 0


ALONE = Way("--nproc 1", ("--nproc", "1"), 1)
WAYS = (
    ALONE,
    Way("--nproc 2", ("--nproc", "2"), 2),
    Way("mpiexec -n 3", ("--mpi",), 2, ranks=3),
)


def measure(load):
    """Simulate files and run the programs on all of them, once in each way.

    Parameters
    ----------
    load : Load

    Returns
    -------
    dict
        gigabytes (of the files), whose (weights desi_find_dla ran), versions, blas, memory (a
        key of `memory.KINDS`, None where the system does not say it), and ran: program and way
        -> dict with program, way, and either skipped, a reason, or threads (of each process that
        works), runs (one: seconds, own and busy CPU seconds), samples (seconds, and bytes of
        all processes together) and table (as `tables.Tables.digest` returns it).

    Raises
    ------
    harness.PeerError
        If there is no room for the files, or a program fails.
    """
    with tempfile.TemporaryDirectory(prefix="desinn-bench-") as folder:
        files, gigabytes = _simulate(load, folder)
        with harness.Worker("desi_find_dla", 1, {"folder": folder}, "program.py") as scout:
            weights = scout.tell("weights")
        catalog = os.path.join(folder, "quasars.fits")
        options = {"desi_find_qso": [], "desi_find_dla": ["-q", catalog, "-m", weights["model"]]}
        with harness.Worker("tables", 1, {}, "tables.py") as tables:
            results = {"gigabytes": gigabytes, "whose": weights["whose"], "memory": memory.kind()}
            results.update(tables.tell("load"), ran={})
            for program in PROGRAMS:
                for way in WAYS:
                    one = _one(program, way, [*options[program], "-i", *files], load.pause, folder)
                    if "skipped" not in one:
                        one["table"] = tables.tell("digest", path=_table(program, folder))
                        os.remove(_table(program, folder))
                    results["ran"][f"{program} {way.name}"] = one
    return results


def _simulate(load, folder):
    """Make the files; parametric, so that no templates are needed. Return them, and their GB."""
    about = load.files * load.spectra * BYTES_A_SPECTRUM / 1e9
    free = shutil.disk_usage(folder).free / 1e9
    if free < about:
        raise harness.PeerError(
            f"load: {load.files} files of {load.spectra} spectra need {about:.1f} GB in "
            f"{os.path.dirname(folder)}, {free:.1f} GB are free; TMPDIR names another place"
        )
    print(f"simulating, about {about:.2g} GB in {os.path.dirname(folder)}", flush=True)
    words = ["-n", str(load.spectra), "--files", str(load.files), "--nproc", "2", "--seed", "1"]
    words += ["-o", os.path.join(folder, "coadd.fits"), "--templates", "none", "--no-resolution"]
    harness.desinn("simulate", "dla", *words)
    files = [os.path.join(folder, f"coadd-{number}.fits") for number in range(load.files)]
    return files, sum(os.path.getsize(name) for name in files) / 1e9


def _table(program, folder):
    return os.path.join(folder, f"{program}.fits")


def _one(program, way, options, pause, folder):
    """Run a program once in one way; return what `measure` does of it, but for the table."""
    about = {"program": program, "way": way.name, "runs": []}
    start, reason = _start(way.ranks) if way.ranks else ([], None)
    if reason:
        print(f"{program} {way.name}: skipped, {reason}", flush=True)
        return {**about, "skipped": reason}
    print(f"running {program} {way.name}", flush=True)
    threads = max(1, os.cpu_count() // way.working)
    command = [*start, sys.executable, "-m", f"desinn.scripts.{program}", *way.options]
    command += [*options, "-o", _table(program, folder)]
    said, samples = _run(f"{program} {way.name}", command, threads, pause)
    return {**about, "threads": threads, "runs": [said], "samples": samples}


@functools.cache
def _start(ranks):
    """Return the words that start so many ranks, and why they cannot be started, or None."""
    if importlib.util.find_spec("mpi4py") is None:
        return [], "mpi4py is not installed"
    beside = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    program = beside if os.path.exists(beside) else shutil.which("mpiexec")
    if program is None:
        return [], "there is no mpiexec"
    start = [program, "-n", str(ranks)]
    probe = f"from mpi4py import MPI; assert MPI.COMM_WORLD.size == {ranks}"
    try:
        subprocess.run(
            [*start, sys.executable, "-c", probe],
            env=harness.environment(1),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return [], f"{program} did not start {ranks} ranks in {PATIENCE} seconds"
    except subprocess.CalledProcessError as error:
        words = " ".join((error.stdout + error.stderr).split())
        why = words[-200:] or f"status {error.returncode}"
        return [], f"{program} does not start {ranks} ranks: {why}"
    return start, None


def _run(name, command, threads, pause):
    """Run a command; return seconds as `worker.Watch` does, and what `memory.Samples` took."""
    with tempfile.TemporaryFile("w+") as output:
        before = _children_seconds()
        with (
            worker.Watch() as watch,
            subprocess.Popen(
                command,
                env=harness.environment(threads),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
            memory.Samples(process.pid, pause) as samples,
        ):
            try:
                status = process.wait()
            except BaseException:
                process.terminate()
                raise
        if status:
            output.seek(0)
            last = "".join(output.readlines()[-LAST_LINES:])
            raise harness.PeerError(f"{name}: status {status}\n{last}")
    own = watch.said["own"] + _children_seconds() - before
    return {**watch.said, "own": own}, samples.taken


def _children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figures(load, results):
    """Return the figures.

    Parameters
    ----------
    load : Load
    results : dict
        As `measure` returns it.

    Returns
    -------
    dict of dict
        Program and way -> seconds, rate (spectra a second), files (a minute), speedup (the rate
        over that of one process); peak, second, last (MB: of the run, of its second and its
        last quarter), growth (of last over second) and medians (the same of what is usual in
        these quarters), None where not known; columns and differing (how many of them are not
        those of one process, bit for bit). Nothing for a way that was skipped.
    """
    ran = results["ran"]
    found = {}
    for name, one in ran.items():
        if "skipped" in one:
            found[name] = {}
            continue
        alone = ran[f"{one['program']} {ALONE.name}"]
        seconds = one["runs"][0]["seconds"]
        found[name] = {
            "seconds": seconds,
            "rate": load.files * load.spectra / seconds,
            "files": 60 * load.files / seconds,
            "speedup": alone["runs"][0]["seconds"] / seconds,
            **_memory(one["samples"], seconds),
            **_compared(one["table"]["columns"], alone["table"]["columns"]),
        }
    return found


def _memory(samples, seconds):
    second = _held(samples, seconds / 4, seconds / 2)
    last = _held(samples, 3 * seconds / 4, seconds)
    known = second and last
    return {
        "peak": max(_held(samples, 0, seconds), default=None),
        "second": max(second, default=None),
        "last": max(last, default=None),
        "growth": max(last) / max(second) if known else None,
        "medians": statistics.median(last) / statistics.median(second) if known else None,
    }


def _held(samples, start, end):
    """Return MB between two times, without looks that came too early or too late."""
    return [held / 1e6 for when, held in samples if start <= when < end and held]


def _compared(columns, expected):
    names = columns.keys() | expected.keys()
    differing = sum(columns.get(name) != expected.get(name) for name in names)
    return {"columns": len(names), "differing": differing}


def disagree(found):
    """Return whether some table is not that of one process."""
    return any(one.get("differing") for one in found.values())


COLUMNS = {
    "seconds": "{:.1f}",
    "rate": "{:.0f}",
    "files": "{:.1f}",
    "speedup": "{:.2f}",
    "peak": "{:.0f}",
    "second": "{:.0f}",
    "last": "{:.0f}",
    "growth": "{:.3f}",
    "medians": "{:.3f}",
}
TITLES = (
    *("seconds", "spectra/s", "files/min", "speed-up"),
    *("MB", "2nd qu.", "last qu.", "last/2nd", "medians"),
)


def lines(results, found):
    """Return what to print of `figures`."""
    text = [f"{'program':30}{'threads':>8}" + "".join(f"{title:>10}" for title in TITLES)]
    for name, figure in found.items():
        one = results["ran"][name]
        if "skipped" in one:
            text.append(f"{name:30}{'skipped, ' + one['skipped']}")
            continue
        cells = (_cell(form, figure[key]) for key, form in COLUMNS.items())
        text.append(f"{name:30}{one['threads']:8}" + "".join(f"{cell:>10}" for cell in cells))
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return [
        *text,
        *_tables(results, found),
        f"threads: of each process that works; speed-up: over {ALONE.name}",
        _memory_line(results["memory"]),
        f"{results['gigabytes']:.2g} GB of files, just written: not counted is a disk's time",
        f"weights of desi_find_dla: {results['whose']}",
        versions,
        report.others_line(results["ran"]),
    ]


def _cell(form, value):
    return "-" if value is None else form.format(value)


def _tables(results, found):
    """Return a line on the table of each program: its rows, and columns that are not the same."""
    text = []
    for program in PROGRAMS:
        rows = results["ran"][f"{program} {ALONE.name}"]["table"]["rows"]
        counts = ", ".join(f"{count} in {hdu}" for hdu, count in rows.items())
        ways = {way.name: found[f"{program} {way.name}"] for way in WAYS if way is not ALONE}
        same = [
            f"{one['differing']} of {one['columns']} with {name}"
            for name, one in ways.items()
            if one
        ]
        text.append(f"{program}: rows: {counts}; columns that differ: {', '.join(same)}")
    return text


def _memory_line(kind):
    if kind is None:
        return "memory: not counted on this system"
    return (
        f"memory: {kind} of all processes together, the most in the run and in its quarters; "
        "medians: last/2nd of what is usual there"
    )


def goals(found):
    """Return the goals as `report.goals` does."""
    entries = []
    for name, one in found.items():
        growth = one.get("growth")
        text = f"{name}: memory in the last quarter at most {FLAT:g} times that in the second"
        met = None if growth is None else growth <= FLAT
        entries.append({"goal": text, "found": growth, "met": met})
        if not name.endswith(ALONE.name):
            differing = one.get("differing")
            text = f"{name}: no column that differs from {ALONE.name}"
            met = None if differing is None else differing == 0
            entries.append({"goal": text, "found": differing, "met": met})
    return entries

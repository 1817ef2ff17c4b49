"""Time desinn against its peers, on this machine and in one run.

    python test/benchmarks/run.py [--quick] [--threads 1 2] [--only qso] [--output FILE]

Subjects: the networks of `subjects`, two of them on an image of 4096 x 4096 pixels; dla-chain,
desi_find_dla from file to file (always one thread); cold, a fresh process; and load, two programs
on 200 files, in one process, in two and on MPI's ranks (always all cores). load runs only if
--only names it: it takes long, and 10 GB of disk. Ratios are what counts: seconds are those of
this machine on this day. A peer that is not installed is left out; desispec is looked for in the
environment of `make integration`. The exit status is 1 if the peers disagree or one fails, else 0,
fast or slow. A full run wants an idle machine for more than an hour.
"""

import argparse
import json
import os
import signal
import sys

import chain
import cold
import harness
import load
import report
import subjects

WARMUPS = 2
CHAIN = "dla-chain"
COLD = "cold"
NAMES = (*subjects.SUBJECTS, CHAIN, COLD)
LOAD = "load"


def parse(args=None):
    from desinn.files import check_output

    cores = os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a try-out: little input, 3 repetitions"
    )
    parser.add_argument("--threads", type=int, nargs="+", metavar="N", help="default: 1 and 2")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*NAMES, LOAD),
        metavar="SUBJECT",
        help=f"some of {', '.join(NAMES)} (default: all these); or {LOAD}, which takes long and "
        "10 GB of disk, and runs only if it is named here",
    )
    parser.add_argument("--output", metavar="FILE", help="write all figures as JSON")
    options = parser.parse_args(args)
    options.threads = options.threads or [n for n in (1, 2) if n <= cores]
    if min(options.threads) < 1 or max(options.threads) > cores:
        parser.error(f"--threads: expected 1 to {cores}, found {options.threads}")
    if options.output:
        try:
            check_output(options.output, overwrite=True)
        except OSError as error:
            parser.error(f"--output: {error}")
    return options


def main(args=None):
    options = parse(args)
    machine = report.machine()
    print("{cpu}, {cores} cores, Python {python}, {system}".format(**machine))
    for name, value in machine["unset"].items():
        print(f"unset for the peers: {name}={value}")
    entries = []
    try:
        for name in options.only or NAMES:
            if name == CHAIN:
                entries.append(_chain(options.quick))
            elif name == COLD:
                entries.append(_cold(options.quick))
            elif name == LOAD:
                entries.append(_load(options.quick))
            else:
                entries += [_entry(name, threads, options.quick) for threads in options.threads]
    except harness.PeerError as error:
        print(f"STOPPED: {error}")
        return 1
    _print_goals(entries, options.quick)
    if options.output:
        _write(options.output, {"machine": machine, "quick": options.quick, "entries": entries})
    return int(any(entry.get("disagree") for entry in entries))


def _entry(name, threads, quick):
    """Measure one subject with one number of threads, print it, return all about it."""
    subject = subjects.SUBJECTS[name]
    batch = subject.quick_batch if quick else subject.batch
    operations = subject.operations()
    print(f"\n{name}: {subject.title}, {subject.about(batch)}")
    print(f"threads: {threads}", flush=True)
    results = harness.measure(name, batch, threads, WARMUPS, _repetitions(quick))
    rows = report.figures(results, operations * batch)
    print("\n".join(report.table(rows) + report.notes(results)), flush=True)
    return {
        "subject": name,
        "threads": threads,
        "batch": batch,
        "operations": operations,
        "figures": rows,
        "goals": report.goals(subject, rows, threads),
        "cores_of_others": report.cores_of_others(results),
        "results": results,
    }


def _repetitions(quick):
    return 3 if quick else 7


def _chain(quick):
    """Measure the program, print it, return all about it."""
    size = chain.QUICK if quick else chain.FULL
    print(f"\n{CHAIN}: desi_find_dla on files of simulated quasars, {size.files} x {size.spectra}")
    print("threads: 1", flush=True)
    results = chain.measure(size, WARMUPS, _repetitions(quick), 1 if quick else os.cpu_count())
    found = chain.figures(results)
    print("\n".join(chain.lines(results, found)), flush=True)
    return {
        "subject": CHAIN,
        "threads": 1,
        "files": size.files,
        "spectra": size.spectra,
        "figures": found,
        "goals": chain.goals(found),
        "cores_of_others": report.cores_of_others(results),
        "results": results,
    }


def _cold(quick):
    """Measure fresh processes, print it, return all about it."""
    print(f"\n{COLD}: from nothing to a classified spectrum\nthreads: 1", flush=True)
    runs = cold.measure(1, _repetitions(quick))
    found = cold.figures(runs)
    print("\n".join(cold.lines(found)), flush=True)
    return {
        "subject": COLD,
        "threads": 1,
        "figures": found,
        "goals": cold.goals(found),
        "runs": runs,
    }


def _load(quick):
    """Measure the programs on many files, print it, return all about it."""
    size = load.QUICK if quick else load.FULL
    programs = " and ".join(load.PROGRAMS)
    print(f"\n{LOAD}: {programs} on files of simulated quasars, {size.files} x {size.spectra}")
    print(f"threads: {os.cpu_count()} in all", flush=True)
    results = load.measure(size)
    found = load.figures(size, results)
    print("\n".join(load.lines(results, found)), flush=True)
    return {
        "subject": LOAD,
        "threads": os.cpu_count(),
        "files": size.files,
        "spectra": size.spectra,
        "figures": found,
        "goals": load.goals(found),
        "disagree": load.disagree(found),
        "cores_of_others": report.cores_of_others(results["ran"]),
        "results": results,
    }


def _print_goals(entries, quick):
    print("\nA try-out: too little input and too few repetitions for figures." if quick else "")
    for entry in entries:
        for goal in entry["goals"]:
            print(f"{entry['subject']}, threads {entry['threads']}: {report.goal_line(goal)}")


def _write(path, content):
    from desinn.files import whole_file

    with whole_file(path, overwrite=True) as name, open(name, "w") as stream:
        json.dump(content, stream, indent=1)


if __name__ == "__main__":
    sys.path.insert(0, str(harness.PACKAGE))
    # What was started must end, too, and files of gigabytes go.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())

"""The whole way from coadds to a catalogue of absorbers: what the network costs, and the rest."""

import os
import statistics
import tempfile
from dataclasses import dataclass

import harness
import report
from peers.sgemm import OPERATIONS

MOST = 2.0
"""Seconds of all the rest for one of the network's, at most."""

MILLION = 1_000_000


@dataclass(frozen=True)
class Chain:
    """Files to be searched."""

    files: int
    spectra: int


FULL, QUICK = Chain(10, 500), Chain(1, 200)


def measure(chain, warmups, repetitions, processes):
    """Simulate files and time the program on them, one thread, with the bar in turn.

    Parameters
    ----------
    chain : Chain
    warmups, repetitions : int
    processes : int
        How many simulate.

    Returns
    -------
    dict
        For ``desi_find_dla`` and ``sgemm`` versions, blas, runs and memory as
        `harness.measure` has them; the program's runs have the seconds of ``stages``, too, and
        beside them are ``whose`` weights it ran, and what it ``found``.
    """
    with tempfile.TemporaryDirectory(prefix="desinn-bench-") as folder:
        _simulate(chain, folder, processes)
        with _program(folder) as scout:
            weights = scout.tell("weights")
        with _program(folder) as program, _bar() as bar:
            loaded = program.tell("load", model=weights["model"])
            results = {
                "desi_find_dla": {**loaded, "whose": weights["whose"]},
                "sgemm": bar.tell("load", choice={}),
            }
            workers = {"desi_find_dla": program, "sgemm": bar}
            for name, runs in harness.in_turn(workers, warmups, repetitions).items():
                results[name]["runs"] = runs
                results[name]["memory"] = workers[name].tell("memory")
            results["desi_find_dla"]["found"] = program.tell("found")
    return results


def _program(folder):
    return harness.Worker("desi_find_dla", 1, {"folder": folder}, "program.py")


def _bar():
    task = {"peer": "sgemm", "subject": "dla", "batch": 1, "threads": 1}
    return harness.Worker("sgemm", 1, task)


def _simulate(chain, folder, processes):
    """Make the files; parametric, so that no templates are needed."""
    words = ["-n", str(chain.spectra), "--files", str(chain.files), "--nproc", str(processes)]
    words += ["-o", os.path.join(folder, "coadd.fits"), "--templates", "none", "--no-resolution"]
    harness.desinn("simulate", "dla", "--seed", "1", *words)


def figures(results):
    """Return the figures: medians over the runs.

    Parameters
    ----------
    results : dict
        As `measure` returns it.

    Returns
    -------
    dict
        stages (seconds of each), total, network and rest (seconds), ratio (of rest to network),
        low and high (of the ratio), sightlines, rate (a second), hours (for a million, on 1 and
        2 processes), peak (MB) and sgemm (GFLOP/s).
    """
    ours = results["desi_find_dla"]
    stages = [run["stages"] for run in ours["runs"]]
    ratios = [(sum(one.values()) - one["network"]) / one["network"] for one in stages]
    total = statistics.median(sum(one.values()) for one in stages)
    network = statistics.median(one["network"] for one in stages)
    sightlines = ours["found"]["NQSO"]
    hours = MILLION * total / sightlines / 3600
    bar = statistics.median(run["seconds"] for run in results["sgemm"]["runs"])
    return {
        "stages": {name: statistics.median(one[name] for one in stages) for name in stages[0]},
        "total": total,
        "network": network,
        "rest": statistics.median(sum(one.values()) - one["network"] for one in stages),
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "sightlines": sightlines,
        "rate": sightlines / total,
        "hours": {"1": hours, "2": hours / 2},
        "peak": ours["memory"]["peak"] / 1e6,
        "sgemm": OPERATIONS / bar / 1e9,
    }


def lines(results, found):
    """Return what to print of `figures`."""
    ours = results["desi_find_dla"]
    counts = "{NQSO} quasars, {NSEARCH} searched, {NDLA} DLAs, {NCAND} candidates"
    text = [f"{'stage':14}{'seconds':>10}{'ms each':>10}"]
    rows = {**found["stages"], "all": found["total"], "all but network": found["rest"]}
    for name, seconds in rows.items():
        text.append(f"{name:16}{seconds:8.3f}{1000 * seconds / found['sightlines']:10.3f}")
    versions = ", ".join(f"{name} {version}" for name, version in ours["versions"].items())
    return [
        *text,
        "rest / network: {ratio:.3g} ({low:.3g} to {high:.3g})".format(**found),
        "{rate:.0f} sightlines a second, peak {peak:.0f} MB, sgemm {sgemm:.1f} GFLOP/s".format(
            **found
        ),
        f"{counts.format(**ours['found'])}; weights: {ours['whose']}",
        "extrapolated to a million quasars: {:.2f} hours on 1 process, {:.2f} on 2, each on a "
        "core of its own".format(*found["hours"].values()),
        "files without other targets, just written: not counted are spectra that are no quasars, "
        "and a disk's time",
        versions,
        report.others_line(results),
    ]


def goals(found):
    """Return the goal as `report.goals` does."""
    text = f"reading, preparing, interpreting, writing at most {MOST:g} times the network"
    return [{"goal": text, "found": found["ratio"], "met": found["ratio"] <= MOST}]

"""What the figures say: a table, the goals, the machine."""

import os
import platform
import statistics

import harness
from peers.sgemm import OPERATIONS

IDLE = 0.05
"""Cores that others may use before the figures are in doubt."""


def machine():
    """Return the CPU, its cores and the versions of the language and system."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "unset": {name: os.environ[name] for name in harness.UNSET if name in os.environ},
    }


def _cpu_model():
    """Return the name, with its family: a virtual machine may hide the name."""
    fields = {}
    try:
        with open("/proc/cpuinfo") as stream:
            for line in stream:
                key, _, value = line.partition(":")
                fields.setdefault(key.strip(), value.strip())
    except OSError:
        return platform.processor()
    numbers = ", ".join(f"{k} {fields[k]}" for k in ("cpu family", "model") if k in fields)
    return f"{fields.get('model name', platform.processor())} ({numbers})"


def figures(results, operations):
    """Return a row of figures for each peer.

    Parameters
    ----------
    results : dict
        As `harness.measure` returns it.
    operations : float
        Of one run over the whole input.

    Returns
    -------
    dict of dict
        Peer -> min, median, max (seconds), ratio (the median over the rounds of our time to its
        time), in MB (10^6 bytes) peak and above (the peak less input and output) and, where the
        peer computes the network, gflops and fraction (of sgemm).
    """
    seconds = {
        peer: [result["scale"] * run["seconds"] for run in result["runs"]]
        for peer, result in results.items()
    }
    peak = OPERATIONS / statistics.median(seconds["sgemm"])
    rows = {}
    for peer, times in seconds.items():
        speed = (OPERATIONS if peer == "sgemm" else operations) / statistics.median(times)
        pairs = zip(seconds["desinn"], times, strict=True)
        memory = results[peer]["memory"]
        rows[peer] = {
            "min": min(times),
            "median": statistics.median(times),
            "max": max(times),
            "ratio": statistics.median(ours / theirs for ours, theirs in pairs),
            "gflops": speed / 1e9,
            "fraction": speed / peak,
            "peak": memory["peak"] / 1e6,
            "above": (memory["peak"] - memory["input"] - memory["output"]) / 1e6,
        }
        if not results[peer]["network"]:
            del rows[peer]["gflops"], rows[peer]["fraction"]
    del rows["sgemm"]["ratio"], rows["sgemm"]["peak"], rows["sgemm"]["above"]
    return rows


COLUMNS = {
    "min": "{:.3f}",
    "median": "{:.3f}",
    "max": "{:.3f}",
    "ratio": "{:.3f}",
    "gflops": "{:.1f}",
    "fraction": "{:.3f}",
    "peak": "{:.0f}",
    "above": "{:.0f}",
}
TITLES = ("peer", "min s", "median s", "max s", "ours/its", "GFLOP/s", "of sgemm", "MB", "above")


def table(rows):
    """Return the lines of a table of `figures`."""
    lines = [TITLES]
    for peer, row in rows.items():
        cells = (form.format(row[key]) if key in row else "-" for key, form in COLUMNS.items())
        lines.append((peer, *cells))
    return [f"{line[0]:20}" + "".join(f"{cell:>10}" for cell in line[1:]) for line in lines]


def notes(results):
    """Return lines on what ran: versions, choices, BLAS, agreement, other programs."""
    lines = []
    for peer, result in results.items():
        parts = [f"{name} {version}" for name, version in result["versions"].items()]
        parts += [f"{key} {'all' if v is None else v}" for key, v in result["choice"].items()]
        if result["threads"] < results["desinn"]["threads"]:
            parts.append(f"threads: {result['threads']}, it cannot use more")
        if result["scale"] > 1:
            parts.append(f"on 1 member in {result['scale']:g}, seconds scaled to all")
        if "difference" in result:
            parts.append(f"within {result['difference']:.1e} of naive")
        lines.append(f"{peer}: {', '.join(parts)}")
    for blas in results["desinn"]["blas"]:
        text = "BLAS: {internal_api} {version} {architecture}, threads: {num_threads}"
        lines.append(text.format(**blas))
    return [*lines, others_line(results)]


def others_line(results):
    """Return a line on what other programs did during the timed runs."""
    others = cores_of_others(results)
    if others is None:
        return "other programs: not counted on this system"
    if others > IDLE:
        return f"WARNING: the machine was not idle, others used {others:.2f} cores"
    return f"other programs used {others:.2f} cores"


def cores_of_others(results):
    """Return how many cores other programs used during the timed runs, or None."""
    runs = [run for result in results.values() for run in result["runs"]]
    if any(run["busy"] is None for run in runs):
        return None
    excess = sum(run["busy"] - run["own"] for run in runs)
    return max(0.0, excess / sum(run["seconds"] for run in runs))


def goals(subject, rows, threads):
    """Return for each goal its text, what was found, and whether it was met.

    Parameters
    ----------
    subject : subjects.Subject
    rows : dict
        As `figures` returns it.
    threads : int

    Returns
    -------
    list of dict
        With goal, found and met; found and met are None where the peer was absent.
    """
    entries = []
    for peer, most in subject.most.items():
        most = most.get(threads) if isinstance(most, dict) else most
        if most is None:
            continue
        ratio = rows[peer]["ratio"] if peer in rows else None
        met = None if ratio is None else ratio <= most
        text = f"our time at most {most:.3g} of that of {peer}"
        entries.append({"goal": text, "found": ratio, "met": met})
    if subject.most_memory is None:
        return entries
    above, most = rows["desinn"]["above"], subject.most_memory
    text = f"our peak above input and output under {most:g} MB"
    return [*entries, {"goal": text, "found": above, "met": above < most}]


def goal_line(goal):
    """Return a goal as a line of text."""
    if goal["met"] is None:
        return f"{goal['goal']}: not measured"
    return f"{goal['goal']}: {goal['found']:.3g}, {'met' if goal['met'] else 'NOT MET'}"

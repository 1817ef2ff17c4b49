"""A cold start: fresh processes that import, load a network and classify one spectrum."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness

MOST = 0.35
"""Seconds more than importing NumPy takes."""

SPECTRUM = """
import numpy as np
from desinn.spectra import Camera, Spectra
wave = np.arange(3600, 9824, 0.8)
flux = np.sin(wave / 50)[np.newaxis]
spectra = Spectra(np.array([1]), {"b": Camera(wave, flux, np.ones_like(flux))})
"""

PROGRAMS = {
    "numpy": "import numpy",
    "desinn": f"""{SPECTRUM}
import desinn
finder = desinn.load_model("qso")
x, flags = finder.prepare(spectra)
rows = finder.interpret(finder.network(x), flags)
assert rows["IS_QSO_QN"][0] in (0, 1)
""",
    "desinn, as a Table": f"""{SPECTRUM}
import desinn
assert len(desinn.load_model("qso").find(spectra)) == 1
""",
    "onnxruntime": """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
assert session.run(None, {session.get_inputs()[0].name: np.ones((1, 443, 1), "f4")})
""",
    "tensorflow": "import tensorflow",
    "torch": "import torch",
}
"""What a process does; the last two but import what would then load a network."""


def measure(warmups, repetitions):
    """Run all programs in turn, each time in a fresh process, on one thread.

    Parameters
    ----------
    warmups, repetitions : int

    Returns
    -------
    dict
        Program -> seconds of each run. One whose library is not there is left out, and named.
    """
    with tempfile.TemporaryDirectory(prefix="desinn-bench-") as folder:
        model = Path(folder) / "qso.onnx"
        programs = {name: _command(code, model) for name, code in PROGRAMS.items()}
        _export(model)
        for name in list(programs):
            problem = _tried(programs[name])
            if problem:
                if name in ("numpy", "desinn"):
                    raise harness.PeerError(f"{name}: {problem}")
                print(f"{name}: skipped, {problem}")
                del programs[name]
        runs = {name: [] for name in programs}
        for turn in range(warmups + repetitions):
            for name, command in programs.items():
                time.sleep(harness.REST)
                start = time.perf_counter()
                _run(command)
                if turn >= warmups:
                    runs[name].append(time.perf_counter() - start)
    return runs


def _command(code, model):
    return [sys.executable, "-c", code, str(model)]


def _run(command):
    return subprocess.run(command, env=harness.environment(1), capture_output=True, text=True)


def _tried(command):
    """Return the last line of what is wrong with a program; nothing if nothing is."""
    done = _run(command)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def _export(model):
    """Write our network for onnxruntime, where onnx is installed."""
    words = [sys.executable, "-m", "desinn.scripts.desinn", "convert", "qso", str(model)]
    _run(words)


def figures(runs):
    """Return a row of figures for each program.

    Parameters
    ----------
    runs : dict
        As `measure` returns it.

    Returns
    -------
    dict of dict
        Program -> min, median, max (seconds) and more (the median over the rounds of its time
        less NumPy's).
    """
    return {
        name: {
            "min": min(times),
            "median": statistics.median(times),
            "max": max(times),
            "more": statistics.median(
                own - bare for own, bare in zip(times, runs["numpy"], strict=True)
            ),
        }
        for name, times in runs.items()
    }


def lines(found):
    """Return what to print of `figures`."""
    titles = ("program", "min s", "median s", "max s", "more than numpy")
    text = [f"{titles[0]:20}" + "".join(f"{title:>16}" for title in titles[1:])]
    for name, row in found.items():
        text.append(f"{name:20}" + "".join(f"{value:16.3f}" for value in row.values()))
    return text


def goals(found):
    """Return the goal as `report.goals` does."""
    text = f"from nothing to a classified spectrum at most {MOST:g} s more than import numpy"
    more = found["desinn"]["more"]
    return [{"goal": text, "found": more, "met": more <= MOST}]

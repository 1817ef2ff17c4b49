"""Opens hostile files in processes of their own that have little memory and little time.

As a program it answers each line of standard input, ``[door, path]`` in JSON, with one line of
what came of it: ``[outcome, text]``. The outcome is "read"; or "refused" by a program, with exit
status 1 and one critical line in the log, which is the text; or the name of the class that was
raised behind its bases' ("ValueError WeightsError"), with its text; or how the process died.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 60
"""How long a file may take before it counts as one that hangs: most take 0.01."""

LONGEST = 12_000
"""Characters of a message, however much is wrong."""

SPARE = 40 * 2**20
MULTIPLE = 16
"""A file may take `SPARE` bytes of memory and so many times its own length."""


def _program(*options):
    """Run desinn as at the prompt."""
    from desinn.log import get_logger
    from desinn.scripts import prompt
    from desinn.scripts.desinn import main, parse

    said = []
    handler = logging.Handler(logging.CRITICAL)
    handler.emit = lambda record: said.append(record.getMessage())
    get_logger().addHandler(handler)
    status = prompt.run(main, parse(list(options)))
    if (status, len(said)) == (1, 1):
        return "refused", said[0]
    return ("read", "") if (status, said) == (0, []) else (f"status {status}", repr(said))


def _info(path):
    return _program("info", path)


def _convert(path, *options):
    return _program("convert", path, f"{path}.out.npz", *options)


def _architecture(path):
    arrays = os.path.join(os.path.dirname(path), "arrays.npz")
    return _convert(arrays, "--architecture", path)


def _checkpoint(path):
    """Convert what has the arrays of `helpers.checkpoint_file`."""
    return _convert(path, "--architecture", os.path.join(os.path.dirname(path), "net.yaml"))


def _load(path):
    import desinn

    desinn.load_model(path)
    return "read", ""


DOORS = {"info": _info, "load": _load, "convert": _convert, "architecture": _architecture,
         "checkpoint": _checkpoint}  # fmt: skip
"""Ways that a file comes in by."""


class Warden:
    """The program, run and asked; or another one of `helpers` that has doors of its own."""

    def __init__(self, program="warden"):
        here = Path(__file__).resolve().parents[1]
        path = os.pathsep.join([str(here), str(here.parent / "py")])
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", f"helpers.{program}"]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def open(self, door, path):
        """Return what comes of a file: (outcome, text)."""
        self._process.stdin.write(json.dumps([door, str(path)]) + "\n")
        self._process.stdin.flush()
        outcome, text = json.loads(self._process.stdout.readline())
        return outcome, text

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def main(prepare=None):
    """Answer until nothing more is asked; `prepare` imports what the doors need."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    (prepare or _import_all)()
    for line in sys.stdin:
        door, path = json.loads(line)
        answers.write(json.dumps(_answer(door, path)) + "\n")
        answers.flush()


def _import_all():
    """Import what would else be imported, and counted, with the first file."""
    import h5py  # noqa: F401
    import onnx.numpy_helper  # noqa: F401
    import yaml  # noqa: F401

    import desinn.finders.cosmics
    import desinn.finders.dla
    import desinn.finders.dla_windows
    import desinn.finders.qso
    import desinn.io.convert
    import desinn.scripts.desinn  # noqa: F401


def _answer(door, path):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        with contextlib.suppress(BaseException), os.fdopen(write, "wb") as stream:
            _confine(path)
            stream.write(json.dumps(_outcome(door, path)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}", ""
    return json.loads(text) if text else ["died without a word", ""]


def _confine(path):
    signal.alarm(SECONDS)
    with open("/proc/self/statm") as file:
        present = int(file.read().split()[0]) * resource.getpagesize()
    size = os.path.getsize(path) if os.path.exists(path) else 0
    most = present + SPARE + MULTIPLE * size
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    os.chdir(os.path.dirname(path))


def _outcome(door, path):
    try:
        return DOORS[door](path)
    except BaseException as error:
        bases = [kind.__name__ for kind in reversed(type(error).__mro__)]
        return " ".join(bases[3:]), str(error)[:10_000]


if __name__ == "__main__":
    main()

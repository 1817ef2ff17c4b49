"""A small prompt that runs the commands of the documents."""

import contextlib
import glob
import io
import logging
import os
import re
import shlex

from desinn.log import get_logger
from desinn.scripts import desi_find_cosmics, desi_find_dla, desi_find_qso, prompt
from desinn.scripts import desinn as desinn_script

PROGRAMS = {
    "desi_find_qso": desi_find_qso,
    "desi_find_dla": desi_find_dla,
    "desi_find_cosmics": desi_find_cosmics,
    "desinn": desinn_script,
}


def expected_status(shown):
    """Return the exit status of a program that says this."""
    return int(any(line.startswith(("ERROR: ", "CRITICAL: ")) for line in shown))


def says(shown, said):
    """Return whether lines have the shape of those shown, in which numbers and ... may differ."""
    pattern = "\n".join(re.escape(line) for line in shown)
    pattern = pattern.replace(re.escape("..."), ".*")
    pattern = re.sub(r"\d+(?:\\\.\d+)*", lambda _: r"\d+(?:\.\d+)*", pattern)
    return re.fullmatch(pattern, "\n".join(said)) is not None


class Prompt:
    """A shell that knows as much as the documents need: our programs, export, globs, $(...).

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
        What is exported goes to the environment, and is taken back at the end.
    """

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch

    def run(self, text, more=()):
        """Run a command with more options; return its status and the lines that it said."""
        text = re.sub(r"\$\((.*?)\)", lambda match: self._output(match[1]), text)
        words = shlex.split(text, comments=True)
        words = [re.sub(r"\$(\w+)", lambda m: self.value(m[1]), word) for word in words]
        if words[0] == "export":
            for word in words[1:]:
                self.monkeypatch.setenv(*word.split("=", 1))
            return 0, []
        with self.monkeypatch.context() as lent:
            while re.match(r"[A-Z_]+=", words[0]):
                lent.setenv(*words.pop(0).split("=", 1))
            words = [word for one in words for word in sorted(glob.glob(one)) or [one]]
            return _call(words[0], [*words[1:], *more])

    def value(self, name):
        """Return what a variable of the environment is, "" where it is not set."""
        return os.environ.get(name, "")

    def _output(self, text):
        status, said = self.run(text)
        assert status == 0, said
        return " ".join(said)


def _call(program, options):
    """Run one of our programs as at the prompt; return its status and the lines that it said."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    log = get_logger()
    log.addHandler(handler)
    try:
        with contextlib.redirect_stdout(said):
            module = PROGRAMS[program]
            status = prompt.run(module.main, module.parse(options))
    finally:
        log.removeHandler(handler)
    return status, said.getvalue().splitlines()

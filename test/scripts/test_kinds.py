"""Options that hold for some kinds of things only."""

from argparse import Namespace

import pytest

from desinn.scripts.kinds import settle

DEFAULTS = {
    "qso": {"model": "qso", "limit": 3.0},
    "dla": {"threshold": None, "within": 10.0},
    "cosmics": {"model": None, "threshold": 0.5},
}


def settled(kind, **given):
    options = Namespace(kind=kind, **dict.fromkeys(("model", "limit", "threshold", "within")))
    vars(options).update(given)
    settle(options, DEFAULTS)
    return vars(options)


def test_each_kind_has_its_own_defaults():
    assert settled("qso") == {"kind": "qso", "model": "qso", "limit": 3.0, "threshold": None,
                              "within": None}  # fmt: skip
    assert settled("cosmics")["model"] is None
    assert settled("cosmics")["threshold"] == 0.5


def test_what_is_given_stays():
    assert settled("cosmics", model="a", threshold=0.0)["threshold"] == 0.0


def test_options_of_other_kinds_are_refused():
    with pytest.raises(ValueError, match="--threshold: is for dla or cosmics, found qso"):
        settled("qso", threshold=0.1)

"""Files that were cut off, or in which a bit was turned: refused in one line, or read whole.

They are read in a process of its own, with bounds on memory and time, for what reads FITS files is
written in C.
"""

import gzip
import json
import sys

import numpy as np
import pytest

from helpers import damage
from helpers.input_files import KINDS
from helpers.warden import Warden

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the bound on memory is Linux'"
)

PLACES = 50
FLIPS = 60
PLAIN = [name for name in KINDS if not name.endswith(".gz")]

ROWS = {"coadd": 6, "cframe": 4, "spec": 1, "spplate": 4, "preproc": 24, "quasars": 6,
        "redrock": 6, "dlacat": 2}  # fmt: skip


@pytest.fixture(scope="module")
def warden():
    made = Warden("input_warden")
    yield made
    made.close()


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Return the bytes of good files: kind -> bytes."""
    folder = tmp_path_factory.mktemp("good")
    found = {}
    for name, (_, write) in KINDS.items():
        path = folder / f"{name}.fits"
        write(path)
        found[name] = path.read_bytes()
    return found


@pytest.fixture
def read(warden, tmp_path):
    """Return a function that returns what comes of damaged files, name -> (outcome, text)."""

    def read_all(kind, files):
        folder = tmp_path / "bad"
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}.fits").write_bytes(content)
        outcome, text = warden.open(KINDS[kind][0], folder)
        assert outcome == "read", (outcome, text)  # and not the name of a signal
        found = json.loads(text)
        assert len(found) == len(files)
        return {name: found[f"{name}.fits"] for name in files}

    return read_all


def assert_clear(found):
    """What is not read is refused in one line that names the file."""
    for name, (outcome, text) in found.items():
        if outcome != "read":
            assert outcome in ("OSError", "ValueError"), (name, outcome, text)
            assert f"/bad/{name}.fits: " in text, (name, text)
            assert "\n" not in text, (name, text)
            assert text.count(name) == 1, (name, text)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_off_is_refused(kind, contents, read):
    found = read(kind, damage.truncated(contents[kind], PLACES))
    assert len(found) == PLACES
    assert_clear(found)
    assert [name for name, (outcome, _) in found.items() if outcome == "read"] == []


@pytest.mark.parametrize("kind", PLAIN)
def test_a_bit_turned_in_the_data_costs_no_row(kind, contents, read):
    """Only packed data and text can tell; a number that is another one cannot."""
    content = contents[kind]
    rng = np.random.default_rng(3)
    found = read(kind, damage.flipped(content, FLIPS, rng, damage.data_of(content)))
    assert_clear(found)
    rows = [rows for outcome, rows in found.values() if outcome == "read"]
    assert len(rows) > FLIPS / 2
    least = ROWS[kind] - (kind == "redrock")  # one whose SPECTYPE is no longer QSO
    assert least <= min(rows) <= max(rows) <= ROWS[kind]


@pytest.mark.parametrize("kind", PLAIN)
def test_a_bit_turned_in_a_header_is_one_line_at_most(kind, contents, read):
    content = contents[kind]
    rng = np.random.default_rng(4)
    found = read(kind, damage.flipped(content, 2 * FLIPS, rng, damage.headers_of(content)))
    assert_clear(found)
    outcomes = {outcome for outcome, _ in found.values()}
    assert "read" in outcomes
    assert len(outcomes) > 1


@pytest.mark.parametrize("kind", [name for name in KINDS if name.endswith(".gz")])
def test_a_bit_turned_in_a_packed_file_is_noticed(kind, contents, read):
    """The checksum of gzip is over all of it but its own ten first bytes."""
    content = contents[kind]
    rng = np.random.default_rng(5)
    files = damage.flipped(content, FLIPS, rng, [(10, len(content))])
    found = read(kind, files)
    assert_clear(found)
    unnoticed = [name for name, (outcome, _) in found.items() if outcome == "read"]
    assert len(unnoticed) < 5
    for name in unnoticed:  # some bits mean nothing
        assert gzip.decompress(files[name]) == gzip.decompress(content)


@pytest.mark.parametrize("size", [0, 10**6, 10**9, 10**12, -1])
@pytest.mark.parametrize(
    ("kind", "hdu", "keys"),
    [
        ("coadd", "FIBERMAP", ["NAXIS2"]),
        ("coadd", "B_FLUX", ["NAXIS2"]),
        ("coadd", "B_FLUX", ["NAXIS1", "NAXIS2"]),
        ("coadd", "R_MASK", ["NAXIS2"]),
        ("coadd", "R_MASK", ["ZNAXIS1", "ZTILE1"]),
        ("coadd", "R_MASK", ["ZNAXIS2"]),
        ("spplate", "", ["NAXIS2"]),
        ("preproc", "IMAGE", ["NAXIS1"]),
        ("preproc", "MASK", ["ZNAXIS1"]),
        ("preproc", "MASK", ["ZNAXIS2"]),
        ("preproc", "MASK", ["ZNAXIS1", "ZTILE1"]),
        ("quasars", "QSO_CAT", ["NAXIS2"]),
        ("redrock", "REDSHIFTS", ["NAXIS2"]),
        ("dlacat", "SIGHTLINES", ["NAXIS2"]),
    ],
)
def test_rows_and_pixels_that_are_not_there(kind, hdu, keys, size, contents, read):
    content = damage.with_cards(contents[kind], hdu, dict.fromkeys(keys, size))
    found = read(kind, {"sizes": content})
    assert_clear(found)
    assert found["sizes"][0] != "read"

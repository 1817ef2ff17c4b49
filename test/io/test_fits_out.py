"""FITS files of which all must be there."""

import contextlib
import os
import resource
import signal

import fitsio
import numpy as np
import pytest

from desinn.io.catalogs import read_catalog
from desinn.io.fits_out import new_fits

ROWS = np.zeros(900, [("A", "f8")])


def write(path, append=False):
    with new_fits(str(path), append=append) as fits:
        fits.write(ROWS, extname="B" if append else "A")
        for hdu in fits:
            hdu.write_checksum()


@contextlib.contextmanager
def limited(size):
    """Limit the size of files: only for a while, for pytest may write its output to one, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_one_table_after_another(tmp_path):
    path = tmp_path / "a.fits"
    write(path)
    write(path, append=True)
    assert len(read_catalog(path, "A")) == len(read_catalog(path, "B")) == len(ROWS)
    write(path)
    with fitsio.FITS(str(path)) as fits:
        assert len(fits) == 2


@pytest.mark.parametrize("blocks", [0, 1, 2, 3, 4])
def test_all_or_an_error(tmp_path, blocks):
    """fitsio by itself is content with two blocks or more; all are five."""
    path = tmp_path / "a.fits"
    write(path)
    assert os.path.getsize(path) == 5 * 2880
    with (
        pytest.raises(OSError, match=r"a\.fits: could not be written") as caught,
        limited(blocks * 2880),
    ):
        write(path)
    assert "\n" not in str(caught.value)


def test_a_lost_hdu_is_noticed(tmp_path):
    path = tmp_path / "a.fits"
    write(path)
    with pytest.raises(OSError, match=r"a\.fits: could not be written"), limited(5 * 2880):
        write(path, append=True)


def test_a_wrong_byte_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "a.fits"
    close = fitsio.FITS.close

    def damage(self):
        close(self)
        with open(path, "r+b") as file:
            file.seek(-2880, os.SEEK_END)
            file.write(b"x")

    monkeypatch.setattr(fitsio.FITS, "close", damage)
    with pytest.raises(OSError, match="not all of it is there; is the disk full"):
        write(path)


def test_other_errors_are_their_own(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), new_fits(str(tmp_path / "a.fits")):
        os.stat(tmp_path / "nowhere")

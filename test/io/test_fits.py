"""Every way a FITS file can be bad gives one line that names it."""

import bz2
import gzip
import subprocess
import sys

import fitsio
import numpy as np
import pytest

from desinn.io import fits as fits_module
from desinn.io.fits import _unpacked_size, open_fits
from helpers.damage import inflating

CLOSED = (RuntimeError, ValueError)  # what fitsio raises, older and newer


@pytest.fixture
def whole(tmp_path):
    """Write a file with two images and return its path and where its HDUs lie."""
    path = tmp_path / "whole.fits"
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(None)
        for name in ("ONE", "TWO"):
            fits.write(np.ones((30, 100), np.float32), extname=name)
    with fitsio.FITS(str(path)) as fits:
        offsets = [hdu.get_offsets() for hdu in fits]
    return path, offsets


def read_all(path):
    with open_fits(path) as fits:
        return [hdu.read() for hdu in fits]


def assert_refused(path, message, error=OSError):
    with pytest.raises(error, match=message) as caught:
        read_all(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text


def test_a_whole_file_opens_and_closes(whole):
    path, _ = whole
    with open_fits(path) as fits:
        assert fits["two"].read().shape == (30, 100)
        hdu = fits[0]
    with pytest.raises(CLOSED, match="NULL"):
        hdu.read_header()


def test_it_closes_after_an_error_inside(whole):
    path, _ = whole
    hdus = []

    def stumble():
        with open_fits(path) as fits:
            hdus.append(fits[0])
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        stumble()
    with pytest.raises(CLOSED, match="NULL"):
        hdus[0].read_header()


@pytest.mark.parametrize("level", [0, 6])
def test_gzip_is_read(whole, level):
    path, _ = whole
    packed = path.with_suffix(".fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), level))
    with open_fits(packed) as fits:
        assert fits["ONE"].read().all()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert_refused(tmp_path / "none.fits", "there is no such file", FileNotFoundError)
    assert_refused(tmp_path, "is a folder", IsADirectoryError)


@pytest.mark.parametrize("content", [b"", b"hello world" * 1000, b"SIMPLE  =", b"\x1f\x8b" * 99])
def test_what_is_no_fits_file_is_refused(tmp_path, content):
    path = tmp_path / "text.fits"
    path.write_bytes(content)
    assert_refused(path, "not a readable FITS file")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("where", ["header_start", "data_start"])
@pytest.mark.parametrize("hdu", [1, 2])
def test_a_truncated_file_is_refused(whole, where, hdu, packed):
    path, offsets = whole
    content = path.read_bytes()[: offsets[hdu][where] + 1000]
    path.write_bytes(gzip.compress(content) if packed else content)
    assert_refused(path, r"truncated or damaged: expected \d+ bytes in \d HDUs, found \d+")


def test_a_truncated_gzip_file_is_refused(whole):
    path, _ = whole
    packed = path.with_suffix(".fits.gz")
    content = gzip.compress(path.read_bytes(), 0)
    packed.write_bytes(content[: len(content) // 2])
    assert_refused(packed, "truncated or damaged")


def test_a_damaged_compressed_image_is_refused(tmp_path):
    path = tmp_path / "packed.fits"
    image = np.random.default_rng(0).integers(0, 9, (50, 50)).astype(np.int32)
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(image, compress="GZIP")
    with fitsio.FITS(str(path)) as fits:
        start = fits[1].get_offsets()["data_start"]
    content = bytearray(path.read_bytes())
    content[start + 600 : start + 1400] = bytes(800)
    path.write_bytes(bytes(content))
    assert_refused(path, "not a readable FITS file")


def test_the_size_of_other_packings_is_not_known(whole):
    path, _ = whole
    packed = path.with_suffix(".fits.bz2")
    packed.write_bytes(bz2.compress(path.read_bytes()))
    assert _unpacked_size(packed) is None


def test_a_compressed_image_without_pixels_is_refused(tmp_path):
    """In a process of its own, which cfitsio would else end."""
    path = tmp_path / "packed.fits"
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(np.ones((30, 100), np.float32), extname="ONE")
        fits.write(np.ones((9, 9), np.int32), compress="RICE")
    card = b"ZNAXIS2 =                    9"
    content = path.read_bytes()
    assert content.count(card) == 1
    path.write_bytes(content.replace(card, card[:-1] + b"0"))
    program = (
        "import sys; from desinn.io.fits import open_fits; open_fits(sys.argv[1]).__enter__()"
    )
    found = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
    assert found.returncode == 1
    assert f"OSError: {path}: damaged: a compressed image without pixels" in found.stderr


@pytest.fixture
def strict(monkeypatch):
    """Bounds that small files reach."""
    monkeypatch.setattr(fits_module, "MOST_UNPACKED", 10**6)
    monkeypatch.setattr(fits_module, "_SAMPLE", 2**18)


def bzipped(content, zeros):
    return bz2.compress(content + bytes(zeros * 2**20))


@pytest.mark.parametrize("pack", [inflating, bzipped])
def test_what_unpacks_to_far_more_is_refused_before(whole, strict, monkeypatch, pack):
    path, _ = whole
    path.write_bytes(pack(path.read_bytes(), 8))
    monkeypatch.setattr(fitsio, "FITS", None)  # it would take the memory
    assert_refused(path, "expected at most 1000000 bytes unpacked, found [1-8][0-9]{6} or more in")


def test_what_hides_its_size_is_counted(whole, strict):
    path, _ = whole
    content = inflating(path.read_bytes(), 8)
    path.write_bytes(content[:-4] + (20000).to_bytes(4, "little"))
    assert_refused(path, "expected at most 1000000 bytes unpacked, found [1-9][0-9]{6} or more in")


@pytest.mark.parametrize("kept", [0.5, 0.7, 0.9, 0.99])
def test_a_cut_file_is_not_called_a_bomb(tmp_path, strict, kept):
    """What lies at its end is no size, and may say anything."""
    path = tmp_path / "noise.fits.gz"
    noise = np.random.default_rng(1).normal(size=(900, 1000)).astype("f4")
    with fitsio.FITS(str(path), "rw") as fits:
        fits.write(noise)
    content = path.read_bytes()
    end = b"\xff\xff\xff\x7f" if kept < 0.8 else b""
    path.write_bytes(content[: int(kept * len(content))] + end)
    assert_refused(path, "truncated or damaged|not a readable FITS file")


def test_data_are_not_counted_to_their_end(tmp_path, strict):
    """That would take as long as to read them."""
    path = tmp_path / "noise.fits.gz"
    noise = np.random.default_rng(1).normal(size=(900, 1000)).astype("f4")
    with fitsio.FITS(str(path), "rw") as fits:
        fits.write(noise)
    np.testing.assert_array_equal(read_all(path)[0], noise)
    with open(path, "rb") as file:
        assert fits_module._counted(file, gzip.open, 10**9) < noise.nbytes / 2

"""HDUs as bytes: what is copied is the same, what is made is whole, what is damaged is named."""

import gzip
import io

import fitsio
import numpy as np
import pytest

from desinn.io.hdu_bytes import (
    copy_bytes,
    image_bytes,
    is_storage,
    packed_at_the_end,
    packing,
    unpacked,
)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_packed_by_its_name_and_read_by_its_content(tmp_path, name):
    path = str(tmp_path / name)
    with packing(path) as file:
        file.write(b"SIMPLE and more")
    with open(path, "rb") as file:
        assert file.read(2) == (b"\x1f\x8b" if name.endswith("gz") else b"SI")
    with unpacked(path) as file:
        assert file.read() == b"SIMPLE and more"


def test_the_same_content_packs_to_the_same_bytes(tmp_path):
    for name in ("a.gz", "b.gz"):
        with packing(str(tmp_path / name)) as file:
            file.write(b"0" * 100)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_plain_file_is_packed_at_the_end(tmp_path):
    path = str(tmp_path / "a.fits.gz")
    with packed_at_the_end(path) as plain, open(plain, "wb") as file:
        file.write(b"SIMPLE")
    assert [name.name for name in tmp_path.iterdir()] == ["a.fits.gz"]
    assert gzip.decompress((tmp_path / "a.fits.gz").read_bytes()) == b"SIMPLE"


def write_half(path):
    with packed_at_the_end(path) as plain, open(plain, "wb") as file:
        file.write(b"SIM")
        raise KeyError("inside")


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(KeyError, match="inside"):
        write_half(str(tmp_path / "a.fits.gz"))
    assert list(tmp_path.iterdir()) == []


def test_other_packing_is_refused(tmp_path):
    path = tmp_path / "a.fits.bz2"
    path.write_bytes(b"BZh9 and so on")
    with pytest.raises(OSError, match=r"a\.fits\.bz2: expected a FITS file"), unpacked(str(path)):
        pass


def read_all(path):
    with unpacked(str(path)) as stream:
        return stream.read()


@pytest.mark.parametrize("part", [slice(0, -20), slice(0, 30)])
def test_a_damaged_gzip_is_named(tmp_path, part):
    path = tmp_path / "a.fits.gz"
    rng = np.random.default_rng(1)
    path.write_bytes(gzip.compress(b"SIMPLE" + rng.bytes(5000))[part])
    with pytest.raises(OSError, match=r"a\.fits\.gz: damaged"):
        read_all(path)


def test_copy_of_a_part(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    target = io.BytesIO()
    with open(tmp_path / "a", "rb") as source:
        copy_bytes(source, target, 3, 7)
        assert target.getvalue() == b"3456"
        with pytest.raises(OSError, match="a: truncated: expected 2 more bytes before 12"):
            copy_bytes(source, target, 5, 12)


@pytest.mark.parametrize("compressed", [True, False])
def test_an_image_in_bytes(tmp_path, compressed):
    image = np.arange(600, dtype=np.int16).reshape(20, 30)
    part = image_bytes(image, "MASK", [{"name": "A", "value": 1, "comment": "b"}], compressed)
    assert len(part) % 2880 == 0
    path = tmp_path / "a.fits"
    with fitsio.FITS(str(path), "rw") as fits:
        fits.write(None)
    with open(path, "ab") as file:
        file.write(part)
    with fitsio.FITS(str(path)) as fits:
        np.testing.assert_array_equal(fits["MASK"].read(), image)
        assert fits["MASK"].is_compressed() is compressed
        assert fits["MASK"].read_header()["A"] == 1


def test_what_is_storage():
    storage = ("NAXIS", "NAXIS2", "BITPIX", "ZCMPTYPE", "ZTILE1", "TFORM1", "BZERO", "CHECKSUM")
    assert all(map(is_storage, storage))
    assert not any(map(is_storage, ("CAMERA", "TILEID", "ZD", "TELESCOP", "HISTORY", None)))

"""Our checksums are those that others compute."""

import fitsio
import numpy as np
import pytest
from astropy.io import fits

from desinn.io.checksum import _encoded, fill_checksums, places_of, reserve_checksums


def write(path):
    rng = np.random.default_rng(7)
    table = np.zeros(7, [("A", "i8"), ("B", "S5")])
    table["A"], table["B"] = rng.integers(-(2**60), 2**60, 7), b"abc"
    with fitsio.FITS(str(path), "rw", clobber=True) as hdus:
        hdus.write(None, header={f"KEY{number}": "value" for number in range(31)})
        reserve_checksums(hdus[-1])  # the header needs another block for them
        hdus.write(table, extname="TABLE")
        reserve_checksums(hdus[-1])
        images = {
            "SINGLE": rng.normal(size=(30, 70)).astype("f4"),
            "DOUBLE": rng.normal(size=(5, 3)),
            "SHORT": rng.integers(0, 2**16, (3, 5)).astype("u2"),
            "ODD": np.array([np.nan, np.inf, -np.inf, 0], "f4"),
        }
        for name, image in images.items():
            hdus.write(image, extname=name)
            reserve_checksums(hdus[-1])
        places = places_of(hdus)
    fill_checksums(path, places)
    return path


def test_astropy_finds_them_right(tmp_path):
    path = write(tmp_path / "some.fits")
    with fits.open(path, checksum=True) as hdus:  # a wrong one warns, which is an error here
        for hdu in hdus:
            assert len(hdu.header["CHECKSUM"]) == 16
            assert hdu.data is None or int(hdu.header["DATASUM"]) > 0


def test_cfitsio_finds_them_right(tmp_path):
    with fitsio.FITS(str(write(tmp_path / "some.fits"))) as hdus:
        for hdu in hdus:
            assert hdu.verify_checksum() is None  # or it raises


def test_they_are_wrong_where_a_byte_is(tmp_path):
    path = write(tmp_path / "some.fits")
    content = bytearray(path.read_bytes())
    with fits.open(path) as hdus:
        place = hdus["SINGLE"].fileinfo()["datLoc"]
    content[place] ^= 1
    path.write_bytes(content)
    with (
        pytest.warns(fits.verify.AstropyUserWarning, match="'SINGLE', 1"),
        fits.open(path, checksum=True) as hdus,
    ):
        assert hdus["SINGLE"].data.size


def test_a_code_is_letters_and_digits_that_add_up():
    numbers = np.random.default_rng(1).integers(0, 2**32, 2000).tolist()
    for number in [0, 1, 2**32 - 1, *numbers]:
        code = _encoded(number)
        assert code.isalnum()
        letters = np.frombuffer((code[1:] + code[:1]).encode(), np.uint8).astype(np.int64) - 48
        words = (letters.reshape(4, 4) * 256 ** np.arange(3, -1, -1)).sum()
        assert int(words) == number


def test_a_file_without_room_is_refused(tmp_path):
    path = tmp_path / "some.fits"
    with fitsio.FITS(str(path), "rw", clobber=True) as hdus:
        hdus.write(np.ones((3, 4)))
        places = places_of(hdus)
    with pytest.raises(ValueError, match=r"^expected DATASUM in the header at byte 0$"):
        fill_checksums(path, places)

"""Preprocessed images: read as desispec writes them, written as it reads them."""

import gzip
import warnings

import fitsio
import numpy as np
import pytest
from astropy.io import fits

from desinn.io.preproc import COSMIC, Preproc, read_preproc, with_cosmics, write_preproc

SHAPE = (20, 30)


def frame(seed=1, **changes):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 4, SHAPE)
    mask[0, :3] = (COSMIC, COSMIC | 2, 1 << 15)
    parts = {
        "image": rng.normal(size=SHAPE).astype(np.float32),
        "ivar": rng.uniform(size=SHAPE).astype(np.float32),
        "mask": mask,
        "readnoise": rng.uniform(2, 4, SHAPE).astype(np.float32),
        "header": {"CAMERA": "R3", "EXPTIME": (900.0, "seconds"), "FLAVOR": "science"},
    }
    return Preproc(**{**parts, **changes})


def as_desispec_writes(path, parts, table=None):
    """Write a file with the calls that desispec makes, from what astropy makes of them."""
    hdus = fits.HDUList()
    hdus.append(fits.ImageHDU(parts.image, name="IMAGE"))
    hdus[0].header.update(dict(parts.header))
    hdus.append(fits.ImageHDU(parts.ivar, name="IVAR"))
    hdus.append(fits.CompImageHDU(parts.mask.astype(np.uint16).view(np.int16), name="MASK"))
    hdus.append(fits.ImageHDU(parts.readnoise, name="READNOISE"))
    if table is not None:
        hdus.append(fits.BinTableHDU(table, name="FIBERMAP"))
    hdus.writeto(path, checksum=True)


def assert_same(read, parts):
    for name in ("image", "ivar", "readnoise"):
        array = getattr(read, name)
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, getattr(parts, name))
    assert read.mask.dtype == np.uint32
    np.testing.assert_array_equal(read.mask, parts.mask)


def assert_checksums(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True, disable_image_compression=True) as hdus:
            for hdu in hdus:
                assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)
                assert hdu.data is not None


TABLE = np.array([(1, 2.5), (-7, 0.5)], [("TARGETID", "i8"), ("FLUX", "f4")])


@pytest.mark.parametrize("name", ["preproc-r3-00000001.fits", "preproc-r3-00000001.fits.gz"])
def test_read_what_desispec_writes(tmp_path, name):
    parts = frame()
    as_desispec_writes(tmp_path / name, parts, TABLE)
    read = read_preproc(tmp_path / name)
    assert_same(read, parts)
    assert read.camera == "r3"
    assert read.header == {"CAMERA": "R3", "EXPTIME": 900.0, "FLAVOR": "science"}
    assert list(read.others) == ["FIBERMAP"]


@pytest.mark.parametrize("name", ["out.fits", "out.fits.gz"])
def test_write_as_desispec_reads(tmp_path, name):
    as_desispec_writes(tmp_path / "in.fits", frame(), TABLE)
    parts = read_preproc(tmp_path / "in.fits")
    write_preproc(tmp_path / name, parts)
    assert_checksums(tmp_path / name)
    with fits.open(tmp_path / name, uint=True) as hdus:  # what desispec's read_image does
        assert [hdu.name for hdu in hdus] == ["IMAGE", "IVAR", "MASK", "READNOISE", "FIBERMAP"]
        assert isinstance(hdus["MASK"], fits.CompImageHDU)
        assert hdus["MASK"].data.dtype == np.int16
        np.testing.assert_array_equal(hdus["MASK"].data.astype(np.uint16), parts.mask)
        np.testing.assert_array_equal(hdus["IMAGE"].data, parts.image)
        header = hdus["IMAGE"].header
        assert header["CAMERA"] == "r3"
        assert "desinn" in {header[key] for key in header if key.startswith("DEPNAM")}
        np.testing.assert_array_equal(hdus["FIBERMAP"].data["TARGETID"], TABLE["TARGETID"])
    read = read_preproc(tmp_path / name)
    assert_same(read, parts)
    assert read.header.items() >= {**parts.header, "CAMERA": "r3"}.items()
    assert read.others == parts.others


def test_a_mask_of_more_than_16_bits(tmp_path):
    mask = np.zeros(SHAPE, np.uint32)
    mask[3, 4] = 1 << 31 | COSMIC
    write_preproc(tmp_path / "a.fits", frame(mask=mask))
    np.testing.assert_array_equal(read_preproc(tmp_path / "a.fits").mask, mask)


def test_comments_of_the_header(tmp_path):
    write_preproc(tmp_path / "a.fits", frame())
    assert fits.getheader(tmp_path / "a.fits").comments["EXPTIME"] == "seconds"


def test_not_overwritten_unasked(tmp_path):
    write_preproc(tmp_path / "a.fits", frame())
    before = (tmp_path / "a.fits").read_bytes()
    with pytest.raises(FileExistsError, match=r"a\.fits: exists already"):
        write_preproc(tmp_path / "a.fits", frame(2))
    assert (tmp_path / "a.fits").read_bytes() == before
    write_preproc(tmp_path / "a.fits", frame(2), overwrite=True)
    assert_same(read_preproc(tmp_path / "a.fits"), frame(2))


def test_a_failure_leaves_nothing(tmp_path):
    for name in ("a.fits", "a.fits.gz"):
        with pytest.raises(ValueError, match=r"a\.fits.*SEEING"):
            write_preproc(tmp_path / name, frame(header={"CAMERA": "b0", "SEEING": np.nan}))
    assert list(tmp_path.iterdir()) == []


def test_the_files_own_storage_is_not_handed_on(tmp_path):
    header = {"CAMERA": "b0", "BZERO": 32768, "BSCALE": 2, "NAXIS1": 7, "ZCMPTYPE": "GZIP_1"}
    write_preproc(tmp_path / "a.fits", frame(header=header))
    assert_same(read_preproc(tmp_path / "a.fits"), frame())


def test_the_reference_file(reference):
    read = read_preproc(reference / "ccd" / "preproc-mini.fits")
    assert read.camera == "r0"
    assert read.image.shape == read.readnoise.shape == (64, 60)
    assert repr(read) == "Preproc(r0, 64 x 60 pixels)"


# --- what is no preprocessed image


def write_hdus(path, *, primary=None, **images):
    with fitsio.FITS(str(path), "rw", clobber=True) as hdus:
        hdus.write(None, header=primary)
        for name, image in images.items():
            hdus.write(image, extname=name, header=[{"name": "CAMERA", "value": "b0"}])


ONES = np.ones(SHAPE, np.float32)
ZEROS = np.zeros(SHAPE, np.int32)
GOOD = {"IMAGE": ONES, "IVAR": ONES, "MASK": ZEROS, "READNOISE": ONES}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"FLUX": ONES}, "missing HDU IMAGE, IVAR, MASK; found FLUX"),
        ({"IMAGE": ONES, "IVAR": ONES}, "missing HDU MASK; found IMAGE, IVAR"),
        ({**GOOD, "IVAR": ONES[:-1]}, r"ivar: expected shape \(20, 30\) .* found \(19, 30\)"),
        ({**GOOD, "MASK": ONES}, "mask: expected integers of 32 bits, found float32"),
        ({**GOOD, "IMAGE": ONES[0]}, r"image: expected shape \(Y, X\), found \(30,\)"),
        ({**GOOD, "IVAR": TABLE}, "expected an image in HDU IVAR, found none"),
        ({k: v for k, v in GOOD.items() if k != "READNOISE"}, "READNOISE or a number RDNOISE"),
    ],
)
def test_what_is_refused(tmp_path, images, message):
    write_hdus(tmp_path / "a.fits", **images)
    with pytest.raises(ValueError, match=rf"a\.fits: .*{message}"):
        read_preproc(tmp_path / "a.fits")


def test_no_camera(tmp_path):
    with fitsio.FITS(str(tmp_path / "a.fits"), "rw") as hdus:
        for name, image in GOOD.items():
            hdus.write(image, extname=name)
    with pytest.raises(ValueError, match=r"a\.fits: header: expected a keyword CAMERA"):
        read_preproc(tmp_path / "a.fits")


def test_a_truncated_file(tmp_path):
    for name in ("a.fits", "a.fits.gz"):
        write_preproc(tmp_path / name, frame())
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2 + 100])
        with pytest.raises(OSError, match=r"a\.fits.*(truncated|not a readable)"):
            read_preproc(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": ONES.astype(complex)}, "image: expected real numbers, found complex128"),
        ({"image": ONES[:0]}, r"image: expected shape \(Y, X\), found \(0, 30\)"),
        ({"mask": ZEROS == 0}, "mask: expected integers of 32 bits, found bool"),
        ({"mask": np.full(SHAPE, 1 << 40)}, "mask: expected integers of 32 bits, found int64"),
        ({"mask": np.full(SHAPE, -1)}, "mask: expected integers of 32 bits, found int64"),
        ({"readnoise": ONES[0]}, r"readnoise: expected shape \(20, 30\)"),
        ({"header": {}}, "CAMERA"),
    ],
)
def test_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        frame(**changes)


def test_one_readnoise_for_all(tmp_path):
    assert frame(readnoise=3).readnoise.shape == SHAPE
    header = {"CAMERA": "b0", "RDNOISE": 2.5}
    with fitsio.FITS(str(tmp_path / "a.fits"), "rw") as hdus:
        for name in ("IMAGE", "IVAR", "MASK"):
            hdus.write(GOOD[name], extname=name, header=header)
    assert set(np.unique(read_preproc(tmp_path / "a.fits").readnoise)) == {2.5}


def test_big_endian_and_signed_masks_are_the_same_bits():
    for kind in (">i2", "<u2", ">i4", "i8"):
        mask = np.zeros(SHAPE, kind)
        mask[1, 2] = 16
        parts = frame(mask=mask, image=ONES.astype(">f8"))
        assert parts.mask[1, 2] == 16
        assert parts.image.dtype.isnative
    assert frame(mask=np.full(SHAPE, -1, np.int16)).mask[0, 0] == 0xFFFF


# --- cosmic rays in MASK


def spans(path):
    with fitsio.FITS(str(path)) as hdus:
        offsets = [hdu.get_offsets() for hdu in hdus]
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert len(content) == offsets[-1]["data_end"]
    return [content[one["header_start"] : one["data_end"]] for one in offsets]


@pytest.fixture
def found():
    found = np.zeros(SHAPE, bool)
    found[0, 1:4] = found[5, 6] = True
    return found


@pytest.mark.parametrize("outname", ["out.fits", "out.fits.gz"])
@pytest.mark.parametrize("inname", ["in.fits", "in.fits.gz"])
def test_only_the_mask_changes(tmp_path, found, inname, outname):
    inpath, outpath = tmp_path / inname, tmp_path / outname
    as_desispec_writes(inpath, frame(), TABLE)
    with_cosmics(inpath, outpath, found, {"MODEL": ("x", "name of the network")})
    assert_checksums(outpath)
    for number, (old, new) in enumerate(zip(spans(inpath), spans(outpath), strict=True)):
        assert (old == new) is (number != 2)
    expected = frame().mask
    expected[found] |= COSMIC
    np.testing.assert_array_equal(read_preproc(outpath).mask, expected)
    with fits.open(outpath) as hdus:
        assert isinstance(hdus["MASK"], fits.CompImageHDU)
        header = hdus["MASK"].header
        assert header["MODEL"] == "x"
        assert header.comments["MODEL"] == "name of the network"
        assert "desinn" in {header[key] for key in header if key.startswith("DEPNAM")}


def test_reset_takes_the_old_ones_away(tmp_path, found):
    write_preproc(tmp_path / "in.fits", frame())
    with_cosmics(tmp_path / "in.fits", tmp_path / "out.fits", found, reset=True)
    mask = read_preproc(tmp_path / "out.fits").mask
    np.testing.assert_array_equal(mask & COSMIC != 0, found)
    rest = np.uint32(~COSMIC & 0xFFFFFFFF)
    np.testing.assert_array_equal(mask & rest, frame().mask & rest)


def test_in_place_again_and_again(tmp_path, found):
    path = tmp_path / "a.fits"
    write_preproc(path, frame())
    with pytest.raises(FileExistsError, match=r"a\.fits"):
        with_cosmics(path, path, found)
    for model in ("x", "y"):
        with_cosmics(path, path, found, {"MODEL": model}, overwrite=True)
    first = path.read_bytes()
    with_cosmics(path, path, found, {"MODEL": "y"}, overwrite=True)
    header = fits.getheader(path, "MASK")
    assert header["MODEL"] == "y"
    assert header.count("MODEL") == 1
    assert header.count("DEPNAM00") == 1
    assert len(path.read_bytes()) == len(first)
    assert [item.name for item in tmp_path.iterdir()] == ["a.fits"]


@pytest.mark.parametrize("kind", ["i2", "u2", "i4", "u4", "u1"])
def test_an_uncompressed_mask_stays_so_in_its_type(tmp_path, found, kind):
    mask = np.zeros(SHAPE, kind)
    mask[2, 2] = 3
    write_hdus(tmp_path / "in.fits", **{**GOOD, "MASK": mask})
    with_cosmics(tmp_path / "in.fits", tmp_path / "out.fits", found)
    with fitsio.FITS(str(tmp_path / "out.fits")) as hdus:
        assert not hdus["MASK"].is_compressed()
        read = hdus["MASK"].read()
        assert read.dtype == mask.dtype
        np.testing.assert_array_equal(read & COSMIC != 0, found)
        assert read[2, 2] == 3
        assert hdus["MASK"].read_header()["CAMERA"] == "b0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"found": np.zeros(SHAPE, np.uint32)}, r"in\.fits: found: expected bool, found uint32"),
        ({"found": np.zeros((2, 2), bool)}, r"in\.fits: found: expected shape \(20, 30\) as MASK"),
        ({"bit": 1 << 16}, r"in\.fits: MASK: expected room for the bit 65536, found int16"),
        ({"header": {"lower": 1}}, r"out\.fits: expected a FITS keyword"),
    ],
)
def test_what_cannot_be_marked(tmp_path, found, change, message):
    write_preproc(tmp_path / "in.fits", frame())
    arguments = {"found": found, **change}
    with pytest.raises(ValueError, match=message):
        with_cosmics(tmp_path / "in.fits", tmp_path / "out.fits", **arguments)
    assert [item.name for item in tmp_path.iterdir()] == ["in.fits"]


def test_a_mask_in_the_first_hdu(tmp_path, found):
    with fitsio.FITS(str(tmp_path / "a.fits"), "rw") as hdus:
        for name in ("MASK", "IMAGE", "IVAR"):
            hdus.write(GOOD[name], extname=name)
    with pytest.raises(ValueError, match="expected MASK in an extension"):
        with_cosmics(tmp_path / "a.fits", tmp_path / "b.fits", found)

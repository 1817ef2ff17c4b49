"""desinn median-exposures: an image that no ray survives."""

import fitsio
import numpy as np
import pytest

from desinn.io.preproc import COSMIC, read_preproc, write_preproc
from desinn.scripts import median_exposures as script
from desinn.scripts.desinn import main
from desinn.simulate.real_rays import median_exposures
from helpers.cosmics import SHAPE, frame, write_frame


def exposure(number):
    """Return one of several: a level of 50, noise, a ray of its own, a pixel that none has."""
    one = frame(seed=number, EXPID=number)
    rng = np.random.default_rng(number)
    one.image[:] = 50 + rng.normal(0, 3, SHAPE)
    one.image[number, 5:20] += 1000
    one.mask[:], one.ivar[:] = 0, 1 / 9
    one.mask[7, 7] = COSMIC if number % 2 else 4
    one.mask[number + 10, 3] = COSMIC
    one.readnoise[:] = number
    return one


@pytest.fixture
def args(tmp_path):
    paths = [str(tmp_path / f"preproc-r0-{n}.fits") for n in range(1, 6)]
    for number, path in enumerate(paths, 1):
        write_preproc(path, exposure(number))
    return ["median-exposures", *paths, "-o", str(tmp_path / "median.fits")]


def test_a_preproc_file_of_the_median(args, caplog):
    assert main(args) == 0
    read = read_preproc(args[-1])
    frames = [exposure(number) for number in range(1, 6)]
    ivars = [np.where(one.mask == 0, one.ivar, 0) for one in frames]
    expected = median_exposures([one.image for one in frames], ivars)
    np.testing.assert_array_equal(read.image, expected.image)
    np.testing.assert_array_equal(read.ivar, expected.ivar)
    np.testing.assert_array_equal(fitsio.read(args[-1], ext="EXPIVAR"), expected.typical)
    assert abs(read.image[read.mask == 0] - 50).max() < 15  # without rays
    assert np.argwhere(read.mask).tolist() == [[7, 7]]
    assert read.mask[7, 7] == 1
    assert (read.readnoise == 3).all()
    assert read.header["NCOMBINE"] == 5
    assert read.header["INFIL004"].strip() == "preproc-r0-5.fits"
    assert read.header["CAMERA"].strip() == "r0"
    assert "median of 5 exposures; 1 pixels are in none of them" in caplog.text


def test_some_rows_at_a_time_give_the_same(args, tmp_path, monkeypatch, caplog):
    main(args)
    monkeypatch.setattr(script, "_PIXELS", 5 * SHAPE[1] * 7)
    other = str(tmp_path / "again.fits")
    main([*args[:-1], other])
    assert "median of rows 21 to 23 of 24" in caplog.text
    for name in ("IMAGE", "IVAR", "MASK", "READNOISE", "EXPIVAR"):
        first, again = (fitsio.read(path, ext=name) for path in (args[-1], other))
        np.testing.assert_array_equal(first, again)


def test_a_bad_file_costs_only_itself(args, tmp_path, caplog):
    bad = tmp_path / "bad.fits"
    bad.write_bytes(b"nothing")
    assert main([args[0], str(bad), *args[1:]]) == 1
    assert read_preproc(args[-1]).header["NCOMBINE"] == 5
    assert f"1 of 6 files could not be used: {bad}" in caplog.text


def test_too_few(args, tmp_path):
    for paths in (args[1:3], [args[1]] * 4):
        with pytest.raises(ValueError, match="expected 3 different exposures or more, found"):
            main([args[0], *paths, *args[-2:]])
    with pytest.raises(ValueError, match="found 2 that can be used: a ray survives"):
        main([args[0], *args[1:3], str(tmp_path / "nowhere.fits"), *args[-2:]])


def test_other_ccds_are_refused(args, tmp_path):
    other = write_frame(tmp_path / "b.fits", "b0")
    with pytest.raises(ValueError, match=r"b\.fits: expected camera r0 and .* found b0 and "):
        main([args[0], *args[1:4], other, *args[-2:]])
    small = write_frame(tmp_path / "s.fits", "r0", shape=(23, 30))
    with pytest.raises(ValueError, match=r"\(24, 30\) pixels as in .*, found r0 and \(23, 30\)"):
        main([args[0], *args[1:4], small, *args[-2:]])


def test_times_that_differ_are_said(args, caplog):
    main(args)
    assert "exposure times differ" not in caplog.text
    one = exposure(1)
    one.header["EXPTIME"] = 1200.0
    write_preproc(args[1], one, overwrite=True)
    main([*args, "--overwrite"])
    assert "exposure times differ, from 900 to 1200 s" in caplog.text


def test_the_output_is_no_input_and_not_replaced_unasked(args):
    with pytest.raises(ValueError, match="is an input too"):
        main([*args[:-1], args[1], "--overwrite"])
    main(args)
    with pytest.raises(FileExistsError, match="--overwrite"):
        main(args)

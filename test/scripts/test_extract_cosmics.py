"""desinn extract-cosmics: rays of darks in a file."""

import numpy as np
import pytest

from desinn.io.preproc import COSMIC, write_preproc
from desinn.io.rays import read_rays
from desinn.scripts.desinn import main, parse
from helpers.cosmics import RAYS, frame, write_frame


@pytest.fixture
def args(tmp_path):
    dark = write_frame(tmp_path / "dark-r0.fits")
    return ["extract-cosmics", dark, "-o", str(tmp_path / "rays.npz")]


def test_rays_are_cut_out(args, caplog):
    """That which touches a masked pixel is left out, and so is the dim one."""
    assert main(args) == 0
    rays, header = read_rays(args[3])
    ((y, x, charge, hit),) = rays
    assert (y, x, hit.tolist()) == (12, 20, [[True]] * 3)
    np.testing.assert_array_equal(charge, frame().image[12:15, 20:21])
    assert (header["seed"], header["level"], header["noise"]) == (250, 3, None)
    assert header["darks"] == [
        {"file": "dark-r0.fits", "camera": "r0", "network": "cosmics-r", "seconds": 900.0,
         "pixels": frame().image.size - 2, "rays": 1}
    ]  # fmt: skip
    assert "rays.npz: 1 rays of 1 darks, 900 s in all" in caplog.text


def test_old_marks_are_no_mask(args):
    preproc = frame()
    preproc.mask[RAYS[1][0]] = COSMIC
    write_preproc(args[1], preproc, overwrite=True)
    main(args)
    assert len(read_rays(args[3])[0]) == 1


def test_seed_level_and_noise(args):
    main([*args, "--seed", "40"])
    assert len(read_rays(args[3])[0]) == 2
    main([*args, "--noise", "200", "--level", "2", "--seed", "450", "--overwrite"])
    rays, header = read_rays(args[3])
    assert header["noise"] == 200
    assert sum(ray[3].sum() for ray in rays) == 3
    with pytest.raises(ValueError, match=r"dark-r0\.fits: seed: expected at least 5.0 times the"):
        main([*args, "--level", "5", "--seed", "14", "--overwrite"])


def test_several_darks_one_of_them_bad(args, tmp_path, caplog):
    other = write_frame(tmp_path / "dark-b0.fits", "b0", seed=2, EXPTIME="unknown")
    bad = tmp_path / "bad.fits"
    bad.write_bytes(b"nothing")
    assert main([*args[:2], str(bad), other, other, *args[2:]]) == 1
    rays, header = read_rays(args[3])
    assert len(rays) == 2
    assert [dark["file"] for dark in header["darks"]] == ["dark-r0.fits", "dark-b0.fits"]
    assert header["darks"][1]["seconds"] is None
    assert f"1 of 3 files could not be used: {bad}" in caplog.text
    assert "several networks (cosmics-b, cosmics-r)" in caplog.text


def test_what_cannot_be(args, tmp_path):
    with pytest.raises(ValueError, match="no ray in 1 darks; a --seed below 5000 finds fainter"):
        main([*args, "--seed", "5000"])
    with pytest.raises(ValueError, match=r"expected a name that ends in \.npz"):
        main([*args[:3], "rays.fits"])
    with pytest.raises(FileNotFoundError, match=r"nowhere\.fits"):
        main([args[0], "nowhere.fits", *args[2:]])
    with pytest.raises(ValueError, match="none of the 2 files could be used"):
        main([args[0], "nowhere.fits", "elsewhere.fits", *args[2:]])
    assert not (tmp_path / "rays.npz").exists()
    main(args)
    with pytest.raises(FileExistsError, match="--overwrite"):
        main(args)


def test_the_recipes_own_numbers_are_the_default():
    options = parse(["extract-cosmics", "a.fits", "-o", "b.npz"])
    assert (options.seed, options.level, options.noise) == (250.0, 3.0, None)

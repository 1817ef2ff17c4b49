"""desinn simulate cosmics, as users run it."""

import json

import fitsio
import numpy as np
import pytest

from desinn.io.ccd_truth import Truth, read_ccd_truth
from desinn.io.preproc import read_preproc
from desinn.scripts import simulate_cosmics
from desinn.scripts.desinn import main
from desinn.simulate.ccd.spectrograph import parametric_psf

SMALL = ("--shape", "96", "128")


def simulate(folder, *options, small=SMALL):
    assert main(["simulate", "cosmics", *small, *options, "-o", str(folder)]) == 0
    return sorted(folder.glob("*.fits"))


def assert_same(path, expected):
    """But for the time at which the checksums were made, and what software was loaded."""
    assert path.name == expected.name
    frames, truths = (
        [read(p) for p in (path, expected)] for read in (read_preproc, read_ccd_truth)
    )
    for pair, names in (
        (frames, ("image", "ivar", "mask", "readnoise")),
        (truths, ("bits", "rays", "ray", "pixel", "electrons")),
    ):
        for name in names:
            np.testing.assert_array_equal(*(getattr(one, name) for one in pair))
        first, second = (
            {key: value for key, value in one.header.items() if not key.startswith("DEP")}
            for one in pair
        )
        assert first == second


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "frames"
    return simulate(folder, "-n", "2", "--arm", "r", "--seed", "1007", "--kind", "science",
                    "--seconds", "9000")  # fmt: skip


def test_images_and_their_truth(simulated):
    for number, path in enumerate(simulated):
        frame, truth = read_preproc(path), read_ccd_truth(path)
        assert path.name == f"preproc-{frame.camera}-0070000{number}.fits"
        assert frame.camera[0] == "r"
        assert frame.image.shape == truth.bits.shape == (96, 128)
        assert frame.header["EXPID"] == truth.header["EXPID"] == 700_000 + number
        assert frame.header["EXPTIME"] == 9000
        assert frame.header["KIND"] == truth.header["KIND"] == "science"
        assert list(frame.others) == ["TRUTH", "RAYS", "RAYPIX"]
        assert not (frame.mask & 16).any()


def test_the_truth_is_that_of_the_image(simulated):
    frame, truth = read_preproc(simulated[0]), read_ccd_truth(simulated[0])
    charge = truth.charge()
    assert len(truth.rays) > 3
    ray = truth.bits & Truth.RAY > 0
    assert (charge[ray] > 3 * frame.readnoise[ray]).all()
    assert (truth.bits[charge > 1] & Truth.TOUCHED).all()
    good = (frame.mask == 0) & ray
    assert np.median(frame.image[good]) > np.median(frame.image[frame.mask == 0])
    totals = np.bincount(truth.ray, truth.electrons)
    np.testing.assert_allclose(totals, truth.rays["CHARGE"], rtol=1e-4)
    assert 0.1 < (truth.bits & Truth.TRACE > 0).mean() < 0.9


def test_the_header_says_where_it_comes_from(simulated):
    header = read_ccd_truth(simulated[1]).header
    assert (header["SEED"], header["NUMBER"]) == (1007, 1)
    assert (header["RECIPE"], header["PSF"]) == ("none", "none")
    settings = json.loads(header["SETTINGS"])
    assert settings["arms"] == {"r": 1.0}
    assert settings["seconds"]["dark"] == [9000, 9000]
    assert settings["seconds"]["bias"] == [0, 0]
    assert json.loads(header["RAYS"]) == {}


def test_an_image_does_not_depend_on_how_many_there_are(simulated, tmp_path):
    (one,) = simulate(tmp_path, "-n", "1", "--arm", "r", "--seed", "1007", "--kind", "science",
                      "--seconds", "9000")  # fmt: skip
    assert_same(one, simulated[0])


def test_a_recipe_and_what_the_options_say_in_its_place(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "kind: cosmics\nseed: 5\nframes: 2\narms: [b, z]\nexposures: [dark]\n"
        "rays: {thin: {rate: 9.0}}\nsimulation: {shape: [60, 70], read_noise: [20, 20]}"
    )
    paths = simulate(tmp_path / "a", "--recipe", str(recipe), small=())
    assert [path.name[8] for path in paths] == ["b", "z"]
    frame = read_preproc(paths[0])
    assert frame.image.shape == (60, 70)
    assert set(np.unique(frame.readnoise)) == {20}
    header = read_ccd_truth(paths[0]).header
    assert header["RECIPE"] == "r.yaml"
    assert json.loads(header["RAYS"]) == {"thin": {"rate": 9.0}}
    paths = simulate(tmp_path / "b", "--recipe", str(recipe), "--kind", "bias", "--seconds", "9",
                     "-n", "1", "--seed", "6")  # fmt: skip
    frame = read_preproc(paths[0])
    assert (frame.image.shape, frame.header["EXPTIME"]) == ((96, 128), 0)
    assert frame.header["EXPID"] == 600_000


def test_what_is_there_is_not_replaced(simulated):
    folder = simulated[0].parent
    before = simulated[1].read_bytes()
    options = ["simulate", "cosmics", *SMALL, "--seed", "1007", "--kind", "dark"]
    with pytest.raises(FileExistsError, match=r"preproc-r\d-00700000.*--overwrite"):
        main([*options, "--arm", "b", "-o", str(folder)])  # whatever the camera
    assert simulated[1].read_bytes() == before
    assert len(list(folder.iterdir())) == 2


def test_overwrite(tmp_path):
    options = ("--arm", "z", "--kind", "dark", "--seed", "8")
    (path,) = simulate(tmp_path, *options)
    path.write_bytes(b"")
    assert simulate(tmp_path, *options, "--overwrite") == [path]
    assert read_preproc(path).camera[0] == "z"


def test_processes_do_not_change_the_images(simulated, tmp_path):
    two = simulate(tmp_path, "-n", "2", "--arm", "r", "--seed", "1007", "--kind", "science",
                   "--seconds", "9000", "--nproc", "2")  # fmt: skip
    for path, expected in zip(two, simulated, strict=True):
        assert_same(path, expected)


def test_traces_of_a_psf_file(tmp_path, monkeypatch):
    """The arm of the file has its traces, the others those of the formulas."""
    psf = parametric_psf("r")
    psf["x"] = psf["x"] + np.eye(1, psf["x"].shape[1])[0] * 3
    monkeypatch.setattr("desinn.io.psf.read_psf", lambda path: {**psf, "camera": f"{path[0]}4"})
    options = ("--kind", "flat", "--seed", "3")
    files = {
        name: simulate(tmp_path / name, *options, *more)[0]
        for name, more in {
            "own": ("--arm", "r", "--psf", "r.fits"),
            "formula": ("--arm", "r"),
            "other": ("--arm", "r", "--psf", "b.fits"),
        }.items()
    }
    traces = {name: read_ccd_truth(path).bits & Truth.TRACE for name, path in files.items()}
    np.testing.assert_array_equal(traces["formula"], traces["other"])
    assert not np.array_equal(traces["formula"], traces["own"])
    assert read_ccd_truth(files["own"]).header["PSF"] == "r4"
    with pytest.raises(ValueError, match=r"r2\.fits: expected a camera .* a second one of r"):
        simulate_cosmics.read_psfs(["r1.fits", "r2.fits"])
    with pytest.raises(ValueError, match=r"q\.fits: expected a camera of one of b, r, z"):
        simulate_cosmics.read_psfs(["q.fits"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["qso", "--arm", "r"], "--arm: is for cosmics, found qso"),
        (["cosmics", "--no-resolution"], "--no-resolution: is for qso or dla, found cosmics"),
        (["cosmics", "--files", "2"], "--files: is for qso or dla, found cosmics"),
        (["cosmics", "--recipe", "qso-test"], "kind: expected cosmics"),
        (["cosmics", "--shape", "5000", "10"], "at most"),
        (["qso", "--kind", "dark"], "--kind: is for cosmics, found qso"),
    ],
)
def test_wrong_options(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        main(["simulate", *options, "-o", str(tmp_path / "x")])


@pytest.mark.parametrize("kind", ["qso", "dla", "cosmics"])
def test_no_seed_is_below_0(kind, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["simulate", kind, "--seed", "-1", "-o", str(tmp_path / "x")])
    assert "argument --seed: expected an integer, 0 or more, found -1" in capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder"):
        main(["simulate", "cosmics", "-o", str(tmp_path / "x")])


def test_desispecs_layout(simulated):
    with fitsio.FITS(simulated[0]) as hdus:
        names = [hdu.get_extname() for hdu in hdus]
    assert names == ["IMAGE", "IVAR", "MASK", "READNOISE", "TRUTH", "RAYS", "RAYPIX"]

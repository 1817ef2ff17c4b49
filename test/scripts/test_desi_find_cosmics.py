"""desi_find_cosmics with a network of which one knows what it finds."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import fitsio
import numpy as np
import pytest

from desinn.finders import base
from desinn.io.catalogs import read_catalog
from desinn.io.convert import read_foreign
from desinn.io.preproc import COSMIC, read_preproc, write_preproc
from desinn.nn import write_weights
from desinn.scripts import desi_find_cosmics, processes, prompt, runner
from desinn.scripts.desi_find_cosmics import main, parse
from helpers.cosmics import RAYS, frame, write_finder, write_frame
from helpers.spectra import quasar_model

BITS = frame().mask
SEEN = np.zeros(BITS.shape, bool)
for place, charge in RAYS:
    SEEN[place] = charge > 100
SEEN[3, 4] = SEEN[3, 8] = False  # masked
"""What the network finds on `frame`."""


@pytest.fixture
def args(tmp_path):
    """The options of a run on one exposure."""
    infile = write_frame(tmp_path / "preproc-r0-00000007.fits")
    weights = write_finder(tmp_path / "w.npz")
    return ["-i", infile, "-o", str(tmp_path / "out"), "-m", weights]


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "out" / "preproc-r0-00000007.fits"


@pytest.fixture
def shipped(monkeypatch):
    """Make networks that come with desinn."""

    def ship(**paths):
        names = {name.replace("_", "-"): path for name, path in paths.items()}
        monkeypatch.setattr(base, "shipped_weights", lambda: names)

    return ship


def mask_header(path):
    header = fitsio.read_header(str(path), ext="MASK")
    return {key: header[key] for key in header}


def hdus_of(path):
    """Return name -> bytes of a file's HDUs."""
    content = Path(path).read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    with fitsio.FITS(str(path)) as fits:
        places = {hdu.get_extname(): hdu.get_offsets() for hdu in fits}
    return {name: content[at["header_start"] : at["data_end"]] for name, at in places.items()}


def test_only_the_mask_changes(args, copy):
    assert main(args) == 0
    old, new = hdus_of(args[1]), hdus_of(copy)
    assert list(old) == list(new)
    assert {name for name in old if old[name] != new[name]} == {"MASK"}
    np.testing.assert_array_equal(read_preproc(copy).mask, BITS | np.where(SEEN, COSMIC, 0))


def test_the_header_says_how_the_marks_were_made(args, copy):
    main([*args, "--threshold", "0.25", "--grow", "1", "--reset"])
    header = mask_header(copy)
    assert header["MODEL"] == "bright"
    assert header["MODELKND"] == "cosmics"
    assert len(header["MODELSHA"]) == 64
    assert header["MODELFIL"] == "w.npz"
    assert (header["CRTHRESH"], header["CRGROW"], header["CRRESET"]) == (0.25, 1, True)
    marked = read_preproc(copy).mask & COSMIC != 0
    assert header["CRNPIX"] == marked.sum()
    assert header["CRFRAC"] == pytest.approx(marked.mean())
    main([*args, "--overwrite"])
    header = mask_header(copy)
    assert (header["CRTHRESH"], header["CRGROW"], header["CRRESET"]) == (0.5, 0, False)
    assert header["CRNPIX"] == SEEN.sum()


def test_the_header_is_documented(args, copy, repository):
    main(args)
    text = (repository / "doc" / "desi_find_cosmics.rst").read_text()
    new = set(mask_header(copy)) - set(mask_header(args[1]))
    new = {key for key in new if not key.startswith("DEP")}
    assert {"MODEL", "MODELSHA", "CRTHRESH", "CRNPIX"} <= new
    assert sorted(key for key in new if f"``{key}``" not in text) == []


def test_old_marks_stay_unless_reset(args, copy):
    main(args)
    assert read_preproc(copy).mask[10, 10] == COSMIC
    main([*args, "--reset", "--overwrite"])
    assert read_preproc(copy).mask[10, 10] == 0
    assert read_preproc(copy).mask[3, 8] == 1


def test_growing_and_another_threshold(args, copy):
    main([*args, "--grow", "1", "--reset"])
    marked = read_preproc(copy).mask & COSMIC != 0
    assert marked.sum() == 3 * 5 + 5 * 3
    assert marked[2:5, 4:9].all()
    main([*args, "--threshold", "0.01", "--reset", "--overwrite"])  # 60 electrons: 0.018
    assert read_preproc(copy).mask[20, 2] == COSMIC


def test_a_file_by_its_name(args, tmp_path):
    for name in ("marked.fits", "marked.fits.gz"):
        assert main([*args[:3], str(tmp_path / name), *args[4:]]) == 0
        assert read_preproc(tmp_path / name).mask[3, 5] == COSMIC
    assert Path(tmp_path / "marked.fits.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_a_packed_input_has_a_packed_copy(args, tmp_path):
    infile = write_frame(tmp_path / "preproc-b1-00000008.fits.gz", "b1")
    assert main(["-i", infile, infile, *args[2:]]) == 0  # twice the same is once
    assert os.listdir(tmp_path / "out") == ["preproc-b1-00000008.fits.gz"]
    np.testing.assert_array_equal(
        read_preproc(tmp_path / "out" / "preproc-b1-00000008.fits.gz").mask & COSMIC != 0,
        SEEN | (BITS & COSMIC != 0),
    )


def test_each_ccd_has_its_network(args, tmp_path, shipped):
    """A thin red CCD has that of the blue ones."""
    files = {name: write_finder(tmp_path / f"{name}.npz", name=name) for name in "brz"}
    shipped(cosmics_b=files["b"], cosmics_r=files["r"], cosmics_z=files["z"])
    infiles = [
        write_frame(tmp_path / "0.fits", "b0"),
        write_frame(tmp_path / "1.fits", "r1", CCDTYPE="ITL"),
        write_frame(tmp_path / "2.fits", "r2", CCDTYPE="LBNL"),
        write_frame(tmp_path / "3.fits", "z3"),
    ]
    assert main(["-i", *infiles, *args[2:4]]) == 0
    models = [mask_header(tmp_path / "out" / f"{n}.fits")["MODEL"] for n in range(4)]
    assert models == ["b", "b", "r", "z"]


def test_without_networks_of_ours_it_is_said_at_once(args, tmp_path, shipped):
    shipped(qso=args[5])
    text = r"cosmics-b: there is no such file, nor a network of this name \(ours: qso\); -m "
    with pytest.raises(FileNotFoundError, match=text):
        main(args[:4])
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz: there is no such file$"):
        main([*args[:5], "nowhere.npz"])


def test_networks_of_another_kind_are_refused(args, data, tmp_path):
    write_weights(args[5], *quasar_model(), overwrite=True)
    with pytest.raises(ValueError, match="expected weights of kind 'cosmics', found 'qso'"):
        main(args)
    write_weights(args[5], *read_foreign(data / "torch" / "inpaint-zip.pth"), overwrite=True)
    with pytest.raises(ValueError, match="expected a network that finds cosmic rays, found one"):
        main(args)


def test_a_published_net(args, copy, data):
    """deepCR's layers, all the way from its own file."""
    write_weights(args[5], *read_foreign(data / "torch" / "batchnorm-zip.pth"), overwrite=True)
    assert main(args) == 0
    assert mask_header(copy)["MODELKND"] == "cosmics"


# --- bad input


def test_a_bad_file_costs_only_itself(args, tmp_path, copy, caplog):
    bad = tmp_path / "bad.fits"
    bad.write_bytes(b"nothing of the kind")
    other = write_frame(tmp_path / "x.fits", "unknown")
    assert main(["-i", str(bad), other, args[1], *args[2:]]) == 1
    assert read_preproc(copy).mask[3, 5] == COSMIC
    assert sorted(os.listdir(tmp_path / "out")) == [copy.name, "x.fits"]  # -m is for all cameras
    assert f"1 of 3 files could not be used: {bad}" in caplog.text


def test_a_camera_of_no_arm_names_the_file(args, tmp_path, shipped):
    shipped(cosmics_b=args[5], cosmics_r=args[5], cosmics_z=args[5])
    infile = write_frame(tmp_path / "x.fits", "unknown")
    with pytest.raises(ValueError, match=r"x\.fits: camera: expected b, r or z"):
        main(["-i", infile, *args[2:4]])


def test_pixels_that_are_not_finite(args, copy, caplog):
    preproc = frame()
    preproc.image[0, :3] = np.nan, np.inf, -np.inf
    preproc.image[3, 8] = np.nan  # masked anyway
    write_preproc(args[1], preproc, overwrite=True)
    main(args)
    assert "3 pixels that are not finite are treated as masked" in caplog.text
    np.testing.assert_array_equal(read_preproc(copy).mask, BITS | np.where(SEEN, COSMIC, 0))


def test_an_image_without_a_good_pixel(args, copy, caplog):
    preproc = frame()
    preproc.ivar[:] = 0
    write_preproc(args[1], preproc, overwrite=True)
    assert main([*args, "--grow", "2"]) == 0
    assert "all pixels are masked: nothing to search" in caplog.text
    assert mask_header(copy)["CRNPIX"] == 0


def test_an_input_is_never_the_output(args, tmp_path):
    before = Path(args[1]).read_bytes()
    link = tmp_path / "link"
    link.symlink_to(tmp_path, target_is_directory=True)
    for out in (args[1], str(tmp_path), f"{link}/"):
        for more in (["--overwrite"], ["--overwrite", "--resume"]):
            with pytest.raises(ValueError, match="is an input too, and would be lost"):
                main([*args[:3], out, *args[4:], *more])
    assert Path(args[1]).read_bytes() == before
    # Nor another's.
    other = write_frame(tmp_path / "marked.fits", "b1")
    with pytest.raises(ValueError, match=r"marked\.fits: is an input"):
        main(["-i", other, *args[2:3], str(tmp_path), *args[4:], "--overwrite"])


def test_existing_copies_stay_unless_told(args, copy):
    main(args)
    before = copy.read_bytes()
    with pytest.raises(FileExistsError, match=r"preproc-r0-00000007\.fits: exists already; --ov"):
        main([*args, "--threshold", "0.01"])
    assert copy.read_bytes() == before
    assert main([*args, "--overwrite", "--threshold", "0.01"]) == 0
    assert copy.read_bytes() != before


def test_places_that_do_not_fit(args, tmp_path):
    other = write_frame(tmp_path / "other.fits")
    with pytest.raises(ValueError, match="expected a folder for 2 copies, found the name of a fi"):
        main(["-i", other, args[1], "-o", str(tmp_path / "out.fits"), *args[4:]])
    (tmp_path / "sub").mkdir()
    twin = write_frame(tmp_path / "sub" / "other.fits")
    with pytest.raises(ValueError, match=r"other\.fits: would be the copy of both .* and .*sub"):
        main(["-i", other, twin, *args[2:]])
    with pytest.raises(NotADirectoryError, match=r"w\.npz: is a file, expected a folder"):
        main([*args[:3], args[5], *args[4:]])
    with pytest.raises(NotADirectoryError, match=r"the folder .* does not exist"):
        main([*args[:3], str(tmp_path / "no" / "where"), *args[4:]])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-o", "out"], "the following arguments are required: -i"),
        (["-i", "a.fits"], "the following arguments are required: -o"),
        (["-i", "a.fits", "-o", "out", "--grow", "-1"], "--grow: expected 0 or more pixels, fou"),
        (["-i", "a.fits", "-o", "out", "--threshold", "1"], "from 0 to below 1, found 1"),
        (["-i", "a.fits", "-o", "out", "--nproc", "2", "--mpi"], "not allowed with"),
    ],
)
def test_options_that_cannot_be_are_refused(options, text, capsys):
    with pytest.raises(SystemExit):
        parse(options)
    assert text in capsys.readouterr().err


# --- many files


@pytest.fixture
def several(args, tmp_path):
    """Options of a run on three exposures, and the names of the copies."""
    infiles = [write_frame(tmp_path / f"{n}.fits", "z0", seed=n) for n in range(3)]
    copies = [tmp_path / "out" / f"{n}.fits" for n in range(3)]
    return ["-i", *infiles, *args[2:]], copies


def test_processes_write_the_same_copies(several, monkeypatch, caplog):
    options, copies = several
    assert main(options) == 0
    expected = [path.read_bytes() for path in copies]
    assert "out: 3 images, 18 pixels marked" in caplog.text
    for module in (runner, processes):
        monkeypatch.setattr(module, "cores", lambda: {0, 1})
    assert main([*options, "--nproc", "2", "--overwrite"]) == 0
    for path, content in zip(copies, expected, strict=True):
        # Headers of MASK name what software the process has loaded.
        assert hdus_of(path)["IMAGE"] in content
        np.testing.assert_array_equal(read_preproc(path).mask & COSMIC != 0,
                                      SEEN | (BITS & COSMIC != 0))  # fmt: skip


def searched(monkeypatch):
    """Return the list to which the files are added that are worked on from now on."""
    calls = []
    work = desi_find_cosmics.MarkRays.__call__
    monkeypatch.setattr(
        desi_find_cosmics.MarkRays, "__call__",
        lambda self, path: calls.append(os.path.basename(path)) or work(self, path),
    )  # fmt: skip
    return calls


def test_a_run_is_taken_up(several, monkeypatch, caplog):
    options, copies = several
    main(options)
    copies[1].unlink()
    calls = searched(monkeypatch)
    caplog.clear()
    assert main([*options, "--resume"]) == 0
    assert calls == ["1.fits"]
    assert "2 of 3 files were done before" in caplog.text
    assert "3 images, 18 pixels marked" in caplog.text
    assert main([*options, "--resume"]) == 0  # there is nothing left to do
    assert calls == ["1.fits"]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--threshold", "0.25"], "threshold"),
        (["--grow", "1"], "growing"),
        (["--reset"], "resetting"),
        (["-m", "other"], "network"),
    ],
)
def test_copies_of_other_options_are_not_taken_up(
    several, tmp_path, monkeypatch, caplog, more, word
):
    options, copies = several
    main(options)
    copies[0].unlink()
    if more[0] == "-m":
        more = ["-m", write_finder(tmp_path / "other.npz", level=200)]
    with pytest.raises(FileExistsError, match=r"1\.fits: exists already"):
        main([*options, *more, "--resume"])
    assert f"1.fits: made with another {word}, so not taken up" in caplog.text
    calls = searched(monkeypatch)
    assert main([*options, *more, "--resume", "--overwrite"]) == 0
    assert calls == ["0.fits", "1.fits", "2.fits"]


def test_what_is_no_copy_is_not_taken_up(several, monkeypatch, caplog):
    """Something else of that name, another program's copy, a copy of what was there before."""
    options, copies = several
    main(options)
    calls = searched(monkeypatch)
    copies[0].write_bytes(b"something else")
    write_preproc(copies[1], frame("z0"), overwrite=True)
    later = os.path.getmtime(copies[2]) + 10
    os.utime(options[3], (later, later))
    assert main([*options, "--resume", "--overwrite"]) == 0
    assert calls == ["0.fits", "1.fits", "2.fits"]
    assert "0.fits: not a readable FITS file" in caplog.text
    assert "1.fits: made with another network, threshold, growing, resetting" in caplog.text
    assert "2.fits: made with another input (it is newer)" in caplog.text
    fitsio.write(str(copies[0]), np.zeros((2, 2)), clobber=True)
    main([*options, "--resume", "--overwrite"])
    assert "0.fits: expected a copy of a preproc file, found something else" in caplog.text


def test_copies_of_another_version_are_not_taken_up(several, monkeypatch, caplog):
    options, _ = several
    main(options)
    monkeypatch.setattr("desinn.scripts.cosmics_copies.__version__", "9.9")
    assert main([*options, "--resume", "--overwrite"]) == 0
    assert "made with another version of desinn" in caplog.text


# --- the table of rays


@pytest.fixture
def listed(several, tmp_path):
    """Options of a run on three exposures with a table, the copies, and the table."""
    options, copies = several
    return [*options, "--catalog", str(tmp_path / "rays.fits")], copies, tmp_path / "rays.fits"


def tables_of(path):
    rows, files = read_catalog(path, "COSMICS"), read_catalog(path, "INFILES")
    return rows, [(os.path.basename(row["PATH"]), row["NROWS"], row["USED"]) for row in files]


def hits(level=100):
    """Return what is known of the two rays of `frame` that the network finds."""
    image, cells = frame("z0", seed=0).image, ((3, slice(5, 8)), (slice(12, 15), 20))
    best = [image[cell].max() for cell in cells]
    return [1 / (1 + np.exp(10 - 10 * value / level)) for value in best]


def test_a_row_for_every_ray(listed):
    options, _, path = listed
    assert main([*options, "--grow", "1", "--reset"]) == 0  # rays are what was found itself
    rows, files = tables_of(path)
    assert files == [("0.fits", 2, True), ("1.fits", 2, True), ("2.fits", 2, True)]
    assert rows["INFILE"].tolist() == [0, 0, 1, 1, 2, 2]
    assert set(rows["CAMERA"]) == {"z0"}
    assert set(rows["EXPID"]) == {-1}
    box = rows[["XMIN", "XMAX", "YMIN", "YMAX", "NPIX"]].tolist()
    assert box == 3 * [(5, 7, 3, 3, 3), (20, 20, 12, 14, 3)]
    np.testing.assert_allclose(rows["X"], 3 * [6, 20], atol=0.05)
    np.testing.assert_allclose(rows["Y"], 3 * [3, 13], atol=0.05)
    np.testing.assert_allclose(rows["CHARGE"], 3 * [2700, 1500], atol=60)
    np.testing.assert_allclose(rows["PEAK"], 3 * [900, 500], atol=30)
    np.testing.assert_allclose(rows["MAXPROB"][:2], hits(), rtol=1e-5)
    header = fitsio.read_header(str(path), ext="COSMICS")
    assert (header["MODEL"], header["MODELFIL"], header["CRTHRESH"]) == ("bright", "w.npz", 0.5)
    assert len(header["MODELSHA"]) == 64
    units = {header[f"TTYPE{n}"]: header.get(f"TUNIT{n}") for n in range(1, 14)}
    assert (units["X"], units["NPIX"], units["CHARGE"]) == ("pix", "pix", "electron")


def test_the_table_is_documented(listed, repository):
    options, _, path = listed
    main(options)
    text = (repository / "doc" / "desi_find_cosmics.rst").read_text()
    table = text.partition("The table of rays\n===")[2].partition("Pictures\n===")[0]
    names = read_catalog(path).dtype.names
    assert [name for name in names if f"``{name}``" not in table] == []


def test_numbers_of_exposures_and_no_rays(args, tmp_path):
    one = write_frame(tmp_path / "a.fits", EXPID=51060)
    masked = frame("b1", EXPID=2)
    masked.ivar[:] = 0
    write_preproc(tmp_path / "b.fits", masked)
    table = str(tmp_path / "rays.fits.gz")
    assert main(["-i", one, str(tmp_path / "b.fits"), *args[2:], "--catalog", table]) == 0
    rows, files = tables_of(table)
    assert rows[["CAMERA", "EXPID", "INFILE"]].tolist() == 2 * [("r0", 51060, 0)]
    assert files == [("a.fits", 2, True), ("b.fits", 0, True)]
    main(["-i", str(tmp_path / "b.fits"), *args[2:], "--catalog", table, "--overwrite"])
    assert tables_of(table)[1] == [("b.fits", 0, True)]


def test_processes_write_the_same_table(listed, monkeypatch):
    options, _, path = listed
    main(options)
    expected = read_catalog(path)
    for module in (runner, processes):
        monkeypatch.setattr(module, "cores", lambda: {0, 1})
    assert main([*options, "--nproc", "2", "--overwrite", "--resume"]) == 0
    np.testing.assert_array_equal(read_catalog(path), expected)


def stop_at(monkeypatch, name):
    """Let a run end when it comes to a file, whatever else there is."""
    work = desi_find_cosmics.MarkRays.__call__

    def stop(self, path):
        if os.path.basename(path) == name:
            raise KeyboardInterrupt
        return work(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(desi_find_cosmics.MarkRays, "__call__", stop)
        yield


@pytest.mark.parametrize(("first", "again"), [(["--resume"], ["2.fits"]),
                                              ([], ["0.fits", "1.fits", "2.fits"])])  # fmt: skip
def test_a_resumed_run_gives_the_same_table(listed, monkeypatch, caplog, first, again):
    """From the rows that were kept, or by searching again what has a copy already."""
    options, copies, path = listed
    main(options)
    expected = read_catalog(path)
    for file in (*copies, path):
        file.unlink()
    for _ in stop_at(monkeypatch, "2.fits"):
        with pytest.raises(KeyboardInterrupt):
            main([*options, *first])
    assert not path.exists()
    before = [(copy.stat().st_mtime_ns, copy.read_bytes()) for copy in copies[:2]]
    calls = searched(monkeypatch)
    assert main([*options, "--resume"]) == 0
    assert calls == again
    np.testing.assert_array_equal(read_catalog(path), expected)
    assert [(copy.stat().st_mtime_ns, copy.read_bytes()) for copy in copies[:2]] == before
    assert ("2 copies are there without their rays" in caplog.text) == (not first)
    assert not os.path.exists(f"{path}.parts")


def test_a_bad_file_costs_no_rows_of_others(listed, tmp_path, monkeypatch):
    options, _, path = listed
    main(options)
    expected = read_catalog(path)
    good = (tmp_path / "1.fits").read_bytes()
    (tmp_path / "1.fits").write_bytes(b"nothing of the kind")
    (tmp_path / "out" / "1.fits").unlink()
    assert main([*options, "--resume", "--overwrite"]) == 1
    rows, files = tables_of(path)
    np.testing.assert_array_equal(rows, expected[expected["INFILE"] != 1])
    assert files == [("0.fits", 2, True), ("1.fits", 0, False), ("2.fits", 2, True)]
    (tmp_path / "1.fits").write_bytes(good)
    calls = searched(monkeypatch)
    assert main([*options, "--resume", "--overwrite"]) == 0
    assert calls == ["1.fits"]
    np.testing.assert_array_equal(read_catalog(path), expected)


def test_the_header_names_all_networks(args, tmp_path, shipped):
    level = {"b": 100.0, "r": 100.0, "z": 200.0}
    files = {arm: write_finder(tmp_path / f"{arm}.npz", level[arm], name=arm) for arm in "brz"}
    shipped(cosmics_b=files["b"], cosmics_r=files["r"], cosmics_z=files["z"])
    infiles = [
        write_frame(tmp_path / f"{n}.fits", camera) for n, camera in enumerate(("z0", "b0"))
    ]
    table = str(tmp_path / "rays.fits")
    assert main(["-i", *infiles, *args[2:4], "--catalog", table]) == 0
    header = fitsio.read_header(table, ext="COSMICS")
    names = {key: header[key] for key in ("MODEL_B", "MODEL_Z", "MODFIL_Z", "CRTHR_B", "MODELKND")}
    assert names == {"MODEL_B": "b", "MODEL_Z": "z", "MODFIL_Z": "z.npz", "CRTHR_B": 0.5,
                     "MODELKND": "cosmics"}  # fmt: skip
    assert header["MODSHA_B"] != header["MODSHA_Z"]
    assert "MODEL" not in header
    assert "MODEL_R" not in header  # it was not used
    # One file behind all names is one network.
    shipped(cosmics_b=files["b"], cosmics_r=files["b"], cosmics_z=files["b"])
    assert main(["-i", *infiles, *args[2:4], "--catalog", table, "--overwrite"]) == 0
    header = fitsio.read_header(table, ext="COSMICS")
    assert header["MODEL"] == "b"
    assert "MODEL_B" not in header


def test_places_where_the_table_cannot_be(args, copy, tmp_path, monkeypatch):
    calls = searched(monkeypatch)
    for place in (args[1], args[5]):
        with pytest.raises(ValueError, match="is an input too, and would be lost"):
            main([*args, "--catalog", place, "--overwrite"])
    with pytest.raises(ValueError, match="is a copy of this run, expected another name"):
        main([*args, "--catalog", str(copy), "--overwrite"])
    (tmp_path / "rays.fits").write_text("old")
    with pytest.raises(FileExistsError, match=r"rays\.fits: exists already"):
        main([*args, "--catalog", str(tmp_path / "rays.fits")])
    assert calls == []


# --- pictures


def test_a_picture_of_each(args, tmp_path):
    from matplotlib.image import imread

    other = write_frame(tmp_path / "1.fits", "b1")
    assert main(["-i", other, *args[1:], "--plot", str(tmp_path / "pictures")]) == 0
    names = sorted(os.listdir(tmp_path / "pictures"))
    assert names == ["cosmics-1.png", "cosmics-preproc-r0-00000007.png"]
    assert imread(tmp_path / "pictures" / names[0]).shape[:2] == (900, 1400)


def test_a_picture_that_fails_costs_only_itself(args, tmp_path, copy, monkeypatch, caplog):
    def fail(*args):
        raise OSError("no space")

    monkeypatch.setattr("desinn.scripts.cosmics_plots.plot_marks", fail)
    assert main([*args, "--plot", str(tmp_path / "pictures")]) == 0
    assert "no picture: no space" in caplog.text
    assert copy.exists()


# --- as a program


def test_the_prompt_says_one_line(args, caplog):
    assert prompt.run(main, parse(["-i", "nowhere.fits", *args[2:]])) == 1
    assert "nowhere.fits: there is no such file" in caplog.text


def test_as_a_program(args, copy, repository):
    """bin/ on the PATH and py/ on PYTHONPATH are enough."""
    environment = {**os.environ, "PYTHONPATH": str(repository / "py")}
    program = [sys.executable, str(repository / "bin" / "desi_find_cosmics")]
    run = subprocess.run(
        [*program, *args], env=environment, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    assert re.search(r"INFO.*fits: 6 pixels marked, ", run.stdout)
    assert copy.exists()

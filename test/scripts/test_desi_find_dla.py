"""desi_find_dla with a finder that knows what it finds: everything around the network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import fitsio
import numpy as np
import pytest

from desinn.finders.absorbers import DLAFlag, SightlineFlag
from desinn.finders.base import weights_path
from desinn.io.absorbers import read_dla_catalog, read_threshold
from desinn.io.catalogs import read_catalog
from desinn.nn import write_weights
from desinn.scripts import desi_find_dla, loading, processes, prompt, runner
from desinn.scripts.desi_find_dla import main, parse
from desinn.spectra import Camera, Spectra
from helpers import dla
from helpers.boss_file import write_spec
from helpers.spectra import coadd, quasar_model, write_coadd

ABSORBERS = [
    "TARGETID", "RA", "DEC", "Z_QSO", "SNR_FOREST", "SNR_REDSIDE", "DLAID", "Z_DLA", "Z_DLA_ERR",
    "NHI", "NHI_ERR", "DLA_CONFIDENCE", "ABSORBER_TYPE", "DLAFLAG",
]  # fmt: skip
SIGHTLINES = [
    "TARGETID", "RA", "DEC", "Z_QSO", "SNR_FOREST", "SNR_REDSIDE", "ZMIN", "ZMAX", "NDLA",
    "NCANDIDATES", "SIGHTLINE_FLAG",
]  # fmt: skip
SEARCH = dla.StubFinder.search
HDUS = {"DLACAT": ABSORBERS, "CANDIDATES": ABSORBERS, "SIGHTLINES": SIGHTLINES}


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(desi_find_dla, "Loader", dla.StubLoader)


@pytest.fixture
def args(tmp_path, stub):
    """The options of a run on one file of targets 100 to 104, and a catalogue of some."""
    (tmp_path / "w.npz").write_bytes(b"the stub does not look")
    infile = write_coadd(tmp_path / "coadd.fits", coadd(rows=5))
    # 104 is no quasar, 103 too near, 555 in no file.
    catalogue = dla.write_catalogue(tmp_path / "cat.fits", [555, 102, 100, 101, 103],
                                    [2.6, 2.7, 3.0, 2.8, 1.5])  # fmt: skip
    out = str(tmp_path / "out.fits")
    return ["-i", infile, "-o", out, "-m", str(tmp_path / "w.npz"), "-q", catalogue]


def tables_of(path):
    return {name: read_catalog(path, name) for name in HDUS}


def header_of(path, name="DLACAT"):
    return fitsio.read_header(path, ext=name)


def test_strong_sure_and_unflagged_ones_are_the_catalogue(args):
    assert main(args) == 0
    tables = tables_of(args[3])
    assert {name: list(table.dtype.names) for name, table in tables.items()} == HDUS
    assert tables["DLACAT"]["TARGETID"].tolist() == [100, 102]
    np.testing.assert_allclose(tables["DLACAT"]["Z_DLA"], [2.7, 2.4])
    assert tables["DLACAT"]["DLAID"].tolist() == ["100002", "102002"]
    assert tables["DLACAT"]["ABSORBER_TYPE"].tolist() == ["DLA", "DLA"]
    others = tables["CANDIDATES"]
    assert others["TARGETID"].tolist() == [100] * 3 + [102] * 3
    assert others["DLAID"][:3].tolist() == ["100001", "100003", "100004"]
    assert others["DLAFLAG"][:3].tolist() == [0, 0, DLAFlag.PROXIMATE]
    assert (others["SNR_REDSIDE"] == np.float32(5.5)).all()


def test_what_evaluates_absorbers_reads_it(args):
    main(args)
    found, lines = read_dla_catalog(args[3])
    assert found["IN_CATALOG"].tolist() == [True] * 2 + [False] * 6
    assert found["DLAID"][:2].tolist() == ["100002", "102002"]
    assert lines["TARGETID"].tolist() == [100, 101, 102, 555]
    assert read_threshold(args[3]) == 0.5


def test_a_sightline_for_every_quasar_asked_for(args, caplog):
    main(args)
    lines = read_catalog(args[3], "SIGHTLINES")
    assert lines["TARGETID"].tolist() == [100, 101, 102, 555]
    assert lines["Z_QSO"].tolist() == [3.0, 2.8, 2.7, 2.6]
    assert lines["RA"].tolist() == [12.0, 13.0, 11.0, 10.0]
    assert lines["NDLA"].tolist() == [1, 0, 1, 0]
    assert lines["NCANDIDATES"].tolist() == [3, 0, 3, 0]
    assert lines["SIGHTLINE_FLAG"].tolist() == [0, 0, 0, SightlineFlag.NO_SPECTRUM]
    assert np.isnan(lines["ZMAX"]).tolist() == [False, False, False, True]
    assert lines["SNR_REDSIDE"][3] == -1
    assert "1 of 4 quasars asked for have no spectrum in these files" in caplog.text


def test_the_header_says_how_it_was_made(args):
    main([*args, "--zmax", "2.9", "--min-nhi", "20.5", "--min-confidence", "0.7"])
    for name in HDUS:
        header = header_of(args[3], name)
        assert (header["MIN_NHI"], header["MIN_CONF"]) == (20.5, 0.7)
        assert (header["ZQSO_MIN"], header["ZQSO_MAX"]) == (2.0, 2.9)
        assert (header["NQSO"], header["NSEARCH"], header["NDLA"]) == (3, 2, 1)
        assert (header["NCAND"], header["NOSPEC"], header["NOCAT"]) == (3, 1, 1)
        assert header["MODEL"].strip() == "stub"
        assert header["MODELSHA"].strip() == dla.SHA256
        assert header["MODELFIL"].strip() == "w.npz"
        assert (header["QSOFROM"].strip(), header["QSOCAT"].strip()) == ("qsocat", "cat.fits")
        assert not header["BALMASK"]
        assert "DATASUM" in header
    assert header_of(args[3])["FLAGBIT5"].strip() == "PROXIMATE"
    assert header_of(args[3], "SIGHTLINES")["FLAGBIT5"].strip() == "NO_SPECTRUM"


def test_the_header_is_documented(args, repository):
    main([*args, "--zmax", "2.9"])
    text = (repository / "doc" / "desi_find_dla.rst").read_text()
    cards = [card["name"] for card in header_of(args[3]).records()]
    cards = [name for name in cards if name and (name.isalpha() or "_" in name)]
    fits = {"XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "EXTNAME", "COMMENT"}
    assert {"MODEL", "MIN_NHI", "NOSPEC", "QSOCAT", "ZQSO_MAX"} <= set(cards)
    assert [name for name in cards if name not in fits and f"``{name}``" not in text] == []


def test_columns_have_units_and_words(args):
    main(args)
    header = header_of(args[3])
    number = {header[f"TTYPE{n}"].strip(): n for n in range(1, 1 + len(ABSORBERS))}
    assert header[f"TUNIT{number['RA']}"].strip() == "deg"
    comments = {card["name"]: card["comment"] for card in header.records() if "comment" in card}
    assert "column of HI" in comments[f"TTYPE{number['NHI']}"]
    assert all(comments[f"TTYPE{n}"] for n in number.values())


def test_astropy_reads_it_without_a_warning(args):
    from astropy.table import Table

    main(args)
    for name in HDUS:
        Table.read(args[3], hdu=name)


@pytest.mark.parametrize(
    ("options", "found"),
    [(["--min-nhi", "21"], []), (["--min-nhi", "19"], [100, 100, 102, 102]),
     (["--min-confidence", "0.2"], [100, 100, 102, 102]), (["--min-confidence", "0.95"], []),
     (["--zmin", "2.9"], [100]), (["--zmax", "2.9"], [102])],
)  # fmt: skip
def test_limits(args, options, found):
    main([*args, *options])
    tables = tables_of(args[3])
    assert tables["DLACAT"]["TARGETID"].tolist() == found
    assert tables["SIGHTLINES"]["NDLA"].sum() == len(found)
    size = tables["SIGHTLINES"]["NCANDIDATES"].sum()
    assert len(tables["CANDIDATES"]) == size


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_nothing_found_is_a_catalogue_too(args, tmp_path, suffix):
    out = str(tmp_path / f"none.fits{suffix}")
    catalogue = dla.write_catalogue(tmp_path / "odd.fits", [101, 103], [2.5, 2.5])
    assert main([*args[:3], out, *args[4:6], "-q", catalogue]) == 0
    tables = tables_of(out)
    assert {name: list(table.dtype.names) for name, table in tables.items()} == HDUS
    assert [len(tables[name]) for name in HDUS] == [0, 0, 2]
    nobody = dla.write_catalogue(tmp_path / "nobody.fits", [], [])
    assert main([*args[:3], out, *args[4:6], "-q", nobody, "--overwrite"]) == 0
    assert [len(table) for table in tables_of(out).values()] == [0, 0, 0]
    assert header_of(out)["NOCAT"] == 5


def test_a_catalogue_that_does_not_match_at_all_is_said(args, tmp_path, caplog):
    catalogue = dla.write_catalogue(tmp_path / "other.fits", [1, 2, 3], [2.5, 2.5, 2.5])
    assert main([*args[:6], "-q", catalogue]) == 0
    assert "3 of 3 quasars asked for have no spectrum" in caplog.text
    assert "5 spectra are not in the catalogue" in caplog.text
    assert (header_of(args[3])["NOSPEC"], header_of(args[3])["NOCAT"]) == (3, 5)


def test_a_file_without_its_data_costs_nothing(args, tmp_path):
    """Of a quasar in two files that sightline is kept that could be searched."""
    main(args)
    alone = tables_of(args[3])
    blind = coadd(rows=3, first=100, seed=2)
    for camera in blind.cameras.values():
        camera.ivar[:] = 0
    other = write_coadd(tmp_path / "blind.fits", blind)
    main(["-i", other, args[1], *args[2:], "--overwrite"])
    both = tables_of(args[3])
    assert (both["DLACAT"]["TARGETID"] == alone["DLACAT"]["TARGETID"]).all()
    order = np.argsort(both["SIGHTLINES"]["TARGETID"])
    flags = dict(zip(alone["SIGHTLINES"]["TARGETID"], alone["SIGHTLINES"]["SIGHTLINE_FLAG"],
                     strict=True))  # fmt: skip
    for row in both["SIGHTLINES"][order]:
        assert row["SIGHTLINE_FLAG"] == flags[row["TARGETID"]]


def test_a_target_in_two_files_counts_once(args, tmp_path, caplog):
    other = write_coadd(tmp_path / "other.fits", coadd(rows=3, first=102, seed=2))
    main(["-i", other, args[1], *args[2:]])
    lines = read_catalog(args[3], "SIGHTLINES")
    assert lines["TARGETID"].tolist() == [102, 100, 101, 555]
    assert read_catalog(args[3], "DLACAT")["DLAID"].tolist() == ["102002", "100002"]
    assert header_of(args[3])["NREPEAT"] == 1
    assert "1 quasars are in several files" in caplog.text
    infiles = read_catalog(args[3], "INFILES")
    assert infiles["PATH"].tolist() == [other, args[1]]
    assert infiles["NROWS"].tolist() == [1, 2]


def test_a_spectrum_that_cannot_be_searched_says_why(args, tmp_path):
    spectra = coadd(rows=2)
    for camera in spectra.cameras.values():
        camera.ivar[0] = 0
    infile = write_coadd(tmp_path / "dark.fits", spectra)
    main(["-i", infile, *args[2:]])
    lines = read_catalog(args[3], "SIGHTLINES")
    assert lines["SIGHTLINE_FLAG"][:2].tolist() == [SightlineFlag.NO_DATA, 0]
    assert header_of(args[3])["NSEARCH"] == 1


def test_without_a_catalogue_the_quasar_finder_decides(args, tmp_path, monkeypatch):
    monkeypatch.setattr("desinn.finders.base.shipped_weights", lambda: {"qso": args[5]})
    infile = write_coadd(tmp_path / "more.fits", coadd(rows=12))
    assert main(["-i", infile, *args[2:6], "--zmin", "2.8"]) == 0
    lines = read_catalog(args[3], "SIGHTLINES")
    # 109 is no quasar; 2.5 + 0.1 (TARGETID % 16) is the redshift.
    assert lines["TARGETID"].tolist() == [100, 101, 102, 103, 104, 105, 106, 107, 108, 110, 111]
    assert header_of(args[3])["NOCAT"] == 1
    assert header_of(args[3])["QSOFROM"].strip() == "network qso"
    main(["-i", infile, *args[2:6], "--zmin", "3.55", "--overwrite"])
    assert read_catalog(args[3], "SIGHTLINES")["TARGETID"].tolist() == [107, 108, 110, 111]


def test_without_targetids_absorbers_keep_names_of_their_own(args, tmp_path, monkeypatch):
    """As the quasar finder takes them; -1 stands for many targets."""
    monkeypatch.setattr(dla.StubFinder, "search", search_all)
    monkeypatch.setattr("desinn.finders.base.shipped_weights", lambda: {"qso": args[5]})
    spectra = Spectra([-1, -1], coadd(rows=2).cameras)
    infile = write_coadd(tmp_path / "nobody.fits", spectra)
    main(["-i", infile, infile, *args[2:6]])
    tables = tables_of(args[3])
    assert len(tables["SIGHTLINES"]) == 4
    assert tables["DLACAT"]["DLAID"].tolist() == ["-1002", "-1006", "-1010", "-1014"]


def search_all(self, spectra, z):
    """Find what is planted on every sightline, as if its TARGETID were even."""
    return SEARCH(self, Spectra(np.arange(0, 2 * len(z), 2), spectra.cameras), z)


def test_redrock_decides(args, tmp_path):
    redrock = tmp_path / "redrock.fits"
    dtype = [("TARGETID", "i8"), ("Z", "f8"), ("SPECTYPE", "U6"), ("ZWARN", "i8")]
    rows = [(100, 2.5, "QSO", 4), (101, 2.5, "GALAXY", 0), (102, 0.5, "QSO", 0)]
    rows = np.array(rows, dtype)
    fitsio.write(str(redrock), rows, extname="REDSHIFTS")
    assert main([*args[:6], "--redrock", str(redrock)]) == 0
    assert read_catalog(args[3], "SIGHTLINES")["TARGETID"].tolist() == [100]
    assert header_of(args[3])["QSOFROM"].strip() == "redrock"


def test_boss_spectra_by_plate_mjd_and_fibre(args, tmp_path):
    write_spec(tmp_path / "spec.fits")
    fibre = {"PLATE": [3655], "MJD": [55240], "FIBERID": [30]}
    catalogue = dla.write_catalogue(tmp_path / "dr9.fits", [0], [2.5], TARGETID=None,
                                    TARGET_RA=None, TARGET_DEC=None, **fibre)  # fmt: skip
    assert main(["-i", str(tmp_path / "spec.fits"), *args[2:6], "-q", catalogue]) == 0
    lines = read_catalog(args[3], "SIGHTLINES")
    assert lines["TARGETID"].tolist() == [3655052400030]
    assert (lines["RA"][0], lines["DEC"][0]) == (110.5, 40.25)
    assert len(read_catalog(args[3], "DLACAT")) == 1


def test_broad_absorption_is_masked(args, tmp_path, monkeypatch):
    """The DLA of 100, at z = 2.7 before a quasar at 3.0, is in a trough of Lyman-alpha."""
    velocity = 299792.458 * (1 - 3.7 / 4)
    vmin, vmax = np.full((2, 17), -1.0), np.full((2, 17), -1.0)
    vmin[0, 0], vmax[0, 0] = velocity - 500, velocity + 500
    catalogue = dla.write_catalogue(tmp_path / "bal.fits", [100, 102], [3.0, 2.7],
                                    VMIN_CIV_450=vmin, VMAX_CIV_450=vmax)  # fmt: skip
    seen = []
    search = dla.StubFinder.search
    monkeypatch.setattr(dla.StubFinder, "search", lambda *a: seen.append(a[1]) or search(*a))
    assert main([*args[:6], "-q", catalogue, "--balmask"]) == 0
    weight = (
        seen[0].cameras["b"].ivar[:, np.searchsorted(seen[0].cameras["b"].wave, 3.7 * 1215.67)]
    )
    assert weight.tolist() == [0, 4]
    tables = tables_of(args[3])
    assert tables["DLACAT"]["TARGETID"].tolist() == [102]
    flags = tables["CANDIDATES"]["DLAFLAG"][tables["CANDIDATES"]["DLAID"] == "100002"]
    assert flags.tolist() == [DLAFlag.POTENTIAL_BAL]
    assert tables["SIGHTLINES"]["SIGHTLINE_FLAG"].tolist() == [SightlineFlag.TROUGHS_MASKED, 0]
    assert header_of(args[3])["BALMASK"]
    # Unmasked, but still said to be there.
    main([*args[:6], "-q", catalogue, "--overwrite"])
    assert (seen[1].cameras["b"].ivar == 4).all()
    assert read_catalog(args[3], "DLACAT")["TARGETID"].tolist() == [102]
    assert read_catalog(args[3], "SIGHTLINES")["SIGHTLINE_FLAG"].tolist() == [0, 0]


def test_no_mask_without_velocities(args):
    with pytest.raises(ValueError, match=r"cat\.fits: --balmask needs VMIN_CIV_450 and VMAX"):
        main([*args, "--balmask"])


def test_a_release_by_its_healpix_pixels(args, tmp_path, caplog):
    release = release_of(tmp_path / "redux", {1: 100, 205: 102, 206: 104})
    catalogue = dla.write_catalogue(tmp_path / "hpx.fits", [100, 102, 104], [2.5, 2.5, 1.0],
                                    HPXPIXEL=np.array([1, 205, 206], "i4"))  # fmt: skip
    options = ["-r", "loa", "--datapath", str(tmp_path / "redux"), *args[2:6], "-q", catalogue]
    assert main(options) == 0
    assert read_catalog(args[3], "INFILES")["PATH"].tolist() == release[:2]
    assert read_catalog(args[3], "DLACAT")["TARGETID"].tolist() == [100, 102]


def release_of(folder, targets):
    """Write the coadds of a release, one target each; return their names."""
    paths = []
    for pixel, target in targets.items():
        place = folder / "loa" / "healpix" / "main" / "dark" / str(pixel // 100) / str(pixel)
        place.mkdir(parents=True)
        paths.append(write_coadd(place / f"coadd-main-dark-{pixel}.fits", coadd(1, first=target)))
    return paths


def test_mocks(args, tmp_path):
    folder = tmp_path / "mock" / "spectra-16" / "0" / "12"
    folder.mkdir(parents=True)
    shutil.copy(args[1], folder / "spectra-16-12.fits")
    assert main(["--mocks", "--mockdir", str(tmp_path / "mock"), *args[2:]]) == 0
    assert len(read_catalog(args[3], "DLACAT")) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "give the spectra"),
        (["-i", "a.fits", "-r", "loa"], "give the spectra"),
        (["--mocks"], "--mocks and --mockdir belong together"),
        (["-i", "a.fits", "--mockdir", "here"], "--mocks and --mockdir belong together"),
        (["-i", "a.fits", "--datapath", "here"], "--datapath is for --release"),
        (["-i", "a.fits", "--balmask"], "--balmask needs --qsocat"),
        (["-i", "a.fits", "--zmax", "1.5"], "--zmax 1.5 is below --zmin 2"),
        (["-i", "a.fits", "--min-confidence", "2"], "from 0 to below 1, found 2"),
        (["-i", "a.fits", "-q", "cat", "--redrock", "r"], "not allowed with"),
    ],
)
def test_options_that_cannot_be_are_refused(options, text, capsys):
    with pytest.raises(SystemExit):
        parse([*options, "-o", "out.fits"])
    assert text in capsys.readouterr().err


def test_weights_of_another_kind_are_refused(args, monkeypatch):
    monkeypatch.setattr(desi_find_dla, "Loader", loading.Loader)
    write_weights(args[5], *quasar_model(), overwrite=True)
    with pytest.raises(ValueError, match="expected weights of kind 'dla', found 'qso'"):
        main(args)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        main([*args[:5], "nowhere.npz"])


def test_weights_that_change_during_the_run_are_noticed(tmp_path):
    import pickle

    path = str(tmp_path / "w.npz")
    write_weights(path, *quasar_model())
    load = loading.Loader(path, "qso")
    assert load() is load()
    copy = pickle.loads(pickle.dumps(load))
    assert copy().network.header["sha256"] == load().network.header["sha256"]
    copy = pickle.loads(pickle.dumps(load))
    header, arrays = quasar_model()
    write_weights(path, {**header, "name": "other"}, arrays, overwrite=True)
    with pytest.raises(ValueError, match=r"w\.npz: was replaced while the program ran"):
        copy()


@pytest.mark.parametrize("number", [1, 5, 7])
def test_an_input_is_never_the_output(args, number):
    before = Path(args[number]).read_bytes()
    with pytest.raises(ValueError, match="is an input too, and would be lost"):
        main([*args[:3], args[number], *args[4:], "--overwrite"])
    assert Path(args[number]).read_bytes() == before


def test_an_existing_output_stays_unless_told(args):
    main(args)
    with pytest.raises(FileExistsError, match="--overwrite"):
        main(args)
    assert main([*args, "--overwrite"]) == 0


def test_a_bad_file_in_a_list_costs_only_itself(args, tmp_path, caplog):
    bad = tmp_path / "bad.fits"
    bad.write_bytes(b"nothing of the kind")
    assert main(["-i", str(bad), *args[1:]]) == 1
    assert len(read_catalog(args[3], "DLACAT")) == 2
    assert read_catalog(args[3], "INFILES")["USED"].tolist() == [False, True]
    assert f"1 of 2 files could not be used: {bad}" in caplog.text


@pytest.fixture
def several(tmp_path, args):
    """Options of a run on several files, whose quasars are all in one catalogue."""
    rows = [3, 0, 1, 4, 2]
    infiles = [
        write_coadd(tmp_path / f"{n}.fits", coadd(rows=size, first=100 * n, seed=n))
        for n, size in enumerate(rows)
    ]
    targets = [100 * n + k for n, size in enumerate(rows) for k in range(size)]
    catalogue = dla.write_catalogue(tmp_path / "all.fits", targets, [2.9] * len(targets))
    return ["-i", *infiles, *args[2:6], "-q", catalogue, "--overwrite"]


def data_of(path):
    """Return columns and data of all tables, and remove the file."""
    with fitsio.FITS(path) as fits:
        tables = [hdu.read() for hdu in fits if hdu.has_data()]
    os.remove(path)
    return [(table.dtype, table.tobytes()) for table in tables]


def test_three_processes_make_the_same_tables(several, monkeypatch):
    out = several[several.index("-o") + 1]
    assert main(several) == 0
    expected = data_of(out)
    for module in (runner, processes):
        monkeypatch.setattr(module, "cores", lambda: {0, 1, 2})
    assert main([*several, "--nproc", "3"]) == 0
    assert data_of(out) == expected


def test_a_run_is_taken_up(several, tmp_path, monkeypatch, caplog):
    """A missing file lets its parts stay; other options make them anew."""
    out = several[several.index("-o") + 1]
    main(several)
    expected = data_of(out)
    os.rename(tmp_path / "3.fits", tmp_path / "away.fits")
    assert main([*several, "--resume"]) == 1
    assert main([*several, "--resume", "--min-nhi", "21"]) == 1
    assert "of other options, done again" in caplog.text
    assert main([*several, "--resume"]) == 1
    os.rename(tmp_path / "away.fits", tmp_path / "3.fits")
    calls = []
    work = desi_find_dla.FindAbsorbers.__call__
    monkeypatch.setattr(
        desi_find_dla.FindAbsorbers, "__call__", lambda *a: calls.append(a[1]) or work(*a)
    )
    assert main([*several, "--resume"]) == 0
    assert calls == [str(tmp_path / "3.fits")]
    assert data_of(out) == expected
    assert not os.path.exists(f"{out}.parts")


def test_another_catalogue_makes_parts_stale(several, tmp_path, caplog):
    os.rename(tmp_path / "3.fits", tmp_path / "away.fits")
    main([*several, "--resume"])
    dla.write_catalogue(tmp_path / "all.fits", [0, 2], [3.0, 3.0])
    main([*several, "--resume"])
    assert "of other options, done again" in caplog.text


@pytest.mark.parametrize("loader", [dla.StubLoader, dla.TracingLoader])
def test_pictures_of_sightlines_with_dlas(args, tmp_path, monkeypatch, loader):
    """A picture has a frame, curves and words."""
    from matplotlib.image import imread

    monkeypatch.setattr(desi_find_dla, "Loader", loader)
    infile = write_coadd(tmp_path / "sim.fits", dla.sightlines([3.0, 2.8], [100, 101]))
    assert main(["-i", infile, *args[2:], "--plot", str(tmp_path / "pictures")]) == 0
    assert os.listdir(tmp_path / "pictures") == ["dla-sim-100.png"]
    picture = imread(tmp_path / "pictures" / "dla-sim-100.png")
    assert picture.shape[:2] == (800, 1100)
    red = (picture[..., 0] > 0.7) & (picture[..., 1] < 0.4) & (picture[..., 2] < 0.4)
    assert 1e-3 < red.mean() < 0.1
    assert 0.01 < (picture[..., :3] < 0.3).all(axis=-1).mean() < 0.4


def test_a_picture_that_fails_costs_only_itself(args, tmp_path, monkeypatch, caplog):
    def fail(*args):
        raise OSError("no space")

    monkeypatch.setattr("desinn.scripts.dla_plots.plot_sightline", fail)
    assert main([*args, "--plot", str(tmp_path / "pictures")]) == 0
    assert "no picture: no space" in caplog.text
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder for pictures"):
        main([*args, "--overwrite", "--plot", args[1]])


def test_a_picture_of_a_spectrum_with_gaps(args, tmp_path):
    """Few pixels, a hole where the absorber is, and none redward."""
    wave = np.arange(3600, 5200, 2.0)
    flux, ivar = np.ones((1, wave.size)), np.ones((1, wave.size))
    ivar[:, (wave > 4300) & (wave < 4700)] = 0
    spectra = Spectra([100], {"b": Camera(wave, flux, ivar)})
    infile = write_coadd(tmp_path / "gap.fits", spectra)
    assert main(["-i", infile, *args[2:], "--plot", str(tmp_path / "pictures")]) == 0
    assert os.listdir(tmp_path / "pictures") == ["dla-gap-100.png"]


def test_the_prompt_says_one_line(args, caplog):
    assert prompt.run(main, parse(["-i", "nowhere.fits", *args[2:]])) == 1
    assert "nowhere.fits: there is no such file" in caplog.text


def test_as_a_program(args, repository):
    """bin/ on the PATH and py/ on PYTHONPATH are enough; weights are looked at first."""
    environment = {**os.environ, "PYTHONPATH": str(repository / "py")}
    program = [sys.executable, str(repository / "bin" / "desi_find_dla")]
    write_weights(args[5], *quasar_model(), overwrite=True)
    run = subprocess.run(
        [*program, *args], env=environment, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert run.returncode == 1
    assert "expected weights of kind 'dla', found 'qso'" in run.stdout
    assert run.stdout.count("\n") == 1


def test_the_default_is_our_own_network():
    options = parse(["-i", "coadd.fits", "-o", "out.fits"])
    assert (options.model, options.zmin, options.min_nhi) == ("dla", 2.0, 20.3)
    assert os.path.exists(weights_path("qso"))

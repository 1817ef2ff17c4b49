"""Damaged rows and pixels in files that are otherwise good: kept, flagged, and of no harm."""

import logging
import os

import numpy as np
import pytest

from desinn.finders.absorbers import SightlineFlag
from desinn.finders.base import Flag
from desinn.io.preproc import COSMIC
from helpers import input_files
from helpers.input_files import TARGETS, coadd_hdus, frame_hdus, write_frame, write_hdus
from helpers.input_programs import argv, assert_same, marks_of, rows_of, run
from helpers.spectra import coadd
from helpers.spectra import write_coadd as write_empty

HARMLESS = Flag(0)
NO_SPECTRUM = "6 of 6 quasars asked for have no spectrum in these files (NO_SPECTRUM)"


@pytest.fixture
def tables(made, tmp_path):
    """Return a function that runs a program on HDUs and returns status and tables."""

    def run_on(program, *files, **options):
        folder = tmp_path / f"run-{len(os.listdir(tmp_path))}"
        folder.mkdir()
        paths = [folder / f"in-{number}.fits" for number in range(len(files))]
        for path, hdus in zip(paths, files, strict=True):
            write_hdus(path, hdus)
        ended = run(program, argv(program, made, paths, folder, **options))
        return ended, rows_of(program, folder)

    return run_on


def set_all(cameras, **values):
    """Return what sets flux, ivar or mask of a row in some cameras, in some of the pixels."""

    def damage(hdus, row):
        for camera in cameras:
            for part, value in values.items():
                hdus[f"{camera}_{part.upper()}"][row] = value

    return damage


def set_some(value, part="FLUX"):
    """Return what sets every third pixel of a row."""

    def damage(hdus, row):
        for camera in "BRZ":
            hdus[f"{camera}_{part}"][row, ::3] = value

    return damage


# What is wrong with the row, the flags that say so, and whether it could be run.
DAMAGED = {
    "flux-nan": (set_all("BRZ", flux=np.nan), Flag.NO_DATA | Flag.NON_FINITE, False),
    "flux-inf": (set_all("BRZ", flux=np.inf), Flag.NO_DATA | Flag.NON_FINITE, False),
    "ivar-nan": (set_all("BRZ", ivar=np.nan), Flag.NO_DATA | Flag.NON_FINITE, False),
    "ivar-inf": (set_all("BRZ", ivar=np.inf), Flag.NO_DATA | Flag.NON_FINITE, False),
    "ivar-0": (set_all("BRZ", ivar=0), Flag.NO_DATA, False),
    "ivar-negative": (set_all("BRZ", ivar=-1), Flag.NO_DATA, False),
    "masked": (set_all("BRZ", mask=1), Flag.NO_DATA, False),
    "masked-by-the-sign": (set_all("BRZ", mask=-(2**31)), Flag.NO_DATA, False),
    "constant": (set_all("BRZ", flux=0), Flag.NOT_NORMAL, False),
    "some-nan": (set_some(np.nan), Flag.NON_FINITE, True),
    "some-inf": (set_some(-np.inf), Flag.NON_FINITE, True),
    "some-ivar-nan": (set_some(np.nan, "IVAR"), Flag.NON_FINITE, True),
    "some-ivar-negative": (set_some(-1e30, "IVAR"), HARMLESS, True),
    "some-masked": (set_some(64, "MASK"), HARMLESS, True),
    "no-b": (set_all("B", ivar=0), Flag.MISSING_CAMERA, True),
    "no-r": (set_all("R", mask=2), Flag.MISSING_CAMERA, True),
    "z-only": (set_all("BR", ivar=-1), Flag.MISSING_CAMERA, True),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_row_is_kept_and_harms_no_other(fault, tables):
    """In desi_find_qso."""
    damage, flags, could_be_run = DAMAGED[fault]
    _, good = tables("qso", coadd_hdus())
    hdus = coadd_hdus()
    damage(hdus, 2)
    ended, found = tables("qso", hdus)
    assert (ended.status, ended.errors) == (0, [])
    table = found["QSO_QN"]
    assert table["TARGETID"].tolist() == TARGETS.tolist()
    others = np.arange(6) != 2
    assert_same({name: column[others] for name, column in table.items()}, good["QSO_QN"], others)
    assert table["QN_FLAG"][2] == flags
    assert np.isfinite(table["Z_QN"][2]) == could_be_run
    assert (table["IS_QSO_QN"][2] == -1) == (not could_be_run)
    assert (table["QN_FLAG"][others] == 0).all()


# Of sightlines, NOT_NORMAL is one without a continuum; without b the forest has no data.
SIGHTLINES = {
    **{name: (damage, flags) for name, (damage, flags, _) in DAMAGED.items()},
    "no-b": (set_all("B", ivar=0), Flag.NO_DATA),
    "z-only": (set_all("BR", ivar=-1), Flag.NO_DATA),
}


@pytest.mark.parametrize("fault", SIGHTLINES)
def test_a_damaged_sightline_is_kept_and_harms_no_other(fault, tables):
    damage, flags = SIGHTLINES[fault]
    _, good = tables("dla", coadd_hdus(fine=5))
    hdus = coadd_hdus(fine=5)
    damage(hdus, 2)
    ended, found = tables("dla", hdus)
    assert (ended.status, ended.errors) == (0, [])
    lines = found["SIGHTLINES"]
    assert lines["TARGETID"].tolist() == TARGETS.tolist()
    assert lines["SIGHTLINE_FLAG"][2] == flags
    for name, table in found.items():
        if name == "SIGHTLINES":
            others = np.arange(6) != 2
            expected = np.arange(6) != 2
        else:
            others = table["TARGETID"] != TARGETS[2]
            expected = good[name]["TARGETID"] != TARGETS[2]
        assert_same({key: column[others] for key, column in table.items()}, good[name], expected)
    assert len(good["DLACAT"]["TARGETID"])


@pytest.mark.parametrize(
    "values", [{"mask": 1}, {"ivar": 0}, {"ivar": -1}, {"flux": np.nan}, {"ivar": np.inf}]
)
def test_a_whole_petal_without_a_pixel_costs_no_row(values, tables):
    dark = coadd_hdus(first=0, rows=3, fine=5)
    set_all("BRZ", **values)(dark, slice(None))
    bright = coadd_hdus(first=3, rows=3, fine=5)
    _, alone = tables("qso", bright)
    ended, found = tables("qso", dark, bright)
    assert (ended.status, ended.errors) == (0, [])
    table = found["QSO_QN"]
    assert table["TARGETID"].tolist() == TARGETS.tolist()
    assert (table["QN_FLAG"][:3] & Flag.NO_DATA == Flag.NO_DATA).all()
    assert (table["IS_QSO_QN"][:3] == -1).all()
    assert np.isnan(table["Z_QN"][:3]).all()
    assert_same({name: column[3:] for name, column in table.items()}, alone["QSO_QN"])
    ended, found = tables("dla", dark, bright)
    assert (ended.status, ended.errors) == (0, [])
    lines = found["SIGHTLINES"]
    assert lines["TARGETID"].tolist() == TARGETS.tolist()
    assert (lines["SIGHTLINE_FLAG"][:3] & SightlineFlag.NO_DATA == SightlineFlag.NO_DATA).all()
    assert (lines["SIGHTLINE_FLAG"][3:] == 0).all()
    assert not np.isin(found["DLACAT"]["TARGETID"], TARGETS[:3]).any()


@pytest.mark.parametrize("camera", ["B", "R", "Z"])
@pytest.mark.parametrize("program", ["qso", "dla"])
def test_one_camera_only(program, camera, tables):
    hdus = {name: array for name, array in coadd_hdus(fine=5).items()
            if name == "FIBERMAP" or name.startswith(f"{camera}_")}  # fmt: skip
    ended, found = tables(program, hdus)
    assert (ended.status, ended.errors) == (0, [])
    if program == "qso":
        assert found["QSO_QN"]["TARGETID"].tolist() == TARGETS.tolist()
        assert (found["QSO_QN"]["QN_FLAG"] == Flag.MISSING_CAMERA).all()
        assert np.isfinite(found["QSO_QN"]["Z_QN"]).all()
    else:
        assert found["SIGHTLINES"]["TARGETID"].tolist() == TARGETS.tolist()
        assert (found["SIGHTLINES"]["SIGHTLINE_FLAG"] != 0).all()


def test_other_grids_of_wavelengths_give_other_rows_no_less(tables):
    """A coarser blue, an odd number of pixels in the red, and one pixel in z."""
    hdus = coadd_hdus()
    for camera, step in (("B", slice(None, None, 3)), ("R", slice(5, -2)), ("Z", slice(7, 8))):
        for part in ("WAVELENGTH", "FLUX", "IVAR", "MASK"):
            name = f"{camera}_{part}"
            hdus[name] = hdus[name][..., step].copy()
    ended, found = tables("qso", hdus)
    assert (ended.status, ended.errors) == (0, [])
    assert found["QSO_QN"]["TARGETID"].tolist() == TARGETS.tolist()
    assert (found["QSO_QN"]["QN_FLAG"] == 0).all()
    assert np.isfinite(found["QSO_QN"]["Z_QN"]).all()


@pytest.mark.parametrize("program", ["qso", "dla"])
def test_repeated_targets_are_one_row_each_and_no_other_changes(program, tables):
    """Exposures of one target are coadded; sky fibres and unknown ones keep what they are."""
    name = {"qso": "QSO_QN", "dla": "SIGHTLINES"}[program]
    _, good = tables(program, coadd_hdus(fine=5))
    hdus = coadd_hdus(fine=5)
    hdus["FIBERMAP"]["TARGETID"][:] = [100, 101, 100, 103, 100, 105]
    ended, found = tables(program, hdus)
    assert (ended.status, ended.errors) == (0, [])
    there = [100, 101, 103, 105]
    lost = [102, 104] if program == "dla" else []  # of the catalogue: without a spectrum
    assert found[name]["TARGETID"].tolist() == there + lost
    alike = [1, 3, 5]
    assert_same({key: column[1:4] for key, column in found[name].items()}, good[name], alike)
    if program == "qso":
        hdus["FIBERMAP"]["TARGETID"][:] = [-1, -1, -7, -1, -7, 105]
        _, found = tables(program, hdus)
        assert found[name]["TARGETID"].tolist() == [-1, -1, -7, -1, 105]
        alike = [0, 1, 3, 5]
        rows = {key: column[[0, 1, 3, 4]] for key, column in found[name].items()
                if key != "TARGETID"}  # fmt: skip
        expected = {key: column for key, column in good[name].items() if key != "TARGETID"}
        assert_same(rows, expected, alike)


def test_no_rows_at_all(made, tables, tmp_path):
    """Every quasar of the catalogue is there, and says that it has no spectrum."""
    empty, full, out = tmp_path / "empty.fits", tmp_path / "full.fits", tmp_path / "out"
    out.mkdir()
    write_empty(empty, coadd(rows=0))
    input_files.write_coadd(full, fine=5)
    assert run("dla", argv("dla", made, [empty], out)) == (0, [], [NO_SPECTRUM])
    lines = rows_of("dla", out)["SIGHTLINES"]
    assert lines["TARGETID"].tolist() == TARGETS.tolist()
    assert (lines["SIGHTLINE_FLAG"] == SightlineFlag.NO_SPECTRUM).all()
    assert run("dla", [*argv("dla", made, [empty, full], out), "--overwrite"]) == (0, [], [])
    found = rows_of("dla", out)
    _, expected = tables("dla", coadd_hdus(fine=5))
    for name, table in expected.items():
        assert_same(found[name], table)


@pytest.mark.parametrize("z", [np.inf, 1e300, 1e4, 1e-3, 0.0, -3.0, np.nan])
def test_a_redshift_that_cannot_be_harms_no_other(z, tables, tmp_path):
    """One that is not at least --zmin, NaN too, is not asked for; a wild one is flagged."""
    redshifts = input_files.REDSHIFTS.copy()
    redshifts[2] = z
    wild = tmp_path / "wild.fits"
    input_files.write_catalogue(wild, Z=redshifts)
    _, good = tables("dla", coadd_hdus(fine=5))
    ended, found = tables("dla", coadd_hdus(fine=5), catalogue=["-q", str(wild)])
    assert (ended.status, ended.errors) == (0, [])
    asked = z > 2
    others = np.arange(6) != 2
    lines = found["SIGHTLINES"]
    assert lines["TARGETID"].tolist() == TARGETS[others | asked].tolist()
    if asked:
        assert lines["SIGHTLINE_FLAG"][2] == SightlineFlag.OUT_OF_RANGE
        lines = {name: column[others] for name, column in lines.items()}
    assert_same(lines, good["SIGHTLINES"], others)


PIXELS = {
    "image-nan": ("IMAGE", np.nan),
    "image-inf": ("IMAGE", -np.inf),
    "ivar-nan": ("IVAR", np.nan),
    "ivar-0": ("IVAR", 0),
    "ivar-negative": ("IVAR", -1),
    "masked": ("MASK", 1),
}


@pytest.mark.parametrize("fault", PIXELS)
def test_damaged_pixels_are_not_marked_and_harm_no_other(fault, made, tmp_path):
    part, value = PIXELS[fault]
    patch = np.s_[2:12, 10:25]
    hdus = frame_hdus()
    hdus[part][patch] = value
    paths = [tmp_path / f"preproc-{name}.fits" for name in ("good", "bad")]
    write_frame(paths[0])
    write_frame(paths[1], hdus)
    assert run("cosmics", argv("cosmics", made, paths, tmp_path / "out"))[:2] == (0, [])
    marks = marks_of(tmp_path / "out")
    good, bad = (marks[f"preproc-{name}.fits"] & COSMIC for name in ("good", "bad"))
    old = frame_hdus()["MASK"] & COSMIC if part != "MASK" else 0
    assert (good != old).sum() > 4
    expected = good.copy()
    expected[patch] = hdus["MASK"][patch] & COSMIC
    np.testing.assert_array_equal(bad, expected)


def test_one_line_counts_what_is_not_finite(tables, caplog):
    hdus = coadd_hdus()
    set_some(np.nan)(hdus, 2)
    set_some(np.inf, "IVAR")(hdus, 4)
    with caplog.at_level(logging.WARNING):
        ended, _ = tables("qso", hdus)
    assert len(ended.warnings) == 1
    third = sum(len(hdus[f"{camera}_FLUX"][0, ::3]) for camera in "BRZ")
    text = f"{2 * third} non-finite pixels in 2 of 6 spectra are treated as masked"
    assert text in ended.warnings[0]

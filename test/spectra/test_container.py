"""Spectra and cameras: what they accept, what they refuse, how they are cut."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from desinn.spectra import Camera, Spectra

WAVE = np.array([4000.0, 4001.0, 4002.0, 4003.0])


def make_camera(rows=3, wave=WAVE, **changes):
    shape = (rows, len(wave))
    parts = {
        "wave": wave,
        "flux": np.arange(rows * len(wave), dtype=np.float32).reshape(shape),
        "ivar": np.ones(shape, np.float32),
        **changes,
    }
    return Camera(**parts)


def make_fibermap(targetid=(10, 11, 12)):
    fibermap = np.zeros(len(targetid), [("TARGETID", ">i8"), ("OBJTYPE", "U3")])
    fibermap["TARGETID"] = targetid
    return fibermap


def make_spectra():
    extra = {"mask": np.eye(3, 4, dtype=np.uint32), "resolution": np.ones((3, 5, 4))}
    cameras = {"r": make_camera(wave=WAVE + 2000), "b": make_camera(**extra)}
    return Spectra([10, 11, 12], cameras, make_fibermap(), {"TILEID": 1}, "some.fits")


def test_camera_keeps_float32_and_makes_wave_float64():
    camera = make_camera(wave=WAVE.astype(np.float32))
    assert camera.wave.dtype == np.float64
    assert camera.flux.dtype == np.float32
    assert len(camera) == 3
    assert repr(camera) == "Camera(3 rows, 4 pixels, 4000-4003 A)"


def test_camera_converts_byte_order_without_changing_values():
    flux = np.array([[1.5, -2.0, 3.0, 4.0]], ">f4")
    camera = Camera(WAVE.astype(">f8"), flux, flux.astype(">f8"), flux.astype(">i2"))
    for array in (camera.wave, camera.flux, camera.ivar, camera.mask):
        assert array.dtype.isnative
    assert camera.flux.dtype == np.float32
    assert camera.flux.tolist() == flux.tolist()
    assert camera.mask.dtype == np.uint16


def test_camera_does_not_copy_what_fits():
    flux = np.ones((2, 4))
    assert np.shares_memory(Camera(WAVE, flux, flux).flux, flux)


def test_integers_become_float64():
    assert Camera(WAVE, np.ones((1, 4), int), np.ones((1, 4), int)).flux.dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flux": np.ones((3, 5))}, r"flux: expected shape \(B, 4\), found \(3, 5\)"),
        ({"flux": np.ones(4)}, r"flux: expected shape \(B, 4\), found \(4,\)"),
        ({"ivar": np.ones((2, 4))}, r"ivar: .*\(3, 4\), found \(2, 4\)"),
        ({"ivar": np.ones((3, 4), complex)}, "ivar: expected real numbers, found dtype complex"),
        ({"mask": np.ones((3, 3), int)}, r"mask: .*\(3, 4\), found \(3, 3\)"),
        ({"mask": np.ones((3, 4))}, "mask: expected integers, found dtype float64"),
        ({"resolution": np.ones((3, 4))}, r"resolution: .*\(3, D, 4\), found \(3, 4\)"),
        ({"resolution": np.ones((3, 5, 3))}, r"resolution: .*found \(3, 5, 3\)"),
        ({"wave": [4000, 4002, 4001, 4003]}, "increasing wavelengths, found 4002.0 then 4001.0"),
        ({"wave": [4000, 4001, 4001, 4003]}, "found 4001.0 then 4001.0 at pixel 1"),
        ({"wave": [4000, 4001, np.nan, 4003]}, "found nan at pixel 2"),
        ({"wave": [4000, 4001, 4002, np.inf]}, "found inf at pixel 3"),
        ({"wave": [-1, 4001, 4002, 4003]}, "positive numbers, found -1.0 at pixel 0"),
        ({"wave": [[4000, 4001]]}, r"wave: expected shape \(W,\) with W > 0, found \(1, 2\)"),
        ({"wave": np.zeros(0)}, r"wave: expected .*found \(0,\)"),
    ],
)
def test_camera_says_what_is_wrong(changes, message):
    good = {"wave": WAVE, "flux": np.ones((3, 4)), "ivar": np.ones((3, 4))}
    with pytest.raises(ValueError, match=message):
        Camera(**{**good, **changes})


def test_usable_leaves_only_good_pixels():
    flux = np.array([[1, np.nan, 3, 4], [np.inf, 2, 3, 4]], np.float32)
    ivar = np.array([[1, 2, 0, -4], [1, np.nan, 3, 4]], np.float32)
    mask = np.array([[0, 0, 0, 0], [0, 0, 8, 0]])
    camera = Camera(WAVE, flux, ivar, mask)
    used_flux, used_ivar, non_finite = camera.usable()
    assert used_flux.dtype == used_ivar.dtype == np.float64
    assert used_flux.tolist() == [[1, 0, 0, 0], [0, 0, 0, 4]]
    assert used_ivar.tolist() == [[1, 0, 0, 0], [0, 0, 0, 4]]
    assert non_finite.dtype == np.int64
    assert non_finite.tolist() == camera.count_non_finite().tolist() == [1, 2]
    assert np.isnan(camera.flux[0, 1]), "the camera itself must not change"


def test_usable_counts_non_finite_where_masked_or_without_ivar():
    flux = np.array([[np.nan, np.nan, 1, 1]])
    camera = Camera(WAVE, flux, [[0, 1, 1, 1]], [[0, 1, 0, 0]])
    assert camera.usable()[2].tolist() == [2]


def test_has_data_is_a_usable_pixel():
    flux = [[1, 1], [1, 1], [1, np.nan], [0, 1]]
    ivar = [[1, 1], [0, -1], [0, 1], [0, 1]]
    mask = [[1, 2], [0, 0], [0, 0], [0, 0]]
    assert Camera(WAVE[:2], flux, ivar, mask).has_data().tolist() == [False, False, False, True]


def test_cameras_are_ordered_by_wavelength():
    spectra = make_spectra()
    assert list(spectra.cameras) == ["b", "r"]
    assert repr(spectra) == "Spectra(3 rows, cameras b r, some.fits)"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (slice(1, None), [11, 12]),
        ([2, 0, 0], [12, 10, 10]),
        (np.array([-1], np.int16), [12]),
        (np.array([True, False, True]), [10, 12]),
        ([], []),
    ],
)
def test_rows_are_cut_from_every_part(rows, expected):
    spectra = make_spectra()
    part = spectra[rows]
    index = np.array(expected, int) - 10
    assert part.targetid.tolist() == part.fibermap["TARGETID"].tolist() == expected
    assert len(part) == len(expected)
    for name, camera in spectra.cameras.items():
        assert np.array_equal(part.cameras[name].flux, camera.flux[index])
        assert np.array_equal(part.cameras[name].ivar, camera.ivar[index])
    assert np.array_equal(part.cameras["b"].mask, spectra.cameras["b"].mask[index])
    assert part.cameras["b"].resolution.shape == (len(expected), 5, 4)
    assert (part.header, part.source) == (spectra.header, spectra.source)


def test_a_slice_shares_memory():
    spectra = make_spectra()
    assert np.shares_memory(spectra[:2].cameras["b"].flux, spectra.cameras["b"].flux)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (1, TypeError, r"found int64 of shape \(\)"),
        ([0.5], TypeError, "found float64"),
        ([[0]], TypeError, r"shape \(1, 1\)"),
        ([True, False], IndexError, "expected 3 bools, found 2"),
        ([3], IndexError, "out of bounds"),
    ],
)
def test_wrong_rows_are_refused(rows, error, message):
    with pytest.raises(error, match=message):
        make_spectra()[rows]


def test_zero_rows_are_spectra_too():
    spectra = Spectra([], {"b": make_camera(0)}, make_fibermap(()))
    assert len(spectra) == 0
    assert spectra.targetid.dtype == np.int64
    assert spectra[np.zeros(0, bool)].cameras["b"].flux.shape == (0, 4)
    assert spectra.cameras["b"].usable()[2].shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cameras": {}}, "some.fits: cameras: expected at least one, found none"),
        ({"targetid": [1, 2]}, "some.fits: camera b: expected 2 rows, .* found 3"),
        ({"cameras": {"b": make_camera(), "r": make_camera(2)}}, "camera r: .*3 rows.*found 2"),
        ({"fibermap": make_fibermap((10, 11))}, "fibermap: expected 3 rows.*found 2"),
        ({"fibermap": make_fibermap((10, 11, 13))}, "fibermap's 13 in row 2, found 12"),
        ({"fibermap": np.zeros(3)}, r"fibermap: .*structured.*found float64 of shape \(3,\)"),
        ({"targetid": [1.0, 2.0, 3.0]}, "targetid: expected integers.*found float64"),
        ({"targetid": [[1, 2, 3]]}, r"targetid: .*shape \(1, 3\)"),
        (
            {"targetid": None, "fibermap": np.zeros(3, [("FIBER", "i4"), ("RA", "f8")])},
            "some.fits: fibermap: expected a column TARGETID, found FIBER, RA",
        ),
    ],
)
def test_spectra_say_what_is_wrong(changes, message):
    good = {"targetid": [10, 11, 12], "cameras": {"b": make_camera()}, "source": "some.fits"}
    with pytest.raises(ValueError, match=message):
        Spectra(**{**good, **changes})


def test_targetid_comes_from_the_fibermap():
    spectra = Spectra(None, {"b": make_camera()}, make_fibermap())
    assert spectra.targetid.tolist() == [10, 11, 12]
    assert spectra.targetid.dtype == np.int64
    assert spectra.targetid.dtype.isnative
    assert spectra.fibermap.dtype["TARGETID"].isnative


def test_without_fibermap_targetid_is_minus_one_and_one_warning_logged(monkeypatch):
    messages = []
    logger = logging.Logger("test")
    monkeypatch.setattr(logger, "warning", lambda text, *args: messages.append(text % args))
    monkeypatch.setattr("desinn.spectra.container.get_logger", lambda: logger)
    spectra = Spectra(None, {"b": make_camera(), "r": make_camera()}, source="some.fits")
    assert spectra.targetid.tolist() == [-1, -1, -1]
    assert messages == ["some.fits: no fibermap, all 3 TARGETIDs are -1"]
    _ = spectra[:2]
    assert len(messages) == 1


def make_desispec(**changes):
    """Make what an afterburner holds: the attributes of desispec's class, nothing else."""
    arrays = {"b": np.ones((3, 4)), "r": np.full((3, 4), 2.0)}
    parts = {
        "bands": ["r", "b"],
        "wave": {"b": WAVE, "r": WAVE + 2000},
        "flux": arrays,
        "ivar": arrays,
        "mask": {band: np.ones((3, 4), np.uint32) for band in arrays},
        "resolution_data": {band: np.ones((3, 11, 4)) for band in arrays},
        "fibermap": make_fibermap(),
        "meta": {"TILEID": 5},
    }
    return SimpleNamespace(**{**parts, **changes})


def test_from_desispec_takes_all():
    obj = make_desispec()
    spectra = Spectra.from_desispec(obj)
    assert list(spectra.cameras) == ["b", "r"]
    assert spectra.targetid.tolist() == [10, 11, 12]
    assert spectra.header == {"TILEID": 5}
    assert np.shares_memory(spectra.cameras["r"].flux, obj.flux["r"])
    assert spectra.cameras["r"].flux[0, 0] == 2
    assert spectra.cameras["b"].mask.all()
    assert spectra.cameras["b"].resolution.shape == (3, 11, 4)


@pytest.mark.parametrize("nothing", [None, {}])
def test_from_desispec_does_without_the_optional(nothing):
    obj = make_desispec(mask=nothing, resolution_data=nothing, meta=nothing)
    spectra = Spectra.from_desispec(obj)
    assert spectra.cameras["b"].mask is None
    assert spectra.cameras["b"].resolution is None
    assert spectra.header == {}


def test_from_desispec_takes_a_table():
    spectra = Spectra.from_desispec(make_desispec(fibermap=Table(make_fibermap())))
    assert spectra.targetid.tolist() == [10, 11, 12]
    assert isinstance(spectra.fibermap, np.ndarray)


def test_from_desispec_names_the_camera():
    obj = make_desispec(flux={"b": np.ones((3, 4)), "r": np.ones((3, 9))})
    with pytest.raises(ValueError, match=r"x.fits: camera r: flux: .*found \(3, 9\)"):
        Spectra.from_desispec(obj, "x.fits")

"""desispec's masking of cosmic rays by our networks, with a stand-in for desispec."""

import logging
import sys
import types

import numpy as np
import pytest

from desinn.hosts import desispec as hook
from desinn.hosts.desispec import reject_cosmic_rays, use_desinn_cosmics
from helpers.cosmics import write_finder

COSMIC = 1 << 9
"""Not where desispec has it: the hook is to ask."""

SHAPE = (8, 9)


def desispecs_own(img, nsig=5.0, cfudge=3.0, c2fudge=0.9, niter=100, dilate=True):
    img.called.append("desispec")


@pytest.fixture
def desispec(monkeypatch):
    """The modules of desispec that matter, and one that does not."""
    names = ("cosmics", "maskbits", "preproc", "scripts", "scripts.rejectcosmics", "other")
    modules = {name: types.ModuleType(f"desispec.{name}") for name in names}
    monkeypatch.setitem(sys.modules, "desispec", types.ModuleType("desispec"))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"desispec.{name}", module)
    modules["maskbits"].ccdmask = types.SimpleNamespace(BAD=1, COSMIC=COSMIC)
    modules["cosmics"].reject_cosmic_rays = desispecs_own
    modules["preproc"].cosmics = modules["cosmics"]
    modules["scripts.rejectcosmics"].reject_cosmic_rays = desispecs_own
    modules["other"].reject_cosmic_rays = "of the same name"
    elsewhere = types.ModuleType("elsewhere")
    elsewhere.reject_cosmic_rays = desispecs_own
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    return types.SimpleNamespace(**modules, rejectcosmics=modules["scripts.rejectcosmics"])


class Finder:
    """Finds what is above a threshold, 100 electrons by itself."""

    threshold = 100.0
    network = types.SimpleNamespace(header={"name": "bright", "sha256": "5eed"})

    def __init__(self):
        self.masks = []

    def find(self, image, threshold, mask):
        self.masks.append(mask)
        return image > threshold


@pytest.fixture
def finders(monkeypatch):
    """The finders that were loaded, by their names."""
    loaded = {}
    monkeypatch.setattr(hook, "load_model", lambda name: loaded.setdefault(name, Finder()))
    return loaded


def image(camera="r0", meta=None, mask="zeros"):
    pix = np.zeros(SHAPE)
    pix[3, 4], pix[6, 2] = 500, 50
    ivar = np.ones(SHAPE)
    ivar[0, 0] = 0
    mask = np.zeros(SHAPE, np.uint32) if isinstance(mask, str) else mask
    return types.SimpleNamespace(
        pix=pix, ivar=ivar, mask=mask, readnoise=3.0, camera=camera, meta=meta, called=[]
    )


@pytest.mark.usefixtures("desispec")
def test_the_mask_gets_desispecs_bit(finders):
    img = image()
    before = img.mask
    before[3, 4] = 2
    assert reject_cosmic_rays(img) is None
    assert img.mask is before  # in place
    expected = np.zeros(SHAPE, np.uint32)
    expected[3, 4] = COSMIC | 2
    np.testing.assert_array_equal(img.mask, expected)
    assert img.mask.dtype == np.uint32
    assert list(finders) == ["cosmics-r"]


@pytest.mark.usefixtures("desispec", "finders")
def test_threshold_and_growing():
    img = image()
    reject_cosmic_rays(img, threshold=40, grow=1)
    marked = img.mask == COSMIC
    assert marked.sum() == 18
    assert marked[2:5, 3:6].all()
    assert marked[5:8, 1:4].all()


@pytest.mark.usefixtures("desispec")
def test_the_finder_hears_of_bad_pixels_but_not_of_old_rays(finders):
    img = image()
    img.mask[1, 1], img.mask[2, 2], img.mask[3, 3] = 1, COSMIC, COSMIC | 8
    reject_cosmic_rays(img)
    (mask,) = finders["cosmics-r"].masks
    assert mask.dtype == bool
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(mask)), strict=True)) == {
        (0, 0), (1, 1), (3, 3),
    }  # fmt: skip


@pytest.mark.usefixtures("desispec", "finders")
def test_the_header_says_what_marked_it():
    from astropy.io.fits import Header

    for meta in {"CAMERA": "r0"}, Header({"CAMERA": "r0"}):
        reject_cosmic_rays(image(meta=meta))
        assert dict(meta) == {
            "CAMERA": "r0", "CRMODEL": "bright", "CRMODSHA": "5eed", "CRTHRESH": 100, "CRGROW": 0,
        }  # fmt: skip
        reject_cosmic_rays(image(meta=meta), threshold=40, grow=1)
        assert (meta["CRTHRESH"], meta["CRGROW"]) == (40, 1)


@pytest.mark.usefixtures("desispec", "finders")
def test_no_mask_yet():
    img = image(mask=None)
    reject_cosmic_rays(img)
    assert img.mask.dtype == np.uint32
    assert (img.mask[0, 0], img.mask[3, 4], img.mask.sum()) == (1, COSMIC, 1 + COSMIC)


@pytest.mark.usefixtures("desispec")
def test_a_ccd_without_a_good_pixel(tmp_path):
    """All its amplifiers are bad, say: preproc is to go on, whatever the network needs."""
    path = write_finder(tmp_path / "mean-std.npz", normalize="mean-std")
    img = image(mask=np.full(SHAPE, 1, np.uint32))
    reject_cosmic_rays(img, model=path, grow=1)
    assert (img.mask == 1).all()


@pytest.mark.usefixtures("desispec", "finders")
def test_what_sdss_takes_is_without_effect(caplog, monkeypatch):
    plain, tuned, placed = image(), image(), image()
    reject_cosmic_rays(plain)
    assert not [r for r in caplog.records if r.levelno == logging.DEBUG]
    log = logging.getLogger("desinn")
    monkeypatch.setattr(hook, "get_logger", lambda: log)
    with caplog.at_level(logging.DEBUG, logger="desinn"):
        reject_cosmic_rays(tuned, nsig=6, cfudge=3.0, c2fudge=0.5, niter=3, dilate=False)
    (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.DEBUG]
    assert "nsig, cfudge, c2fudge, niter, dilate" in line
    reject_cosmic_rays(placed, 6, 3.0, 0.5)
    for img in (tuned, placed):
        np.testing.assert_array_equal(img.mask, plain.mask)
    with pytest.raises(TypeError, match="thresold"):
        reject_cosmic_rays(plain, thresold=0.3)


@pytest.mark.usefixtures("desispec")
def test_another_model(finders):
    own = Finder()
    reject_cosmic_rays(image(), model=own)
    assert len(own.masks) == 1
    reject_cosmic_rays(image(), model="mine.npz")
    assert list(finders) == ["mine.npz"]


# --- the switch


@pytest.mark.usefixtures("finders")
def test_ours_in_the_place_of_desispecs_and_back(desispec):
    undo = use_desinn_cosmics(threshold=40)
    for call in (
        lambda img: desispec.preproc.cosmics.reject_cosmic_rays(img, nsig=6, c2fudge=0.5),
        lambda img: desispec.rejectcosmics.reject_cosmic_rays(img),
    ):
        img = image()
        call(img)
        assert img.called == []
        assert np.count_nonzero(img.mask) == 2
    img = image()
    desispec.cosmics.reject_cosmic_rays(img, threshold=400)
    assert np.count_nonzero(img.mask) == 1
    assert desispec.other.reject_cosmic_rays == "of the same name"
    assert sys.modules["elsewhere"].reject_cosmic_rays is desispecs_own
    for _ in range(2):  # again does no harm
        undo()
        assert desispec.cosmics.reject_cosmic_rays is desispecs_own
        assert desispec.rejectcosmics.reject_cosmic_rays is desispecs_own


def test_a_second_switch_replaces_the_first(desispec):
    first = use_desinn_cosmics(grow=1)
    second = use_desinn_cosmics(grow=2)
    assert desispec.cosmics.reject_cosmic_rays.keywords["grow"] == 2
    assert desispec.rejectcosmics.reject_cosmic_rays.keywords["grow"] == 2
    first()
    assert desispec.cosmics.reject_cosmic_rays.keywords["grow"] == 2
    second()
    assert desispec.cosmics.reject_cosmic_rays is desispecs_own


def test_a_module_imported_in_between_is_put_back_too(desispec):
    del desispec.rejectcosmics.reject_cosmic_rays
    undo = use_desinn_cosmics()
    desispec.rejectcosmics.reject_cosmic_rays = desispec.cosmics.reject_cosmic_rays
    undo()
    assert desispec.rejectcosmics.reject_cosmic_rays is desispecs_own


def test_without_desispec(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "desispec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "desispec", None)
    with pytest.raises(ImportError, match="desispec is needed"):
        use_desinn_cosmics()
    with pytest.raises(ImportError, match="desispec is needed"):
        reject_cosmic_rays(image())

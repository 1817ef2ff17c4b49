"""desispec as it is, with its cosmic rays masked by ours: preproc, rejectcosmics, read_image."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import desinn
from desinn.finders.base import load_model, shipped_weights
from desinn.finders.ccds import grown, no_good
from desinn.hosts.desispec import use_desinn_cosmics
from desinn.io.preproc import COSMIC
from desinn.scripts import desi_find_cosmics
from desinn.scripts import desinn as desinn_script
from helpers.cosmics import frame, write_finder
from integration import raw_exposure
from integration.raw_exposure import BRIGHT, CAMERAS, DIM, SHAPE

pytestmark = pytest.mark.usefixtures("hosts")

WITHOUT_CALIBRATION = (
    "--nobias", "--nodark", "--nopixflat", "--nomask", "--noregionmask", "--no-cte-correction",
    "--no-ccd-calib-filename",
)  # fmt: skip


class Counted:
    """A finder that counts how often it was asked."""

    def __init__(self, model):
        self.calls = 0
        self._finder = load_model(model)
        self.threshold, self.network = self._finder.threshold, self._finder.network

    def find(self, *args, **kwargs):
        self.calls += 1
        return self._finder.find(*args, **kwargs)


@pytest.fixture
def theirs(monkeypatch):
    """The cameras for which desispec's own method ran."""
    from desispec import cosmics

    cameras, own = [], cosmics.reject_cosmic_rays_ala_sdss

    def counted(img, **kwargs):
        cameras.append(img.camera)
        return own(img, **kwargs)

    monkeypatch.setattr(cosmics, "reject_cosmic_rays_ala_sdss", counted)
    return cameras


@pytest.fixture
def switch_on():
    """Return `use_desinn_cosmics`, of which nothing is left after the test."""
    undone = []

    def switch_on(**settings):
        undone.append(use_desinn_cosmics(**settings))
        return undone[-1]

    yield switch_on
    for undo in reversed(undone):
        undo()


@pytest.fixture
def bright(tmp_path):
    """Weights that find what is above 1000 electrons."""
    return write_finder(tmp_path / "bright.npz", level=1000.0)


def preprocessed(camera="r0", **options):
    """Return the image that desispec's preproc makes of a raw one."""
    from desispec.preproc import preproc

    raw, header = raw_exposure.exposure(camera)
    return preproc(
        raw, header, raw_exposure.primary_header(), bias=False, dark=False, pixflat=False,
        mask=False, ccd_calibration_filename=False, no_ccd_region_mask=True, no_cte_corr=True,
        **options,
    )  # fmt: skip


# --- in desispec's programs


@pytest.mark.runs("desispec.preproc.preproc with the hook")
@pytest.mark.parametrize("which", ["bright", "shipped"])
def test_preproc_calls_the_hook(bright, switch_on, theirs, which):
    from desispec.maskbits import ccdmask

    if which == "shipped" and "cosmics-r" not in shipped_weights():
        pytest.skip("no network for cosmic rays comes with desinn yet")
    ours = Counted(bright if which == "bright" else "cosmics-r")
    undo = switch_on(model=ours)
    img = preprocessed()
    assert (ours.calls, theirs) == (1, [])
    assert img.pix.shape == SHAPE
    assert set(np.unique(img.mask)) == {0, ccdmask.COSMIC}
    assert img.meta["CRMODSHA"] == ours.network.header["sha256"]
    marked = img.mask > 0
    if which == "bright":
        np.testing.assert_array_equal(marked, BRIGHT)
    else:
        assert marked[BRIGHT].mean() > 0.9
        # Pixels beside a ray count as neither true nor false, as everywhere.
        assert marked[~grown(BRIGHT | DIM, 1)].mean() < 1e-4
    undo()
    own = preprocessed().mask & ccdmask.COSMIC > 0
    assert (ours.calls, theirs) == (1, ["r0"])
    assert own[BRIGHT | DIM].mean() > 0.9


@pytest.mark.runs("desispec.preproc.preproc with the hook")
def test_by_camera(bright, switch_on, monkeypatch):
    from desinn.hosts import desispec

    names = []
    monkeypatch.setattr(desispec, "load_model", lambda name: names.append(name) or Counted(bright))
    switch_on()
    for camera in (*CAMERAS, "z9"):
        preprocessed(camera)
    assert names == ["cosmics-b", "cosmics-r", "cosmics-z"]


@pytest.mark.runs("desispec.preproc.preproc with the hook")
@pytest.mark.parametrize("normalize", ["none", "mean-std"])
def test_bad_amplifiers(switch_on, tmp_path, normalize):
    """What desispec has masked is not searched; preproc goes on where that is everything."""
    from desispec.maskbits import ccdmask

    level = {"none": 1000.0, "mean-std": 5.0}[normalize]
    switch_on(model=write_finder(tmp_path / "a.npz", level=level, normalize=normalize))
    assert (preprocessed(badamps="ABCD").mask == ccdmask.BADAMP).all()
    mask, bad = preprocessed(badamps="D").mask, raw_exposure.sections("D")[0]
    expected = ccdmask.COSMIC * BRIGHT
    expected[bad] = ccdmask.BADAMP
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.runs("desi_reject_cosmics with the hook")
def test_rejectcosmics_calls_the_hook(bright, switch_on, theirs, tmp_path):
    from desispec.io import read_image, write_image
    from desispec.scripts import rejectcosmics

    ours = Counted(bright)
    undo = switch_on(model=ours)
    before, after = str(tmp_path / "before.fits"), str(tmp_path / "after.fits")
    img = preprocessed()
    img.mask[:] = 0
    img.mask[40, 50] = img.mask[20, 30] = COSMIC
    img.mask[BRIGHT & (np.arange(SHAPE[1]) == 100)] = 1
    write_image(before, img)
    rejectcosmics.main(rejectcosmics.parse(["--infile", before, "--outfile", after]))
    assert (ours.calls, theirs) == (2, [])
    expected = np.where(BRIGHT & (img.mask & 1 == 0), img.mask | COSMIC, img.mask)
    np.testing.assert_array_equal(read_image(after).mask, expected)
    undo()
    rejectcosmics.main(rejectcosmics.parse(["--infile", before, "--outfile", after]))
    assert (ours.calls, theirs) == (2, ["r0"])
    assert (read_image(after).mask[DIM] & COSMIC).any()


# --- in processes of their own, as a pipeline has them


@pytest.fixture(scope="module")
def raw_file(tmp_path_factory):
    return raw_exposure.write_raw(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def line(repository):
    """What the documents say the last line of desispec's module should be: module, line."""
    text = (repository / "doc" / "hosts.rst").read_text(encoding="ascii")
    pattern = r"the last of ``py/(desispec/\w+\.py)``:\n\n\.\. code-block:: python\n\n   (.*)\n\n"
    [found] = re.findall(pattern, text)
    return found


def desispec_with(folder, module, line):
    """Lay out desispec as it is installed, but for a line at the end of a module."""
    import desispec

    package, module = Path(desispec.__file__).parent, folder / module
    module.parent.mkdir()
    for entry in package.iterdir():
        if entry.name not in ("__pycache__", module.name):
            (module.parent / entry.name).symlink_to(entry)
    source = (package / module.name).read_text(encoding="utf-8")
    module.write_text(f"{source}{line}\n", encoding="utf-8")


BY_THE_LINE = """\
from desispec.scripts import preproc, rejectcosmics
import desinn
import desinn.hosts.desispec as hook
hook.load_model = lambda name: desinn.load_model(weights)
"""
"""The line has no argument for the weights: they are put in the place of those for each CCD."""

BY_A_CALL = """\
from desinn.hosts.desispec import use_desinn_cosmics
from desispec.scripts import preproc, rejectcosmics
use_desinn_cosmics(model=weights)
"""

PROGRAM = """\
import sys
raw, weights, first, second, *options = sys.argv[1:]
{switch}
import desispec
print(desispec.__file__)
preproc.main(["-i", raw, "--outdir", first, "--cameras", "b0", *options])
preproc.main(["-i", raw, "--outdir", second, "--cameras", "b0,r0", "--ncpu", "2", *options])
preproc.main(["-i", raw, "-o", first + "/none.fits", "--cameras", "r0", "--nocosmic", *options])
infile = ["--infile", first + "/none.fits", "--outfile", first + "/rejected.fits"]
rejectcosmics.main(rejectcosmics.parse(infile))
"""
"""What desi_preproc and desi_reject_cosmics do: one camera in the process itself, then two in
forked ones, then one in two steps."""


@pytest.mark.runs("desi_preproc and desi_reject_cosmics, whole")
@pytest.mark.parametrize("switch", [BY_A_CALL, BY_THE_LINE], ids=["call", "line"])
def test_programs_of_desispec(bright, raw_file, line, tmp_path, switch):
    from desispec.io import read_image

    path = [Path(desinn.__file__).parents[1]]
    if switch is BY_THE_LINE:
        desispec_with(tmp_path, *line)
        path.insert(0, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    code = PROGRAM.format(switch=switch)
    words = [sys.executable, "-c", code, raw_file, bright, first, second, *WITHOUT_CALIBRATION]
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (f"{tmp_path}/desispec/" in done.stdout) == (switch is BY_THE_LINE)
    name = f"preproc-{{}}-{raw_exposure.EXPID:08}.fits.gz"
    written = [first / name.format("b0"), *(second / name.format(c) for c in CAMERAS)]
    for path in (*written, first / "rejected.fits"):
        np.testing.assert_array_equal(read_image(str(path)).mask, COSMIC * BRIGHT)
    assert not read_image(str(first / "none.fits")).mask.any()


# --- what desi_find_cosmics writes


def by_write_image(folder, suffix):
    """Write an exposure with old marks, bad pixels and a table, as desispec does."""
    from desispec.image import Image
    from desispec.io import write_image

    parts = frame()
    img = Image(parts.image, parts.ivar, parts.mask, parts.readnoise, "r0", parts.header)
    img.fibermap = raw_exposure.fibermap()
    return write_image(str(folder / f"preproc-r0-00000001{suffix}"), img)


def by_simulation(folder):
    words = ["simulate", "cosmics", "-n", "1", "--seed", "7", "--arm", "r", "--kind", "dark"]
    words += ["--shape", "200", "160", "--seconds", "9000", "-o", str(folder / "simulated")]
    assert desinn_script.main(words) == 0
    [path] = (folder / "simulated").glob("*.fits")
    return str(path)


@pytest.fixture(params=["fits", "fits.gz", "simulated"])
def preproc_file(request, tmp_path):
    if request.param == "simulated":
        return by_simulation(tmp_path)
    return by_write_image(tmp_path, f".{request.param}")


def find(infile, folder, *options):
    """Run desi_find_cosmics; return the copy."""
    words = ["-i", infile, "-o", str(folder), *options]
    assert desi_find_cosmics.main(words) == 0
    return str(folder / Path(infile).name)


@pytest.mark.runs("desispec.io.read_image")
def test_desispec_reads_the_copies(preproc_file, tmp_path):
    from desispec.io import read_image

    model = write_finder(tmp_path / "bright.npz")
    before = read_image(preproc_file)
    bad = no_good(before.mask, before.ivar, COSMIC)
    rays = {p: load_model(model).find(before.pix, p, mask=bad) for p in (0.5, 0.01)}
    assert 0 < rays[0.5].sum() < rays[0.01].sum()

    marked = find(preproc_file, tmp_path / "marked", "-m", model, "--threshold", "0.01")
    again = find(marked, tmp_path / "again", "-m", model, "--reset")
    for path, mask, p in ((marked, before.mask, 0.01), (again, before.mask & ~COSMIC, 0.5)):
        copy = read_image(path)
        for name in ("pix", "ivar", "readnoise"):
            np.testing.assert_array_equal(getattr(copy, name), getattr(before, name))
        np.testing.assert_array_equal(copy.mask, mask | np.uint32(COSMIC) * rays[p])
        assert copy.camera == before.camera
        assert copy.meta.tostring() == before.meta.tostring()
        with fits.open(path, checksum=True) as hdus, fits.open(preproc_file) as original:
            assert [hdu.name for hdu in hdus] == [hdu.name for hdu in original]
            header = hdus["MASK"].header
            assert (header["MODEL"], header["CRTHRESH"]) == ("bright", p)
            assert header["CRNPIX"] == rays[p].sum()
            assert desinn.__version__ in [header[key] for key in header if key[:6] == "DEPVER"]


@pytest.mark.runs("desi_reject_cosmics with the hook")
def test_the_program_and_the_hook_mark_the_same(preproc_file, switch_on, tmp_path):
    from desispec.io import read_image
    from desispec.scripts import rejectcosmics

    model = write_finder(tmp_path / "bright.npz")
    switch_on(model=model, grow=1)
    hooked = str(tmp_path / "hooked.fits")
    rejectcosmics.main(rejectcosmics.parse(["--infile", preproc_file, "--outfile", hooked]))
    copy = find(preproc_file, tmp_path / "marked", "-m", model, "--grow", "1")
    np.testing.assert_array_equal(read_image(copy).mask, read_image(hooked).mask)
    assert (read_image(copy).mask & COSMIC).any()

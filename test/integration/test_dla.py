"""picca, unmodified: it reads sightlines of ours, and masks in them what desi_find_dla found."""

import importlib.util
import re
import textwrap

import numpy as np
import pytest
from astropy.io import fits

from desinn.finders.base import shipped_weights
from desinn.io.absorbers import read_dla_catalog
from desinn.nn import write_weights
from desinn.scripts import desi_find_dla, desinn
from desinn.simulate.voigt import voigt_tau
from helpers import sightline_network
from helpers.dla import write_catalogue

pytestmark = pytest.mark.runs("picca DlaMask")

PLACE = (10.0, 5.0)
"""RA and DEC of all quasars, so that they share a pixel of the sky."""

SETTINGS = """\
[general]
out dir = {out}
num processors = 1
[data]
type = DesiHealpix
catalogue = {catalogue}
input directory = {folder}
[expected flux]
type = Dr16ExpectedFlux
"""
"""What picca needs to know beside its masks, which the documents have."""


@pytest.fixture(scope="module", autouse=True)
def _picca():
    if importlib.util.find_spec("picca") is None:
        pytest.skip("picca is not installed: run these tests with make integration")


@pytest.fixture(scope="module")
def sightlines(tmp_path_factory):
    """A coadd where DESI's releases have it, and the catalogue of its quasars."""
    import healpy

    folder = tmp_path_factory.mktemp("release")
    pixel = healpy.ang2pix(64, *PLACE, nest=True, lonlat=True)
    coadd = folder / "main" / "dark" / f"{pixel // 100}" / f"{pixel}"
    coadd.mkdir(parents=True)
    coadd /= f"coadd-main-dark-{pixel}.fits"
    words = ["simulate", "dla", "-n", "40", "--seed", "3", "--templates", "none"]
    assert desinn.main([*words, "--no-resolution", "-o", str(coadd)]) == 0
    quasars = fits.getdata(coadd.with_name(f"{coadd.stem}-truth.fits"), "ZCATALOG")
    size = len(quasars)
    columns = {
        "TARGET_RA": np.full(size, PLACE[0]),
        "TARGET_DEC": np.full(size, PLACE[1]),
        "SURVEY": np.full(size, "main", "S4"),
        "COADD_LASTNIGHT": np.full(size, 20210101),
    }
    catalogue = folder / "QSO_cat.fits"
    write_catalogue(catalogue, quasars["TARGETID"], quasars["Z"], **columns)
    return folder, coadd, catalogue


@pytest.fixture(scope="module")
def find(sightlines, tmp_path_factory):
    """Return a function that runs desi_find_dla with some options and returns its catalogue.

    Without the network that comes with desinn one that calls everything dark a DLA will do: what
    picca makes of the rows is asked here, not whether they are right.
    """
    _, coadd, catalogue = sightlines
    folder = tmp_path_factory.mktemp("found")
    weights = folder / "dark.npz"
    write_weights(weights, sightline_network.header(), sightline_network.arrays())
    model = "dla" if "dla" in shipped_weights() else weights

    def find(name, *options):
        path = folder / name
        words = ["-i", coadd, "-o", path, "-q", catalogue, "-m", model, *options]
        assert desi_find_dla.main([str(word) for word in words]) == 0
        return path

    return find


@pytest.fixture(scope="module")
def dlacat(find):
    return find("dlacat.fits", "--min-confidence", "0.9")


@pytest.fixture
def masked(sightlines, repository, tmp_path):
    """Return a function that lets picca mask with a catalogue, as the documents say.

    It returns TARGETID -> the wavelengths of a forest, and which of them picca kept.
    """
    from picca.delta_extraction.survey import Survey

    folder, _, catalogue = sightlines
    text = (repository / "doc" / "desi_find_dla.rst").read_text(encoding="ascii")
    [block] = re.findall(r"\.\. code-block:: ini\n\n((?:   .*\n|\n)+)", text)
    rest = SETTINGS.format(out=tmp_path / "deltas", catalogue=catalogue, folder=folder)

    def masked(dlacat):
        masks = textwrap.dedent(block).replace("dlacat.fits", str(dlacat))
        (tmp_path / "picca.ini").write_text(rest + masks)
        survey = Survey()
        survey.load_config(str(tmp_path / "picca.ini"))
        survey.read_masks()
        assert [type(mask).__name__ for mask in survey.masks] == ["DlaMask"]
        survey.read_data()
        before = {forest.targetid: 10**forest.log_lambda for forest in survey.data.forests}
        survey.apply_masks()
        after = {forest.targetid: 10**forest.log_lambda for forest in survey.data.forests}
        return {key: (wave, np.isin(wave, after[key])) for key, wave in before.items()}

    return masked


def transmission(wave, absorbers):
    """Return what a quasar's absorbers let through."""
    tau = np.zeros(wave.size)
    for row in absorbers:
        for line in ("Lya", "Lyb"):
            tau += voigt_tau(wave, row["Z_DLA"], row["NHI"], line=line)
    return np.exp(-tau)


def test_what_is_in_the_catalogue_is_masked_and_nothing_else(dlacat, masked):
    found, _ = read_dla_catalog(dlacat)
    forests = masked(dlacat)
    assert len(forests) > 20
    inside = 0
    for targetid, (wave, kept) in forests.items():
        here = found[(found["TARGETID"] == targetid) & found["IN_CATALOG"]]
        through = transmission(wave, here)
        assert not kept[through < 0.7].any()  # picca's limit is 0.8
        assert kept[through > 0.9].all()
        inside += np.count_nonzero(through < 0.01)
    assert inside > 100


def test_candidates_mask_nothing(dlacat, masked):
    found, _ = read_dla_catalog(dlacat)
    forests, alone = masked(dlacat), 0
    for row in found[~found["IN_CATALOG"]]:
        others = found[(found["TARGETID"] == row["TARGETID"]) & found["IN_CATALOG"]]
        wave, kept = forests.get(row["TARGETID"], (np.empty(0), np.empty(0, bool)))
        core = (transmission(wave, [row]) < 0.1) & (transmission(wave, others) > 0.9)
        assert kept[core].all()
        alone += core.any()
    assert alone > 5


def test_an_empty_catalogue_masks_nothing(find, masked):
    path = find("empty.fits", "--min-nhi", "29")
    assert fits.getheader(path, "DLACAT")["NAXIS2"] == 0
    assert fits.getheader(path, "CANDIDATES")["NAXIS2"] > 0
    forests = masked(path)
    assert len(forests) > 20
    assert all(kept.all() for _, kept in forests.values())

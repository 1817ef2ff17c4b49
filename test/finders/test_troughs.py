"""Broad absorption: where it is, what is masked, what is flagged."""

import numpy as np
import pytest

from desinn.finders.absorbers import ABSORBER, LYA, SIGHTLINE, DLAFlag, SightlineFlag
from desinn.finders.troughs import LINES, mark_troughs, mask_troughs, troughs
from desinn.spectra import Camera, Spectra

C = 299792.458


def spectra_of(rows):
    wave = np.arange(3600.0, 6000.0, 1.0)
    shape = (rows, wave.size)
    mask = np.zeros(shape, "u4")
    blue = Camera(wave, np.ones(shape, "f4"), np.full(shape, 2, "f4"), mask)
    red = Camera(wave + 2000, np.ones(shape), np.full(shape, 3.0))
    return Spectra(np.arange(rows), {"b": blue, "r": red})


def masked_in(spectra, row, name="b"):
    camera = spectra.cameras[name]
    return camera.wave[camera.ivar[row] == 0]


@pytest.mark.parametrize("name", ["Lya", "CIV", "NV", "SiIV 1393", "OVI 1031", "Lyb"])
def test_troughs_are_blueward_of_each_line(name):
    first, last = troughs([2.5], [[3000.0]], [[6000.0]])
    number = list(LINES).index(name)
    assert first.shape == (1, len(LINES))
    assert first[0, number] == pytest.approx(LINES[name] * 3.5 * (1 - 6000 / C), abs=1e-9)
    assert last[0, number] == pytest.approx(LINES[name] * 3.5 * (1 - 3000 / C), abs=1e-9)


def test_wavelengths_of_the_lines():
    expected = {"Lya": 1215.67, "NV": 1240.81, "CIV": 1549.06, "Lyb": 1025.72}
    assert {name: round(LINES[name], 2) for name in expected} == expected
    assert (LINES["SiIV 1393"] + LINES["SiIV 1402"]) / 2 == pytest.approx(1398, abs=0.5)
    assert (LINES["OVI 1031"] + LINES["OVI 1037"]) / 2 == pytest.approx(1034, abs=1)


@pytest.mark.parametrize(
    ("vmin", "vmax"), [(-1, -1), (0, 0), (np.nan, np.nan), (-99, 500), (900, 500), (5, np.inf)]
)
def test_what_stands_for_no_trough(vmin, vmax):
    first, last = troughs([2.5, 2.5], [[vmin], [100]], [[vmax], [900]])
    assert np.isnan(first[0]).all()
    assert np.isnan(last[0]).all()
    assert np.isfinite(first[1]).all()
    spectra = spectra_of(1)
    assert mask_troughs(spectra, [2.5], [[vmin]], [[vmax]]) is spectra


def test_a_redshift_that_is_not_known():
    assert np.isnan(troughs([np.nan], [[100.0]], [[900.0]])[0]).all()


def test_pixels_in_troughs_have_no_weight():
    spectra = spectra_of(2)
    masked = mask_troughs(
        spectra, [2.5, 2.5], [[-1, -1], [5000, 20000]], [[-1, -1], [7000, 22000]]
    )
    assert masked_in(masked, 0).size == 0
    lost = masked_in(masked, 1)
    for low, high in ((5000, 7000), (20000, 22000)):
        ends = LYA * 3.5 * (1 - high / C), LYA * 3.5 * (1 - low / C)
        wave = spectra.cameras["b"].wave
        inside = wave[(wave > ends[0]) & (wave < ends[1])]
        assert np.isin(inside, lost).all()
        assert not np.isin(np.floor(ends[1]) + 1, lost)
    # Nowhere redward of the last trough of CIV.
    assert lost.max() == np.floor(1549.06 * 3.5 * (1 - 5000 / C))
    assert masked_in(masked, 1, "r").size == 0
    # The input is as it was, and the rest is shared.
    assert (spectra.cameras["b"].ivar == 2).all()
    assert masked.cameras["b"].flux is spectra.cameras["b"].flux
    assert masked.cameras["b"].mask is spectra.cameras["b"].mask
    assert masked.cameras["b"].ivar.dtype == np.float32
    assert (masked.targetid == spectra.targetid).all()


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"found shapes \(1,\), \(2, 1\), \(2, 1\)"):
        troughs([2.5], [[1.0], [1.0]], [[2.0], [2.0]])
    with pytest.raises(ValueError, match="z: expected 2, one for each spectrum, found 1"):
        mask_troughs(spectra_of(2), [2.5], [[1.0]], [[2.0]])


@pytest.mark.parametrize("masked", [True, False])
def test_flags(masked):
    """Absorbers at, within and beside the ends of a trough; another quasar has none."""
    z = [2.5, 2.5]
    velocity = np.array([4900.0, 5100.0, 6900.0, 7100.0])
    seen = 3.5 * (1 - velocity / C) - 1
    absorbers = np.zeros(5, ABSORBER)
    absorbers["ROW"], absorbers["Z_DLA"] = [1, 1, 1, 1, 0], [*seen, seen[1]]
    absorbers["DLAFLAG"][1] = DLAFlag.ZBOUNDARY
    lines = np.zeros(2, SIGHTLINE)
    lines["SIGHTLINE_FLAG"] = SightlineFlag.NON_FINITE
    mark_troughs(absorbers, lines, z, [[-1], [5000]], [[-1], [7000]], masked)
    flag = DLAFlag.POTENTIAL_BAL
    assert absorbers["DLAFLAG"].tolist() == [0, flag | DLAFlag.ZBOUNDARY, flag, 0, 0]
    bit = SightlineFlag.TROUGHS_MASKED if masked else 0
    assert lines["SIGHTLINE_FLAG"].tolist() == [4, 4 | bit]


@pytest.mark.parametrize(("line", "flag"), [("NV", 4), ("PV 1128", 0), ("OVI 1031", 0)])
def test_only_dark_lines_speak_against_an_absorber(line, flag):
    """As the DLA Toolkit has it: the others are masked, but too weak to look like a DLA."""
    absorbers, lines = np.zeros(1, ABSORBER), np.zeros(1, SIGHTLINE)
    absorbers["Z_DLA"] = 3.5 * (1 - 6000 / C) * LINES[line] / LINES["Lya"] - 1
    mark_troughs(absorbers, lines, [2.5], [[5000.0]], [[7000.0]])
    assert absorbers["DLAFLAG"].tolist() == [flag]


def test_no_absorbers():
    absorbers, lines = np.zeros(0, ABSORBER), np.zeros(1, SIGHTLINE)
    mark_troughs(absorbers, lines, [2.5], [[100.0]], [[900.0]])
    assert lines["SIGHTLINE_FLAG"].tolist() == [SightlineFlag.TROUGHS_MASKED]

"""Absorbers by a network over whole sightlines: from spectra to rows and back."""

import numpy as np
import pytest

from desinn.finders.absorber_finder import redshifts_of
from desinn.finders.absorbers import LYA, DLAFlag, SightlineFlag
from desinn.finders.dla import dla_finder, peaks
from desinn.nn import Network
from helpers import sightline_network as dark

DLA = 4000.0
"""Middle of the dark range of the spectra, A."""


def test_finds_what_is_dark():
    found, lines = dark.finder().search(dark.spectra([(1, 3990, 4010)], rows=2), [2.6, 2.6])
    assert len(found) == 1
    assert found["ROW"][0] == 1
    cell = 4e-4 * np.log(10)
    wave = LYA * (1 + found["Z_DLA"][0])
    assert abs(np.log(wave / DLA)) < 7 * cell  # somewhere in the dark
    assert found["NHI"][0] == pytest.approx(dark.NHI)
    assert found["NHI_ERR"][0] == pytest.approx(dark.NHI_ERR)
    error = dark.OFFSET_ERR * cell * (1 + found["Z_DLA"][0])
    assert found["Z_DLA_ERR"][0] == pytest.approx(error, rel=1e-5)
    assert found["ABSORBER_TYPE"][0] == "DLA"
    assert found["DLAFLAG"][0] == 0
    assert (lines["SIGHTLINE_FLAG"] == 0).all()
    assert lines["ZMIN"] == pytest.approx(3600 / LYA - 1)
    assert lines["ZMAX"] == pytest.approx(3.6 * 1220 / LYA - 1)


def test_redshift_of_one_dark_cell():
    """The middle of the cell, and the offset that the network says, to the digit."""
    finder = dark.finder(floor=0.05, threshold=0.4)
    cell = 120
    edges = 10 ** (dark.GRID.start + 4e-4 * np.array([cell, cell + 1]))
    (found, _) = finder.search(dark.spectra([(0, *edges)]), [2.6])
    middle = dark.GRID.start + 4e-4 * (cell + 0.5 + dark.OFFSET)
    assert len(found) == 1
    assert found["Z_DLA"][0] == pytest.approx(10**middle / LYA - 1, abs=2e-6)


def test_rows_do_not_depend_on_company():
    """Sightlines of other lengths, and many of them, change nothing."""
    z = np.array([2.1, 2.6, 3.1, 4.5])
    many = dark.spectra([(k, 3700, 3730) for k in range(4)], rows=4)
    together, lines = dark.finder().search(many, z)
    for row in range(4):
        alone, line = dark.finder().search(many[[row]], z[[row]])
        mine = together[together["ROW"] == row]
        for name in set(mine.dtype.names) - {"ROW"}:
            if mine[name].dtype.kind == "f":
                assert mine[name] == pytest.approx(alone[name], abs=1e-6)
            else:
                assert (mine[name] == alone[name]).all()
        assert line["ZMAX"] == lines["ZMAX"][row]


def test_masked_pixels_are_no_absorber():
    spectra = dark.spectra([(0, 3990, 4010)])
    for camera in spectra.cameras.values():
        camera.ivar[:, (camera.wave > 3970) & (camera.wave < 4030)] = 0
    found, _ = dark.finder().search(spectra, [2.6])
    assert not len(found)


def test_mostly_masked_absorber_is_flagged():
    spectra = dark.spectra([(0, 3990, 4010)])
    for camera in spectra.cameras.values():
        near, seen = np.abs(camera.wave - DLA) < 40, np.abs(camera.wave - DLA) < 6
        camera.ivar[:, near & ~seen] = 0
    found, _ = dark.finder().search(spectra, [2.6])
    assert found["DLAFLAG"].tolist() == [DLAFlag.FEW_PIXELS]


@pytest.mark.parametrize(
    ("z", "change", "flag"),
    [
        (np.nan, None, SightlineFlag.OUT_OF_RANGE),
        (1.5, None, SightlineFlag.OUT_OF_RANGE),
        (-3.0, None, SightlineFlag.OUT_OF_RANGE),
        (20.0, None, SightlineFlag.OUT_OF_RANGE),
        (1e308, None, SightlineFlag.OUT_OF_RANGE),
        (2.6, "ivar", SightlineFlag.NO_DATA),
        (2.6, "sign", SightlineFlag.NOT_NORMAL),
    ],
)
def test_what_cannot_be_searched(z, change, flag):
    """It keeps its row, with a flag, and costs the others nothing."""
    spectra = dark.spectra([(1, 3990, 4010)], rows=2)
    for camera in spectra.cameras.values():
        if change == "ivar":
            camera.ivar[0] = 0
        if change == "sign":
            camera.flux[0] *= -1
    found, lines = dark.finder().search(spectra, [z, 2.6])
    assert lines["SIGHTLINE_FLAG"].tolist() == [flag, 0]
    assert np.isnan(lines["ZMIN"][0])
    assert found["ROW"].tolist() == [1]


def test_no_spectra():
    found, lines = dark.finder().search(dark.spectra(rows=1)[[]], [])
    assert not len(found)
    assert not len(lines)


def test_find_is_the_catalogue():
    spectra = dark.spectra([(0, 3990, 4010), (0, 3600, 3612)], rows=2)
    table = dark.finder().find(spectra, [2.6, 2.6])
    assert table["TARGETID"].tolist() == [100]  # the other is at the end of the range
    assert table["Z_QSO"].tolist() == [2.6]
    assert len(dark.finder().find(spectra, [2.6, 2.6], min_nhi=21)) == 0
    assert len(dark.finder().find(spectra, [2.6, 2.6], min_confidence=0.9999999)) == 0


def test_trace_shows_the_confidence():
    (one, other) = dark.finder().trace(dark.spectra([(0, 3990, 4010)], rows=2), [2.6, 1.0])
    wave, confidence = one
    assert abs(wave[confidence.argmax()] - DLA) < 25
    assert wave[0] >= 3600
    assert wave[-1] <= 1220 * 3.6
    assert other[0].size == other[1].size == 0


def test_peaks_by_hand():
    confidence = np.zeros((3, 30))
    offset = np.zeros((3, 30))
    confidence[0, 4:9] = [0.5, 0.8, 0.9, 0.7, 0.6]  # one absorber
    confidence[0, 20] = 0.3  # another, candidate
    confidence[1, 3:12] = 0.9  # a plateau whose offsets say that all is at cell 7
    offset[1, 3:12] = 7.0 - np.arange(3, 12)
    row, cell = peaks(confidence, offset, 0.2, 4.0)
    assert sorted(zip(row.tolist(), cell.tolist(), strict=True)) == [(0, 6), (0, 20), (1, 7)]
    row, cell = peaks(confidence, offset, 0.35, 4.0)
    assert sorted(zip(row.tolist(), cell.tolist(), strict=True)) == [(0, 6), (1, 7)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "guess"}, "prepare: method: expected one of"),
        ({"floor": 0.7}, "expected 0 < floor <= threshold < 1"),
        ({"cell": 3}, "expected valid padding and a receptive field"),
        ({"cell": 4}, "expected one output for each cell of 4 bins"),
        ({"apart": 0.5}, "expected apart of 1 or more"),
        ({"metals": []}, r"inputs: expected one of \(\?, 6\)"),
    ],
)
def test_headers_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        dla_finder(Network(dark.header(**changes), dark.arrays()))


def test_outputs_are_checked():
    header = dark.header()
    del header["outputs"]["nhi_lnerr"]
    header["nodes"] = [node for node in header["nodes"] if node["name"] != "nhi_lnerr"]
    arrays = {key: value for key, value in dark.arrays().items() if "nhi_lnerr" not in key}
    with pytest.raises(ValueError, match="outputs: expected confidence, offset, nhi"):
        dla_finder(Network(header, arrays))


@pytest.mark.parametrize("z", [2.6, [2.6], [2.6, 2.6, 2.6]])
def test_one_redshift_for_each_spectrum(z):
    with pytest.raises(ValueError, match="z: expected one for each of 2 spectra"):
        dark.finder().search(dark.spectra(rows=2), z)


def test_a_masked_redshift_is_none():
    """As joined tables have it, with any number behind the mask."""
    z = np.ma.masked_array([2.6, 2.6], mask=[False, True])
    found, lines = dark.finder().search(dark.spectra([(1, 3990, 4010)], rows=2), z)
    assert lines["SIGHTLINE_FLAG"].tolist() == [0, SightlineFlag.OUT_OF_RANGE]
    assert not len(found)


@pytest.mark.parametrize("name", ["Column", "MaskedColumn"])
def test_redshifts_are_a_plain_array(name):
    from astropy import table

    z = redshifts_of([0, 1], getattr(table, name)([2.6, 3.0], unit=""))
    assert type(z) is np.ndarray
    assert z.tolist() == [2.6, 3.0]


def test_the_range_ends_where_the_data_do():
    spectra = dark.spectra([(0, 3990, 4010)], rows=3)
    for camera in spectra.cameras.values():
        camera.ivar[1, camera.wave < 3900] = 0
        camera.ivar[2, (camera.wave < 4290) | (camera.wave > 4310)] = 0  # 20 A of 792
        camera.ivar[2, camera.wave > 4600] = 400
    _, lines = dark.finder().search(spectra, [2.6] * 3)
    assert lines["ZMIN"][0] == pytest.approx(3600 / LYA - 1)
    assert lines["ZMIN"][1] == pytest.approx(3900 / LYA - 1, abs=2e-3)
    assert lines["ZMAX"][1] == pytest.approx(3.6 * 1220 / LYA - 1)
    assert lines["SIGHTLINE_FLAG"].tolist() == [0, 0, SightlineFlag.NO_DATA]


def test_errors_stay_numbers():
    """Whatever a network says of its errors: e^4 cells at most."""
    arrays = dark.arrays()
    arrays["offset_lnerr/bias"][:] = 1e6
    arrays["nhi_lnerr/bias"][:] = -1e6
    finder = dla_finder(Network(dark.header(), arrays))
    found, _ = finder.search(dark.spectra([(0, 3990, 4010)]), [2.6])
    assert found["NHI_ERR"] == pytest.approx(np.exp(-6))
    assert np.isfinite(found["Z_DLA_ERR"]).all()

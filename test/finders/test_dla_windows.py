"""Absorbers by networks of windows: input, header, and what becomes of the outputs."""

import numpy as np
import pytest

from desinn import load_model
from desinn.files import read_yaml
from desinn.finders.absorbers import LYA, DLAFlag, SightlineFlag
from desinn.finders.dla_windows import WindowDLAFinder, WindowInput
from desinn.io.convert import read_foreign
from desinn.io.read import read_spectra
from desinn.nn import Network, WeightsError, write_weights
from desinn.spectra import Camera, Grid, Spectra
from helpers.cases import arrays_for, noise
from helpers.window_network import header

GRID = Grid.log(3.54405, 1e-4, 4730)
WAVE = 10 ** (GRID.start + GRID.step * (np.arange(GRID.size) + 0.5))
QUASAR, ABSORBER = 2.6, 2.3


def finder_of(graph):
    return WindowDLAFinder(Network(graph, arrays_for(graph)))


def with_section(name, **changes):
    graph = header()
    graph[name] = {**graph[name], **changes}
    return graph


class Seer:
    """Stands for the windows of a network: it sees where the flux is 0 over 15 pixels."""

    def __init__(self, nhi=20.8, size=400):
        self.nhi, self.size = nhi, size
        self.seen = []

    def __call__(self, series):
        self.seen.append(series)
        count = len(series) - self.size + 1
        middle = np.arange(count) + self.size // 2
        dark = np.convolve(np.abs(series[:, 0]) < 0.05, np.ones(15), "same") == 15
        edges = np.flatnonzero(np.diff(dark.astype(int), prepend=0, append=0))
        outputs = {name: np.zeros((count, 1), "f4") for name in ("confidence", "offset", "nhi")}
        outputs["nhi"][:] = self.nhi
        for begin, end in edges.reshape(-1, 2):
            place = (begin + end - 1) // 2
            near = np.abs(middle - place) <= 60
            outputs["confidence"][near] = 1
            outputs["offset"][near, 0] = (place - middle)[near]
        return outputs


@pytest.fixture
def finder():
    made = finder_of(header())
    made._windows = Seer()
    return made


def spectra(*absorbers, rows=1, level=2.0, width=20):
    """Return constant spectra on the finder's grid with dark troughs at these redshifts."""
    flux = np.full((rows, WAVE.size), level)
    for z in absorbers:
        place = np.abs(WAVE - LYA * (1 + z)).argmin()
        flux[:, place - width : place + width + 1] = 0
    return Spectra(np.arange(7, 7 + rows), {"boss": Camera(WAVE, flux, np.full(flux.shape, 4.0))})


def test_absorbers_are_found_where_they_are(finder):
    found, lines = finder.search(spectra(ABSORBER, 2.1, rows=2), [QUASAR, QUASAR])
    assert found["ROW"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(found["Z_DLA"], [2.1, ABSORBER] * 2, atol=4e-4)
    assert np.isnan(found["Z_DLA_ERR"]).all()
    np.testing.assert_allclose(found["NHI_ERR"], 0, atol=1e-6)
    assert found["ABSORBER_TYPE"].tolist() == ["DLA"] * 4
    assert not found["DLAFLAG"].any()
    np.testing.assert_allclose(found["DLA_CONFIDENCE"], 1)
    assert lines["TARGETID"].tolist() == [7, 8]
    np.testing.assert_allclose(lines["ZMIN"], 3600 / LYA - 1)
    np.testing.assert_allclose(lines["ZMAX"], 1220 * 3.6 / LYA - 1)
    # The Toolkit's S/N per 0.8 A: flux 2, ivar 4, pixels of 1e-4 dex
    per_pixel = np.sqrt(0.8 / (np.log(10) * 1e-4 * 1450 * 3.6))
    np.testing.assert_allclose(lines["SNR_REDSIDE"], 4 * per_pixel, rtol=0.01)


def test_the_published_correction_is_applied(finder):
    nhi = finder.search(spectra(ABSORBER), [QUASAR])[0]["NHI"]
    m = np.float64(np.float32(20.8))
    terms = (0.0028149011 * m**3, -0.0646188011 * m**2, -0.0042565617 * m, 23.5553179)
    assert nhi == pytest.approx([sum(terms)], abs=1e-5)
    assert finder.search(spectra(ABSORBER), [QUASAR])[0]["NHI"][0] != pytest.approx(20.8, abs=0.01)
    plain = finder_of(with_section("interpret", nhi_correction=[]))
    plain._windows = Seer()
    assert plain.search(spectra(ABSORBER), [QUASAR])[0]["NHI"] == pytest.approx([20.8])


def test_find_gives_what_a_catalogue_holds(finder):
    table = finder.find(spectra(ABSORBER), [QUASAR])
    assert table.colnames[:4] == ["TARGETID", "Z_QSO", "SNR_FOREST", "SNR_REDSIDE"]
    assert (len(table), table["TARGETID"][0], table["Z_QSO"][0]) == (1, 7, QUASAR)
    assert len(finder.find(spectra(ABSORBER), [QUASAR], min_nhi=21.0)) == 0
    finder._windows = Seer(nhi=19.9)
    assert len(finder.find(spectra(ABSORBER), [QUASAR])) == 0
    assert len(finder.find(spectra(ABSORBER), [QUASAR], min_nhi=19.0)) == 1


def test_absorbers_beyond_the_searched_range_are_none(finder):
    found, _ = finder.search(spectra(2.0, 2.72), [QUASAR])  # 2.72: at rest 1256 A of the quasar
    np.testing.assert_allclose(found["Z_DLA"], [2.0], atol=4e-4)
    found, lines = finder.search(spectra(2.59), [QUASAR])
    assert found["DLAFLAG"].tolist() == [DLAFlag.PROXIMATE]
    assert lines["SIGHTLINE_FLAG"][0] == 0


def test_what_cannot_be_searched_says_why(finder):
    both = spectra(ABSORBER, rows=5)
    camera = both.cameras["boss"]
    camera.ivar[2] = 0
    camera.flux[3] *= -1
    camera.flux[4, 3000] = np.nan
    found, lines = finder.search(both, [np.nan, 1.5, QUASAR, QUASAR, QUASAR])
    assert found["ROW"].tolist() == [4]
    flags = lines["SIGHTLINE_FLAG"]
    assert flags[:2].tolist() == [SightlineFlag.OUT_OF_RANGE] * 2
    assert flags[2] == SightlineFlag.NO_DATA
    assert flags[3] == SightlineFlag.NOT_NORMAL
    assert flags[4] == SightlineFlag.NON_FINITE
    assert np.isnan(lines["ZMIN"][:4]).all()


def test_no_spectra_at_all(finder):
    found, lines = finder.search(spectra(rows=0), [])
    assert (len(found), len(lines)) == (0, 0)
    assert len(finder.find(spectra(rows=0), [])) == 0


def test_masked_pixels_are_no_absorbers(finder):
    masked = spectra()
    place = np.abs(WAVE - LYA * (1 + ABSORBER)).argmin()
    masked.cameras["boss"].flux[0, place - 40 : place + 40] = 0
    assert len(finder.search(masked, [QUASAR])[0]) == 1
    masked.cameras["boss"].ivar[0, place - 40 : place + 40] = 0
    assert len(finder.search(masked, [QUASAR])[0]) == 0


def test_an_absorber_without_data_in_its_core_is_flagged(finder):
    seen = spectra(ABSORBER)
    place = np.abs(WAVE - LYA * (1 + ABSORBER)).argmin()
    seen.cameras["boss"].ivar[0, place - 12 : place + 13] = 0
    found, _ = finder.search(seen, [QUASAR])
    assert found["DLAFLAG"].tolist() == [DLAFlag.FEW_PIXELS]


def test_the_series_holds_a_window_about_each_pixel():
    given = WindowInput.from_header(header())
    flux = np.arange(GRID.size, dtype=float) + 1
    ivar = np.ones(GRID.size)
    first, series = given.series(flux, ivar, QUASAR, 2.0)
    inside = np.flatnonzero((WAVE >= 3600) & (WAVE <= 1346 * 3.6))
    assert first == inside[0]
    assert (len(series) - 399, series.dtype) == (len(inside), np.float32)
    assert series[200, 0] == flux[first] / 2
    # Below the first pixel stands the mean of the first 50.
    missing = 200 - first
    assert missing > 0
    np.testing.assert_allclose(series[:missing, 0], flux[:50].mean() / 2)
    assert series[missing, 0] == flux[0] / 2


def test_the_series_beyond_the_red_end():
    given = WindowInput.from_header(header())
    flux, ivar = np.arange(GRID.size, dtype=float), np.ones(GRID.size)
    ivar[1300:] = 0
    first, series = given.series(flux, ivar, QUASAR, 1.0)
    assert first + len(series) - 400 == 1299
    np.testing.assert_allclose(series[-199:, 0], flux[1250:1300].mean())
    assert series[-200, 0] == 1299


def test_gaps_are_bridged_by_a_straight_line():
    given = WindowInput.from_header(header())
    flux, ivar = np.full(GRID.size, 2.0), np.ones(GRID.size)
    flux[1000:1009], ivar[1000:1009] = 99.0, 0
    flux[1009:] = 12.0
    first, series = given.series(flux, ivar, QUASAR, 1.0)
    np.testing.assert_allclose(series[999 - first + 200 : 1010 - first + 200, 0], np.arange(2, 13))


def test_medians_are_further_channels():
    given = WindowInput.from_header(header(medians=(3, 7)))
    flux, ivar = np.abs(noise((GRID.size,), 4)).astype("f8"), np.ones(GRID.size)
    first, series = given.series(flux, ivar, QUASAR, 1.0)
    assert series.shape[1] == 3
    for channel, width in ((1, 3), (2, 7)):
        for place in (first, first + 300):
            around = flux[place - width // 2 : place + width // 2 + 1]
            assert series[place - first + 200, channel] == pytest.approx(np.median(around))


@pytest.mark.parametrize("case", ["no data", "elsewhere"])
def test_nothing_to_look_at(case):
    given = WindowInput.from_header(header())
    ivar = np.zeros(GRID.size)
    if case == "elsewhere":
        ivar[-10:] = 1
    _, series = given.series(np.ones(GRID.size), ivar, QUASAR, 1.0)
    assert series.shape == (0, 1)


def outputs_of(finder, *absorbers, votes=60, size=1200):
    """Return outputs of windows: so many on either side of each (place, nhi) see it."""
    outputs = {name: np.zeros((size, 1), "f4") for name in ("confidence", "offset", "nhi")}
    for place, nhi in absorbers:
        near = np.arange(place - votes, place + votes + 1)
        outputs["confidence"][near, 0], outputs["offset"][near, 0] = 1, place - near
        outputs["nhi"][near] = nhi
    return outputs


def test_interpret_keeps_to_the_published_threshold():
    finder = finder_of(with_section("interpret", nhi_correction=[]))
    for votes, strong in ((7, False), (8, True)):  # 15 / 80 and 17 / 80
        (found,) = finder.interpret(outputs_of(finder, (600, 20.5), votes=votes), 300)
        expected = LYA * (1 + found["Z_DLA"])
        assert expected == pytest.approx(WAVE[900])
        assert found["DLA_CONFIDENCE"] == pytest.approx((2 * votes + 1) / 80)
        assert (found["DLA_CONFIDENCE"] >= finder.min_confidence) == strong
    assert len(finder.interpret(outputs_of(finder, (600, 20.5), votes=4), 300)) == 0


def test_candidates_leave_column_densities_alone():
    finder = finder_of(with_section("interpret", nhi_correction=[]))
    outputs = outputs_of(finder, (600, 20.5))
    near = np.arange(652, 669)  # 17 windows for another absorber nearby: strong
    outputs["confidence"][near, 0], outputs["offset"][near, 0] = 1, 660 - near
    outputs["nhi"][601:, 0] = 21.5
    both = finder.interpret(outputs, 0)
    assert both["NHI"].round(2).tolist() == [20.5, 21.5]
    outputs["confidence"][[652, 653], 0] = 0  # 15 windows: a candidate
    outputs["confidence"][[667, 668], 0] = 0
    both = finder.interpret(outputs, 0)
    assert both["DLA_CONFIDENCE"][1] < 0.2
    assert both["NHI"][0] == pytest.approx((31 * 20.5 + 29 * 21.5) / 60, abs=1e-4)


def test_the_confidence_stands_on_the_side_of_the_decision(monkeypatch):
    from desinn.finders import dla_windows

    finder = finder_of(header())
    sums = np.full(1000, 0.15)
    sums[500] = 0.5
    monkeypatch.setattr(dla_windows, "vote_sums", lambda *_: sums)
    for height, confidence in ((0.19, 0.19), (0.3, 0.5), (0.2, 0.5)):
        monkeypatch.setattr(
            dla_windows, "find_peaks", lambda *_, h=height: (np.array([500]), np.array([h]))
        )
        found = finder.interpret(outputs_of(finder, (500, 20.5)), 0)
        assert found["DLA_CONFIDENCE"] == pytest.approx([confidence])
    sums[500] = 0.1
    assert finder.interpret(outputs_of(finder, (500, 20.5)), 0)["DLA_CONFIDENCE"] >= 0.2


def test_lyman_beta_of_a_stronger_absorber(finder):
    strong, weak = 2.9, 1025.7223 / LYA * 3.9 - 1
    given = spectra(strong, weak)
    outputs = finder._windows

    def seen(series):
        result = outputs(series)
        middle = result["nhi"].shape[0] // 2
        result["nhi"][middle:] = 21.5
        return result

    finder._windows = seen
    found, _ = finder.search(given, [3.0])
    assert found["ABSORBER_TYPE"].tolist() == ["DLA", "DLA"]
    outputs.nhi = 20.0
    found, _ = finder.search(given, [3.0])
    assert found["ABSORBER_TYPE"].tolist() == ["LYB", "DLA"]
    assert found["DLAFLAG"].tolist() == [DLAFlag.LYMAN_BETA, 0]


def test_trace_is_the_confidence_along_the_sightline(finder):
    (nothing, trace) = finder.trace(spectra(ABSORBER, rows=2), [np.nan, QUASAR])
    assert nothing[0].size == nothing[1].size == 0
    wave, confidence = trace
    assert wave.shape == confidence.shape
    assert wave[0] >= 3600
    assert wave[-1] <= 1220 * 3.6
    assert np.abs(wave[confidence == 1].mean() - LYA * (1 + ABSORBER)) < 2


def test_a_real_network_runs_the_whole_way(tmp_path):
    graph = header(medians=(3, 7, 15))
    write_weights(tmp_path / "w.npz", graph, arrays_for(graph))
    finder = load_model(tmp_path / "w.npz")
    assert isinstance(finder, WindowDLAFinder)
    rough = spectra(ABSORBER)
    rough.cameras["boss"].flux += noise((1, WAVE.size), 3)
    found, lines = finder.search(rough, [QUASAR])
    assert found.dtype.names[0] == "ROW"
    assert lines["SIGHTLINE_FLAG"].tolist() == [0]
    (trace,) = finder.trace(rough, [QUASAR])
    assert np.ptp(trace[1]) > 0


WRONG = {
    "prepare: window is missing": ("prepare", {"window": None}),
    "medians: expected odd widths": ("prepare", {"medians": [4]}),
    r"medians: expected odd widths, found \(-3,\)": ("prepare", {"medians": [-3]}),
    "a log grid": ("prepare", {"grid": Grid.linear().to_header()}),
    r"rest: expected \[float, float\], found": ("prepare", {"rest": [900.0]}),
    "inputs: expected one of \\(500, 1\\)": ("prepare", {"window": 500}),
    "valley <= floor <= threshold": ("interpret", {"floor": 0.3}),
    "interpret: votes: expected float": ("interpret", {"votes": "80"}),
}


@pytest.mark.parametrize("message", WRONG)
def test_headers_that_do_not_fit_are_refused(message):
    name, changes = WRONG[message]
    graph = with_section(name, **changes)
    graph[name] = {key: value for key, value in graph[name].items() if value is not None}
    with pytest.raises(ValueError, match=message):
        finder_of(graph)


def test_outputs_that_do_not_fit_are_refused(tmp_path):
    graph = header(outputs={"confidence": "confidence", "offset": "flat", "nhi": "nhi"})
    write_weights(tmp_path / "w.npz", graph, arrays_for(graph))
    with pytest.raises(WeightsError, match=r"w\.npz.*outputs: expected confidence, offset, nhi"):
        load_model(tmp_path / "w.npz")


@pytest.mark.parametrize(("name", "count"), [(400, 2_285_247), (600, 2_297_247)])
def test_published_architectures_have_their_parameters(name, count):
    _, graph = read_yaml(f"dla-published-{name}", "yaml")
    arrays = arrays_for(graph)
    assert sum(array.size for array in arrays.values()) == count
    finder = WindowDLAFinder(Network(graph, arrays))
    assert finder.input.window == name
    assert finder._windows.shared == (2 if name == 400 else 0)


def test_four_channels_follow_one_another_as_published():
    """Rows 0-149 of the network's input hold the flux, four pixels a row; then the medians."""
    _, recipe = read_yaml("dla-published-600", "yaml")
    nodes = [*recipe["nodes"][:2], {"name": "flat", "op": "flatten", "inputs": ["mixed"]}]
    graph = {"inputs": recipe["inputs"], "nodes": nodes, "outputs": {"y": "mixed"}}
    x = noise((2, 600, 4), 3)
    y = Network(graph, {})(x)["y"]
    np.testing.assert_array_equal(y[:, :150].reshape(2, 600), x[:, :, 0])
    np.testing.assert_array_equal(y[:, 150:300].reshape(2, 600), x[:, :, 1])


@pytest.fixture(scope="module")
def parks(reference):
    path = reference / "dla" / "parks2018_full_model_8_13_weights.npz"
    return WindowDLAFinder(Network(*read_foreign(path, "parks2018")))


def test_parks_finds_what_is_in_real_spectra(parks, reference):
    """Four absorbers in six quasars of one plate, and nothing in the two others."""
    found = {}
    for fibre, z in (("0030", 2.37458), ("0198", 2.3198), ("0370", 2.70519), ("0635", 2.41345),
                     ("0714", 2.2231), ("0972", 2.26874)):  # fmt: skip
        one = read_spectra(reference / "spectra" / "boss" / f"spec-3655-55240-{fibre}.fits")
        part, _ = parks.search(one, [z])
        part = part[part["DLA_CONFIDENCE"] >= parks.min_confidence]
        found[fibre] = part["Z_DLA"].round(2).tolist()
    assert found == {"0030": [2.33], "0198": [2.14], "0370": [2.47], "0635": [2.21],
                     "0714": [], "0972": []}  # fmt: skip


def test_parks_takes_desi_spectra(parks, reference):
    mocks = read_spectra(reference / "spectra" / "spectra-16-1375.fits")
    z = {210007799: 1.8768, 210013261: 1.8743, 210012458: 2.0137, 210007439: 1.9802}
    z[210012578] = 2.5948
    found, lines = parks.search(mocks, [z[target] for target in mocks.targetid])
    searched = np.isfinite(lines["ZMIN"])
    assert searched.tolist() == [z[target] > 1.97 for target in mocks.targetid]
    assert np.isin(found["ROW"], np.flatnonzero(searched)).all()

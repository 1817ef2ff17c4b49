"""Sightlines to train on: the input and what is known of it belong together."""

import numpy as np
import pytest

from desinn.finders.absorbers import LYA
from desinn.simulate.sightlines import SightlineSettings
from desinn.train.sightline import SightlineTargets
from desinn.train.sightline_sample import CELLS, SightlineSample
from helpers import sightline_network as dark

SETTINGS = {"snr": (20.0, 0.0), "conditions": "clean", "left": (0.0, 0.1), "zero": 0.0,
            "boost": 2.0}  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    return SightlineSample(SightlineSettings(**SETTINGS), 3, 24, dark.finder())


def test_shape_and_range(sample):
    x = sample.draw(np.random.default_rng(1), [3, 5, 7])
    assert x.shape == (3, *sample.shape)
    assert x.dtype == np.float32
    rest = 10**sample.cells / (1 + sample.truth["TRUEZ"][:, None])
    slack = 1 + 1000 / 299792.458  # of a catalogue's redshift
    assert (rest[sample.searched] >= 911.9 / slack).all()
    assert (rest[sample.searched] <= 1220.1 * slack).all()
    assert (10 ** sample.cells[sample.searched] >= 3600).all()
    # All of the range is there, for the farthest as for the nearest.
    low = np.maximum(912 * (1 + sample.truth["TRUEZ"]), 3600)
    first = 10 ** np.where(sample.searched, sample.cells, np.inf).min(axis=1)
    assert first / low == pytest.approx(1, abs=5e-3)


def test_absorbers_are_dark_where_the_targets_say(sample):
    """The middle of each strong absorber: no flux in the input's first channel, class 1."""
    finder = dark.finder()
    x = sample.draw(np.random.default_rng(1), np.arange(24))
    inner = x[:, finder.halo // 2 : x.shape[1] - finder.halo // 2, :2]
    signal, weight = np.moveaxis(inner.reshape(24, CELLS, 2, 2).mean(axis=2), 2, 0)  # (B, K)
    target = SightlineTargets(sample)[np.arange(24)]
    seen = 0
    for one in sample.absorbers[sample.absorbers["NHI"] > 20.6]:
        place = (np.log10(LYA * (1 + one["Z"])) - sample.cells[one["ROW"], 0]) / sample.cell
        cell = round(float(place))
        if not (0 <= cell < CELLS and sample.searched[one["ROW"], cell]):
            continue
        if weight[one["ROW"], cell] > 0.8:
            seen += 1
            flux = signal[one["ROW"], cell] / weight[one["ROW"], cell] + 1
            assert abs(flux) < 0.2
        assert target[one["ROW"], cell, 0] == 1
        assert abs(target[one["ROW"], cell, 2]) < 4.01
    assert seen > 5


def test_noise_is_drawn_anew_and_by_seed(sample):
    one, same, other = (sample.draw(np.random.default_rng(seed), [2]) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_what_cannot_be_normalised_is_without_data(sample, monkeypatch):
    flux = -np.ones((1, sample.grid.size), np.float32)
    monkeypatch.setattr(sample, "observe", lambda rng, rows: (flux, np.ones_like(flux)))
    x = sample.draw(np.random.default_rng(1), [0])
    assert (x[..., :5] == 0).all()


def test_targets_come_back_as_absorbers(sample):
    """A network that says what it is taught finds each lone absorber at its very redshift."""
    finder, rows = dark.finder(), np.arange(24)
    target = SightlineTargets(sample)[rows]
    said = {"confidence": target[..., 0] * target[..., 1], "offset": target[..., 2],
            "nhi": target[..., 3]}  # fmt: skip
    said |= {name: np.zeros_like(target[..., 0]) for name in ("offset_lnerr", "nhi_lnerr")}
    first = np.rint(finder.input.cell_of(10 ** sample.cells[:, 0])).astype(int)
    outputs = {name: value[..., np.newaxis] for name, value in said.items()}
    found = finder.interpret(outputs, first, sample.truth["TRUEZ"])
    seen = 0
    for one in sample.absorbers[sample.absorbers["NHI"] > 19.5]:
        mine = sample.absorbers[sample.absorbers["ROW"] == one["ROW"]]
        near = np.abs(mine["Z"] - one["Z"]) < 0.03
        place = round(float((np.log10(LYA * (1 + one["Z"])) - sample.cells[one["ROW"], 0])
                            / sample.cell))  # fmt: skip
        if near[mine["NHI"] > 19].sum() > 1 or not 8 < place < CELLS - 16:
            continue
        if not sample.searched[one["ROW"], place - 8 : place + 9].all():
            continue
        seen += 1
        here = found[(found["ROW"] == one["ROW"]) & (np.abs(found["Z_DLA"] - one["Z"]) < 0.01)]
        assert here["Z_DLA"] == pytest.approx([one["Z"]], abs=1e-6)
        assert here["NHI"] == pytest.approx([one["NHI"]], abs=1e-5)
    assert seen > 5

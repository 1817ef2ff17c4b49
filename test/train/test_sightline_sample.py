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

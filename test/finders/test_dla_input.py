"""The channels of a sightline."""

import numpy as np
import pytest

from desinn.finders.dla_input import SightlineInput
from helpers import sightline_network as dark


@pytest.fixture
def given():
    return SightlineInput.from_header(dark.header())


def series(rows=1, ivar=100.0):
    flux = np.full((rows, dark.GRID.size), 2.0)
    return flux, np.full(flux.shape, ivar)


def test_flux_and_weight(given):
    """(f - 1) w and w with w = s / (1 + s), s the squared S/N of the continuum."""
    flux, ivar = series()
    flux[0, 500], ivar[0, 501], ivar[0, 502] = 0, 0, 0.25
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [490], 40)
    assert x.shape == (1, 40, 7)
    assert x.dtype == np.float32
    strong, weak = 400 / 401, 0.5
    assert x[0, 9, :2] == pytest.approx([0, strong])
    assert x[0, 10, :2] == pytest.approx([-strong, strong])
    assert x[0, 11, :2].tolist() == [0, 0]
    assert x[0, 12, :2] == pytest.approx([0, weak])


def test_other_lines_stand_beside(given):
    """A dark bin shows at its own place, and where its Lyman-beta or metal would be asked for."""
    flux, ivar = series()
    flux[0, 1000] = 0
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [0], dark.GRID.size)
    for channel, line in ((0, 1215.67), (2, 1025.7223), (4, 1260.42)):
        shift = round(np.log10(line / 1215.67) / 2e-4)
        assert x[0, :, channel].argmin() == 1000 - shift


def test_metals_against_what_is_around(given):
    """A slope is no line; a line is as deep as it is against the mean around it."""
    flux, ivar = series()
    flux[0] = np.linspace(1, 3, dark.GRID.size)
    flux[0, 1000] *= 0.5
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [0], dark.GRID.size)
    shift = round(np.log10(1260.42 / 1215.67) / 2e-4)
    line = x[0, :, 4]
    assert line[1000 - shift] == pytest.approx(0.5 / (1 - 0.5 / 51) - 1, abs=0.01)
    assert np.abs(np.delete(line[30:1500], range(930 - shift, 1030 - shift))).max() < 0.02


def test_outside_of_the_grid_is_nothing(given):
    flux, ivar = series()
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [-10], 20)
    assert (x[0, :10, :2] == 0).all()
    assert (x[0, 10:, 1] > 0.9).all()
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [dark.GRID.size - 5], 20)
    assert (x[0, 5:, [0, 1, 4]] == 0).all()  # Lyman-beta is further to the blue


def test_where_the_quasar_is(given):
    """The last two channels: 0 at the quasar's Lyman-alpha, and at 3600 A."""
    flux, ivar = series()
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [0], dark.GRID.size)
    at = dark.GRID.wave[np.abs(x[0, :, -2]).argmin()]
    assert at == pytest.approx(1215.67 * 3.6, rel=5e-4)
    assert x[0, 0, -1] == pytest.approx(0, abs=1e-3)


def test_cells_and_wavelengths(given):
    assert given.cell_of(10 ** given.middle([0, 17])) == pytest.approx([0, 17])
    assert given.middle(0) == pytest.approx(dark.GRID.start + 2e-4)
    assert given.width == pytest.approx(4e-4)


def test_headers_that_do_not_fit():
    header = dark.header()
    del header["prepare"]["local"]
    with pytest.raises(ValueError, match="local is missing"):
        SightlineInput.from_header(header)
    for changes, message in (
        ({"rest": [912.0]}, r"rest: expected \[float, float\], found \[912"),
        ({"cell": 0}, "expected a log grid and a cell"),
        ({"metals": [-1.0]}, "expected wavelengths and units above 0"),
        ({"local": -1}, "no negative means or local"),
        ({"lines": []}, "lines: expected 1215"),
    ):
        with pytest.raises(ValueError, match=message):
            SightlineInput.from_header(dark.header(**changes))
    with pytest.raises(ValueError, match=r"lines: expected 1215\.67 first"):
        SightlineInput.from_header(dark.header(lines=[1025.7223, 1215.67]))


def test_means_weigh_with_ivar():
    """Over seven bins, one of which counts nine times: by hand."""
    given = SightlineInput.from_header(dark.header(means=[3]))
    flux, ivar = series(ivar=1.0)
    flux[0, 500], ivar[0, 500] = 0, 9.0
    x = given.channels_of(flux, ivar, [2.6], np.array([2.0]), [490], 40)
    mean, precision = 6 * 2.0 / (6 + 9), (6 + 9) * 4.0
    weight = precision / (1 + precision)
    for place in (7, 10, 13):
        assert x[0, place, 4] == pytest.approx((mean / 2 - 1) * weight)
        assert x[0, place, 5] == pytest.approx(weight)
    assert x[0, 6, 4] == pytest.approx(0, abs=1e-6)


def test_noise_is_not_cut():
    """Bounds are for spikes: an average of what is noisy stays right."""
    given = SightlineInput.from_header(dark.header())
    rng = np.random.default_rng(1)
    flux = rng.normal(0, 5.0, (40, dark.GRID.size))  # nothing there, noise of five continua
    x = given.channels_of(flux, np.full(flux.shape, 1 / 25), np.full(40, 2.6), np.ones(40),
                          np.zeros(40, int), 2000)  # fmt: skip
    assert x[..., 0].mean() / x[..., 1].mean() == pytest.approx(-1, abs=0.05)
    flux[0, 700] = 1e6
    x = given.channels_of(flux, np.full(flux.shape, 1 / 25), np.full(40, 2.6), np.ones(40),
                          np.zeros(40, int), 2000)  # fmt: skip
    assert x[0, 700, 0] <= 20 * x[0, 700, 1] + 1e-6

"""One instrument, two uses: native pixels and bins; each defect by itself."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from desinn.simulate import grid
from desinn.simulate.instrument import BAD, CONDITIONS, SHIFTED, Conditions, Instrument
from desinn.spectra import Camera, Grid, rebin

CLEAN = Conditions.clean()
MAKE = {"desi": Instrument.desi, "boss": Instrument.boss}
ALL = [("desi", False), ("desi", True), ("boss", False), ("boss", True)]


@cache
def instrument(name="desi", binned=True, conditions=CLEAN):
    return MAKE[name](Grid.log() if binned else None, conditions)


def models(rows):
    """Return power laws with one broad line, one row of them 0."""
    slope = np.linspace(-2, 1, rows)[:, None]
    flux = (grid.WAVE / 6000) ** slope * (1 + np.exp(-0.5 * ((grid.WAVE - 5000) / 60) ** 2))
    flux[rows // 2] = 0
    return flux.astype(np.float32)


def expose(one, rows=40, snr=3.0, seed=1):
    pixels = one.project(models(rows))
    exposure = one.expose(np.random.default_rng(seed), pixels, np.full(rows, snr))
    return exposure, pixels


def side_by_side(parts):
    return np.concatenate(list(parts.values()), axis=1)


def differing(**changes):
    """Return flux and ivar with and without a defect; all other random numbers are the same."""
    rows = 60
    found = []
    for conditions in (CLEAN, Conditions.clean(**changes)):
        one = instrument(conditions=conditions)
        exposure, _ = expose(one, rows)
        found.append((side_by_side(exposure.flux), side_by_side(exposure.ivar), exposure))
    return found


def chi2(exposure, pixels):
    """Return the mean squared deviation from the model, in sigmas, row by row."""
    flux, ivar = side_by_side(exposure.flux), side_by_side(exposure.ivar)
    model = exposure.scale[:, None] * side_by_side(pixels)
    return ((flux - model) ** 2 * ivar).mean(axis=1)


@pytest.mark.parametrize(("name", "binned"), ALL)
def test_the_noise_is_what_ivar_says(name, binned):
    one = instrument(name, binned)
    exposure, pixels = expose(one)
    found = chi2(exposure, pixels)
    size = side_by_side(pixels).shape[1]
    assert found.mean() == pytest.approx(1, abs=5 * np.sqrt(2 / size / 40))
    assert found == pytest.approx(1, abs=6 * np.sqrt(2 / size))


@pytest.mark.parametrize(("name", "binned"), ALL)
@pytest.mark.parametrize("noise", [0.0, 0.06])
def test_the_snr_is_as_asked(name, binned, noise):
    one = instrument(name, binned, Conditions.clean(source_noise=noise))
    rows = 9
    asked = np.geomspace(0.2, 60, rows)
    pixels = one.project(models(rows))
    exposure = one.expose(np.random.default_rng(1), pixels, asked)
    source = np.arange(rows) != rows // 2
    np.testing.assert_allclose(exposure.snr[source], asked[source], rtol=1e-4)
    assert exposure.snr[rows // 2] == exposure.scale[rows // 2] == 0
    # The definition itself, from what came out.
    width = np.concatenate([np.diff(arm.edges) for arm in one.arms])
    wave = np.concatenate([arm.wave for arm in one.arms])
    if not binned:
        use = (wave >= 3600) & (wave <= 9824)
        model = exposure.scale[:, None] * side_by_side(pixels)
        quality = model * np.sqrt(side_by_side(exposure.ivar) * 0.8 / width)
        np.testing.assert_allclose(np.median(quality[:, use], axis=1), exposure.snr, rtol=1e-3)


def test_bins_and_native_pixels_agree_on_the_snr():
    scales = [expose(instrument(binned=binned, conditions=CLEAN))[0].scale for binned in (0, 1)]
    np.testing.assert_allclose(scales[0], scales[1], rtol=0.05)


@pytest.mark.parametrize("name", ["desi", "boss"])
@pytest.mark.parametrize("conditions", ["clean", "training"])
def test_bins_are_what_rebinning_native_pixels_gives(name, conditions):
    rows, qso = 150, Grid.log()
    found, scales = [], []
    for binned in (False, True):
        one = instrument(name, binned, CONDITIONS[conditions])
        exposure, _ = expose(one, rows, seed=3)
        flux, ivar = one.bins(exposure, qso)
        found.append((np.delete(flux, rows // 2, 0), np.delete(ivar, rows // 2, 0)))
        scales.append(np.delete(exposure.scale, rows // 2)[:, None])
    (flux, ivar), (bin_flux, bin_ivar) = found
    used = (ivar > 0).any(axis=0)
    np.testing.assert_array_equal(used, (bin_ivar > 0).any(axis=0))
    ratio = bin_ivar.mean(axis=0)[used] / ivar.mean(axis=0)[used]
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    assert abs(ratio - 1).max() < (0.02 if conditions == "clean" else 0.3)
    # The same model on average: noise is all that differs.
    if conditions == "clean":
        error = np.sqrt((1 / ivar[:, used] + 1 / bin_ivar[:, used]).mean(axis=0) / rows)
        # The brightness is found from a part of the pixels: 2 % apart at most.
        bin_flux = bin_flux * scales[0] / scales[1]
        np.testing.assert_allclose(scales[0], scales[1], rtol=0.03)
        pull = (bin_flux - flux)[:, used].mean(axis=0) / error
        assert pull.std() == pytest.approx(1, abs=0.15)
    else:
        spread = [np.std(f * np.sqrt(i)) for f, i in found]
        assert spread[0] == pytest.approx(spread[1], rel=0.3)


def test_noise_free_bins_equal_rebinned_pixels():
    native, binned = instrument("desi", False), instrument("desi", True)
    flux = models(4)
    pixels = native.project(flux)
    cameras = []
    for arm in native.arms:
        ivar = native.layout.ivar[0][native.layout.slices[arm.name]]
        cameras.append(Camera(arm.wave, pixels[arm.name], np.tile(ivar, (4, 1))))
    expected, ivar = rebin(cameras, Grid.log())
    seen = binned.project(flux)
    for name, part in binned.layout.bins.items():
        lone = np.setdiff1d(np.arange(*part.indices(443)), _shared(binned))
        np.testing.assert_allclose(
            seen[name][:, lone - part.start], expected[:, lone], rtol=1e-4, atol=1e-6
        )
    total = np.zeros(443)
    for name, part in binned.layout.bins.items():
        total[part] += binned.layout.ivar[0][binned.layout.slices[name]]
    np.testing.assert_allclose(total, ivar[0], rtol=1e-5)


def _shared(one):
    numbers = np.concatenate([np.arange(*part.indices(443)) for part in one.layout.bins.values()])
    bins, times = np.unique(numbers, return_counts=True)
    return bins[times > 1]


def test_desi_leaves_the_red_bins_empty_and_boss_fills_them():
    for name, filled in (("desi", 436), ("boss", 443)):
        exposure, _ = expose(instrument(name))
        flux, ivar = instrument(name).bins(exposure)
        assert flux.dtype == ivar.dtype == np.float32
        np.testing.assert_array_equal((ivar > 0).all(axis=0), np.arange(443) < filled)
        assert not flux[ivar == 0].any()


def test_the_same_seed_gives_the_same_spectra():
    one = instrument(conditions=Conditions())
    first, again, other = (expose(one, seed=seed)[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(side_by_side(first.flux), side_by_side(again.flux))
    np.testing.assert_array_equal(side_by_side(first.ivar), side_by_side(again.ivar))
    assert not np.array_equal(side_by_side(first.flux), side_by_side(other.flux))


@pytest.mark.parametrize("name", ["training", "shifted"])
@pytest.mark.parametrize(("kind", "binned"), ALL)
def test_all_at_once_is_finite_and_float32(name, kind, binned):
    exposure, pixels = expose(instrument(kind, binned, CONDITIONS[name]), rows=60)
    for part, model in zip(exposure.flux.values(), pixels.values(), strict=True):
        assert part.dtype == np.float32
        assert part.shape == model.shape
        assert np.isfinite(part).all()
    for arm, ivar in exposure.ivar.items():
        assert (ivar >= 0).all()
        assert not exposure.flux[arm][ivar == 0].any()
        np.testing.assert_array_equal(exposure.mask[arm], BAD * (ivar == 0))
    assert len(exposure) == 60


def test_a_projection_is_not_changed_by_an_exposure():
    one = instrument(conditions=Conditions())
    _, pixels = expose(one)
    again = one.project(models(40))
    for name in pixels:
        np.testing.assert_array_equal(pixels[name], again[name])


def test_clean_spectra_have_data_everywhere():
    exposure, _ = expose(instrument())
    assert (side_by_side(exposure.ivar) > 0).all()
    ivar = side_by_side(exposure.ivar)
    np.testing.assert_allclose(ivar, ivar[:1].repeat(len(ivar), axis=0), rtol=1e-5)


@pytest.mark.parametrize("change", ["noise_variation", "blue_variation", "source_noise"])
def test_the_noise_varies(change):
    (_, before, _), (_, after, _) = differing(**{change: 0.3})
    assert not np.allclose(before, after, rtol=0.05)
    red = slice(330, None)
    if change == "blue_variation":
        np.testing.assert_allclose(after[:, red], before[:, red], rtol=1e-6)


def test_bright_skies_make_the_red_noisy():
    (_, before, _), (_, after, _) = differing(sky_brightness=(2.0, 2.0))
    np.testing.assert_allclose(after[:, :150], before[:, :150], rtol=1e-6)
    assert (after[:, 330:] <= before[:, 330:] * 1.0001).all()
    assert (after[:, 330:] < 0.99 * before[:, 330:]).mean() > 0.5
    one = instrument(conditions=Conditions.clean(sky_brightness=(0.5, 2.0)))
    assert np.ptp(expose(one)[0].ivar["z"], axis=0).max() > 0


def test_errors_are_misestimated():
    one = instrument(conditions=Conditions.clean(error_scale=(2.0, 2.0)))
    assert chi2(*expose(one)).mean() == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("change", ["sky_common", "sky_group"])
def test_sky_residuals_stand_at_sky_lines(change):
    (before, ivar, _), (after, same, _) = differing(**{change: 0.3})
    np.testing.assert_array_equal(ivar, same)
    left = (after - before) * np.sqrt(ivar)
    assert abs(left[:, :170]).max() < 1e-3  # below 5300 A
    assert left[:, 330:].std() > 0.2
    strongest = left[:, np.argsort(left.std(axis=0))[-8:]]
    together = np.sign(strongest)[:, :1] == np.sign(strongest)
    # In common: of one sign throughout. By groups: not.
    assert together.all() == (change == "sky_common")


def test_light_is_left_over():
    for change in ("offset", "blue_offset"):
        (before, _, _), (after, _, _) = differing(**{change: 1.0})
        difference = after - before
        assert difference[:, :20].std() > 0.1
        assert (abs(difference[:, 110:200]).max() > 0.1) == (change == "offset")


@pytest.mark.parametrize("change", ["tilt", "ripple", "step"])
def test_calibration_errors_multiply(change):
    one = instrument(conditions=Conditions.clean(**{change: 0.1}))
    exposure, pixels = expose(one, rows=60, snr=1e4)
    rows = np.arange(60) != 30
    gain = np.log(side_by_side(exposure.flux)[rows] / side_by_side(pixels)[rows])
    gain -= np.median(gain, axis=1, keepdims=True)
    good = gain[:, 40:]
    assert 0.03 < good.std() < 0.2
    if change == "step":
        b, r = one.layout.slices["b"], one.layout.slices["r"]
        assert gain[:, b][:, 60:].std(axis=1).max() < 0.02
        jump = gain[:, r].mean(axis=1) - gain[:, b].mean(axis=1)
        assert jump.std() == pytest.approx(0.1 * np.sqrt(2), rel=0.4)


def test_the_shifted_curve_and_resolution_differ():
    plain, shifted = (
        instrument("desi", False, c) for c in (CLEAN, replace(CLEAN, resolution=0.5))
    )
    line = np.zeros((1, grid.SIZE))
    line[0, 2000] = 1
    peaks = [one.project(line)["b"].max() for one in (plain, shifted)]
    assert peaks[1] == pytest.approx(peaks[0] / 2, rel=0.25)
    curve = instrument(conditions=replace(CLEAN, noise_curve=SHIFTED.noise_curve)).layout
    assert not np.allclose(curve.ivar, instrument().layout.ivar, rtol=0.1)
    assert instrument().under(SHIFTED).conditions is SHIFTED


def lost(**changes):
    """Return which part of each pixel's ivar is lost."""
    (_, before, _), (_, after, exposure) = differing(**changes)
    return 1 - after / before, exposure


def test_single_pixels_are_masked():
    part, _ = lost(bad_pixels=0.01)
    assert part.mean() == pytest.approx(0.01, rel=0.5)
    native = instrument("desi", False, Conditions.clean(bad_pixels=0.01))
    exposure, _ = expose(native, rows=20)
    assert (side_by_side(exposure.mask) > 0).mean() == pytest.approx(0.01, rel=0.1)


def test_stretches_are_masked():
    part, _ = lost(stretch=1.0, stretch_length=(60.0, 60.0))
    assert ((part > 0.01).sum(axis=1) > 6).all()
    assert ((part > 0.01) & (part < 0.99)).any()
    native = instrument("desi", False, Conditions.clean(stretch=1.0, stretch_length=(60.0, 60.0)))
    exposure, _ = expose(native, rows=20)
    number = (exposure.mask["b"] > 0).sum(axis=1)
    assert number.max() == 75
    assert (np.diff((exposure.mask["b"] > 0).astype(int), axis=1) == 1).sum(axis=1).max() == 1


@pytest.mark.parametrize("name", ["desi", "boss"])
@pytest.mark.parametrize("end", ["blue", "red"])
def test_ends_are_dead(name, end):
    one = instrument(name, True, Conditions.clean(**{f"cut_{end}": (1.0, 0.02)}))
    exposure, _ = expose(one, rows=60)
    _, ivar = one.bins(exposure)
    dead = ivar == 0
    if end == "blue":
        assert 3 < dead[:, :22].sum(axis=1).mean() < 16
        assert not dead[:, 22:430].any()
    else:
        filled = 436 if name == "desi" else 443
        assert 3 < dead[:, :filled].sum(axis=1).mean() < 16
        assert not dead[:, : filled - 22].any()


def test_one_arm_is_missing():
    part, exposure = lost(missing=1.0)
    gone = np.array([(ivar == 0).all(axis=1) for ivar in exposure.ivar.values()])
    np.testing.assert_array_equal(gone.sum(axis=0), 1)
    assert gone.any(axis=1).all()
    assert set(np.unique(part)) == {0, 1}
    # The S/N is that of what is left.
    source = np.arange(60) != 30
    np.testing.assert_allclose(np.median(exposure.snr[source]), 3, rtol=1e-4)
    assert exposure.snr.max() < 3.001


def test_cosmic_rays_are_narrow_and_not_masked():
    heights = {"spikes": 1.0, "spike_sigmas": (50.0, 50.0)}
    (before, ivar, _), (after, same, _) = differing(**heights)
    np.testing.assert_array_equal(ivar, same)
    hit = abs(after - before) > 0.5 / np.sqrt(ivar)
    assert (hit.sum(axis=1) >= 1).all()
    assert (hit.sum(axis=1) <= 3).all()
    native = instrument("desi", False, Conditions.clean(**heights))
    exposure, pixels = expose(native, rows=20)
    model = exposure.scale[:, None] * side_by_side(pixels)
    pull = (side_by_side(exposure.flux) - model) * np.sqrt(side_by_side(exposure.ivar))
    assert abs(pull).max(axis=1) == pytest.approx(50, abs=8)
    assert (abs(pull) > 20).sum(axis=1).max() == 3


def test_a_neighbour_shines_in_but_not_on_sky_fibres():
    one = instrument(
        conditions=Conditions.clean(
            neighbour=1.0, neighbour_fraction=(0.05, 0.05), neighbour_brightness=(4.0, 4.0)
        )
    )
    exposure, pixels = expose(one, rows=60, snr=1e4)
    model = exposure.scale[:, None] * side_by_side(pixels)
    extra = (side_by_side(exposure.flux) - model) * np.sqrt(side_by_side(exposure.ivar))
    lit = np.median(extra, axis=1) / (1e4 * np.sqrt(1 / np.median(one.layout.share)))
    assert abs(extra[30]).mean() < 2
    assert np.median(lit) == pytest.approx(0.2, rel=0.3)


def test_rows_without_source_are_noise_alone():
    one = instrument("desi", False)
    rows = 5
    pixels = one.project(np.zeros((rows, grid.SIZE)))
    exposure = one.expose(np.random.default_rng(2), pixels, np.zeros(rows))
    np.testing.assert_array_equal(exposure.snr, 0)
    pull = side_by_side(exposure.flux) * np.sqrt(side_by_side(exposure.ivar))
    assert pull.std() == pytest.approx(1, abs=0.02)


def test_a_spectrum_dark_over_most_of_its_length_does_not_outshine_all():
    one = instrument()
    flux = np.zeros((2, grid.SIZE))
    flux[0, grid.WAVE > 8400] = 1
    flux[1, 2000:2010] = 1
    exposure = one.expose(np.random.default_rng(2), one.project(flux), [5, 5])
    assert (exposure.snr < 0.01).all()
    assert (exposure.scale > 0).all()
    pull = side_by_side(exposure.flux) * np.sqrt(side_by_side(exposure.ivar))
    assert 20 < pull[0].max() < 400
    assert 20 < pull[1].max() < 1000


def test_desi_gives_three_cameras_with_resolution():
    one = instrument("desi", False)
    exposure, _ = expose(one, rows=4)
    spectra = one.spectra(exposure, np.arange(4) + 10, header={"A": 1})
    assert list(spectra.cameras) == ["b", "r", "z"]
    assert spectra.header == {"A": 1}
    for name, camera in spectra.cameras.items():
        np.testing.assert_array_equal(camera.flux, exposure.flux[name])
        assert camera.resolution.shape == (4, 11, camera.wave.size)
        assert camera.mask.dtype == np.uint32


def test_boss_gives_one_camera():
    one = instrument("boss", False)
    exposure, _ = expose(one, rows=4)
    (camera,) = one.spectra(exposure, np.arange(4)).cameras.values()
    assert camera.wave.size == 4621
    np.testing.assert_array_equal(camera.flux, side_by_side(exposure.flux))


def test_snr_1_is_as_faint_as_in_the_sky():
    one = instrument("desi", False)
    exposure, _ = expose(one, snr=1.0)
    level = np.median(exposure.flux["r"], axis=1)[exposure.scale > 0]
    assert ((level > 0.3) & (level < 1.5)).all()


def test_what_does_not_fit_is_refused():
    one, native, rng = instrument(), instrument("desi", False), np.random.default_rng(1)
    with pytest.raises(ValueError, match=r"flux: expected shape \(B, 4780\), found \(4780,\)"):
        one.project(np.ones(grid.SIZE))
    bad = models(3)
    bad[1, 2000] = np.nan
    with pytest.raises(ValueError, match="found others in row 1"):
        one.project(bad)
    pixels = one.project(models(3))
    with pytest.raises(ValueError, match=r"snr: expected shape \(3,\), found \(2,\)"):
        one.expose(rng, pixels, [1, 2])
    with pytest.raises(ValueError, match="snr: expected finite numbers not below 0"):
        one.expose(rng, pixels, [1, 2, -1])
    with pytest.raises(ValueError, match=r"\(B, 2751\) for b, found \(3, 208\)"):
        native.expose(rng, pixels, [1, 1, 1])
    with pytest.raises(ValueError, match="for b, found nothing"):
        native.expose(rng, {}, [1, 1, 1])
    exposure = one.expose(rng, pixels, [1, 1, 1])
    with pytest.raises(ValueError, match="expected None, for native pixels"):
        one.spectra(exposure, [1, 2, 3])
    with pytest.raises(ValueError, match="expected the instrument's"):
        one.bins(exposure, Grid.linear())
    with pytest.raises(ValueError, match="expected the instrument's, None"):
        native.bins(exposure)


def test_an_empty_batch_passes():
    one = instrument(conditions=Conditions())
    exposure = one.expose(np.random.default_rng(1), one.project(np.zeros((0, grid.SIZE))), [])
    assert len(exposure) == 0
    assert one.bins(exposure)[0].shape == (0, 443)


def test_a_neighbour_whose_only_bright_arm_is_lost_does_not_blind():
    """What is left of it is next to nothing, so that it was scaled up beyond all measure."""
    flux = models(40)
    dark = flux[:20]
    dark[:, grid.WAVE < 7700] *= 1e-15
    conditions = Conditions.clean(neighbour=1.0, missing=1.0)
    one = instrument(conditions=conditions)
    for seed in range(5):
        exposure = one.expose(np.random.default_rng(seed), one.project(flux), np.full(40, 2.0))
        assert np.abs(one.bins(exposure)[0]).max() < 1e5

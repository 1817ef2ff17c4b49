"""desinn calibrate for networks that find absorbers."""

import fitsio
import numpy as np
import pytest

from desinn.nn import read_weights, write_weights
from desinn.scripts.desinn import main
from helpers import sightline_network as dark
from helpers.absorbers import random_case, write_dlacat, write_truth


@pytest.fixture
def files(tmp_path):
    """Weights, a catalogue whose errors are half of what they should be, and the truth."""
    write_weights(tmp_path / "w.npz", dark.header(), dark.arrays())
    found, truth, lines = random_case(np.random.default_rng(11), 400, stated=0.05, shift=0.08)
    write_dlacat(tmp_path / "found.fits", found, lines)
    write_truth(tmp_path / "truth.fits", truth, lines["TARGETID"])
    return tmp_path


def arguments(folder, out="out.npz"):
    return [
        *("calibrate", str(folder / "w.npz"), "--data", str(folder / "found.fits")),
        *("--truth", str(folder / "truth.fits"), "-o", str(folder / out)),
    ]


def test_errors_and_threshold(files):
    assert main(arguments(files)) == 0
    (header, arrays), (_, before) = (read_weights(files / n) for n in ("out.npz", "w.npz"))
    assert arrays["nhi/bias"] - before["nhi/bias"] == pytest.approx(-0.08, abs=0.02)
    said = header["provenance"]["calibration"]
    for name, factor in (("kernel", 0), ("bias", said["nhi"]["lnerr"])):
        expected = said["nhi"]["slope"] * before[f"nhi_lnerr/{name}"] + factor
        assert arrays[f"nhi_lnerr/{name}"] == pytest.approx(expected, rel=1e-5)
    assert header["interpret"]["threshold"] == said["threshold"]
    assert said["pairs"] > 100
    assert said["set"] == ["truth.fits"]


def test_purity_asked_for(files):
    assert main(arguments(files)) == 0
    assert main([*arguments(files, "pure.npz"), "--min-purity", "0.999"]) == 0
    plain, pure = (
        read_weights(files / name)[0]["interpret"]["threshold"] for name in ("out.npz", "pure.npz")
    )
    assert pure > plain


def test_sightlines_with_little_signal_are_left_out(files):
    assert main(arguments(files)) == 0
    assert main([*arguments(files, "bright.npz"), "--min-snr", "4"]) == 0
    every, bright = (
        read_weights(files / name)[0]["provenance"]["calibration"]["pairs"]
        for name in ("out.npz", "bright.npz")
    )
    assert 0.3 * every < bright < 0.8 * every


def test_a_catalogue_of_another_network(files):
    with fitsio.FITS(str(files / "found.fits"), "rw") as fits:
        fits["DLACAT"].write_key("MODELSHA", "7" * 64)
    with pytest.raises(ValueError, match=r"found.fits: expected a catalogue made with dark"):
        main(arguments(files))


def test_options_for_quasars_are_refused(files):
    with pytest.raises(ValueError, match="--c-thresh: is for qso, found dla"):
        main([*arguments(files), "--c-thresh", "0.5"])
    assert not (files / "out.npz").exists()


def test_the_truth_is_needed(files):
    with pytest.raises(ValueError, match="expected --data with one catalogue"):
        main([*arguments(files)[:4], "-o", str(files / "out.npz")])

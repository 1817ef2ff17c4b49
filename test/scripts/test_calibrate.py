"""desinn calibrate: from a network that is too sure of itself to one that is not."""

import numpy as np
import pytest

from desinn import load_model
from desinn.evaluate.calibration import sigmoid
from desinn.io.desi import TRUTH_HDU, read_coadd, read_truth
from desinn.io.desi_write import write_coadd
from desinn.nn import read_weights, write_weights
from desinn.scripts import calibrate
from desinn.scripts.desinn import main
from helpers.evaluation import truth_of
from helpers.spectra import coadd, quasar_model

ROWS = 300


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A coadd with its truth and a network, one like the other in nothing."""
    folder = tmp_path_factory.mktemp("calibrate")
    rng = np.random.default_rng(1)
    spectra = coadd(rows=ROWS)
    z = rng.uniform(0.1, 4, ROWS)
    rows = [("QSO", "", z[i], 2.0, 100 * (i % 4 == 0)) for i in range(200)]
    truth = truth_of(rows + [("STAR", "", 0.0, 2.0, 0)] * 100)
    write_coadd(folder / "coadd.fits", spectra, {TRUTH_HDU: truth})
    for camera in spectra.cameras.values():
        camera.ivar[7] = 0
    write_coadd(folder / "hole.fits", spectra, {TRUTH_HDU: truth})
    write_weights(folder / "w.npz", *quasar_model())
    return folder


@pytest.fixture
def args(files, tmp_path):
    data = str(files / "coadd.fits")
    out = str(tmp_path / "out.npz")
    return ["calibrate", str(files / "w.npz"), "--data", data, "-o", out]


def outputs(path, files):
    finder = load_model(path)
    return finder.network(finder.prepare(read_coadd(files / "coadd.fits"))[0])


@pytest.mark.parametrize("fraction", [0.05, 0.2])
def test_a_half_of_broad_absorption_means_the_fraction_asked_for(args, files, fraction):
    assert main([*args, "--bal-false", str(fraction)]) == 0
    truth = read_truth(files / "coadd.fits")
    seen = (1548.2049 * (1 + truth["TRUEZ"]) > 3600) & (truth["TRUESPECTYPE"] == "QSO")
    confidence = outputs(args[-1], files)["CIV_BAL"][:, :13].max(axis=1)
    passed = confidence[seen & (truth["BI"] == 0)] > 0.5
    assert passed.mean() == pytest.approx(fraction, abs=1.5 / passed.size)


def test_too_few_without_broad_absorption_are_said(args, caplog):
    main([*args, "--bal-false", "0.001"])
    assert "CIV_BAL: too few examples" in caplog.text


def test_confidences_are_turned_as_the_file_says(args, files):
    assert main(args) == 0
    before, after = outputs(args[1], files), outputs(args[-1], files)
    record = read_weights(args[-1])[0]["provenance"]["calibration"]
    assert (record["spectra"], record["quasars"], record["fit"]) == (300, 200, "boxes")
    assert record["set"] == ["coadd.fits"]
    assert record["prior"] is None
    for name, head in record["heads"].items():
        p = before[name][:, :13].astype(np.float64)
        expected = sigmoid(np.log(p / (1 - p)) / head["temperature"] + head["bias"])
        np.testing.assert_allclose(after[name][:, :13], expected, atol=1e-5)
        np.testing.assert_array_equal(after[name][:, 13:], before[name][:, 13:])
        assert np.abs(expected - p).max() > 0.1
        assert head["error_after"] < head["error_before"]
    assert 0 < record["recommended_c_thresh"] < 1


def test_only_what_has_to_changes(args):
    main(args)
    (header, arrays), (new, new_arrays) = read_weights(args[1]), read_weights(args[-1])
    changed = {name for name in arrays if not np.array_equal(arrays[name], new_arrays[name])}
    both = {f"box{i}/{part}" for i in range(6) for part in ("kernel", "bias")}
    assert changed == both | {"box6/bias"}  # broad absorption has a bias only
    assert new["interpret"] == header["interpret"]
    assert new["nodes"] == header["nodes"]


def test_the_threshold_is_stored_if_asked_for(args):
    main([*args, "--c-thresh", "0.8"])
    assert load_model(args[-1]).c_thresh == 0.8


def test_the_best_boxes_become_reliable(args, caplog):
    main([*args, "--fit", "best"])
    heads = read_weights(args[-1])[0]["provenance"]["calibration"]["heads"]
    lines = [head["error_after"] for name, head in heads.items() if head and name != "CIV_BAL"]
    assert max(lines) < 0.01
    assert "LYA: temperature" in caplog.text
    assert "recommended threshold: 0." in caplog.text


def test_a_prior_is_a_class_mix(args):
    main([*args, "--fit", "best", "--prior", "0.05"])
    few = read_weights(args[-1])[0]["provenance"]["calibration"]
    main([*args, "--fit", "best", "--prior", "0.95", "--overwrite"])
    many = read_weights(args[-1])[0]["provenance"]["calibration"]
    assert (few["prior"], many["prior"]) == (0.05, 0.95)
    assert few["heads"]["MgII"]["bias"] < many["heads"]["MgII"]["bias"]


def test_calibrating_again_changes_little_and_keeps_the_record(args, tmp_path):
    main(args)
    again = str(tmp_path / "again.npz")
    main(["calibrate", args[-1], *args[2:-1], again])
    record = read_weights(again)[0]["provenance"]["calibration"]
    assert "heads" in record["earlier"]
    assert "earlier" not in record["earlier"]
    for name, head in record["heads"].items():
        first = record["earlier"]["heads"][name]["temperature"]
        if 0.06 < first < 19:  # not at the end of what is allowed
            assert head["temperature"] == pytest.approx(1, abs=0.02)


def test_a_line_with_too_few_examples_stays(args, files, tmp_path, caplog):
    truth = tmp_path / "truth.csv"
    rows = [f"{100 + i},QSO,{0.1 + 0.013 * i}" for i in range(200)]
    rows += [f"{300 + i},STAR,0" for i in range(100)]
    truth.write_text("targetid,spectype,z\n" + "\n".join(rows) + "\n")
    main([*args, "--truth", str(truth)])
    assert "CIV_BAL: too few examples, left as it is" in caplog.text
    record = read_weights(args[-1])[0]["provenance"]["calibration"]
    assert record["heads"]["CIV_BAL"] is None
    before, after = outputs(args[1], files), outputs(args[-1], files)
    np.testing.assert_array_equal(before["CIV_BAL"], after["CIV_BAL"])
    truth.write_text("targetid,spectype,z\n100,QSO,1\n")
    with pytest.raises(ValueError, match="no line has enough examples"):
        main([*args, "--truth", str(truth), "--overwrite"])


def test_several_files_and_spectra_that_cannot_be_run(args, files):
    main([*args[:4], str(files / "hole.fits"), *args[4:]])
    assert read_weights(args[-1])[0]["provenance"]["calibration"]["spectra"] == 599


def test_what_is_written_is_what_was_fitted(args, monkeypatch):
    monkeypatch.setattr(calibrate, "TOLERANCE", -1.0)
    with pytest.raises(ValueError, match=r"output LYA: confidences are .* from those fitted"):
        main(args)


def test_the_output_is_checked_before_the_work(args, monkeypatch):
    with pytest.raises(ValueError, match=r"expected a name that ends in \.npz"):
        main([*args[:-1], "out.fits"])
    with pytest.raises(ValueError, match="is an input too"):
        main([*args[:-1], args[1]])
    main(args)
    with pytest.raises(FileExistsError, match="--overwrite"):
        main(args)


def test_only_quasar_networks(args, data, tmp_path):
    weights = str(tmp_path / "c.npz")
    main(["convert", str(data / "torch" / "batchnorm-legacy.pth"), weights])
    with pytest.raises(ValueError, match=r"c\.npz: expected weights of kind 'qso' or 'dla'"):
        main(["calibrate", weights, *args[2:]])


def test_options_for_absorbers_are_refused(args):
    with pytest.raises(ValueError, match="--min-purity: is for dla, found qso"):
        main([*args, "--min-purity", "0.9"])


def test_another_construction_is_refused(args, tmp_path):
    header, arrays = quasar_model()
    for entry in header["nodes"]:
        if entry["name"] == "box3_s":
            entry["op"] = "relu"
    write_weights(tmp_path / "r.npz", header, arrays)
    with pytest.raises(ValueError, match="output MgII: expected concat of sigmoid of dense"):
        main(["calibrate", str(tmp_path / "r.npz"), *args[2:]])

"""desinn evaluate: catalogues, spectra, labels; text, numbers, pictures."""

import json
import os

import numpy as np
import pytest
from astropy.io import fits

from desinn.evaluate.report import Options
from desinn.evaluate.sample import read_sample
from desinn.evaluate.tables import render
from desinn.io.catalogs import write_catalog
from desinn.io.desi import TRUTH_HDU
from desinn.io.desi_write import write_coadd
from desinn.nn import write_weights
from desinn.scripts import evaluate_plots, prompt
from desinn.scripts.desinn import main, parse
from helpers.evaluation import FOUND_ROWS, TRUTH
from helpers.spectra import coadd, quasar_model

PICTURES = ["confidence.png", "dv.png", "rates-snr.png", "rates-z.png", "redshift.png",
            "reliability.png"]  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def files(tmp_path):
    """A simulated coadd with its truth, a catalogue of it, and a network."""
    spectra = coadd(rows=10)
    spectra.cameras["b"].ivar[3] = 0
    for camera in spectra.cameras.values():
        camera.ivar[4] = 0
    write_coadd(tmp_path / "coadd.fits", spectra, {TRUTH_HDU: TRUTH})
    write_catalog(tmp_path / "qso.fits", FOUND_ROWS)
    write_weights(tmp_path / "w.npz", *quasar_model())
    return tmp_path


@pytest.fixture
def catalogue(files):
    return ["evaluate", "qso", f"{files}/qso.fits", "--truth", f"{files}/coadd.fits"]


@pytest.fixture
def spectra(files):
    return ["evaluate", "qso", f"{files}/coadd.fits", "-m", f"{files}/w.npz"]


def numbers(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_catalogue_as_text(catalogue, capsys):
    assert main(catalogue) == 0
    text = capsys.readouterr().out
    assert text.startswith("qso.fits: 10 spectra (1 GALAXY, 5 QSO, 2 SKY, 2 STAR), 1 not run\n")
    assert "0.5   5        3      0.6000 (0.2307-0.8824)" in text


def test_all_forms_say_the_same(catalogue, capsys):
    main([*catalogue, "--format", "json"])
    content = numbers(capsys)
    for form in ("text", "rst"):
        main([*catalogue, "--format", form])
        assert capsys.readouterr().out == render(content, form)


def test_options_reach_the_report(catalogue, capsys):
    main([*catalogue, "--format", "json", "--c-thresh", "0.2", "--n-thresh", "2",
          "--catastrophic", "200", "--bal-thresh", "0.2", "--confidence", "0.5",
          "--failures", "1", "--seed", "5"])  # fmt: skip
    content = numbers(capsys)
    assert content["options"] == {
        "c_thresh": [0.2], "n_thresh": 2, "limit": 200, "bal_thresh": 0.2, "confidence": 0.5,
        "seed": 5, "failures": 1,
    }  # fmt: skip
    assert content["bal"]["bal"]["k"] == 2
    assert len(content["thresholds"][0]["failures"]["missed"]) == 1


def test_spectra_with_their_own_truth(spectra, files, capsys):
    assert main([*spectra, "--format", "json", "--c-thresh", "0"]) == 0
    content = numbers(capsys)
    assert content["rows"] == 10
    assert [row["targetid"] for row in content["not_run"]] == [104]
    assert content["thresholds"][0]["all"]["completeness"]["k"] == 4
    main([*spectra, "--truth", f"{files}/coadd.fits", "--format", "json", "--c-thresh", "0"])
    assert numbers(capsys) == content


def test_files_of_which_the_truth_is_their_own_may_share_targetids(spectra, files, capsys):
    main([*spectra, "--format", "json"])
    one = numbers(capsys)["thresholds"][0]["all"]["completeness"]
    main([*spectra[:3], *spectra[2:], "--format", "json"])
    content = numbers(capsys)
    two = content["thresholds"][0]["all"]["completeness"]
    assert (two["k"], two["n"]) == (2 * one["k"], 2 * one["n"])
    assert content["name"] == "coadd.fits and 1 more"


def boss(path, fiber):
    wave = np.arange(3.5563, 4.0, 1e-3)
    flux = np.random.default_rng(fiber).normal(1, 0.3, wave.size)
    pixels = np.zeros(wave.size, [("flux", "f4"), ("loglam", "f4"), ("ivar", "f4")])
    pixels["flux"], pixels["loglam"], pixels["ivar"] = flux, wave, 4
    fibre = np.array([(3655, 55240, fiber)], [("PLATE", "i4"), ("MJD", "i4"), ("FIBERID", "i4")])
    tables = [fits.BinTableHDU(pixels, name="COADD"), fits.BinTableHDU(fibre, name="SPALL")]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)
    return str(path)


def test_labels_beside_boss_spectra(files, capsys):
    names = [boss(files / f"spec-3655-55240-{fiber:04d}.fits", fiber) for fiber in (30, 31, 32)]
    labels = files / "labels.csv"
    labels.write_text(
        "file,spectype,z,label_source\n"
        "spec-3655-55240-0030.fits,QSO_BAL,2.5,eye\n"
        "spec-3655-55240-0031.fits,STAR,0,eye\n"
        "spec-3655-55240-0032.fits,QSO,1.5,pipeline\n"
    )
    args = ["--truth", str(labels), "--format", "json", "--c-thresh", "0"]
    model = ["-m", f"{files}/w.npz"]
    main(["evaluate", "qso", *names, *args, *model])
    content = numbers(capsys)
    assert content["classes"] == {"QSO": 2, "STAR": 1}
    assert content["thresholds"][0]["class"][1]["subtype"] == ""
    main(["evaluate", "qso", *names, *args, *model, "--label-source", "eye"])
    assert numbers(capsys)["classes"] == {"QSO": 1, "STAR": 1}

    found = FOUND_ROWS[:3].copy()
    found["TARGETID"] = [3655052400030, 3655052400031, 3655052400032]
    write_catalog(files / "boss.fits", found)
    catalogue = ["evaluate", "qso", f"{files}/boss.fits"]
    main([*catalogue, *args])
    assert numbers(capsys)["classes"] == {"QSO": 2, "STAR": 1}
    sample = read_sample([f"{files}/boss.fits"], [str(labels)])
    assert evaluate_plots.failures("folder", sample, Options()) == []  # their spectra: unknown


def test_a_report_in_a_file(catalogue, files, capsys):
    out = files / "report.rst"
    main([*catalogue, "-o", str(out), "--format", "rst"])
    assert out.read_text().startswith("qso.fits: 10 spectra")
    assert capsys.readouterr().out == ""
    with pytest.raises(FileExistsError, match="--overwrite"):
        main([*catalogue, "-o", str(out)])
    main([*catalogue, "-o", str(out), "--overwrite"])
    assert "By class at c > 0.5\n---" in out.read_text()
    with pytest.raises(ValueError, match="is an input too"):
        main([*catalogue, "-o", catalogue[2], "--overwrite"])


@pytest.mark.parametrize("of", ["catalogue", "spectra"])
def test_pictures(of, files, request, monkeypatch):
    monkeypatch.setattr(evaluate_plots, "PANELS", 2)
    folder = files / "pictures"
    # A network that knows nothing misses and finds by chance; the catalogue's are known.
    threshold = "0.5" if of == "catalogue" else "0"
    args = [*request.getfixturevalue(of), "--plot", str(folder), "--c-thresh", threshold]
    main(args)
    made = sorted(os.listdir(folder))
    assert [name for name in made if name in PICTURES] == PICTURES
    failures = [name for name in made if name not in PICTURES]
    if of == "catalogue":
        assert failures == ["catastrophic-01.png", "false-01.png", "missed-01.png"]
    assert "missed-01.png" in failures  # what has no data, too
    for name in made:
        content = (folder / name).read_bytes()
        assert content.startswith(PNG)
        assert len(content) > 3000


@pytest.mark.parametrize(("most", "pages"), [(9, ["01", "02"]), (1, ["01"]), (0, [])])
def test_pages_of_failures(most, pages, catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate_plots, "PANELS", 1)
    monkeypatch.setattr(evaluate_plots, "_save", lambda path, figure: path)
    sample = read_sample([catalogue[2]], [catalogue[4]])
    names = evaluate_plots.failures("folder", sample, Options(failures=most))
    missed = [os.path.basename(name) for name in names if "missed" in name]
    assert missed == [f"missed-{page}.png" for page in pages]


def test_pictures_of_what_is_not_known(files, catalogue):
    """No S/N, no redshift found, one class: nothing of it costs the rest."""
    truth = files / "truth.csv"
    truth.write_text("targetid,spectype,z\n105,STAR,0\n106,STAR,0\n")
    (files / "pictures").mkdir()
    (files / "pictures" / "dv.png").write_bytes(b"older")
    main([*catalogue[:-1], str(truth), "--plot", f"{files}/pictures"])
    assert set(os.listdir(files / "pictures")) == {
        "confidence.png", "dv.png", "rates-z.png", "redshift.png", "reliability.png"
    }  # fmt: skip
    assert (files / "pictures" / "dv.png").read_bytes().startswith(PNG)


def test_the_folder_of_pictures_is_checked_before_the_work(catalogue, files):
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        main([*catalogue, "--plot", f"{files}/qso.fits"])


def test_smoothing_is_weighted_with_ivar():
    flux, ivar = np.array([1.0, 50.0, 3.0, 3.0, 3.0]), np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    smooth = evaluate_plots._smoothed(flux, ivar)
    assert smooth.tolist() == [1, 2, 3, 3, 3]


def test_a_bad_input_is_an_error_not_half_a_report(spectra, files):
    with pytest.raises(FileNotFoundError, match="no such file"):
        main([*spectra[:3], f"{files}/none.fits", *spectra[3:]])
    with pytest.raises(ValueError, match=r"expected a truth HDU"):
        main([*spectra, "--truth", f"{files}/qso.fits"])


def test_another_kind_of_network_is_refused(spectra, data, files):
    weights = f"{files}/c.npz"
    main(["convert", str(data / "torch" / "batchnorm-legacy.pth"), weights])
    with pytest.raises(ValueError, match=r"c\.npz: expected weights of kind 'qso'"):
        main([*spectra[:3], "-m", weights])


@pytest.mark.parametrize(
    "wrong",
    [
        ["--c-thresh", "1"],
        ["--n-thresh", "0"],
        ["--failures", "-1"],
        ["--format", "x"],
        ["--confidence", "0"],
        ["--seed", "-1"],
    ],
)
def test_wrong_options(wrong, catalogue, capsys):
    with pytest.raises(SystemExit) as caught:
        parse([*catalogue, *wrong])
    assert caught.value.code == 2
    assert "error: argument" in capsys.readouterr().err


def test_what_is_wrong_is_one_message_at_the_prompt(catalogue, files, caplog):
    assert prompt.run(main, parse([*catalogue[:2], f"{files}/none.fits"])) == 1
    assert "none.fits: there is no such file" in caplog.text


def test_labels_of_real_spectra_are_read(reference):
    from desinn.io.truth import read_labels

    rows, _ = read_labels(reference / "spectra" / "boss" / "labels.csv")
    kinds, counts = np.unique(rows["TRUESPECTYPE"], return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == {
        "GALAXY": 2, "QSO": 68, "STAR": 20
    }  # fmt: skip
    assert (rows["TRUESUBTYPE"] == "BAL").sum() == 2
    assert (rows["TARGETID"] > 0).all()

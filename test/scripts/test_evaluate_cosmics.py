"""desinn evaluate cosmics: networks, marks of others, text, numbers, pictures."""

import json

import pytest

from desinn.evaluate.cosmic_tables import render_cosmics
from desinn.io.ccd_truth import Truth, read_ccd_truth
from desinn.io.preproc import with_cosmics
from desinn.nn import write_weights
from desinn.scripts.desinn import main
from helpers.cosmic_frames import make_frame, write_frame
from helpers.cosmics import write_finder
from helpers.spectra import quasar_model

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def frames(tmp_path):
    """A science exposure and a bias; a network that marks what is above 100 electrons."""
    names = [
        write_frame(tmp_path / "preproc-r1-00000001.fits", line=[(0, 0)]),
        write_frame(tmp_path / "preproc-b2-00000002.fits", rays=([(0, 0, 1.0)],), CAMERA="b2",
                    KIND="bias", DEVICE="thin"),
    ]  # fmt: skip
    return ["evaluate", "cosmics", *names]


@pytest.fixture
def model(tmp_path):
    return write_finder(tmp_path / "bright.npz")


def numbers(capsys):
    return json.loads(capsys.readouterr().out)


def found(content):
    return content["groups"][0]["completeness"]["k"], content["groups"][0]["completeness"]["n"]


def test_all_forms_say_the_same(frames, model, capsys):
    assert main([*frames, "-m", model, "--format", "json"]) == 0
    content = numbers(capsys)
    assert found(content) == (10, 11)
    assert content["options"]["thresholds"] == {"bright.npz": 0.5}
    for form in ("text", "rst"):
        main([*frames, "-m", model, "--format", form])
        text = capsys.readouterr().out
        assert text == render_cosmics(content, form)
        assert text.startswith("preproc-r1-00000001.fits and 1 more: 2 images, ")


def test_the_threshold(frames, model, capsys):
    main([*frames, "-m", model, "--threshold", "0", "--format", "json", "--confidence", "0.5",
          "--failures", "1"])  # fmt: skip
    content = numbers(capsys)
    assert found(content)[0] == 11
    assert content["options"]["thresholds"] == {"bright.npz": 0}
    assert content["options"]["confidence"] == 0.5
    assert len(content["failures"]["false"]) == 1


def test_the_network_for_each_ccd(frames, model, tmp_path, monkeypatch, capsys):
    from desinn.finders import base

    names = {"cosmics-r": model, "cosmics-b": write_finder(tmp_path / "b.npz", level=1e4)}
    monkeypatch.setattr(base, "shipped_weights", lambda: names)
    main([*frames, "--format", "json"])
    content = numbers(capsys)
    assert content["options"]["thresholds"] == {"cosmics-r": 0.5, "cosmics-b": 0.5}
    assert content["options"]["model"] is None


def test_marks_of_others(frames, tmp_path, capsys):
    frame, truth = make_frame()
    path = str(tmp_path / "marked.fits")
    with_cosmics(frames[2], path, (truth.bits & Truth.TOUCHED > 0) & (frame.image < 100))
    main(["evaluate", "cosmics", path, "--marked", "--format", "json"])
    content = numbers(capsys)
    assert found(content) == (1, 11)
    touched = content["groups"][0]["touched"]
    assert touched["k"] == touched["n"] > 20
    assert content["options"]["model"] == "MASK"
    main(["evaluate", "cosmics", frames[2], "--marked"])
    text = capsys.readouterr().out
    assert "Marked: bits of MASK" in text
    assert "\nAs marked\n" in text
    assert "\nFalse marks near lines, as marked\n" in text


def test_marks_of_others_have_no_threshold(frames, tmp_path, capsys):
    path = str(tmp_path / "marked.fits")
    with_cosmics(frames[2], path, read_ccd_truth(frames[2]).bits & Truth.RAY > 0)
    main(["evaluate", "cosmics", path, "--marked", "--format", "json"])
    content = numbers(capsys)
    points = [*content["groups"][0]["levels"], *content["curve"][0]["points"]]
    assert points
    assert {point["threshold"] for point in points} == {None}
    main(["evaluate", "cosmics", path, "--marked"])
    tables = capsys.readouterr().out.split("\nCompleteness: ")[0].split("\nAll is said")[0]
    assert "Completeness at false-positive rates\n" in tables
    assert "threshold" not in tables


def test_pictures(frames, model, tmp_path, capsys):
    folder = tmp_path / "pictures"
    main([*frames, "-m", model, "--plot", str(folder)])
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["cosmics-frame-b.png", "cosmics-frame-r.png", "cosmics-missed-01.png",
                     "cosmics-rays.png", "cosmics-roc.png"]  # fmt: skip
    assert all(path.read_bytes().startswith(PNG) for path in folder.iterdir())
    main([*frames, "-m", model, "--plot", str(folder), "--threshold", "0"])
    assert (folder / "cosmics-false-01.png").exists()


def test_pictures_of_exposures_without_rays(frames, model, tmp_path, capsys):
    folder = tmp_path / "pictures"
    main([*frames[:2], frames[3], "-m", model, "--plot", str(folder)])
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["cosmics-frame-b.png", "cosmics-rays.png"]


def test_a_report_in_a_file(frames, model, tmp_path, capsys):
    main([*frames, "-m", model, "-o", str(tmp_path / "report.txt")])
    assert "At the networks' own thresholds" in (tmp_path / "report.txt").read_text()
    with pytest.raises(FileExistsError, match="--overwrite"):
        main([*frames, "-m", model, "-o", str(tmp_path / "report.txt")])
    with pytest.raises(ValueError, match="is an input too"):
        main([*frames, "-m", model, "-o", frames[2], "--overwrite"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--truth", "a"], "--truth: images of cosmic rays have their truth in them"),
        (["--marked", "-m", "a.npz"], "--marked: runs no network"),
        (["--marked", "--threshold", "0"], "--marked: runs no network"),
        (["--c-thresh", "0.5"], "--c-thresh: is for qso, found cosmics"),
        (["--within", "1"], "--within: is for dla, found cosmics"),
    ],
)
def test_wrong_options(frames, options, message):
    with pytest.raises(ValueError, match=message):
        main([*frames, *options])


def test_options_of_cosmics_are_for_no_others(frames):
    with pytest.raises(ValueError, match="--marked: is for cosmics, found qso"):
        main(["evaluate", "qso", frames[2], "--marked"])
    with pytest.raises(ValueError, match="--threshold: is for dla or cosmics, found qso"):
        main(["evaluate", "qso", frames[2], "--threshold", "0.4"])


def test_networks_of_other_kinds(frames, tmp_path):
    write_weights(tmp_path / "q.npz", *quasar_model())
    with pytest.raises(
        ValueError, match=r"q\.npz: expected weights of kind 'cosmics', found 'qso"
    ):
        main([*frames, "-m", str(tmp_path / "q.npz")])
    filler = write_finder(tmp_path / "f.npz", output="image")
    with pytest.raises(ValueError, match="expected a network that finds cosmic rays"):
        main([*frames, "-m", filler])


def test_images_without_truth(frames, model, tmp_path):
    from desinn.io.preproc import write_preproc

    write_preproc(tmp_path / "a.fits", make_frame()[0])
    with pytest.raises(ValueError, match=r"a\.fits: without the HDUs TRUTH"):
        main([*frames, str(tmp_path / "a.fits"), "-m", model])
    assert read_ccd_truth(frames[2]).rays.size

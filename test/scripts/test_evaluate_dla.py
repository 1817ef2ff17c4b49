"""desinn evaluate dla: catalogues, text, numbers, pictures."""

import json
import os

import numpy as np
import pytest

from desinn.evaluate.absorber_tables import render_absorbers
from desinn.scripts import prompt
from desinn.scripts.desinn import main, parse
from helpers.absorbers import (
    THRESHOLD,
    found_of,
    lines_of,
    random_case,
    true_of,
    write_dlacat,
    write_truth,
)

PICTURES = ["dla-curve.png", "dla-errors.png", "dla-pulls.png", "dla-rates.png"]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def command(tmp_path):
    """A catalogue whose header states its threshold, and the truth of all its sightlines."""
    found, truth, lines = random_case(np.random.default_rng(1), 120)
    lines["SIGHTLINE_FLAG"][:5] = 1
    cat = write_dlacat(tmp_path / "dla.fits", found, lines, {"MIN_CONF": THRESHOLD})
    return ["evaluate", "dla", cat, "--truth", write_truth(tmp_path / "truth.fits", truth)]


@pytest.fixture
def small(tmp_path):
    """One found, one missed, one false; a sightline without S/N; no threshold is stated."""
    found = found_of((1, 4000, 20.6, 0.9), (1, 4500, 20.6, 0.4), (2, 4800, 20.6, 0.9, 32))
    truth = true_of((1, 4002, 20.5), (2, 4800, 20.5))
    cat = write_dlacat(tmp_path / "dla.fits", found, lines_of((1, 2.0), (2, -1), (3, 9)))
    truth = write_truth(tmp_path / "truth.fits", truth, [1, 2])
    return ["evaluate", "dla", cat, "--truth", truth, "--format", "json"]


def numbers(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_catalogue_as_text(command, capsys):
    assert main(command) == 0
    text = capsys.readouterr().out
    assert text.startswith("dla.fits: 115 sightlines, ")
    assert "Left out: 5 sightlines not searched, 0 without truth, 0 of low S/N;" in text
    assert "All at DLA_CONFIDENCE >= 0.3\n---" in text


def test_all_forms_say_the_same(command, capsys):
    main([*command, "--format", "json"])
    content = numbers(capsys)
    assert content["options"]["threshold"] == THRESHOLD
    for form in ("text", "rst"):
        main([*command, "--format", form])
        assert capsys.readouterr().out == render_absorbers(content, form)


def test_options_reach_the_report(small, capsys):
    main([*small, "--threshold", "0.3"])
    content = numbers(capsys)
    assert content["numbers"]["not_known"] == 1  # the third one
    assert (content["all"]["completeness"]["k"], content["all"]["completeness"]["n"]) == (1, 2)
    assert (content["all"]["purity"]["k"], content["all"]["purity"]["n"]) == (1, 2)
    main([*small, "--threshold", "0.5", "--proximate", "--confidence", "0.5", "--seed", "4",
          "--failures", "0", "--within", "1"])  # fmt: skip
    content = numbers(capsys)
    assert content["options"] == {
        "threshold": 0.5, "min_snr": None, "proximate": True, "within": 1.0, "confidence": 0.5,
        "seed": 4, "failures": 0,
    }  # fmt: skip
    assert (content["all"]["completeness"]["k"], content["all"]["completeness"]["n"]) == (1, 2)
    assert (content["all"]["purity"]["k"], content["all"]["purity"]["n"]) == (1, 2)
    main([*small, "--threshold", "0.3", "--min-snr", "1"])
    content = numbers(capsys)
    assert (content["all"]["sightlines"], content["numbers"]["low_snr"]) == (1, 1)


def test_the_threshold_has_to_be_known(small, tmp_path):
    with pytest.raises(ValueError, match=r"dla\.fits: expected MIN_CONF in the header of DLACAT"):
        main(small)
    catalogs = [
        write_dlacat(tmp_path / f"{i}.fits", found_of(), lines_of((i, 1.0)), {"MIN_CONF": i / 4})
        for i in (1, 2)
    ]
    command = [*small[:2], *catalogs, *small[3:]]
    with pytest.raises(ValueError, match=r"catalogues with one threshold.* found 0\.25, 0\.5"):
        main(command)
    assert main([*command, "--threshold", "0.3"]) == 0


def test_a_report_in_a_file(command, tmp_path, capsys):
    out = tmp_path / "report.rst"
    main([*command, "-o", str(out), "--format", "rst"])
    assert out.read_text().startswith("dla.fits: 115 sightlines")
    assert capsys.readouterr().out == ""
    with pytest.raises(FileExistsError, match="--overwrite"):
        main([*command, "-o", str(out)])
    with pytest.raises(ValueError, match="is an input too"):
        main([*command, "-o", command[2], "--overwrite"])


def test_pictures(command, tmp_path):
    folder = tmp_path / "pictures"
    main([*command, "--plot", str(folder)])
    assert sorted(os.listdir(folder)) == PICTURES
    for name in PICTURES:
        content = (folder / name).read_bytes()
        assert content.startswith(PNG)
        assert len(content) > 5000


def test_pictures_of_few_and_of_nothing(small, tmp_path):
    main([*small, "--threshold", "0.5", "--plot", str(tmp_path / "few")])
    assert sorted(os.listdir(tmp_path / "few")) == PICTURES
    write_dlacat(small[2], found_of(), lines_of((1, 2.0)))
    main([*small, "--threshold", "0.5", "--plot", str(tmp_path / "none")])
    assert sorted(os.listdir(tmp_path / "none")) == ["dla-rates.png"]


def test_pictures_without_errors(small, tmp_path):
    found = found_of((1, 4000, 20.6, 0.9))
    found["NHI_ERR"] = found["Z_DLA_ERR"] = np.nan
    write_dlacat(small[2], found, lines_of((1, 2.0)))
    main([*small, "--threshold", "0.5", "--plot", str(tmp_path / "pictures")])
    assert sorted(os.listdir(tmp_path / "pictures")) == ["dla-curve.png", *PICTURES[1::2]]


def test_what_cannot_be_evaluated_is_one_message(small, tmp_path, caplog):
    assert prompt.run(main, parse([*small[:3], "--threshold", "0.5"])) == 1
    assert "dla.fits: a catalogue has no truth of its own: --truth is needed" in caplog.text
    with pytest.raises(ValueError, match="expected a table DLACAT, found DLA_META"):
        main([*small[:2], small[4], *small[3:], "--threshold", "0.5"])
    with pytest.raises(ValueError, match="no sightline that was searched is in the truth"):
        main([*small, "--threshold", "0.5", "--min-snr", "50"])


@pytest.mark.parametrize(
    "other", [["--c-thresh", "0.5"], ["-m", "qso"], ["--label-source", "x"], ["--n-thresh", "1"]]
)
def test_options_of_another_kind_are_refused(other, small):
    with pytest.raises(ValueError, match=r"is for qso.*, found dla"):
        main([*small, *other])


@pytest.mark.parametrize("other", [["--threshold", "0.5"], ["--proximate"], ["--min-snr", "1"]])
def test_and_those_of_absorbers_for_quasars(other, small):
    with pytest.raises(ValueError, match=r"is for dla.*, found qso"):
        main(["evaluate", "qso", *small[2:], *other])


@pytest.mark.parametrize(
    "wrong", [["--threshold", "1"], ["--min-snr", "0"], ["--within", "-1"], ["--within", "x"]]
)
def test_wrong_options(wrong, small, capsys):
    with pytest.raises(SystemExit) as caught:
        parse([*small, *wrong])
    assert caught.value.code == 2
    assert "error: argument" in capsys.readouterr().err

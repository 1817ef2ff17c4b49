"""desinn convert and desinn info."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from desinn import load_model
from desinn.nn import Network, WeightsError, read_weights
from desinn.scripts import prompt
from desinn.scripts.desinn import main, parse
from helpers import keras_file
from helpers.cases import noise
from helpers.keras_file import OUTPUTS, quasarnet_layers


@pytest.fixture
def weights(tmp_path):
    """A converted QuasarNET."""
    keras_file.write(tmp_path / "q.h5", quasarnet_layers(), OUTPUTS)
    out = str(tmp_path / "q.npz")
    assert main(["convert", str(tmp_path / "q.h5"), out]) == 0
    return out


def test_convert_makes_a_finder(weights):
    assert list(load_model(weights).lines) == ["LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha"]


def test_convert_says_what_it_made(weights, tmp_path, caplog):
    main(["convert", str(tmp_path / "q.h5"), weights, "--name", "tiny", "--overwrite"])
    assert read_weights(weights)[0]["name"] == "tiny"
    assert f"{weights}: tiny, kind qso, 2" in caplog.text


@pytest.mark.parametrize("options", [[], ["--scale", "10", "--normalize", "mean-std"]])
def test_convert_takes_deepcr(data, tmp_path, options):
    out = str(tmp_path / "c.npz")
    main(["convert", str(data / "torch" / "batchnorm-legacy.pth"), out, *options])
    prepare = read_weights(out)[0]["prepare"]
    assert prepare["scale"] == (10.0 if options else 1.0)
    assert prepare["normalize"] == ("mean-std" if options else "none")


def test_convert_does_not_replace_unasked(weights, tmp_path):
    with pytest.raises(FileExistsError, match="--overwrite"):
        main(["convert", str(tmp_path / "q.h5"), weights])


def test_convert_knows_three_endings(tmp_path):
    with pytest.raises(
        ValueError, match=r"expected a name that ends in one of \.npz \.onnx \.ker"
    ):
        main(["convert", "q.h5", str(tmp_path / "q.h5")])


def test_convert_goes_out_and_comes_back(weights, tmp_path, caplog):
    pytest.importorskip("onnx", reason="onnx is not installed (pip install desinn[onnx])")
    out, back = str(tmp_path / "q.onnx"), str(tmp_path / "back.npz")
    main(["convert", weights, out, "--name", "far"])
    assert f"{out}: far, kind qso, " in caplog.text
    main(["convert", out, back])
    assert (read_weights(back)[0]["kind"], read_weights(back)[0]["name"]) == ("free", "q")
    x = noise((2, 443, 1), 1)
    expected, result = (Network(*read_weights(path))(x) for path in (weights, back))
    assert list(result) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name], values, atol=1e-6)


@pytest.mark.parametrize("ending", ["onnx", "keras"])
def test_convert_goes_out_from_weights_files_only(weights, tmp_path, ending):
    out = str(tmp_path / f"q.{ending}")
    with pytest.raises(ValueError, match=r"--scale says nothing of such a file"):
        main(["convert", weights, out, "--scale", "2"])
    with pytest.raises(WeightsError, match=r"q\.h5: not a valid weights file"):
        main(["convert", str(tmp_path / "q.h5"), out])
    assert not os.path.exists(out)


def test_info_shows_all_there_is(weights, capsys):
    assert main(["info", weights]) == 0
    text = capsys.readouterr().out
    for words in (
        "kind        qso (format 1)",
        "parameters  2,",
        "(input)",
        "(B, 443, 1)",
        "conv 10 /2 valid",
        "(B, 217, 2)",
        "affine 1.2 x - 0.1",
        "output LYA: node conc_box_0, depends on the whole input",
        '{"spacing": "log"',
        "c_thresh   0.5",
        "converted_from  Keras 2.4.0",
    ):
        assert words in text, words
    header, arrays = read_weights(weights)
    assert header["sha256"] in text
    assert f"{sum(a.size for a in arrays.values()):,}" in text


def test_info_shows_the_receptive_field_of_an_image_network(data, tmp_path, capsys):
    out = str(tmp_path / "c.npz")
    main(["convert", str(data / "torch" / "batchnorm-legacy.pth"), out])
    main(["info", out])
    text = capsys.readouterr().out
    assert "receptive field at most 9 before and 9 after, 9 before and 9 after" in text
    assert "(B, ?, ?, 4)" in text


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("conv2d-dilated", "conv 3x3 dilated 2x2 same"),
        ("unpool2d", "unpool 2x3"),
        ("leaky_relu-0.3", "leaky_relu slope 0.3"),
        ("elu-0.5", "elu alpha 0.5"),
        ("group_norm1d-2", "group_norm groups 2"),
    ],
)
def test_info_shows_what_a_layer_is_told_and_an_empty_section(case, line, tmp_path, capsys):
    from desinn.nn import write_weights
    from helpers.cases import CASES, arrays_for

    header = {**CASES[case], "kind": "free", "name": "d"}
    header.update({"prepare": {}, "interpret": {}, "provenance": {}})
    write_weights(tmp_path / "d.npz", header, arrays_for(header))
    main(["info", str(tmp_path / "d.npz")])
    text = capsys.readouterr().out
    assert line in text
    assert "prepare\n  (nothing)" in text


def test_info_prints_the_header_as_it_is(weights, capsys):
    main(["info", "--json", weights])
    assert json.loads(capsys.readouterr().out) == read_weights(weights)[0]


def test_a_bad_file_is_one_message_at_the_prompt(tmp_path, caplog):
    np.savez(tmp_path / "x.npz", a=np.zeros(3, "f4"))
    assert prompt.run(main, parse(["info", str(tmp_path / "x.npz")])) == 1
    assert "not a valid weights file" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("command", [[], ["convert"], ["info"]])
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit) as caught:
        parse([*command, "--help"])
    assert caught.value.code == 0
    assert "usage: desinn" in capsys.readouterr().out


def test_as_a_program_whose_reader_leaves(weights, repository):
    """head closes the pipe: no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(repository / "py")}
    program = [sys.executable, str(repository / "bin" / "desinn"), "info", weights]
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(program, env=environment, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert "Traceback" not in run.stderr

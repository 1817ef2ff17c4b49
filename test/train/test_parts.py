"""Schedule, checkpoint and metrics: the parts that need no TensorFlow."""

import numpy as np
import pytest

from desinn.simulate.grid import TRUTH
from desinn.train.checkpoint import NAME, load_checkpoint, save_checkpoint
from desinn.train.metrics import quasar_metrics
from desinn.train.recipe import finder_for
from desinn.train.schedule import learning_rate, progress
from desinn.train.targets import qso_targets
from helpers.samples import make_recipe


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0, 10), 0),
        ((5, 10), 0.5),
        ((5, 10, 30, 2), 0.5),
        ((1, 10, 30, 2), 0.25),
        ((1, 10, 300, 2), 1),
        ((20, 10), 1),
    ],
)
def test_progress(arguments, expected):
    assert progress(*arguments) == expected


@pytest.mark.parametrize(
    ("name", "done", "epochs", "expected"),
    [
        ("cosine", 0.0, 5, 1.0),
        ("cosine", 0.5, 5, 0.55),
        ("cosine", 1.0, 5, 0.1),
        ("constant", 0.5, 5, 1.0),
        ("constant", 0.5, 0.5, 0.25),
        ("cosine", 0.5, 1, 0.275),
    ],
)
def test_learning_rate(name, done, epochs, expected):
    schedule = {"name": name, "warmup": 2.0, "final": 0.1}
    assert learning_rate(schedule, 3.0, done, epochs) == pytest.approx(3 * expected)


def test_checkpoint(tmp_path):
    folder = str(tmp_path / "new")
    assert load_checkpoint(folder) == (None, None)
    groups = {"a": [np.arange(3), np.float32(2)] + [np.zeros(1)] * 10, "b": []}
    save_checkpoint(folder, {"epoch": 1}, {"a": []})
    save_checkpoint(folder, {"epoch": 2}, groups)
    state, found = load_checkpoint(folder)
    assert state == {"epoch": 2}
    assert list(found) == ["a"]
    for mine, theirs in zip(found["a"], groups["a"], strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == np.asarray(theirs).dtype
    assert [path.name for path in (tmp_path / "new").iterdir()] == [NAME]


def test_damaged_checkpoint(tmp_path):
    (tmp_path / NAME).write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match=rf"{NAME}: not a readable checkpoint"):
        load_checkpoint(str(tmp_path))


def test_metrics_by_hand():
    finder = finder_for(make_recipe())
    truth = np.zeros(8, TRUTH)
    truth["TRUESPECTYPE"] = ["QSO", "QSO", "QSO", "STAR", "STAR", "QSO", "QSO", "SKY"]
    truth["TRUEZ"] = [2.5, 2.6, 2.7, 0, 0, 2.5, 2.4, 0]
    truth["BI"] = [900, 0, 0, 0, 0, 0, 0, 0]
    truth["SNR"] = [5, 5, 5, 5, 5, 1, 5, 5]
    said = truth.copy()  # by a network: one far off, a star, an empty fibre, the faint one not
    said["TRUESPECTYPE"] = ["QSO", "QSO", "STAR", "QSO", "STAR", "STAR", "QSO", "QSO"]
    said["TRUEZ"][:4] = [2.5 + 3.5 * 300 / 299792.458, 2.2, 0, 3.0]
    said["TRUEZ"][6:] = [2.4 + 3.4 * 100 / 299792.458, 3.0]
    said["BI"] = [900, 900, 0, 0, 0, 0, 0, 0]
    target = qso_targets(finder, said)[..., :-1]
    target[1, :, :13] *= 0.9
    outputs = {name: target[:, n] for n, name in enumerate(["LYA", "CIV", "CIV_BAL"])}
    found = quasar_metrics(finder, outputs, truth, snr=2.0)
    expected = {
        "completeness": 3 / 4,
        "purity": 3 / 4,
        "completeness_99": 2 / 4,
        "purity_99": 2 / 3,
        "completeness_all": 3 / 5,
        "purity_all": 3 / 4,
        "catastrophic": 1 / 3,
        "dv_median": 200,
        "dv_spread": 148,
        "bal_found": 1.0,
        "bal_false": 1 / 3,
    }
    assert found == pytest.approx(expected, rel=1e-3)


def test_metrics_of_nothing():
    finder = finder_for(make_recipe())
    outputs = {name: np.zeros((0, 26), np.float32) for name in ("LYA", "CIV", "CIV_BAL")}
    found = quasar_metrics(finder, outputs, np.zeros(0, TRUTH))
    assert np.isnan(list(found.values())).all()

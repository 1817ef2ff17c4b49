"""Samples and their batches."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from desinn.simulate.grid import TRUTH
from desinn.spectra import Grid
from desinn.train import data, job, tasks
from desinn.train.data import LabelledSample, Mixed, batches, make_sample, read_labelled, split
from desinn.train.recipe import finder_for
from helpers.samples import FakeSample, make_recipe
from helpers.spectra import coadd, write_coadd


def numbered(size, first=0):
    """A sample whose input is the number of the row."""
    truth = np.zeros(size, TRUTH)
    truth["TARGETID"] = first + np.arange(size)
    return LabelledSample(np.float32(truth["TARGETID"])[:, np.newaxis, np.newaxis], truth)


@pytest.fixture(scope="module")
def finder():
    return finder_for(make_recipe())


def test_batches_depend_on_seed_epoch_and_number_alone():
    sample, targets = FakeSample(10), np.arange(10)
    whole = batches(sample, targets, 5, 4)
    first = [next(whole) for _ in range(6)]  # two of an epoch: three epochs
    resumed = batches(sample, targets, 5, 4, first_epoch=2)
    for x, y in first[4:]:
        other_x, other_y = next(resumed)
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)
    assert first[0][0].shape == (4, 443, 1)
    assert first[0][0].dtype == np.float32


def test_an_epoch_has_no_row_twice_and_noise_is_drawn_anew():
    sample, targets = FakeSample(8), np.arange(8)
    found = batches(sample, targets, 5, 4)
    epochs = [[next(found), next(found)] for _ in range(2)]
    for epoch in epochs:
        assert sorted(np.concatenate([y for _, y in epoch])) == list(range(8))
    seen = [
        {row: x for xs, rows in epoch for x, row in zip(xs, rows, strict=True)} for epoch in epochs
    ]
    assert not np.array_equal(seen[0][3], seen[1][3])
    other = next(batches(sample, targets, 6, 4))
    assert not np.array_equal(other[0], epochs[0][0][0])


def test_mixed():
    mixed = Mixed(numbered(90), numbered(4, first=1000), 0.1)
    assert len(mixed) == 100
    assert (mixed.truth["TARGETID"] >= 1000).sum() == 10
    rows = np.array([95, 3, 90, 89, 99])
    x = mixed.draw(np.random.default_rng(1), rows)
    assert x[:, 0, 0].tolist() == mixed.truth["TARGETID"][rows].tolist()
    assert x[:, 0, 0].tolist() == [1001, 3, 1000, 89, 1001]


def test_split_shares_nothing():
    train, held_out = split(numbered(50), 1, 1000)
    assert (len(train), len(held_out)) == (40, 10)
    both = np.concatenate([train.truth["TARGETID"], held_out.truth["TARGETID"]])
    assert sorted(both) == list(range(50))
    assert len(split(numbered(50), 1, 5)[1]) == 5
    with pytest.raises(ValueError, match="expected 5 spectra or more"):
        split(numbered(4), 1, 1)


def table_of(tmp_path, text, rows=1):
    for number, name in enumerate(("a.fits", "b.fits")):
        write_coadd(tmp_path / name, coadd(rows=rows, seed=number))
    (tmp_path / "labels.csv").write_text(text)
    return str(tmp_path / "labels.csv")


def test_labels_beside_spectra(tmp_path, finder):
    path = table_of(tmp_path, "file,spectype,z,by\na.fits,QSO_BAL,2.5,me\nb.fits,qso,1.0,me\n")
    sample = read_labelled([path], finder)
    assert sample.truth["TRUESPECTYPE"].tolist() == ["QSO", "QSO"]
    assert sample.truth["TRUEZ"].tolist() == [2.5, 1.0]
    np.testing.assert_array_equal(sample.truth["BI"], [1, np.nan])
    expected = finder.prepare(coadd(rows=1, seed=1))[0]
    np.testing.assert_array_equal(sample.draw(None, [1]), expected)


def test_a_list_that_tells_more(tmp_path, finder):
    """Its BI comes before the subtype; its files may lie in folders."""
    (tmp_path / "sub").mkdir()
    write_coadd(tmp_path / "sub" / "c.fits", coadd(rows=1))
    text = "file,spectype,z,bi\na.fits,QSO_BAL,2.5,800\nb.fits,QSO,1.0,0\nsub/c.fits,QSO_BAL,2,\n"
    sample = read_labelled([table_of(tmp_path, text)], finder)
    assert sample.truth["BI"].tolist() == [800, 0, 1]


def test_signal_to_noise_is_measured(tmp_path, finder):
    """Flux 1 at ivar 4 in pixels of 10 A: S/N 2 in each, so 2 sqrt(0.08) per 0.8 A."""
    path = table_of(tmp_path, "file,spectype,z\na.fits,STAR,0\n")
    sample = read_labelled([path], finder)
    assert sample.truth["SNR"][0] == pytest.approx(2 * np.sqrt(0.08), rel=0.15)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,z\n", "expected columns file or targetid, spectype and z, found file, z"),
        ("targetid,spectype,z\n1,STAR,0\n", "label 1: expected the name of a file, found none"),
        ("file,spectype,z\na.fits,QSO,far\n", "line 2: z: expected a number, found 'far'"),
        ("file,spectype,z\na.fits,QSO,\n", "line 2: a quasar without redshift"),
        ("file,spectype,z\na.fits,,1\n", "line 2: spectype is empty"),
        ("file,spectype,z\n", "no spectrum can be used"),
    ],
)
def test_bad_tables(tmp_path, finder, text, words):
    with pytest.raises(ValueError, match=words):
        read_labelled([table_of(tmp_path, text)], finder)


def test_a_label_is_for_one_spectrum(tmp_path, finder):
    path = table_of(tmp_path, "file,spectype,z\na.fits,STAR,0\n", rows=2)
    with pytest.raises(ValueError, match=r"a\.fits: expected one spectrum, found 2"):
        read_labelled([path], finder)


def with_truth(tmp_path, columns):
    spectra = coadd(rows=4)
    for camera in spectra.cameras.values():
        camera.ivar[2] = 0
    path = write_coadd(tmp_path / "c.fits", spectra)
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.BinTableHDU(Table(columns), name="TRUTH"))
    return path


def test_truth_in_the_file(tmp_path, finder, caplog):
    columns = {
        "TARGETID": [102, 101, 100],
        "TRUESPECTYPE": ["STAR", "QSO ", "GALAXY"],
        "TRUEZ": [0.0, 2.5, 0.3],
        "BI": [0.0, 20.0, 0.0],
    }
    sample = read_labelled([with_truth(tmp_path, columns)], finder)
    assert sample.truth["TARGETID"].tolist() == [100, 101]
    assert sample.truth["TRUESPECTYPE"].tolist() == ["GALAXY", "QSO"]
    assert sample.truth["BI"].tolist() == [0, 20]
    assert "2 labelled spectra, 1 quasars; 1 cannot be used" in caplog.text
    assert "spectra are left out: not in the truth" in caplog.text


def test_a_truth_without_classes(tmp_path, finder):
    path = with_truth(tmp_path, {"TARGETID": [100], "TRUEZ": [1.0]})
    with pytest.raises(
        ValueError, match="expected columns TRUESPECTYPE, TRUEZ, found no TRUESPECTYPE"
    ):
        read_labelled([path], finder)


def test_simulated_parts_share_no_seed(monkeypatch):
    made = []
    monkeypatch.setattr(
        "desinn.simulate.sample.TrainingSample", lambda *values: made.append(values)
    )
    recipe = {"seed": 1, "size": 10, "validation": {"size": 3}, "simulation": {"boss": 0.1}}
    for part in ("train", "validation"):
        make_sample(recipe, part, Grid.log(), processes=1)
    (settings, seed, size, *_), (_, other, few, *_) = made
    assert settings.boss == 0.1
    assert (size, few) == (10, 3)
    assert seed != other


@pytest.fixture
def simulated(monkeypatch):
    """In place of the simulation, samples whose size tells them."""
    sizes = {"train": 60, "validation": 20}
    monkeypatch.setattr(
        tasks, "make_sample", lambda recipe, part, *more: FakeSample(sizes[part], seed=len(part))
    )


def content(**more):
    settings = {
        "simulation": {},
        "validation": {"size": 4},
        "loss": {"name": "bernoulli", "bal_weight": 1.0},
    }
    return {**make_recipe(), **settings, **more}


def test_samples_of_a_recipe(simulated, monkeypatch):
    labelled = FakeSample(30, 3)
    x = labelled.draw(np.random.default_rng(1), np.arange(30))
    monkeypatch.setattr(tasks, "read_labelled", lambda *_: LabelledSample(x, labelled.truth))
    assert list(map(len, job.samples(content()))) == [60, 20]
    assert list(map(len, job.samples(content(), ["x.csv"]))) == [26, 4]
    assert list(map(len, job.samples(content(), ["x.csv"], 0.5))) == [120, 40]
    assert list(map(len, job.samples(content(simulation=None), ["x.csv"]))) == [26, 4]


@pytest.mark.parametrize(("files", "fraction"), [([], 1.0), (["x.csv"], 0.5)])
def test_nothing_to_simulate(files, fraction):
    with pytest.raises(ValueError, match="simulation: missing in the recipe"):
        job.samples(content(simulation=None), files, fraction)


def test_parts_are_named():
    assert data.PARTS == ("train", "validation")

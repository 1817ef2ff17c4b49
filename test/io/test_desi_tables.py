"""Tables by hand have what desispec's and redrock's programs ask for."""

import numpy as np
import pytest

from desinn.io.desi_tables import QSO_TARGET, SKY_TARGET, coadd_tables

WANTED = {
    "FIBERMAP": "TARGETID TARGET_RA TARGET_DEC OBJTYPE DESI_TARGET BGS_TARGET MWS_TARGET "
    "SCND_TARGET COADD_FIBERSTATUS COADD_NUMEXP COADD_EXPTIME COADD_NUMTILE LOCATION FIBER "
    "PETAL_LOC TILEID",
    "EXP_FIBERMAP": "TARGETID TILEID FIBER EXPID NIGHT FIBERSTATUS PETAL_LOC",
    "SCORES": "TARGETID TSNR2_LRG",
}


def test_all_columns_are_there():
    tables = coadd_tables([3, 1, 2])
    assert list(tables) == list(WANTED)
    for name, columns in WANTED.items():
        assert set(columns.split()) <= set(tables[name].dtype.names)
        assert tables[name]["TARGETID"].tolist() == [3, 1, 2]


def test_targets_and_sky_are_told_apart():
    fibermap = coadd_tables([3, -1, 2], ["TGT", "SKY", "TGT"])["FIBERMAP"]
    assert fibermap["OBJTYPE"].tolist() == ["TGT", "SKY", "TGT"]
    assert fibermap["DESI_TARGET"].tolist() == [QSO_TARGET, SKY_TARGET, QSO_TARGET]
    assert coadd_tables([1, 2], desi_target=[7, 8])["FIBERMAP"]["DESI_TARGET"].tolist() == [7, 8]


def test_what_is_said_is_written_down():
    tables = coadd_tables(
        np.arange(3), ra=[1, 2, 3], dec=-5, exptime=1215, exposure=(4, 5, 20260102), petal=6
    )
    fibermap, exposures = tables["FIBERMAP"], tables["EXP_FIBERMAP"]
    assert fibermap["TARGET_RA"].tolist() == [1, 2, 3]
    assert fibermap["TARGET_DEC"].tolist() == [-5] * 3
    assert fibermap["FIBER"].tolist() == [3000, 3001, 3002]
    assert fibermap["LOCATION"].tolist() == [6000, 6001, 6002]
    assert fibermap["TILEID"].tolist() == exposures["TILEID"].tolist() == [4] * 3
    assert exposures[["EXPID", "NIGHT"]][0].item() == (5, 20260102)
    assert exposures["IN_COADD_R"].all()
    assert not (fibermap["COADD_FIBERSTATUS"] | exposures["FIBERSTATUS"]).any()
    np.testing.assert_allclose(tables["SCORES"]["TSNR2_LRG"], 100)


def test_fibres_begin_anew_after_a_petal():
    fiber = coadd_tables(np.arange(501))["FIBERMAP"]["FIBER"]
    assert fiber[[0, 499, 500]].tolist() == [0, 499, 0]


def test_a_wrong_length_names_the_column():
    with pytest.raises(ValueError, match=r"^TARGET_RA: expected one value or 2, found shape \(3,"):
        coadd_tables([1, 2], ra=[1, 2, 3])


def test_bits_are_those_of_desitarget():
    masks = pytest.importorskip("desitarget.targetmask")
    assert masks.desi_mask.QSO == QSO_TARGET
    assert masks.desi_mask.SKY == SKY_TARGET

"""The trees in which spectra are kept."""

import pytest

from desinn.scripts.release import healpix_files, mock_files


@pytest.fixture
def redux(tmp_path):
    """A folder of releases: three pixels, one of them packed, and files that are not meant."""
    folder = tmp_path / "loa" / "healpix" / "main" / "dark"
    names = ["0/9/coadd-main-dark-9.fits", "11/1105/coadd-main-dark-1105.fits",
             "10/1000/coadd-main-dark-1000.fits.gz", "0/9/redrock-main-dark-9.fits",
             "0/9/coadd-main-dark-9.fits.tmp", "0/9/coadd-main-dark-x.fits"]  # fmt: skip
    make(folder, names)
    make(tmp_path / "loa" / "healpix" / "sv1" / "bright", ["0/9/coadd-sv1-bright-9.fits"])
    return str(tmp_path)


def make(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def short(paths):
    return [path.rpartition("/")[2] for path in paths]


ALL = ["coadd-main-dark-9.fits", "coadd-main-dark-1000.fits.gz", "coadd-main-dark-1105.fits"]


def test_all_coadds_in_the_order_of_their_pixels(redux):
    assert short(healpix_files("loa", "main", "dark", redux)) == ALL
    assert short(healpix_files("loa", "sv1", "bright", redux)) == ["coadd-sv1-bright-9.fits"]


def test_the_environment_says_where(redux, monkeypatch):
    monkeypatch.setenv("DESI_SPECTRO_REDUX", redux)
    assert short(healpix_files("loa", "main", "dark")) == ALL
    monkeypatch.delenv("DESI_SPECTRO_REDUX")
    with pytest.raises(FileNotFoundError, match=r"release loa: where\? Set \$DESI_SPECTRO_REDUX"):
        healpix_files("loa", "main", "dark")


def test_only_the_pixels_of_a_catalogue(redux, caplog):
    assert short(healpix_files("loa", "main", "dark", redux, [1105, 1000, 1105])) == ALL[1:]
    assert caplog.text == ""
    assert short(healpix_files("loa", "main", "dark", redux, [9, 77])) == ALL[:1]
    assert "1 of the catalogue's 2 healpix pixels have no coadd; the first: " in caplog.text
    assert "0/77/coadd-main-dark-77.fits" in caplog.text
    with pytest.raises(ValueError, match="no quasar of the catalogue is in the range"):
        healpix_files("loa", "main", "dark", str(redux), [])
    with pytest.raises(FileNotFoundError, match="no coadd of the catalogue's 1 pixels"):
        healpix_files("loa", "main", "dark", redux, [77])


def test_a_plain_file_comes_before_a_packed_one(redux, tmp_path):
    folder = tmp_path / "loa" / "healpix" / "main" / "dark"
    make(folder, ["10/1000/coadd-main-dark-1000.fits", "0/9/coadd-main-dark-9.fits.gz"])
    wanted = ["coadd-main-dark-9.fits", "coadd-main-dark-1000.fits"]
    assert short(healpix_files("loa", "main", "dark", redux))[:2] == wanted
    assert short(healpix_files("loa", "main", "dark", redux, [9, 1000])) == wanted


def test_no_such_tree(redux):
    with pytest.raises(FileNotFoundError, match=r"main/bright: there is no such folder"):
        healpix_files("loa", "main", "bright", redux)


def test_mocks(tmp_path):
    folder = tmp_path / "mock[1]"
    make(folder / "spectra-16", ["0/7/spectra-16-7.fits", "0/7/truth-16-7.fits",
                                 "12/1234/spectra-16-1234.fits.gz"])  # fmt: skip
    wanted = ["spectra-16-7.fits", "spectra-16-1234.fits.gz"]
    assert short(mock_files(str(folder))) == wanted
    (tmp_path / "empty" / "spectra-16").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no spectra-16-PIX\.fits in it"):
        mock_files(str(tmp_path / "empty"))
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        mock_files(str(tmp_path / "nowhere"))

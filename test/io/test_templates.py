"""Reading of templates: each form of file, and what is said of those that are none."""

import fitsio
import numpy as np
import pytest

from desinn.io.templates import EMLINES, read_templates
from helpers.templates import bumps, write_redrock

LINEAR = 3000 + 0.5 * np.arange(400)
LOG = 10 ** (3.5 + 1e-4 * np.arange(300))


@pytest.fixture
def star(tmp_path):
    """A folder with one star."""
    write_redrock(tmp_path / "rrtemplate-STAR-A-v0.1.fits", "STAR", "A", LINEAR, bumps(LINEAR),
                  np.eye(3))  # fmt: skip
    return tmp_path


def test_a_linear_grid_with_coefficients(star):
    template = read_templates(star)["STAR", "A"]
    np.testing.assert_allclose(template.wave, LINEAR)
    np.testing.assert_allclose(template.vectors, bumps(LINEAR))
    np.testing.assert_array_equal(template.coefficients, np.eye(3))
    assert template.vectors.dtype == np.dtype("f8")


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_log_grid_without_coefficients(star, kind):
    vectors = bumps(LOG).astype(kind)
    write_redrock(star / "rrtemplate-star-Carbon.fits", "STAR", "Carbon", LOG, vectors, log=True)
    template = read_templates(star)["STAR", "CARBON"]
    np.testing.assert_allclose(template.wave, LOG)
    assert template.coefficients is None


def test_a_log_grid_that_does_not_say_so(tmp_path):
    path = tmp_path / "rrtemplate-old.fits"
    write_redrock(path, "GALAXY", "", np.log10(LOG), bumps(LOG))
    np.testing.assert_allclose(read_templates(tmp_path)["GALAXY", ""].wave, LOG)


def test_of_versions_the_last_but_rather_with_coefficients(tmp_path):
    for version, scale, known in (("v1", 1, None), ("v2", 2, np.eye(3)), ("v3", 3, None)):
        path = tmp_path / f"rrtemplate-GALAXY-{version}.fits"
        write_redrock(path, "GALAXY", "", LINEAR, scale * bumps(LINEAR), known)
    template = read_templates(tmp_path)["GALAXY", ""]
    np.testing.assert_allclose(template.vectors, 2 * bumps(LINEAR))


def test_the_folder_of_the_environment(star, monkeypatch):
    monkeypatch.setenv("RR_TEMPLATE_DIR", str(star))
    assert set(read_templates()) == {("STAR", "A")}


def test_no_folder_named(monkeypatch):
    monkeypatch.delenv("RR_TEMPLATE_DIR", raising=False)
    with pytest.raises(FileNotFoundError, match="RR_TEMPLATE_DIR"):
        read_templates()


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        read_templates(tmp_path / "nowhere")


def test_a_folder_without_templates(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected redrock's rrtemplate-\*.fits"):
        read_templates(tmp_path)


def test_a_file_without_a_type(star):
    path = star / "rrtemplate-odd.fits"
    fitsio.write(path, np.ones((2, 5)), clobber=True)
    with pytest.raises(ValueError, match=r"rrtemplate-odd\.fits: expected a redrock template"):
        read_templates(star)


def test_coefficients_of_other_vectors(star):
    path = star / "rrtemplate-odd.fits"
    write_redrock(path, "STAR", "B", LINEAR, bumps(LINEAR), np.eye(4))
    with pytest.raises(ValueError, match=r"odd\.fits: coefficients: expected \(N, 3\), found \(4"):
        read_templates(star)


def test_vectors_that_are_not_finite(star):
    vectors = bumps(LINEAR)
    vectors[0, 3] = np.nan
    write_redrock(star / "rrtemplate-odd.fits", "STAR", "B", LINEAR, vectors)
    with pytest.raises(ValueError, match=r"odd\.fits: vectors: expected finite numbers"):
        read_templates(star)


def trends():
    """Return a table of one line."""
    numbers = [(name, "f4", (3, 2)) for name in ("wavelength", "logEW", "logWidth")]
    return np.ones(1, [("name", "S12"), *numbers])


def redrock_with(**parts):
    """Return a function that writes a template of which a part is another."""

    def write(path):
        header = {"CRVAL1": 3000.0, "CDELT1": 0.5, "RRTYPE": "STAR", **parts.get("header", {})}
        with fitsio.FITS(path, "rw") as fits:
            vectors = parts.get("vectors", np.ones((2, 5)))
            fits.write(vectors, header=header, extname="BASIS_VECTORS")
            if "coefficients" in parts:
                fits.write(parts["coefficients"], extname="ARCHETYPE_COEFF")

    return write


def table_with(extname, **columns):
    return lambda path: fitsio.write(path, columns, extname=extname)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("rrtemplate-odd.fits", redrock_with(header={"CRVAL1": "blue"}), "CRVAL1 with a number"),
        ("rrtemplate-odd.fits", redrock_with(header={"CDELT1": -1.0}), "on rising wavelengths"),
        ("rrtemplate-odd.fits", redrock_with(vectors=np.ones((2, 3, 4))), r"expected \(K, P\)"),
        ("rrtemplate-odd.fits", redrock_with(vectors=trends()), "expected an image in HDU BASIS"),
        ("rrtemplate-odd.fits", redrock_with(coefficients=np.ones(2)), r"\(N, 2\), found \(2,\)"),
        ("rrtemplate-odd.fits", redrock_with(coefficients=trends()), "image in HDU ARCHETYPE_CO"),
        ("simqso_templates.fits", table_with("VW01_FE_UVTEMPLT_B", wave=np.ones(3)), "f_lambda"),
        ("simqso_templates.fits", table_with("VDB01COMPEMLINES", wave=np.ones(3)), "OWave"),
        ("qsosed_emlines_2.dat", lambda path: path.write_text("a b"), "could not convert"),
        ("qsosed_emlines_2.dat", lambda path: np.savetxt(path, np.zeros((1, 6))), "finite"),
        ("emlinetrends_v6.fits", redrock_with(), "HDU BASIS_VECTORS: expected columns logEW"),
    ],
)
def test_what_does_not_fit_names_the_file(star, name, write, message):
    write(star / name)
    with pytest.raises(ValueError, match=rf"{name}: .*{message}"):
        read_templates(star)


def test_a_damaged_file(star):
    (star / "rrtemplate-odd.fits").write_bytes(b"no FITS")
    with pytest.raises(OSError, match=r"rrtemplate-odd\.fits: not a readable FITS file"):
        read_templates(star)


def test_emission_over_continuum(star):
    table = np.array([[1000, 2, 4, 6, 8, 1], [1001, 3, 6, 9, 12, 2.0]])
    np.savetxt(star / "qsosed_emlines_2.dat", table)
    template = read_templates(star)["QSO", "EMLINES"]
    np.testing.assert_allclose(template.wave, [1000, 1001])
    np.testing.assert_allclose(template.vectors, [[0.5, 0.5], [1.5, 1.5], [2, 2], [0.25, 1 / 3]])
    assert EMLINES == ("average", "peaky", "windy", "narrow")


def test_emission_with_columns_missing(star):
    np.savetxt(star / "qsosed_emlines_2.dat", np.ones((3, 4)))
    with pytest.raises(ValueError, match="expected 6 columns, found 4"):
        read_templates(star)


def test_iron(star):
    table = np.zeros(5, [("f_lambda", "f8"), ("wave", "f8")])
    table["f_lambda"], table["wave"] = np.arange(5), 2000 + np.arange(5)
    with fitsio.FITS(star / "simqso_templates.fits", "rw") as fits:
        fits.write(table, extname="VW01_FE_UVTEMPLT_B")
    templates = read_templates(star)
    np.testing.assert_array_equal(templates["IRON", "UV"].vectors, [np.arange(5)])
    np.testing.assert_array_equal(templates["IRON", "UV"].wave, 2000 + np.arange(5))
    assert ("IRON", "UVOPT") not in templates


def test_trends(star):
    fitsio.write(star / "emlinetrends_v6.fits", trends())
    table = read_templates(star)["QSO", "EMLINETRENDS"]
    assert table["logEW"].shape == (1, 3, 2)
    assert table["logEW"].dtype.isnative


def test_trends_without_a_column(star):
    fitsio.write(star / "emlinetrends_v6.fits", trends()[["name", "logEW"]])
    with pytest.raises(ValueError, match="expected columns logWidth, wavelength"):
        read_templates(star)


def test_the_reference_folder(reference):
    templates = read_templates(reference / "templates")
    stars = {subtype for spectype, subtype in templates if spectype == "STAR"}
    assert stars == {"A", "B", "F", "G", "K", "M", "WD", "CV", "CARBON", "LDWARF"}
    assert templates["GALAXY", ""].coefficients.shape == (750, 5)
    assert templates["STAR", "WD"].wave[[0, -1]] == pytest.approx([3000, 11000])
    assert templates["QSO", "LOZ"].wave[0] == pytest.approx(1329.23, abs=0.01)
    assert templates["IRON", "UVOPT"].wave[-1] == pytest.approx(7484.4, abs=0.1)
    wave, average = templates["QSO", "EMLINES"].wave, templates["QSO", "EMLINES"].vectors[0]
    near = (wave > 4700) & (wave < 5100)  # H-beta and [OIII]
    assert 4855 < wave[near][average[near].argmax()] < 5015
    table = templates["QSO", "EMLINETRENDS"]
    carbon = table[table["name"] == "CIVb"][0]
    assert carbon["wavelength"][0] @ [-26, 1] == pytest.approx(1549, abs=5)

"""The files that the examples of the documents name, but small."""

import functools
import gzip

import numpy as np

from desinn.finders.base import weights_path
from desinn.nn import write_weights

from . import absorbers, boss_file, cosmic_frames, cosmics, dla, input_files, keras_file
from .boss_file import table_of
from .spectra import coadd, quasar_model, write_coadd
from .templates import bumps, write_redrock


def write_files(document, folder, data, simulated):
    """Write the files of a document.

    Parameters
    ----------
    document : str
    folder, data : pathlib.Path
        Where they go, and where the tests' own data are.
    simulated : pathlib.Path
        With coadd-0.fits, coadd-1.fits, and what ``desi_find_qso`` makes of the first, qso.fits.
    """
    for name, write in FILES.get(document, {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(write, str):
            path.symlink_to(write.format(data=data, simulated=simulated))
        else:
            write(path)


def _keras(path):
    keras_file.write(path, keras_file.quasarnet_layers(), keras_file.OUTPUTS)


def _quasarnet(path):
    write_weights(path, *quasar_model())


def _arrays(path):
    w1, w2 = np.array([[[-1, 2, -1]]], "f4"), np.array([[0, 1], [1, 0], [1, 1]], "f8")
    np.savez(path, w1=w1, w2=w2, steps=np.array(1000))


def _without_fibermap(path):
    """Write 25 spectra of which one has no usable pixel."""
    from astropy.io import fits

    spectra = coadd(rows=25)
    for camera in spectra.cameras.values():
        camera.ivar[3] = 0
    write_coadd(path, spectra)
    with fits.open(path, mode="update") as hdus:
        del hdus["FIBERMAP"]


def _stars(path):
    input_files.write_hdus(path, {"STARS": table_of({"RA": [1.0], "DEC": [2.0]})})


def _template(path):
    wave = np.arange(3000.0, 11000.0, 2.0)
    write_redrock(path, "STAR", "A", wave, bumps(wave), np.ones((8, 3)))


def _packed(write):
    """Return a function that writes the same, packed by gzip."""

    def write_packed(path):
        plain = path.parent / "plain.fits"  # a name in .gz would have it packed already
        write(plain)
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()

    return write_packed


def _exposure(camera, number, **header):
    """Return a function that writes an exposure."""
    header = {"EXPID": 51060 + number, **header}
    return functools.partial(cosmics.write_frame, camera=camera, seed=number, **header)


def _marked_network(path):
    cosmics.write_finder(path)


def _labels(path):
    rows = [f"spec-3655-55240-{fibre:04d}.fits,{kind},2.5" for fibre, kind in FIBRES.items()]
    path.write_text("\n".join(["file,spectype,z", *rows, ""]))


def _spec(fibre):
    return functools.partial(boss_file.write_spec, row={"FIBERID": fibre}, seed=fibre)


def _dlacat(path):
    found, _, lines = _sightlines()
    absorbers.write_dlacat(path, found, lines, {"MIN_CONF": 0.5})


def _dla_truth(path):
    _, truth, lines = _sightlines()
    absorbers.write_truth(path, truth, lines["TARGETID"])


@functools.cache
def _sightlines():
    return absorbers.random_case(np.random.default_rng(5), 60)


FIBRES = {30: "QSO", 31: "STAR", 32: "QSO"}
QUASARS = functools.partial(dla.write_catalogue, targetid=input_files.TARGETS,
                            z=input_files.REDSHIFTS)  # fmt: skip
PIXEL = "0/9/{}-9.fits"

FILES = {
    "README.rst": {
        "6layer.h5": _keras,
        "preproc-r0-00051060.fits.gz": _packed(_exposure("r0", 0)),
    },
    "quickstart.rst": {"6layer.h5": _keras},
    "convert.rst": {
        "6layer.h5": _keras,
        "ACS-WFC.pth": "{data}/torch/batchnorm-zip.pth",
        "arrays.npz": _arrays,
    },
    "desi_find_qso.rst": {
        "6layer.npz": _quasarnet,
        "acs-wfc.npz": _marked_network,
        "coadd-0.fits": input_files.write_coadd,
        "coadd-1.fits.gz": _packed(input_files.write_coadd),
        "coadd.fits": _without_fibermap,
    },
    "desi_find_dla.rst": {
        "coadd-0.fits": functools.partial(input_files.write_coadd, rows=3, fine=5),
        "coadd-1.fits.gz": _packed(
            functools.partial(input_files.write_coadd, rows=3, first=3, fine=5)
        ),
        "coadd.fits": functools.partial(input_files.write_coadd, rows=1),
        "QSO_cat.fits": QUASARS,
        "QSO_cat_loa.fits": functools.partial(QUASARS, HPXPIXEL=np.full(6, 9)),
        "loa/healpix/main/dark/" + PIXEL.format("coadd-main-dark"): input_files.write_coadd,
        "mock-0/spectra-16/" + PIXEL.format("spectra-16"): input_files.write_coadd,
        "mock-0/zcat.fits": QUASARS,
        "stars.fits": _stars,
    },
    "desi_find_cosmics.rst": {
        "preproc-r0-00051060.fits.gz": _packed(_exposure("r0", 0)),
        "preproc-z0-00051060.fits.gz": _packed(_exposure("z0", 0)),
        "acs-wfc.npz": _marked_network,
        "preproc-r0-00051001.fits": _exposure("r0", 1, OBSTYPE="DARK"),
        "preproc-r0-00051002.fits": _exposure("r0", 2, OBSTYPE="DARK"),
        "preproc-b0-00051001.fits": _exposure("b0", 1, OBSTYPE="DARK"),
        **{f"preproc-r0-0005106{n}.fits": _exposure("r0", n) for n in range(3)},
    },
    "evaluate.rst": {
        "coadd.fits": "{simulated}/coadd-0.fits",
        "coadd-0.fits": "{simulated}/coadd-0.fits",
        "coadd-1.fits": "{simulated}/coadd-1.fits",
        "qso.fits": "{simulated}/qso.fits",
        "6layer.npz": _quasarnet,
        "labels.csv": _labels,
        **{f"spec-3655-55240-{fibre:04d}.fits": _spec(fibre) for fibre in FIBRES},
        "dlacat.fits": _dlacat,
        "sightlines-truth.fits": _dla_truth,
        "acs-wfc.npz": _marked_network,
        **{f"{folder}/preproc-r1-00000001.fits": cosmic_frames.write_frame
           for folder in ("frames", "marked", "cosmics-test")},
        "dla.npz": weights_path("dla"),
    },
    "training.rst": {"6layer.h5": _keras},
    "simulate.rst": {"rrtemplates/rrtemplate-STAR-A-v0.1.fits": _template},
}  # fmt: skip
"""Document -> name of a file -> what writes it, or the file that it is."""

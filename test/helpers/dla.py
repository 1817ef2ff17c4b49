"""A finder of absorbers that knows what it finds, for tests that need no network."""

import types

import fitsio
import numpy as np

from desinn.finders.absorbers import ABSORBER, LYA, SIGHTLINE, DLAFlag, SightlineFlag
from desinn.simulate.voigt import voigt_tau
from desinn.spectra import Camera, Spectra

SHA256 = "5" * 64
PLANTED = (
    (-0.6, 19.7, 0.9, "SUBDLA", 0),  # too weak
    (-0.3, 20.9, 0.9, "DLA", 0),
    (-0.2, 20.4, 0.3, "DLA", 0),  # not sure enough
    (-0.01, 20.6, 0.9, "DLA", DLAFlag.PROXIMATE),
)
"""What stands on the sightline of each quasar with an even TARGETID: z against the quasar's,
NHI, confidence, type, flag."""


class StubFinder:
    """Finds what is `PLANTED`; a spectrum without data is not searched."""

    min_confidence = 0.5
    floor = 0.1

    def __init__(self):
        header = {"kind": "dla", "name": "stub", "sha256": SHA256}
        self.network = types.SimpleNamespace(header=header)

    def search(self, spectra, z):
        assert len(spectra) == len(z) > 0
        lines = np.zeros(len(z), SIGHTLINE)
        lines["TARGETID"], lines["Z_QSO"] = spectra.targetid, z
        lines["SNR_FOREST"], lines["SNR_REDSIDE"] = 2.5, 5.5
        lines["ZMIN"], lines["ZMAX"] = 2.0, z
        dark = ~np.any([camera.has_data() for camera in spectra.cameras.values()], axis=0)
        lines["SIGHTLINE_FLAG"][dark] = SightlineFlag.NO_DATA
        rows = [row for row in np.flatnonzero(~dark) if spectra.targetid[row] % 2 == 0]
        found = [
            (row, z[row] + dz, 1e-3, nhi, 0.1, confidence, kind, int(flag))
            for row in rows
            for dz, nhi, confidence, kind, flag in PLANTED
        ]
        return np.array(found, ABSORBER), lines


class TracingFinder(StubFinder):
    """One that shows its confidence along the wavelength, too."""

    def trace(self, spectra, z):
        traces = []
        for redshift in z:
            wave = np.arange(3600.0, 1220 * (1 + redshift), 4.0)
            seen = [(LYA * (1 + redshift + dz), c) for dz, _, c, _, _ in PLANTED]
            peaks = [c * np.exp(-(((wave - at) / 15) ** 2)) for at, c in seen]
            traces.append((wave, np.max(peaks, axis=0)))
        return traces


class StubQuasars:
    """Takes every spectrum for a quasar but those whose TARGETID ends in 9; z is 2.5 to 4."""

    def __init__(self):
        self.network = types.SimpleNamespace(header={"kind": "qso", "sha256": "6" * 64})

    def find(self, spectra):
        from astropy.table import Table

        targetid = spectra.targetid
        is_qso, z = np.abs(targetid) % 10 != 9, 2.5 + 0.1 * (targetid % 16)
        return Table({"TARGETID": targetid, "IS_QSO_QN": is_qso.astype("i2"), "Z_QN": z})


class StubLoader:
    """Stands in for `desinn.scripts.loading.Loader`, also in other processes."""

    finder = StubFinder

    def __init__(self, path, kind):
        self.path, self._kind = path, kind

    def __call__(self):
        return self.finder() if self._kind == "dla" else StubQuasars()


class TracingLoader(StubLoader):
    """The same with a finder that traces."""

    finder = TracingFinder


def write_catalogue(path, targetid, z, extname="QSO_CAT", **columns):
    """Write a catalogue of quasars; None drops a column. Return the name as text."""
    size = len(targetid)
    columns = {
        "TARGETID": np.asarray(targetid, "i8"),
        "TARGET_RA": 10.0 + np.arange(size),
        "TARGET_DEC": 20.0 - np.arange(size),
        "Z": np.asarray(z, "f8"),
        **columns,
    }
    columns = {name: np.asarray(column) for name, column in columns.items() if column is not None}
    dtype = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    table = np.zeros(size, dtype)
    for name, column in columns.items():
        table[name] = column
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        fits.write(table, extname=extname)
    return str(path)


def sightlines(z, targetid, snr=8.0, seed=1):
    """Return spectra of DESI's cameras, 2 A a pixel, of quasars with what is `PLANTED`."""
    rng = np.random.default_rng(seed)
    waves = {
        "b": np.arange(3600, 5800, 2.0),
        "r": np.arange(5760, 7620, 2.0),
        "z": np.arange(7520, 9824, 2.0),
    }
    return Spectra(targetid, {name: _camera(rng, wave, z, snr) for name, wave in waves.items()})


def _camera(rng, wave, z, snr):
    flux = np.ones((len(z), wave.size))
    for row, redshift in enumerate(z):
        rest = wave / (1 + redshift)
        flux[row] = (rest / 1400) ** -1 * (1 + 2.5 * np.exp(-(((rest - LYA) / 14) ** 2)))
        forest = rest < LYA
        flux[row, forest] *= np.clip(rng.normal(0.8, 0.15, forest.sum()), 0, 1)
        for dz, nhi, confidence, _, _ in PLANTED:
            if confidence > 0.5 and nhi > 20.3:
                at = redshift + dz
                tau = voigt_tau(wave, at, nhi) + voigt_tau(wave, at, nhi, line="Lyb")
                flux[row] *= np.exp(-tau)
                for metal in (1260.42, 1302.17, 1334.53, 1526.71, 1670.79):
                    flux[row] *= 1 - 0.7 * np.exp(-(((wave / (1 + at) - metal) / 0.9) ** 2))
    noise = np.full(flux.shape, 1 / snr)
    return Camera(wave, flux + rng.normal(0, noise), noise**-2)

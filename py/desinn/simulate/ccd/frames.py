"""Exposures with everything that is known of them: what finders of cosmic rays learn from."""

from dataclasses import dataclass

import numpy as np

from ..cosmic_rays import cosmic_rays
from .detector import read_out
from .kinds import loguniform, make_light
from .light import line_mask
from .optics import make_optics
from .settings import CcdSettings
from .spectrograph import parametric_psf
from .spread import REACH

TRUTH_SIGMAS = 3.0
"""From how many sigmas of a pixel's noise on a ray's charge counts."""

_LARGEST = 100_000  # exposures of a seed

# Kind -> what DESI's headers call it: FLAVOR, OBSTYPE.
_NAMES = {
    "science": ("science", "SCIENCE"),
    "twilight": ("science", "TWILIGHT"),
    "arc": ("arc", "ARC"),
    "flat": ("flat", "FLAT"),
    "dark": ("dark", "DARK"),
    "bias": ("zero", "ZERO"),
}

# Device -> CCDTYPE; a spectrograph whose camera has it, where only one has.
_CCDTYPES = {"thin": "ITL", "thick": "LBNL", "thickest": "LBNL"}
_ONLY = {"thickest": 5}


@dataclass(frozen=True, eq=False)
class Exposure:
    """A simulated exposure as preproc files have it, and the truth.

    Parameters
    ----------
    image, ivar, readnoise, clean : numpy.ndarray
        (Y, X) float32, of `desinn.simulate.ccd.detector.Readout`.
    mask : numpy.ndarray
        (Y, X) uint32, of the same; the bit of cosmic rays is not set.
    charge : numpy.ndarray
        (Y, X) float32 electrons of cosmic rays, before gain and saturation.
    truth : numpy.ndarray
        (Y, X) bool: where they are more than three sigmas of the pixel's noise without them.
    lines : numpy.ndarray
        (Y, X) bool: within one FWHM of bright emission lines of objects or lamps.
    traces : numpy.ndarray
        (Y, X) bool: within two pixels of a fibre's trace.
    header : dict
        CAMERA, CCDTYPE, EXPTIME, FLAVOR, OBSTYPE, KIND, DEVICE.
    rays : object
        What the simulation of the rays returned.
    """

    image: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    readnoise: np.ndarray
    clean: np.ndarray
    charge: np.ndarray
    truth: np.ndarray
    lines: np.ndarray
    traces: np.ndarray
    header: dict
    rays: object


def exposure_generator(seed, number):
    """Return the random numbers of one exposure.

    Parameters
    ----------
    seed : int
    number : int
        Of the exposure; it does not depend on the others.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        If the number is negative or too large.
    """
    if not 0 <= number < _LARGEST:
        raise ValueError(f"number: expected 0 to {_LARGEST - 1}, found {number}")
    return np.random.default_rng([seed, number])


def simulate_exposure(rng, settings=None, rays=None, psfs=None, sky=None, lamps=None):
    """Draw an exposure.

    Parameters
    ----------
    rng : numpy.random.Generator
    settings : CcdSettings, optional
    rays : callable, optional
        Called with (rng, shape, seconds, name of the device, along=share of muons along the
        traces); returns an object whose ``charge`` is (Y, X) float32 electrons. By default
        `desinn.simulate.cosmic_rays.cosmic_rays`.
    psfs : dict, optional
        Arm -> a psf as `desinn.io.psf.read_psf` returns it; other arms have that of
        `desinn.simulate.ccd.spectrograph.parametric_psf`.
    sky, lamps : tuple of numpy.ndarray, optional
        As for `desinn.simulate.ccd.kinds.make_light`.

    Returns
    -------
    Exposure

    Raises
    ------
    ValueError
        If the settings' shape is larger than the CCD, or the rays' charge is of another.
    """
    settings = settings or CcdSettings()
    arm, kind = _drawn(rng, settings.arms), _drawn(rng, settings.kinds)
    device = _drawn(rng, settings.devices[arm])
    seconds = float(loguniform(rng, settings.seconds[kind]))
    psf = (psfs or {}).get(arm) or parametric_psf(arm)
    shape, origin = _cut(rng, psf["shape"], settings.shape)
    whole, inner = _optics(rng, psf, shape, origin, settings.perturbation)
    light = make_light(rng, kind, whole, seconds, settings, sky, lamps)
    image = whole.project(light.electrons)[inner]
    along = float(rng.uniform(*settings.along))
    found = (rays or cosmic_rays)(rng, shape, seconds, device, along=along)
    charge = np.asarray(found.charge, np.float32)
    if charge.shape != shape:
        raise ValueError(f"rays: expected charge of shape {shape}, found {charge.shape}")
    middle = [size // 2 - first for size, first in zip(psf["shape"], origin, strict=True)]
    read = read_out(rng, image, charge, seconds, settings, middle)
    variance = read.readnoise**2 + np.maximum(read.clean, 0)
    around = np.pad(variance, REACH, mode="edge")
    return Exposure(
        read.image,
        read.ivar,
        read.mask,
        read.readnoise,
        read.clean,
        charge,
        charge > TRUTH_SIGMAS * np.sqrt(variance),
        line_mask(whole, light.lines, around)[inner],
        whole.traces()[inner],
        _header(rng, arm, kind, device, seconds),
        found,
    )


def _drawn(rng, shares):
    """Return a name by its share."""
    values = np.array([*shares.values()], np.float64)
    return str(rng.choice([*shares], p=values / values.sum()))


def _cut(rng, whole, shape):
    """Return shape and place of the image."""
    shape = tuple(whole if shape is None else shape)
    room = [size - part for size, part in zip(whole, shape, strict=True)]
    if min(room) < 0 or min(shape) < 1:
        raise ValueError(f"shape: expected at least (1, 1), at most {whole}, found {shape}")
    return shape, tuple(int(rng.integers(0, part + 1)) for part in room)


def _optics(rng, psf, shape, origin, perturbation):
    """Return optics that reach beyond the image, whence light comes, and where the image is."""
    larger = tuple(size + 2 * REACH for size in shape)
    if isinstance(perturbation, tuple):
        perturbation = loguniform(rng, perturbation)
    optics = make_optics(psf, larger, tuple(first - REACH for first in origin))
    return optics.perturbed(rng, perturbation), (slice(REACH, -REACH), slice(REACH, -REACH))


def _header(rng, arm, kind, device, seconds):
    flavor, obstype = _NAMES[kind]
    number = int(rng.integers(0, 10))
    return {
        "CAMERA": f"{arm}{_ONLY.get(device, number)}",
        "CCDTYPE": _CCDTYPES.get(device, device),
        "EXPTIME": round(seconds, 3),
        "FLAVOR": flavor,
        "OBSTYPE": obstype,
        "KIND": kind,
        "DEVICE": device,
    }

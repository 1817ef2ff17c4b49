"""Charged particles in a slab of silicon: where they go, and where they leave electrons.

Lengths are in um, energies in keV. A point is (y, x, z): along the rows' axis, along the columns'
axis, and the depth from the side that collects the electrons. The slab is a box from the origin
to its ``size``.

Sources: stopping power and straggling as in the reviews "Passage of particles through matter" and
"Cosmic rays" of the Particle Data Group, Berger & Seltzer 1982 (NBSIR 82-2550) for electrons;
which particles a CCD sees: Smith et al. 2002 (SPIE 4669, 172), Groom 2002 (Exp. Astr. 14, 45).
"""

import numpy as np

DEPOSIT = np.dtype([("RAY", "i8"), ("Y", "f8"), ("X", "f8"), ("Z", "f8"), ("ELECTRONS", "f8")])
"""Electrons that a ray sets free in one place, um."""

KEV_PER_ELECTRON = 3.65e-3
"""Energy that sets one electron free in silicon at some 150-200 K."""

STEP = 3.0
"""Length of a muon's steps: a fifth of a pixel, less than the charge spreads."""

ELECTRON_ENERGY = (50.0, 900.0)
"""Compton electrons: those of 40K's line of 1461 keV, and of the lines of U and Th, go higher, but
the many gamma rays that were scattered on their way give less. As many in each octave."""

SPOT_ENERGY = (0.2, 50.0)
"""What is left in one place: X rays, and electrons whose range is less than a pixel or two. As
many in each octave; the least leave some tens of electrons."""

TRACE_ANGLE = 3.0
"""Muons that run along the traces are within this of them, degrees."""

MASS = 511.0
"""Of the electron, keV."""

# Landau's xi over the length, of a particle near the speed of light: 0.1535 MeV cm2/g x Z/A 0.498
# x 2.33 g/cm3. The losses above any energy are as many as xi over that energy.
_XI = 0.0178
_LEAST_HARD = 0.1  # keV: smaller losses make a steady one
_MOST_HARD = 1000.0  # keV: beyond, the electron takes its energy out of any CCD
# keV/um of the small losses, so that the most probable loss in 250 um is 80 electrons/um: as
# measured in detectors of 300 um (76) with the 5 % more that muons of some GeV lose.
_SOFT = 0.221
_QUANTUM = 0.1  # keV: the small losses scatter as if they came in these

_TRACKED = 30.0  # keV: an electron of that runs half a pixel, and becomes a track of its own

_STRIDE = 5.0  # um, longest of an electron's
_SHARE = 0.15  # of its energy, that an electron loses in a stride at most
_STOPPED = 5.0  # keV: the range is 0.6 um
_ELECTRON_QUANTUM = 0.3  # keV: the losses of electrons scatter as if they came in these
_EXCITATION = 0.173  # keV, of silicon
_RADIATION_LENGTH = 9.37e4  # um
# Highland's formula has a logarithm of the thickness; this is for 100 um.
_HIGHLAND = 13600 * 0.74


def muon_paths(rng, n, size, up, along=0.0):
    """Draw muons that cross a box, as many from each direction as there are.

    The flux goes as the square of the cosine of the zenith angle.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    size : numpy.ndarray
        (3,) of the box, um.
    up : numpy.ndarray
        (3,) unit vector to the zenith.
    along : float, optional
        The part of them that is turned, about the axis z, to within `TRACE_ANGLE` of the axis y.

    Returns
    -------
    start, towards : numpy.ndarray
        (n, 3) float64: where they come in, um; unit vectors.
    length : numpy.ndarray
        (n,) float64 of their way through the box, um.
    """
    faces = np.prod(size) / size  # (3,) areas
    towards = np.empty((0, 3))
    while len(towards) < n:
        some = _downward(rng, 4 * (n - len(towards)) + 16, up)
        some = _turn_to_traces(rng, some, along)
        seen = np.abs(some) @ faces  # the area that the box shows them
        kept = rng.random(len(some)) * np.linalg.norm(faces) < seen
        towards = np.concatenate([towards, some[kept]])
    towards = towards[:n]
    start = _entries(rng, towards, size, faces)
    return start, towards, path_length(start, towards, size)


def path_length(start, towards, size):
    """Return how far it is to where straight lines leave a box.

    Parameters
    ----------
    start, towards : numpy.ndarray
        (B, 3) points in it, um; unit vectors.
    size : numpy.ndarray
        (3,) of the box, um.

    Returns
    -------
    numpy.ndarray
        (B,) float64, um.
    """
    slope = np.where(np.abs(towards) < 1e-12, 1e-12, towards)
    return (np.where(slope > 0, size - start, -start) / slope).min(axis=1)


def muon_deposits(rng, start, towards, length, size):
    """Return what muons leave on their straight ways, and the electrons that they knock out.

    Many small losses make a steady one; the rest are drawn one by one from Rutherford's 1 / E^2.
    The sum over a way has Landau's distribution, whatever the step.

    Parameters
    ----------
    rng : numpy.random.Generator
    start, towards, length : numpy.ndarray
        Of `muon_paths`.
    size : numpy.ndarray
        (3,) of the box, um.

    Returns
    -------
    numpy.ndarray
        Of `DEPOSIT`; RAY counts from 0.
    """
    steps = np.maximum(np.ceil(length / STEP), 1).astype(np.int64)  # (n,)
    first = np.cumsum(steps) - steps
    ray = np.repeat(np.arange(len(steps)), steps)
    stride = (length / steps)[ray]
    lost = rng.gamma(_SOFT * stride / _QUANTUM, _QUANTUM)

    muon, energy = _hard_losses(rng, length)
    part = rng.random(len(muon))  # of the way, at which it happens
    small = energy < _TRACKED
    where = (first[muon] + (part * steps[muon]).astype(np.int64))[small]
    lost += np.bincount(where, energy[small], len(lost))

    place = (
        start[ray] + ((np.arange(len(ray)) - first[ray] + 0.5) * stride)[:, None] * towards[ray]
    )
    muon, energy, part = muon[~small], energy[~small], part[~small]
    origin = start[muon] + (part * length[muon])[:, None] * towards[muon]
    # From the kinematics of a particle much faster and heavier than the electron.
    away = np.arccos(np.sqrt(energy / (energy + 2 * MASS)))
    knocked = electron_deposits(rng, origin, _turned(rng, towards[muon], away), energy, size)
    knocked["RAY"] = muon[knocked["RAY"]]
    return np.concatenate([_deposits(ray, place, lost), knocked])


def electron_deposits(rng, start, towards, energy, size):
    """Return what electrons leave, which are scattered more, and lose more, as they slow down.

    Those that leave the box on either side of the slab are gone; those that leave it across its
    edges go on, in the silicon beside it.

    Parameters
    ----------
    rng : numpy.random.Generator
    start, towards : numpy.ndarray
        (n, 3) float64 points in the box, um; unit vectors.
    energy : numpy.ndarray
        (n,) float64 keV.
    size : numpy.ndarray
        (3,) of the box, um.

    Returns
    -------
    numpy.ndarray
        Of `DEPOSIT`; RAY counts from 0.
    """
    ray, place, energy = np.arange(len(energy)), start, energy.astype(np.float64)
    found = [np.zeros(0, DEPOSIT)]
    while energy.size:
        power = stopping_power(energy)
        stride = np.minimum(_STRIDE, _SHARE * energy / power)
        lost = rng.gamma(power * stride / _ELECTRON_QUANTUM, _ELECTRON_QUANTUM)
        lost = np.where(energy - lost < _STOPPED, energy, lost)
        found.append(_deposits(ray, place + 0.5 * stride[:, None] * towards, lost))

        place = place + stride[:, None] * towards
        towards = _turned(rng, towards, _scattering(rng, energy, stride))
        energy = energy - lost
        left = (energy > 0) & (place[:, 2] >= 0) & (place[:, 2] <= size[2])
        ray, place, towards, energy = ray[left], place[left], towards[left], energy[left]
    found = np.concatenate(found)
    return found[(found["Z"] >= 0) & (found["Z"] <= size[2])]


def worms(rng, n, size):
    """Draw what Compton electrons leave: worms.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    size : numpy.ndarray
        (3,) of the box, um. They begin anywhere in it and go anywhere.

    Returns
    -------
    numpy.ndarray
        Of `DEPOSIT`; RAY counts from 0.
    """
    towards = rng.normal(size=(n, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    energy = np.exp(rng.uniform(*np.log(ELECTRON_ENERGY), n))
    return electron_deposits(rng, rng.random((n, 3)) * size, towards, energy, size)


def spots(rng, n, size):
    """Draw what is left in one place.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    size : numpy.ndarray
        (3,) of the box, um.

    Returns
    -------
    numpy.ndarray
        (n,) of `DEPOSIT`; RAY counts from 0.
    """
    energy = np.exp(rng.uniform(*np.log(SPOT_ENERGY), n))
    return _deposits(np.arange(n), rng.random((n, 3)) * size, energy)


def stopping_power(energy):
    """Return what an electron loses on its way through silicon, by collisions.

    Parameters
    ----------
    energy : numpy.ndarray
        keV, above 1.

    Returns
    -------
    numpy.ndarray
        Of the same shape, keV/um.

    Examples
    --------
    >>> stopping_power(np.array([10.0, 100.0])).round(2)
    array([3.93, 0.76])
    """
    tau = energy / MASS
    beta2 = tau * (tau + 2) / (tau + 1) ** 2
    shape = 1 - beta2 + (tau**2 / 8 - (2 * tau + 1) * np.log(2)) / (tau + 1) ** 2
    logarithm = np.log(tau**2 * (tau + 2) / 2 * (MASS / _EXCITATION) ** 2)
    return _XI / beta2 * (logarithm + shape)


def _deposits(ray, place, energy):
    rows = np.empty(len(ray), DEPOSIT)
    rows["RAY"], rows["ELECTRONS"] = ray, energy / KEV_PER_ELECTRON
    rows["Y"], rows["X"], rows["Z"] = place.T
    return rows


def _downward(rng, n, up):
    """Return directions by the square of the cosine of the zenith angle, as (n, 3)."""
    cosine = np.cbrt(1 - rng.random(n))
    return _turned(rng, np.broadcast_to(-up, (n, 3)), np.arccos(cosine))


def _turn_to_traces(rng, towards, along):
    turned = rng.random(len(towards)) < along
    spread = np.deg2rad(TRACE_ANGLE)
    angle = rng.uniform(-spread, spread, len(towards)) + np.pi * rng.integers(0, 2, len(towards))
    flat = np.hypot(towards[:, 0], towards[:, 1])
    near = np.stack([flat * np.cos(angle), flat * np.sin(angle), towards[:, 2]], axis=1)
    return np.where(turned[:, None], near, towards)


def _entries(rng, towards, size, faces):
    """Return points on the faces where the directions come in, each face by its area as seen."""
    n = len(towards)
    seen = np.cumsum(np.abs(towards) * faces, axis=1)  # (n, 3)
    axis = (rng.random(n)[:, None] * seen[:, 2:] > seen[:, :2]).sum(axis=1)
    start = rng.random((n, 3)) * size
    rows = np.arange(n)
    start[rows, axis] = np.where(towards[rows, axis] > 0, 0, size[axis])
    return start


def _hard_losses(rng, length):
    """Return (muon, keV) of each large loss."""
    span = 1 - _LEAST_HARD / _MOST_HARD
    count = rng.poisson(_XI * length * span / _LEAST_HARD)
    muon = np.repeat(np.arange(len(length)), count)
    return muon, _LEAST_HARD / (1 - span * rng.random(len(muon)))


def _scattering(rng, energy, stride):
    """Return angles by which electrons are turned in a stride."""
    push = energy * (energy + 2 * MASS) / (energy + MASS)  # momentum times velocity
    plane = _HIGHLAND / push * np.sqrt(stride / _RADIATION_LENGTH)
    return np.minimum(plane * np.sqrt(2 * rng.exponential(size=len(energy))), np.pi)


def _turned(rng, towards, angle):
    """Return unit vectors at given angles from others, at any azimuth."""
    helper = np.where(np.abs(towards[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    side = np.cross(towards, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(towards, side)
    azimuth = rng.uniform(0, 2 * np.pi, len(angle))[:, None]
    across = np.cos(azimuth) * side + np.sin(azimuth) * other
    return np.cos(angle)[:, None] * towards + np.sin(angle)[:, None] * across

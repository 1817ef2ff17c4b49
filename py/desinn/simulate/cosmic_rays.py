"""Cosmic rays, and what else ionises, on CCDs: tracks of muons, worms of electrons, spots."""

from dataclasses import dataclass

import numpy as np

from . import ray_tracks

KINDS = ("muon", "worm", "spot")
"""What a ray is: straight; wandering, of a Compton electron; all in one place."""

RAY = np.dtype(
    [
        ("KIND", "U4"),  # of `KINDS`
        ("Y", "f8"),  # centre of its charge on the CCD, pixels; 0 is the middle of the first
        ("X", "f8"),
        ("CHARGE", "f4"),  # all of it on the CCD, electrons
        ("NPIX", "i4"),  # pixels with more than one electron
        ("LENGTH", "f4"),  # of its path seen from above, from end to end, pixels
    ]
)
"""A ray's row."""

FULL = 4096 * 4096
"""Pixels of the CCD that rates are stated for."""

LEAST = 0.005
"""Fewer electrons of a ray are not kept in a pixel."""

# Deposits spread out at once: some 30 MB.
_CHUNK = 16384


@dataclass(frozen=True)
class Device:
    """A kind of CCD, and what falls on it.

    Parameters
    ----------
    name : str
    thickness : float
        Of the silicon that charge is collected from, um.
    diffusion : float
        Deviation of the Gaussian that charge from the far side has spread to, um. That of charge
        from nearer grows with the square root of the depth.
    mix : tuple of float
        Parts of the kinds in `KINDS`, sum 1.
    rate : float, optional
        Rays per second on 4096 x 4096 pixels.
    pixel : float, optional
        Its width, um.
    tilt : float, optional
        Angle between the CCD's normal and the zenith, degrees.
    roll : float, optional
        Where the zenith is, seen on the CCD: the angle from the axis of the rows' numbers (Y)
        towards that of the columns' (X), degrees. Without it, any: another in each exposure.

    Raises
    ------
    ValueError
        If a length or the rate is not positive, or the parts of the kinds are not.
    """

    name: str
    thickness: float
    diffusion: float
    mix: tuple
    rate: float = 1.4
    pixel: float = 15.0
    tilt: float = 90.0
    roll: float | None = None

    def __post_init__(self):
        for name in ("thickness", "diffusion", "rate", "pixel"):
            if not getattr(self, name) > 0:
                found = getattr(self, name)
                raise ValueError(f"{self.name}: {name}: expected more than 0, found {found}")
        mix = np.array(self.mix)
        if mix.shape != (len(KINDS),) or (mix < 0).any() or abs(mix.sum() - 1) > 1e-6:
            kinds = ", ".join(KINDS)
            raise ValueError(f"{self.name}: mix: expected parts of {kinds}, found {self.mix}")

    def size(self, shape):
        """Return the box of silicon below some pixels.

        Parameters
        ----------
        shape : tuple of int
            (Y, X).

        Returns
        -------
        numpy.ndarray
            (3,) float64, um, as `desinn.simulate.ray_tracks` takes it.
        """
        return np.array([shape[0] * self.pixel, shape[1] * self.pixel, self.thickness])

    def zenith(self, rng):
        """Return the direction to the zenith.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the roll, if there is none.

        Returns
        -------
        numpy.ndarray
            (3,) float64 unit vector (y, x, z).
        """
        roll = rng.uniform(0, 2 * np.pi) if self.roll is None else np.deg2rad(self.roll)
        tilt = np.deg2rad(self.tilt)
        return np.array([np.sin(tilt) * np.cos(roll), np.sin(tilt) * np.sin(roll), np.cos(tilt)])


# The rate of all is DESI's, 1.4 a second on 37.7 cm2. Muons: 0.9 /cm2/min through level ground at
# 2100 m, and half of that through a CCD that stands upright behind DESI's level benches: 0.3 a
# second, a fifth of all. The rest is what gamma rays knock out. It follows the volume, so in thin
# silicon the muons' part is larger, and in thick silicon the worms'. The parts of worms and spots
# are set for some 15 pixels above 9 electrons for a ray in 250 um (the median is lower, the mean
# higher), and a median charge of some thousands.
DEVICES = {
    device.name: device
    for device in (
        # STA4150-like of DESI's b and ITL's red ones: thinned to some 20 um. Charge from the
        # back goes some um through silicon without a field, and spreads by as much.
        Device("thin", thickness=20.0, diffusion=6.0, mix=(0.3, 0.35, 0.35)),
        # LBNL's of DESI's r and z, fully depleted. Theory, thickness x sqrt(2 kT / qV), has 4 um
        # at 150 K and 100 V and 6.5 at 40 V; the voltages here are between.
        Device("thick", thickness=250.0, diffusion=6.0, mix=(0.2, 0.3, 0.5)),
        # The mosaic of z5. As above: twice the thickness at up to twice the voltage.
        Device("thickest", thickness=500.0, diffusion=8.5, mix=(0.2, 0.35, 0.45)),
    )
}
"""Kinds of CCDs by name: ``thin``, ``thick``, ``thickest``."""


@dataclass(frozen=True, eq=False)
class Rays:
    """The rays of an exposure.

    Parameters
    ----------
    charge : numpy.ndarray
        (Y, X) float32 electrons of all of them.
    table : numpy.ndarray
        (R,) of `RAY`.
    ray, pixel, electrons : numpy.ndarray
        (P,) int64, int64, float32: row of a ray; flat index of a pixel; what the ray leaves in
        it. Sorted by both; a pixel that two rays meet is there twice.
    """

    charge: np.ndarray
    table: np.ndarray
    ray: np.ndarray
    pixel: np.ndarray
    electrons: np.ndarray

    def __len__(self):
        return len(self.table)

    def pixels(self, row):
        """Return a ray's own pixels.

        Parameters
        ----------
        row : int
            Of the table.

        Returns
        -------
        pixel : numpy.ndarray
            (N,) int64 flat indices into the image.
        electrons : numpy.ndarray
            (N,) float32.

        Raises
        ------
        IndexError
            If there is no such row.

        Examples
        --------
        >>> rays = cosmic_rays(np.random.default_rng(1), (64, 64), 2e5, "thick")
        >>> pixel, electrons = rays.pixels(0)
        >>> bool(rays.charge.flat[pixel[0]] >= electrons[0])
        True
        >>> cosmic_rays(np.random.default_rng(1), (64, 64), 0.0, "thick").pixels(0)
        Traceback (most recent call last):
        IndexError: ray 0: there are 0
        """
        if not 0 <= row < len(self):
            raise IndexError(f"ray {row}: there are {len(self)}")
        own = slice(*np.searchsorted(self.ray, [row, row + 1]))
        return self.pixel[own], self.electrons[own]


def cosmic_rays(rng, shape, seconds, device, rate=None, along=0.0):
    """Draw the rays of an exposure.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (Y, X) of the image.
    seconds : float
        Of the exposure, and of what else the CCD waits and is read.
    device : Device or str
        Or a name in `DEVICES`.
    rate : float, optional
        Rays per second on 4096 x 4096 pixels, instead of the device's.
    along : float, optional
        The part of the muons that run within 3 degrees of the axis Y, as the traces do.

    Returns
    -------
    Rays
        The few that leave nothing on the image are not in it.

    Raises
    ------
    ValueError
        If the device is unknown, the shape is not two whole numbers, a number is negative or not
        finite, or `along` is above 1.
    """
    device = _device(device)
    rate = device.rate if rate is None else rate
    _check(shape, seconds, rate, along)
    number = rng.poisson(rate * seconds * shape[0] * shape[1] / FULL)
    kinds = np.repeat(KINDS, rng.multinomial(number, device.mix))
    deposits = _deposits(rng, kinds, device, shape, along)
    ray, pixel, electrons = spread(deposits, shape, device)
    rows, ray = np.unique(ray, return_inverse=True)
    table = _table(kinds, deposits, device, shape)[rows]
    _measure(table, shape, ray, pixel, electrons)
    charge = np.zeros(shape, np.float32)
    np.add.at(charge.reshape(-1), pixel, electrons)
    return Rays(charge, table, ray.astype(np.int64), pixel, electrons)


def spread(deposits, shape, device):
    """Let charge diffuse on its way to the pixels.

    Each deposit becomes a Gaussian, integrated over the pixels; what would fall beyond four
    deviations is put into the outermost of its pixels, so that nothing is lost.

    Parameters
    ----------
    deposits : numpy.ndarray
        Of `desinn.simulate.ray_tracks.DEPOSIT`.
    shape : tuple of int
        (Y, X) of the image; what falls beside it is cut.
    device : Device

    Returns
    -------
    ray, pixel : numpy.ndarray
        (P,) int64, sorted by both: ray; flat index of the pixel.
    electrons : numpy.ndarray
        (P,) float32, at least `LEAST`.
    """
    reach = int(np.ceil(4 * device.diffusion / device.pixel))
    found = [(np.zeros(0, np.int64), np.zeros(0))]
    for first in range(0, len(deposits), _CHUNK):
        found.append(_clouds(deposits[first : first + _CHUNK], shape, device, reach))
    key, electrons = _summed(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    kept = electrons >= LEAST
    ray, pixel = np.divmod(key[kept], max(shape[0] * shape[1], 1))
    return ray, pixel, electrons[kept].astype(np.float32)


def _device(device):
    if isinstance(device, Device):
        return device
    if device not in DEVICES:
        raise ValueError(f"device: expected one of {', '.join(DEVICES)}, found {device}")
    return DEVICES[device]


def _check(shape, seconds, rate, along):
    whole = all(isinstance(size, int | np.integer) and size >= 0 for size in shape)
    if len(shape) != 2 or not whole:
        raise ValueError(f"shape: expected (Y, X), found {shape}")
    for name, value in (("seconds", seconds), ("rate", rate)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name}: expected a number from 0 on, found {value}")
    if not 0 <= along <= 1:
        raise ValueError(f"along: expected a part from 0 to 1, found {along}")


def _deposits(rng, kinds, device, shape, along):
    """Return what rays leave, RAY being the row in `kinds`, which is sorted."""
    size = device.size(shape)
    count = [int((kinds == kind).sum()) for kind in KINDS]
    parts = [np.zeros(0, ray_tracks.DEPOSIT)]
    if count[0]:
        start, towards, length = ray_tracks.muon_paths(
            rng, count[0], size, device.zenith(rng), along
        )
        parts.append(ray_tracks.muon_deposits(rng, start, towards, length, size))
    parts.append(ray_tracks.worms(rng, count[1], size))
    parts[-1]["RAY"] += count[0]
    parts.append(ray_tracks.spots(rng, count[2], size))
    parts[-1]["RAY"] += count[0] + count[1]
    return np.concatenate(parts)


def _clouds(deposits, shape, device, reach):
    """Return (key, electrons) of deposits in the pixels around, key as ray x pixels + pixel."""
    depth = np.sqrt(np.maximum(deposits["Z"], 0) / device.thickness)
    sigma = np.maximum(device.diffusion * depth, 0.3) / device.pixel
    row, high = _weights(deposits["Y"] / device.pixel, sigma, reach)  # (B, K) each
    column, wide = _weights(deposits["X"] / device.pixel, sigma, reach)
    share = (deposits["ELECTRONS"][:, None] * high)[:, :, None] * wide[:, None, :]  # (B, K, K)
    inside = ((row >= 0) & (row < shape[0]))[:, :, None]
    inside = inside & ((column >= 0) & (column < shape[1]))[:, None, :] & (share > LEAST / 10)
    key = (deposits["RAY"][:, None] * shape[0] + row)[:, :, None] * shape[1] + column[:, None, :]
    return _summed(key[inside], share[inside])


def _weights(centre, sigma, reach):
    """Return pixels around points and the parts of unit Gaussians in them, both (B, K)."""
    from scipy.special import ndtr

    edges = np.floor(centre).astype(np.int64)[:, None] + np.arange(-reach, reach + 2)
    below = ndtr((edges - centre[:, None]) / sigma[:, None])
    below[:, 0], below[:, -1] = 0, 1
    return edges[:, :-1], np.diff(below, axis=1)


def _summed(key, value):
    """Return the keys that there are, sorted, and the sum of each one's values."""
    if not key.size:
        return key, value
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
    return key[first], np.add.reduceat(value[order], first)


def _table(kinds, deposits, device, shape):
    """Return all rays with kinds and lengths."""
    table = np.zeros(len(kinds), RAY)
    table["KIND"] = kinds
    seen = np.ones(len(deposits), bool)
    for axis, size in zip("YX", shape, strict=True):
        seen &= (deposits[axis] >= 0) & (deposits[axis] < size * device.pixel)
    deposits = deposits[seen]
    length2 = np.zeros(len(kinds))
    for axis in "YX":
        low, high = np.full(len(kinds), np.inf), np.full(len(kinds), -np.inf)
        np.minimum.at(low, deposits["RAY"], deposits[axis])
        np.maximum.at(high, deposits["RAY"], deposits[axis])
        there = high >= low
        length2[there] += (high - low)[there] ** 2
    table["LENGTH"] = np.sqrt(length2) / device.pixel
    return table


def _measure(table, shape, ray, pixel, electrons):
    """Set what the pixels say of each ray."""
    total = np.bincount(ray, electrons, len(table))
    table["CHARGE"] = total
    table["NPIX"] = np.bincount(ray, electrons > 1, len(table))
    for name, place in zip("YX", np.divmod(pixel, max(shape[1], 1)), strict=True):
        table[name] = np.bincount(ray, electrons * place, len(table)) / total

"""All that an instrument needs to know of its pixels, worked out once."""

from dataclasses import dataclass

import numpy as np

from . import sky
from .arms import STANDARD, response

# S/N is a median over the pixels between these, A ...
_COUNTED = (3600.0, 9824.0)

# ... or, for bins, over every so-manieth of them.
_EVERY = 7

# Amplitudes of the sky lines for which the noise of a bin is worked out.
_BRIGHTNESSES = 4

# Knots of the smooth random curves over the whole range.
_NOISE_KNOTS, _TILT_KNOTS, _RIPPLE_KNOTS, _OFFSET_KNOTS = 8, 4, 18, 6

# Where the noise in the blue begins to differ, and over how many dex it does so; where the blue
# end's own offset ends; how wide a weak spot is. A.
_BLUE, _BLUE_DEX, _BLUE_END, _WEAK = 4200.0, 0.07, 3813.0, 20.0


@dataclass(frozen=True, eq=False)
class Layout:
    """The pixels of all arms, one after the other: P of them, made of N native ones.

    Without a grid both are the same; with one a pixel is an arm's part of a bin.

    Parameters
    ----------
    slices : dict
        Arm -> its slice of the P pixels.
    native_slices : dict
        Arm -> its slice of the N.
    bins : dict
        Arm -> slice of the grid's bins that are its pixels; empty without a grid.
    native_wave, native_width : numpy.ndarray
        (N,) centre and width of each native pixel, A.
    owner : numpy.ndarray
        (N,) the pixel that each is part of.
    count, first : numpy.ndarray
        (P,) number of a pixel's native ones and the first of them.
    share : numpy.ndarray
        (P,) float32: 0.8 A over the width of a pixel.
    comb, comb_root : numpy.ndarray
        The pixels that hold those native ones that the S/N is a median over, and, float32, what
        flux times the root of ivar is there per 0.8 A, relative to the pixel's.
    matrix : scipy.sparse.csr_matrix
        (P, W) float32: from a model to pixels.
    ivar : numpy.ndarray
        (K, P) float32 ivar of the sky for K brightnesses of its lines.
    line_share : numpy.ndarray
        (P,) float32: which part of the sigma is the sky lines', 0 to 1.
    noise_shape : numpy.ndarray
        (., P) float32 curves to add to ln of the variance: smooth ones, the blue.
    gain_shape : numpy.ndarray
        (., P) float32 curves to add to ln of the flux: tilts, ripples, arms.
    light_shape : numpy.ndarray
        (., P) float32 of what the sky leaves behind, in the unit of the flux: smooth curves,
        blue end and weak spots, groups of lines.
    noise_numbers, gain_numbers, light_numbers : tuple of int
        How many curves of each kind there are.
    """

    slices: dict
    native_slices: dict
    bins: dict
    native_wave: np.ndarray
    native_width: np.ndarray
    owner: np.ndarray
    count: np.ndarray
    first: np.ndarray
    share: np.ndarray
    comb: np.ndarray
    comb_root: np.ndarray
    matrix: object
    ivar: np.ndarray
    line_share: np.ndarray
    noise_shape: np.ndarray
    gain_shape: np.ndarray
    light_shape: np.ndarray
    noise_numbers: tuple
    gain_numbers: tuple
    light_numbers: tuple


def build(arms, conditions, grid=None):
    """Return the layout of an instrument.

    Parameters
    ----------
    arms : sequence of Arm
        In the order of their wavelengths.
    conditions : Conditions
        For noise curve, resolution and brightness of the sky.
    grid : spectra.Grid, optional
        None for native pixels.

    Returns
    -------
    Layout
    """
    from scipy.sparse import vstack

    inside = [_inside(arm, grid) for arm in arms]
    parts = [_part(arm, chosen, conditions) for arm, chosen in zip(arms, inside, strict=True)]
    names = [arm.name for arm in arms]
    native = {key: np.concatenate([part[key] for part in parts], axis=-1) for key in parts[0]}
    starts, bins = _starts(arms, inside, grid)  # the first native pixels, arm by arm
    sizes = [part["wave"].size for part in parts]
    native_slices = _slices(names, sizes)
    slices = _slices(names, [start.size for start in starts])
    first = np.concatenate(
        [part.start + start for part, start in zip(native_slices.values(), starts, strict=True)]
    )
    count = np.diff(np.append(first, native["wave"].size))
    owner = np.repeat(np.arange(first.size), count)
    sums = _Sums(first, count, native["sigma"], native["width"], native["groups"])
    matrix = vstack(
        [response(a, conditions.resolution)[i] for a, i in zip(arms, inside, strict=True)]
    )
    comb = _comb(native["wave"], grid is not None)
    weak = [spot for arm in arms for spot in arm.weak]
    ramps = _curves(native["wave"], native_slices, native["sigma"], weak)
    return Layout(
        slices=slices,
        native_slices=native_slices,
        bins=dict(zip(names, bins, strict=True)),
        native_wave=native["wave"],
        native_width=native["width"],
        owner=owner,
        count=count,
        first=first,
        share=_single(STANDARD / np.add.reduceat(native["width"], first)),
        comb=owner[comb],
        comb_root=_single(np.sqrt(sums.weights() * STANDARD / native["width"])[comb]),
        matrix=(sums.averaging() @ matrix).astype(np.float32).tocsr(),
        ivar=_single(sums.ivar(np.linspace(*conditions.sky_brightness, _BRIGHTNESSES))),
        line_share=_single(sums.mean(_line_share(native["groups"])))[0],
        noise_shape=_single(sums.mean(ramps["noise"])),
        gain_shape=_single(sums.mean(ramps["gain"])),
        light_shape=_single(sums.mean(_light(ramps["light"], native["sigma"], native["groups"]))),
        noise_numbers=(_NOISE_KNOTS, 1),
        gain_numbers=(_TILT_KNOTS, _RIPPLE_KNOTS, len(arms)),
        light_numbers=(_OFFSET_KNOTS, 1 + len(weak), len(native["groups"])),
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Native pixels, summed into pixels as `spectra.rebin` would: weighted with their ivar."""

    first: np.ndarray  # (P,)
    count: np.ndarray  # (P,)
    sigma: np.ndarray  # (N,)
    width: np.ndarray  # (N,)
    groups: np.ndarray  # (G, N)

    def native_ivar(self, brightness):
        lines = 1 + brightness * self.groups.sum(axis=0)
        return self.width / (STANDARD * self.sigma**2 * lines)  # (N,)

    def ivar(self, brightnesses):
        native = np.array([self.native_ivar(b) for b in brightnesses])
        return np.add.reduceat(native, self.first, axis=1)  # (K, P)

    def weights(self):
        ivar = self.native_ivar(1.0)
        return ivar / np.repeat(np.add.reduceat(ivar, self.first), self.count)

    def mean(self, curves):
        return np.add.reduceat(curves * self.weights(), self.first, axis=1)

    def averaging(self):
        from scipy.sparse import csr_matrix

        size = self.sigma.size
        indptr = np.append(self.first, size)
        return csr_matrix((self.weights(), np.arange(size), indptr), (self.first.size, size))


def _single(array):
    return np.ascontiguousarray(array, np.float32)


def _inside(arm, grid):
    if grid is None:
        return np.arange(arm.wave.size)
    bins = grid.bin_of(arm.wave)
    return np.flatnonzero((bins >= 0) & (bins < grid.size))


def _part(arm, chosen, conditions):
    """Return what is known of an arm's native pixels."""
    groups = sky.glow(arm.edges, arm.resolution(conditions.resolution), arm.glow)
    known = {
        "wave": arm.wave,
        "width": np.diff(arm.edges),
        "sigma": arm.sigma(conditions.noise_curve),
        "groups": groups,
    }
    return {name: values[..., chosen] for name, values in known.items()}


def _starts(arms, inside, grid):
    """Return where in each arm its pixels begin, and which bins they are."""
    if grid is None:
        return [np.arange(chosen.size) for chosen in inside], [slice(0, 0)] * len(arms)
    starts, bins = [], []
    for arm, chosen in zip(arms, inside, strict=True):
        numbers = grid.bin_of(arm.wave[chosen])
        starts.append(np.flatnonzero(np.diff(numbers, prepend=-1)))
        bins.append(slice(numbers[0], numbers[-1] + 1) if chosen.size else slice(0, 0))
    return starts, bins


def _slices(names, sizes):
    stops = np.cumsum(sizes)
    return {
        name: slice(int(stop - size), int(stop))
        for name, size, stop in zip(names, sizes, stops, strict=True)
    }


def _comb(wave, thin):
    counted = np.flatnonzero((wave >= _COUNTED[0]) & (wave <= _COUNTED[1]))
    return counted[_EVERY // 2 :: _EVERY] if thin else counted


def _curves(wave, slices, sigma, weak):
    """Return the (k, N) curves that random numbers are multiplied with."""
    log = np.log10(wave)
    place = (log - log.min()) / np.ptp(log)  # 0 ... 1
    blue = np.clip((np.log10(_BLUE) - log) / _BLUE_DEX, 0, 1)
    arms = np.zeros((len(slices), wave.size))
    for row, part in zip(arms, slices.values(), strict=True):
        row[part] = 1
    middle = np.median(sigma[(wave >= _COUNTED[0]) & (wave <= _COUNTED[1])])
    end = np.clip((_BLUE_END - wave) / (_BLUE_END - _COUNTED[0]), 0, 1) * sigma
    spots = [sigma * np.exp(-0.5 * ((wave - spot) / _WEAK) ** 2) for spot in weak]
    return {
        "noise": np.vstack([_knots(place, _NOISE_KNOTS), blue]),
        "gain": np.vstack([_knots(place, _TILT_KNOTS), _knots(place, _RIPPLE_KNOTS), arms]),
        "light": np.vstack([middle * _knots(place, _OFFSET_KNOTS), end, *spots]),
    }


def _light(smooth, sigma, groups):
    return np.vstack([smooth, sigma * sky.residual_shape(groups)])


def _line_share(groups):
    lines = groups.sum(axis=0)
    return np.sqrt(lines / (1 + lines))[np.newaxis]  # (1, N)


def _knots(place, number):
    """Return (number, N) bumps: 1 at one's own knot, 0 from the next one on, smooth between."""
    distance = np.abs(place * (number - 1) - np.arange(number)[:, None])
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1))

"""What is lost of a spectrum and what gets into it, drawn at random for a batch."""

import numpy as np

# Ends of a spectrum, from which dead ends are counted, A: those of QuasarNET's grid.
_FIRST, _LAST = 3600.0, 9983.0

# Less than this of a pixel is rounding.
_NOTHING = 1e-3

# A cosmic ray's most native pixels, and how often it takes away light instead.
_SPIKE_LENGTH, _NEGATIVE = 3, 0.3


def normals(rng, rows, widths, number):
    """Return random numbers for curves: (rows, number of curves) float32.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    rows : int
        B.
    widths : sequence of float
        Scatter of each family of curves.
    number : sequence of int
        How many curves each family has.

    Returns
    -------
    numpy.ndarray
        (B, sum of `number`) float32.
    """
    scatter = np.repeat(np.asarray(widths, np.float32), number)
    return rng.standard_normal((rows, scatter.size), np.float32) * scatter


def light_numbers(rng, rows, conditions, number):
    """Return random numbers for what the sky leaves behind.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    rows : int
        B.
    conditions : Conditions
        Its offsets and sky residuals.
    number : tuple of int
        `Layout.light_numbers`.

    Returns
    -------
    numpy.ndarray
        (B, sum of `number`) float32.
    """
    widths = (conditions.offset, conditions.blue_offset, conditions.sky_group)
    numbers = normals(rng, rows, widths, number)
    common = rng.standard_normal((rows, 1), np.float32)
    numbers[:, -number[-1] :] += np.float32(conditions.sky_common) * common
    return numbers


def kept(rng, rows, layout, conditions):
    """Return which part of each pixel is left after all masks.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    rows : int
        B.
    layout : Layout
        The pixels.
    conditions : Conditions
        Its bad pixels, stretches, dead ends and missing arms.

    Returns
    -------
    numpy.ndarray
        (B, P) float32, 0 to 1; for native pixels either.
    """
    left = np.ones((rows, layout.count.size), np.float32)
    _drop_pixels(rng, left, layout, conditions.bad_pixels)
    for part in layout.native_slices.values():
        _drop_stretches(rng, left, layout, part, conditions)
    _drop_ends(rng, left, layout, conditions)
    left[left < _NOTHING] = 0
    _drop_arms(rng, left, layout, conditions.missing)
    return left


def add_spikes(rng, flux, ivar, layout, conditions):
    """Put cosmic rays that nobody masked into some spectra, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    flux, ivar : numpy.ndarray
        (B, P).
    layout : Layout
        The pixels.
    conditions : Conditions
        Its spikes.
    """
    rows = _some(rng, len(flux), conditions.spikes)
    place = rng.integers(0, layout.owner.size, rows.size)
    length = rng.integers(1, _SPIKE_LENGTH + 1, rows.size)
    height = np.exp(rng.uniform(*np.log(conditions.spike_sigmas), rows.size))
    height *= np.where(rng.random(rows.size) < _NEGATIVE, -1, 1)
    for step in range(_SPIKE_LENGTH):
        hit = (length > step) & (place + step < layout.owner.size)
        pixel = layout.owner[place[hit] + step]
        row = rows[hit]
        # A native pixel's sigma, spread over those that share the bin.
        scale = layout.count[pixel] * ivar[row, pixel]
        flux[row, pixel] += np.where(scale > 0, height[hit] / np.sqrt(np.maximum(scale, 1e-30)), 0)


def add_residue(rng, flux, ivar, layout, conditions):
    """Add what is left of the sky in deep coadds, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers; not asked where the conditions have no such residue.
    flux, ivar : numpy.ndarray
        (B, P).
    layout : Layout
        The pixels.
    conditions : Conditions
        Its residues.
    """
    rows, (low, high) = len(flux), conditions.sky_residue
    sigma = 1 / np.sqrt(np.where(ivar > 0, ivar, np.inf))
    if conditions.blue_residue > 0:
        first = next(iter(layout.slices.values()))
        level = conditions.blue_residue * rng.standard_normal((rows, 1), np.float32)
        flux[:, first] += level * sigma[:, first] / np.sqrt(layout.share[first])
    if high > 0:
        level = np.exp(rng.uniform(*np.log((low, high)), (rows, 1))).astype(np.float32)
        tailed = rng.standard_t(3, flux.shape).astype(np.float32) / np.float32(np.sqrt(3))
        flux += level * layout.line_share * sigma * tailed


def neighbour_light(rng, levels, conditions):
    """Draw whose light leaks into which spectra, and how much of it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    levels : numpy.ndarray
        (B,) how bright each source is, 0 for none: without one there is nothing to mix.
    conditions : Conditions
        Its neighbours.

    Returns
    -------
    rows, others : numpy.ndarray
        The spectra that get some, and whose light that is.
    amounts : numpy.ndarray
        float32 factors on the others' light.
    """
    rows = _some(rng, levels.size, conditions.neighbour)
    others = rng.integers(0, max(levels.size, 1), rows.size)
    fraction = np.exp(rng.uniform(*np.log(conditions.neighbour_fraction), rows.size))
    brighter = np.exp(rng.uniform(*np.log(conditions.neighbour_brightness), rows.size))
    use = (levels[rows] > 0) & (levels[others] > 0) & (rows != others)
    rows, others = rows[use], others[use]
    amounts = (fraction * brighter)[use] * levels[rows] / levels[others]
    return rows, others, amounts.astype(np.float32)


def _some(rng, size, probability):
    return np.flatnonzero(rng.random(size) < probability)


def _drop_pixels(rng, left, layout, fraction):
    rows, size = len(left), layout.owner.size
    number = rng.poisson(fraction * rows * size)
    row, pixel = rng.integers(0, max(rows, 1), number), rng.integers(0, size, number)
    pixel = layout.owner[pixel]
    np.subtract.at(left, (row, pixel), (1 / layout.count[pixel]).astype(np.float32))


def _drop_stretches(rng, left, layout, part, conditions):
    rows = _some(rng, len(left), conditions.stretch)
    if part.stop == part.start:
        return
    start = rng.integers(part.start, part.stop, rows.size)
    length = np.exp(rng.uniform(*np.log(conditions.stretch_length), rows.size))
    number = np.rint(length / layout.native_width[start]).astype(int)
    stop = start + np.maximum(number, 1)
    _drop(left, layout, rows, start, np.minimum(stop, part.stop))


def _drop_ends(rng, left, layout, conditions):
    wave = layout.native_wave
    first, last = max(wave[0], _FIRST), min(wave.max(), _LAST)
    (blue, longest_blue), (red, longest_red) = conditions.cut_blue, conditions.cut_red
    rows = _some(rng, len(left), blue)
    dead = first * 10 ** rng.uniform(0, longest_blue, rows.size)
    _drop(left, layout, rows, np.zeros(rows.size, int), np.searchsorted(wave[: _turn(wave)], dead))
    rows = _some(rng, len(left), red)
    dead = last * 10 ** -rng.uniform(0, longest_red, rows.size)
    turn = layout.native_slices[next(reversed(layout.native_slices))].start
    start = turn + np.searchsorted(wave[turn:], dead)
    _drop(left, layout, rows, start, np.full(rows.size, wave.size))


def _turn(wave):
    """Return where the first arm ends: wavelengths fall back or the array is over."""
    back = np.flatnonzero(np.diff(wave) < 0)
    return back[0] + 1 if back.size else wave.size


def _drop(left, layout, rows, start, stop):
    """Take native pixels start to stop out of rows, none of which may come twice."""
    first, behind = layout.first, layout.first + layout.count  # (P,)
    lost = np.minimum(stop[:, None], behind) - np.maximum(start[:, None], first)
    left[rows] -= (np.maximum(lost, 0) / layout.count).astype(np.float32)


def _drop_arms(rng, left, layout, probability):
    rows = _some(rng, len(left), probability)
    which = rng.integers(0, len(layout.slices), rows.size)
    for number, part in enumerate(layout.slices.values()):
        left[rows[which == number], part] = 0

"""How light spreads over pixels: Gauss-Hermite functions, integrated over each, and tails."""

import numpy as np

REACH = 8
"""Pixels on either side of a centre that the core reaches."""

TAIL_REACH = 40
"""Pixels on either side that the tails reach."""

_MARGIN = 2 * REACH + 2  # columns beside the image in which all may fall that is outside of it
_ROOT = np.float32(1 / np.sqrt(2 * np.pi))


def hermite_integrals(u, orders):
    """Return the integrals up to `u` of the Gauss-Hermite functions.

    Parameters
    ----------
    u : numpy.ndarray
        (...) places in units of sigma.
    orders : int
        How many, from order 0 on.

    Returns
    -------
    list of numpy.ndarray
        The normal distribution function, then -He_(i-1)(u) phi(u) for order i, in the precision
        of `u`; He are the probabilists' polynomials.
    """
    from scipy.special import ndtr

    before, now = np.zeros_like(u), -_ROOT * np.exp(-0.5 * u * u)
    found = [ndtr(u)]
    for order in range(1, orders):
        found.append(now)
        before, now = now, u * now - (order - 1) * before
    return found


def add_block(image, light, x, widths, core):
    """Add the light of some fibres to an image.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32, changed in place.
    light : numpy.ndarray
        (B, Y) float32.
    x : numpy.ndarray
        (B, Y) float64 centres.
    widths : numpy.ndarray
        (B, 2, Y) float32 sigma along x and y.
    core : numpy.ndarray
        (B, I, J, Y) float32 Gauss-Hermite coefficients.
    """
    along = _along_rows(light, widths[:, 1], core.shape[2])  # (B, J, Y)
    terms = np.einsum("bijy,bjy->biy", core, along)  # (B, I, Y)
    if x.shape[1] > 1:  # light from the rows before and after comes from the trace's place there
        slope = np.gradient(x, axis=1).astype(np.float32)
        terms[:, 1] -= slope * widths[:, 1] / widths[:, 0] * along[:, 1]
    _across_columns(image, terms, x, widths[:, 0])


def _along_rows(light, sigma, orders):
    """Return light spread along y by the function of each order, (B, J, Y)."""
    size = light.shape[1]
    spread = np.zeros((len(light), orders, size + 2 * REACH), np.float32)
    below = hermite_integrals(np.float32(-REACH - 0.5) / sigma, orders)
    for step in range(2 * REACH + 1):
        above = hermite_integrals(np.float32(step - REACH + 0.5) / sigma, orders)
        for order in range(orders):
            spread[:, order, step : step + size] += light * (above[order] - below[order])
        below = above
    return spread[..., REACH : REACH + size]


def _across_columns(image, terms, x, sigma):
    """Add to the image what each row has, spread along x."""
    wide = np.zeros((image.shape[0], image.shape[1] + 2 * _MARGIN), np.float32)
    low, high = -_MARGIN, image.shape[1] + _MARGIN - 2 * REACH - 1
    first = np.clip(np.rint(x).astype(np.int64) - REACH, low, high)  # (B, Y)
    start = first + _MARGIN + wide.shape[1] * np.arange(image.shape[0])  # in the flat image
    below = None
    for step in range(2 * REACH + 2):
        u = ((first + step - 0.5 - x) / sigma).astype(np.float32)
        parts = hermite_integrals(u, terms.shape[1])
        above = sum(part * terms[:, i] for i, part in enumerate(parts))
        if step:
            np.add.at(wide.reshape(-1), start + (step - 1), above - below)
        below = above
    image += wide[:, _MARGIN:-_MARGIN]


def tail_kernel(tails):
    """Return the tails of a point source.

    Parameters
    ----------
    tails : tuple of float
        As `desinn.simulate.ccd.optics.Optics` has them.

    Returns
    -------
    numpy.ndarray
        (2 TAIL_REACH + 1, the same) float32, relative to a core of sum 1.
    """
    height, core, x_scale, y_scale, index = tails
    steps = np.arange(-TAIL_REACH, TAIL_REACH + 1.0)
    squares = (steps * x_scale) ** 2 + (steps[:, None] * y_scale) ** 2
    kernel = height * squares / (core**2 + squares) ** (1 + index / 2)
    return np.where(np.hypot(steps, steps[:, None]) <= TAIL_REACH, kernel, 0).astype(np.float32)


def with_tails(image, tails):
    """Return an image of cores with its tails; both together hold the light of the cores.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32.
    tails : tuple of float
        As `desinn.simulate.ccd.optics.Optics` has them.

    Returns
    -------
    numpy.ndarray
        (Y, X) float32.
    """
    if tails[0] <= 0:
        return image
    from scipy.signal import oaconvolve

    kernel = tail_kernel(tails)
    image = image + oaconvolve(image, kernel, mode="same").astype(np.float32)
    return image / np.float32(1 + kernel.sum())

"""Convolution of series with kernels of five steps in two fifths of the multiplications.

Four pixels of the output come from eight steps of the input, F(4, 5) at the points 0, +-1, +-2,
+-1/2 and infinity: eight products where there would be twenty. A step is a stride's worth of
pixels, side by side in memory: with a stride of 2 a kernel of ten pixels has five of them. The
source is that of `desinn.nn.winograd`.

The same for kernels of three steps, F(4, 3) with 64 channels, was measured and is not worth it:
what the combinations cost is what the products save.
"""

import numpy as np

TAPS = 5
"""Steps of a kernel."""

OUTPUTS, INPUTS = 4, 8
"""Pixels of the output that are computed together, a tile, and the steps that they see."""

FEWEST_CHANNELS = 48
"""Of a step, and of the output: with fewer the combinations cost more than they save."""

BLOCK_VALUES = 2**19
"""How many values of the combinations are made at once: 2 MB."""


def _kernel():
    """Return (8, 5): what the kernel's steps are multiplied with, `_mix` being what it is."""
    points = np.array([1, -1, 2, -2, 1 / 2, -1 / 2])
    powers = points[:, np.newaxis] ** np.arange(TAPS)
    # One over the product of the differences from all other points, times what `_sides` leaves.
    factors = np.array([-2 / 9, -2 / 9, 1 / 144, 1 / 144, 16 / 9, 16 / 9])
    ends = np.zeros((2, TAPS))
    ends[0, 0], ends[1, -1] = -1, 1
    return np.concatenate([ends[:1], factors[:, np.newaxis] * powers, ends[1:]])


KERNEL = _kernel()


def fits(op):
    """Return whether a convolution has kernels of five steps.

    Parameters
    ----------
    op : desinn.nn.convolution.Conv

    Returns
    -------
    bool
    """
    return len(op.kernel) == 1 and op.dilation == (1,) and -(-op.kernel[0] // op.stride[0]) == TAPS


def needed(op, size):
    """Return how many pixels of the padded input so many of the output take.

    Parameters
    ----------
    op : desinn.nn.convolution.Conv
        That `fits`.
    size : int
        Pixels of the output.

    Returns
    -------
    int
    """
    return (_tiles(size) + 1) * OUTPUTS * op.stride[0]


def _tiles(size):
    return -(-size // OUTPUTS)


def ready(op, kernel, depth):
    """Return the parameters of a convolution that can be run so; none for another.

    Parameters
    ----------
    op : desinn.nn.convolution.Conv
    kernel : ndarray of float32, shape (K, C, filters)
    depth : int
        How many layers with weights lie between it and the input, at most. Not those that see
        the input itself, with all of its range: what a bright pixel adds is taken off its
        neighbours again, but for its rounding error.

    Returns
    -------
    dict of ndarray
        ``line`` -> the combinations of the kernel's steps, (8, stride C, filters).
    """
    step = op.stride[0] * kernel.shape[-2]
    if not fits(op) or depth == 0 or min(step, op.filters) < FEWEST_CHANNELS:
        return {}
    steps = np.zeros((TAPS * op.stride[0], *kernel.shape[1:]))  # float64
    steps[: len(kernel)] = kernel
    combined = np.tensordot(KERNEL, steps.reshape(TAPS, step, op.filters), 1)
    return {"line": np.ascontiguousarray(combined, np.float32)}


def convolve(params, x, out, finish, scratch):
    """Write a convolution into `out`.

    Parameters
    ----------
    params : dict of ndarray
        With ``line``, and ``matrix``, whose last row is the bias.
    x : ndarray of float32, shape (B, W, C)
        With its padding, of `needed` pixels or more; pixels lie in memory without gaps.
    out : ndarray of float32, shape (B, W', filters)
    finish : callable
        The activation: ``finish(x, out)``.
    scratch : desinn.nn.arena.Arena
    """
    kernel, bias = params["line"], params["matrix"][-1]
    pitch = OUTPUTS * kernel.shape[1]  # values from a tile to the next
    lines = x.reshape(len(x), -1)  # (B, W C)
    tiles = _tiles(out.shape[1])
    most = max(1, BLOCK_VALUES // (INPUTS * kernel.shape[1]))
    members = max(1, most // tiles)
    for b in range(0, len(x), members):
        for first in range(0, tiles, most):
            count = min(tiles - first, most)
            part = lines[b : b + members, first * pitch : (first + count + 1) * pitch]
            sums = _tile_sums(kernel, part, bias, scratch)
            target = out[b : b + members, first * OUTPUTS : (first + count) * OUTPUTS]
            finish(sums[:, : target.shape[1]], target)


def _tile_sums(kernel, lines, bias, scratch):
    """Return (B, pixels, filters) of some tiles, from the values of these and one tile more."""
    steps = _steps(lines, kernel.shape[1], scratch)
    mixed = scratch.take("mixed", (INPUTS, *steps[0].shape))  # (8, B, tiles, step)
    _mix(steps, mixed, scratch)
    mixed = mixed.reshape(INPUTS, -1, kernel.shape[1])
    products = scratch.take("products", (*mixed.shape[:2], kernel.shape[2]))
    np.matmul(mixed, kernel, out=products)
    products[1] += bias  # what belongs to the point 1 goes into each pixel as it is
    sums = scratch.take("sums", (mixed.shape[1], OUTPUTS, kernel.shape[2]))
    _unmix(products, sums, scratch)
    return sums.reshape(len(lines), -1, kernel.shape[2])


def _steps(lines, step, scratch):
    """Return the eight steps of all tiles, each (B, tiles, step) with long runs in memory."""
    rows = lines.reshape(len(lines), -1, OUTPUTS, step).transpose(2, 0, 1, 3)
    apart = scratch.take("apart", rows.shape)
    np.copyto(apart, rows)
    return [*apart[:, :, :-1], *apart[:, :, 1:]]


def _mix(steps, out, scratch):
    """Write the combinations of the steps d0 to d7 of each tile.

    The first and the last are d6 - d0 + 21/4 (d2 - d4) and d7 - d1 + 21/4 (d3 - d5); those
    between are even + p odd and even - p odd for p = 1, 2 and 1/2: even, but for a factor that
    `KERNEL` has, is d2 - 17/4 d4 + d6, d2 - 5 d4 + 4 d6 and 4 d2 - 5 d4 + d6, and odd the same of
    d1, d3 and d5.
    """
    d0, d1, d2, d3, d4, d5, d6, d7 = steps
    for target, (a, b, c, d) in ((out[0], (d0, d2, d4, d6)), (out[-1], (d1, d3, d5, d7))):
        np.subtract(b, c, out=target)
        target *= 21 / 4
        target += d
        target -= a
    # Odd lies where it is combined with even at last; one place is left for what is in between.
    odd = [out[2], out[4], out[6]]
    even = scratch.take("even", (3, *d0.shape))
    for place, triple in ((odd, (d1, d3, d5)), (even, (d2, d4, d6))):
        _sides(triple, place, out[1])
    for k, point in enumerate((1, 2, 1 / 2)):
        if point != 1:
            odd[k] *= point
        np.add(even[k], odd[k], out=out[1 + 2 * k])
        np.subtract(even[k], odd[k], out=out[2 + 2 * k])


def _sides(triple, out, spare):
    """Write a - 17/4 b + c; and, over 5/2, a - 5 b + 4 c and 4 a - 5 b + c."""
    (a, b, c), (one, two, half) = triple, out
    np.add(a, c, out=one)
    np.add(b, b, out=spare)
    one -= spare
    np.subtract(a, c, out=spare)
    spare *= 3 / 5
    np.subtract(one, spare, out=two)
    np.add(one, spare, out=half)
    np.multiply(b, 9 / 4, out=spare)
    one -= spare


def _unmix(products, out, scratch):
    """Combine the products, which are changed, to the four pixels of each tile."""
    plus, minus = products[1:-1:2], products[2:-1:2]
    sums = scratch.take("pairs", plus.shape)
    np.add(plus, minus, out=sums)
    np.subtract(plus, minus, out=plus)
    (s1, s2, s3), (d1, d2, d3), (spare, *_) = sums, plus, minus
    np.add(s1, s2, out=spare)
    spare += s3
    np.add(spare, products[0], out=out[:, 0])
    s2 *= 4
    s3 *= 1 / 4
    s1 += s2
    np.add(s1, s3, out=out[:, 2])
    d2 *= 2
    d3 *= 1 / 2
    np.add(d1, d2, out=spare)
    np.add(spare, d3, out=out[:, 1])
    d2 *= 4
    d3 *= 1 / 4
    d1 += d2
    d1 += d3
    np.add(d1, products[-1], out=out[:, 3])

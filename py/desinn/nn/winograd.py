"""Convolution with kernels of 3 x 3 in half or two thirds of the multiplications: Winograd's way.

Along y four rows of the output come from six of the input (`Four`), or two from four (`Two`).
Combinations of the input's rows are multiplied with combinations of the kernel's, and combined to
the output: six products where there would be twelve, four for six. Along x the kernel's three taps
lie side by side in memory, so that a product needs no copy: x is taken in three phases, each as a
matrix of windows that do not overlap.

What a bright row adds to a combination is taken off again, but for its rounding error. `Two` adds
neighbours only, once, and is for layers near the input, which have all of the image's range.

Source: Lavin & Gray 2016 (arXiv:1509.09308), their F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3) on one
axis; the points are chosen as in Barabasz et al. 2020 (arXiv:1803.10986), by measuring.
"""

import numpy as np

TAPS = 3
"""Rows and columns of the kernel."""

FEWEST_CHANNELS = 8
"""With fewer the combinations cost more than the products that they save."""

BLOCK_VALUES = 2**19
"""How many values of the combinations are made at once: 2 MB, which stays in the cache."""

NEAR_INPUT = 1
"""Layers with no more layers that have weights before them are run in twos."""


class Two:
    """Two rows from four: Winograd's F(2, 3), at the points 0, 1, -1 and infinity."""

    outputs = 2
    kernel = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])

    @staticmethod
    def mix(lines, out, spare):
        """Write the combinations of the input's rows into `out`."""
        r0, r1, r2, r3 = lines
        np.subtract(r0, r2, out=out[0])
        np.add(r1, r2, out=out[1])
        np.subtract(r2, r1, out=out[2])
        np.subtract(r1, r3, out=out[3])

    @staticmethod
    def unmix(parts, out):
        """Combine the products, which it may change, to the output's rows."""
        m0, m1, m2, m3 = parts
        np.add(m0, m1, out=out[0])
        out[0] += m2
        m1 -= m2
        np.subtract(m1, m3, out=out[1])


class Four:
    """Four rows from six: F(4, 3), at the points 0, +-3/4, +-3/2 and infinity.

    They halve the rounding error of the usual 0, +-1, +-2.
    """

    outputs = 4
    kernel = np.array(
        [
            [64 / 81, 0, 0],
            *([[-128 / 243, -128 / 243 * p, -128 / 243 * p**2] for p in (3 / 4, -3 / 4)]),
            *([[32 / 243, 32 / 243 * p, 32 / 243 * p**2] for p in (3 / 2, -3 / 2)]),
            [0, 0, 64 / 27],  # 1 in the paper; `unmix` multiplies what comes of it with 27/64
        ]
    )

    @staticmethod
    def mix(lines, out, spare):
        """Write the combinations of the input's rows into `out`."""
        r0, r1, r2, r3, r4, r5 = lines
        v0, v1, v2, v3, v4, v5 = out
        np.multiply(r2, -9 / 4, out=v0)
        v0 += r4
        np.multiply(r1, -9 / 4, out=spare)
        spare += r3
        spare *= 3 / 4
        np.add(v0, spare, out=v1)
        np.subtract(v0, spare, out=v2)
        np.multiply(spare, 1 / 4, out=v5)
        v5 += r5
        np.multiply(r2, -9 / 16, out=v0)
        v0 += r4
        np.multiply(r1, -9 / 16, out=spare)
        spare += r3
        spare *= 3 / 2
        np.add(v0, spare, out=v3)
        np.subtract(v0, spare, out=v4)
        spare *= 2
        v5 -= spare  # 81/64 r1 - 45/16 r3 + r5
        np.multiply(r2, -9 / 4, out=spare)
        v0 += spare
        np.multiply(r0, 81 / 64, out=spare)
        v0 += spare  # 81/64 r0 - 45/16 r2 + r4

    @staticmethod
    def unmix(parts, out):
        """Combine the products, which it may change, to the output's rows."""
        m0, m1, m2, m3, m4, m5 = parts
        o0, o1, o2, o3 = out
        np.add(m1, m2, out=o0)
        m1 -= m2
        np.add(m3, m4, out=m2)
        m3 -= m4
        np.multiply(m2, 4, out=o2)
        o2 += o0
        o2 *= 9 / 16
        o0 += m0
        o0 += m2
        m3 *= 2
        np.add(m1, m3, out=o1)
        o1 *= 3 / 4
        m3 *= 4
        m1 += m3
        m1 += m5
        np.multiply(m1, 27 / 64, out=o3)


SCHEMES = {"two": Two, "four": Four}
"""By the name of the parameter that holds their kernel."""


def ready(op, kernel, depth):
    """Return the parameters of a convolution that can be run so; none for another.

    Parameters
    ----------
    op : desinn.nn.convolution.Conv
    kernel : ndarray of float32, shape (3, 3, C, filters)
    depth : int
        How many layers with weights lie between it and the input, at most.

    Returns
    -------
    dict of ndarray
        ``two`` or ``four`` -> the combinations of the kernel's rows, (4 or 6, 3 C, filters).
    """
    plain = op.kernel == (TAPS, TAPS) and op.stride == op.dilation == (1, 1)
    if not plain or min(kernel.shape[2:]) < FEWEST_CHANNELS:
        return {}
    name = "two" if depth <= NEAR_INPUT else "four"
    rows = np.tensordot(SCHEMES[name].kernel, kernel.astype(np.float64), 1)
    rows = rows.reshape(len(rows), -1, op.filters)  # (n, 3, C, filters) -> (n, 3 C, filters)
    return {name: np.ascontiguousarray(rows, np.float32)}


def scheme_for(params, height):
    """Return the scheme of a layer's parameters, or None where there are too few rows for it.

    Parameters
    ----------
    params : dict of ndarray
        With what `ready` returned among them.
    height : int
        Rows of the output.

    Returns
    -------
    type or None
        `Two` or `Four`.
    """
    schemes = (scheme for name, scheme in SCHEMES.items() if name in params)
    return next((scheme for scheme in schemes if height >= scheme.outputs), None)


def convolve(scheme, params, x, out, finish, scratch):
    """Write a convolution with kernels of 3 x 3 into `out`.

    Parameters
    ----------
    scheme : type
        From `scheme_for`.
    params : dict of ndarray
        With the scheme's kernel, and ``matrix``, whose last row is the bias.
    x : ndarray of float32, shape (Y + 2, X + 2, C)
        With its padding.
    out : ndarray of float32, shape (Y, X, filters)
        Its rows lie in memory without gaps.
    finish : callable
        The activation: ``finish(x, out)``.
    scratch : desinn.nn.arena.Arena
    """
    kernel = params[scheme.__name__.lower()]
    height, width, filters = out.shape
    bias = np.tile(params["matrix"][-1], width)
    pitch = -(-x.shape[1] // TAPS)  # windows of a phase in a row
    group = len(kernel) * TAPS * pitch * max(x.shape[2], filters)
    step = scheme.outputs * max(BLOCK_VALUES // group, 1)
    whole = height // scheme.outputs * scheme.outputs
    parts = [(y, min(y + step, whole)) for y in range(0, whole, step)]
    if whole < height:  # the last rows once more, so many that they end where the image ends
        parts.append((height - scheme.outputs, height))
    for first, end in parts:
        rows = out[first:end]
        _rows(scheme, kernel, bias, x[first:], rows, scratch)
        lines = rows.reshape(end - first, -1)
        finish(lines, lines)


def _rows(scheme, kernel, bias, x, out, scratch):
    """Compute some rows, a multiple of the scheme's, but for the activation."""
    inputs, outputs = len(kernel), scheme.outputs
    height, width, filters = out.shape
    groups, (columns, channels) = height // outputs, x.shape[1:]
    pitch = -(-columns // TAPS) * TAPS
    lines = [_every(x, i, groups, outputs) for i in range(inputs)]  # of (groups, columns * C)
    mixed = scratch.take("mixed", (inputs, groups, pitch * channels))
    mixed[:, :, columns * channels :] = 0
    spare = scratch.take("spare", lines[0].shape)
    scheme.mix(lines, mixed[:, :, : columns * channels], spare)
    sums = scratch.take("sums", (inputs, groups * pitch, filters))
    for rows, matrix, target in zip(mixed, kernel, sums, strict=True):
        _slide(rows.reshape(-1, channels), matrix, target)
    parts = sums.reshape(inputs, groups, -1)[:, :, : width * filters]
    scheme.unmix(parts, [_every(out, i, groups, outputs) for i in range(outputs)])
    lines = out.reshape(height, -1)
    lines += bias


def _every(x, first, count, step):
    """Return every so-manieth row of an image, without a copy: (count, X * C)."""
    return x[first : first + step * (count - 1) + 1 : step].reshape(count, -1)


def _slide(rows, matrix, out):
    """Multiply all windows of three pixels of (P, C), P a multiple of 3; the last two are not."""
    size, channels = rows.shape
    for phase in range(TAPS):
        count = (size - phase) // TAPS
        windows = rows[phase : phase + TAPS * count].reshape(count, TAPS * channels)
        np.matmul(windows, matrix, out=out[phase::TAPS][:count])

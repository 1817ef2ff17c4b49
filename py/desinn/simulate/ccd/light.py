"""Light that enters the fibres: electrons in each row, and where narrow emission lines are."""

from dataclasses import dataclass

import numpy as np

from ..arms import FWHM

LINE = np.dtype(
    [
        ("FIBER", "i8"),  # its place among the optics' fibres
        ("ROW", "f8"),
        ("SIGMA", "f8"),  # its own width, rows
        ("ELECTRONS", "f8"),
    ]
)
"""An emission line in a fibre."""

PEAK_SNR = 5.0
"""S/N in the brightest pixel from which on a line counts as bright."""

# A line as three rays of light, exact to the fifth moment; those up to this width (rows) are
# made of them, wider ones are sampled.
_NODES, _WEIGHTS = (-(3**0.5), 0.0, 3**0.5), (1 / 6, 2 / 3, 1 / 6)
_NARROW = 0.7

_REACH = 4.0  # sigmas


@dataclass(frozen=True, eq=False)
class Light:
    """What the fibres bring.

    Parameters
    ----------
    electrons : numpy.ndarray
        (F, Y) float32 in each row.
    lines : numpy.ndarray
        (N,) of `LINE`: narrow lines of objects or lamps, which `electrons` contain; those of the
        sky are not among them.
    """

    electrons: np.ndarray
    lines: np.ndarray


def no_light(optics):
    """Return the light of fibres that have none.

    Parameters
    ----------
    optics : desinn.simulate.ccd.optics.Optics

    Returns
    -------
    Light
    """
    return Light(np.zeros(optics.x.shape, np.float32), np.zeros(0, LINE))


def make_lines(fiber, row, sigma, electrons):
    """Return lines, without those that are beyond the CCD.

    Parameters
    ----------
    fiber, row, sigma, electrons : array_like
        The columns of `LINE`, of shapes that go together; NaN rows are left out.

    Returns
    -------
    numpy.ndarray
        (N,) of `LINE`.
    """
    columns = np.broadcast_arrays(fiber, row, sigma, electrons)
    lines = np.zeros(columns[0].size, LINE)
    for name, values in zip(LINE.names, columns, strict=True):
        lines[name] = values.ravel()
    return lines[np.isfinite(lines["ROW"])]


def add_lines(electrons, lines):
    """Add lines to light.

    Parameters
    ----------
    electrons : numpy.ndarray
        (F, Y) float32, changed in place.
    lines : numpy.ndarray
        (N,) of `LINE`. Their mean row, their width and their skewness are kept also where they
        are narrower than a row.
    """
    narrow = lines["SIGMA"] < _NARROW
    few = lines[narrow]
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        _add_points(electrons, few, few["ROW"] + node * few["SIGMA"], weight)
    for line in lines[~narrow]:
        reach = int(np.ceil(_REACH * line["SIGMA"]))
        rows = int(np.rint(line["ROW"])) + np.arange(-reach, reach + 1)
        shape = np.exp(-0.5 * ((rows - line["ROW"]) / line["SIGMA"]) ** 2)
        shape *= line["ELECTRONS"] / shape.sum()
        inside = (rows >= 0) & (rows < electrons.shape[1])
        electrons[line["FIBER"], rows[inside]] += shape[inside].astype(np.float32)


def _add_points(electrons, lines, row, weight):
    """Add rays of light between rows, so that moments up to the third are kept (Lagrange)."""
    base = np.floor(row).astype(np.int64)
    t = row - base
    shares = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    for step, share in enumerate(shares, start=-1):
        place = base + step
        inside = (place >= 0) & (place < electrons.shape[1])
        values = (weight * lines["ELECTRONS"] * share)[inside].astype(np.float32)
        np.add.at(electrons, (lines["FIBER"][inside], place[inside]), values)


def line_mask(optics, lines, variance):
    """Return which pixels lie within one FWHM of a bright line's centre.

    Parameters
    ----------
    optics : desinn.simulate.ccd.optics.Optics
    lines : numpy.ndarray
        (N,) of `LINE`.
    variance : numpy.ndarray
        (Y, X) of the noise, electrons^2.

    Returns
    -------
    numpy.ndarray
        (Y, X) bool: within one FWHM, as the line is seen, along y of its row, and within the
        core's FWHM along x of the trace. Lines whose brightest pixel has S/N up to `PEAK_SNR`
        are left out.
    """
    mask = np.zeros(optics.shape, bool)
    row = np.clip(np.rint(lines["ROW"]).astype(np.int64), 0, optics.shape[0] - 1)
    width = optics.widths()[lines["FIBER"], :, row]  # (N, 2)
    seen = np.hypot(width[:, 1], lines["SIGMA"])
    column = np.rint(optics.x[lines["FIBER"], row]).astype(np.int64)
    inside = (column >= 0) & (column < optics.shape[1])
    noise = np.ones(len(lines))
    noise[inside] = np.sqrt(variance[row[inside], column[inside]])
    bright = inside & (_peak(lines["ELECTRONS"], width[:, 0], seen) > PEAK_SNR * noise)
    _mark(mask, optics, lines[bright], FWHM * width[bright, 0], FWHM * seen[bright])
    return mask


def _peak(electrons, across, along):
    from scipy.special import erf

    return electrons * erf(0.5 / np.sqrt(2) / across) * erf(0.5 / np.sqrt(2) / along)


def _mark(mask, optics, lines, across, along):
    """Set the pixels that are near lines."""
    if not lines.size:
        return
    tall, wide = (int(np.ceil(reach.max())) for reach in (along, across))
    for up in range(-tall, tall + 1):
        row = np.rint(lines["ROW"]).astype(np.int64) + up
        near = (abs(row - lines["ROW"]) <= along) & (row >= 0) & (row < mask.shape[0])
        row, reach = row[near], across[near]
        x = optics.x[lines["FIBER"][near], row]
        for right in range(-wide, wide + 1):
            column = np.rint(x).astype(np.int64) + right
            hit = (abs(column - x) <= reach) & (column >= 0) & (column < mask.shape[1])
            mask[row[hit], column[hit]] = True


def resampled(optics, wave, density):
    """Return a spectrum's light in the rows of all fibres.

    Parameters
    ----------
    optics : desinn.simulate.ccd.optics.Optics
    wave : array_like
        (W,) wavelengths in A, rising evenly.
    density : array_like
        (W,) light per A.

    Returns
    -------
    numpy.ndarray
        (F, Y) float64: the integral over each row.
    """
    wave, density = np.asarray(wave, np.float64), np.asarray(density, np.float64)
    edges = np.append(wave, 2 * wave[-1] - wave[-2]) - (wave[1] - wave[0]) / 2
    below = np.append(0, np.cumsum(density * np.diff(edges)))
    half = dispersion(optics) / 2
    high, low = (np.interp(optics.wave + sign * half, edges, below) for sign in (1, -1))
    return high - low


def dispersion(optics):
    """Return how many A a row is high.

    Parameters
    ----------
    optics : desinn.simulate.ccd.optics.Optics

    Returns
    -------
    numpy.ndarray
        (F, Y) float64; 1 where there is but one row.
    """
    if optics.shape[0] < 2:
        return np.ones_like(optics.wave)
    return np.gradient(optics.wave, axis=1)

"""The arms of the spectrographs: pixels, noise and resolution, as DESI and BOSS have them."""

from dataclasses import dataclass

import numpy as np

from . import grid, sky

STANDARD = 0.8
"""Width in A of the pixel that S/N and the noise curves are stated for: DESI's."""

FWHM = 2 * np.sqrt(2 * np.log(2))
"""Full width at half maximum of a Gaussian, over its sigma."""

# How far the resolution reaches, in its sigmas.
_REACH = 6.0


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of a spectrograph.

    Parameters
    ----------
    name : str
        As the camera is called.
    edges : numpy.ndarray
        (P + 1,) float64 edges of its pixels, A.
    wave : numpy.ndarray
        (P,) float64 wavelengths that the pixels are recorded at, A.
    noise : tuple of (float, float)
        Knots of the noise curve: wavelength in A; sigma of a pixel of 0.8 A between sky lines.
    resolving : tuple of (float, float)
        Knots of the resolving power: wavelength in A; that over the FWHM.
    glow : float, optional
        Factor on the strengths of the sky lines.
    weak : tuple of float, optional
        Wavelengths in A around which little light arrives and some of the sky may be left.
    """

    name: str
    edges: np.ndarray
    wave: np.ndarray
    noise: tuple
    resolving: tuple
    glow: float = 1.0
    weak: tuple = ()

    def resolution(self, factor=1.0):
        """Return sigma of the resolution at each pixel, A.

        Parameters
        ----------
        factor : float, optional
            On the resolving power.

        Returns
        -------
        numpy.ndarray
            (P,) float64.
        """
        power = np.interp(self.wave, *np.transpose(self.resolving))
        return self.wave / (factor * power * FWHM)

    def sigma(self, curve=()):
        """Return the noise of a pixel of 0.8 A between the sky's lines.

        Parameters
        ----------
        curve : tuple of (float, float), optional
            Knots (wavelength, ln of a factor).

        Returns
        -------
        numpy.ndarray
            (P,) float64.
        """
        where, what = np.transpose(self.noise)
        sigma = np.exp(np.interp(self.wave, where, np.log(what))) / sky.transmission(self.wave)
        return sigma * np.exp(np.interp(self.wave, *np.transpose(curve))) if curve else sigma


def response(arm, factor=1.0):
    """Return the matrix that turns a model on `grid.WAVE` into an arm's pixels.

    Parameters
    ----------
    arm : Arm
        Its pixels and resolution.
    factor : float, optional
        On the resolving power.

    Returns
    -------
    scipy.sparse.csr_matrix
        (P, W) float64, each row with sum 1. A cell's flux is constant within it; the Gaussian is
        integrated over cell and pixel.
    """
    from scipy.sparse import csr_matrix

    sigma = arm.resolution(factor)[:, None]  # (P, 1)
    low, high = arm.edges[:-1, None], arm.edges[1:, None]
    first = np.searchsorted(grid.EDGES, low - _REACH * sigma, "right") - 1
    last = np.searchsorted(grid.EDGES, high + _REACH * sigma)
    cells = first + np.arange((last - first).max() + 1)  # (P, K)
    cells = np.clip(cells, 0, grid.SIZE)
    edges = grid.EDGES[cells]
    # The integral over the pixel of what lies below each edge.
    below = sigma * (_ramp((high - edges) / sigma) - _ramp((low - edges) / sigma))
    weights = below[:, :-1] - below[:, 1:]  # (P, K - 1)
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.broadcast_to(np.arange(len(weights))[:, None], weights.shape)
    used = weights > 1e-9
    shape = (len(weights), grid.SIZE)
    return csr_matrix((weights[used], (rows[used], cells[:, :-1][used])), shape)


def _ramp(x):
    """Return the integral of the normal distribution function up to x."""
    from scipy.special import ndtr

    return x * ndtr(x) + np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


def resolution_diagonals(arm, factor=1.0, reach=5):
    """Return the resolution matrix of an arm as DESI stores it.

    Parameters
    ----------
    arm : Arm
        Its pixels and resolution.
    factor : float, optional
        On the resolving power.
    reach : int, optional
        Diagonals on either side of the main one.

    Returns
    -------
    numpy.ndarray
        (2 reach + 1, P) float32. Element (k, j) stands in row j + k - reach and column j of the
        matrix: ``scipy.sparse.dia_matrix`` with offsets reach ... -reach.
    """
    from scipy.special import ndtr

    steps = np.arange(-reach, reach + 1)[:, None]  # (D, 1)
    sigma = arm.resolution(factor) / np.diff(arm.edges)  # (P,) in pixels
    # A row is a pixel's own Gaussian; a column meets those of the neighbours.
    near = sigma[np.clip(np.arange(sigma.size) + steps, 0, sigma.size - 1)]  # (D, P)
    height = ndtr((steps + 0.5) / near) - ndtr((steps - 0.5) / near)
    whole = 1 - 2 * ndtr(-(reach + 0.5) / near)
    return (height / whole).astype(np.float32)


def desi():
    """Return DESI's arms b, r and z; flux in units of 1e-17 erg/s/cm2/A.

    Returns
    -------
    tuple of Arm
        The noise curves are those of real coadded fibres, five times as high: as in one short
        exposure.
    """
    ends = {"b": (3600.0, 5800.0), "r": (5760.0, 7620.0), "z": (7520.0, 9824.0)}
    arms = []
    for name, (start, stop) in ends.items():
        wave = np.round(start + STANDARD * np.arange(round((stop - start) / STANDARD) + 1), 1)
        edges = np.append(wave - STANDARD / 2, wave[-1] + STANDARD / 2)
        noise = tuple((where, 5 * what) for where, what in _DESI_NOISE[name])
        weak = _DESI_WEAK.get(name, ())
        arms.append(Arm(name, edges, wave, noise, _DESI_RESOLVING[name], weak=weak))
    return tuple(arms)


def boss():
    """Return BOSS's two arms on their common grid of step 1e-4 in log10; flux as DESI's.

    Returns
    -------
    tuple of Arm
        b and r, joined at 6000 A without overlap, 3560 to 10316 A.
    """
    number = np.arange(35515, 40136)  # log10 of the wavelength, times 1e4
    arms = []
    for name, chosen in {"b": number < 37782, "r": number >= 37782}.items():
        log = number[chosen] * 1e-4
        edges = 10 ** np.append(log - 5e-5, log[-1] + 5e-5)
        # Stated per pixel of BOSS, in units that make it 1 near 5000 A.
        noise = tuple(
            (where, 0.34 * what * np.sqrt(where * 1e-4 * np.log(10) / STANDARD))
            for where, what in _BOSS_NOISE
        )
        arms.append(Arm(name, edges, 10**log, noise, _BOSS_RESOLVING[name], glow=0.4))
    return tuple(arms)


_DESI_NOISE = {
    "b": (
        *((3600, 1.73), (3640, 1.38), (3680, 1.02), (3720, 0.83), (3760, 0.745), (3800, 0.634)),
        *((3840, 0.563), (3880, 0.498), (3920, 0.431), (3960, 0.401), (4040, 0.359)),
        *((4120, 0.328), (4200, 0.299), (4280, 0.281), (4345, 0.268), (4370, 0.363)),
        *((4410, 0.419), (4430, 0.342), (4450, 0.299), (4480, 0.277), (4600, 0.247)),
        *((4700, 0.232), (4765, 0.226), (4780, 0.209), (4900, 0.202), (5050, 0.192)),
        *((5200, 0.189), (5500, 0.194), (5640, 0.194), (5700, 0.207), (5760, 0.212)),
        *((5790, 0.24), (5800, 0.225)),
    ),
    "r": (
        *((5760, 0.8), (5770, 0.7), (5790, 0.42), (5810, 0.257), (5830, 0.2), (5850, 0.162)),
        *((5870, 0.143), (5900, 0.131), (5950, 0.127), (6000, 0.118), (6080, 0.112)),
        *((6200, 0.105), (6300, 0.103), (6400, 0.096), (6500, 0.0915), (6700, 0.0865)),
        *((6850, 0.084), (7000, 0.081), (7160, 0.081), (7400, 0.083), (7460, 0.085)),
        *((7490, 0.092), (7520, 0.1), (7540, 0.125), (7580, 0.13), (7595, 0.14), (7620, 0.4)),
    ),
    "z": (
        *((7520, 0.12), (7560, 0.117), (7600, 0.105), (7640, 0.082), (7680, 0.075)),
        *((7750, 0.074), (7900, 0.07), (8000, 0.067), (8100, 0.064), (8250, 0.062)),
        *((8400, 0.061), (8500, 0.059), (8900, 0.06), (9000, 0.058), (9200, 0.058)),
        *((9290, 0.06), (9330, 0.075), (9400, 0.078), (9500, 0.081), (9600, 0.081)),
        *((9700, 0.088), (9780, 0.085), (9824, 0.093)),
    ),
}

_DESI_RESOLVING = {
    "b": ((3600, 2000), (5800, 3300)),
    "r": ((5760, 3300), (7620, 4700)),
    "z": ((7520, 4200), (9824, 5500)),
}

# The collimators' coating absorbs there.
_DESI_WEAK = {"b": (4370.0, 4410.0)}

_BOSS_NOISE = (
    *((3550, 9.5), (3600, 7), (3650, 4.8), (3720, 3.5), (3800, 2.6), (3900, 2.1), (4100, 1.65)),
    *((4300, 1.4), (4700, 1.13), (5300, 0.92), (5650, 0.95), (5850, 1.02), (5950, 1.15)),
    *((6100, 1.02), (6350, 0.85), (6700, 0.68), (7200, 0.62), (8000, 0.6), (8800, 0.58)),
    *((9200, 0.62), (9500, 0.8), (9750, 0.95), (10000, 1.3), (10100, 1.8), (10200, 2.9)),
    *((10320, 5),),
)

_BOSS_RESOLVING = {
    "b": ((3560, 1300), (4300, 1390), (4700, 1590), (5150, 1880), (5650, 2090)),
    "r": ((6000, 1870), (6800, 2040), (7440, 2090), (10320, 2000)),
}

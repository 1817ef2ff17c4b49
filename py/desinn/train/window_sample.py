"""Windows of simulated sightlines to train on, half of them with an absorber."""

import numpy as np

from ..finders.absorbers import LYA, LYB
from .windows import counts, window_labels

PER_SIGHTLINE = 20
"""Windows that are taken of each simulated sightline, on average."""

_WITHOUT, _WITH = 0, 1


class WindowSample:
    """Windows of sightlines, half of them with an absorber.

    Parameters
    ----------
    lines : desinn.train.sightline_sample.SeenSightlines
        N sightlines in the bins of the network's grid.
    seed, size : int
        How many windows are chosen, at random.
    given : desinn.finders.dla_windows.WindowInput
        How spectra become windows.

    Attributes
    ----------
    truth : structured array, shape (size,)
        That of the sightline of each window.
    targets : ndarray of float32, shape (size, 3)
        Label (1 or 0), offset in pixels and log10 N(HI), both 0 without an absorber.
    shape : tuple of int
        (window, C).

    Raises
    ------
    ValueError
        If there is no window with an absorber, or none without.
    """

    def __init__(self, lines, seed, size, given):
        self._lines, self._given = lines, given
        self.shape = (given.window, given.channels)
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(np.concatenate(_balanced(rng, lines, size, given)))
        self._row, self._bin = chosen[:, :2].T.astype(np.int64)
        self.targets = chosen[:, 2:].astype(np.float32)
        self.truth = lines.truth[self._row]

    def __len__(self):
        return len(self.targets)

    def draw(self, rng, rows):
        """Observe sightlines and cut windows; those of one sightline have its noise in common.

        Parameters
        ----------
        rng : numpy.random.Generator
        rows : array_like
            (B,) numbers of windows.

        Returns
        -------
        ndarray of float32, shape (B, window, C)
        """
        own, which = np.unique(self._row[rows], return_inverse=True)
        flux, ivar, _, scale = self._lines.seen(rng, own, [self._given.scale])
        z = self._lines.truth["TRUEZ"][own]  # that of a catalogue would cut the ends elsewhere
        x = np.zeros((len(which), *self.shape), np.float32)
        for number, one in enumerate(zip(flux, ivar, z, scale, strict=True)):
            mine = np.flatnonzero(which == number)
            x[mine] = self._windows(self._bin[rows][mine], *one)
        return x

    def _windows(self, middles, flux, ivar, z, scale):
        """Return windows about some bins; the first or last one where data end before."""
        first, series = self._given.series(flux, ivar, z, scale)
        last = len(series) - self._given.window
        if last < 0:
            return np.zeros(self.shape, np.float32)
        begin = np.clip(middles - first, 0, last)
        return series[begin[:, np.newaxis] + np.arange(self._given.window)]


def _balanced(rng, lines, size, given):
    """Return row, bin and target of windows without an absorber, and of as many with one."""
    wanted = size - size // 2, size // 2
    counted = lines.absorbers[
        counts(lines.absorbers, lines.truth["TRUEZ"][lines.absorbers["ROW"]])
    ]
    kinds = [], []
    for row in range(len(lines)):
        windows = _of(row, lines, counted[counted["ROW"] == row], given)
        for kind, label, having in zip(kinds, (_WITHOUT, _WITH), wanted, strict=True):
            found = np.flatnonzero(windows[:, 2] == label)
            # Some sightlines have none: the others give more.
            most = 1 + 4 * having // len(lines)
            kind.append(windows[rng.permutation(found)[:most]])
    chosen = []
    for kind, having, words in zip(kinds, wanted, ("without", "with"), strict=True):
        found = np.concatenate(kind)
        if not len(found):
            raise ValueError(f"windows: expected some {words} an absorber, found none")
        chosen.append(found[np.resize(rng.permutation(len(found)), having)])
    return chosen


def _of(row, lines, absorbers, given):
    """Return (M, 5) row, bin, label, offset and log10 N of the windows of a sightline."""
    grid = lines.grid
    lya, lyb = (grid.bin_of(line * (1 + absorbers["Z"])) for line in (LYA, LYB))
    label, nearest = window_labels(lya, lyb, grid.size, given.window)
    wave = given.wave(np.arange(grid.size))
    low, high = (rest * (1 + lines.truth["TRUEZ"][row]) for rest in given.rest)
    used = np.flatnonzero((label >= 0) & (wave >= max(low, given.bluest)) & (wave <= high))
    windows = np.zeros((used.size, 5))
    windows[:, 0], windows[:, 1], windows[:, 2] = row, used, label[used]
    near = label[used] == _WITH
    which = nearest[used[near]]
    windows[near, 3] = lya[which] - used[near]
    windows[near, 4] = absorbers["NHI"][which]
    return windows

"""From what windows say to absorbers, as published for networks of windows.

Each window that holds an absorber votes for the pixel where it sees it; where votes heap up is an
absorber. Source: Parks et al. 2018 (arXiv:1709.04962), and what its public program does.
"""

import numpy as np

_SUMMED, _FILTERED = 5, 9  # pixels over which votes are summed, and then the median is taken
_SKIPPED, _CLEARED = 10, 15  # pixels at the beginning where nothing is found; cleared around it


def vote_sums(confidence, offset, min_class=0.5, votes=80.0):
    """Return how many windows see an absorber at each pixel.

    Parameters
    ----------
    confidence, offset : numpy.ndarray
        (W,) of the window around each pixel: probability that it holds an absorber, and pixels
        from its middle to the absorber.
    min_class : float
        Windows below this vote for their own pixel.
    votes : float
        Votes that count as 1.

    Returns
    -------
    numpy.ndarray
        (W,) float64: summed over five pixels. A sightline without absorbers has 5 / `votes`.

    Examples
    --------
    >>> vote_sums(np.zeros(8), np.full(8, 3.0), votes=5.0)[2:6]
    array([1., 1., 1., 1.])
    """
    size = len(confidence)
    moved = np.where(confidence < min_class, 0, np.asarray(offset, np.float64))
    place = np.clip(np.floor(np.arange(size) + moved), 0, size - 1).astype(np.int64)
    count = np.bincount(place, minlength=size) / votes
    padded = np.pad(count, _SUMMED // 2, constant_values=count.mean() if size else 0)
    # From left to right, as the published program adds: plateaus are told by equality.
    total = np.zeros(size)
    for shift in range(_SUMMED):
        total = total + padded[shift : shift + size]
    return total


def median_filter(values, width):
    """Return the running median, with zeros beyond the ends.

    Parameters
    ----------
    values : numpy.ndarray
        (W,) of any float dtype, which is kept.
    width : int
        Odd number of pixels.

    Returns
    -------
    numpy.ndarray
        (W,).
    """
    if not len(values):
        return values
    padded = np.pad(values, width // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)  # (W, width)
    return np.partition(windows, width // 2, axis=1)[:, width // 2]


def find_peaks(sums, floor=0.2, valley=0.1):
    """Return where votes heap up.

    The highest pixel of the median-filtered sums is an absorber, the middle of a plateau where
    pixels are equal; then all around it is cleared as far as the sums stay at `valley` or above;
    and so on. Peaks within ten pixels of the beginning are none.

    Parameters
    ----------
    sums : numpy.ndarray
        (W,) of `vote_sums`.
    floor : float
        Least height of a peak; not below `valley`.
    valley : float
        Two absorbers have a pixel below this between them.

    Returns
    -------
    places : numpy.ndarray
        (A,) int64 pixels, in increasing order.
    heights : numpy.ndarray
        (A,) float64 the filtered sum at the highest pixel of each.

    Raises
    ------
    ValueError
        If `floor` is below `valley`.
    """
    if floor < valley:
        raise ValueError(f"floor: expected {valley} or more, the valley, found {floor}")
    left = median_filter(sums, _FILTERED)
    left[:1], left[-1:] = 0, 0
    found = []
    while left.size and left.max() >= floor:
        peak = int(left.argmax())
        height = left[peak]
        if peak <= _SKIPPED:
            left[max(0, peak - _CLEARED) : peak + _CLEARED] = 0
            continue
        plateau = int(np.argmin(left[peak:] == height))  # its length: the last pixel is 0
        peak += plateau // 2
        found.append((peak, height))
        low = np.flatnonzero(left < valley)
        left[low[low < peak].max() + 1 : low[low > peak].min()] = 0
    found.sort()
    places, heights = [place for place, _ in found], [height for _, height in found]
    return np.array(places, np.int64), np.array(heights, np.float64)


def column_densities(nhi, places, reach):
    """Return the column density of each absorber: the mean of the windows around it.

    On a side with another absorber within twice `reach` no windows are taken; between two such
    absorbers, those up to half the way to each.

    Parameters
    ----------
    nhi : numpy.ndarray
        (W,) log10 N of the window around each pixel.
    places : array_like
        (A,) pixels of the absorbers, in increasing order.
    reach : int
        Pixels on either side.

    Returns
    -------
    mean, scatter : numpy.ndarray
        (A,) float64.
    """
    places = np.asarray(places, np.int64)
    gaps = np.diff(places, prepend=-(10**9), append=10**9)
    mean, scatter = np.empty(len(places)), np.empty(len(places))
    for k, place in enumerate(places):
        close = gaps[k : k + 2] <= 2 * reach
        before, after = gaps[k : k + 2] // 2 if close.all() else np.where(close, 0, reach)
        near = nhi[max(0, place - before) : place + max(after, not before)].astype(np.float64)
        mean[k], scatter[k] = near.mean(), near.std()
    return mean, scatter

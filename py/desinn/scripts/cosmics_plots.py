"""Pictures of CCD images with their marks, for eyes."""

from typing import NamedTuple

import numpy as np

from .plots import figure_class, save_figure

GROUPS = 6
"""So many of the largest groups of marked pixels are drawn by themselves."""

_PIXELS = 800  # of the picture, along the longer side of the image
_LEAST = 48  # pixels of the image along a side of a cut-out
_AROUND = 8  # pixels around a group
_SOFT = 3.0  # times the noise: where the stretch turns from linear to logarithmic
_LOW = np.arcsinh(-1.5)  # what is black
_MASKED = "#3b5b92"
_NOTE = f"red: marked; blue: masked, not searched; right: the {GROUPS} largest groups"


class Group(NamedTuple):
    """A group of marked pixels that touch one another, and the cut-out that shows it.

    Parameters
    ----------
    size : int
        Pixels.
    window : tuple of slice
        Of the image, along Y and X.
    """

    size: int
    window: tuple


def plot_marks(path, image, found, bad, noise, title):
    """Draw an image, what was marked over it, and cut-outs of the largest groups.

    Parameters
    ----------
    path : str or os.PathLike
        PNG file to write; an existing one is replaced.
    image : numpy.ndarray
        (Y, X) electrons.
    found, bad : numpy.ndarray
        (Y, X) bool: marked; masked, and not searched.
    noise : float
        Read noise, electrons: what the stretch is measured by.
    title : str

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    figure = figure_class()(figsize=(14, 9), layout="compressed")
    figure.get_layout_engine().set(w_pad=0.1)
    names = [["frame", *(f"{2 * row + column}" for column in (0, 1))] for row in range(3)]
    panels = figure.subplot_mosaic(names, width_ratios=(3.1, 1, 1))
    groups = largest_groups(found, GROUPS)
    # What is not finite is lost, as the finder has it.
    seen = np.where(bad | ~np.isfinite(image), np.nan, image) / (_SOFT * max(noise, 1e-3))
    _draw_frame(panels["frame"], seen, found, groups)
    for number in range(GROUPS):
        panel = panels[str(number)]
        if number < len(groups):
            _draw_group(panel, seen, found, number, groups[number])
        else:
            panel.set_axis_off()
    figure.suptitle(f"{title}\n{_NOTE}", fontsize=11)
    save_figure(path, figure)


def largest_groups(found, number):
    """Return the largest groups of marked pixels, which touch at sides or corners.

    Parameters
    ----------
    found : numpy.ndarray
        (Y, X) bool.
    number : int
        At most so many.

    Returns
    -------
    list of Group
        The largest first; of equal ones that which comes first along Y.
    """
    from scipy import ndimage

    labels, count = ndimage.label(found, np.ones((3, 3), bool))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = ndimage.find_objects(labels)
    order = np.argsort(-sizes, kind="stable")[:number]
    return [Group(int(sizes[n]), _window(boxes[n], found.shape)) for n in order]


def binned(values, step):
    """Return the sums over blocks.

    Parameters
    ----------
    values : numpy.ndarray
        (Y, X).
    step : int
        Pixels along a side of a block; those at the high ends may be smaller.

    Returns
    -------
    numpy.ndarray
        (ceil(Y / step), ceil(X / step)).

    Examples
    --------
    >>> binned(np.ones((3, 4)), 2)
    array([[4., 4.],
           [2., 2.]])
    """
    rows = np.add.reduceat(values, np.arange(0, values.shape[0], step), axis=0)
    return np.add.reduceat(rows, np.arange(0, values.shape[1], step), axis=1)


def _window(box, shape):
    """Return a square around a box, as far as it is inside the image."""
    side = max(_LEAST, *(span.stop - span.start + 2 * _AROUND for span in box))
    spans = []
    for span, length in zip(box, shape, strict=True):
        low = (span.start + span.stop - side) // 2
        low = max(min(low, length - side), 0)
        spans.append(slice(low, min(low + side, length)))
    return tuple(spans)


def _draw_frame(axes, seen, found, groups):
    step = -(-max(seen.shape) // _PIXELS)
    good = np.isfinite(seen)
    number = binned(good.astype(np.int32), step)
    total = binned(np.where(good, seen, 0), step)
    mean = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    y, x = (step * n - 0.5 for n in number.shape)
    extent = (-0.5, x, -0.5, y)
    _show(axes, mean, extent, 99.7)
    marks = np.zeros((*number.shape, 4), np.float32)  # (Y, X) -> (Y, X, RGBA)
    marks[binned(found.astype(np.int32), step) > 0] = (1, 0, 0, 1)
    style = {"origin": "lower", "extent": extent, "interpolation": "nearest"}
    axes.imshow(marks, aspect=axes.get_aspect(), **style)
    axes.set(xlim=(-0.5, seen.shape[1] - 0.5), ylim=(-0.5, seen.shape[0] - 0.5))
    axes.set(xlabel="x [pixels]", ylabel="y [pixels]")
    for place, group in enumerate(groups, 1):
        _mark_group(axes, place, *group.window)


def _mark_group(axes, place, rows, columns):
    sides = [columns.start, columns.stop, columns.stop, columns.start, columns.start]
    ends = [rows.start, rows.start, rows.stop, rows.stop, rows.start]
    axes.plot(sides, ends, color="cyan", linewidth=0.8)
    axes.text(columns.stop, rows.stop, f" {place}", color="cyan", fontsize=9, clip_on=True)


def _draw_group(axes, seen, found, number, group):
    rows, columns = group.window
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.start - 0.5, rows.stop - 0.5)
    _show(axes, seen[group.window], extent, 100)
    _draw_outline(axes, found[group.window], rows.start, columns.start)
    axes.set_title(f"{number + 1}: {group.size} pixels", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)


def _show(axes, values, extent, percentile):
    """Draw an image in an asinh stretch, up to where most of it is."""
    from matplotlib import colormaps

    shown = np.arcsinh(values)
    good = shown[np.isfinite(shown)]
    top = np.percentile(good, percentile) if good.size else 1.0
    axes.imshow(
        np.ma.masked_invalid(shown),
        cmap=colormaps["gray"].with_extremes(bad=_MASKED),
        vmin=_LOW,
        vmax=max(top, 1.0),
        aspect="equal" if max(shown.shape) < 4 * min(shown.shape) else "auto",
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )


def _draw_outline(axes, found, first_row, first_column):
    """Draw the sides of marked pixels that others do not share."""
    padded = np.pad(found, 1)
    y, x = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])  # between a row and the next
    y, x = y + first_row - 0.5, x + first_column - 0.5
    style = {"color": "red", "linewidth": 0.8}
    axes.hlines(y, x, x + 1, **style)
    y, x = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    y, x = y + first_row - 0.5, x + first_column - 0.5
    axes.vlines(x, y, y + 1, **style)

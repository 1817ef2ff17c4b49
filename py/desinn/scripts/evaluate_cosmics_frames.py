"""Pictures of whole images of an evaluation: image, true rays, what was marked."""

from typing import NamedTuple

import numpy as np

from ..finders.ray_groups import measure_rays
from .cosmics_plots import binned, show_stretched
from .plots import figure_class

SIDE = 1024
"""Pixels along a side of what is drawn, at most."""

COLORS = {
    "true": "#f2f2f2",
    "missed": "#2f9bff",
    "false": "#ff3b30",
    "at a ray's edge": "#6b6b6b",
    "masked": "#1d2b45",
}
"""Colours of marked and missed pixels; of marks that are neither true nor false, for a ray only
touches the pixel; and of pixels that do not count."""

_STEP = 64  # pixels by which pieces are shifted in search of the busiest
_DPI = 100
_GAP, _TOP, _LEFT, _RIGHT, _BOTTOM = 0.75, 1.1, 0.75, 0.25, 0.5  # inches around the panels
_LEAST = 5.0  # inches along a side of a panel
_SOFT = 3.0  # times the noise: where the stretch turns from linear to logarithmic


class Piece(NamedTuple):
    """A part of an image, or all of it: (Y, X) each.

    Parameters
    ----------
    title : str
    corner : tuple of int
        Y and X of its first pixel in the image.
    image : numpy.ndarray
        float32, electrons over the read noise; NaN where pixels are masked.
    charge : numpy.ndarray
        float32, electrons of rays.
    ray, touched, marked, bad : numpy.ndarray
        bool: of rays; touched by them, these included; marked; masked.
    """

    title: str
    corner: tuple
    image: np.ndarray
    charge: np.ndarray
    ray: np.ndarray
    touched: np.ndarray
    marked: np.ndarray
    bad: np.ndarray


class FirstFrames:
    """The first image of each arm, or the part of it with most rays.

    Attributes
    ----------
    pieces : dict
        Arm -> `Piece`.
    """

    def __init__(self):
        self.pieces = {}

    def add(self, frame, truth, found, threshold, name=""):
        """Keep an image if it is the first of its arm.

        Parameters
        ----------
        frame : desinn.io.preproc.Preproc
        truth : desinn.io.ccd_truth.CcdTruth
        found : numpy.ndarray
            (Y, X) probabilities; or bool, what was marked.
        threshold : float
            A pixel with a larger probability is marked.
        name : str
            What the image is called.
        """
        arm = frame.camera[:1]
        if arm not in self.pieces:
            self.pieces[arm] = _piece(frame, truth, found > threshold, name)

    def draw(self):
        """Draw what was kept.

        Returns
        -------
        dict
            Name of the picture -> matplotlib.figure.Figure.
        """
        arms = sorted(self.pieces)
        return {f"cosmics-frame-{arm}": picture(self.pieces[arm]) for arm in arms}


def busiest(where, side=SIDE):
    """Return the part of an image in which most is set.

    Parameters
    ----------
    where : numpy.ndarray
        (Y, X) bool.
    side : int
        Pixels along each side, at most.

    Returns
    -------
    tuple of slice
        Of the image, along Y and X: all of a side that is not longer.

    Examples
    --------
    >>> where = np.zeros((100, 3000), bool)
    >>> where[50, 2000] = True
    >>> busiest(where)
    (slice(0, 100, None), slice(1024, 2048, None))
    """
    step = min(_STEP, side)
    number = binned(where.astype(np.int64), step)
    for axis in (0, 1):
        number = _running(number, side // step, axis)
    best = np.unravel_index(np.argmax(number), number.shape)
    spans = []
    for block, length in zip(best, where.shape, strict=True):
        first = max(min(int(block) * step, length - side), 0)
        spans.append(slice(first, min(first + side, length)))
    return tuple(spans)


def _running(values, size, axis):
    """Return sums over so many values from each one on, as far as there are some."""
    length = values.shape[axis]
    total = np.insert(np.cumsum(values, axis), 0, 0, axis)
    first = np.arange(length)
    return total.take(np.minimum(first + size, length), axis) - total.take(first, axis)


def _piece(frame, truth, marked, name):
    from ..evaluate.cosmic_pixels import bad_pixels, exposure_kind
    from ..io.ccd_truth import Truth

    bad = bad_pixels(frame) | ~np.isfinite(frame.image)
    ray, touched = (truth.bits & bit > 0 for bit in (Truth.RAY, Truth.TOUCHED))
    window = busiest((ray | marked) & ~bad)
    noise = max(float(np.median(frame.readnoise)), 1e-3)
    image = np.where(bad[window], np.nan, frame.image[window]) / np.float32(noise)
    # Copies: what a piece is cut out of shall not be kept.
    layers = (layer[window].copy() for layer in (truth.charge(), ray, touched, marked, bad))
    kind = exposure_kind(frame)
    ends = ", ".join(
        f"{axis} {span.start}-{span.stop - 1}" for axis, span in zip("yx", window, strict=True)
    )
    title = f"{name}: camera {frame.camera}, {kind}, {ends}"
    return Piece(title, tuple(span.start for span in window), image, *layers)


def picture(piece):
    """Draw a piece: image, true rays, what was marked.

    Parameters
    ----------
    piece : Piece

    Returns
    -------
    matplotlib.figure.Figure
    """
    y, x = piece.image.shape
    # Whole points for each pixel, or thin tracks would come and go.
    zoom = max(SIDE // max(y, x), 1) / _DPI
    width, height = max(zoom * x, _LEAST), max(zoom * y, _LEAST)
    size = (_LEFT + 3 * width + 2 * _GAP + _RIGHT, _BOTTOM + height + _TOP)
    figure = figure_class()(figsize=size)
    panels = [
        figure.add_axes(
            ((_LEFT + n * (width + _GAP)) / size[0], _BOTTOM / size[1], width / size[0],
             height / size[1])
        )
        for n in range(3)
    ]  # fmt: skip
    top, left = piece.corner
    extent = (left - 0.5, left + x - 0.5, top - 0.5, top + y - 0.5)
    show_stretched(panels[0], piece.image / _SOFT, extent, 99.7)
    style = {"origin": "lower", "extent": extent, "interpolation": "nearest"}
    panels[1].imshow(_true_rays(piece), **style)
    marks, counts = _marks(piece)
    panels[2].imshow(marks, **style)
    _rings(panels[2], piece)
    panels[2].set(xlim=extent[:2], ylim=extent[2:])
    for axes, title in zip(panels, ("image", "true rays (brighter: more charge)"), strict=False):
        axes.set_title(title, fontsize=16)
    _legend(panels[2], counts)
    for axes in panels:
        axes.tick_params(labelsize=11)
    figure.suptitle(piece.title, fontsize=18, y=1 - 0.2 / size[1], va="top")
    return figure


def _true_rays(piece):
    """Return a picture of the rays, brighter where more charge is: (Y, X, RGB)."""
    from matplotlib import colormaps

    picture = _plain(piece)
    if piece.ray.any():
        charge = np.log(np.maximum(piece.charge[piece.ray], 1))
        low, high = np.percentile(charge, (0, 99))
        bright = 0.5 + 0.5 * (charge - low) / max(high - low, 1e-3)
        picture[piece.ray] = colormaps["inferno"](np.minimum(bright, 1))[:, :3]
    return picture


def _marks(piece):
    """Return a picture of what was marked, (Y, X, RGB), and how many pixels there are of each."""
    from matplotlib.colors import to_rgb

    good = ~piece.bad
    layers = {
        "true": piece.ray & piece.marked & good,
        "missed": piece.ray & ~piece.marked & good,
        "false": piece.marked & ~piece.touched & good,
        "at a ray's edge": piece.marked & piece.touched & ~piece.ray & good,
    }
    picture = _plain(piece)
    for name, where in layers.items():
        picture[where] = to_rgb(COLORS[name])
    return picture, {name: np.count_nonzero(where) for name, where in layers.items()}


def _rings(axes, piece):
    """Draw rings around false marks, and rays without a mark: some are but one pixel."""
    good = ~piece.bad
    marked = piece.marked.astype(np.float32)
    rays = measure_rays(piece.charge, marked, piece.ray & good, piece.bad)
    false = measure_rays(marked, marked, piece.marked & ~piece.touched & good, piece.bad)
    top, left = piece.corner
    for name, groups in (("missed", rays[rays["MAXPROB"] == 0]), ("false", false)):
        axes.scatter(groups["X"] + left, groups["Y"] + top, s=120, facecolors="none",
                     edgecolors=COLORS[name], linewidths=1)  # fmt: skip


def _plain(piece):
    """Return black, but for masked pixels: (Y, X, RGB)."""
    from matplotlib.colors import to_rgb

    picture = np.zeros((*piece.bad.shape, 3), np.float32)  # (Y, X) -> (Y, X, RGB)
    picture[piece.bad] = to_rgb(COLORS["masked"])
    return picture


def _legend(axes, counts):
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=COLORS[name], edgecolor="black", label=f"{name}: {number}")
        for name, number in counts.items()
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4,
                title="what was marked", title_fontsize=16, fontsize=13, frameon=False,
                borderpad=0, columnspacing=1.2, handlelength=1.2)  # fmt: skip

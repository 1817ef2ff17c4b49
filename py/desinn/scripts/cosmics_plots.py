"""Pictures of CCD images with their marks, for eyes."""

import numpy as np

from .plots import figure_class, save_figure

BRIGHT, DOUBTFUL = 3, 3
"""So many rays of the largest charge, and of the least probability, are drawn by themselves."""

_PIXELS = 800  # of the picture, along the longer side of the image
_LEAST = 48  # pixels of the image along a side of a cut-out
_AROUND = 8  # pixels around a group
_SOFT = 3.0  # times the noise: where the stretch turns from linear to logarithmic
_LOW = np.arcsinh(-1.5)  # what is black
_MASKED = "#3b5b92"
_NOTE = (
    "red: marked; blue: masked, not searched\nright: the "
    f"{BRIGHT} brightest rays (1-{BRIGHT}), and the {DOUBTFUL} most doubtful of the others, "
    f"just above the threshold ({BRIGHT + 1}-{BRIGHT + DOUBTFUL}): pixels, electrons, probability"
)


def plot_marks(path, image, found, bad, noise, rays, title):
    """Draw an image, what was marked over it, and cut-outs of the rays of `chosen_rays`.

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
    rays : numpy.ndarray
        (R,) of `desinn.finders.ray_groups.RAY`.
    title : str

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    figure = figure_class()(figsize=(14, 9), layout="compressed")
    figure.get_layout_engine().set(w_pad=0.1)
    names = [["frame", f"{row}", f"{BRIGHT + row}"] for row in range(BRIGHT)]
    panels = figure.subplot_mosaic(names, width_ratios=(3.1, 1, 1))
    # What is not finite is lost, as the finder has it.
    seen = np.where(bad | ~np.isfinite(image), np.nan, image) / (_SOFT * max(noise, 1e-3))
    chosen = chosen_rays(rays)
    windows = {number: _window(rays[row], found.shape) for number, row in chosen.items()}
    _draw_frame(panels["frame"], seen, found, windows)
    for number in range(BRIGHT + DOUBTFUL):
        panel = panels[str(number)]
        if number in chosen:
            _draw_ray(panel, seen, found, windows[number])
            panel.set_title(_label(number, rays[chosen[number]]), fontsize=9)
        else:
            panel.set_axis_off()
    figure.suptitle(f"{title}\n{_NOTE}", fontsize=11)
    save_figure(path, figure)


def chosen_rays(rays):
    """Return which rays are drawn by themselves: the brightest, the most doubtful of the others.

    Parameters
    ----------
    rays : numpy.ndarray
        (R,) structured, with CHARGE and MAXPROB.

    Returns
    -------
    dict
        Number of the cut-out, from 0 -> row in `rays`. Of equal ones the first comes first. The
        numbers of the doubtful ones are the same, however many bright ones there are.

    Examples
    --------
    >>> rays = np.zeros(5, [("CHARGE", "f4"), ("MAXPROB", "f4")])
    >>> rays["CHARGE"], rays["MAXPROB"] = [5, 9, 7, 8, 6], [0.9, 0.3, 0.8, 0.7, 0.4]
    >>> chosen_rays(rays)
    {0: 1, 1: 3, 2: 2, 3: 4, 4: 0}
    """
    bright = np.argsort(-rays["CHARGE"], kind="stable")[:BRIGHT]
    order = np.argsort(rays["MAXPROB"], kind="stable")
    doubtful = order[~np.isin(order, bright)][:DOUBTFUL]
    chosen = [*enumerate(bright.tolist()), *enumerate(doubtful.tolist(), BRIGHT)]
    return dict(chosen)


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


def show_stretched(axes, values, extent, percentile):
    """Draw an image in an asinh stretch, up to where most of it is.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : numpy.ndarray
        (Y, X) in units of where the stretch turns from linear to logarithmic; NaN is masked.
    extent : tuple of float
        Left, right, bottom, top.
    percentile : float
        Of the pixels, that is white.
    """
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


def draw_outline(axes, where, color, width, corner=(0, 0)):
    """Draw the sides of pixels that others do not share: contours would round them off.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    where : numpy.ndarray
        (Y, X) bool.
    color : str
    width : float
        Of the lines, points.
    corner : tuple of int
        Y and X of the first pixel.
    """
    style = {"color": color, "linewidth": width}
    padded = np.pad(where, 1)
    y, x = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])  # between a row and the next
    y, x = y + corner[0] - 0.5, x + corner[1] - 0.5
    axes.hlines(y, x, x + 1, **style)
    y, x = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    y, x = y + corner[0] - 0.5, x + corner[1] - 0.5
    axes.vlines(x, y, y + 1, **style)


def _window(ray, shape):
    """Return a square around a ray, as far as it is inside the image."""
    boxes = [(int(ray[f"{axis}MIN"]), int(ray[f"{axis}MAX"]) + 1) for axis in "YX"]
    side = max(_LEAST, *(stop - start + 2 * _AROUND for start, stop in boxes))
    spans = []
    for (start, stop), length in zip(boxes, shape, strict=True):
        low = max(min((start + stop - side) // 2, length - side), 0)
        spans.append(slice(low, min(low + side, length)))
    return tuple(spans)


def _label(number, ray):
    size = "1 pixel" if ray["NPIX"] == 1 else f"{ray['NPIX']} pixels"
    return f"{number + 1}: {size}, {ray['CHARGE']:.0f} e, p {ray['MAXPROB']:.3f}"


def _draw_frame(axes, seen, found, windows):
    step = -(-max(seen.shape) // _PIXELS)
    good = np.isfinite(seen)
    number = binned(good.astype(np.int32), step)
    total = binned(np.where(good, seen, 0), step)
    mean = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    y, x = (step * n - 0.5 for n in number.shape)
    extent = (-0.5, x, -0.5, y)
    show_stretched(axes, mean, extent, 99.7)
    marks = np.zeros((*number.shape, 4), np.float32)  # (Y, X) -> (Y, X, RGBA)
    marks[binned(found.astype(np.int32), step) > 0] = (1, 0, 0, 1)
    style = {"origin": "lower", "extent": extent, "interpolation": "nearest"}
    axes.imshow(marks, aspect=axes.get_aspect(), **style)
    axes.set(xlim=(-0.5, seen.shape[1] - 0.5), ylim=(-0.5, seen.shape[0] - 0.5))
    axes.set(xlabel="x [pixels]", ylabel="y [pixels]")
    for number, window in windows.items():
        _mark_window(axes, number + 1, *window)


def _mark_window(axes, name, rows, columns):
    left, right, low, high = (
        end - 0.5 for end in (columns.start, columns.stop, rows.start, rows.stop)
    )
    axes.plot([left, right, right, left, left], [low, low, high, high, low], color="cyan",
              linewidth=0.8)  # fmt: skip
    # Inside: beyond the window there may be nothing left of the picture.
    axes.text(left, high, f" {name}", color="cyan", fontsize=11, fontweight="bold", va="top")


def _draw_ray(axes, seen, found, window):
    rows, columns = window
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.start - 0.5, rows.stop - 0.5)
    show_stretched(axes, seen[window], extent, 100)
    draw_outline(axes, found[window], "red", 0.8, (rows.start, columns.start))
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)

"""Pictures of an evaluation of cosmic rays: the ROC, what is found, the worst failures."""

import numpy as np

from .cosmics_plots import draw_outline
from .plots import draw_rates, panels_of, save_figures

COLORS = {None: "black", "b": "tab:blue", "r": "tab:red", "z": "tab:purple"}
ROWS, COLUMNS = 4, 6
"""Panels on a page, two for each failure; the last page may have fewer rows."""

SOFT = 2.0
"""Noises above the background from which on the grey scale is logarithmic."""

RAY_COLOR, MARK_COLOR = "tab:cyan", "tab:red"


def draw(folder, scores, content, frames=None):
    """Draw all pictures of an evaluation; older ones of the same name are replaced.

    Parameters
    ----------
    folder : str
        Exists.
    scores : desinn.evaluate.cosmic_scores.CosmicScores
    content : dict
        As `desinn.evaluate.cosmic_report.evaluate_cosmics` returns it for them.
    frames : desinn.scripts.evaluate_cosmics_frames.FirstFrames, optional
        Images to be drawn whole.

    Returns
    -------
    list of str
        The files.
    """
    figures = {"cosmics-roc": roc(content), "cosmics-rays": found(content)}
    for kind, cutouts in scores.cutouts.items():
        pages = _pages(list(cutouts))
        figures |= {f"cosmics-{kind}-{n:02d}": gallery(page) for n, page in enumerate(pages, 1)}
    if frames is not None:
        figures |= frames.draw()
    return save_figures(folder, figures)


def roc(content):
    """Draw the rate of true marks against that of false ones.

    Parameters
    ----------
    content : dict

    Returns
    -------
    matplotlib.figure.Figure or None
        None where there are no rays.
    """
    if not any(entry["points"] for entry in content["curve"]):
        return None
    figure, (axes,) = panels_of(1, 1, 7, 5)
    for entry in content["curve"]:
        false, true = (np.array([p[key] for p in entry["points"]]) for key in ("false", "true"))
        name, some = entry["arm"], false > 0
        axes.plot(false[some], true[some], color=COLORS.get(name, "0.5"), label=name or "all",
                  linewidth=1 if name else 2, drawstyle="steps-post")  # fmt: skip
        _chosen(axes, content["groups"], name)
    for level in content["groups"][0]["levels"]:
        axes.axvline(level["level"], color="0.7", linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_xlim(1e-7, 1)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("false-positive rate (pixels that no ray touches)")
    axes.set_ylabel("true-positive rate (pixels above 3 sigma)")
    own = "as marked" if content["options"]["thresholds"] is None else "at the own thresholds"
    axes.set_title(f"dots: {own}", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def _chosen(axes, groups, arm):
    """Draw a dot for what was marked."""
    wanted = {"arm": arm, "exposure": None, "device": None}
    for group in groups:
        if wanted.items() <= group.items() and group["completeness"]["n"]:
            false = max(group["false"]["value"] or 0, 1.2e-7)
            axes.plot(false, group["completeness"]["value"], "o", color=COLORS.get(arm, "0.5"))


def found(content):
    """Draw which rays are found, by their charge, and which of their pixels, by S/N.

    Parameters
    ----------
    content : dict

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = panels_of(1, 2, 6)
    for key, label in (("found", "half of the pixels"), ("noticed", "one pixel")):
        _points(panels[0], content["rays"]["charge"], key, label)
    panels[0].set_xlabel("electrons of the ray")
    panels[0].set_ylabel("rays found")
    for place in dict.fromkeys(entry["place"] for entry in content["pixels"]):
        entries = [e for e in content["pixels"] if e["place"] == place and not _whole(e)]
        _points(panels[1], entries, "completeness", place or "all")
    panels[1].set_xlabel("S/N of the pixel")
    panels[1].set_ylabel("pixels found")
    for axes in panels:
        axes.set_xscale("log")
        axes.set_ylim(-0.03, 1.03)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right")
    return figure


def _whole(entry):
    return entry["from"] is None and entry["to"] is None


def _points(axes, bins, key, label):
    bins = [entry for entry in bins if entry[key]["n"]]
    if bins:
        centre = [_centre(entry["from"], entry["to"]) for entry in bins]
        draw_rates(axes, bins, key, centre, label=label)


def _centre(low, high):
    if low is None:
        return high / 1.5
    return low * 1.5 if high is None else np.sqrt(low * high)


def _pages(cutouts):
    size = ROWS * COLUMNS // 2
    return [cutouts[first : first + size] for first in range(0, len(cutouts), size)]


def gallery(cutouts):
    """Draw failures: each as it is, and beside that with rays and marks.

    Parameters
    ----------
    cutouts : list of desinn.evaluate.cosmic_cutouts.CutOut

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = -(-2 * len(cutouts) // COLUMNS)
    figure, panels = panels_of(rows, COLUMNS, 2.2, 2.5)
    for axes in panels:
        axes.set_axis_off()
    for number, cutout in enumerate(cutouts):
        plain, marked = panels[2 * number : 2 * number + 2]
        for axes in (plain, marked):
            axes.imshow(_stretched(cutout.image), origin="lower", cmap="gray", vmin=-0.1, vmax=1)
        for layer, color, width in (
            (cutout.ray, RAY_COLOR, 1.4),
            (cutout.marked, MARK_COLOR, 0.7),
        ):
            draw_outline(marked, layer, color, width)
        about = cutout.about
        plain.set_title(f"{about['camera']} {about['exposure']}", fontsize=8)
        marked.set_title(f"({about['y']:.0f}, {about['x']:.0f})  p {about['best']:.3g}",
                         fontsize=8)  # fmt: skip
    figure.suptitle("cyan: rays above 3 sigma; red: what is marked", fontsize=9)
    return figure


def _stretched(image):
    """Return an image from 0 (background) to 1 (brightest), faint things drawn out."""
    good = image[np.isfinite(image)]
    if not good.size:
        return np.zeros(image.shape)
    low, middle = np.quantile(good, (0.16, 0.5))
    scaled = np.arcsinh((image - middle) / (SOFT * max(middle - low, 1.0)))
    top = np.nanmax(scaled)
    return scaled / top if top > 0 else scaled

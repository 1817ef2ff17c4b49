"""Pictures of an evaluation of absorbers: rates, the curve, errors and pulls."""

import itertools

import numpy as np

from .plots import draw_rates, panels_of, save_figures, scale_snr

COLORS = {"completeness": "tab:blue", "purity": "tab:orange"}
WIDEST_PULL = 5.0
UNITS = {"NHI": "log N", "Z": "z"}


def draw(folder, sample, content):
    """Draw all pictures of an evaluation; older ones of the same name are replaced.

    Parameters
    ----------
    folder : str
        Exists.
    sample : desinn.evaluate.absorbers.AbsorberSample
    content : dict
        As `desinn.evaluate.absorber_report.evaluate_absorbers` returns it for the sample.

    Returns
    -------
    list of str
        The files.
    """
    from ..evaluate.absorber_errors import pairs_of

    threshold = content["options"]["threshold"]
    pairs = pairs_of(sample, threshold)
    figures = {
        "dla-rates": rates(content),
        "dla-curve": threshold_curve(content),
        "dla-errors": errors(pairs),
        "dla-pulls": pulls(pairs),
    }
    return save_figures(folder, figures)


def rates(content):
    """Draw completeness and purity against log N and S/N, with their intervals.

    Parameters
    ----------
    content : dict

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, panels = panels_of(1, 2, 6)
    for axes, bins, shift in zip(
        panels, (content["nhi"], content["fine_snr"]), (0.001, 0.03), strict=True
    ):
        for number, name in enumerate(COLORS):
            _points(axes, bins, name, shift * number, name)
            _points(axes, bins, f"{name}_strict", shift * number, f"{name}, strict")
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("completeness, purity")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    panels[0].axvline(20.3, color="0.5", linewidth=1, linestyle="--")
    panels[0].set_xlabel("log N: true (completeness), found (purity)")
    scale_snr(panels[1])
    panels[1].set_xlabel("SNR_REDSIDE per 0.8 A")
    return figure


def _points(axes, bins, name, shift, label):
    bins = [entry for entry in bins if entry[name]["n"]]
    centre = [_centre(entry) * (1 + shift) for entry in bins]  # side by side
    strict = name.endswith("_strict")
    style = {"linestyle": ":", "markerfacecolor": "white"} if strict else {}
    color = COLORS[name.removesuffix("_strict")]
    draw_rates(axes, bins, name, centre, color=color, label=label, **style)


def _centre(entry):
    """Return where a bin is drawn; one without an end, near the one it has."""
    low, high = entry["from"], entry["to"]
    if low is None:
        return 0.7 * high
    if high is None:
        return low + 0.15 if low > 15 else 1.4 * low  # log N, S/N
    return (low + high) / 2


def threshold_curve(content):
    """Draw purity against completeness along the threshold, and both against the threshold.

    Parameters
    ----------
    content : dict

    Returns
    -------
    matplotlib.figure.Figure or None
        None where nothing was found.
    """
    points = [p for p in content["curve"] if p["completeness"]["n"] and p["purity"]["n"]]
    if not points:
        return None
    figure, panels = panels_of(1, 2)
    threshold = [p["threshold"] for p in points]
    for suffix, style, label in (("", "-", "with tolerance"), ("_strict", ":", "strict")):
        values = {name: np.array([p[name + suffix]["value"] for p in points]) for name in COLORS}
        panels[0].plot(*values.values(), linestyle=style, color="black", label=label)
        chosen = [content["all"][name + suffix]["value"] for name in COLORS]
        if None not in chosen:
            panels[0].plot(*chosen, marker="o", color="tab:red", linestyle="none")
        for name, color in COLORS.items():
            label = f"{name}{', strict' if suffix else ''}"
            panels[1].plot(threshold, values[name], linestyle=style, color=color, label=label)
    cut = content["options"]["threshold"]
    panels[1].axvline(cut, color="tab:red", linewidth=1)
    panels[0].set_title(f"red: DLA_CONFIDENCE >= {cut:g}", fontsize=9)
    panels[0].set_xlabel("completeness")
    panels[0].set_ylabel("purity")
    panels[1].set_xlabel("threshold on DLA_CONFIDENCE")
    for axes in panels:
        axes.set_ylim(-0.03, 1.03)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left")
    return figure


def errors(pairs):
    """Draw found against true log N, and the errors of log N and z along it.

    Parameters
    ----------
    pairs : structured array of dtype `desinn.evaluate.absorber_errors.PAIR`

    Returns
    -------
    matplotlib.figure.Figure or None
        None where nothing found is there.
    """
    from ..evaluate.absorber_errors import difference

    if not len(pairs):
        return None
    figure, panels = panels_of(1, 3, 5)
    panels[0].scatter(pairs["NHI_TRUE"], pairs["NHI"], s=5, alpha=0.4)
    panels[0].axline((20.3, 20.3), slope=1, color="black", linewidth=1)
    panels[0].set_ylabel("log N found")
    for axes, quantity in zip(panels[1:], UNITS, strict=True):
        off = difference(pairs, quantity)
        axes.scatter(pairs["NHI_TRUE"], off, s=5, alpha=0.4)
        _running(axes, pairs["NHI_TRUE"], off)
        axes.axhline(0, color="black", linewidth=1)
        # Some far away would hide how the others lie.
        most = 1.1 * np.quantile(np.abs(off), 0.99) or 1.0
        axes.set_ylim(-most, most)
        axes.set_ylabel(f"{UNITS[quantity]}, found - true")
    for axes in panels:
        axes.axvline(20.3, color="0.5", linewidth=1, linestyle="--")
        axes.set_xlabel("true log N")
        axes.grid(alpha=0.3)
    return figure


def _running(axes, nhi, off):
    """Draw median and 1.48 MAD in bins of log N."""
    from ..evaluate.intervals import spread

    edges = np.arange(np.floor(nhi.min() / 0.3) * 0.3, nhi.max() + 0.3, 0.3)
    rows = [off[(nhi >= a) & (nhi < b)] for a, b in itertools.pairwise(edges)]
    there = [(a + 0.15, *spread(r)) for a, r in zip(edges[:-1], rows, strict=True) if len(r) > 4]
    if there:
        centre, median, mad = np.array(there).T
        axes.errorbar(centre, median, mad, marker="s", color="tab:red", linestyle="none",
                      capsize=3, label="median, 1.48 MAD")  # fmt: skip
        axes.legend(loc="upper right")


def pulls(pairs):
    """Draw histograms of the pulls of log N and z, beside a Gaussian of 1.

    Parameters
    ----------
    pairs : structured array of dtype `desinn.evaluate.absorber_errors.PAIR`

    Returns
    -------
    matplotlib.figure.Figure or None
        None where no pair states an error.
    """
    from ..evaluate.absorber_errors import pull
    from ..finders.absorbers import MIN_DLA

    dlas = pairs[pairs["NHI_TRUE"] >= MIN_DLA]
    values = {quantity: pull(dlas, quantity) for quantity in UNITS}
    if not any(v.size for v in values.values()):
        return None
    figure, panels = panels_of(1, 2)
    edges = np.linspace(-WIDEST_PULL, WIDEST_PULL, 41)
    gauss = np.exp(-0.5 * edges**2) / np.sqrt(2 * np.pi)
    for axes, (quantity, pulled) in zip(panels, values.items(), strict=True):
        # What lies beyond is put into the outermost bins, so that it is seen.
        axes.hist(np.clip(pulled, edges[0], edges[-1]), edges, color="tab:blue", alpha=0.7)
        axes.plot(edges, gauss * pulled.size * (edges[1] - edges[0]), color="black")
        if pulled.size:
            axes.set_title(f"mean {pulled.mean():.2f}, sigma {pulled.std():.2f}", fontsize=9)
        axes.set_xlabel(f"pull of {UNITS[quantity]}, true log N >= {MIN_DLA}")
        axes.set_ylabel("absorbers")
    return figure

"""Pictures of an evaluation: rates, redshift errors, confidences, and each failure."""

import os

import numpy as np

from .plots import draw_rates, save_figures, scale_snr
from .plots import panels_of as _figure
from .plots import save_figure as _save

PANELS = 12
"""Failures on one page."""

SMOOTH = 3
"""Bins over which a failure's spectrum is averaged."""


def draw(folder, sample, content, options):
    """Draw all pictures of an evaluation; older ones of the same name are replaced.

    Parameters
    ----------
    folder : str
        Exists.
    sample : desinn.evaluate.sample.Sample
    content : dict
        As `desinn.evaluate.report.evaluate` returns it for the sample.
    options : desinn.evaluate.report.Options
        Those it was made with.

    Returns
    -------
    list of str
        The files.
    """
    figures = {
        "rates-snr": rates(content, "snr", "S/N per 0.8 A"),
        "rates-z": rates(content, "redshift", "redshift"),
        "dv": velocities(sample, content, options),
        "confidence": confidences(sample),
        "reliability": heads(content),
        "redshift": redshifts(sample, content, options),
    }
    return save_figures(folder, figures) + failures(folder, sample, options)


def rates(content, by, label):
    """Draw completeness and purity in bins, with their intervals.

    Parameters
    ----------
    content : dict
    by : str
        ``snr`` or ``redshift``.
    label : str
        What the bins are of.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where there are no bins.
    """
    if not any(section[by] for section in content["thresholds"]):
        return None
    figure, panels = _figure(1, 2)
    for axes, rate in zip(panels, ("completeness", "purity"), strict=True):
        for number, section in enumerate(content["thresholds"]):
            bins = [b for b in section[by] if b["to"] is not None and b[rate]["n"]]
            # Side by side, where several thresholds agree.
            centre = [(b["from"] + b["to"]) / 2 * (1 + 0.015 * number) for b in bins]
            draw_rates(axes, bins, rate, centre, label=f"c > {section['c_thresh']:g}")
        if by == "snr":  # whose bins are even so
            scale_snr(axes)
        axes.set_xlabel(label)
        axes.set_ylabel(rate)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def velocities(sample, content, options):
    """Draw the histogram of dv at the first threshold.

    Parameters
    ----------
    sample : desinn.evaluate.sample.Sample
    content : dict
    options : desinn.evaluate.report.Options

    Returns
    -------
    matplotlib.figure.Figure
    """
    from ..evaluate.scoring import C_KMS

    section = content["thresholds"][0]
    z, true = _found_redshifts(sample, section["c_thresh"], options)
    dv = C_KMS * (z - true) / (1 + true)
    figure, (axes,) = _figure(1, 1, 7)
    axes.hist(dv, np.linspace(-options.limit, options.limit, 61), color="tab:blue")
    median, mad = (section["all"][key]["value"] for key in ("median", "mad"))
    if median is not None:
        axes.axvline(median, color="black", linewidth=1)
        axes.set_title(f"median {median:.0f} km/s, 1.48 MAD {mad:.0f} km/s")
    axes.set_xlabel("dv [km/s]")
    axes.set_ylabel("quasars")
    return figure


def _found_redshifts(sample, c_thresh, options):
    """Return found and true redshift of the quasars that were found."""
    from ..evaluate.report import called

    rows = called(sample, c_thresh, options) & (sample.truth["TRUESPECTYPE"] == "QSO")
    return sample.found["Z_QN"][rows], sample.truth["TRUEZ"][rows]


def confidences(sample):
    """Draw how sure the network was of the spectra of each class.

    Parameters
    ----------
    sample : desinn.evaluate.sample.Sample

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (axes,) = _figure(1, 1, 7)
    run = sample.found["IS_QSO_QN"] != -1
    for kind in sorted(set(sample.truth["TRUESPECTYPE"].tolist())):
        values = sample.found["Z_QN_CONF"][run & (sample.truth["TRUESPECTYPE"] == kind)]
        label = f"{kind} ({values.size})"
        axes.hist(values, np.linspace(0, 1, 51), histtype="step", label=label, linewidth=1.5)
    axes.set_yscale("symlog", linthresh=1)  # counts of 0 are there, too
    axes.set_xlabel("confidence of the best line")
    axes.set_ylabel("spectra")
    axes.legend(loc="upper center")
    return figure


def heads(content):
    """Draw the reliability diagram of each line.

    Parameters
    ----------
    content : dict

    Returns
    -------
    matplotlib.figure.Figure or None
        None where nothing is known of any line.
    """
    diagrams = content["reliability"]
    if not diagrams:
        return None
    columns = min(len(diagrams), 4)
    figure, panels = _figure(-(-len(diagrams) // columns), columns, 3, 3)
    for axes in panels[len(diagrams) :]:
        axes.set_axis_off()
    for axes, (name, diagram) in zip(panels, diagrams.items(), strict=False):
        _diagram(axes, diagram)
        axes.set_title(f"{name}, error {diagram['error']:.4f}", fontsize=9)
    figure.supxlabel("confidence")
    figure.supylabel("fraction right")
    return figure


def _diagram(axes, diagram):
    keys = ("predicted", "observed", "low", "high")
    predicted, observed, low, high = (np.array(diagram[key], float) for key in keys)
    rows = np.array(diagram["count"]) > 0
    error = np.maximum([observed - low, high - observed], 0)[:, rows]
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.errorbar(predicted[rows], observed[rows], error, marker="o", markersize=4, capsize=2)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def redshifts(sample, content, options):
    """Draw found against true redshifts at the first threshold, with the usual confusions.

    Parameters
    ----------
    sample : desinn.evaluate.sample.Sample
    content : dict
    options : desinn.evaluate.report.Options

    Returns
    -------
    matplotlib.figure.Figure
    """
    z, true = _found_redshifts(sample, content["thresholds"][0]["c_thresh"], options)
    figure, (axes,) = _figure(1, 1, 6, 6)
    top = 1.05 * max(true.max(initial=1), z.max(initial=1))
    span = np.array([0, top])
    rest = {k: v for k, v in sample.lines.items() if not k.endswith("_BAL")}
    for a in rest.values():  # line a taken for line b
        for b in rest.values():
            axes.plot(span, (1 + span) * a / b - 1, color="0.9", linewidth=0.8, zorder=0)
    axes.scatter(true, z, s=6, alpha=0.6)
    axes.set_xlim(*span)
    axes.set_ylim(*span)
    axes.set_xlabel("true redshift")
    axes.set_ylabel("redshift found")
    return figure


def failures(folder, sample, options):
    """Draw the spectra of the missed, the false and the catastrophic, some on a page.

    Parameters
    ----------
    folder : str
    sample : desinn.evaluate.sample.Sample
    options : desinn.evaluate.report.Options
        At the first threshold; of each kind at most ``failures``.

    Returns
    -------
    list of str
        The files, such as missed-01.png.
    """
    from ..evaluate.report import FAILURES
    from ..evaluate.scoring import score

    n_thresh = options.n_thresh or sample.n_thresh
    result = score(sample.found, sample.truth, options.c_thresh[0], n_thresh, options.limit)
    names = []
    for kind in FAILURES:
        rows = np.flatnonzero(getattr(result, kind))[: options.failures]
        spectra = _spectra(sample, rows)
        rows = [row for row in rows if row in spectra]
        for page, start in enumerate(range(0, len(rows), PANELS), 1):
            path = os.path.join(folder, f"{kind}-{page:02d}.png")
            figure = _page(sample, rows[start : start + PANELS], spectra)
            names.append(_save(path, figure))
    return names


def _spectra(sample, rows):
    """Return row -> spectrum on the network's grid, each file read once."""
    from ..io.read import read_spectra
    from ..io.truth import is_list
    from ..spectra import rebin

    found = {}
    files = sample.truth["FILE"]
    for number in sorted({int(files[row]) for row in rows}):
        path = sample.files[number]
        if is_list(path):  # beside a catalogue: spectra are not known
            continue
        here = [row for row in rows if files[row] == number]
        spectra = read_spectra(path)
        # By their TARGETIDs where these tell them apart: a truth may be in another order.
        place = {target: number for number, target in enumerate(spectra.targetid.tolist())}
        places = [place.get(int(sample.found["TARGETID"][row]), -1) for row in here]
        if len(place) < len(spectra):
            places = sample.truth["ROW"][here].tolist()
        known = [(row, number) for row, number in zip(here, places, strict=True) if number >= 0]
        chosen = spectra[np.array([number for _, number in known], int)]
        flux, ivar = rebin(chosen.cameras, sample.grid)
        found.update(zip((row for row, _ in known), zip(flux, ivar, strict=True), strict=True))
    return found


def _page(sample, rows, spectra):
    figure, panels = _figure(-(-len(rows) // 2), min(len(rows), 2), 7, 2.4)
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    for axes, row in zip(panels, rows, strict=False):
        _failure(axes, sample, row, *spectra[row])
    return figure


def _failure(axes, sample, row, flux, ivar):
    found, truth = sample.found[row], sample.truth[row]
    use = ivar > 0
    wave = sample.grid.wave
    if use.any():
        smooth = _smoothed(flux, ivar)
        # No line is drawn across a gap.
        axes.plot(wave, np.where(use, flux, np.nan), color="0.8", linewidth=0.6)
        axes.plot(wave, np.where(use, smooth, np.nan), color="black", linewidth=0.8)
        axes.set_ylim(*_limits(smooth[use]))
    if truth["TRUESPECTYPE"] == "QSO":
        _lines(axes, sample, truth["TRUEZ"], "tab:green", "--", 0.98)
    _lines(axes, sample, found["Z_QN"], "tab:red", ":", 0.12)  # the other one shows through
    axes.set_xlim(wave[0], wave[-1])
    axes.tick_params(labelsize=7)
    kind = f"{truth['TRUESPECTYPE']} {truth['TRUESUBTYPE']}".strip()
    axes.set_title(
        f"{truth['NAME'] or found['TARGETID']}: {kind} z = {truth['TRUEZ']:.3f} (green), "
        f"found z = {found['Z_QN']:.3f} (red), c = {found['Z_QN_CONF']:.2f}",
        fontsize=8,
    )


def _smoothed(flux, ivar):
    """Return the running mean, weighted with the ivar."""
    window = np.ones(SMOOTH)
    total = np.convolve(ivar, window, "same")
    return np.convolve(flux * ivar, window, "same") / np.maximum(total, np.finfo(float).tiny)


def _limits(flux):
    """Return limits of the axis that outliers do not set."""
    low, high = np.percentile(flux, [2, 98])
    room = 0.3 * (high - low) or 1.0
    return low - room, high + room


def _lines(axes, sample, z, color, style, height):
    low, high = sample.grid.wave[[0, -1]]
    for name, rest in sample.lines.items():
        wave = rest * (1 + z)
        if low < wave < high and not name.endswith("_BAL"):
            axes.axvline(wave, color=color, linewidth=0.8, linestyle=style)
            axes.text(wave, height, f" {name}", color=color, fontsize=7, va="top",
                      transform=axes.get_xaxis_transform(), clip_on=True)  # fmt: skip

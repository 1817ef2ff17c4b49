"""Pictures of what was found, for eyes."""

import os

import numpy as np

SNR_TICKS = (0.2, 0.5, 1, 2, 5, 10, 20)


def plot_quasar(path, spectra, row, found, finder, c_thresh):
    """Draw one spectrum as the network saw it, with the lines where it puts them.

    Parameters
    ----------
    path : str or os.PathLike
        PNG file to write; an existing one is replaced.
    spectra : desinn.spectra.Spectra
    row : int
        Which of the spectra.
    found : astropy.table.Row
        The finder's row for it.
    finder : desinn.finders.qso.QSOFinder
    c_thresh : float
        Lines with a larger confidence are drawn in red, others in blue.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    from ..spectra import rebin

    flux, ivar = (array[0] for array in rebin(spectra[row : row + 1].cameras, finder.grid))
    use = ivar > 0
    wave, flux, error = finder.grid.wave[use], flux[use], ivar[use] ** -0.5
    figure = figure_class()(figsize=(10, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(wave, flux - error, flux + error, step="mid", color="0.8", linewidth=0)
    axes.step(wave, flux, where="mid", color="black", linewidth=0.8)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.25 * (high - low))  # room for the names of lines
    for name, rest in finder.lines.items():
        _mark(axes, name, rest * (1 + found["Z_QN"]), found[f"C_{name}"], c_thresh)
    axes.set_xlim(wave[0], wave[-1])
    axes.set_xlabel("wavelength [Angstrom]")
    axes.set_ylabel("flux")
    source = os.path.basename(spectra.source or "spectra")
    axes.set_title(
        f"{source} row {row}, TARGETID {found['TARGETID']}: "
        f"z = {found['Z_QN']:.3f}, confidence {found['Z_QN_CONF']:.3f}"
    )
    save_figure(path, figure)


def figure_class():
    """Return matplotlib's Figure, or raise an ImportError that says how to install it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("pictures need matplotlib: pip install 'desinn[plot]'") from None
    return Figure


def panels_of(rows, columns, width=5.0, height=4.0):
    """Return a figure of several panels.

    Parameters
    ----------
    rows, columns : int
    width, height : float
        Of a panel, in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : ndarray of matplotlib.axes.Axes, shape (rows * columns,)
        Row by row.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    size = (width * columns, height * rows)
    figure = figure_class()(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).ravel()


def save_figure(path, figure):
    """Write a figure to a PNG file; an existing one is replaced.

    Parameters
    ----------
    path : str
    figure : matplotlib.figure.Figure

    Returns
    -------
    str
        The path.
    """
    from ..files import whole_file

    with whole_file(path, overwrite=True) as name:
        figure.savefig(name, dpi=100)
    return path


def save_figures(folder, figures):
    """Write figures to PNG files; existing ones are replaced.

    Parameters
    ----------
    folder : str
        Exists.
    figures : dict
        Name -> matplotlib.figure.Figure, or None where there is nothing to draw.

    Returns
    -------
    list of str
        The files.
    """
    return [
        save_figure(os.path.join(folder, f"{name}.png"), figure)
        for name, figure in figures.items()
        if figure is not None
    ]


def draw_rates(axes, entries, key, centre, **style):
    """Draw rates with their intervals.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    entries : sequence of dict
        Of a report, such as its bins.
    key : str
        Which rate of each.
    centre : array_like
        Where each is drawn.
    **style
        For ``errorbar``.
    """
    low, value, high = (
        np.array([entry[key][end] for entry in entries], float) for end in ("low", "value", "high")
    )
    error = np.maximum([value - low, high - value], 0)  # which rounding may take below
    axes.errorbar(centre, value, error, marker="o", capsize=3, **style)


def scale_snr(axes):
    """Make the x axis one of S/N.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    """
    axes.set_xscale("log")
    axes.set_xticks(SNR_TICKS, map(str, SNR_TICKS))
    axes.set_xticks([], minor=True)


def _mark(axes, name, wave, confidence, threshold):
    """Mark a line at the quasar's redshift; faint where the network does not see it."""
    if not axes.dataLim.x0 < wave < axes.dataLim.x1:
        return
    color = "tab:red" if confidence > threshold else "tab:blue"
    axes.axvline(wave, color=color, linewidth=0.8, linestyle="--")
    label = f" {name}\n {confidence:.2f}"
    axes.text(wave, 0.98, label, color=color, va="top", transform=axes.get_xaxis_transform())

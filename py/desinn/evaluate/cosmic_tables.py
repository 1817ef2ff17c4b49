"""A report on cosmic rays for readers: the tables and what their columns mean."""

from .cosmic_report import LEVELS
from .tables import Table, assemble, bin_name, fraction, number

LEGEND = """\
All is said of pixels that are not masked. completeness: pixels marked, of those where the charge
of rays is above 3 sigma of the noise. false: pixels marked, of those that no ray touches; 1 in:
the same the other way round. precision: true ones of the pixels marked, true or false. Pixels that
a ray touches without being above 3 sigma, and the neighbours of those that are, count apart:
neither true nor false; strict: as false ones. A threshold with a false-positive rate is that of
the pixels in the same line (of all, where none is said). found: rays of which at least half of the
pixels are marked (those above 3 sigma in which at least half of the charge is the ray's); noticed:
at least one. On traces: within two pixels of one (rays: at least half of their pixels), in
exposures with light. Near lines: within one FWHM of emission lines of objects or lamps of a peak
S/N above 5. S/N: the rays' electrons over the noise without them. Intervals in brackets:
{percent:g} %, as if each pixel were for itself."""

_SHOWN = 12  # failures in a table


def render_cosmics(content, form="text"):
    """Return a report on cosmic rays as text.

    Parameters
    ----------
    content : dict
        As `desinn.evaluate.cosmic_report.evaluate_cosmics` returns it.
    form : str
        ``text`` or ``rst``.

    Returns
    -------
    str
    """
    legend = LEGEND.format(percent=100 * content["options"]["confidence"])
    return assemble(_summary(content), cosmic_tables(content), legend, form)


def percent(level):
    """Return a rate as it is called.

    Parameters
    ----------
    level : float

    Returns
    -------
    str

    Examples
    --------
    >>> percent(5e-5)
    '0.005 %'
    """
    return f"{100 * level:g} %"


def one_in(rate):
    """Return a small rate as one in so many.

    Parameters
    ----------
    rate : dict
        As `desinn.evaluate.report.plain` makes it of a Rate.

    Returns
    -------
    str

    Examples
    --------
    >>> one_in({"k": 2, "n": 5000})
    '2500'
    >>> one_in({"k": 0, "n": 5000})
    '> 5000'
    """
    if not rate["n"]:
        return "-"
    return f"{rate['n'] / rate['k']:.0f}" if rate["k"] else f"> {rate['n']}"


def _summary(content):
    n, options = content["numbers"], content["options"]
    limits = options["thresholds"] or {}
    used = ", ".join(f"{name} > {limit:g}" for name, limit in limits.items())
    lines = [
        f"{content['name']}: {n['frames']} images, {n['pixels']} pixels ({n['masked']} more are "
        f"masked), {n['rays']} rays,",
        f"of which {content['rays']['hidden']} have no pixel above 3 sigma of their own that is "
        "not masked.",
        f"Marked: {used or 'bits of MASK'}",
    ]
    return "\n".join(lines) + "\n"


def cosmic_tables(content):
    """Return the tables of a report on cosmic rays.

    Parameters
    ----------
    content : dict

    Returns
    -------
    list of Table
        Those with something in them.
    """
    found = [
        _levels(content, "levels", "Completeness at false-positive rates"),
        _levels(content, "levels_strict", "The same, strict"),
        _at_threshold(content),
        _lines(content),
        _pixels(content),
        *_rays(content),
        *_failures(content),
    ]
    return [table for table in found if table.rows]


def _named(group):
    """Return what a group of images is called."""
    return " ".join(filter(None, (group["arm"], group["exposure"], group["device"]))) or "all"


def _has_thresholds(content):
    return content["options"]["thresholds"] is not None


def _own(content):
    """Return what rates are told at, where no threshold is sought."""
    return "at the networks' own thresholds" if _has_thresholds(content) else "as marked"


def _levels(content, key, title):
    columns = 2 if _has_thresholds(content) else 1
    if columns == 2 and key == "levels":
        title += ", and their thresholds"
    head = ["images", "number", "rays' pixels"]
    for level in LEVELS:
        head += [percent(level), "threshold"][:columns]
    rows = []
    for group in content["groups"]:
        by_level = {entry["level"]: entry for entry in group[key]}
        if not group["completeness"]["n"]:
            continue
        row = [_named(group), str(group["frames"]), str(group["completeness"]["n"])]
        for level in LEVELS:
            entry = by_level.get(level)
            row += _cells(entry) if entry else ["-"] * columns
        rows.append(tuple(row))
    return Table(title, tuple(head), rows)


def _cells(entry):
    rate, limit = fraction(entry["completeness"]), entry["threshold"]
    if limit is None:
        return [rate]
    near = f"1 - {1 - limit:.2g}"  # what is left below 1 says more
    return [rate, near if limit > 0.99 else f"{limit:.4g}"]


def _at_threshold(content):
    head = ("images", "number", "completeness", "precision", "strict", "false", "of", "1 in",
            "touched", "of", "fraction")  # fmt: skip
    rows = []
    for group in content["groups"]:
        false, touched = group["false"], group["touched"]
        rows.append(
            (
                _named(group),
                str(group["frames"]),
                fraction(group["completeness"]),
                fraction(group["precision"]),
                fraction(group["precision_strict"]),
                str(false["k"]),
                str(false["n"]),
                one_in(false),
                str(touched["k"]),
                str(touched["n"]),
                fraction(touched),
            )
        )
    return Table(_own(content).capitalize(), head, rows)


def _lines(content):
    rows = []
    for entry in content["lines"]:
        rate = entry["false"]
        name = f"{entry['exposure']} {entry['arm'] or ''}".strip()
        most = f"{1 / rate['high']:.0f}" if rate["high"] else "-"
        rows.append((name, str(rate["n"]), str(rate["k"]), one_in(rate), most))
    head = ("images", "pixels", "false", "1 in", "at least 1 in")
    return Table(f"False marks near lines, {_own(content)}", head, rows)


def _pixels(content):
    head = ("where", "S/N", "rays' pixels", "completeness", *map(_at, LEVELS))
    rows = [
        (
            entry["place"] or "all",
            "all" if entry["from"] is None and entry["to"] is None else bin_name(entry),
            str(entry["completeness"]["n"]),
            fraction(entry["completeness"]),
            *map(_or_none, entry["levels"]),
        )
        for entry in content["pixels"]
    ]
    return Table("By place and brightness of the pixel", head, rows)


def _at(level):
    return f"at {percent(level)}"


def _or_none(rate):
    return "-" if rate is None else fraction(rate)


def _rays(content):
    rays = content["rays"]
    head = ("rays", "found", "noticed", *(f"found at {percent(level)}" for level in LEVELS))
    by = {"charge": "electrons", "kind": "kind", "place": "where", "device": "CCD"}
    for key, name in by.items():
        rows = [
            (bin_name(entry) if key == "charge" else entry["name"], *_ray(entry))
            for entry in rays[key]
            if entry["found"]["n"]
        ]
        yield Table(f"Rays, by {key}", (name, *head), [*rows, ("all", *_ray(rays["all"]))])


def _ray(entry):
    rates = [entry["found"], entry["noticed"], *entry["levels"]]
    return (str(entry["found"]["n"]), *map(_or_none, rates))


def _failures(content):
    forms = {
        "missed": {"charge": ".0f", "npix": "d", "marked": "d", "best": ".4f"},
        "false": {"npix": "d", "line": "d", "best": ".4f"},
    }
    titles = {
        "missed": "Missed, the brightest first: what was marked, and how sure at best",
        "false": "False, the largest first: pixels, those near lines, and how sure at best",
    }
    for kind, form in forms.items():
        extra = ("kind",) if kind == "missed" else ()
        rows = [
            (
                row["name"],
                row["exposure"],
                number(row["y"], ".0f"),
                number(row["x"], ".0f"),
                *(row[key] for key in extra),
                *(number(row[key], f) for key, f in form.items()),
            )
            for row in content["failures"][kind][:_SHOWN]
        ]
        yield Table(titles[kind], ("image", "exposure", "y", "x", *extra, *form), rows)

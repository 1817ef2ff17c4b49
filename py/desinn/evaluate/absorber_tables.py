"""A report on absorbers for readers: the tables and what their columns mean."""

from .tables import Table, assemble, bin_name, fraction, number, statistic

HEAD = ("DLAs", "found", "completeness", "strict", "detections", "real", "purity", "strict")
ERRORS = ("pairs", "median", "1.48 MAD", "clipped mean", "clipped sigma", "sigma of all")
PULLS = ("pairs", "mean", "sigma", "clipped mean", "clipped sigma", "1.48 MAD", "beyond 3",
         "no error")  # fmt: skip
LEGEND = """\
DLAs: absorbers of log N >= 20.3 in the searched ranges. Detections: found with log N >= 20.3,
DLA_CONFIDENCE >= {threshold:g}, no flag. Matches: one to one, within {within:g} A at Lyman-alpha.
completeness: DLAs matched with anything found at log N >= 20.0; strict: with a detection.
purity: detections matched with an absorber of log N >= 20.0; strict: with a DLA.
In a bin below 20.3 the absorbers (for the purity: what was found) have the log N of the bin.
Proximate absorbers, less than 3000 km/s before the quasar or behind it, {proximate}.
Errors: found - true, of all that passes, whatever its log N. Pulls: error / stated error; beyond
3: the part of them further from 0; no error: pairs that state none. Clipped: without what is
further from the median than three times 1.48 MAD. Intervals in brackets: {percent:g} %."""
NAMES = {"NHI": "log N", "Z": "z"}
FORMS = {"NHI": ".3f", "Z": ".5f"}
SHOWN = 12
"""Thresholds of the curve in its table."""


def render_absorbers(content, form="text"):
    """Return a report on absorbers as text.

    Parameters
    ----------
    content : dict
        As `desinn.evaluate.absorber_report.evaluate_absorbers` returns it.
    form : str
        ``text`` or ``rst``.

    Returns
    -------
    str
    """
    options = content["options"]
    legend = LEGEND.format(
        threshold=options["threshold"],
        within=options["within"],
        proximate="count, too" if options["proximate"] else "are left out",
        percent=100 * options["confidence"],
    )
    return assemble(_summary(content), absorber_tables(content), legend, form)


def _summary(content):
    n = content["numbers"]
    lines = [
        f"{content['name']}: {n['sightlines']} sightlines, {n['dlas']} DLAs, {n['found']} found",
        f"Left out: {n['not_searched']} sightlines not searched, {n['not_known']} without truth, "
        f"{n['low_snr']} of low S/N;",
        f"{n['dlas_elsewhere']} DLAs not on these sightlines, {n['dlas_not_counted']} outside "
        "the searched range or proximate",
    ]
    return "\n".join(lines) + "\n"


def absorber_tables(content):
    """Return the tables of a report on absorbers.

    Parameters
    ----------
    content : dict

    Returns
    -------
    list of Table
        Those with something in them.
    """
    at = f" at DLA_CONFIDENCE >= {content['options']['threshold']:g}"
    snr = ("S/N", "sightlines", *HEAD)
    found = [
        Table(f"All{at}", snr, [_line("all", content["all"])]),
        Table("By S/N", snr, [_line(bin_name(b), b) for b in content["snr"]]),
        Table("By S/N, finer", snr, [_line(bin_name(b), b) for b in content["fine_snr"]]),
        Table("By log N", ("log N", *HEAD), [(bin_name(b), *_score(b)) for b in content["nhi"]]),
        *_curve(content),
        *_errors(content),
        *_pulls(content),
        *_failures(content),
    ]
    return [table for table in found if table.rows]


def _line(name, entry):
    return (name, str(entry["sightlines"]), *_score(entry))


def _score(entry):
    cells = []
    for name in ("completeness", "purity"):
        rate = entry[name]
        strict = fraction(entry[f"{name}_strict"])
        cells += [str(rate["n"]), str(rate["k"]), fraction(rate), strict]
    return tuple(cells)


def _curve(content):
    points = content["curve"]
    step = max(1, -(-len(points) // SHOWN))
    head = ("threshold", *HEAD)
    rows = [(f"{s['threshold']:.3f}", *_score(s)) for s in points[::step]]
    tables = [Table("Along the threshold", head, rows)]
    for name in ("purity", "completeness"):
        rows = [
            (f"{s['level']:g}", f"{s['threshold']:.3f}", *_score(s)) for s in content[f"at_{name}"]
        ]
        tables.append(Table(f"Best with at least a {name}", (name, *head), rows))
    return tables


def _group(entry):
    if entry["by"] == "all":
        return "all"
    return f"{'S/N' if entry['by'] == 'snr' else 'log N'} {bin_name(entry)}"


def _errors(content):
    for quantity, entries in content["errors"].items():
        keys = ("median", "mad", "mean", "sigma", "deviation")
        rows = [
            (
                _group(e),
                str(e["pairs"]),
                *(statistic(e[key], FORMS[quantity]) for key in keys),
            )
            for e in entries
        ]
        title = f"Errors of {NAMES[quantity]}, true log N >= 20.3 or as stated"
        yield Table(title, ("absorbers", *ERRORS), rows)


def _pulls(content):
    keys = ("mean", "spread", "clipped_mean", "clipped_spread", "mad")
    for by, quantities in content["pulls"].items():
        for quantity, entries in quantities.items():
            rows = [
                (
                    _group(e),
                    str(e["pairs"]),
                    *(statistic(e[key], ".2f") for key in keys),
                    fraction(e["far"]),
                    str(e["without"]),
                )
                for e in entries
            ]
            title = f"Pulls of {NAMES[quantity]}, {by} log N >= 20.3 or as stated"
            yield Table(title, ("absorbers", *PULLS), rows)


def _failures(content):
    head = ("TARGETID", "S/N", "quasar's z", "true z", "true log N", "found z", "found log N",
            "confidence", "flag")  # fmt: skip
    forms = {"snr": ".2f", "z_qso": ".4f", "z_true": ".4f", "nhi_true": ".2f", "z": ".4f",
             "nhi": ".2f", "confidence": ".3f", "flag": "d"}  # fmt: skip
    titles = {
        "missed": "Missed, the strongest first, and what there was of them",
        "false": "False, the surest first, and what is there",
    }
    for kind, title in titles.items():
        rows = [
            (str(row["targetid"]), *(number(row[key], form) for key, form in forms.items()))
            for row in content["failures"][kind]
        ]
        yield Table(title, head, rows)

"""A report for readers: aligned text, or reStructuredText for a document."""

from dataclasses import dataclass

HEAD = ("quasars", "found", "completeness", "right z", "purity", "missed", "false",
        "catastrophic", "median dv", "1.48 MAD")  # fmt: skip
LEGEND = """\
completeness: quasars found, of all quasars; right z: found, and |dv| at most {limit:g} km/s.
purity: quasars, of all found (sky fibres apart). catastrophic: |dv| larger, of the quasars found.
dv = c (z - z_true) / (1 + z_true) in km/s, without the catastrophic ones; 1.48 MAD is their
spread. Intervals in brackets: {percent:g} %."""


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes
    ----------
    title : str
    head : tuple of str
    rows : list of tuple of str
    """

    title: str
    head: tuple
    rows: list

    def text(self):
        """Return the table as aligned text."""
        return "\n".join([self.title, "-" * len(self.title), *self._lines()]) + "\n"

    def rst(self):
        """Return the table in reStructuredText's simple form, with its title in bold."""
        rule = "  ".join("=" * width for width in self._widths())
        head, *rows = self._lines()
        return "\n".join([f"**{self.title}**", "", rule, head, rule, *rows, rule]) + "\n"

    def _widths(self):
        columns = zip(self.head, *self.rows, strict=True)
        return [max(map(len, column)) for column in columns]

    def _lines(self):
        widths = self._widths()
        cells = [
            [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            for row in (self.head, *self.rows)
        ]
        return ["  ".join(row).rstrip() for row in cells]


def render(content, form="text"):
    """Return a report as text.

    Parameters
    ----------
    content : dict
        As `desinn.evaluate.report.evaluate` returns it.
    form : str
        ``text`` or ``rst``.

    Returns
    -------
    str
    """
    options = content["options"]
    legend = LEGEND.format(limit=options["limit"], percent=100 * options["confidence"])
    return assemble(_summary(content), tables(content), legend, form)


def assemble(summary, some, legend, form="text"):
    """Return a report of its parts.

    Parameters
    ----------
    summary : str
    some : sequence of Table
    legend : str
        What stands at the end.
    form : str
        ``text`` or ``rst``.

    Returns
    -------
    str
    """
    parts = [getattr(table, form)() for table in some]
    if form == "rst":
        legend = legend.replace("|", "\\|")
    return "\n".join([summary, *parts, legend]) + "\n"


def _summary(content):
    classes = ", ".join(f"{count} {kind}" for kind, count in content["classes"].items())
    lost = len(content["not_run"])
    return f"{content['name']}: {content['rows']} spectra ({classes}), {lost} not run\n"


def tables(content):
    """Return the tables of a report.

    Parameters
    ----------
    content : dict

    Returns
    -------
    list of Table
        Those with something in them.
    """
    sections = content["thresholds"]
    found = [Table("All", ("c >", *HEAD), [_first(s) for s in sections])]
    sky = [(_c(s), *counts(s["all"]["sky"])) for s in sections if s["all"]["sky"]["n"]]
    found.append(Table("Sky fibres", ("c >", "fibres", "found", "false rate"), sky))
    for section in sections:
        found += _details(section)
    found += [_bal(content), _heads(content), *_failures(content)]
    return [table for table in found if table.rows]


def _first(section):
    return (_c(section), *_score(section["all"]))


def _c(section):
    return f"{section['c_thresh']:g}"


def _details(section):
    at = f" at c > {_c(section)}"
    kinds = [
        (entry["class"], entry["subtype"] or "-", *counts(entry["found"]))
        for entry in section["class"]
    ]
    return [
        Table(f"By S/N{at}", ("S/N", *HEAD), [_bin(b) for b in section["snr"]]),
        Table(f"By redshift{at}", ("z", *HEAD), [_bin(b) for b in section["redshift"]]),
        Table(f"By class{at}", ("class", "subtype", "spectra", "found", "fraction"), kinds),
    ]


def _bin(entry):
    return (bin_name(entry), *_score(entry))


def _score(score):
    done = score["completeness"]
    wrong = score["wrong"]
    return (
        str(done["n"]),
        str(done["k"]),
        fraction(done),
        fraction(score["right"]),
        fraction(score["purity"]),
        str(score["missed"]),
        str(score["false"]),
        f"{wrong['k']}: {fraction(wrong)}" if wrong["n"] else "0",
        statistic(score["median"]),
        statistic(score["mad"]),
    )


def _bal(content):
    bal, limit = content["bal"] or {}, content["options"]["bal_thresh"]
    names = {"bal": "BI > 0", "other": "BI = 0"}
    rows = [(names[key], *counts(rate)) for key, rate in bal.items()]
    return Table(
        f"Found as BAL (C_CIV_BAL > {limit:g}), of the quasars whose CIV is on the grid",
        ("quasars", "number", "as BAL", "fraction"),
        rows,
    )


def _heads(content):
    rows = [
        (name, str(sum(head["count"])), f"{head['error']:.4f}")
        for name, head in content["reliability"].items()
    ]
    return Table("Reliability", ("line", "spectra", "expected calibration error"), rows)


def _failures(content):
    head = ("TARGETID", "file", "class", "S/N", "true z", "found z", "confidence", "flag")
    rows = {"Not run": content["not_run"][: content["options"]["failures"]]}
    for section in content["thresholds"]:
        for kind, failed in section["failures"].items():
            rows[f"{kind.capitalize()} at c > {_c(section)}"] = failed
    return [Table(title, head, [_failed(row) for row in some]) for title, some in rows.items()]


def _failed(row):
    kind = f"{row['class']} {row['subtype']}".strip()
    numbers = (
        number(row["snr"], ".2f"),
        number(row["z_true"], ".4f"),
        number(row["z"], ".4f"),
        number(row["confidence"], ".3f"),
        number(row["flag"], "d"),
    )
    return (str(row["targetid"]), row["name"] or "-", kind or "-", *numbers)


def number(value, form):
    """Return a number for a table.

    Parameters
    ----------
    value : float or None
    form : str
        As `format` takes it.

    Returns
    -------
    str
    """
    return "-" if value is None else format(value, form)


def fraction(rate):
    """Return a fraction and its interval for a table.

    Parameters
    ----------
    rate : dict
        As `desinn.evaluate.report.plain` makes it of a Rate.

    Returns
    -------
    str
    """
    if not rate["n"]:
        return "-"
    return f"{rate['value']:.4f} ({rate['low']:.4f}-{rate['high']:.4f})"


def counts(rate):
    """Return the three cells of a fraction: of how many, how many, and the fraction.

    Parameters
    ----------
    rate : dict
        As in `fraction`.

    Returns
    -------
    tuple of str
    """
    return str(rate["n"]), str(rate["k"]), fraction(rate)


def statistic(found, form=".0f"):
    """Return a statistic and its interval for a table.

    Parameters
    ----------
    found : dict
        As `desinn.evaluate.report.plain` makes it of a Statistic.
    form : str
        As `format` takes it.

    Returns
    -------
    str
    """
    value, low, high = (number(found[key], form) for key in ("value", "low", "high"))
    return value if found["low"] is None else f"{value} ({low} to {high})"


def bin_name(entry):
    """Return what a bin is called in a table.

    Parameters
    ----------
    entry : dict
        With ``from`` and ``to``, None where it is open.

    Returns
    -------
    str
    """
    low, high = entry["from"], entry["to"]
    if low is None:
        return f"< {high:g}"
    return f">= {low:g}" if high is None else f"{low:g}-{high:g}"

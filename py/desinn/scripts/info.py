"""desinn info: show what is in a weights file."""

import json
import math
import os

from . import prompt

DESCRIPTION = """\
Show what is in a weights file: kind, graph with shapes and parameter counts,
receptive field, preparation, thresholds, provenance. The file is checked whole."""


def add_options(parser):
    """Add the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("file", metavar="FILE", help="weights file (.npz), or name")
    parser.add_argument("--json", action="store_true", help="print the header as it is")


def main(options):
    """Print the description of one file.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status.
    """
    from ..finders.base import weights_path
    from ..nn import read_weights

    path = weights_path(options.file)
    header, arrays = read_weights(path)
    if options.json:
        prompt.write_out(json.dumps(header, indent=1) + "\n")
    else:
        prompt.write_out(prompt.printable(describe(header, arrays, path)))
    return 0


def describe(header, arrays, path):
    """Return the description of a weights file as text.

    Parameters
    ----------
    header : dict
    arrays : dict of ndarray
    path : str

    Returns
    -------
    str
    """
    from ..nn.graph import Graph

    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    count = sum(array.size for array in arrays.values())
    lines = [
        f"{path}: {header['name']}",
        f"kind        {header['kind']} (format {header['format_version']})",
        f"parameters  {count:,} ({os.path.getsize(path) / 1e6:.1f} MB)",
        f"sha256      {header['sha256']}",
        "",
        *_graph_lines(graph),
        "",
    ]
    for name in graph.outputs:
        lines.append(f"output {name}: node {graph.outputs[name]}, {_field(graph, name)}")
    for section in ("prepare", "interpret", "provenance"):
        lines += ["", section, *_items(header[section])]
    return "\n".join(lines) + "\n"


def _graph_lines(graph):
    rows = [("node", "op", "inputs", "output shape", "parameters")]
    for name, shape in graph.inputs.items():
        rows.append((name, "(input)", "", _shape(shape), ""))
    for node in graph.nodes:
        shapes = node.op.parameters(*graph.input_shapes(node)).values()
        count = sum(math.prod(shape) for shape in shapes)
        text = f"{node.op.name} {_main_attributes(node.op)}".rstrip()
        shape = _shape(graph.shapes[node.name])
        rows.append((node.name, text, " ".join(node.inputs), shape, f"{count:,}" if count else ""))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]


def _main_attributes(op):
    """Return what one wants to see of a layer at a glance."""
    parts = []
    if hasattr(op, "kernel"):
        parts.append("x".join(map(str, op.kernel)))
    if hasattr(op, "stride") and set(op.stride) != {1}:
        parts.append("/" + "x".join(map(str, op.stride)))
    if getattr(op, "dilation", None) and set(op.dilation) != {1}:
        parts.append("dilated " + "x".join(map(str, op.dilation)))
    if hasattr(op, "padding"):
        parts.append(str(op.padding))
    if hasattr(op, "factors"):
        parts.append("x".join(map(str, op.factors)))
    for key in ("groups", "slope", "alpha"):
        if hasattr(op, key):
            parts.append(f"{key} {getattr(op, key):g}")
    if op.name == "affine":
        parts.append(f"{op.scale:g} x + {op.shift:g}".replace("+ -", "- "))
    return " ".join(parts)


def _shape(shape):
    return "(" + ", ".join(["B", *("?" if n is None else str(n) for n in shape)]) + ")"


def _field(graph, output):
    spans = graph.receptive_field(output)
    if not spans or None in spans:
        return "depends on the whole input"
    texts = [f"{before} before and {after} after" for before, after in spans]
    return f"receptive field at most {', '.join(texts)} the pixel along each axis"


def _items(section):
    if not section:
        return ["  (nothing)"]
    width = max(map(len, section))
    return [f"  {key.ljust(width)}  {_value(value)}" for key, value in section.items()]


def _value(value):
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)

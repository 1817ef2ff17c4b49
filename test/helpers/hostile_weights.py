"""Broken and hostile weights files: headers that are none, graphs that are enormous."""

import copy
import functools
import itertools
import json
import zipfile

import numpy as np

from desinn.nn.weights import HEADER, digest

from .hostile_arrays import HUGE, archive, npy, npys, zips
from .spectra import quasar_model


def signed(header, arrays):
    """Return the members of a weights file whose digest is right, whatever is in it."""
    header = {**header, "format_version": 1, "sha256": ""}
    header["sha256"] = digest(header, arrays)
    return with_text(json.dumps(header).encode(), arrays)


def with_text(header, arrays):
    """Return the members of a weights file with these bytes as its header."""
    members = {f"{HEADER}.npy": npy(np.frombuffer(header, "u1"))}
    return {**members, **{f"{key}.npy": npy(value) for key, value in arrays.items()}}


def content(change=None, pack=signed):
    """Return a small network's file, its header changed by a function."""
    header, arrays = copy.deepcopy(quasar_model())
    if change is not None:
        header = change(header) or header
    return archive(pack(header, arrays))


def graph(nodes, shape=(4, 1), arrays=None, outputs=None):
    """Return the file of a network of some nodes behind an input x."""
    header, _ = quasar_model()
    header = {
        **header,
        "inputs": [{"name": "x", "shape": list(shape)}],
        "nodes": nodes,
        "outputs": outputs or {"y": nodes[-1]["name"]},
    }
    if arrays is None:
        arrays = {}
    return archive(signed(header, arrays))


def node(key, op, *inputs, **attributes):
    """Return a node."""
    return {"name": key, "op": op, "inputs": list(inputs), **attributes}


def chain(count, op="relu", **attributes):
    """Return a chain of nodes n0, n1, ... behind x."""
    names = ["x", *(f"n{i}" for i in range(count))]
    pairs = itertools.pairwise(names)
    return [node(key, op, source, **attributes) for source, key in pairs]


def _nodes(change):
    """Return a change of a header that changes its nodes."""

    def apply(header):
        change(header["nodes"])

    return apply


def texts():
    """Return the text of a header, which is none: name -> bytes."""
    header, _ = quasar_model()
    good = json.dumps({**header, "format_version": 1, "sha256": "0" * 64})
    return {
        "nothing": b"",
        "no-json": b"hello",
        "not-utf8": good.replace("qso", "\xff").encode("latin-1"),
        "utf16": good.encode("utf-16"),
        "deep": b"[" * 100_000,
        "deep-and-closed": b"[" * 100_000 + b"]" * 100_000,
        "deep-in-provenance": good.replace(
            '"provenance": {', '"provenance": {"a": ' + "[" * 900 + "]" * 900 + ", "
        ).encode(),
        "list": b"[1]",
        "number": b"7",
        "two-of-one-key": good.replace('"kind"', '"kind": "free", "kind"', 1).encode(),
        "nan": good.replace('"prepare": {', '"prepare": {"a": NaN, ', 1).encode(),
        "infinity": good.replace('"prepare": {', '"prepare": {"a": 1e999, ', 1).encode(),
        "long-number": good.replace(
            '"prepare": {', '"prepare": {"a": ' + "9" * 10**5 + ", ", 1
        ).encode(),
        "lone-surrogate": good.replace('"name": "', '"name": "\\ud800').encode(),
        "ten-megabytes": (good[:-1] + ', "more": "' + "a" * 10**7 + '"}').encode(),
        "ten-megabytes-of-lists": (good[:-1] + ', "more": [' + "[]," * 3_300_000 + "0]}").encode(),
    }


def changes():
    """Return changes of a header that make it no network, though it is signed."""
    return {
        "cycle": _nodes(lambda nodes: nodes[0].update(inputs=[nodes[3]["name"]])),
        "own-input": _nodes(lambda nodes: nodes[0].update(inputs=[nodes[0]["name"]])),
        "dangling": _nodes(lambda nodes: nodes[1].update(inputs=["nowhere"])),
        "two-of-one-name": _nodes(lambda nodes: nodes[1].update(name=nodes[0]["name"])),
        "named-as-the-input": _nodes(lambda nodes: nodes[0].update(name="x")),
        "name-with-slash": _nodes(lambda nodes: nodes[0].update(name="../a")),
        "name-with-escape": _nodes(lambda nodes: nodes[0].update(name="\x1b[2Ja")),
        "name-that-is-half-a-character": _nodes(lambda nodes: nodes[0].update(name="\ud800")),
        "name-is-a-number": _nodes(lambda nodes: nodes[0].update(name=7)),
        "op-is-a-list": _nodes(lambda nodes: nodes[0].update(op=["conv"])),
        "inputs-are-a-list-of-lists": _nodes(lambda nodes: nodes[0].update(inputs=[["x"]])),
        "no-nodes": _nodes(lambda nodes: nodes.clear()),
        "nodes-are-numbers": lambda header: header.update(nodes=[1, 2]),
        "inputs-are-text": lambda header: header.update(inputs="x"),
        "shape-of-text": lambda header: header.update(
            inputs=[{"name": "x", "shape": ["443", "1"]}]
        ),
        "shape-huge": lambda header: header.update(inputs=[{"name": "x", "shape": [HUGE, HUGE]}]),
        "shape-true": lambda header: header.update(inputs=[{"name": "x", "shape": [True, 1]}]),
        "outputs-of-lists": lambda header: header.update(outputs={"y": ["x"]}),
        "outputs-of-nothing": lambda header: header.update(outputs={}),
        "kind-is-a-list": lambda header: header.update(kind=["qso"]),
        "name-of-the-network": lambda header: header.update(name="a\x1b]0;b\x07"),
        "a-million-digits": lambda header: header["inputs"][0].update(shape=[10**4000, 1]),
    }


CONV = {"filters": 1, "stride": [1], "dilation": [1], "padding": "valid", "bias": False,
        "weight_norm": False}  # fmt: skip
UP = {key: value for key, value in CONV.items() if key != "dilation"}
POOL = {"kernel": [2], "stride": [2], "padding": "same"}


def attributes():
    """Return single nodes whose attributes are wrong or enormous: name -> (op, attributes)."""
    norm = {"epsilon": 0.1, "scale": False, "center": False}
    return {
        "kernel-text": ("max_pool", {**POOL, "kernel": ["2"]}),
        "kernel-float": ("max_pool", {**POOL, "kernel": [2.0]}),
        "kernel-huge": ("max_pool", {**POOL, "kernel": [HUGE]}),
        "kernel-of-a-million": ("max_pool", {**POOL, "kernel": [10**6]}),
        "stride-huge": ("max_pool", {**POOL, "stride": [10**40]}),
        "padding-huge": (
            "average_pool",
            {**POOL, "padding": [[0, HUGE]], "count_padding": True},
        ),
        "padding-negative": ("max_pool", {**POOL, "padding": [[-1, 0]]}),
        "unpool-huge": ("unpool", {"factors": [HUGE]}),
        "unpool-2**31": ("unpool", {"factors": [2**31 - 1]}),
        "pad-huge": ("pad", {"amounts": [[HUGE, HUGE]], "value": 0.0}),
        "pad-2**31": ("pad", {"amounts": [[0, 2**31 - 1]], "value": 0.0}),
        "crop-huge": ("crop", {"amounts": [[HUGE, 0]]}),
        "reshape-huge": ("reshape", {"shape": [HUGE, -1]}),
        "reshape-two-free": ("reshape", {"shape": [-1, -1]}),
        "reshape-negative": ("reshape", {"shape": [-4, -1]}),
        "reshape-hundred-axes": ("reshape", {"shape": [1] * 100 + [4]}),
        "transpose-huge": ("transpose", {"axes": [HUGE, 1]}),
        "concat-huge": ("concat", {"axis": HUGE}),
        "affine-infinite": ("affine", {"scale": 10**400, "shift": 0}),
        "affine-too-large": ("affine", {"scale": 1e300, "shift": 0}),
        "slope-text": ("leaky_relu", {"slope": "0.1"}),
        "units-huge": ("dense", {"units": HUGE, "bias": False, "weight_norm": False}),
        "groups-huge": ("group_norm", {"groups": HUGE, **norm}),
        "list-attribute": ("affine", {"scale": _nested(50), "shift": 0}),
        "conv-padding-huge": ("conv", {**CONV, "kernel": [1], "padding": [[0, HUGE]]}),
        "conv-stride-huge": ("conv", {**CONV, "kernel": [1], "stride": [HUGE]}),
        "dilation-huge": ("conv", {**CONV, "kernel": [2], "dilation": [HUGE]}),
        "dilation-2**31": (
            "conv",
            {**CONV, "kernel": [2], "dilation": [2**31 - 1], "padding": "same"},
        ),
        "transposed-huge": ("transposed_conv", {**UP, "kernel": [1], "stride": [HUGE]}),
        "transposed-and-cropped": (
            "transposed_conv",
            {**UP, "kernel": [1], "stride": [10**9], "padding": [[0, 3 * 10**9]]},
        ),
        "transposed-and-bordered": (
            "transposed_conv",
            {**UP, "kernel": [1], "padding": [[0, -(10**9)]]},
        ),
    }


def _nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def single(op, settings):
    """Return the file of one node behind an input of (4, 1), with the kernel that it needs."""
    arrays = {}
    if op in ("conv", "transposed_conv"):
        arrays["a/kernel"] = np.ones((*settings["kernel"], 1, 1), "f4")
    return graph([node("a", op, "x", **settings)], arrays=arrays)


def doubling(shape):
    """Return the file of nodes that each join the one before with itself."""
    sources = ["x", *(f"n{i}" for i in range(4999))]
    nodes = [node(f"n{i}", "concat", s, s, axis=-1) for i, s in enumerate(sources)]
    return graph(nodes, shape)


def many(change):
    """Return the file of thousands of nodes that a function of their number makes."""
    return graph([change(i) for i in range(5000)])


def graphs():
    """Return files of graphs that are none or enormous: name -> function that makes it."""
    circle = functools.partial(many, lambda i: node(f"n{i}", "relu", f"n{(i + 1) % 5000}"))
    nowhere = functools.partial(many, lambda i: node(f"n{i}", "relu", f"m{i}"))
    wrong = functools.partial(many, lambda i: node(f"n{i}", "affine", "x", scale="a" * 100))
    unknown = [node("a", "add", *["x"] * 10**5), *chain(1, "unknown")]
    return {
        **{key: functools.partial(single, *value) for key, value in attributes().items()},
        "doubling": lambda: doubling((4, 1)),
        "doubling-of-any-size": lambda: doubling((None, 1)),
        "unpool-by-unpool": lambda: graph(chain(300, "unpool", factors=[1000])),
        "pad-by-pad": lambda: graph(chain(2000, "pad", amounts=[[0, 60_000]], value=0.0), (4, 4)),
        "thousands-in-a-circle": circle,
        "thousands-of-nowhere": nowhere,
        "thousands-of-errors": wrong,
        "thousands-of-inputs": lambda: graph(unknown),
        "input-of-100-axes": lambda: graph(chain(1), (1,) * 100),
        "input-of-100000-axes": lambda: graph(chain(1), (None,) * 10**5),
    }


def ours():
    """Return weights files for desinn info and load_model."""
    header, arrays = quasar_model()
    members = signed(header, arrays)
    key = next(iter(arrays))

    def replaced(value):
        return archive({**members, f"{key}.npy": value})

    special = {**arrays, key: np.full_like(arrays[key], np.nan)}
    large = {**arrays, key: np.full_like(arrays[key], np.inf)}
    return {
        **zips(members),
        **{f"array-{k}": functools.partial(replaced, value) for k, value in npys().items()},
        **{f"header-array-{k}": functools.partial(archive, {**members, f"{HEADER}.npy": value})
           for k, value in npys().items()},
        "big-endian": replaced(npy(arrays[key].astype(">f4"))),
        "double": replaced(npy(arrays[key].astype("f8"))),
        "half": replaced(npy(arrays[key].astype("f2"))),
        "complex": replaced(npy(arrays[key].astype("c8"))),
        "integer": replaced(npy(arrays[key].astype("i4"))),
        "fortran": replaced(npy(arrays[key], fortran_order=True)),
        "nan": archive(signed(header, special)),
        "inf": archive(signed(header, large)),
        "no-header": archive({k: v for k, v in members.items() if HEADER not in k}),
        "names": archive({**members, "../../a.npy": npy(), "/etc/b.npy": npy()}),
        "name-with-escape": archive({**members, "\x1b[2J.npy": npy()}),
        "superfluous": lambda: archive(
            {**members, **{f"a{i}/kernel.npy": npy() for i in range(2000)}}
        ),
        "deflated-bomb": lambda: archive(
            {**members, "a/kernel.npy": npy(np.zeros(15_000_000, "f4"))},
            compression=zipfile.ZIP_DEFLATED,
        ),
        **{f"text-{k}": lambda v=v: archive(with_text(v, arrays)) for k, v in texts().items()},
        **{f"header-{k}": functools.partial(content, v) for k, v in changes().items()},
        **{f"graph-{k}": v for k, v in graphs().items()},
    }  # fmt: skip

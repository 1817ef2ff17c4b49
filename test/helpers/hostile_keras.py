"""Broken and hostile Keras files: changes of one that is whole."""

import json
import zlib

import h5py
import numpy as np

from . import keras_file
from .hostile_arrays import HUGE, archive, zips
from .keras_file import OUTPUTS, quasarnet_layers

KERNEL = "model_weights/conv_1/conv_1/kernel:0"
NAMES = "model_weights/conv_1"


def write(path, change):
    """Write a whole file, and change it."""
    keras_file.write(path, quasarnet_layers(), OUTPUTS)
    with h5py.File(path, "r+") as file:
        change(file)


def _relinked(link):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = link

    return change


def _dataset(**options):
    def change(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, **options)

    return change


def _hard_loop(file):
    del file[KERNEL]
    group = file[NAMES]
    group["conv_1/kernel:0"] = group


def _deflated(file):
    """Write a chunk that unpacks to far more than a chunk."""
    del file[KERNEL]
    made = file.create_dataset(KERNEL, (10, 1, 2), "f4", chunks=(10, 1, 2), compression="gzip")
    made.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(60_000_000), 9))


def _virtual(file):
    del file[KERNEL]
    layout = h5py.VirtualLayout((10, 1, 2), "f4")
    layout[...] = h5py.VirtualSource("other.h5", "a", (10, 1, 2))
    file.create_virtual_dataset(KERNEL, layout)


def _long_names(file):
    """Give an attribute many times the same long text."""
    del file[NAMES].attrs["weight_names"]
    file[NAMES].attrs["weight_names"] = ["conv_1/kernel:0"] * 4000


def _lists_as_names(file):
    """Give an attribute lists of numbers where it should have texts."""
    lists = np.empty(2, object)
    lists[:] = [np.arange(3), np.arange(2)]
    del file[NAMES].attrs["weight_names"]
    file[NAMES].attrs.create("weight_names", lists, dtype=h5py.vlen_dtype(np.int64))


def _broken_heap(file):
    """Put a part of no length into a heap: to whoever goes from part to part it has no end."""
    path = file.filename
    file.close()
    with open(path, "r+b") as stream:
        content = stream.read()
        at = content.index(b"GCOL\x01\0\0\0") + 16
        stream.seek(at)
        stream.write(bytes(16))


def _config(value):
    def change(file):
        file.attrs["model_config"] = value

    return change


def _edited(edit):
    """Return a change of what model_config says."""

    def change(file):
        config = json.loads(file.attrs["model_config"])
        edit(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)

    return change


def keras():
    """Return changes of a Keras file: name -> function of the open file."""
    return {
        "soft-loop": _relinked(h5py.SoftLink(f"/{KERNEL}")),
        "soft-nowhere": _relinked(h5py.SoftLink("/nowhere")),
        "soft-elsewhere": _relinked(h5py.SoftLink("/model_weights/fc_common/fc_common/kernel:0")),
        "hard-loop": _hard_loop,
        "external-link": _relinked(h5py.ExternalLink("secret.h5", "/a")),
        "external-link-to-itself": _relinked(h5py.ExternalLink("bad.h5", f"/{KERNEL}")),
        "external-link-to-a-pipe": _relinked(h5py.ExternalLink("pipe", "/a")),
        "external-storage": _dataset(
            shape=(10, 1, 2), dtype="f4", external=[("secret.raw", 0, 80)]
        ),
        "virtual": _virtual,
        "huge": _dataset(shape=(HUGE, 1, 2), dtype="f4", chunks=(1000, 1, 2)),
        "huge-filled": _dataset(shape=(HUGE,), dtype="f4", chunks=(1000,), fillvalue=1.0),
        "large-filled": _dataset(shape=(10**8,), dtype="f4", chunks=(10**6,), fillvalue=1.0),
        "large-chunk": _dataset(
            shape=(10, 1, 2), maxshape=(None, 1, 2), dtype="f4", chunks=(10**8, 1, 2)
        ),
        "never-written": _dataset(shape=(10**8,), dtype="f4"),
        "nothing-times-huge": _dataset(shape=(0, 10**15), dtype="f4"),
        "scalar": _dataset(shape=(), dtype="f4"),
        "empty": _dataset(data=h5py.Empty("f4")),
        "text": _dataset(data=np.array([b"abc"])),
        "variable-text": _dataset(data=["abc"] * 20, dtype=h5py.string_dtype()),
        "compound": _dataset(shape=(10, 1, 2), dtype=[("a", "f4"), ("b", "f4")]),
        "references": _dataset(shape=(10, 1, 2), dtype=h5py.ref_dtype),
        "nan": _dataset(data=np.full((10, 1, 2), np.nan, "f4")),
        "too-large-for-float32": _dataset(data=np.full((10, 1, 2), 1e300)),
        "complex": _dataset(data=np.ones((10, 1, 2), "c8")),
        "gzip-bomb": _deflated,
        "long-names": _long_names,
        "lists-as-names": _lists_as_names,
        "heap-without-end": _broken_heap,
        "names-are-a-number": lambda f: f[NAMES].attrs.__setitem__("weight_names", 7),
        "names-are-numbers": lambda f: f[NAMES].attrs.__setitem__("weight_names", [1, 2]),
        "names-of-paths": lambda f: f[NAMES].attrs.__setitem__("weight_names", [b"../../a"]),
        "names-not-utf8": lambda f: f[NAMES].attrs.__setitem__("weight_names", [b"\xff/kernel:0"]),
        "names-of-nothing": lambda f: f[NAMES].attrs.__setitem__("weight_names", [b"", b"."]),
        "weights-are-an-array": lambda f: (f.__delitem__("model_weights"),
                                           f.__setitem__("model_weights", 3)),
        "grid-huge": lambda f: f.create_dataset("model_grid", (HUGE,), "f8", chunks=(1000,)),
        "grid-nan": lambda f: f.__setitem__("model_grid", np.full(443, np.nan)),
        "grid-text": lambda f: f.__setitem__("model_grid", "abc"),
        "grid-a-group": lambda f: f.create_group("model_grid"),
        "config-nothing": _config(""),
        "config-no-json": _config("hello"),
        "config-number": _config(7),
        "config-array": _config(np.ones(1000)),
        "config-empty": _config(h5py.Empty("f4")),
        "config-not-utf8": _config(np.bytes_(b"\xff\xfe{}")),
        "config-deep": _config("[" * 30_000),
        "config-deep-and-closed": _config('{"a":' * 900 + "0" + "}" * 900),
        "config-list": _config("[1]"),
        "config-layers-number": _config('{"class_name": "Functional", "config": {"layers": 7}}'),
        "config-layers-none": _config('{"class_name": "Sequential", "config": {"layers": []}}'),
        "config-nan": _edited(lambda layers: layers[2]["config"].update(epsilon=float("nan"))),
        "filters-huge": _edited(lambda layers: layers[1]["config"].update(filters=HUGE)),
        "kernel-huge": _edited(lambda layers: layers[1]["config"].update(kernel_size=[HUGE])),
        "strides-text": _edited(lambda layers: layers[1]["config"].update(strides=["2"])),
        "strides-none": _edited(lambda layers: layers[1]["config"].update(strides=None)),
        "layer-text": _edited(lambda layers: layers.__setitem__(1, "conv")),
        "layer-twice": _edited(lambda layers: layers.append(layers[1])),
        "shape-text": _edited(lambda layers: layers[0]["config"].update(batch_input_shape="abc")),
        "shape-huge": _edited(
            lambda layers: layers[0]["config"].update(batch_input_shape=[None, HUGE, 1])
        ),
        "lambda-no-base64": _edited(
            lambda layers: [e["config"].update(function=["abc"]) for e in layers
                            if e["class_name"] == "Lambda"]
        ),
        "lambda-number": _edited(
            lambda layers: [e["config"].update(function=7) for e in layers
                            if e["class_name"] == "Lambda"]
        ),
        "cycle": _edited(lambda layers: layers[1].update(inbound_nodes=[[["dropout", 0, 0, {}]]])),
        "nowhere": _edited(lambda layers: layers[1].update(inbound_nodes=[[["gone", 0, 0, {}]]])),
    }  # fmt: skip


def archives():
    """Return zip files in the place of Keras 3's: name -> bytes."""
    config = json.dumps({"class_name": "Functional", "config": {"layers": []}})
    members = {
        "config.json": config.encode(),
        "metadata.json": b"{}",
        "model.weights.h5": b"\x89HDF\r\n\x1a\n",
    }
    texts = {"nothing": b"", "list": b"[]", "deep": b"[" * 10**5, "not-utf8": b"\xff"}
    return {
        **zips(members),
        **{f"config-{k}": archive({**members, "config.json": v}) for k, v in texts.items()},
        "weights-no-hdf5": archive({**members, "model.weights.h5": b"hello"}),
        "weights-missing": archive({"config.json": b"{}", "metadata.json": b"{}"}),
        "names": archive({**members, "../../a": b"", "/etc/b": b""}),
    }

"""Broken and hostile files, each by a function that writes it.

The doors are those of `helpers.warden`. Every file must be refused, whatever is tried with it.
"""

import os

import numpy as np

from . import hostile_keras
from .hostile_arrays import foreign
from .hostile_onnx import onnxes
from .hostile_torch import torches
from .hostile_weights import graphs, ours
from .hostile_yaml import yamls


def others():
    """Return functions that make a path something else: name -> function."""
    noise = np.random.default_rng(5).bytes(100_000)

    def pipe(path):
        os.mkfifo(path)

    def loop(path):
        path.symlink_to(path)

    return {
        "zero-bytes": lambda path: path.write_bytes(b""),
        "one-byte": lambda path: path.write_bytes(b"P"),
        "random": lambda path: path.write_bytes(noise),
        "random-behind-zip": lambda path: path.write_bytes(b"PK\x03\x04" + noise),
        "random-behind-hdf5": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + noise),
        "random-behind-pickle": lambda path: path.write_bytes(b"\x80\x02" + noise),
        "folder": lambda path: path.mkdir(),
        "pipe": pipe,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "link-to-itself": loop,
        "link-to-nowhere": lambda path: path.symlink_to("nowhere"),
    }


def _writers(contents):
    def writer(data):
        def write(path):
            made = data() if callable(data) else data
            path.write_bytes(made.encode() if isinstance(made, str) else made)

        return write

    return {key: writer(value) for key, value in contents.items()}


def _changed(change):
    return lambda path: hostile_keras.write(path, change)


def corpus():
    """Return all: (door, ending, name, function that writes it)."""
    changed = {key: _changed(change) for key, change in hostile_keras.keras().items()}
    rows = []
    for door, ending, made in (
        ("info", ".npz", _writers(ours())),
        ("load", ".npz", _writers(graphs())),  # what comes before is the same as for info
        ("convert", ".npz", _writers(foreign())),
        ("convert", ".pth", _writers(torches())),
        ("convert", ".h5", changed),
        ("convert", ".keras", _writers(hostile_keras.archives())),
        ("convert", ".onnx", _writers(onnxes())),
        ("architecture", ".yaml", _writers(yamls())),
    ):
        rows += [(door, ending, key, write) for key, write in {**made, **others()}.items()]
    return rows

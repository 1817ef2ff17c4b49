"""Checkpoints: all that a training must know to go on as if nothing had happened."""

import json
import os

import numpy as np

from ..files import whole_file

NAME = "checkpoint.npz"
STATE = "__state__"


def save_checkpoint(folder, state, groups):
    """Write a checkpoint in place of the one before; it appears whole or not at all.

    Parameters
    ----------
    folder : str
        Made if it is not there.
    state : dict
        What JSON can hold.
    groups : dict
        Name -> list of arrays.
    """
    os.makedirs(folder, exist_ok=True)
    arrays = {
        f"{group}/{number:04d}": np.asarray(array)
        for group, members in groups.items()
        for number, array in enumerate(members)
    }
    arrays[STATE] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with whole_file(os.path.join(folder, NAME), overwrite=True) as name:
        np.savez(name, **arrays)


def load_checkpoint(folder):
    """Read a checkpoint.

    Parameters
    ----------
    folder : str

    Returns
    -------
    state : dict
    groups : dict
        Name -> list of arrays. Both are None where there is no checkpoint.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    path = os.path.join(folder, NAME)
    if not os.path.exists(path):
        return None, None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in sorted(file.files)}
        state = json.loads(bytes(arrays.pop(STATE)))
    except Exception as error:  # zipfile, NumPy and JSON have a dozen kinds between them
        raise ValueError(f"{path}: not a readable checkpoint ({error})") from None
    groups = {}
    for name, array in arrays.items():
        groups.setdefault(name.partition("/")[0], []).append(array)
    return state, groups

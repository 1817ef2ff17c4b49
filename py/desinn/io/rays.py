"""Files of cosmic rays that were cut out of real exposures: one ``.npz`` for any number."""

import json
import os

import numpy as np

from ..files import input_file, read_json, whole_file
from ..nn.graph import listed
from ..nn.npz import read_npz
from ..spectra.container import naming

_ARRAYS = {"place": "iu", "size": "iu", "count": "iu", "pixel": "iu", "charge": "f"}


def write_rays(path, rays, header=None, overwrite=False):
    """Write cosmic rays to a file, which appears whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file (``.npz``).
    rays : sequence of tuple
        (y, x, charge, hit) each, as `desinn.simulate.real_rays.extract_rays` gives them: the
        place of the low corner, float32 (H, W) electrons, bool (H, W). Only the charge of the
        pixels that were hit is kept.
    header : Mapping, optional
        Where they come from: anything that JSON can say.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    ValueError
        If a ray hits no pixel, its arrays differ in shape, or JSON cannot say the header.
    """
    try:
        text = json.dumps(dict(header or {}), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: header: {error}") from None
    arrays = _packed(rays)
    with whole_file(path, overwrite) as name, open(name, "wb") as stream:
        np.savez_compressed(stream, header=np.frombuffer(text, np.uint8), **arrays)


def read_rays(path):
    """Read cosmic rays from a file.

    Parameters
    ----------
    path : str or os.PathLike
        What `write_rays` wrote.

    Returns
    -------
    rays : list of tuple
        (y, x, charge, hit) each, `charge` 0 where nothing was hit.
    header : dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of cosmic rays, or damaged.

    Examples
    --------
    >>> write_rays("rays.npz", [(7, 9, np.float32([[400, 20]]), np.array([[True, True]]))])
    >>> read_rays("rays.npz")
    ([(7, 9, array([[400.,  20.]], dtype=float32), array([[ True,  True]]))], {})
    >>> read_rays("other.npz")
    Traceback (most recent call last):
        ...
    FileNotFoundError: other.npz: there is no such file
    """
    path = input_file(path)
    with naming(path, "expected a file of cosmic rays"):
        stored, problems = read_npz(path)
        problems += [f"{name}: missing" for name in (*_ARRAYS, "header") if name not in stored]
        if problems:
            raise ValueError(listed(problems, "; "))
        header = read_json(stored["header"].tobytes().decode())
        arrays = {name: stored[name] for name in _ARRAYS}
        _check(arrays)
    return _unpacked(arrays), header


def _packed(rays):
    """Return the rays as arrays: one entry for each ray, and one for each pixel of all of them."""
    place, size, count, pixels, charges = [], [], [], [], []
    for number, (y, x, charge, hit) in enumerate(rays):
        charge, hit = np.asarray(charge, np.float32), np.asarray(hit, bool)
        if hit.ndim != 2 or charge.shape != hit.shape or not hit.any():
            found = f"charge {charge.shape}, hit {hit.shape}, {np.count_nonzero(hit)} hit"
            raise ValueError(f"ray {number}: expected (H, W) with pixels that are hit: {found}")
        pixel = np.flatnonzero(hit)
        place.append((y, x))
        size.append(hit.shape)
        count.append(pixel.size)
        pixels.append(pixel)
        charges.append(charge.ravel()[pixel])
    return {
        "place": np.array(place, np.int32).reshape(-1, 2),
        "size": np.array(size, np.int32).reshape(-1, 2),
        "count": np.array(count, np.int32),
        "pixel": np.concatenate([*pixels, np.empty(0, int)]).astype(np.int32),
        "charge": np.concatenate([*charges, np.empty(0, np.float32)]),
    }


def _check(arrays):
    """Raise unless the arrays fit together, so that no ray can take another's pixels."""
    for name, kinds in _ARRAYS.items():
        if arrays[name].dtype.kind not in kinds:
            raise ValueError(f"{name} is of type {arrays[name].dtype}")
    place, size, count, pixel, charge = (arrays[name] for name in _ARRAYS)
    shapes = {name: array.shape for name, array in arrays.items()}
    rays = (count.size,)
    fits = place.shape == size.shape == (*rays, 2) and count.shape == rays
    if not fits or (count < 1).any() or not (count.sum(),) == pixel.shape == charge.shape:
        raise ValueError(f"shapes {shapes} do not fit together")
    area = np.repeat(size.astype(np.int64).prod(axis=1), count.astype(np.int64))
    if (size < 1).any() or (pixel < 0).any() or (pixel >= area).any():
        raise ValueError("pixels lie outside their ray")


def _unpacked(arrays):
    place, size, count, pixel, charge = (arrays[name] for name in _ARRAYS)
    ends = np.cumsum(count)
    rays = []
    for (y, x), shape, first, last in zip(place, size, ends - count, ends, strict=True):
        values, hit = np.zeros(tuple(shape), np.float32), np.zeros(tuple(shape), bool)
        values.flat[pixel[first:last]] = charge[first:last]
        hit.flat[pixel[first:last]] = True
        rays.append((int(y), int(x), values, hit))
    return rays

"""Several spectra of one target made one."""

import numpy as np

from .container import Spectra

TARGETS_AT_ONCE = 32
"""Targets that are worked on at once, so that the float64 copies stay small."""

NO_TARGETID = -1
"""What stands for a TARGETID that is not known: rows with it are never merged."""


def coadd(spectra, use=None):
    """Average the rows of each target, camera by camera, weighted with their ivar.

    Parameters
    ----------
    spectra : Spectra
        Rows with the same TARGETID are of one target, sky fibres with their negative ones too;
        only -1, which stands for a missing TARGETID, is never merged.
    use : Mapping of str to array_like, optional
        Camera -> (B,) bool: False for rows to be left out, where their target has others.

    Returns
    -------
    Spectra
        One row per target in the order of first appearance, with the first row's line of the
        fibermap. `spectra` itself where nothing repeats; rows that occur once are unchanged bit
        for bit. Flux and ivar keep their precision; the sums are done in float64.

    Raises
    ------
    ValueError
        If `use` does not have B bools.

    Notes
    -----
    Pixels that are masked, not finite or without ivar do not count. A pixel without any usable
    input has flux 0 and ivar 0; its mask is the bits that all rows agree in. Elsewhere the mask
    is 0. Resolution matrices are averaged with the same weights, and equal ones where no input
    is usable. Nothing is clipped: cosmic rays that the masks do not know remain.

    Examples
    --------
    >>> from desinn.spectra import Camera
    >>> camera = Camera([4000.0, 4001.0], [[1.0, 1.0], [4.0, 4.0]], [[2.0, 0.0], [1.0, 1.0]])
    >>> both = coadd(Spectra([7, 7], {"b": camera}))
    >>> both.targetid.tolist(), both.cameras["b"].flux.tolist(), both.cameras["b"].ivar.tolist()
    ([7], [[2.0, 4.0]], [[3.0, 1.0]])
    >>> len(coadd(Spectra([-1, -1], {"b": camera})))
    2
    """
    firsts, target = _targets(spectra.targetid)  # (T,), (B,)
    if firsts.size == len(spectra):
        return spectra
    order = np.argsort(target, kind="stable")
    ends = np.cumsum(np.bincount(target))
    members = np.split(order, ends[:-1])  # T arrays of row numbers
    repeated = [number for number, rows in enumerate(members) if rows.size > 1]
    cameras = {}
    for name, camera in spectra.cameras.items():
        used = _used((use or {}).get(name), target, name)  # (B,)
        cameras[name] = camera[firsts]
        for start in range(0, len(repeated), TARGETS_AT_ONCE):
            numbers = repeated[start : start + TARGETS_AT_ONCE]
            rows = [members[number] for number in numbers]
            rows = [these[used[these]] for these in rows]
            _put_mean(cameras[name], numbers, camera, rows)
    fibermap = None if spectra.fibermap is None else spectra.fibermap[firsts]
    return Spectra(spectra.targetid[firsts], cameras, fibermap, spectra.header, spectra.source)


def _targets(targetid):
    """Return the row in which each target appears first, and the target's number of each row."""
    _, first, inverse = np.unique(targetid, return_index=True, return_inverse=True)
    first_row = np.where(targetid == NO_TARGETID, np.arange(targetid.size), first[inverse])
    return np.unique(first_row, return_inverse=True)


def _used(use, target, name):
    """Return the rows to be used; a target all of whose rows were left out keeps them all."""
    if use is None:
        return np.ones(target.size, bool)
    use = np.asarray(use)
    if use.dtype != bool or use.shape != target.shape:
        found = f"{use.dtype} of shape {use.shape}"
        raise ValueError(f"use: camera {name}: expected {target.size} bools, found {found}")
    lost = np.bincount(target, weights=use) == 0  # (T,)
    return use | lost[target]


def _put_mean(into, numbers, camera, rows):
    """Put the mean over each group of `rows` into the row of `into` that `numbers` says."""
    sizes = np.array([len(these) for these in rows])
    starts = np.cumsum(sizes) - sizes
    part = camera[np.concatenate(rows)]
    flux, ivar, _ = part.usable()  # (N, W)
    total = np.add.reduceat(ivar, starts, axis=0)  # (T, W)
    # What is too large for the sum or for float32 becomes inf or NaN, which is not usable.
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.add.reduceat(flux * ivar, starts, axis=0)
        np.divide(mean, total, out=mean, where=total > 0)
        into.flux[numbers] = mean
        into.ivar[numbers] = total
    if camera.mask is not None:
        into.mask[numbers] = np.bitwise_and.reduceat(part.mask, starts, axis=0)
    if camera.resolution is not None:
        weight = _weights(ivar, total, sizes)[:, None]  # (N, 1, W)
        matrix = np.where(weight > 0, part.resolution, 0) * weight  # (N, D, W)
        into.resolution[numbers] = np.add.reduceat(matrix, starts, axis=0)


def _weights(ivar, total, sizes):
    """Return weights that add up to 1 over each group, equal ones where there is no ivar."""
    equal = np.repeat(1 / sizes, sizes)[:, None]  # (N, 1)
    total = np.repeat(total, sizes, axis=0)  # (N, W)
    weight = np.broadcast_to(equal, ivar.shape).copy()
    return np.divide(ivar, total, out=weight, where=total > 0)

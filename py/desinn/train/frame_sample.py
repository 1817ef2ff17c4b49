"""Patches of simulated CCD exposures to train on: light and rays are made once, noise anew."""

from dataclasses import replace

import numpy as np

from ..finders.holes import fill_holes
from ..log import get_logger
from ..simulate.ccd.frames import TRUTH_SIGMAS, exposure_generator, simulate_exposure
from ..simulate.cosmic_rays import Rays, cosmic_rays
from ..simulate.parallel import in_processes

PATCH, FRAME = 256, 768
"""Pixels along each side of a patch, and of the exposures that patches are cut from."""

PER_FRAME = 12
"""Patches that an exposure is good for, on average, up to `MOST_FRAMES` of them."""

MOST_FRAMES = 800
"""More exposures are not made: 4 MB each."""

RAY_MAPS, RAY_SIZE = 8, 1536
"""How many exposures of rays alone there are of each device, and how large they are."""

RAY_SECONDS = (400.0, 16000.0)
"""Their exposure times: more than a night has, so that there is something to learn from."""

FAINT_SIGMAS = 0.5
"""From so many sigmas of a ray's charge on a pixel is not one without a ray."""

PATCH_TRUTH = np.dtype([("KIND", "U8"), ("CAMERA", "U2"), ("DEVICE", "U8")])
"""What is told of each patch."""


class FrameSample:
    """Patches of exposures, each with rays of its own.

    Parameters
    ----------
    settings : desinn.simulate.ccd.settings.CcdSettings
        Its shape does not count.
    seed, size : int
        How many patches.
    finder : desinn.finders.cosmics.CosmicRayFinder
        It knows the network's input.
    processes : int
        How many make the exposures; what they make does not depend on it.

    Attributes
    ----------
    truth : numpy.ndarray
        (N,) of `PATCH_TRUTH`.
    shape : tuple of int
        (Y, X, C) of the network's input.
    """

    def __init__(self, settings, seed, size, finder, processes=1):
        self._finder = finder
        self._frames = _make_frames(settings, seed, size, processes)
        rng = np.random.default_rng([seed, 2**20])
        self._rays = {frame.device: [] for frame in self._frames}
        for device, maps in self._rays.items():
            for _ in range(RAY_MAPS):
                seconds = np.exp(rng.uniform(*np.log(RAY_SECONDS)))
                along = rng.uniform(*settings.along)
                found = cosmic_rays(rng, (RAY_SIZE,) * 2, seconds, device, along=along)
                maps.append(found.charge)
        self._cuts = [self._cut(rng) for _ in range(size)]
        self.truth = np.array(
            [(f.kind, f.camera, f.device) for f in (self._frames[c[0]] for c in self._cuts)],
            PATCH_TRUTH,
        )
        self.shape = (PATCH, PATCH, 1)

    def __len__(self):
        return len(self._cuts)

    def _cut(self, rng):
        """Return where a patch comes from: exposure, place, mirrors; ray map, place, mirrors."""
        frame = int(rng.integers(len(self._frames)))
        place = rng.integers(0, FRAME - PATCH + 1, 2).tolist()
        number = int(rng.integers(RAY_MAPS))
        there = rng.integers(0, RAY_SIZE - PATCH + 1, 2).tolist()
        mirrors = rng.choice([1, -1], (2, 2)).tolist()
        return frame, place, mirrors[0], number, there, mirrors[1]

    def _parts(self, row):
        """Return a patch's light, read noise, bad pixels and charge of rays."""
        frame, place, mirror, number, there, other = self._cuts[row]
        frame = self._frames[frame]
        seen = [_patch(a, place, mirror) for a in (frame.clean, frame.readnoise, frame.bad)]
        return *seen, _patch(self._rays[frame.device][number], there, other)

    def classes(self, row):
        """Return which pixels of a patch have a ray, and of which this is known.

        Parameters
        ----------
        row : int

        Returns
        -------
        ray, known : numpy.ndarray
            (Y, X) bool.
        """
        clean, readnoise, bad, charge = self._parts(row)
        sigma = np.sqrt(readnoise**2 + np.maximum(clean, 0))
        ray = charge > TRUTH_SIGMAS * sigma
        return ray, ~bad & (ray | (charge <= FAINT_SIGMAS * sigma))

    def draw(self, rng, rows):
        """Expose patches.

        Parameters
        ----------
        rng : numpy.random.Generator
        rows : array_like
            (B,) their numbers.

        Returns
        -------
        numpy.ndarray
            (B, Y, X, C) float32.
        """
        return np.concatenate([self._exposed(rng, *self._parts(row)) for row in rows])

    def _exposed(self, rng, clean, readnoise, bad, charge):
        light = np.maximum(clean, 0)
        image = rng.standard_normal(clean.shape, np.float32) * readnoise
        image += clean - light + rng.poisson(light) + charge
        x = self._finder.prepare(fill_holes(image, bad))[:, :]
        return x[np.newaxis]  # (1, Y, X, C)


class _Frame:
    """What is kept of an exposure."""

    def __init__(self, exposure):
        self.clean = exposure.clean.astype(np.float32)
        self.readnoise = exposure.readnoise.astype(np.float16)
        self.bad = exposure.mask != 0
        header = exposure.header
        self.kind, self.camera, self.device = (header[k] for k in ("KIND", "CAMERA", "DEVICE"))


def _make_frames(settings, seed, size, processes):
    """Return the exposures, without rays."""
    settings = replace(settings, shape=(FRAME, FRAME))
    number = min(-(-size // PER_FRAME), MOST_FRAMES)
    frames = []
    with in_processes(_settings, (settings,), processes) as run:
        for frame in run(_make, [(seed, k) for k in range(number)]):
            frames.append(frame)
            if len(frames) % 50 == 0:
                get_logger().info("simulated %d of %d exposures", len(frames), number)
    return frames


def _settings(settings):
    return settings


def _make(settings, task):
    return _Frame(simulate_exposure(exposure_generator(*task), settings, rays=_no_rays))


def _no_rays(rng, shape, seconds, device, along):
    """Return an exposure's rays where there are none."""
    return Rays(np.zeros(shape, np.float32), None, None, None, None)


def _patch(array, place, mirror):
    y, x = place
    return array[y : y + PATCH, x : x + PATCH][:: mirror[0], :: mirror[1]]

"""Ours as users have it: from an exposure to a mask."""

import numpy as np

PACKAGES = ("desinn", "numpy")
CHOICES = [{}]


def load(header, arrays, threads):
    """Return a callable: exposure -> mask. The environment sets the threads."""
    from desinn.finders.cosmics import cosmics_finder
    from desinn.nn import Network

    return _Finder(cosmics_finder(Network(header, arrays)))


class _Finder:
    """What the hook for desispec does with an exposure, but for desispec's part of it."""

    def __init__(self, finder):
        self._finder = finder

    def __call__(self, frame):
        from desinn.finders.ccds import no_good
        from desinn.io.preproc import COSMIC

        return self._finder.find(frame.pix, mask=no_good(frame.mask, frame.ivar, COSMIC))

    def outputs(self, frame):
        """Return what the network computes for all pixels, the bad ones too."""
        return self._finder.probability(frame.pix)[np.newaxis, :, :, np.newaxis]

"""onnxruntime on a large image; as a whole one would run out of memory."""

from .onnxruntime import PACKAGES, session  # noqa: F401
from .tiles import by_tile

CHOICES = [{"tile": tile} for tile in (256, 512, 684, 1024)]
"""Those that cut 4096 pixels into equal parts: 16, 8, 6 and 4."""


def load(header, arrays, threads, tile):
    """Return a callable: image -> output."""
    return by_tile(session(header, arrays, threads), header, tile)

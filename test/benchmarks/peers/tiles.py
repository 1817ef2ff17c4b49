"""Peers that run a large image in tiles, each with all around it that its pixels see."""

import numpy as np


def by_tile(run, header, tile):
    """Return a callable that gives `run` windows of an image and joins what counts of each.

    Parameters
    ----------
    run : callable
        (1, Y, X, C) -> the same size.
    header : dict
    tile : int
        Pixels along each axis, without what is around.
    """
    from desinn.nn.graph import Graph
    from desinn.nn.tiling import margins, period, tiles

    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    (output,) = header["outputs"]
    margin, step = margins(graph, output), period(graph)

    def whole(x):
        out = None
        for part in tiles(x.shape[1:-1], tile, margin, step):
            y = run(np.ascontiguousarray(x[(slice(None), *part.window)]))
            if out is None:
                out = np.empty((*x.shape[:-1], y.shape[-1]), y.dtype)
            out[(slice(None), *part.core)] = y[(slice(None), *part.inner)]
        return out

    return whole

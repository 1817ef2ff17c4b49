"""Working memory of one thread: taken once, used for every block, and for the next call."""

import math

import numpy as np

MOST_MADE = 16
"""How many things `Arena.once` remembers: blocks of a call have one or two sizes."""


class Arena:
    """Arrays by name that keep their memory from one use to the next."""

    def __init__(self):
        self._memory = {}
        self._bordered = {}
        self._made = {}

    def take(self, name, shape):
        """Return a float32 array of this shape with arbitrary content.

        Whoever asks again for the same name gets the same memory.
        """
        size = math.prod(shape)
        memory = self._memory.get(name)
        if memory is None or memory.size < size:
            memory = self._memory[name] = np.empty(size, np.float32)
        return memory[:size].reshape(shape)

    def bordered(self, name, shape, borders):
        """Return an array (B, *sizes, C) inside zeros that are wide enough for every reader.

        Parameters
        ----------
        name : str
        shape : tuple of int
        borders : sequence of (int, int)
            How many zeros before and after each spatial axis.

        Returns
        -------
        Bordered
        """
        sizes = [n + low + high for n, (low, high) in zip(shape[1:-1], borders, strict=True)]
        full = (shape[0], *sizes, shape[-1])
        memory = self._bordered.get(name)
        if memory is None or memory.shape != full:
            memory = self._bordered[name] = np.zeros(full, np.float32)
        return Bordered(memory, borders)

    def once(self, key, make):
        """Return what `make` returned when it was first asked for under `key`."""
        if key not in self._made:
            if len(self._made) >= MOST_MADE:
                self._made.clear()
            self._made[key] = make()
        return self._made[key]

    @property
    def nbytes(self):
        """Of all arrays."""
        return sum(a.nbytes for a in (*self._memory.values(), *self._bordered.values()))


class Bordered:
    """An array (B, *sizes, C) that lies inside a border of zeros.

    Attributes
    ----------
    inner : ndarray
        The array itself, a view.
    """

    def __init__(self, full, borders):
        self._full = full
        self._borders = borders
        self.inner = self.within([(0, 0)] * len(borders))

    def first(self, count):
        """Return the first `count` members of the batch."""
        return Bordered(self._full[:count], self._borders)

    def channels(self, cut):
        """Return some channels of the array, with its border."""
        return Bordered(self._full[..., cut], self._borders)

    def within(self, borders):
        """Return a view of the array with these, perhaps fewer, zeros around it."""
        spans = zip(self._borders, borders, self._full.shape[1:-1], strict=True)
        cut = (slice(low - a, n - (high - b)) for (low, high), (a, b), n in spans)
        return self._full[(slice(None), *cut)]

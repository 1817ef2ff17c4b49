"""What a layer is to the rest of the engine: its attributes, shapes, parameters and meaning.

A layer is described by a node of the weights file (`desinn.nn.graph`). Its class derives from
`Op`, stands in the file of its family, and is entered here by its name with `register`.
"""

OPS = {}

LARGEST = 2**31 - 1
"""Of any integer that a node states."""

LARGEST_NUMBER = 3.4028234663852886e38
"""Of float32."""


def register(name):
    """Enter a class of layers in `OPS`: a decorator.

    Parameters
    ----------
    name : str
        The op's name in the weights file.
    """

    def enter(cls):
        cls.name = name
        OPS[name] = cls
        return cls

    return enter


# The functions that follow test the attributes of layers. Their first lines are the messages
# ("expected a positive integer"), so they say no more.


def positive(value):
    """Accept a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a positive integer")
    return _not_too_large(value)


def positives(value):
    """Accept a list of positive integers, one for each spatial axis."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("a list of positive integers, one for each axis")
    try:
        return tuple(positive(v) for v in value)
    except ValueError:
        raise ValueError("a list of positive integers, one for each axis") from None


def integer(value):
    """Accept an integer."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("an integer")
    return _not_too_large(value)


def _not_too_large(value):
    if abs(value) > LARGEST:
        raise ValueError("an integer of 32 bits")
    return value


def integers(value):
    """Accept a list of integers."""
    if not isinstance(value, list | tuple):
        raise ValueError("a list of integers")
    return tuple(integer(v) for v in value)


def sizes(value):
    """Accept a list of positive integers and perhaps one -1."""
    values = integers(value)
    if not values or any(v < 1 and v != -1 for v in values) or values.count(-1) > 1:
        raise ValueError("a list of positive integers and perhaps one -1")
    return values


def number(value):
    """Accept a finite number."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not abs(value) <= LARGEST_NUMBER:  # and not >: NaN is none either
        raise ValueError("a finite number")
    return float(value)


def small_number(value):
    """Accept a number that is not negative."""
    if number(value) < 0:
        raise ValueError("a number that is not negative")
    return float(value)


def flag(value):
    """Accept true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def amounts(value):
    """Accept a list of pairs: how much before and after each spatial axis."""
    try:
        pairs = tuple(tuple(integer(v) for v in pair) for pair in value)
    except (TypeError, ValueError):
        pairs = ()
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError("a list of [before, after], one for each axis")
    return pairs


def counts(value):
    """Accept a list of pairs, none negative: how much before and after each spatial axis."""
    pairs = amounts(value)
    if min(v for pair in pairs for v in pair) < 0:
        raise ValueError("a list of [before, after], one for each axis, none negative")
    return pairs


def padding(value):
    """Accept "same", "valid" or explicit amounts, none negative."""
    return counts(value) if not isinstance(value, str) else _named_padding(value)


def crops(value):
    """Accept "same", "valid" or explicit amounts, which may be negative."""
    return amounts(value) if not isinstance(value, str) else _named_padding(value)


def _named_padding(value):
    if value not in ("same", "valid"):
        raise ValueError('"same", "valid" or a list of [before, after]')
    return value


class Op:
    """One layer: made from a node's attributes, asked for shapes, and run.

    Attributes
    ----------
    schema : dict
        Attribute name -> function that returns the value in its normal form or raises a
        ValueError that says what it expected. Every attribute must be given: frameworks differ
        in what they assume.
    arity : int or None
        How many inputs it takes; None for any number from one on.
    """

    schema = {}
    arity = 1

    def __init__(self, attributes):
        self.attributes = attributes
        for key, value in attributes.items():
            setattr(self, key, value)

    @classmethod
    def check(cls, attributes):
        """Return the attributes in their normal form, and a list of what is wrong with them."""
        problems = [
            f"attribute {key}: missing, expected {_expected(test)}"
            for key, test in cls.schema.items()
            if key not in attributes
        ]
        values = {}
        for key, value in attributes.items():
            if key not in cls.schema:
                known = ", ".join(cls.schema) or "none"
                problems.append(f"attribute {key}: unknown for {cls.name} (it has: {known})")
                continue
            try:
                values[key] = cls.schema[key](value)
            except ValueError as error:
                problems.append(f"attribute {key}: expected {error}, found {value!r}")
        return values, problems

    def output_shape(self, *shapes):
        """Return the shape of the output, without B, from those of the inputs.

        Raises
        ------
        ValueError
            If the layer cannot take such inputs; the text says what it expected and found.
        """
        return shapes[0]

    def spare_shape(self, *shapes):
        """Return the shape, without B, of what the layer makes beside its output, if anything."""
        return (0,)

    def parameters(self, *shapes):
        """Return the name and shape of each array that the layer needs."""
        return {}

    def apply(self, params, *arrays):
        """Return what the layer means, in the plainest way.

        Parameters
        ----------
        params : dict of ndarray
            By the names of `parameters`.
        *arrays : ndarray, shape (B, ..., C)

        Returns
        -------
        ndarray
        """
        raise TypeError(f"{type(self).__name__} does not say what it means")

    def ready(self, params, depth=0):
        """Return the parameters as `run` wants them, made once when the network is built.

        Parameters
        ----------
        params : dict of ndarray
        depth : int
            How many layers with weights lie between it and the input, at most.

        Returns
        -------
        dict of ndarray
        """
        return params

    def borders(self, *sizes):
        """Return how many zeros `run` wants around the spatial axes of its first input."""
        return [(0, 0)] * len(sizes)

    def run(self, params, arrays, out, finish, scratch):
        """Write the output into `out`: the fast way, where a layer has one.

        Parameters
        ----------
        params : dict of ndarray
            As `ready` returned them.
        arrays : list of ndarray, shape (B, ..., C)
            The inputs; the first one already with the zeros that `borders` asks for.
        out : ndarray, shape (B, ..., C)
        finish : callable
            The activation that follows: ``finish(x, out)``, where `out` may be `x`.
        scratch : desinn.nn.arena.Arena
            Where to get working memory from.
        """
        finish(self.apply(params, *arrays), out)

    def reach(self, axis, low, high, size):
        """Return which pixels of the input the output's pixels `low` to `high` depend on.

        Parameters
        ----------
        axis : int
            The spatial axis.
        low, high : int
            First and last pixel of the output.
        size : int or None
            The input's size along the axis.

        Returns
        -------
        (int, int) or None
            First and last pixel of the input, not cut at its ends; None for all of them.
        """
        return low, high

    def reach_in(self, number, axis, low, high, sizes):
        """Return `reach` for one of several inputs, where they differ.

        Parameters
        ----------
        number : int
            Which input.
        axis, low, high
            As for `reach`.
        sizes : sequence of int or None
            The size of each input along the axis.

        Returns
        -------
        (int, int) or None
        """
        return self.reach(axis, low, high, sizes[number])

    def turns(self, axis):
        """Return how many neighbouring pixels of the output see the input each in its own way.

        Parameters
        ----------
        axis : int
            An axis, perhaps one that the layer has not.

        Returns
        -------
        int
            1 where all see it alike.
        """
        return 1


class Whole(Op):
    """A layer after which every pixel may depend on the whole input."""

    def reach(self, axis, low, high, size):
        """Return None: all pixels."""
        return None


def along(values, axis):
    """Return an attribute's entry for an axis; 1 for an axis that it has not.

    Parameters
    ----------
    values : sequence of int
    axis : int

    Returns
    -------
    int
    """
    return values[axis] if axis < len(values) else 1


def _expected(test):
    """Return what a test accepts, from its own words."""
    text = (test.__doc__ or "").strip().splitlines()[0]
    return text.removeprefix("Accept ").rstrip(".")


def spatial_rank(shape, rank, what):
    """Raise unless a shape has so many spatial axes and a known number of channels.

    Parameters
    ----------
    shape : tuple of int or None
        Without B.
    rank : int
    what : str
        The layer, for the message.

    Raises
    ------
    ValueError
    """
    if len(shape) != rank + 1:
        raise ValueError(
            f"{what} of {rank} axes takes a shape of ({'?, ' * rank}C), found {show(shape)}"
        )
    if shape[-1] is None:
        raise ValueError(f"{what} must know its channels, found {show(shape)}")


def show(shape):
    """Return a shape as text, with ? for a size that is not known.

    Parameters
    ----------
    shape : sequence of int or None

    Returns
    -------
    str
    """
    return "(" + ", ".join("?" if n is None else str(n) for n in shape) + ")"

"""The pickles inside torch's files, run with nothing in reach but tensors.

Python's unpickler calls whatever a pickle names. Here a pickle is first read through without
being run: only the instructions that torch writes may occur, and no number in them may claim
memory. Then it runs with a table of harmless stand-ins for the few names that a state dict needs;
they build records (`Tensor`, `Storage`), and whether those fit the bytes is for the caller.
It runs in Python's unpickler that is written in Python: C's would take any key into a dict.
"""

import io
import pickle
import pickletools
from typing import NamedTuple

import numpy as np

# Values as they lie in a file. NumPy has no safe dtype for bool and bfloat16: raw integers.
STORED = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
    "ComplexFloatStorage": "c8",
    "ComplexDoubleStorage": "c16",
}
MAX_AXES = 32
_MAX_TUPLES = 50_000  # Hashing a tuple nested a million deep overflows the stack.
_MAX_INSTRUCTIONS = 500_000  # Of one byte each may make 100 bytes; a tensor needs about 50.
_LARGEST = 2**63
_LARGEST_KEY = 2**32

# What torch writes for a state dict. Missing here are the ways to reach a class (INST, OBJ,
# NEWOBJ, EXT1, ...) and those that ask for memory by a number (BINBYTES8, BYTEARRAY8, ...).
_INSTRUCTIONS = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK"),
        *("MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("SHORT_BINSTRING", "BINSTRING", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
    )
)


class TorchFileError(ValueError):
    """A file that is no torch file, is damaged, or wants more than to give its tensors."""


# What a pickle may name: stand-ins that build records, hold nothing and cannot be changed.


class Kind(NamedTuple):
    """What a storage holds: one of the keys of `STORED`."""

    name: str

    @property
    def itemsize(self):
        """Bytes of one value in the file."""
        return np.dtype(STORED[self.name]).itemsize


class Storage(NamedTuple):
    """A run of `numel` values that begins at value `start` of the bytes under `key`."""

    key: str
    kind: Kind
    start: int
    numel: int


class Tensor(NamedTuple):
    """A view of a storage; offset and stride count values. Unchecked."""

    storage: Storage
    offset: int
    shape: tuple
    stride: tuple


class _Dict(dict):
    __slots__ = ()

    def __setstate__(self, state):
        """Drop the attributes of a state dict (``_metadata``): nothing here reads them."""


class _StandIn:
    __slots__ = ()

    def __setstate__(self, state):
        raise TorchFileError("expected nothing but tensors, found a change to a function")


class _OrderedDict(_StandIn):
    __slots__ = ()

    def __call__(self, *items):
        if items:  # as Python 2 wrote it; and copying could be repeated until memory is full
            raise TorchFileError("expected an OrderedDict as Python 3 saves it, found Python 2's")
        return _Dict()


class _Size(_StandIn):
    __slots__ = ()

    def __call__(self, lengths=()):
        if len(lengths) > MAX_AXES:
            raise TorchFileError(f"expected at most {MAX_AXES} axes, found {len(lengths)}")
        return tuple(lengths)


class _RebuildTensor(_StandIn):
    __slots__ = ()

    def __call__(self, storage, offset, shape, stride, grad=None, hooks=None, metadata=None):
        if not isinstance(storage, Storage):
            raise TorchFileError(f"expected a tensor's storage, found {type(storage).__name__}")
        if metadata:
            raise TorchFileError("expected plain tensors, found one with metadata (conj or neg)")
        return Tensor(storage, offset, shape, stride)


class _RebuildParameter(_StandIn):
    __slots__ = ()

    def __call__(self, tensor, grad=None, hooks=None):
        if not isinstance(tensor, Tensor):
            raise TorchFileError(f"expected a parameter's tensor, found {type(tensor).__name__}")
        return tensor


_ADMITTED = {
    ("collections", "OrderedDict"): _OrderedDict(),
    ("torch", "Size"): _Size(),
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    **{("torch", name): Kind(name) for name in STORED},
}


class _Unpickler(pickle._Unpickler):
    """Run one pickle; `storages` is key -> (kind, numel) as the pickle declares them."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, data):
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.storages = {}

    def find_class(self, module, name):
        """Give the stand-in for a name, or refuse it."""
        try:
            return _ADMITTED[module, name]
        except KeyError:
            found = ascii(f"{module}.{name}"[:100])[1:-1]
            raise TorchFileError(
                f"expected nothing but tensors, found {found} (refused, not run)"
            ) from None

    def _set_item(self):
        _check_keys(self.stack[-2:-1])
        self.load_setitem()

    def _set_items(self):
        _check_keys(self.stack[::2])
        self.load_setitems()

    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = _set_items

    def persistent_load(self, pid):
        """Give the record of a storage; the bytes are looked at later."""
        match pid:
            case ("storage", Kind() as kind, str(key), _, numel):
                view = None
            case ("storage", Kind() as kind, str(key), _, numel, view):
                pass
            case _:
                raise TorchFileError("expected a reference to a storage, found another object")
        if not is_count(numel) or self.storages.setdefault(key, (kind, numel)) != (kind, numel):
            raise TorchFileError(f"expected one kind and size of storage {key!r}, found others")
        start, length = (0, numel) if view is None else _view_of_storage(view, key, numel)
        return Storage(key, kind, start, length)


def _check_keys(keys):
    """Raise unless keys are names or small numbers: tuples of tuples take forever to hash."""
    for key in keys:
        if type(key) is not str and not (type(key) is int and 0 <= key < _LARGEST_KEY):
            raise TorchFileError(f"expected names as keys, found {type(key).__name__.lstrip('_')}")


def is_count(number):
    """Whether this is a whole number that a size or an offset can be.

    Parameters
    ----------
    number : object

    Returns
    -------
    bool
    """
    return type(number) is int and 0 <= number < _LARGEST


def _view_of_storage(view, key, numel):
    # The oldest files share storages by views of them: (key of the view, start, length).
    match view:
        case (_, start, length) if is_count(start) and is_count(length):
            if start + length <= numel:
                return start, length
    raise TorchFileError(f"expected a view inside storage {key!r} of {numel} values")


def unpickle(data, start=0):
    """Run the pickle that begins at byte `start`, with nothing in reach but tensors.

    Parameters
    ----------
    data : bytes
        What holds the pickle; more may follow it.
    start : int
        Where the pickle begins.

    Returns
    -------
    made : object
        Dicts, lists, tuples, numbers and strings, and `Tensor` for each tensor. Names and
        numbers in it are the file's: unchecked.
    storages : dict of str to (Kind, int)
        The storages the tensors refer to: kind and number of values, as declared.
    end : int
        The byte after the pickle.

    Raises
    ------
    TorchFileError
        If it is truncated or broken, or names anything but tensors.
    """
    end = _scan(data, start)
    unpickler = _Unpickler(data[start:end])
    try:
        return unpickler.load(), unpickler.storages, end
    except TorchFileError:
        raise
    except Exception as error:  # a broken program may fail in any way
        raise _broken(start, error) from error


def _scan(data, start):
    """Read a pickle without running it; return where it ends."""
    stream = io.BytesIO(data)
    stream.seek(start)
    counts = {"put": 0, "tuple": 0, "all": 0}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            _check_instruction(opcode.name, argument, counts)
    except TorchFileError:
        raise
    except Exception as error:
        raise _broken(start, error) from error
    return stream.tell()


def _check_instruction(name, argument, counts):
    if name not in _INSTRUCTIONS:
        raise TorchFileError(f"expected nothing but tensors, found the instruction {name}")
    counts["all"] += 1
    if counts["all"] > _MAX_INSTRUCTIONS:
        raise TorchFileError(f"expected at most {_MAX_INSTRUCTIONS} instructions, found more")
    if name in ("BINPUT", "LONG_BINPUT"):
        # The unpickler makes its memo as long as this number says.
        if argument > counts["put"]:
            raise TorchFileError(f"expected memo {counts['put']} or less, found {argument}")
        counts["put"] += 1
    if name.startswith("TUPLE"):
        counts["tuple"] += 1
        if counts["tuple"] > _MAX_TUPLES:
            raise TorchFileError(f"expected at most {_MAX_TUPLES} tuples, found more")


def _broken(start, error):
    return TorchFileError(
        f"expected a whole pickle at byte {start}, found a broken one "
        f"({type(error).__name__}: {str(error)[:100]})"
    )

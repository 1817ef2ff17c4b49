"""Broken and hostile torch files."""

import functools
import struct
import zipfile

from .hostile_arrays import HUGE, zips
from .torch_file import (
    MAKERS,
    call,
    dict_of,
    legacy,
    name,
    number,
    storage,
    tensor,
    text,
    tuple_of,
    zipped,
)


def pickles():
    """Return pickles in the place of a state dict: name -> code."""
    system = call(name("os", "system"), text("touch HIT"))
    doubled = b")" + b"".join(_put(i) + b"0" + _get(i) * 2 + b"\x86" for i in range(60))
    deep = b"N" + b"\x85" * 40_000 + _put(0) + b"0"
    loop = b"]" + _put(0) + _get(0) + b"a"
    hits = b"".join(_get(0) + b"Ns" for _ in range(100_000))
    return {
        "os.system": dict_of(a=system),
        "os.system-beside": dict_of(state_dict=dict_of(a=tensor()), epoch=system),
        "eval": dict_of(a=call(name("builtins", "eval"), text("open('HIT', 'w')"))),
        "import": dict_of(a=call(name("builtins", "__import__"), text("os"))),
        "getattr": dict_of(a=b"\x8c\x08builtins\x8c\x07getattr\x93"),
        "numpy-object": dict_of(a=name("numpy.core.multiarray", "_reconstruct")),
        "build": dict_of(a=name("torch._utils", "_rebuild_tensor_v2") + tensor() + b"b"),
        "huge-storage": dict_of(a=tensor(storage("0", "FloatStorage", HUGE), 0, (HUGE,), (1,))),
        "huge-shape": dict_of(a=tensor(None, 0, (HUGE, HUGE), (0, 0))),
        "huge-stride": dict_of(a=tensor(None, 0, (2, 2), (2**62, 2**62))),
        "huge-nothing": dict_of(a=tensor(None, 0, (0, 2**62, 2**62), (1, 1, 1))),
        "many-copies": dict_of(**{f"a{i}": tensor() for i in range(1000)}),
        "loop": dict_of(a=loop),
        "loop-of-state": b"}" + _put(0) + text("state_dict") + _get(0) + b"s",
        "deep-tuples": dict_of(a=b"N" + b"\x85" * 1_000_000),
        "deep-key": b"}" + b"N" + b"\x85" * 1_000_000 + b"Ns",
        "deep-lists": dict_of(a=b"]" * 300_000 + b"a" * 299_999),
        "key-that-doubles": b"}" + doubled + b"Ns",
        "key-hashed-often": deep + b"}" + hits,
        "memo-beyond": b"}r\xff\xff\xff\x7f",
        "many-lists": b"]" * 3_000_000,
        "long-text": b"}X" + struct.pack("<I", 2**32 - 1) + b"a",
        "long-number": b"}\x8b" + struct.pack("<I", 2**31 - 1) + b"a",
        "nothing": b"",
        "not-closed": b"}(" + text("a"),
        "storage-of-text": dict_of(a=tuple_of(text("storage"), number(1)) + b"Q"),
    }


def _put(index):
    return b"r" + struct.pack("<I", index)


def _get(index):
    return b"j" + struct.pack("<I", index)


def torches():
    """Return torch files for desinn convert."""
    made = {
        f"{kind}-{key}": functools.partial(make, code) for kind, make in MAKERS.items()
        for key, code in pickles().items()
    }  # fmt: skip
    members = {"weights/data.pkl": b"\x80\x02}.", "weights/data/0": bytes(24)}
    more = {f"zip-{k}": v for k, v in zips(members).items() if k != "wrong-crc"}
    good = dict_of(a=tensor())
    return {
        **made,
        **more,
        "zip-deflated": zipped(good, compression=zipfile.ZIP_DEFLATED),
        "zip-bomb": lambda: zipped(
            good, more={"data/1": bytes(60_000_000)}, compression=zipfile.ZIP_DEFLATED
        ),
        "zip-half": zipped(good)[:-100],
        "legacy-half": legacy(good)[:-10],
        "legacy-more": legacy(good, tail=b"more"),
        "plain-text": b"hello",
        "one-byte": b"\x80",
    }

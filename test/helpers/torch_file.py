"""Torch's files and their pickles, put together by hand: torch is not needed, nor believed."""

import io
import pickle
import struct
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
VALUES = np.arange(6, dtype="<f4")


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return pickle.dumps(value, protocol=2)[2:-1]


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


def call(function, *arguments):
    return function + tuple_of(*arguments) + b"R"


def dict_of(**items):
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def pickled(code, protocol=2):
    return b"\x80" + bytes([protocol]) + code + b"."


def storage(key="0", kind="FloatStorage", numel=6, *more):
    place = (text("storage"), name("torch", kind), text(key), text("cpu"), number(numel), *more)
    return tuple_of(*place) + b"Q"


def tensor(where=None, offset=0, shape=(2, 3), stride=(3, 1), *more):
    where = storage() if where is None else where
    axes = (tuple_of(*map(number, shape)), tuple_of(*map(number, stride)))
    rest = (number(False), call(name("collections", "OrderedDict")), *more)
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    return call(rebuild, where, number(offset), *axes, *rest)


def legacy(content, storages=None, keys=None, head=None, tail=b""):
    storages = {"0": VALUES} if storages is None else storages
    head = head or [number(MAGIC), number(1001), dict_of(little_endian=number(True))]
    keys = list(storages) if keys is None else keys
    return (
        b"".join(map(pickled, head))
        + pickled(content)
        + pickle.dumps(keys, protocol=2)
        + b"".join(struct.pack("<q", a.size) + a.tobytes() for a in storages.values())
        + tail
    )


def zipped(content, storages=None, more=None, **options):
    storages = {"0": VALUES} if storages is None else storages
    members = {f"data/{key}": array.tobytes() for key, array in storages.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for key, value in ({"data.pkl": pickled(content)} | members | (more or {})).items():
            archive.writestr(f"weights/{key}", value)
    return stream.getvalue()


MAKERS = {"legacy": legacy, "zip": zipped}

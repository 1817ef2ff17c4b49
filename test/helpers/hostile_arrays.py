"""Broken and hostile .npz files of arrays: zip files and .npy that lie."""

import io
import struct
import warnings
import zipfile

import numpy as np

HUGE = 10**12
ARRAYS = {"w": np.ones((3, 2), "f4"), "b": np.ones(2, "f8"), "step": np.array(7)}


def npy(array=None, **stated):
    """Return a .npy of an array; what is stated replaces what its header says."""
    array = np.ones(3, "f4") if array is None else array
    said = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **stated}
    head = str(said).encode() + b" "
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + array.tobytes()


def archive(members, **options):
    """Return a zip file of names and bytes: a dict, or pairs where names repeat."""
    stream = io.BytesIO()
    pairs = members.items() if isinstance(members, dict) else members
    with zipfile.ZipFile(stream, "w", **options) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that repeat
        for key, value in pairs:
            file.writestr(key, value)
    return stream.getvalue()


def patched(data, signature, offset, layout, value, which=0):
    """Return a zip file with a number in one of its records replaced."""
    at = -1
    for _ in range(which + 1):
        at = data.index(signature, at + 1)
    data = bytearray(data)
    struct.pack_into(layout, data, at + offset, value)
    return bytes(data)


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def unpacked(data, size=None):
    """Return a zip of one deflated member that unpacks to `data` and states another size."""
    whole = archive({"a.npy": data}, compression=zipfile.ZIP_DEFLATED)
    if size is None:
        return whole
    whole = patched(whole, CENTRAL, 24, "<I", size)
    return patched(whole, LOCAL, 22, "<I", size)


def zips(members):
    """Return broken zip files of some members: name -> bytes."""
    whole = archive(members)
    first = next(iter(members))
    return {
        "empty-zip": archive({}),
        "half": whole[: len(whole) // 2],
        "no-end": whole[:-22],
        "no-start": whole[100:],
        "central-size-4GB": patched(whole, END, 12, "<I", 2**32 - 2),
        "central-offset-beyond": patched(whole, END, 16, "<I", 2**32 - 2),
        "central-offset-zero": patched(whole, END, 16, "<I", 0),
        "member-2GB": patched(
            patched(whole, CENTRAL, 20, "<I", 2**31 + 5), CENTRAL, 24, "<I", 2**31 + 5
        ),
        "member-longer-than-stored": patched(whole, CENTRAL, 24, "<I", 2**31),
        "member-offset-beyond": patched(whole, CENTRAL, 42, "<I", 2**31),
        "member-offset-at-the-end": patched(whole, CENTRAL, 42, "<I", len(whole) - 9),
        "member-offset-inside": patched(whole, CENTRAL, 42, "<I", 11),
        "wrong-crc": patched(whole, CENTRAL, 16, "<I", 0x12345678),
        "encrypted": patched(patched(whole, CENTRAL, 8, "<H", 1), LOCAL, 6, "<H", 1),
        "strongly-encrypted": patched(patched(whole, CENTRAL, 8, "<H", 65), LOCAL, 6, "<H", 65),
        "patch-data": patched(patched(whole, CENTRAL, 8, "<H", 32), LOCAL, 6, "<H", 32),
        "version-25": patched(whole, CENTRAL, 6, "<H", 255),
        "method-99": patched(whole, CENTRAL, 10, "<H", 99),
        "method-lzma": patched(whole, CENTRAL, 10, "<H", 14),
        "deflated-that-is-not": patched(whole, CENTRAL, 10, "<H", 8),
        "extra-beyond": patched(whole, CENTRAL, 30, "<H", 65535),
        "name-not-utf8": patched(whole, CENTRAL, 8, "<H", 0x800).replace(
            first.encode(), b"\xff\xfe" + first.encode()[2:]
        ),
        "one-name-twice": archive([*members.items(), *members.items()]),
        "many-of-one-name": lambda: archive([("a.npy", b"")] * 3000),
    }


def npys():
    """Return bytes that are no array, or lie about it: name -> bytes."""
    return {
        "pickled": npy(np.array([{}], dtype=object)) + b"cos\nsystem\n(S'touch HIT'\ntR.",
        "huge-shape": npy(shape=(HUGE,)),
        "huge-shape-no-data": npy(np.ones(0, "f4"), shape=(HUGE,)),
        "overflowing-shape": npy(shape=(2**32, 2**32)),
        "overflowing-to-its-size": npy(np.ones(4, "f4"), shape=(2**62 + 1, 4)),
        "negative-shape": npy(shape=(-1, -3)),
        "one-negative": npy(shape=(-3,)),
        "huge-and-nothing": npy(np.ones(0, "f4"), shape=(0, HUGE, HUGE, HUGE)),
        "hundred-axes": npy(np.ones(1, "f4"), shape=(1,) * 100),
        "float-shape": npy(shape=(3.0,)),
        "text-shape": npy(shape="3"),
        "true-shape": npy(shape=(True, 3)),
        "structured": npy(np.ones(3, [("a", "f4"), ("b", "O")])),
        "structured-text": npy(descr="f4,O"),
        "nested-dtype": npy(descr="[" * 4000),
        "wide-dtype": npy(descr="|S999999999999"),
        "void": npy(descr="|V2000000000"),
        "object": npy(descr="|O"),
        "no-dtype": npy(descr="<f3"),
        "number-dtype": npy(descr=7),
        "fortran-text": npy(fortran_order="no"),
        "more-keys": npy(more=1),
        "version-3": npy().replace(b"\x01\x00", b"\x03\x00", 1),
        "version-9": npy().replace(b"\x01\x00", b"\x09\x00", 1),
        "length-beyond": npy().replace(b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\xff\xff", 1),
        "length-4GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        "code": b"\x93NUMPY\x01\x00\x20\x00__import__('os').system('touch H')",
        "unclosed": b"\x93NUMPY\x01\x00\x03\x00{((",
        "deep": b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000,
        "minus": b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"-" * 8999 + b"1",
        "list-key": b"\x93NUMPY\x01\x00\x07\x00{[]: 1}",
        "no-magic": b"NUMPY\x01\x00",
        "nothing": b"",
        "short-data": npy()[:-4],
        "more-data": npy() + b"\0",
    }


def foreign():
    """Return .npz files for desinn convert."""
    members = {f"{key}.npy": npy(value) for key, value in ARRAYS.items()}

    def bomb():
        return npy(np.zeros(25_000_000, "f4"))

    return {
        **zips(members),
        **{f"array-{key}": archive({"a.npy": value}) for key, value in npys().items()},
        "bomb": lambda: unpacked(bomb()),
        "bomb-that-lies": lambda: unpacked(bomb(), 1000),
        "bomb-that-lies-by-little": lambda: unpacked(bomb(), 400_000),
        "many-bombs": lambda: archive(
            {f"{i}.npy": npy(np.zeros(10**6, "f4")) for i in range(20)},
            compression=zipfile.ZIP_DEFLATED,
        ),
        "names": archive({"../../a.npy": npy(), "/etc/b.npy": npy(), "..": npy()}),
        "plain-text": archive({"readme.txt": b"hello"}),
    }

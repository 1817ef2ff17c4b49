"""Torch files: what torch wrote comes back, and nothing that a file says is done."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from desinn.io.torch import TorchFileError, read_state_dict
from desinn.io.torchpickle import unpickle
from helpers.torch_file import (
    MAGIC,
    MAKERS,
    VALUES,
    call,
    dict_of,
    legacy,
    name,
    number,
    pickled,
    storage,
    tensor,
    text,
    tuple_of,
    zipped,
)

CONTAINERS = ("legacy", "zip")


@pytest.fixture(name="files", scope="session")
def torch_files(data):
    return data / "torch"


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "some.pth"
        path.write_bytes(content)
        return read_state_dict(path)

    return read_bytes


@pytest.fixture
def refused(read):
    """Read bytes that must be refused with a message that matches."""

    def check(content, match):
        with pytest.raises(TorchFileError, match=match) as caught:
            read(content)
        assert str(caught.value).split(": ")[0].endswith("some.pth")

    return check


# What torch wrote.


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("file", ["dtypes", "views", "checkpoint"])
def test_torch_files(files, file, container):
    state = read_state_dict(files / f"{file}-{container}.pth")
    with np.load(files / "values.npz") as values:
        expected = {key.split("/")[1]: values[key] for key in values if key.startswith(file)}
    assert list(state) == list(expected)
    for key, array in state.items():
        np.testing.assert_array_equal(array, expected[key], err_msg=key)
        assert array.dtype == expected[key].dtype, key
        assert type(array) is np.ndarray, key
        assert array.flags.c_contiguous, key
        assert array.flags.writeable, key


@pytest.mark.parametrize("net", ["batchnorm", "weightnorm", "inpaint"])
def test_both_containers_agree(files, net):
    first, second = (read_state_dict(files / f"{net}-{c}.pth") for c in CONTAINERS)
    assert list(first) == list(second)
    assert not any(key.startswith("module.") for key in first)
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


def test_tied_weights_are_arrays_of_their_own(files):
    state = read_state_dict(files / "views-zip.pth")
    state["base"][:] = -1
    assert state["tied"][5] == 5


# The same by hand, to reach what torch no longer writes.


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_plain(read, make):
    state = read(make(dict_of(a=tensor(), b=tensor(None, 1, (2,), (3,)))))
    np.testing.assert_array_equal(state["a"], VALUES.reshape(2, 3))
    np.testing.assert_array_equal(state["b"], [1, 4])


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict"])
def test_checkpoint(read, make, wrapper):
    inner = b"}(" + text("module.a") + tensor() + b"u"
    state = read(make(dict_of(epoch=number(3), **{wrapper: inner}, note=text("kept out"))))
    assert list(state) == ["a"]


def test_prefix_stays_unless_all_have_it(read):
    content = b"}(" + text("module.a") + tensor() + text("b") + tensor() + b"u"
    assert list(read(legacy(content))) == ["module.a", "b"]


def test_parameter_and_size(read):
    size = call(name("torch", "Size"), tuple_of(number(3)))
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    made = call(
        rebuild, storage(), number(2), size, tuple_of(number(1)), number(False), number(None)
    )
    state = read(
        legacy(dict_of(a=call(name("torch._utils", "_rebuild_parameter"), made, b"\x88", b"N")))
    )
    np.testing.assert_array_equal(state["a"], [2, 3, 4])


def test_attributes_of_the_state_dict_are_dropped(read):
    attributes = dict_of(_metadata=number(1), items=number(2))
    content = call(name("collections", "OrderedDict")) + b"(" + text("a") + tensor() + b"u"
    assert list(read(zipped(content + attributes + b"b"))) == ["a"]


def test_newer_pickle_protocol(read):
    code = tensor().replace(
        name("torch._utils", "_rebuild_tensor_v2"),
        b"\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93",
    )
    content = pickled(dict_of(a=code), 4)
    content = content[:2] + b"\x95" + struct.pack("<Q", len(content) - 2) + content[2:]
    members = {"data.pkl": content}
    np.testing.assert_array_equal(read(zipped(b"N", more=members))["a"], VALUES.reshape(2, 3))


@pytest.mark.parametrize("order", ["little", "big"])
def test_byte_order(read, order):
    stored = VALUES.astype(f"{'<' if order == 'little' else '>'}f4")
    state = read(zipped(dict_of(a=tensor()), {"0": stored}, {"byteorder": order}))
    np.testing.assert_array_equal(state["a"], VALUES.reshape(2, 3))
    assert state["a"].dtype.isnative


def test_bool_is_what_is_not_zero(read):
    raw = np.array([0, 1, 2, 255], dtype="u1")
    state = read(
        legacy(dict_of(a=tensor(storage("0", "BoolStorage", 4), 0, (4,), (1,))), {"0": raw})
    )
    np.testing.assert_array_equal(state["a"].view("u1"), [0, 1, 1, 1])


def test_storage_views_of_the_oldest_files(read, refused):
    view = tuple_of(text("1"), number(2), number(3))
    state = read(legacy(dict_of(a=tensor(storage("0", "FloatStorage", 6, view), 1, (2,), (1,)))))
    np.testing.assert_array_equal(state["a"], [3, 4])
    beyond = tuple_of(text("1"), number(4), number(3))
    where = storage("0", "FloatStorage", 6, beyond)
    refused(legacy(dict_of(a=tensor(where))), "expected a view inside storage '0' of 6 values")


# Hostile pickles.

HOSTILE = {
    "os.system": call(name("os", "system"), text("touch HIT")),
    "posix.system": call(name("posix", "system"), text("touch HIT")),
    "builtins.eval": call(name("builtins", "eval"), text("open('HIT', 'w')")),
    "__builtin__.eval": call(name("__builtin__", "eval"), text("open('HIT', 'w')")),
    "numpy.core.multiarray._reconstruct": name("numpy.core.multiarray", "_reconstruct"),
    "torch.load": call(name("torch", "load"), text("HIT")),
    "torch.storage.UntypedStorage": name("torch.storage", "UntypedStorage"),
    "torch.QInt8Storage": name("torch", "QInt8Storage"),
    "collections.OrderedDict.fromkeys": name("collections", "OrderedDict.fromkeys"),
    "builtins.getattr": b"\x8c\x08builtins\x8c\x07getattr\x93",
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("found", HOSTILE)
def test_any_other_name_is_refused(refused, make, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = HOSTILE[found]
    message = f"expected nothing but tensors, found {found} .refused, not run."
    refused(make(dict_of(a=code)), message)
    refused(make(dict_of(state_dict=dict_of(a=tensor()), epoch=code)), message)
    assert os.listdir(tmp_path) == ["some.pth"]


@pytest.mark.parametrize("place", range(3))
def test_every_pickle_of_the_stream_is_restricted(refused, place):
    head = [number(MAGIC), number(1001), dict_of()]
    head[place] = HOSTILE["os.system"]
    refused(legacy(dict_of(a=tensor()), head=head), "found os.system")


def test_the_last_pickle_is_restricted(refused):
    whole = legacy(dict_of(a=tensor()))
    keys = pickle.dumps(["0"], protocol=2)
    refused(whole.replace(keys, pickled(HOSTILE["os.system"])), "found os.system")


INSTRUCTIONS = {
    "INST": b"(ios\nsystem\n",
    "OBJ": b"(cos\nsystem\no",
    "NEWOBJ": name("collections", "OrderedDict") + b")\x81",
    "EXT1": b"\x82\x01",
    "BYTEARRAY8": b"\x96" + struct.pack("<Q", 3) + b"abc",
    "BINBYTES": b"B" + struct.pack("<I", 3) + b"abc",
    "NEXT_BUFFER": b"\x97",
    "PERSID": b"P0\n",
}


@pytest.mark.parametrize("found", INSTRUCTIONS)
def test_any_other_instruction_is_refused(refused, found):
    content = dict_of(a=tensor(), b=INSTRUCTIONS[found])
    refused(zipped(content), f"found the instruction {found}$")


def test_numbers_that_claim_memory(refused):
    refused(zipped(b"Nr\xff\xff\xff\xff"), "expected memo 0 or less, found 4294967295")
    refused(zipped(b"\x8d" + struct.pack("<Q", 2**60)), "expected a whole pickle at byte 0")
    refused(zipped(b"\x8a\xffabc"), "expected a whole pickle at byte 0")


def test_nesting_that_overflows_the_stack(refused):
    refused(zipped(b"})" + 1_000_000 * b"\x85" + b"Ns"), "expected at most 50000 tuples")


KEYS = {"tuple": b")", "int": number(-1), "NoneType": b"N", "Tensor": tensor()}


@pytest.mark.parametrize("found", KEYS)
@pytest.mark.parametrize("instructions", [b"}%bNs", b"}(%bNu", b"}(X\x01\0\0\0aN%bNu"])
def test_keys_that_could_take_forever_to_hash(refused, found, instructions):
    refused(zipped(instructions % KEYS[found]), f"expected names as keys, found {found}$")


def test_keys_of_other_parts_of_a_checkpoint_may_be_numbers(read):
    content = b"}(" + number(3) + b"N" + text("state_dict") + dict_of(a=tensor()) + b"u"
    assert list(read(zipped(content))) == ["a"]


def test_instructions_that_each_claim_memory(refused):
    refused(zipped(b"]" * 500_001), "expected at most 500000 instructions, found more")


@pytest.mark.parametrize(
    "function",
    [
        name("torch._utils", "_rebuild_tensor_v2"),
        name("torch._utils", "_rebuild_parameter"),
        name("collections", "OrderedDict"),
        name("torch", "Size"),
    ],
)
def test_functions_cannot_be_changed(refused, read, function):
    change = tuple_of(dict_of(__call__=number(1)), dict_of(__call__=number(1)))
    refused(zipped(dict_of(a=function + change + b"b")), "found a change to a function")
    assert list(read(zipped(dict_of(a=tensor())))) == ["a"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (call(name("torch._utils", "_rebuild_parameter"), number(1)), "a parameter's tensor"),
        (tensor(number(1)), "expected a tensor's storage, found int"),
        (tensor(None, 0, (2, 3), (3, 1), dict_of(conj=number(True))), "found one with metadata"),
        (call(name("torch", "Size"), tuple_of(*[number(1)] * 33)), "at most 32 axes, found 33"),
        (call(name("collections", "OrderedDict"), b"]"), "as Python 3 saves it, found Python 2's"),
        (name("torch", "FloatStorage") + b")R", "found a broken one .TypeError"),
        (b"R", "found a broken one"),
        (tuple_of(text("module"), number(1)) + b"Q", "a reference to a storage"),
        (storage("0", "FloatStorage", -1), "one kind and size of storage '0'"),
        (storage("0", "FloatStorage", 2**70), "one kind and size of storage '0'"),
        (storage() + storage("0", "LongStorage", 6), "one kind and size of storage '0'"),
    ],
)
def test_misused_functions(refused, content, match):
    refused(zipped(dict_of(a=content)), match)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (7,), (1,)),
        (1, (2, 3), (3, 1)),
        (6, (1,), (1,)),
        (0, (2, 3), (4, 1)),
        (0, (2, 3), (3,)),
        (0, (7,), (0,)),
        (0, (2**40, 2**40), (0, 0)),
        (0, (2, 2), (2**60, 1)),
        (7, (), ()),
        (0, (0, 2**40), (1, 1)),
    ],
)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_views_beyond_the_storage(refused, make, offset, shape, stride):
    match = r"tensor 'a': expected a view inside storage '0' of 6 values, found offset \d+, shape"
    refused(make(dict_of(a=tensor(None, offset, shape, stride))), match)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (-2,), (1,)),
        (0, (2**70,), (0,)),
        (2**70, (1,), (1,)),
        (0, (2.0,), (1,)),
        (True, (2,), (1,)),
    ],
)
def test_numbers_that_are_no_counts(refused, offset, shape, stride):
    refused(
        zipped(dict_of(a=tensor(None, offset, shape, stride))), "expected whole numbers from 0"
    )


def test_shapes_that_are_none(refused):
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    content = call(rebuild, storage(), number(0), number(2), number(1))
    refused(zipped(dict_of(a=content)), "tensor 'a': expected a shape and strides")
    axes = tensor(None, 0, (1,) * 33, (1,) * 33)
    refused(zipped(dict_of(a=axes)), "tensor 'a': expected a shape and strides")


def test_strides_of_single_steps_do_not_matter(read):
    state = read(zipped(dict_of(a=tensor(None, 5, (1, 1), (2**62, 2**62)))))
    np.testing.assert_array_equal(state["a"], [[5]])


def test_copies_are_bounded(refused):
    raw = np.zeros(5000, dtype="<f4")
    whole = tensor(storage("0", "FloatStorage", 5000), 0, (5000,), (1,))
    names = {f"a{i}": whole for i in range(12)}
    refused(zipped(dict_of(**names), {"0": raw}), "expected tensors of at most .* found more")


# Damaged files.


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_truncation_anywhere(refused, make):
    whole = make(dict_of(a=tensor()))
    for length in range(len(whole)):
        refused(whole[:length], "expected")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_damage_anywhere_gives_one_kind_of_error(read, make):
    whole = make(dict_of(a=tensor(), b=tensor(None, 1, (2,), (3,))))
    rng = np.random.default_rng(7)
    outcomes = set()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= int(rng.integers(1, 256))
        try:
            outcomes.add(type(read(bytes(damaged))))
        except TorchFileError:
            outcomes.add(TorchFileError)
    assert outcomes == {dict, TorchFileError}


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"SIMPLE  =", b"pickle\0\0"])
def test_other_files(refused, content):
    refused(content, "expected a torch file")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (legacy(b"N", head=[number(5), number(1001), b"}"]), "expected torch's magic number"),
        (pickle.dumps([1, 2]), "expected torch's magic number"),
        (legacy(b"N", head=[number(MAGIC), number(1000), b"}"]), "protocol version 1001"),
        (legacy(dict_of(a=tensor()), keys=[]), r"expected 1 storages, found 0; missing: \['0'\]"),
        (legacy(dict_of(a=tensor()), keys=["0", "1"]), r"superfluous: \['1'\]"),
        (legacy(dict_of(a=tensor()), keys=5), "expected the list of storage keys"),
        (legacy(dict_of(a=tensor()), {"0": VALUES[:5]}), "expected storage '0' up to byte"),
        (
            legacy(dict_of(a=tensor()), {"0": np.arange(7, dtype="<f4")}),
            "storage '0': expected 6 values, found 7",
        ),
        (legacy(dict_of(a=tensor()), tail=b"more"), r"expected \d+ bytes, found \d+"),
    ],
)
def test_legacy_errors(refused, content, match):
    refused(content, match)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (zipped(dict_of(a=tensor()), {}), "expected a member weights/data/0, found none"),
        (
            zipped(dict_of(a=tensor()), {"0": VALUES[:5]}),
            "weights/data/0: expected 24 bytes, found 20",
        ),
        (
            zipped(dict_of(a=tensor()), compression=zipfile.ZIP_DEFLATED),
            "weights/data.pkl: expected a stored member",
        ),
        (zipped(b"N", more={"code/net.py": "pass"}), "found a TorchScript archive"),
        (zipped(b"N", more={"constants.pkl": pickled(b")")}), "found a TorchScript archive"),
        (zipped(b"N", more={"byteorder": "middle"}), "expected byteorder little or big"),
        (zipped(b"N").replace(b"data.pkl", b"data.txt"), "one folder with data.pkl"),
        (zipped(b"N").replace(b"data.pkl", b"data.pk\0"), "one folder with data.pkl"),
        (zipped(dict_of(a=tensor()))[:-30], "expected a whole zip archive, found:"),
        (
            zipped(dict_of(a=tensor())).replace(VALUES.tobytes(), VALUES[::-1].tobytes()),
            "weights/data/0: expected a readable member, found: Bad CRC-32",
        ),
    ],
)
def test_zip_errors(refused, content, match):
    refused(content, match)


def test_zip_with_a_name_twice(refused):
    stream = io.BytesIO(zipped(dict_of(a=tensor())))
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("weights/data/0", VALUES.tobytes())
    refused(stream.getvalue(), "expected members of different names")


@pytest.mark.parametrize("lie", [25, 2**31])
def test_zip_that_lies_about_sizes(refused, lie):
    whole = bytearray(zipped(dict_of(a=tensor(storage("0", "ByteStorage", lie), 0, (1,), (1,)))))
    entry = whole.rindex(b"PK\x01\x02")  # the central directory's entry of data/0, written last
    whole[entry + 20 : entry + 28] = struct.pack("<II", lie, lie)
    refused(bytes(whole), "bytes together|readable member")


# Files of other things.


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"]", "found list"),
        (tensor(), "found Tensor"),
        (b"}", "found an empty dict"),
        (call(name("collections", "OrderedDict")), "found an empty dict"),
        (dict_of(a=tensor(), epoch=number(3)), "found int under 'epoch'"),
        (dict_of(state_dict=dict_of(a=number(1))), "found int under 'a'"),
        (b"}(" + number(1) + tensor() + b"u", "found Tensor under int"),
    ],
)
def test_no_state_dict(refused, content, match):
    storages = None if b"storage" in content else {}
    refused(legacy(content, storages), match)


def test_pickles_one_after_another():
    data = pickled(number(1)) + pickled(text("two")) + b"rest"
    one, _, at = unpickle(data)
    two, storages, at = unpickle(data, at)
    assert (one, two, storages, data[at:]) == (1, "two", {}, b"rest")


# Against torch, where it is installed.


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch is not installed")


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("new", [False, True], ids=CONTAINERS)
def test_against_torch(torch, tmp_path, new, protocol):
    torch.manual_seed(3)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 5, 3), torch.nn.BatchNorm2d(5), torch.nn.ConvTranspose2d(5, 2, 2)
    )
    state = net.state_dict()
    state["turned"] = torch.randn(3, 4, 5).permute(2, 0, 1)[1:, :, ::2]
    state["half"] = torch.randn(7).half()
    options = {"_use_new_zipfile_serialization": new, "pickle_protocol": protocol}
    torch.save(state, tmp_path / "net.pth", **options)
    found = read_state_dict(tmp_path / "net.pth")
    assert list(found) == list(state)
    for key, expected in state.items():
        np.testing.assert_array_equal(found[key], expected.numpy(), err_msg=key)
        assert found[key].dtype == expected.numpy().dtype


@pytest.mark.parametrize("new", [False, True], ids=CONTAINERS)
@pytest.mark.parametrize("what", ["module", "sparse", "expanded"])
def test_what_torch_can_save_and_is_no_state_dict(torch, refused, tmp_path, new, what):
    content = {
        "module": lambda: torch.nn.ReLU(),
        "sparse": lambda: {"a": torch.eye(3).to_sparse()},
        "expanded": lambda: {"a": torch.ones(1).expand(1000)},
    }[what]()
    torch.save(content, tmp_path / "it.pth", _use_new_zipfile_serialization=new)
    match = {
        "module": "found torch.nn.modules.activation.ReLU|found the instruction NEWOBJ",
        "sparse": "found torch._utils._rebuild_sparse_tensor",
        "expanded": "tensor 'a': expected a view inside storage",
    }[what]
    refused((tmp_path / "it.pth").read_bytes(), match)

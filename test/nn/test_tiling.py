"""Large images in tiles: the same pixels as in one piece."""

import numpy as np
import pytest

from desinn.nn import Network
from desinn.nn.network import evaluate
from desinn.nn.tiling import margins, period, tiles

PLAIN = {"bias": True, "weight_norm": False}


def u_net(rng, depth=1, channels=8):
    """Return header and arrays of a small U-Net with random weights."""
    nodes, arrays = [], {}

    def add(name, op, inputs, out=None, before=None, size=3, **attributes):
        if out:
            arrays[f"{name}/kernel"] = rng.normal(0, 0.2, (size, size, before, out)).astype("f4")
            arrays[f"{name}/bias"] = rng.normal(0, 0.1, out).astype("f4")
            attributes |= {"filters": out, "kernel": [size, size], **PLAIN}
        nodes.append({"name": name, "op": op, "inputs": inputs, **attributes})
        return name

    def conv(name, before_name, before, out, size=3):
        more = {"stride": [1, 1], "dilation": [1, 1], "padding": "same"}
        name = add(name, "conv", [before_name], out, before, size, **more)
        return add(f"{name}_relu", "relu", [name])

    pool = {"kernel": [2, 2], "stride": [2, 2], "padding": "valid"}
    top, skips, width = conv("first", "x", 1, channels), [], channels
    for level in range(depth):
        skips.append((top, width))
        top = add(f"pool_{level}", "max_pool", [top], **pool)
        top, width = conv(f"down_{level}", top, width, 2 * width), 2 * width
    for level, (skip, narrow) in reversed(list(enumerate(skips))):
        up = {"stride": [2, 2], "padding": "valid"}
        top = add(f"up_{level}", "transposed_conv", [top], narrow, width, 2, **up)
        top = add(f"concat_{level}", "concat", [skip, top], axis=-1)
        top, width = conv(f"join_{level}", top, 2 * narrow, narrow), narrow
    conv("last", top, width, 1, 1)
    header = {"inputs": [{"name": "x", "shape": [None, None, 1]}], "nodes": nodes,
              "outputs": {"y": "last"}}  # fmt: skip
    return header, arrays


@pytest.mark.parametrize("core", [8, 30, 64, 500])
@pytest.mark.parametrize(("depth", "size"), [(1, (62, 90)), (2, (124, 44))])
def test_tiles_are_the_whole(depth, size, core):
    rng = np.random.default_rng(core)
    header, arrays = u_net(rng, depth)
    image = rng.normal(0, 1, (*size, 1)).astype("f4")
    double = {name: array.astype("f8") for name, array in arrays.items()}
    expected = evaluate(header, double, image[None].astype("f8"))["y"][0]
    found = Network(header, arrays).on_tiles(image, "y", core)
    assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


def test_channels_are_joined_by_the_number_of_their_axis_too():
    header, arrays = u_net(np.random.default_rng(5))
    image = np.random.default_rng(6).normal(0, 1, (40, 64, 1)).astype("f4")
    expected = Network(header, arrays).on_tiles(image, "y", 16)
    for node in header["nodes"]:
        if node["op"] == "concat":
            node["axis"] = 3
    assert np.array_equal(Network(header, arrays).on_tiles(image, "y", 16), expected)


def test_the_number_of_threads_changes_nothing():
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(2)
    network = Network(*u_net(rng))
    image = rng.normal(0, 1, (100, 120, 1)).astype("f4")
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.append(network.on_tiles(image, "y", 32))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


@pytest.mark.parametrize("shape", [(1, 96, 80), (3, 80, 96), (0, 96, 96)])
def test_large_images_are_cut_by_the_network_itself(monkeypatch, shape):
    from desinn.nn import network as module

    network, sizes = Network(*u_net(np.random.default_rng(4))), []
    images = np.random.default_rng(5).normal(0, 1, (*shape, 1)).astype("f4")
    whole = network(images)["y"]
    compute = network._tile_plan
    monkeypatch.setattr(
        network, "_tile_plan", lambda name, s: sizes.append(s["x"]) or compute(name, s)
    )
    monkeypatch.setattr(module, "LARGE_BYTES", 4 * 40**2)
    network.tile = 32
    found = network(images)["y"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, whole, rtol=0, atol=2e-6)
    assert len(sizes) == len(images)
    assert all(max(size) < 80 for size in sizes)


def strided():
    """Return header and arrays of a network that halves an image, odd sizes, too."""
    header, arrays = u_net(np.random.default_rng(4))
    header["nodes"] = [header["nodes"][0] | {"stride": [2, 2]}]
    return header | {"outputs": {"y": "first"}}, {k: arrays[k] for k in list(arrays)[:2]}


def with_mean():
    """Return header and arrays of a network of which each value depends on all pixels."""
    header, arrays = u_net(np.random.default_rng(4))
    header["nodes"].append(
        {"name": "mean", "op": "global_average_pool", "inputs": ["last"], "keep_axes": False}
    )
    return header | {"outputs": {"y": "mean"}}, arrays


def with_two_outputs():
    header, arrays = u_net(np.random.default_rng(4))
    return header | {"outputs": {"y": "last", "first": "first"}}, arrays


@pytest.mark.parametrize(
    ("make", "side"), [(strided, 63), (strided, 64), (with_mean, 64), (with_two_outputs, 64)]
)
def test_what_cannot_be_cut_is_computed_whole(monkeypatch, make, side):
    from desinn.nn import network as module

    network = Network(*make())
    image = np.random.default_rng(1).normal(0, 1, (1, side, side, 1)).astype("f4")
    expected = network(image)
    monkeypatch.setattr(module, "LARGE_BYTES", 1)
    found = network(image)
    assert list(found) == list(expected)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("depth", [1, 2])
def test_margins_hold_all_that_is_seen(depth):
    """A margin less than that by one step changes pixels."""
    rng = np.random.default_rng(3)
    header, arrays = u_net(rng, depth)
    arrays = {name: np.abs(array) for name, array in arrays.items()}  # nothing cancels
    graph = Network(header, arrays).graph
    step = 2**depth
    assert period(graph) == (step, step)
    margin = margins(graph, "y")[0]
    apart = 0
    for at in range(8 * margin, 8 * margin + step):
        x = np.zeros((1, 16 * margin, 16 * margin, 1), "f4")
        before = evaluate(header, arrays, x)["y"]
        x[0, at, at] = 100
        changed = np.argwhere(evaluate(header, arrays, x)["y"][0, :, :, 0] != before[0, :, :, 0])
        apart = max(apart, np.abs(changed - at).max())
    assert margin - step < apart <= margin


@pytest.mark.parametrize(("size", "core"), [(40, 16), (16, 16), (6, 16), (48, 10), (1000, 384)])
def test_cores_cover_an_axis_once(size, core):
    parts = tiles([size], core, [8], [2])
    counted = np.zeros(size, int)
    for tile in parts:
        counted[tile.core] += 1
        (window,), (inner,), (own,) = tile.window, tile.inner, tile.core
        assert window.start % 2 == 0
        assert (window.start + inner.start, window.start + inner.stop) == (own.start, own.stop)
        assert own.start - window.start >= min(8, own.start)
        assert window.stop - own.stop >= min(8, size - own.stop)
    assert (counted == 1).all()
    assert len({tile.window[0].stop - tile.window[0].start for tile in parts}) == 1


def test_what_cannot_be_cut():
    network = Network(*u_net(np.random.default_rng(4)))
    with pytest.raises(ValueError, match=r"multiples of \(2, 2\), found \(32,\)"):
        network.on_tiles(np.zeros((32, 32)), "y")
    with pytest.raises(ValueError, match=r"multiples of \(2, 2\), found \(33, 40\)"):
        network.on_tiles(np.zeros((33, 40, 1)), "y")
    mean = {"name": "flat", "op": "flatten", "inputs": ["x"]}
    header = {"inputs": [{"name": "x", "shape": [4, 4, 1]}], "nodes": [mean],
              "outputs": {"y": "flat"}}  # fmt: skip
    with pytest.raises(ValueError, match="output y: a pixel of it may depend on the whole image"):
        Network(header, {}).on_tiles(np.zeros((4, 4, 1)), "y")
    crop = {"name": "crop", "op": "crop", "inputs": ["x"], "amounts": [[1, 1], [1, 1]]}
    header = {"inputs": [{"name": "x", "shape": [None, None, 1]}], "nodes": [crop],
              "outputs": {"y": "crop"}}  # fmt: skip
    with pytest.raises(ValueError, match="output y: expected the size of the input, found"):
        Network(header, {}).on_tiles(np.zeros((8, 8, 1)), "y")

"""Unpooling: by repetition, and to the places where a max pool found its pixels."""

import itertools

import numpy as np
import pytest

from desinn.nn import Network, evaluate
from desinn.nn.graph import Graph, GraphError
from helpers.cases import SPATIAL, arrays_for, inputs_of, noise, one_layer


def graph_of(header):
    return Graph(header["inputs"], header["nodes"], header["outputs"])


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("factors", list(itertools.product((1, 2, 3), repeat=2)))
def test_unpool_repeats_pixels(factors, batch):
    header = one_layer("unpool", [(5, 4, 2)], factors=list(factors))
    x = inputs_of(header, batch)["x0"]
    expected = np.kron(x, np.ones((1, *factors, 1), np.float32))
    np.testing.assert_array_equal(evaluate(header, {}, x)["y"], expected)
    np.testing.assert_array_equal(Network(header, {})(x)["y"], expected)


def test_unpool_of_sizes_that_are_not_known():
    header = one_layer("unpool", [(None, None, 2)], factors=[2, 3])
    assert graph_of(header).shapes["layer"] == (None, None, 2)
    assert Network(header, {})(np.zeros((1, 5, 7, 2)))["y"].shape == (1, 10, 21, 2)


WINDOWS = {
    "side-by-side": {"kernel": 2, "stride": 2, "padding": "valid"},
    "of-three": {"kernel": 3, "stride": 3, "padding": "valid"},
    "same": {"kernel": 2, "stride": 2, "padding": "same"},
    "same-of-three": {"kernel": 3, "stride": 2, "padding": "same"},
    "overlapping": {"kernel": 3, "stride": 1, "padding": "valid"},
    "gaps": {"kernel": 1, "stride": 2, "padding": "valid"},
    "explicit": {"kernel": 3, "stride": 2, "padding": (1, 1)},
}


def windows(name, rank):
    """Return the attributes of a pool on so many axes."""
    chosen = WINDOWS[name]
    padding = chosen["padding"]
    return {
        "kernel": [chosen["kernel"]] * rank,
        "stride": [chosen["stride"]] * rank,
        "padding": padding if isinstance(padding, str) else [list(padding)] * rank,
    }


def pooled_and_back(name, sizes, channels=2):
    """Return a network that pools, scales what it found, and puts it back."""
    attributes = windows(name, len(sizes))
    return {
        "inputs": [{"name": "x", "shape": [*sizes, channels]}],
        "nodes": [
            {"name": "pool", "op": "max_pool", "inputs": ["x"], **attributes},
            {"name": "twice", "op": "affine", "inputs": ["pool"], "scale": 2.0, "shift": 9.0},
            {"name": "back", "op": "max_unpool", "inputs": ["twice", "x"], **attributes},
        ],
        "outputs": {"pool": "pool", "y": "back"},
    }


def by_hand(header, x):
    """Return what the network means, window by window and pixel by pixel."""
    node = header["nodes"][0]
    amounts = graph_pads(node, x.shape[1:-1])
    y = np.zeros_like(x)
    for b, channel in itertools.product(range(len(x)), range(x.shape[-1])):
        plane, target = x[b, ..., channel], y[b, ..., channel]
        counts = [
            (n + sum(pair) - k) // s + 1
            for n, pair, k, s in zip(
                plane.shape, amounts, node["kernel"], node["stride"], strict=True
            )
        ]
        for window in np.ndindex(*counts):
            first = [
                w * s - low for w, s, (low, _) in zip(window, node["stride"], amounts, strict=True)
            ]
            places = [
                tuple(np.add(first, tap))
                for tap in np.ndindex(*node["kernel"])
                if all(0 <= i < n for i, n in zip(np.add(first, tap), plane.shape, strict=True))
            ]
            best = max(places, key=lambda place: plane[place])  # the first of equals
            target[best] = 2 * plane[best] + 9
    return y


def graph_pads(node, sizes):
    from desinn.nn import geometry

    one = (1,) * len(sizes)
    return geometry.pads(sizes, node["kernel"], node["stride"], one, node["padding"])


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("sizes", [(6,), (7,), (6, 5), (3, 4, 5)])
def test_max_unpool_puts_pixels_where_they_were(sizes, name, batch):
    header = pooled_and_back(name, sizes)
    x = noise((batch, *sizes, 2), 3)
    expected = by_hand(header, x)
    np.testing.assert_allclose(evaluate(header, {}, x)["y"], expected, rtol=1e-6)
    np.testing.assert_allclose(Network(header, {})(x)["y"], expected, rtol=1e-6)


def test_the_first_of_equal_pixels_counts():
    x = np.zeros((1, 4, 5, 1), np.float32)
    y = Network(pooled_and_back("side-by-side", (4, 5), 1), {})(x)["y"][0, :, :, 0]
    assert y.tolist() == [[9, 0, 9, 0, 0], [0] * 5] * 2


def test_where_windows_overlap_the_last_one_counts():
    header = one_layer("max_unpool", [(2, 1), (3, 1)], kernel=[2], stride=[1], padding="valid")
    arrays = {"x0": np.float32([[[5], [7]]]), "x1": np.float32([[[0], [1], [0]]])}
    assert Network(header, {})(arrays)["y"][0, :, 0].tolist() == [0, 7, 0]


@pytest.mark.parametrize("sizes", [(6,), (7,), (6, 5), (5, 4, 7)])
@pytest.mark.parametrize("name", ["side-by-side", "of-three", "explicit"])
def test_max_unpool_is_that_of_torch(sizes, name):
    torch = pytest.importorskip("torch")
    functions, rank = torch.nn.functional, len(sizes)
    header = pooled_and_back(name, sizes)
    x = noise((2, *sizes, 2), 5)
    settings = {"kernel_size": WINDOWS[name]["kernel"], "stride": WINDOWS[name]["stride"]}
    padding = WINDOWS[name]["padding"]
    settings["padding"] = 0 if padding == "valid" else padding[0]
    first = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    pool, unpool = (getattr(functions, f"max_{kind}pool{rank}d") for kind in ("", "un"))
    pooled, places = pool(first, return_indices=True, **settings)
    theirs = unpool(2 * pooled + 9, places, output_size=first.shape, **settings).numpy()
    found = Network(header, {})(x)["y"]
    np.testing.assert_allclose(found, np.moveaxis(theirs, 1, -1), rtol=1e-6)


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "text"),
    [
        ("unpool", [(6, 2)], {"factors": [2, 2]}, "an unpool of 2 axes takes a shape of (?, ?, C"),
        ("unpool", [(6, 2)], {"factors": [0]}, "attribute factors: expected a list of positive"),
        ("unpool", [(6, 2)], {"factors": 2}, "attribute factors: expected a list of positive int"),
        ("unpool", [(6, 2)], {}, "attribute factors: missing, expected a list of positive"),
        ("unpool", [(6, None)], {"factors": [2]}, "an unpool must know its channels"),
        ("max_unpool", [(3, 2)], windows("side-by-side", 1), "inputs: expected 2, found 1"),
        (
            "max_unpool",
            [(4, 2), (6, 2)],
            windows("side-by-side", 1),
            "expected the shape (3, 2) of the max pool of (6, 2), found (4, 2)",
        ),
        ("max_unpool", [(3, 1), (6, 2)], windows("side-by-side", 1), "found (3, 1)"),
        ("max_unpool", [(3, 2), (6, 2)], windows("same", 2), "a pool of 2 axes takes a shape"),
        (
            "max_unpool",
            [(3, 2), (6, 2)],
            {"kernel": [2], "stride": [2], "padding": [[2, 0]]},
            "would leave windows (2,) without a pixel",
        ),
    ],
)
def test_what_is_wrong_is_named(op, shapes, attributes, text):
    with pytest.raises(GraphError) as caught:
        graph_of(one_layer(op, shapes, **attributes))
    assert text in str(caught.value)


def segnet(name="side-by-side", sizes=(24,)):
    """Return a network that pools between convolutions, and puts back what came of it."""
    rank = len(sizes)
    conv = {"filters": 2, "kernel": [3] * rank, "stride": [1] * rank, "dilation": [1] * rank,
            "padding": "same", "bias": True, "weight_norm": False}  # fmt: skip
    pool = windows(name, rank)
    return {
        "inputs": [{"name": "x", "shape": [*sizes, 2]}],
        "nodes": [
            {"name": "a", "op": "conv", "inputs": ["x"], **conv},
            {"name": "b", "op": "max_pool", "inputs": ["a"], **pool},
            {"name": "c", "op": "conv", "inputs": ["b"], **conv},
            {"name": "d", "op": "max_unpool", "inputs": ["c", "a"], **pool},
            {"name": "e", "op": "conv", "inputs": ["d"], **conv},
        ],
        "outputs": {"y": "e"},
    }


def upsampled():
    """Return the same with unpooling by repetition."""
    header = segnet()
    header["nodes"][3] = {"name": "d", "op": "unpool", "inputs": ["c"], "factors": [2]}
    return header


def felt(header, size, tries=40):
    """Return how far before and after it a pixel of the output was seen to feel the input."""
    arrays, before, after = arrays_for(header), 0, 0
    for seed in range(tries):
        x = noise((size, size, 2), seed)
        x[:] = x[0]  # one spectrum, and in each row of the batch one pixel of it is changed
        base = evaluate(header, arrays, x[:1])["y"]
        x[np.arange(size), np.arange(size)] += 5
        pixel, place = np.nonzero(np.any(evaluate(header, arrays, x)["y"] != base, axis=-1))
        middle = (place > size // 3) & (place < size - size // 3)
        before = max(before, (place - pixel)[middle].max())
        after = max(after, (pixel - place)[middle].max())
    return before, after


@pytest.mark.parametrize("header", [segnet(), segnet("of-three"), upsampled()],
                         ids=["by-place", "of-three", "nearest"])  # fmt: skip
def test_receptive_field_is_what_a_pixel_feels(header):
    assert graph_of(header).receptive_field("y") == [felt(header, 24)]


@pytest.mark.parametrize("name", ["same-of-three", "overlapping", "gaps"])
def test_receptive_field_is_no_less_than_what_a_pixel_feels(name):
    header = segnet(name)
    ((before, after),) = graph_of(header).receptive_field("y")
    seen = felt(header, 24)
    assert before >= seen[0]
    assert after >= seen[1]


@pytest.mark.parametrize("sizes", [(12,), (13, 10), (6, 7, 5)])
@pytest.mark.parametrize("name", WINDOWS)
def test_folded_equals_plain(name, sizes):
    header = segnet(name, sizes)
    arrays, x = arrays_for(header), noise((3, *sizes, 2), 2)
    expected = evaluate(header, arrays, x)["y"]
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=2e-6)


@pytest.mark.parametrize("nearest", [True, False])
def test_images_in_tiles(nearest):
    header = segnet(sizes=(None, None))
    if nearest:
        header["nodes"][3] = {"name": "d", "op": "unpool", "inputs": ["c"], "factors": [2, 2]}
    arrays, image = arrays_for(header), noise((46, 38, 2), 4)
    expected = evaluate(header, arrays, image[np.newaxis])["y"][0]
    found = Network(header, arrays).on_tiles(image, "y", core=16)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("sizes", SPATIAL)
def test_unpool_sees_the_pixel_that_repeats(sizes):
    header = one_layer("unpool", [(*sizes, 2)], factors=[2] * len(sizes))
    assert graph_of(header).receptive_field("y") == [(0, 0)] * len(sizes)

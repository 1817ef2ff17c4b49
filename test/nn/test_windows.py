"""All windows of a series: what is shared equals what each window says by itself."""

import numpy as np
import pytest
import threadpoolctl

from desinn.io.architecture import read_architecture
from desinn.io.convert import read_foreign
from desinn.nn import Network, evaluate
from desinn.nn import windows as module
from desinn.nn.windows import SharedWindows
from helpers.cases import arrays_for, noise


def conv(name, source, kernel, stride=1, **changes):
    node = {"name": name, "op": "conv", "inputs": [source], "filters": 3, "kernel": [kernel],
            "stride": [stride], "dilation": [1], "padding": "same", "bias": True,
            "weight_norm": False}  # fmt: skip
    return {**node, **changes}


def pool(name, source, kernel, stride=1, padding="same", op="max_pool", **more):
    return {"name": name, "op": op, "inputs": [source], "kernel": [kernel], "stride": [stride],
            "padding": padding, **more}  # fmt: skip


def node(name, op, source, **attributes):
    return {"name": name, "op": op, "inputs": [source], **attributes}


def dense(name, source, units):
    return node(name, "dense", source, units=units, bias=True, weight_norm=False)


def header(size, channels, *nodes):
    """Return a network of these leading nodes, a layer over all of them and two heads."""
    end = [
        node("flat", "flatten", nodes[-1]["name"]),
        dense("fc", "flat", 5),
        node("fc_relu", "relu", "fc"),
        dense("offset", "fc_relu", 1),
        dense("logit", "fc_relu", 2),
        node("confidence", "sigmoid", "logit"),
    ]
    return {
        "inputs": [{"name": "x", "shape": [size, channels]}],
        "nodes": [*nodes, *end],
        "outputs": {"confidence": "confidence", "offset": "offset"},
    }


def published(size=53, channels=1, first=(9, 2), pool1=(4, 1), second=(7, 2), pool2=(3, 2)):
    """Return a network of the published form: three convolutions and pools."""
    return header(
        size, channels,
        conv("c1", "x", *first), node("r1", "relu", "c1"), pool("p1", "r1", *pool1),
        conv("c2", "p1", *second, filters=4), node("r2", "relu", "c2"), pool("p2", "r2", *pool2),
        conv("c3", "p2", 16, filters=2), node("r3", "relu", "c3"), pool("p3", "r3", 2, 2),
    )  # fmt: skip


NORM = {"epsilon": 1e-3, "scale": True, "center": True}

CASES = {  # name -> header, and how many stages are shared
    "published": (published(), 2),
    "published-even": (published(60, 2, (8, 3), (5, 2), (4, 1), (4, 3)), 2),
    "published-odd": (published(47, 3, (5, 1), (3, 2), (3, 1), (5, 4)), 2),
    "stride-beyond-kernel": (published(61, 1, (3, 2), (2, 3), (3, 2), (2, 3)), 2),
    "valid": (
        header(40, 1, conv("a", "x", 5, 2, padding="valid"),
               pool("p", "a", 2, 2, padding="valid"), conv("b", "p", 3, padding="valid")), 2,
    ),
    "explicit": (
        header(40, 2, conv("a", "x", 5, 1, padding=[[4, 0]]), node("r", "relu", "a"),
               pool("p", "r", 4, 3, padding=[[0, 3]])), 1,
    ),
    "dilated": (
        header(50, 1, conv("a", "x", 3, dilation=[4]), conv("b", "a", 3, dilation=[3])), 2,
    ),
    "pool-first": (header(40, 2, pool("p", "x", 4, 2), conv("a", "p", 4)), 2),
    "pool-twice": (
        header(40, 1, conv("a", "x", 4), pool("p", "a", 3, 2), pool("q", "p", 3),
               conv("b", "q", 2)), 3,
    ),
    "batch-norm": (
        header(40, 1, conv("a", "x", 4), node("n", "batch_norm", "a", **NORM),
               node("s", "sigmoid", "n"), pool("p", "s", 3), node("d", "dropout", "p", rate=0.5),
               node("r", "relu", "d")), 1,
    ),
    "norm-of-its-own": (
        header(30, 1, conv("a", "x", 4), node("r", "relu", "a"),
               node("n", "batch_norm", "r", **NORM), conv("b", "n", 3)), 1,
    ),
    "average": (
        header(30, 1, conv("a", "x", 4), pool("p", "a", 3, op="average_pool",
                                              count_padding=False)), 1,
    ),
    "not-worth-it": (header(9, 1, conv("a", "x", 17)), 0),
    "other-activations": (
        header(40, 1, conv("a", "x", 5), node("l", "leaky_relu", "a", slope=0.3),
               pool("p", "l", 3), conv("b", "p", 3), node("t", "tanh", "b"), pool("q", "t", 2),
               pool("m", "q", 2, op="average_pool", count_padding=False),
               conv("c", "m", 5), node("e", "elu", "c", alpha=0.5)), 2,
    ),
    "reshape-first": (
        header(24, 2, node("t", "transpose", "x", axes=[2, 1]),
               node("m", "reshape", "t", shape=[24, 2]), conv("a", "m", 5)), 0,
    ),
    "dense-first": (header(12, 1, node("f", "flatten", "x")), 0),
}  # fmt: skip


def cut(series, size):
    """Return every window (N - size + 1, size, m) as an array of its own."""
    return np.stack([series[k : k + size] for k in range(len(series) - size + 1)])


def close(found, expected, atol=1e-5):
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, atol=atol, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_shared_equals_window_by_window(name):
    graph, shared = CASES[name]
    (size, channels), arrays = graph["inputs"][0]["shape"], arrays_for(graph)
    series = noise((3 * size + 1, channels), 5)
    windows = SharedWindows(Network(graph, arrays))
    assert windows.shared == shared
    close(windows(series), evaluate(graph, arrays, cut(series, size)))


def test_the_cases_tell_windows_apart():
    graph, arrays = published(), arrays_for(published())
    result = SharedWindows(Network(graph, arrays))(noise((200, 1), 5))
    assert min(np.ptp(values[:, 0]) for values in result.values()) > 0.01


@pytest.mark.parametrize(("pixels", "count"), [(0, 0), (52, 0), (53, 1), (54, 2)])
@pytest.mark.parametrize("name", ["published", "reshape-first"])
def test_short_series(name, pixels, count):
    graph, _ = CASES[name]
    size, channels = graph["inputs"][0]["shape"]
    windows = SharedWindows(Network(graph, arrays_for(graph)))
    result = windows(noise((pixels - 53 + size, channels), 1)) if pixels else windows(
        np.empty((0, channels)))  # fmt: skip
    assert {key: values.shape for key, values in result.items()} == {
        "confidence": (count, 2), "offset": (count, 1)}  # fmt: skip


@pytest.mark.parametrize("name", ["published", "pool-first", "reshape-first"])
def test_blocks_are_as_one(name, monkeypatch):
    graph, _ = CASES[name]
    (size, channels), windows = graph["inputs"][0]["shape"], SharedWindows(
        Network(graph, arrays_for(graph)))  # fmt: skip
    series = noise((size + 60, channels), 3)
    whole = windows(series)
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(module, "WINDOWS_AT_ONCE", 16)
    close(windows(series), whole, atol=1e-6)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 20)
    windows = SharedWindows(Network(published(), arrays_for(published())))
    results = []
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(threads, "blas"):
            results.append(windows(noise((150, 1), 3)))
    for name, values in results[0].items():
        np.testing.assert_array_equal(results[1][name], values)


def test_a_spike_disturbs_no_window_without_it():
    """Nothing is added that is taken away again."""
    graph = published()
    windows = SharedWindows(Network(graph, arrays_for(graph)))
    series = noise((200, 1), 3)
    before = windows(series)
    series[100] = 1e7
    after = windows(series)
    without = (np.arange(148) > 100) | (np.arange(148) + 53 <= 100)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name][without], values[without])
        assert not np.array_equal(after[name], values)


def test_what_does_not_fit_is_refused():
    graph = published()
    windows = SharedWindows(Network(graph, arrays_for(graph)))
    for shape in ((100,), (100, 2), (1, 100, 1)):
        with pytest.raises(ValueError, match=r"series: expected shape \(N, 1\), found \("):
            windows(np.zeros(shape))
    graph = {
        "inputs": [{"name": "x", "shape": [None, 1]}],
        "nodes": [conv("a", "x", 3)],
        "outputs": {"y": "a"},
    }
    with pytest.raises(ValueError, match=r"inputs: expected one of \(n, m\), both known"):
        SharedWindows(Network(graph, arrays_for(graph)))


def test_an_output_that_others_read_is_not_shared_away():
    graph = header(30, 1, conv("a", "x", 4), conv("b", "a", 3))
    graph["outputs"]["middle"] = "a"
    arrays, series = arrays_for(graph), noise((50, 1), 2)
    windows = SharedWindows(Network(graph, arrays))
    assert windows.shared == 0
    close(windows(series), evaluate(graph, arrays, cut(series, 30)))


def test_several_inputs_are_refused():
    graph = header(30, 1, conv("a", "x", 4))
    graph["inputs"].append({"name": "other", "shape": [3, 1]})
    with pytest.raises(ValueError, match="inputs: expected one of"):
        SharedWindows(Network(graph, arrays_for(graph)))


def test_most_products_of_the_published_network_are_shared():
    architecture = read_architecture("parks2018")
    windows = SharedWindows(Network(architecture, arrays_for(architecture)))
    assert (windows.window, windows.shared) == (400, 2)
    first, second = (stage.taps() for stage in windows._stages)
    assert first < 134 * 32 / 50
    assert second < 34 * 16 / 6


def test_parks_2018_window_by_window(reference):
    path = reference / "dla" / "parks2018_full_model_8_13_weights.npz"
    network = Network(*read_foreign(path, "parks2018"))
    with np.load(reference / "dla" / "parks2018_windows.npz") as file:
        expected = dict(file)
    result = SharedWindows(network)(expected["flux"][:, np.newaxis])
    for name, tolerance in (("confidence", 1e-5), ("offset", 1e-3), ("nhi", 1e-3)):
        np.testing.assert_allclose(result[name][:, 0], expected[name], atol=tolerance, rtol=0)

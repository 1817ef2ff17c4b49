"""Narrow networks row by row: what they mean, layer by layer and in tiles."""

import numpy as np
import pytest

from desinn.nn import Network, network, row_steps, rows
from desinn.nn.arena import Arena
from desinn.nn.folding import join_siblings
from desinn.nn.network import evaluate
from desinn.nn.rows import NARROW, RowPlan, fits

WEIGHTS = {"bias": True, "weight_norm": False}
CONV = {"op": "conv", "kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "padding": "same",
        **WEIGHTS}  # fmt: skip
UP = {"op": "transposed_conv", "kernel": [2, 2], "stride": [2, 2], "padding": "valid", **WEIGHTS}
MAX = {"op": "max_pool", "kernel": [2, 2], "stride": [2, 2], "padding": "valid"}
MEAN = {**MAX, "op": "average_pool", "count_padding": True}
CONCAT = {"op": "concat", "axis": -1}


class Builder:
    """A network that grows layer by layer, with random weights."""

    def __init__(self, seed, channels):
        self._rng = np.random.default_rng(seed)
        self._nodes, self._arrays, self._channels = [], {}, {"x": channels}

    def add(self, name, layer, *inputs, filters=None, activation="relu"):
        """Add a layer and what finishes it; return the name of its output."""
        before = sum(self._channels[i] for i in inputs)
        if filters:
            shape = (*layer["kernel"], before, filters)
            scale = (np.prod(layer["kernel"]) * before) ** -0.5
            self._arrays[f"{name}/kernel"] = self._rng.normal(0, scale, shape).astype("f4")
            self._arrays[f"{name}/bias"] = self._rng.normal(0, 0.2, filters).astype("f4")
            layer = {**layer, "filters": filters}
        self._nodes.append({"name": name, "inputs": list(inputs), **layer})
        if activation:
            end = {"op": activation} if isinstance(activation, str) else activation
            self._nodes.append({"name": f"{name}_end", "inputs": [name], **end})
            name += "_end"
        self._channels[name] = filters or before
        return name

    def build(self, output):
        """Return header and arrays."""
        inputs = [{"name": "x", "shape": [None, None, self._channels["x"]]}]
        return {"inputs": inputs, "nodes": self._nodes, "outputs": {"y": output}}, self._arrays


def single(layer, channels=3, filters=5, activation="relu"):
    """Return header and arrays of one layer."""
    builder = Builder(0, channels)
    filters = filters if "bias" in layer else None
    return builder.build(builder.add("a", layer, "x", filters=filters, activation=activation))


def recipe(width=4, seed=1):
    """Return header and arrays of a U-Net like the one of the recipe."""
    builder = Builder(seed, 1)
    first = {**CONV, "kernel": [4, 4], "stride": [2, 2]}
    top = builder.add("conv_1", first, "x", filters=width)
    skip = builder.add("conv_2", CONV, top, filters=width)
    top = builder.add("pool", MAX, skip, activation=None)
    top = builder.add("conv_3", CONV, top, filters=2 * width)
    top = builder.add("conv_4", CONV, top, filters=2 * width)
    top = builder.add("up", UP, top, filters=width, activation=None)
    top = builder.add("joined", CONCAT, skip, top, activation=None)
    top = builder.add("conv_5", CONV, top, filters=width)
    top = builder.add("conv_6", CONV, top, filters=width)
    return builder.build(builder.add("logit", UP, top, filters=1, activation="sigmoid"))


def image(*shape, seed=5):
    return np.random.default_rng(seed).normal(0, 1, shape).astype("f4")


def expected_of(header, arrays, x):
    """Return what the graph means, in float64."""
    double = {name: array.astype("f8") for name, array in arrays.items()}
    return evaluate(header, double, x.astype("f8"))["y"]


def plan_of(header, arrays, shape):
    """Return a plan for an input (Y, X, C), and the name of the output."""
    built = Network(header, arrays)
    steps = join_siblings(built.steps)
    assert fits(steps)
    return RowPlan(steps, ["x"], built.graph.shapes_for({"x": shape})), built.sources["y"]


def same(found, expected):
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def compare(header, arrays, *sizes):
    """Assert that rows give what the graph means; twice, for memory is used again."""
    channels = header["inputs"][0]["shape"][-1]
    plan, output = plan_of(header, arrays, (*sizes, channels))
    arena = Arena()
    for seed in (5, 6):
        x = image(1, *sizes, channels, seed=seed)
        same(plan.compute({"x": x}, arena)[output], expected_of(header, arrays, x))


@pytest.fixture
def taken(monkeypatch):
    """A list of the ways that tiles were computed in, a letter a tile: R for rows, P for plan."""
    ways = []
    for kind, letter in ((rows.RowPlan, "R"), (network._Plan, "P")):
        compute = kind.compute

        def counted(self, inputs, arena, compute=compute, letter=letter):
            ways.append(letter)
            return compute(self, inputs, arena)

        monkeypatch.setattr(kind, "compute", counted)
    return ways


@pytest.mark.parametrize("padding", ["same", "valid", [[2, 0], [1, 3]]], ids=str)
@pytest.mark.parametrize("stride", [[1, 1], [2, 2], [3, 1], [1, 3]], ids=str)
@pytest.mark.parametrize("kernel", [[1, 1], [3, 3], [4, 4], [1, 2], [5, 3], [3, 1]], ids=str)
def test_convolutions(kernel, stride, padding):
    layer = {**CONV, "kernel": kernel, "stride": stride, "padding": padding}
    compare(*single(layer), 13, 18)


@pytest.mark.parametrize("stride", [[1, 1], [2, 1], [2, 3]], ids=str)
@pytest.mark.parametrize("dilation", [[1, 2], [3, 1], [2, 2]], ids=str)
def test_dilated_convolutions(dilation, stride):
    layer = {**CONV, "kernel": [3, 2], "dilation": dilation, "stride": stride}
    compare(*single(layer), 17, 14)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 9), (9, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("stride", [[1, 1], [2, 2]], ids=str)
def test_images_smaller_than_the_kernel(sizes, stride):
    compare(*single({**CONV, "kernel": [5, 4], "stride": stride}), *sizes)


@pytest.mark.parametrize("kernel", [[2, 2], [3, 1], [1, 2]], ids=str)
@pytest.mark.parametrize("layer", [UP, MAX, MEAN], ids=["transposed", "max", "average"])
@pytest.mark.parametrize("sizes", [(7, 10), (8, 13)], ids=str)
def test_kernels_that_do_not_overlap(layer, kernel, sizes):
    compare(*single({**layer, "kernel": kernel, "stride": kernel}), *sizes)


@pytest.mark.parametrize(
    "activation",
    ["relu", "sigmoid", "linear", {"op": "leaky_relu", "slope": 0.1}, {"op": "elu", "alpha": 0.7}],
    ids=str,
)
@pytest.mark.parametrize("layer", [CONV, UP, MAX, MEAN], ids=lambda layer: layer["op"])
def test_activations(layer, activation):
    compare(*single(layer, activation=activation), 6, 8)


@pytest.mark.parametrize("channels", [1, 2, NARROW])
@pytest.mark.parametrize("filters", [1, 7])
def test_numbers_of_channels(channels, filters):
    compare(*single(CONV, channels, filters), 9, 11)


def test_a_concat_of_several():
    """Of the input, too, of one array twice, and of one that another concat has."""
    builder = Builder(2, 2)
    one = builder.add("one", CONV, "x", filters=3)
    two = builder.add("two", {**CONV, "kernel": [1, 1]}, "x", filters=4)
    inner = builder.add("inner", CONCAT, one, "x", two, activation=None)
    three = builder.add("three", CONV, inner, filters=2)
    outer = builder.add("outer", CONCAT, three, inner, one, three, activation=None)
    compare(*builder.build(outer), 9, 12)
    compare(*builder.build(builder.add("last", CONV, outer, filters=3)), 9, 12)


def test_a_concat_with_an_activation():
    """What it joins is read by others without the activation."""
    builder = Builder(3, 2)
    one = builder.add("one", CONV, "x", filters=3, activation=None)
    joined = builder.add("joined", CONCAT, one, "x")
    two = builder.add("two", CONV, one, filters=3)
    compare(*builder.build(builder.add("outer", CONCAT, joined, two, activation=None)), 9, 12)


@pytest.mark.parametrize(
    "reader",
    [CONV, {**CONV, "stride": [2, 1]}, {**CONV, "kernel": [1, 1]}, {**CONV, "dilation": [2, 2]},
     UP, MAX, MEAN],
    ids=str,
)  # fmt: skip
def test_readers_of_a_part_of_a_joined_array(reader):
    """Its channels do not lie behind each other, and the array has its neighbours' border."""
    builder = Builder(4, 2)
    parts = [builder.add(f"part_{n}", {**CONV, "kernel": [n, n]}, "x", filters=n) for n in (2, 3)]
    joined = builder.add("joined", CONCAT, *parts, activation=None)
    builder.add("wide", {**CONV, "kernel": [5, 7]}, joined, filters=2)
    filters = 3 if "bias" in reader else None
    for number, part in enumerate(parts):
        name = builder.add(f"reader_{number}", reader, part, filters=filters)
        compare(*builder.build(name), 8, 10)


@pytest.mark.parametrize("values", [1, 700, 2**14])
def test_any_size_of_block(values, monkeypatch):
    monkeypatch.setattr("desinn.nn.row_steps.BLOCK_VALUES", values)
    compare(*recipe(), 40, 28)
    compare(*single({**CONV, "dilation": [2, 1], "stride": [2, 2]}), 23, 17)
    compare(*single(MEAN), 23, 17)


@pytest.mark.parametrize("core", [8, 30, 64, 500])
@pytest.mark.parametrize("width", [4, 8])
def test_tiles_are_the_whole(width, core, taken):
    header, arrays = recipe(width)
    x = image(124, 88, 1)
    found = Network(header, arrays).on_tiles(x, "y", core)
    same(found, expected_of(header, arrays, x[np.newaxis])[0])
    assert set(taken) == {"R"}
    assert (len(taken) == 1) == (core == 500)


@pytest.mark.parametrize("core", [10, 100])
def test_tiles_of_odd_sizes(core, taken):
    builder = Builder(7, 3)
    top = builder.add("a", {**CONV, "kernel": [5, 2]}, "x", filters=6)
    top = builder.add("b", {**CONV, "dilation": [1, 2]}, top, filters=5)
    header, arrays = builder.build(builder.add("c", CONCAT, "x", top, activation=None))
    x = image(31, 45, 3)
    found = Network(header, arrays).on_tiles(x.astype(">f8"), "y", core)
    same(found, expected_of(header, arrays, x[np.newaxis])[0])
    assert set(taken) == {"R"}


def test_the_number_of_threads_changes_nothing(taken):
    from threadpoolctl import threadpool_limits

    header, arrays = recipe(8)
    x = image(120, 104, 1)
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.append(Network(header, arrays).on_tiles(x, "y", 32).tobytes())
    assert found[0] == found[1] == found[2]
    assert set(taken) == {"R"}


def test_the_same_memory_gives_the_same():
    """Whatever was computed in between: neither borders nor sums keep anything of it."""
    plan, output = plan_of(*recipe(8), (40, 36, 1))
    arena = Arena()
    x = image(1, 40, 36, 1)
    first = plan.compute({"x": x}, arena)[output].copy()
    view = plan.compute({"x": 1e3 * image(1, 40, 36, 1, seed=6)}, arena)[output]
    assert not np.array_equal(view, first)
    again = plan.compute({"x": x}, arena)[output]
    assert np.shares_memory(again, view)
    assert np.array_equal(again, first)


def test_nothing_is_copied_but_for_the_first_layer(monkeypatch):
    def fail(*arguments):
        raise AssertionError("an array was copied into one that it is joined in")

    unfolded = []
    unfold = row_steps.ConvRows._unfold
    monkeypatch.setattr(rows, "_copy", fail)
    monkeypatch.setattr(
        row_steps.ConvRows, "_unfold", lambda self, *a: unfolded.append(self) or unfold(self, *a)
    )
    plan, _ = plan_of(*recipe(), (24, 16, 1))
    plan.compute({"x": image(1, 24, 16, 1)}, Arena())
    assert [layer._op.kernel for layer in unfolded] == [(4, 4)]


OTHERS = {
    "overlapping pool": single({**MAX, "kernel": [3, 3], "stride": [1, 1], "padding": "same"}),
    "padded pool": single({**MAX, "kernel": [1, 1], "stride": [1, 1], "padding": "same"}),
    "transposed with overlap": single({**UP, "kernel": [3, 3], "stride": [1, 1],
                                       "padding": [[1, 1], [1, 1]]}),
    "wide": single(CONV, NARROW + 1),
    "affine": single({"op": "affine", "scale": 2.0, "shift": 1.0}),
    "relu alone": single({"op": "relu"}, activation=None),
    "crop of nothing": single({"op": "crop", "amounts": [[0, 0], [0, 0]]}),
}  # fmt: skip
"""Networks of which one layer cannot be run in rows, or not quickly."""


@pytest.mark.parametrize("what", OTHERS)
def test_other_networks_take_the_other_way(what, taken):
    header, arrays = OTHERS[what]
    built = Network(header, arrays)
    assert not fits(join_siblings(built.steps))
    x = image(24, 20, header["inputs"][0]["shape"][-1])
    same(built.on_tiles(x, "y", 12), expected_of(header, arrays, x[np.newaxis])[0])
    assert set(taken) == {"P"}


def test_a_network_does_not_fit_for_one_layer():
    """Siblings that share a product, a transposed convolution that is cut, other axes."""
    builder = Builder(8, 2)
    heads = [builder.add(f"head_{n}", CONV, "x", filters=n) for n in (2, 3)]
    siblings = builder.build(builder.add("joined", CONCAT, *heads, activation=None))
    cut = single({**UP, "padding": [[0, 1], [0, 0]]})
    below = single({"op": "concat", "axis": 1}, activation=None)
    assert not any(fits(join_siblings(Network(*which).steps)) for which in (siblings, cut, below))
    line = {**CONV, "kernel": [3], "stride": [1], "dilation": [1]}
    header, arrays = single(line)
    header["inputs"][0]["shape"] = [None, 3]
    assert not fits(Network(header, arrays).steps)
    assert not fits([])
    assert fits(Network(*single(CONV, NARROW)).steps)
    assert fits(Network(*single({**CONV, "kernel": [1, 1]}, NARROW + 1)).steps)

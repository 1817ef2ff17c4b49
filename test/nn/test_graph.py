"""Graphs: what is wrong with a description, and what can be worked out from it."""

import numpy as np
import pytest

from desinn.nn import Network, evaluate
from desinn.nn.graph import Graph, GraphError
from helpers.cases import arrays_for, noise, one_layer
from helpers.networks import quasarnet, unet


def graph_of(header):
    return Graph(header["inputs"], header["nodes"], header["outputs"])


def problems(inputs=None, nodes=None, outputs=None):
    x = [{"name": "x", "shape": [6, 2]}]
    relu = {"name": "a", "op": "relu", "inputs": ["x"]}
    with pytest.raises(GraphError) as caught:
        Graph(
            x if inputs is None else inputs,
            [relu] if nodes is None else [{"inputs": ["x"], **n} for n in nodes],
            {"y": "a"} if outputs is None else outputs,
        )
    return caught.value.problems


def test_order_of_the_nodes_does_not_matter():
    header = unet()
    turned = {**header, "nodes": header["nodes"][::-1]}
    arrays = arrays_for(header)
    x = noise((1, 6, 4, 1), 1)
    expected = Network(header, arrays)(x)["probability"]
    np.testing.assert_array_equal(Network(turned, arrays)(x)["probability"], expected)


def test_parameter_counts_of_the_published_quasarnets():
    """facts: trainable and moving parameters of the 4- and the 6-layer net."""
    for layers, padding, bins, filters, count in (
        (4, "valid", 443, 25, 36_607 + 250),
        (4, "valid", 443, 100, 520_882 + 1_000),
        (4, "valid", 458, 100, 530_882 + 1_000),
        (6, "same", 443, 100, 591_482 + 1_400),
    ):
        graph = graph_of(quasarnet(bins, filters, layers, padding))
        assert sum(int(np.prod(s)) for s in graph.parameters().values()) == count
    lengths = [graph.shapes[f"conv{i}"][0] for i in range(6)]
    assert lengths == [222, 111, 56, 28, 14, 7]


def test_nodes_stand_in_rounds():
    """First what needs no other, then what needs that; as in the file within a round."""
    sources = {"c": "a", "b": "x", "e": "c", "a": "x", "d": "b"}
    nodes = [{"name": k, "op": "relu", "inputs": [v]} for k, v in sources.items()]
    graph = Graph([{"name": "x", "shape": [2]}], nodes, {"y": "e"})
    assert [node.name for node in graph.nodes] == ["b", "a", "c", "d", "e"]


def test_the_text_of_an_error_stays_short():
    nodes = [{"name": f"n{i}", "op": "?" * 10**4, "inputs": ["x"]} for i in range(1000)]
    with pytest.raises(GraphError, match=r"\.\.\. and 980 more$") as caught:
        Graph([{"name": "x", "shape": [2]}], nodes, {"y": "n0"})
    assert len(str(caught.value)) < 12_000
    assert len(caught.value.problems) == 1000


def test_a_circle_is_named():
    nodes = [{"name": n, "op": "relu", "inputs": [i]} for n, i in (("a", "b"), ("b", "a"))]
    assert problems(nodes=nodes) == ["nodes: these wait for one another in a circle: a, b"]


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"name": 3, "op": "relu"}, "nodes: expected a printable name without '/', found 3"),
        (
            {"name": "a/b", "op": "relu"},
            "nodes: expected a printable name without '/', found 'a/b'",
        ),
        ({"name": "x", "op": "relu"}, "node x: there are two of that name"),
        ({"name": "a", "op": None}, "node a: op None is unknown"),
        ({"name": "a", "op": "relu", "inputs": "x"}, "node a: inputs: expected a list of names"),
        ({"name": "a", "op": "relu", "inputs": ["x", "x"]}, "inputs: expected 1, found 2"),
        (
            {"name": "a", "op": "relu", "slope": 1},
            "attribute slope: unknown for relu (it has: none)",
        ),
        ({"name": "a", "op": "crop", "amounts": [[1]]}, "expected a list of [before, after], one"),
        ({"name": "a", "op": "crop", "amounts": [[9, 9]]}, "nothing is left of a size of 6"),
        (
            {"name": "a", "op": "crop", "amounts": [[-1, 0]]},
            "one for each axis, none negative, found [[-1, 0]]",
        ),
        ({"name": "a", "op": "pad", "amounts": [[-1, 0]], "value": 0}, "none negative, found"),
        (
            {"name": "a", "op": "pad", "amounts": [[1, 0]] * 2, "value": 0},
            "takes a shape of (?, ?, C)",
        ),
        (
            {"name": "a", "op": "reshape", "shape": [5, -1]},
            "12 values (6, 2) do not fill the shape",
        ),
        (
            {"name": "a", "op": "reshape", "shape": [-1, -1]},
            "positive integers and perhaps one -1, found [-1, -1]",
        ),
        ({"name": "a", "op": "transpose", "axes": [0, 1]}, "axes must be 1, 2 in some order"),
        ({"name": "a", "op": "concat", "axis": 0}, "axis 0 is not one of the 2 axes after B"),
        ({"name": "a", "op": "reshape", "shape": []}, "expected a list of positive integers"),
        ({"name": "a", "op": "affine", "scale": 10**400, "shift": 0}, "expected a finite number"),
        ({"name": "a", "op": "affine", "scale": True, "shift": 0}, "expected a finite number"),
        (
            {"name": "a", "op": "dropout", "rate": float("nan")},
            "expected a finite number, found nan",
        ),
        (
            {"name": "a", "op": "transpose", "axes": 1},
            "attribute axes: expected a list of integers",
        ),
        (
            {"name": "a", "op": "reshape", "shape": [-2, -6]},
            "expected a list of positive integers",
        ),
        (
            {"name": "a", "op": "batch_norm", "epsilon": -1},
            "expected a number that is not negative",
        ),
        (
            {"name": "a", "op": "max_pool", "kernel": [2], "stride": [1], "padding": [[2, 0]]},
            "padding ((2, 0),) would leave windows (2,) without a pixel",
        ),
        (
            {
                "name": "a",
                "op": "transposed_conv",
                "filters": 1,
                "kernel": [2],
                "stride": [1],
                "padding": [[4, 4]],
                "bias": False,
                "weight_norm": False,
            },
            "leaves nothing of the output",
        ),
        ({"name": "a", "op": "concat", "axis": "last"}, "expected an integer, found 'last'"),
    ],
)
def test_a_bad_node_is_named(node, text):
    assert any(text in problem for problem in problems(nodes=[node]))


CONV = {
    "filters": 1,
    "kernel": [3],
    "stride": [1],
    "dilation": [1],
    "padding": "valid",
    "bias": True,
    "weight_norm": False,
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"filters": 0}, "attribute filters: expected a positive integer, found 0"),
        ({"filters": 2.0}, "attribute filters: expected a positive integer, found 2.0"),
        ({"kernel": 3}, "attribute kernel: expected a list of positive integers"),
        ({"kernel": [3, 0]}, "attribute kernel: expected a list of positive integers"),
        ({"kernel": [9]}, "a kernel that spans 9 does not fit into a padded size of 6"),
        ({"kernel": [3, 3]}, "a conv of 2 axes takes a shape of (?, ?, C), found (6, 2)"),
        ({"stride": [1, 1]}, "must have one entry an axis, found kernel 1, stride 2, dilation 1"),
        ({"padding": [[-1, 0]]}, "one for each axis, none negative, found [[-1, 0]]"),
        ({"padding": "full"}, 'expected "same", "valid" or a list of [before, after], found'),
        ({"padding": [1, 1]}, "attribute padding: expected a list of [before, after]"),
        ({"bias": 1}, "attribute bias: expected true or false, found 1"),
    ],
)
def test_a_bad_attribute_of_a_conv_is_named(change, text):
    node = {"name": "a", "op": "conv", **CONV, **change}
    assert any(text in problem for problem in problems(nodes=[node]))


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([], "inputs: expected at least one"),
        ({}, "inputs: expected a list, found dict"),
        ([3], "inputs: expected an object, found 3"),
        ([{"name": "x"}], "inputs: expected a name and a shape"),
        ([{"name": "x", "shape": [0]}], "input x: shape: expected a list of sizes or nulls"),
        ([{"name": "x", "shape": [2]}] * 2, "input x: there are two of that name"),
    ],
)
def test_bad_inputs_are_named(inputs, text):
    assert any(text in problem for problem in problems(inputs=inputs))


@pytest.mark.parametrize("outputs", [{}, [], None, {"y": 3}, {"y": "x"}])
def test_bad_outputs_are_named(outputs):
    outputs = {} if outputs is None else outputs
    assert any(p.startswith("output") for p in problems(outputs=outputs))


@pytest.mark.parametrize("op", ["dense", "conv", "batch_norm", "reshape", "flatten"])
def test_layers_that_must_know_a_size_say_so(op):
    attributes = {
        "dense": {"units": 1, "bias": True, "weight_norm": False},
        "conv": CONV,
        "batch_norm": {"epsilon": 1e-3, "scale": True, "center": True},
        "reshape": {"shape": [-1]},
        "flatten": {},
    }[op]
    with pytest.raises(GraphError, match=r"must know (its|their) "):
        graph_of(one_layer(op, [(6, None)], **attributes))


def test_shapes_that_do_not_join_are_shown():
    header = one_layer("concat", [(4, 3), (5, 3)], axis=-1)
    with pytest.raises(
        GraphError, match=r"must agree but for axis -1, found \(4, 3\) and \(5, 3\)"
    ):
        graph_of(header)


def test_shapes_of_several_ranks_are_not_joined():
    with pytest.raises(GraphError, match=r"must have one rank, found \(4, 3\), \(4\)"):
        graph_of(one_layer("concat", [(4, 3), (4,)], axis=-1))


def test_a_receptive_field_is_quickly_worked_out_however_deep():
    layers = [{"name": f"n{i}", "op": "conv", "inputs": [f"n{i - 1}" if i else "x"],
               **CONV, "stride": [2], "kernel": [2]} for i in range(40)]  # fmt: skip
    inputs = [{"name": "x", "shape": [None, 1]}]
    graph = Graph(inputs, layers, {"y": "n39"})
    assert graph.receptive_field("y") == [(0, 2**40 - 1)]
    up = {k: CONV[k] for k in ("filters", "bias", "weight_norm", "padding")}
    node = {
        "name": "n",
        "op": "transposed_conv",
        "inputs": ["x"],
        **up,
        "kernel": [1],
        "stride": [10**9],
    }
    assert Graph(inputs, [node], {"y": "n"}).receptive_field("y") == [None]


def influence(header, output, size):
    """Return how far before and after it one pixel of the output feels the input, by trying."""
    arrays = {k: np.abs(v) + 0.1 for k, v in arrays_for(header).items()}
    zero = np.zeros((1, size, 1))
    base = evaluate(header, arrays, zero)[output]
    reach = []
    for pixel in range(size):
        x = zero.copy()
        x[0, pixel] = 1.0
        changed = np.flatnonzero(np.any(evaluate(header, arrays, x)[output] != base, axis=(0, 2)))
        reach.append(changed)
    ratio = size // base.shape[1]
    middle = range(base.shape[1] // 3, 2 * base.shape[1] // 3)
    felt = {p: [i for i in range(size) if p in reach[i]] for p in middle}
    before = max(p * ratio - min(pixels) for p, pixels in felt.items())
    return before, max(max(pixels) - p * ratio for p, pixels in felt.items())


@pytest.mark.parametrize(
    ("stride", "kernel", "dilation", "padding"),
    [
        (1, 3, 1, "same"),
        (1, 4, 2, "same"),
        (2, 4, 1, "same"),
        (3, 5, 1, "same"),
        (2, 2, 1, "valid"),
    ],
)
def test_receptive_field_is_what_a_pixel_feels(stride, kernel, dilation, padding):
    conv = {**CONV, "kernel": [kernel], "dilation": [dilation], "padding": padding}
    pool = {"kernel": [2], "stride": [2], "padding": "valid", "count_padding": False}
    nodes = [
        {"name": "a", "op": "conv", "inputs": ["x"], **conv, "stride": [stride]},
        {"name": "b", "op": "average_pool", "inputs": ["a"], **pool},
        {"name": "c", "op": "conv", "inputs": ["b"], **conv, "dilation": [1], "stride": [1]},
    ]
    header = {
        "inputs": [{"name": "x", "shape": [stride * 30, 1]}],
        "nodes": nodes,
        "outputs": {"y": "c"},
    }
    assert graph_of(header).receptive_field("y") == [influence(header, "y", stride * 30)]


def test_receptive_field_of_a_unet_in_one_dimension():
    pool = {"kernel": [2], "stride": [2], "padding": "valid", "count_padding": False}
    up = {**{k: CONV[k] for k in ("filters", "bias", "weight_norm", "padding")}, "kernel": [2]}
    nodes = [
        {"name": "a", "op": "conv", "inputs": ["x"], **CONV, "padding": "same"},
        {"name": "b", "op": "average_pool", "inputs": ["a"], **pool},
        {"name": "c", "op": "conv", "inputs": ["b"], **CONV, "padding": "same"},
        {"name": "d", "op": "transposed_conv", "inputs": ["c"], **up, "stride": [2]},
        {"name": "e", "op": "concat", "inputs": ["a", "d"], "axis": -1},
        {"name": "f", "op": "conv", "inputs": ["e"], **CONV, "padding": "same"},
    ]
    header = {"inputs": [{"name": "x", "shape": [24, 1]}], "nodes": nodes, "outputs": {"y": "f"}}
    assert graph_of(header).receptive_field("y") == [influence(header, "y", 24)]


@pytest.mark.parametrize("cut", ["crop", "pad"])
def test_receptive_field_shifts_with_what_is_cut_or_added(cut):
    more = {"amounts": [[2, 0]], **({"value": 0.0} if cut == "pad" else {})}
    nodes = [{"name": "a", "op": cut, "inputs": ["x"], **more}]
    header = {"inputs": [{"name": "x", "shape": [9, 1]}], "nodes": nodes, "outputs": {"y": "a"}}
    assert graph_of(header).receptive_field("y") == [(-2, 2) if cut == "crop" else (2, -2)]


@pytest.mark.parametrize(
    ("axis", "fields"),
    [
        (-1, [(0, 0), (0, 0)]),
        (3, [(0, 0), (0, 0)]),
        (2, [(0, 0), None]),
        (1, [None, (0, 0)]),
        (-2, [None, None]),  # which that is it does not know
    ],
)
def test_receptive_field_of_what_is_joined(axis, fields):
    header = one_layer("concat", [(5, 5, 2), (5, 5, 2)], axis=axis)
    assert graph_of(header).receptive_field("y") == fields


def test_a_dense_layer_behind_flatten_feels_everything():
    assert graph_of(quasarnet(40, 2, 1)).receptive_field("LYA") == [None]
    assert graph_of(unet()).receptive_field("probability") == [(9, 9), (9, 9)]

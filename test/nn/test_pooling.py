"""Pools over everything, and sums."""

import numpy as np
import pytest

from desinn.nn import Network, evaluate
from desinn.nn.graph import Graph, GraphError
from helpers.cases import SPATIAL, inputs_of, noise, one_layer


def graph_of(header):
    return Graph(header["inputs"], header["nodes"], header["outputs"])


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("sizes", SPATIAL)
@pytest.mark.parametrize("kind", ["max", "average"])
def test_global_pools_are_over_all_pixels(kind, sizes, keep, batch):
    header = one_layer(f"global_{kind}_pool", [(*sizes, 3)], keep_axes=keep)
    x = inputs_of(header, batch)["x0"]
    pixels = x.reshape(batch, int(np.prod(sizes)), 3).astype(np.float64)
    expected = pixels.max(1) if kind == "max" else pixels.sum(1) / np.prod(sizes)
    expected = expected.reshape(batch, *((1,) * len(sizes) if keep else ()), 3)
    for result in (evaluate(header, {}, x)["y"], Network(header, {})(x)["y"]):
        assert result.shape == expected.shape
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, atol=1e-7)
    assert graph_of(header).receptive_field("y") == [None] * len(sizes)


def test_the_mean_of_many_pixels_is_not_worn_down():
    header = one_layer("global_average_pool", [(None, None, 1)], keep_axes=False)
    x = (100 + noise((1, 600, 700, 1), 1)).astype(np.float32)
    result = Network(header, {})(x)["y"]
    np.testing.assert_allclose(result, [[x.mean(dtype=np.float64)]], rtol=1e-7)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_a_global_pool_of_no_axis_is_refused(kind):
    with pytest.raises(GraphError, match=r"a global pool takes a shape of .*, found \(3\)"):
        graph_of(one_layer(f"global_{kind}_pool", [(3,)], keep_axes=True))
    with pytest.raises(GraphError, match="keep_axes: expected true or false, found 'yes'"):
        graph_of(one_layer(f"global_{kind}_pool", [(4, 3)], keep_axes="yes"))


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize("sizes", [(), *SPATIAL])
def test_add_is_the_sum(sizes, number, batch):
    header = one_layer("add", [(*sizes, 2)] * number)
    arrays = inputs_of(header, batch)
    expected = np.sum([x.astype(np.float64) for x in arrays.values()], axis=0)
    for result in (evaluate(header, {}, arrays)["y"], Network(header, {})(arrays)["y"]):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, atol=1e-6)
    assert graph_of(header).receptive_field("y") == [(0, 0)] * len(sizes)


def test_an_array_can_be_added_to_itself():
    header = one_layer("add", [(3,)])
    header["nodes"][0]["inputs"] = ["x0", "x0"]
    x = noise((2, 3), 1)
    np.testing.assert_array_equal(Network(header, {})(x)["y"], 2 * x)


def test_arrays_of_other_shapes_are_not_added():
    text = r"node layer \(add\): shapes must agree, found \(4, 3\) and \(1, 3\)"
    with pytest.raises(GraphError, match=text):
        graph_of(one_layer("add", [(4, 3), (1, 3)]))

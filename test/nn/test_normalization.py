"""Group norm by its formula and against torch."""

import numpy as np
import pytest

from desinn.nn import Network, evaluate, network
from desinn.nn.graph import Graph, GraphError
from helpers.cases import SPATIAL, arrays_for, inputs_of, noise, one_layer

SETTINGS = {"epsilon": 1e-3, "scale": True, "center": True}


def by_hand(x, arrays, groups, epsilon):
    """Return the normalised array, group by group."""
    y = np.empty_like(x)
    width = x.shape[-1] // groups
    for b in range(len(x)):
        for first in range(0, x.shape[-1], width):
            part = x[b, ..., first : first + width]
            spread = np.sqrt(np.mean((part - part.mean()) ** 2) + epsilon)
            y[b, ..., first : first + width] = (part - part.mean()) / spread
    return y * arrays.get("layer/gamma", 1) + arrays.get("layer/beta", 0)


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("sizes", [(), *SPATIAL])
def test_group_norm_is_its_formula(sizes, groups, batch):
    header = one_layer("group_norm", [(*sizes, 6)], groups=groups, **SETTINGS)
    arrays = {k: v.astype(np.float64) for k, v in arrays_for(header).items()}
    x = inputs_of(header, batch)["x0"].astype(np.float64)
    expected = by_hand(x, arrays, groups, 1e-3)
    np.testing.assert_allclose(evaluate(header, arrays, x)["y"], expected, atol=1e-12)
    result = Network(header, arrays_for(header))(x)["y"]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-6)


@pytest.mark.parametrize("sizes", SPATIAL)
def test_group_norm_is_that_of_torch(sizes):
    torch = pytest.importorskip("torch")
    header = one_layer("group_norm", [(*sizes, 6)], groups=3, **SETTINGS)
    arrays, x = arrays_for(header), inputs_of(header)["x0"]
    gamma, beta = (torch.from_numpy(arrays[f"layer/{key}"]) for key in ("gamma", "beta"))
    first = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    theirs = torch.nn.functional.group_norm(first, 3, gamma, beta, 1e-3).numpy()
    result = Network(header, arrays)(x)["y"]
    np.testing.assert_allclose(result, np.moveaxis(theirs, 1, -1), atol=2e-6)


def test_a_large_offset_does_not_hide_the_spread():
    header = one_layer("group_norm", [(40, 50, 2)], groups=1, **SETTINGS)
    arrays = arrays_for(header)
    x = (1000 + noise((1, 40, 50, 2), 1)).astype(np.float32)
    expected = by_hand(x.astype(np.float64), arrays, 1, 1e-3)
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=2e-4)


def test_members_do_not_mix_whatever_the_blocks(monkeypatch):
    header = one_layer("group_norm", [(9, 4)], groups=2, **SETTINGS)
    arrays, x = arrays_for(header), noise((7, 9, 4), 1)
    together = Network(header, arrays)(x)["y"]
    monkeypatch.setattr(network, "BLOCK_BYTES", 1)
    np.testing.assert_array_equal(Network(header, arrays)(x)["y"], together)


def test_every_pixel_sees_the_whole_image():
    header = one_layer("group_norm", [(None, None, 4)], groups=2, **SETTINGS)
    graph = Graph(header["inputs"], header["nodes"], header["outputs"])
    assert graph.receptive_field("y") == [None, None]
    with pytest.raises(ValueError, match="may depend on the whole image"):
        Network(header, arrays_for(header)).on_tiles(np.zeros((8, 8, 4)), "y")


@pytest.mark.parametrize(
    ("change", "shape", "text"),
    [
        ({"groups": 4}, (5, 6), "6 channels do not make 4 equal groups"),
        ({"groups": 0}, (5, 6), "attribute groups: expected a positive integer, found 0"),
        ({"epsilon": -1.0}, (5, 6), "expected a number that is not negative, found -1.0"),
        ({"scale": 1}, (5, 6), "attribute scale: expected true or false, found 1"),
        ({}, (5, None), "a group norm must know its channels, found (5, ?)"),
    ],
)
def test_what_is_wrong_is_named(change, shape, text):
    header = one_layer("group_norm", [shape], **{"groups": 2, **SETTINGS, **change})
    with pytest.raises(GraphError) as caught:
        Graph(header["inputs"], header["nodes"], header["outputs"])
    assert text in str(caught.value)

"""Networks of other surveys: described, counted and run."""

import numpy as np
import pytest

from desinn.nn import Network, evaluate
from desinn.nn.graph import Graph
from helpers.cases import arrays_for, inputs_of
from helpers.networks import classifier, volumes

STATISTICS = ("/mean", "/variance")
"""What a batch norm keeps and no training step moves."""

NARROW = {"sizes": (32, 32, 10), "filters": (2, 3, 4, 6, 8, 12), "units": (10, 5)}
"""The network over volumes with few channels."""


def graph_of(header):
    return Graph(header["inputs"], header["nodes"], header["outputs"])


def count(header, trained_only=False):
    """Return how many numbers the arrays of a network hold."""
    return sum(
        int(np.prod(shape))
        for name, shape in graph_of(header).parameters().items()
        if not (trained_only and name.endswith(STATISTICS))
    )


def test_the_network_over_volumes_has_its_parameters():
    """All arrays, the statistics of batch norm among them."""
    assert count(volumes()) == 122_276_033
    assert count(volumes(without_bias=(1, 2))) == 122_275_649
    shapes = graph_of(volumes()).shapes
    assert [shapes[f"down{block}"][:-1] for block in range(1, 7)] == [
        (32, 32, 5), (16, 16, 3), (8, 8, 2), (4, 4, 1), (2, 2, 1), (1, 1, 1),
    ]  # fmt: skip
    assert shapes["flat"] == (2048,)
    assert shapes["dense2"] == (49,)


def test_the_classifier_has_its_parameters():
    """What a training moves: gamma and beta, but not mean and variance of batch norm."""
    assert count(classifier(), trained_only=True) == 174_626
    assert count(classifier()) == 174_626 + 2 * (8 + 16 + 32)
    shapes = graph_of(classifier()).shapes
    assert [shapes[f"pool{row}"] for row in (1, 2, 3)] == [(37, 37, 8), (18, 18, 16), (9, 9, 32)]


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("header", [classifier(), volumes(**NARROW)], ids=["images", "volumes"])
def test_they_run(header, batch):
    arrays, x = arrays_for(header), inputs_of(header, batch)
    double = {name: array.astype(np.float64) for name, array in arrays.items()}
    expected = evaluate(header, double, {k: v.astype(np.float64) for k, v in x.items()})
    result = Network(header, arrays)(x)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name], values, atol=1e-5, rtol=1e-5)
    if "probability" in result:
        np.testing.assert_allclose(result["probability"].sum(axis=1), np.ones(batch), rtol=1e-6)

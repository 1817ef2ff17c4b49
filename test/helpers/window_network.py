"""The header of a network over windows, with the published input and interpretation."""

from desinn.io.architecture import read_architecture


def header(medians=(), size=400, **changes):
    """Return the header of a tiny network; `changes` are sections in place of its own."""
    said = read_architecture("parks2018")
    weights = {"bias": True, "weight_norm": False}
    outputs = ("logit", "offset", "nhi")
    nodes = [
        {"name": "pool", "op": "max_pool", "inputs": ["flux"], "kernel": [50], "stride": [50],
         "padding": "same"},
        {"name": "flat", "op": "flatten", "inputs": ["pool"]},
        *({"name": n, "op": "dense", "inputs": ["flat"], "units": 1, **weights} for n in outputs),
        {"name": "confidence", "op": "sigmoid", "inputs": ["logit"]},
    ]  # fmt: skip
    return {
        "kind": "dla",
        "name": "tiny",
        "inputs": [{"name": "flux", "shape": [size, 1 + len(medians)]}],
        "nodes": nodes,
        "outputs": {"confidence": "confidence", "offset": "offset", "nhi": "nhi"},
        "prepare": {**said["prepare"], "medians": list(medians)},
        "interpret": said["interpret"],
        "provenance": {},
        **changes,
    }

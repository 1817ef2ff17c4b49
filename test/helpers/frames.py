"""A tiny training of a network for cosmic rays."""

CONV = {"op": "conv", "stride": [1, 1], "dilation": [1, 1], "padding": "same", "bias": True,
        "weight_norm": False}  # fmt: skip


def make_recipe():
    """Return the content of a recipe of kind ``cosmics``."""
    nodes = [
        {"name": "conv", "inputs": ["image"], "filters": 6, "kernel": [3, 3], **CONV},
        {"name": "norm", "op": "batch_norm", "inputs": ["conv"], "epsilon": 0.001, "scale": True,
         "center": True},
        {"name": "relu", "op": "relu", "inputs": ["norm"]},
        {"name": "logit", "inputs": ["relu"], "filters": 1, "kernel": [3, 3], **CONV},
        {"name": "probability", "op": "sigmoid", "inputs": ["logit"]},
    ]  # fmt: skip
    return {
        "kind": "cosmics",
        "name": "tiny",
        "seed": 3,
        "size": 64,
        "simulation": {"arms": {"r": 1.0}, "kinds": {"science": 0.7, "dark": 0.3}},
        "optimizer": {"learning_rate": 0.02},
        "schedule": {"epochs": 4, "batch": 16, "freeze_norms": 0.5},
        "validation": {"size": 24},
        "inputs": [{"name": "image", "shape": [None, None, 1]}],
        "nodes": nodes,
        "outputs": {"probability": "probability"},
        "prepare": {"scale": 4.0, "normalize": "asinh", "pad_multiple": 4, "pad_side": "low",
                    "pad_value": 0.0, "channels": ["image"]},
        "interpret": {"threshold": 0.5},
    }  # fmt: skip

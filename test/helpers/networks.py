"""Headers of whole networks, small enough for tests."""


def _conv(name, source, filters, kernel, stride=1, padding="same", weight_norm=False):
    rank = len(kernel)
    return {
        "name": name,
        "op": "conv",
        "inputs": [source],
        "filters": filters,
        "kernel": list(kernel),
        "stride": [stride] * rank,
        "dilation": [1] * rank,
        "padding": padding,
        "bias": True,
        "weight_norm": weight_norm,
    }


def _norm(name, source, epsilon):
    node = {"name": name, "op": "batch_norm", "inputs": [source]}
    return {**node, "epsilon": epsilon, "scale": True, "center": True}


def _node(name, op, *sources, **attributes):
    return {"name": name, "op": op, "inputs": list(sources), **attributes}


def _dense(name, source, units):
    return _node(name, "dense", source, units=units, bias=True, weight_norm=False)


def unet(width=4, weight_norm=False):
    """Return the header of a U-Net as deepCR's: two levels, one channel."""
    nodes = []

    def block(name, source, filters):
        nodes.append(_conv(name, source, filters, (3, 3), weight_norm=weight_norm))
        if not weight_norm:
            nodes.append(_norm(f"{name}_bn", name, 1e-5))
        nodes.append(_node(f"{name}_relu", "relu", nodes[-1]["name"]))
        return f"{name}_relu"

    skip = block("b", block("a", "x", width), width)
    pool = {"kernel": [2, 2], "stride": [2, 2], "padding": "valid"}
    nodes.append(_node("down", "max_pool", skip, **pool))
    deep = block("d", block("c", "down", 2 * width), 2 * width)
    up = {"filters": width, **pool, "bias": True, "weight_norm": False}
    nodes.append(_node("up", "transposed_conv", deep, **up))
    nodes.append(_node("both", "concat", skip, "up", axis=-1))
    last = block("f", block("e", "both", width), width)
    nodes.append(_conv("g", last, 1, (1, 1)))
    nodes.append(_node("p", "sigmoid", "g"))
    inputs = [{"name": "x", "shape": [None, None, 1]}]
    return {"inputs": inputs, "nodes": nodes, "outputs": {"probability": "p"}}


LINES = ("LYA", "CIV", "CIII", "MgII", "Hbeta", "Halpha", "CIV_BAL")


def quasarnet(bins=443, filters=100, layers=6, padding="same", boxes=13):
    """Return the header of a QuasarNET (Busca & Balland 2018) of any size."""
    nodes, source = [], "x"
    for i in range(layers):
        nodes += [
            _conv(f"conv{i}", source, filters, (10,), 2, padding),
            _norm(f"bn{i}", f"conv{i}", 1e-3),
            _node(f"relu{i}", "relu", f"bn{i}"),
            _node(f"drop{i}", "dropout", f"relu{i}", rate=0.2),
        ]
        source = f"drop{i}"
    nodes += [
        _node("flat", "flatten", source),
        _dense("common", "flat", filters),
        _norm("common_bn", "common", 1e-3),
        _node("common_relu", "relu", "common_bn"),
    ]
    for i, _ in enumerate(LINES):
        nodes += [
            _dense(f"box{i}", "common_relu", boxes),
            _node(f"box{i}_s", "sigmoid", f"box{i}"),
            _dense(f"offset{i}", "common_relu", boxes),
            _node(f"offset{i}_s", "sigmoid", f"offset{i}"),
            _node(f"scaled{i}", "affine", f"offset{i}_s", scale=1.2, shift=-0.1),
            _node(f"out{i}", "concat", f"box{i}_s", f"scaled{i}", axis=-1),
        ]
    outputs = {name: f"out{i}" for i, name in enumerate(LINES)}
    return {"inputs": [{"name": "x", "shape": [bins, 1]}], "nodes": nodes, "outputs": outputs}

"""Going through the nodes of a network one after the other."""

from collections import Counter


def forward(header, compute, x):
    """Return the outputs of a network, in the order of the header.

    Parameters
    ----------
    header : dict
        Its nodes stand in an order in which they can run.
    compute : callable
        Of a node and what it reads.
    x : array
    """
    values = {header["inputs"][0]["name"]: x}
    readers = Counter(header["outputs"].values())
    readers.update(name for node in header["nodes"] for name in node["inputs"])
    for node in header["nodes"]:
        values[node["name"]] = compute(node, *(values[name] for name in node["inputs"]))
        readers.subtract(node["inputs"])
        for name in node["inputs"]:
            if not readers[name]:
                values.pop(name, None)  # or a peer would need more memory than its model
    return [values[name] for name in header["outputs"].values()]

"""onnxruntime, with the ONNX model that desinn makes.

Batch norm is left to onnxruntime's optimiser. Its fastest convolutions are for images only, so a
spectrum is also tried as an image of one row. What has two axes is an image as it is.
"""

from desinn.io.onnx_out import onnx_model

from .batches import BATCHES, in_batches

PACKAGES = ("onnxruntime", "onnx")
CHOICES = [{"batch": b, "image": image} for image in (False, True) for b in BATCHES]


def load(header, arrays, threads, batch, image):
    """Return a callable: input -> outputs side by side."""
    return in_batches(session(header, arrays, threads, image), batch)


def session(header, arrays, threads, image=False):
    """Return a callable that runs all that it is given at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    header, arrays = as_image(header, arrays) if image else (header, arrays)
    model = onnx_model(joined(header), arrays).SerializeToString()
    made = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (name,) = (x.name for x in made.get_inputs())
    if not image:
        return lambda part: made.run(None, {name: part})[0]
    rank = len(header["inputs"][0]["shape"]) + 1

    def run(part):
        result = made.run(None, {name: part[:, None]})[0]
        return result[:, 0] if result.ndim == rank else result

    return run


def joined(header):
    """Return a header with one output: all of them side by side."""
    ends = list(header["outputs"].values())
    node = {"name": "side_by_side", "op": "concat", "inputs": ends, "axis": -1}
    return {**header, "nodes": [*header["nodes"], node], "outputs": {"joined": node["name"]}}


def as_image(header, arrays):
    """Return header and arrays of a network over one axis as one over images of one row."""
    (entry,) = header["inputs"]
    nodes = [{**node, **_with_row(node)} for node in header["nodes"]]
    windows = {node["name"] for node in nodes if "filters" in node}
    arrays = {
        key: array[None] if key.split("/")[0] in windows and array.ndim == 3 else array
        for key, array in arrays.items()
    }
    return {**header, "inputs": [{**entry, "shape": [1, *entry["shape"]]}], "nodes": nodes}, arrays


def _with_row(node):
    """Return the attributes of a node that have an entry for each axis, with one more."""
    firsts = {"kernel": 1, "stride": 1, "dilation": 1, "padding": [0, 0]}
    return {
        key: [first, *node[key]]
        for key, first in firsts.items()
        if not isinstance(node.get(key, ""), str)
    }

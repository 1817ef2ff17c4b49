"""onnxruntime, with an ONNX model made from the nodes.

Batch norm is left to onnxruntime's optimiser. Its fastest convolutions are for images only, so a
spectrum is also tried as an image of one row. What has two axes is an image as it is.
"""

import numpy as np

from .batches import BATCHES, in_batches

PACKAGES = ("onnxruntime", "onnx")
CHOICES = [{"batch": b, "image": image} for image in (False, True) for b in BATCHES]
PADDINGS = {"same": "SAME_UPPER", "valid": "VALID"}
OPSET, IR_VERSION = 17, 8  # which every onnxruntime since 1.12 reads


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
    model = onnx_model(header, arrays, image).SerializeToString()
    made = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (name,) = (x.name for x in made.get_inputs())
    return lambda part: made.run(None, {name: part})[0]


def onnx_model(header, arrays, image):
    """Return the model: input (B, ..., C) -> outputs side by side, channels first in between."""
    from onnx import TensorProto, checker, helper

    maker = _Maker(header, arrays, image)
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in ((maker.input, ["B", *maker.shape]), (maker.output, ["B", *maker.open]))
    )
    graph = helper.make_graph(maker.nodes, "peer", [x], [y], maker.initializers)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    checker.check_model(model)
    return model


class _Maker:
    """ONNX nodes for the nodes of a header, one spatial axis or two."""

    def __init__(self, header, arrays, image):
        self.nodes, self.initializers = [], []
        self._arrays, self._image = arrays, image
        self._names = {}  # of a node here -> of its value in ONNX
        self.input, self.shape = header["inputs"][0]["name"], header["inputs"][0]["shape"]
        self._axes = len(self.shape) - 1 + image  # those of ONNX that are neither B nor C
        self._names[self.input] = self._channels_first(self.input)
        self._spatial = {self.input}
        for node in header["nodes"]:
            sources = [self._names[name] for name in node["inputs"]]
            self._names[node["name"]] = OPS[node["op"]](self, node, *sources)
            if self._spatial.intersection(node["inputs"]) and node["op"] != "flatten":
                self._spatial.add(node["name"])
        ends = list(header["outputs"].values())
        self._join([self._names[name] for name in ends], self._spatial.issuperset(ends))

    def _join(self, ends, spatial):
        """Put the outputs side by side; `open` is their shape without B, all sizes unknown."""
        self.output, self.open = "outputs", [None] * len(self.shape) if spatial else [None]
        if not spatial:
            self.add("Concat", self.output, ends, axis=-1)
            return
        x = self._channels_last(self.add("Concat", "outputs/joined", ends, axis=1), "outputs/last")
        if self._image:
            self.add("Squeeze", self.output, [x, self.constant("row", np.int64([1]))])
        else:
            self.add("Identity", self.output, [x])

    def add(self, kind, name, inputs, **attributes):
        """Add a node, return the name of its value."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, name, values):
        """Add an array, return its name."""
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def parameters(self, node, *keys):
        """Add the arrays of a node as they are, return their names."""
        names = [f"{node['name']}/{key}" for key in keys]
        return [self.constant(name, self._arrays[name]) for name in names]

    def _channels_first(self, source):
        last = len(self.shape)
        perm = [0, last, *range(1, last)]  # (B, ..., C) -> (B, C, ...)
        x = self.add("Transpose", f"{source}_first", [source], perm=perm)
        if self._image:
            x = self.add("Unsqueeze", f"{source}_image", [x, self.constant("rows", np.int64([2]))])
        return x

    def _channels_last(self, source, name):
        perm = [0, *range(2, 2 + self._axes), 1]
        return self.add("Transpose", name, [source], perm=perm)

    def _windows(self, node):
        """Return the attributes of a layer that looks through a window."""
        if node["padding"] not in PADDINGS:
            raise NotImplementedError(f"onnx: padding: same or valid, found {node['padding']}")
        one = [1] * self._image
        return {
            "kernel_shape": [*one, *node["kernel"]],
            "strides": [*one, *node["stride"]],
            "auto_pad": PADDINGS[node["padding"]],
        }

    def conv(self, node, source):
        name, one = node["name"], [1] * self._image
        kernel = np.moveaxis(self._arrays[f"{name}/kernel"], (-1, -2), (0, 1))  # (filters, C, ...)
        kernel = kernel[:, :, None] if self._image else kernel
        inputs = [source, self.constant(f"{name}/kernel", kernel), *self.parameters(node, "bias")]
        dilations = [*one, *node["dilation"]]
        return self.add("Conv", name, inputs, dilations=dilations, **self._windows(node))

    def transposed_conv(self, node, source):
        name = node["name"]
        kernel = np.moveaxis(self._arrays[f"{name}/kernel"], (-2, -1), (0, 1))  # (C, filters, ...)
        inputs = [source, self.constant(f"{name}/kernel", kernel), *self.parameters(node, "bias")]
        return self.add("ConvTranspose", name, inputs, **self._windows(node))

    def max_pool(self, node, source):
        return self.add("MaxPool", node["name"], [source], **self._windows(node))

    def dense(self, node, source):
        return self.add("Gemm", node["name"], [source, *self.parameters(node, "kernel", "bias")])

    def batch_norm(self, node, source):
        params = self.parameters(node, "gamma", "beta", "mean", "variance")
        name, epsilon = node["name"], node["epsilon"]
        return self.add("BatchNormalization", name, [source, *params], epsilon=epsilon)

    def flatten(self, node, source):
        """Put the channels last again: that is the order which a dense layer's rows have."""
        x = self._channels_last(source, f"{node['name']}_last")
        return self.add("Flatten", node["name"], [x], axis=1)

    def affine(self, node, source):
        name = node["name"]
        scale, shift = (
            self.constant(f"{name}/{key}", np.float32(node[key])) for key in ("scale", "shift")
        )
        return self.add("Add", name, [self.add("Mul", f"{name}/scaled", [source, scale]), shift])

    def concat(self, node, *sources):
        channels = self._spatial.issuperset(node["inputs"])  # the only axis that nets here join
        return self.add("Concat", node["name"], sources, axis=1 if channels else node["axis"])


OPS = {
    "conv": _Maker.conv,
    "transposed_conv": _Maker.transposed_conv,
    "max_pool": _Maker.max_pool,
    "dense": _Maker.dense,
    "batch_norm": _Maker.batch_norm,
    "flatten": _Maker.flatten,
    "affine": _Maker.affine,
    "concat": _Maker.concat,
    "relu": lambda maker, node, source: maker.add("Relu", node["name"], [source]),
    "sigmoid": lambda maker, node, source: maker.add("Sigmoid", node["name"], [source]),
    "dropout": lambda maker, node, source: source,
}
"""Op -> function of maker, node and the names of its sources that returns its value's name."""

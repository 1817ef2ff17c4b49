"""Keras networks from HDF5 files and Keras 3's archives, read without Keras.

The graph follows the file's ``model_config``, never the names of layers: those of batch
normalisations and lambdas carry a counter of the session that made them.
"""

import itertools

import numpy as np

from ..files import input_file, read_json
from ..nn.graph import Graph, GraphError
from .hdf5 import check_hdf5
from .keras_archive import archive_arrays, read_archive
from .keras_layers import ALONG_LAST, ARRAYS, KerasError, check_last_axis, layer_nodes, turned

ZIP = b"PK\x03\x04"


def read_keras(path):
    """Read a network from a file of Keras 2 (``.h5``) or 3 (``.h5``, ``.keras``).

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    header : dict
        Of kind ``free``: inputs, nodes and outputs, named as their layers. A layer with an
        activation becomes two nodes, ``layer`` and ``layer_activation``.
    arrays : dict of ndarray
        ``node/parameter`` -> float32 array.
    grid : dict
        ``wave`` (dataset ``model_grid``) where the file has it. Its spacing shows in it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KerasError
        If it is no Keras network, or has a layer or a setting that desinn has not, by its name.
    ImportError
        If h5py is not installed.
    """
    path = input_file(path)
    try:
        import h5py
    except ImportError:
        raise ImportError("reading Keras files needs h5py: pip install 'desinn[hdf5]'") from None
    try:
        content = _content(path)
        if content.startswith(ZIP):
            config, version, weights = read_archive(path)
            with h5py.File(weights, "r") as file:
                check_hdf5(file, weights.getvalue())
                return _read(_settings(config), version, file, archive_arrays)
        with h5py.File(path, "r") as file:
            check_hdf5(file, content)
            version = _text(file.attrs.get("keras_version", "?"))
            return _read(_model_config(file), version, file, _named_arrays)
    except KerasError as error:
        raise KerasError(f"{path}: {error}") from None
    except OSError as error:
        raise KerasError(f"{path}: expected an HDF5 file, found: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        # What h5py raises, or a configuration that is not laid out as Keras does it.
        raise KerasError(f"{path}: damaged, or not laid out as Keras does: {error!r}") from error


def _content(path):
    with open(path, "rb") as file:
        return file.read()


def _read(config, version, file, datasets):
    """Return header, arrays and grid; `datasets` yields a layer's, its names and its datasets."""
    layers = _layers(config)
    by_name = {layer["name"]: layer for layer in layers}
    inputs, nodes, last = [], [], {}
    for layer in layers:
        name = layer["name"]
        if layer["class_name"] == "InputLayer":
            inputs.append({"name": name, "shape": _input_shape(layer["config"])})
            last[name] = name
            continue
        made = layer_nodes(layer, by_name)
        last[name] = made[-1]["name"]
        nodes += made
    for node in nodes:  # inside a layer the second node already names the first
        own = node["name"].removesuffix("_activation")
        node["inputs"] = [i if i == own else last[i] for i in node["inputs"]]
    outputs = {public: last[name] for public, name in _outputs(config, layers)}
    _check_axes(layers, inputs, nodes, outputs)
    header = {
        "kind": "free",
        "name": config.get("name", "keras"),
        "inputs": inputs,
        "nodes": nodes,
        "outputs": outputs,
        "prepare": {},
        "interpret": {},
        "provenance": {"converted_from": f"Keras {version}"},
    }
    return header, _arrays(datasets(file, layers)), _grid(file)


def _check_axes(layers, inputs, nodes, outputs):
    """Raise if the nodes are no graph, or a norm or softmax is not along the last axis."""
    try:
        graph = Graph(inputs, nodes, outputs)
    except GraphError as error:
        raise KerasError(str(error)) from None
    for layer in layers:
        if layer["class_name"] in ALONG_LAST:
            check_last_axis(layer, len(graph.shapes[layer["name"]]) + 1)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _model_config(file):
    if "model_config" not in file.attrs:
        raise KerasError(
            "attribute model_config: missing, expected a whole model and not only weights"
        )
    try:
        config = read_json(_text(file.attrs["model_config"]))
    except ValueError as error:
        raise KerasError(f"attribute model_config: expected JSON, found: {error}") from None
    return _settings(config)


def _settings(config):
    """Return the settings of a model, from its configuration."""
    kind = config.get("class_name")
    if kind not in ("Functional", "Model", "Sequential"):
        raise KerasError(f"expected a Functional or Sequential model, found {kind!r}")
    return config["config"]


def _layers(config):
    """Return the layers, each with its name and a list of the layers that it reads."""
    layers = []
    for layer in config["layers"]:
        name = layer.get("name") or layer["config"]["name"]
        sources = _sources(layer.get("inbound_nodes", []))
        layers.append({**layer, "name": name, "sources": sources})
    if "input_layers" not in config:  # Sequential: each layer reads the one before it
        layers = _chained(layers)
    return layers


def _chained(layers):
    if layers[0]["class_name"] != "InputLayer":
        start = {"class_name": "InputLayer", "config": layers[0]["config"], "name": "input"}
        layers = [{**start, "sources": []}, *layers]
    for before, layer in itertools.pairwise(layers):
        layer["sources"] = [before["name"]]
    return layers


def _sources(inbound):
    """Return the names of the layers that a layer reads, from Keras 2's or Keras 3's notation."""
    if len(inbound) > 1:
        raise KerasError("a layer that is used more than once is not supported")
    found = []

    def walk(value):
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                found.append(value["config"]["keras_history"][0])
            else:
                walk(value.get("args", []))
        elif isinstance(value, list):
            if len(value) >= 3 and isinstance(value[0], str):
                found.append(value[0])  # [name, node index, tensor index, ...]
            else:
                for item in value:
                    walk(item)

    walk(inbound)
    return found


def _input_shape(settings):
    shape = settings.get("batch_input_shape") or settings.get("batch_shape")
    if not shape:
        raise KerasError(f"input {settings.get('name')}: its shape is missing")
    return list(shape[1:])


def _outputs(config, layers):
    """Return public name and layer of each output."""
    entries = config.get("output_layers")
    if entries is None:
        return [(layers[-1]["name"], layers[-1]["name"])]
    if isinstance(entries, dict):  # Keras 3, of a model that returns one
        return [(public, entry[0]) for public, entry in entries.items()]
    if entries and isinstance(entries[0], str):  # Keras 3 with one output
        entries = [entries]
    return [(entry[0], entry[0]) for entry in entries]


def _arrays(datasets):
    """Return ``node/parameter`` -> array of all layers, their axes in our order."""
    arrays = {}
    for layer, parameter, dataset in datasets:
        name, kind = layer["name"], layer["class_name"]
        if parameter not in ARRAYS:
            raise KerasError(f"layer {name} ({kind}): weight {parameter} is unknown")
        values = np.asarray(dataset, dtype=np.float32)
        arrays[f"{name}/{ARRAYS[parameter]}"] = turned(kind, parameter, values)
    return arrays


def _named_arrays(file, layers):
    """Yield layer, Keras' name of an array, and dataset: from a file that has names."""
    groups = file.get("model_weights", file)
    for layer in layers:
        name = layer["name"]
        for path in groups[name].attrs.get("weight_names", []) if name in groups else []:
            yield layer, _text(path).split("/")[-1].split(":")[0], groups[name][_text(path)]


def _grid(file):
    grid = {}
    if "model_grid" in file:
        grid["wave"] = np.asarray(file["model_grid"], dtype=np.float64)
    return grid

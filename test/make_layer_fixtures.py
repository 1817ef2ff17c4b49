"""Write test/data/layers.npz: what TensorFlow computes for the layers of test/helpers/cases.py.

Run by hand where TensorFlow is installed:  python test/make_layer_fixtures.py
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from desinn.train.networks import keras_model  # noqa: E402
from helpers.cases import CASES, arrays_for, inputs_of  # noqa: E402

if __name__ == "__main__":
    outputs = {}
    for name, header in CASES.items():
        model = keras_model(header, arrays_for(header))
        outputs[name] = np.asarray(model(inputs_of(header), training=False)["y"])
        print(name, outputs[name].shape)
    np.savez_compressed(HERE / "data" / "layers.npz", **outputs)

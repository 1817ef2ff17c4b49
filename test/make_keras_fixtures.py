"""Write test/data/keras3-*.h5, *.keras and what Keras computes with them.

Run by hand where TensorFlow is installed:  python test/make_keras_fixtures.py
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers as L

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from helpers.cases import noise  # noqa: E402

# Compiled under a name of its own: Keras stores the name of the file with the code.
RESCALE = eval(compile("lambda x: -0.1 + 1.2 * x", "models.py", "eval"))


def quasarnet():
    """Return a small QuasarNET with its lambda layers and its names."""
    x = inputs = keras.Input((443, 1), name="input_1")
    for i in range(1, 5):
        x = L.Conv1D(3, 10, strides=2, padding="same", name=f"conv_{i}")(x)
        x = L.Dropout(0.2)(L.Activation("relu")(L.BatchNormalization()(x)))
    x = L.Dense(4, name="fc_common")(L.Flatten()(x))
    x = L.Activation("relu", name="fc_activation")(L.BatchNormalization()(x))
    outputs = []
    for i in range(7):
        box = L.Dense(13, activation="sigmoid", name=f"fc_box_{i}")(x)
        offset = L.Dense(13, activation="sigmoid", name=f"fc_offset_{i}")(x)
        offset = L.Lambda(RESCALE)(offset)
        outputs.append(L.Concatenate(name=f"conc_box_{i}")([box, offset]))
    return keras.Model(inputs, outputs)


def image():
    """Return a network of most other layers."""
    x = inputs = keras.Input((9, 8, 2), name="image")
    x = L.ZeroPadding2D(((1, 0), (0, 2)))(x)
    a = x = L.Conv2D(3, (3, 2), padding="same", dilation_rate=2, activation="relu")(x)
    x = L.MaxPooling2D(2)(x)
    x = L.Conv2DTranspose(4, (2, 3), strides=2, padding="same", activation="sigmoid")(x)
    x = L.Concatenate()([a, x])
    x = L.Cropping2D(((2, 1), (0, 1)))(x)
    x = L.AveragePooling2D((2, 3), strides=(2, 1), padding="same")(x)
    x = L.ReLU()(L.BatchNormalization(scale=False)(x))
    x = L.Permute((3, 1, 2))(x)
    x = L.Reshape((-1, 4))(x)
    x = L.Rescaling(0.5, 0.25)(x)
    x = L.Dense(2, use_bias=False, name="out")(x)
    return keras.Model(inputs, x)


def sequential():
    """Return a Sequential model."""
    return keras.Sequential(
        [keras.Input((6, 2)), L.Conv1D(3, 2), L.Flatten(), L.Dense(2, activation="sigmoid")]
    )


def residual():
    """Return a network with a layer added to what went into it, and other activations."""
    x = inputs = keras.Input((9, 8, 2), name="image")
    x = L.Conv2D(6, 3, padding="same", activation="tanh")(x)
    y = L.LeakyReLU(negative_slope=0.4)(L.GroupNormalization(3, epsilon=1e-4)(x))
    x = L.MaxPooling2D(2)(L.Add()([x, y]))
    x = L.ELU(0.7)(L.UpSampling2D((2, 3))(x))
    x = L.Conv2D(4, 2, activation="elu")(x)
    x = L.Conv2D(4, 1, activation="leaky_relu")(x)
    x = L.ReLU(negative_slope=0.1)(L.Softmax()(L.Conv2D(4, 1)(x)))
    wide = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Concatenate()([L.GlobalMaxPooling2D()(x), L.Flatten()(wide)])
    return keras.Model(inputs, L.Dense(5, activation="softmax", name="out")(x))


def randomize(model):
    """Give every weight another value, moving statistics too."""
    for number, weight in enumerate(model.weights):
        values = noise(weight.shape, number + 1)
        positive = weight.path.endswith("moving_variance")
        weight.assign(np.abs(values) + 0.5 if positive else values)


if __name__ == "__main__":
    outputs = {}
    for make in (quasarnet, image, sequential, residual):
        model = make()
        randomize(model)
        for ending in ("h5", "keras"):
            model.save(HERE / "data" / f"keras3-{make.__name__}.{ending}")
        x = noise((3, *model.inputs[0].shape[1:]), 99)
        result = model.predict(x, verbose=0)
        result = np.stack(result) if isinstance(result, list) else result
        outputs[make.__name__] = result
        print(make.__name__, result.shape, model.count_params())
    np.savez_compressed(HERE / "data" / "keras3-outputs.npz", **outputs)

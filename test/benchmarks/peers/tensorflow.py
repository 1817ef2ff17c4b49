"""TensorFlow, with the Keras model that training starts from, as one graph."""

from .batches import BATCHES, in_batches

PACKAGES = ("tensorflow", "keras")
CHOICES = [{"batch": batch} for batch in BATCHES]


def load(header, arrays, threads, batch):
    """Return a callable: input -> outputs side by side."""
    import tensorflow as tf

    from desinn.train.networks import keras_model

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras_model(header, arrays)
    (only,) = header["inputs"]

    @tf.function(input_signature=[tf.TensorSpec((None, *only["shape"]), tf.float32)])
    def graph(x):
        outputs = model({only["name"]: x}, training=False)
        return tf.concat([outputs[name] for name in header["outputs"]], axis=-1)

    return in_batches(lambda part: graph(part).numpy(), batch)

"""Training: the only room that imports TensorFlow."""

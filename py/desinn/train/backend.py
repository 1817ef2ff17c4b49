"""Keras, on TensorFlow, as a training wants it: silent, and with memory that it keeps."""

import contextlib
import os
import sys

_MALLOPT = {-8: 1, -4: 0, -1: 2**31 - 1, -2: 2**26}
"""glibc's M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD."""


def import_keras():
    """Return Keras, on TensorFlow and without TensorFlow's own log.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If TensorFlow is not installed; it says which extra brings it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # Where the processor has no AVX-512, TensorFlow leaves these kernels off, though they make
    # networks over images a third faster there, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        with _quiet():
            import keras
            import tensorflow as tf

            tf.config.list_physical_devices()
    except ImportError as error:
        text = "training needs TensorFlow: pip install 'desinn[train]'"
        raise ImportError(f"{text} ({error})") from None
    return keras


def keep_memory():
    """Have what is freed stay with the process, where the C library is glibc.

    TensorFlow allocates and frees the arrays of each step. Else they go back to the system, which
    clears every page again when it is first touched: up to half of the time of a training.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    for parameter, value in _MALLOPT.items():
        mallopt(parameter, value)


@contextlib.contextmanager
def _quiet():
    """Close standard error for a while: TensorFlow speaks before it reads its settings."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

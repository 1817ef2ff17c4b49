"""Arrays out of TensorFlow's checkpoints and SavedModels, where TensorFlow is installed."""

import glob
import os

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
INDEX = ".index"


def checkpoint_prefix(path):
    """Return what the names of a checkpoint's files begin with.

    Parameters
    ----------
    path : str or os.PathLike
        That itself, the file ``.index``, or the folder of a SavedModel.

    Returns
    -------
    str or None
        None if there is no checkpoint.
    """
    path = os.fspath(path)
    prefix = path.removesuffix(INDEX)
    if os.path.isdir(path):
        prefix = os.path.join(path, "variables", "variables")
    return prefix if os.path.isfile(prefix + INDEX) else None


def checkpoint_files(prefix):
    """Return the names of a checkpoint's files.

    Parameters
    ----------
    prefix : str

    Returns
    -------
    list of str
    """
    return [prefix + INDEX, *sorted(glob.glob(f"{glob.escape(prefix)}.data-*"))]


def read_checkpoint(prefix):
    """Read the arrays of a checkpoint; no graph is built and no function run.

    Parameters
    ----------
    prefix : str
        As `checkpoint_prefix` returns it.

    Returns
    -------
    dict of ndarray
        By the names in the checkpoint, without the ending that TensorFlow gives to all; those of
        floating-point numbers only, which leaves out counters and TensorFlow's own entries.

    Raises
    ------
    ValueError
        If TensorFlow cannot read it.
    ImportError
        If TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError as error:
        text = "reading checkpoints needs TensorFlow: pip install 'desinn[train]'"
        raise ImportError(f"{text} ({error})") from None
    try:
        reader = tf.train.load_checkpoint(prefix)
        names = [n for n, dtype in reader.get_variable_to_dtype_map().items() if dtype.is_floating]
        return {name.removesuffix(SUFFIX): reader.get_tensor(name) for name in sorted(names)}
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        text = str(error).splitlines()[0][:200]
        raise ValueError(f"{prefix}{INDEX}: expected a checkpoint, found: {text}") from None

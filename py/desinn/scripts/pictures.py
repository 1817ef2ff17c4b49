"""Where pictures go, and what they are called."""

import os

from .plots import figure_class


def picture_folder(folder):
    """Make a folder for pictures; raise before the work if none could be drawn into it.

    Parameters
    ----------
    folder : str

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    NotADirectoryError
        If `folder` is a file.
    """
    figure_class()
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"{folder}: is a file, expected a folder for pictures")
    os.makedirs(folder, exist_ok=True)


def picture_names(folder, paths, prefix):
    """Return how the names of each input's pictures begin, and make their folder.

    Parameters
    ----------
    folder : str or None
        None where no pictures are wanted.
    paths : sequence of str
        The inputs.
    prefix : str
        With which all names begin.

    Returns
    -------
    dict
        Path -> ``FOLDER/PREFIX-STEM``, with the number of the input before the stem where files
        of several folders have the same; nothing without a folder.

    Raises
    ------
    ImportError, NotADirectoryError
        As `picture_folder` does.
    """
    if folder is None:
        return {}
    picture_folder(folder)
    paths = list(dict.fromkeys(paths))
    stems = [os.path.basename(path).split(".")[0] for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"{number}-{stem}" for number, stem in enumerate(stems, 1)]
    names = [os.path.join(folder, f"{prefix}-{stem}") for stem in stems]
    return dict(zip(paths, names, strict=True))

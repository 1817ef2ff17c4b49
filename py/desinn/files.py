"""Files: output that appears whole or not at all, input that is there."""

import contextlib
import os


@contextlib.contextmanager
def whole_file(path, overwrite=False):
    """Give a temporary name beside `path`; rename it to `path` when the block ends well.

    Parameters
    ----------
    path : str or os.PathLike
        The file that shall appear.
    overwrite : bool
        Replace an existing file; without it an existing file is an error, before any work.

    Yields
    ------
    str
        The name to write to: in the same folder (so that the rename is atomic), with the
        process number in it and the extension kept (writers choose their format by it).

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    NotADirectoryError
        If the folder of `path` does not exist or is a file.

    Examples
    --------
    >>> with whole_file("out.txt") as name:  # doctest: +SKIP
    ...     open(name, "w").write("all of it")
    """
    path = os.fspath(path)
    check_output(path, overwrite)
    folder, base = os.path.split(path)
    temporary = os.path.join(folder, f".tmp{os.getpid()}-{base}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def check_output(path, overwrite=False, inputs=()):
    """Raise at once if `path` could not be written later, before hours are spent on its content.

    Parameters
    ----------
    path : str or os.PathLike
        The file that shall be written.
    overwrite : bool
        Whether an existing file may be replaced.
    inputs : iterable of str
        Files that will be read, which must not be lost.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    IsADirectoryError
        If `path` is a folder.
    NotADirectoryError
        If the folder of `path` does not exist or is a file.
    PermissionError
        If nothing can be written into the folder.
    ValueError
        If `path` is empty, is one of `inputs`, or is something else than a file (a device).
    """
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{path}: the output folder {folder} does not exist")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: is a folder, expected the name of a file")
    if not path or (os.path.exists(path) and not os.path.isfile(path)):
        raise ValueError(f"{path or 'output'}: expected the name of a file")
    if any(os.path.exists(name) and _same(path, name) for name in inputs):
        raise ValueError(f"{path}: is an input too, and would be lost")
    if os.path.exists(path) and not overwrite:
        raise FileExistsError(f"{path}: exists already; --overwrite (overwrite=True) replaces it")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: nothing can be written into the folder {folder}")


def _same(path, other):
    return os.path.exists(path) and os.path.samefile(path, other)


def input_file(path):
    """Return the name of a file that is there.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    IsADirectoryError
        If it is a folder.
    PermissionError
        If it may not be read.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: is a folder, expected a file")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{path}: may not be read")
    return path


def read_yaml(name, extra):
    """Read a YAML file of one of the recipes' languages.

    Parameters
    ----------
    name : str or os.PathLike
        A file, or the name of one that comes with desinn (``qso-test``), which comes before a
        file of that name in the working folder (``./qso-test`` is the file).
    extra : str
        The extra of ours that brings pyyaml, for the message where it is missing.

    Returns
    -------
    path : str
        The file that was read.
    content : object

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML.
    ImportError
        If pyyaml is not installed.
    """
    own = os.path.join(os.path.dirname(__file__), "recipes", f"{os.fspath(name)}.yaml")
    path = input_file(own if os.path.exists(own) else name)
    try:
        import yaml
    except ImportError:
        raise ImportError(f"{path}: needs pyyaml: pip install 'desinn[{extra}]'") from None
    try:
        with open(path, encoding="utf-8") as file:
            return path, yaml.safe_load(file)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected YAML, found: {error}") from None

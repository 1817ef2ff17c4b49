"""Files: output that appears whole or not at all, input that is there and bounded."""

import contextlib
import json
import math
import os
import re
import time

DEEPEST = 64
"""Lists and objects inside one another in a text that is read; a network needs about ten."""

LONGEST_YAML = 2**19
"""Characters; the reader takes seconds for so many."""

MOST_MERGED = 100
"""Entries of a mapping in YAML that takes some of another's."""

LARGEST_BITS = 1024
"""Of an integer in a text: no float holds more."""

_UNFINISHED = re.compile(r"\.tmp(\d+)~([^~]*)~.")
_FORGOTTEN = 86400.0
"""Seconds since the last change, after which a file of another machine's process is left over."""


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
        The name to write to: in the same folder (so that the rename is atomic), with process
        and machine in it, by which `clear_unfinished` knows what was left, and the extension
        kept (writers choose their format by it).

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is not set.
    NotADirectoryError
        If the folder of `path` does not exist or is a file.
    OSError
        If it cannot be written, as on a full disk: `path` is named.

    Examples
    --------
    >>> with whole_file("out.txt") as name:  # doctest: +SKIP
    ...     open(name, "w").write("all of it")
    """
    path = os.fspath(path)
    check_output(path, overwrite)
    folder, base = os.path.split(path)
    temporary = os.path.join(folder, f".tmp{os.getpid()}~{_machine()}~{base}")
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        better = _naming(error, temporary, path)
        if better is None:
            raise
        raise better from error


def _machine():
    return os.uname().nodename.split(".")[0] if hasattr(os, "uname") else ""


def _to_disk(path):
    """Wait until a file is on disk: on some file systems only this tells of a full one."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _naming(error, temporary, path):
    """Return an error that names the file where this one names none, or the temporary; or None."""
    if not isinstance(error, OSError):
        return None
    plain = temporary.removesuffix(".gz")  # which some write first
    if error.errno is not None and error.filename in (None, temporary, plain):
        return OSError(f"{path}: could not be written: {error.strerror}")
    text = str(error).replace(temporary, path).replace(plain, path)
    return None if text == str(error) else OSError(text)


def clear_unfinished(folder):
    """Remove what killed programs have left of `whole_file` in a folder.

    Files of processes that still run stay. Whether those of other machines do is unknown: their
    files go when nobody has written to them for a day.

    Parameters
    ----------
    folder : str
        Nothing is done if there is none.

    Returns
    -------
    list of str
        Names of what was removed.
    """
    removed = []
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            match = _UNFINISHED.match(entry.name)
            with contextlib.suppress(OSError):  # another's file, say: the next may be ours
                if match and _left_over(entry, int(match[1]), match[2]):
                    os.remove(entry.path)
                    removed.append(entry.name)
    return removed


def _left_over(entry, process, machine):
    if machine != _machine():
        return time.time() - entry.stat().st_mtime > _FORGOTTEN
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # another user's
        return False
    return False


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
        what = "is a file" if os.path.exists(folder) else "does not exist"
        raise NotADirectoryError(f"{path}: the output folder {folder} {what}")
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
    OSError
        If it is something else than a file (a pipe, which could keep us waiting; a device).
    PermissionError
        If it may not be read.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: is a folder, expected a file")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    if not os.path.isfile(path):
        raise OSError(f"{path}: is a pipe or a device, expected a file")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{path}: may not be read")
    return path


def read_json(text):
    """Read JSON that means the same to every reader.

    Parameters
    ----------
    text : str

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is no JSON, is nested too deeply, has two entries of one name, or a number that is
        not finite or is too large.

    Examples
    --------
    >>> read_json('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> read_json('{"a": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is not a finite number
    """
    hooks = {"object_pairs_hook": _unique, "parse_float": _finite, "parse_constant": _finite}
    try:
        content = json.loads(text, **hooks)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} deep") from None
    check_extent(content, len(text) + 1)
    return content


def _unique(pairs):
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("two entries have one name")
    return content


def _finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def check_extent(content, most):
    """Raise if what was read is nested too deeply, or would be too long if it were written out.

    Parameters
    ----------
    content : object
        Of dicts, lists and plain values. What it holds twice, as by an alias in YAML, counts
        twice.
    most : int
        How many values and characters of text it may hold.

    Raises
    ------
    ValueError
    """
    waiting, total = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        inner = _inner(value)
        total += len(value) if isinstance(value, str) else 1
        if total + len(waiting) + len(inner) > most:
            raise ValueError(f"it holds more than {most} values and characters, aliases resolved")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        if isinstance(value, int) and value.bit_length() > LARGEST_BITS:
            raise ValueError(f"an integer has more than {LARGEST_BITS} bits")
        waiting += [(part, depth + 1) for part in inner]


def _inner(value):
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list | tuple | set) else ()


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
        If it is no YAML, is nested too deeply, or would be far longer with its aliases resolved.
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
            text = file.read(LONGEST_YAML + 1)
        if len(text) > LONGEST_YAML:
            raise ValueError(f"more than {LONGEST_YAML} characters")
        content = yaml.load(text, _loader(yaml))
        check_extent(content, 4 * len(text) + 10_000)
    except RecursionError:
        raise ValueError(f"{path}: expected YAML, found it nested too deeply") from None
    except Exception as error:  # what a value is made by may fail in any way
        known = isinstance(error, ValueError | yaml.YAMLError)
        found = error if known else repr(error)
        raise ValueError(f"{path}: expected YAML, found: {found}") from None
    return path, content


def _loader(yaml):
    """Return the safe loader, with merges (``<<``) that cannot double a mapping's length."""

    class Loader(yaml.SafeLoader):
        def flatten_mapping(self, node):
            merged = [value for key, value in node.value if key.tag.endswith(":merge")]
            if len(merged) > 1 or any(isinstance(one, yaml.SequenceNode) for one in merged):
                raise ValueError("<< of several mappings, expected one")
            super().flatten_mapping(node)
            if merged and len(node.value) > MOST_MERGED:
                raise ValueError(f"<< to more than {MOST_MERGED} entries")

    return Loader


def check_stored(archive, size, error):
    """Raise unless a zip's members are stored as they are, each once, within the file's size.

    Members that are neither compressed nor overlap cannot be larger than the file.

    Parameters
    ----------
    archive : zipfile.ZipFile
    size : int
        Bytes of the file.
    error : type
        Class of what is raised.

    Raises
    ------
    error
        If a member is compressed, or all together are more than the file holds.
    """
    members = archive.infolist()
    for info in members:
        if info.compress_type or info.compress_size != info.file_size:  # 0: stored
            raise error(
                f"{info.filename}: expected a stored member of {info.file_size} bytes, found "
                f"{info.compress_size} bytes, compression type {info.compress_type}"
            )
    total = sum(info.file_size for info in members)
    if total > size or len({info.filename for info in members}) != len(members):
        raise error(
            f"expected members of different names and at most {size} bytes together, found "
            f"{len(members)} members of {total} bytes"
        )

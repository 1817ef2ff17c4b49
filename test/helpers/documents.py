"""The documents: their texts, and the code blocks in them."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PATHS = {path.name: path for path in (ROOT / "README.rst", *sorted((ROOT / "doc").glob("*.rst")))}
TEXTS = {name: path.read_text(encoding="ascii") for name, path in PATHS.items()}


class Block(NamedTuple):
    """A code block; language is "" for one behind ``::`` alone, caption a file's name or ""."""

    document: str
    line: int
    language: str
    caption: str
    text: str

    @property
    def name(self):
        return f"{self.document}:{self.line}"


class Command(NamedTuple):
    """What stands behind a ``$``, and the lines that the document shows below it."""

    name: str
    text: str
    shown: list


def blocks(document, text):
    """Return the code blocks of a document, in their order."""
    found, lines, number = [], text.split("\n"), 0
    while number < len(lines):
        opening = _opening(lines[number])
        end = number + 1
        if opening is not None:
            indent = _indent(lines[number])
            while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
                end += 1
            body = textwrap.dedent("\n".join(lines[number + 1 : end])).strip("\n")
            caption = re.match(r":caption: (\S+)\n\n", body)
            body = body[caption.end() :] if caption else body
            found.append(Block(document, number + 1, opening, caption[1] if caption else "", body))
        number = end
    return found


def _indent(line):
    return len(line) - len(line.lstrip())


def _opening(line):
    """Return the language of the block that a line opens, or None."""
    directive = re.fullmatch(r" *\.\. code-block:: (\w+)", line)
    if directive:
        return directive[1]
    plain = line.rstrip().endswith("::") and not line.lstrip().startswith("..")
    return "" if plain else None


def commands(block):
    """Return the commands of a block; what stands before the first is a ValueError."""
    found = []
    for number, line in enumerate(block.text.split("\n"), block.line + 2):
        if line.startswith("$ "):
            found.append(Command(f"{block.document}:{number}", line[2:], []))
        elif found:
            found[-1].shown.append(line)
        else:
            raise ValueError(f"{block.name}: expected a command behind $, found {line}")
    return found


def captioned(text):
    """Return name -> content of the code blocks that have the name of a file as their caption."""
    return {block.caption: block.text + "\n" for block in blocks("", text) if block.caption}

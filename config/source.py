"""From the bytes of the files to tables of cells that know where they were written. Judges form, not meaning.

::

    (name, bytes) --decode--> text --tomllib--> tree --+--> Table(section, cells with place)
                                 `--find_lines--------'      merged over files by id

Never raises on any bytes: mistakes are collected, and a file that cannot be read at all is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.errors import Problem
from config.lines import Path, find_lines, line_of

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32  # brackets a file may nest; tomllib itself goes on until Python's stack ends

_PLACE = re.compile(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)$")
_SYNTAX = (  # how tomllib's texts begin -> a code that can say it in both languages
    ("Cannot overwrite a value", "SBX-CFG-004"),
    ("Cannot declare", "SBX-CFG-004"),
    ("Cannot mutate immutable namespace", "SBX-CFG-004"),
    ("Duplicate", "SBX-CFG-004"),
    ("Invalid value", "SBX-CFG-008"),
    ("Expected newline or end of document", "SBX-CFG-008"),
    ("Illegal character '\\n'", "SBX-CFG-009"),
    ("Unterminated string", "SBX-CFG-009"),
    ("Unclosed", "SBX-CFG-009"),
    ("Expected ']", "SBX-CFG-009"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, and what people call it."""

    file: str
    line: int
    key: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as TOML gave it."""

    value: object
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its cells; ``place`` is its header."""

    section: str
    place: Place
    cells: Mapping[str, Cell]

    def at(self, key: str) -> Place:
        """The place of a key, or of the table where the key is not written."""
        cell = self.cells.get(key)
        return cell.place if cell else Place(self.place.file, self.place.line, f"{self.place.key}.{key}")


class Problems:
    """Collects every mistake on the way; the one mutable thing of a load."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, code: str, place: Place, **args: object) -> None:
        """Note a mistake; the arguments fill the message's placeholders."""
        texts = {name: _shown(value) for name, value in args.items()}
        self._found.append(Problem(code, place.file, place.line, _shown(place.key), texts))

    def all(self) -> tuple[Problem, ...]:
        """What was noted so far."""
        return tuple(self._found)


def _shown(value: object) -> str:
    """A value for a message: one line, bounded, no control characters."""
    text = "".join(character if character.isprintable() else "?" for character in str(value)[:400])
    return text if len(text) <= 240 else f"{text[:237]}..."


@dataclass(frozen=True, slots=True)
class Tree:
    """One parsed file."""

    file: str
    values: Mapping[str, object]
    lines: Mapping[Path, int]

    def place(self, key: str, path: Sequence[str | int]) -> Place:
        return Place(self.file, line_of(self.lines, path), key)


def parse(file: str, data: bytes, problems: Problems) -> Tree | None:
    """Decode and parse one file; None after a mistake that hides its content."""
    if len(data) > MAX_BYTES:
        problems.add("SBX-CFG-005", Place(file, 0, ""), size=len(data), limit=MAX_BYTES)
        return None
    try:
        text = data.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        problems.add("SBX-CFG-002", Place(file, data.count(b"\n", 0, error.start) + 1, ""))
        return None
    text = text.replace("\r\n", "\n")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        problems.add("SBX-CFG-006", Place(file, 0, ""), limit=MAX_DEPTH)
        return None
    except ValueError as error:  # TOMLDecodeError, and int() of more digits than Python takes
        _add_syntax(file, text, str(error), problems)
        return None
    if _depth(values) > MAX_DEPTH:
        problems.add("SBX-CFG-006", Place(file, 0, ""), limit=MAX_DEPTH)
        return None
    return Tree(file, values, find_lines(text))


def _depth(tree: object) -> int:
    """Nesting of lists and tables, counted level by level (no recursion)."""
    depth, level = 0, [tree]
    while level and depth <= MAX_DEPTH:
        below: list[object] = []
        for node in level:
            if isinstance(node, dict):
                below += node.values()
            elif isinstance(node, list):
                below += node
        level, depth = below, depth + 1
    return depth


def _add_syntax(file: str, text: str, error: str, problems: Problems) -> None:
    found = _PLACE.search(error)
    detail = error[: found.start()] if found else error
    lines = text.split("\n")
    line, column = 0, 0
    if found:
        line, column = (int(found[1]), int(found[2])) if found[1] else (len(lines), len(lines[-1]) + 1)
    code = next((code for start, code in _SYNTAX if detail.startswith(start)), "SBX-CFG-003")
    if code != "SBX-CFG-003":
        line = _line_before(lines, line)
    excerpt = lines[line - 1].strip() if line else ""
    problems.add(code, Place(file, line, ""), column=column, detail=detail, text=excerpt)


def _line_before(lines: Sequence[str], line: int) -> int:
    """tomllib points behind the value it refuses: often at the end of the line, at times at the next one."""
    while line > 1 and (line > len(lines) or not lines[line - 1].strip()):
        line -= 1
    return line

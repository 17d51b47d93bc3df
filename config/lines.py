"""Which line of a TOML text holds which key: tomllib forgets it, a technician needs it.

A scan of the text, not a second parser: tomllib has already judged the syntax, so anything odd here
merely ends the scan. Never raises, never interprets a value.

>>> find_lines('[site]\\nid = "x"\\n[[bus]]\\nid = "b1"\\n')[("bus", 0, "id")]
4
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'", re.DOTALL
)
_PLAIN = re.compile(r"""[^"'#\n\[\]{}]+""")


def find_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of each header and key. An element of an array of tables has its number in the path."""
    return _Scan(text).run()


def line_of(lines: Mapping[Path, int], path: Sequence[str | int]) -> int:
    """The line of a path, or of its nearest ancestor with one; 0 if there is none."""
    for length in range(len(path), 0, -1):
        line = lines.get(tuple(path[:length]))
        if line is not None:
            return line
    return 0


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = (0, 1)  # a position and its line: lines are counted once, forward
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}  # path of an array of tables -> elements so far

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip_blank():
            start = self._at
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)
            if self._at == start:  # no progress: not TOML
                break
        return self._lines

    def _skip_blank(self) -> bool:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at < len(self._text)

    def _line(self) -> int:
        position, line = self._counted
        line += self._text.count("\n", position, self._at)
        self._counted = (self._at, line)
        return line

    def _header(self) -> Path:
        line = self._line()
        double = self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        path = self._resolve(self._key(), double)
        self._note(path, line)
        self._at += 2 if double else 1
        return path

    def _resolve(self, parts: list[str], double: bool) -> Path:
        path: Path = ()
        for number, part in enumerate(parts):
            path = (*path, part)
            if double and number == len(parts) - 1:
                self._note(path, self._line())
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
        return path

    def _assignment(self, table: Path) -> None:
        line = self._line()
        parts = self._key()
        for length in range(1, len(parts) + 1):
            self._note((*table, *parts[:length]), line)
        if self._text.startswith("=", self._at):
            self._at += 1
            self._value((*table, *parts))

    def _note(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while found := _PART.match(self._text, self._at):
            parts.append(next(group for group in found.groups() if group is not None))
            self._at = found.end()
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return parts

    def _value(self, path: Path) -> None:
        """Move behind a value: to the newline outside all strings and brackets. The inline tables of an
        array, ``x = [ {...}, {...} ]``, are noted as its elements."""
        depth, elements = 0, 0
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\n" and depth <= 0:
                return
            if character == "{" and depth == 1:
                self._note((*path, elements), self._line())
                elements += 1
            depth += (character in "[{") - (character in "]}")
            self._at = self._behind(character)

    def _behind(self, character: str) -> int:
        if character == "#":
            end = self._text.find("\n", self._at)
            return end if end >= 0 else len(self._text)
        pattern = _STRING if character in "\"'" else _PLAIN
        found = pattern.match(self._text, self._at)
        return found.end() if found else self._at + 1

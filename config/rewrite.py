"""A few text values of one table written anew where they stand; all else stays as people wrote it.

Pure: bytes in, bytes out. Only a value that is a plain text on the line of its key can be replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from config.folder import Files
from config.merge import merge
from config.shapes import SECTIONS
from config.source import Place, Problems, parse


def rewrite(files: Files, section: str, identity: str, values: Mapping[str, str]) -> Files | None:
    """The files with the values of a table replaced; None where any of them is not written that way."""
    places = _places(files, section, identity)
    if not places.keys() >= values.keys():
        return None
    found = dict(files)
    for key, value in values.items():
        place = places[key]
        lines = found[place.file].decode("utf-8-sig").split("\n")
        pattern = rf'^(\s*{re.escape(key)}\s*=\s*)"[^"\\]*"'
        line, count = re.subn(pattern, rf'\g<1>"{value}"', lines[place.line - 1])
        if count != 1:
            return None
        lines[place.line - 1] = line
        found[place.file] = "\n".join(lines).encode()
    return [(name, found[name]) for name, _ in files]


def _places(files: Files, section: str, identity: str) -> dict[str, Place]:
    problems = Problems()
    trees = [tree for name, data in files if (tree := parse(name, data, problems)) is not None]
    for table in merge(trees, SECTIONS, problems)[section]:
        cell = table.cells.get("id")
        if cell is not None and cell.value == identity:
            return {key: one.place for key, one in table.cells.items()}
    return {}

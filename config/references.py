"""References between tables, checked on what is written: a table with another mistake still has its
references judged, and one that is referred to counts as declared even when it has mistakes.

Notes problems; resolves nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

from config.source import Cell, Problems
from config.suggest import nearest
from config.tables import Parts

# section -> key -> the section its value names
_REFERENCES = MappingProxyType(
    {
        "meter": {"bus": "bus"},
        "point": {"meter": "meter"},
        "rule": {
            **dict.fromkeys(
                ("production", "treatment", "point", "points", "by", "sum", "over", "total", "parts"), "point"
            ),
            "meter": "meter",
            "meters": "meter",
            "uplinks": "uplink",
        },
    }
)


def check_references(parts: Parts, profiles: Collection[str], problems: Problems) -> None:
    """Each dangling name once, on the line of its key."""
    for section, keys in _REFERENCES.items():
        for cell, key in ((table.cells.get(key), key) for table in parts.tables[section] for key in keys):
            if cell is not None:
                _dangling(cell, keys[key], parts.declared(keys[key]), problems)
    for table in parts.tables["meter"]:
        cell = table.cells.get("profile")
        if cell is not None and isinstance(cell.value, str) and cell.value not in profiles:
            problems.add(
                "SBX-CFG-043", cell.place, value=cell.value, near=nearest(cell.value, sorted(profiles))
            )


def _dangling(cell: Cell, target: str, known: frozenset[str], problems: Problems) -> None:
    names = cell.value if isinstance(cell.value, list) else [cell.value]
    for name in names:
        if isinstance(name, str) and name not in known:
            near = nearest(name, sorted(known))
            problems.add("SBX-CFG-042", cell.place, value=name, section=target, near=near)

"""Builds a frozen dataclass from a table: takes each key, notes every mistake, never stops at the first.

A shape is the list of a table's keys with their takers. A key is required when the dataclass gives it no
default. Holds no rule about any particular section.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from config.source import Problems, Table
from config.suggest import nearest
from config.values import Taker, Wrong

T = TypeVar("T")
Shape = Mapping[str, Taker]


def build(cls: type[T], shape: Shape, table: Table, problems: Problems) -> T | None:
    """The dataclass, or None when anything in the table is wrong (noted in ``problems``)."""
    taken, sound = take_cells(shape, table, problems)
    return cls(**taken) if has_all(required(cls), table, problems) and sound else None


def has_all(names: Iterable[str], table: Table, problems: Problems) -> bool:
    """Whether these keys are written; notes each that is not."""
    missing = [name for name in names if name not in table.cells]
    for name in missing:
        problems.add("SBX-CFG-013", table.place, missing=name)
    return not missing


def take_cells(shape: Shape, table: Table, problems: Problems) -> tuple[dict[str, Any], bool]:
    """The taken values by key, and whether all were sound."""
    taken: dict[str, Any] = {}
    sound = True
    for key, cell in table.cells.items():
        if key not in shape:
            problems.add("SBX-CFG-011", cell.place, wrong=key, near=nearest(key, shape))
            sound = False
            continue
        try:
            taken[key] = shape[key](cell.value)
        except Wrong as wrong:
            problems.add(wrong.code, cell.place, key=key, **wrong.args_of_message)
            sound = False
    return taken, sound


def required(cls: type[object]) -> tuple[str, ...]:
    """Fields without a default, in order."""
    if not dataclasses.is_dataclass(cls):
        raise TypeError(cls)
    return tuple(
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )

"""Why an alarm fired: its record, the rule's numbers, the readings behind it, the blocks that prove it. Reads
the journal alone; judges nothing anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agent.history import Record, alarm_records, records_of
from agent.rules.engine import all_rules
from buffer.block import is_live
from buffer.reader import JournalReader
from config.calendar import Window
from config.site import SiteConfig

SHOWN = 6  # readings of a meter, first and last of the stretch


@dataclass(frozen=True, slots=True)
class Explained:
    """``record``: the one that raised the alarm; ``ended``: the one that cleared it, if it was. ``rule``: its
    parameters now, None where the site has it no more. ``blocks``: first and last that prove it.
    ``readings``: by meter, of those that the journal still has; ``left_out`` of each are not shown."""

    record: Record
    ended: Record | None
    rule: Mapping[str, Any] | None
    blocks: tuple[int, int]
    readings: Mapping[str, tuple[Record, ...]]
    left_out: Mapping[str, int]


def explain(reader: JournalReader, config: SiteConfig, wanted: str) -> Explained | None:
    """The newest alarm of that id, or the one of that record number; None: there is none."""
    found = _find(reader, wanted)
    if found is None:
        return None
    record, ended = found
    first, last = block_of(reader, record["since_i"]), block_of(reader, record["i"])
    meters = meters_of(record["subjects"], config)
    kept: dict[str, list[Record]] = {}
    for n in range(first, last + 1):
        for row in _rows(reader, n):
            if row["k"] == "reading" and is_live(row) and row["m"] in meters and _within(row, record):
                kept.setdefault(row["m"], []).append(row)
    shown = {name: _ends(rows) for name, rows in kept.items()}
    left = {name: len(rows) - len(shown[name]) for name, rows in kept.items()}
    return Explained(record, ended, parameters(config, record["rule"]), (first, last), shown, left)


def parameters(config: SiteConfig, rule: str) -> Mapping[str, Any] | None:
    """The parameters of a rule as the site file spells them."""
    for one in all_rules(config):
        if one.id == rule:
            fields = ((part.name, getattr(one, part.name)) for part in dataclasses.fields(one))
            return {name: spelt(value) for name, value in fields if value not in (None, ())}
    return None


def spelt(value: object) -> object:
    """As JSON and a table can show it."""
    if isinstance(value, Decimal | Window):
        return str(value)
    if isinstance(value, tuple):
        return [spelt(part) for part in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return " ".join(str(getattr(value, part.name)) for part in dataclasses.fields(value))
    return value


def meters_of(subjects: Iterable[str], config: SiteConfig) -> frozenset[str]:
    """The meters of points and meters."""
    of_point = {point.id: point.meter for point in config.points}
    return frozenset(of_point.get(name, name) for name in subjects)


def block_of(reader: JournalReader, i: int) -> int:
    """The block that holds record ``i``, found by halving; the next one, where it is not sealed yet."""
    low, high = 0, reader.head().n
    if i > reader.head().last_i:
        return high + 1
    while low < high:
        middle = (low + high + 1) // 2
        (info,) = reader.infos(middle, middle)
        low, high = (middle, high) if info.first <= i else (low, middle - 1)
    return low


def _find(reader: JournalReader, wanted: str) -> tuple[Record, Record | None] | None:
    raised: Record | None = None
    ended: Record | None = None
    for record, _ in alarm_records(reader):
        if record["state"] == "raised" and wanted in (record["id"], str(record["i"])):
            raised, ended = record, None
        elif raised is not None and record["id"] == raised["id"] and record["state"] == "cleared":
            ended = ended or record
    return None if raised is None else (raised, ended)


def _rows(reader: JournalReader, n: int) -> Iterator[Record]:
    yield from reader.tail_records() if n > reader.head().n else records_of(reader.block(n))


def _within(row: Record, alarm: Record) -> bool:
    return bool(alarm["since_i"] <= row["i"] <= alarm["i"])


def _ends(rows: list[Record]) -> tuple[Record, ...]:
    return tuple(rows if len(rows) <= SHOWN else [*rows[: SHOWN // 2], *rows[-SHOWN // 2 :]])

"""Why an alarm fired: its records, the rule's numbers, the order, the points' thresholds beside what was
read, the readings behind it, the blocks that prove it. Reads the journal alone; judges nothing anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from agent.history import Record, alarm_records, records_of
from agent.orders.book import Book
from agent.orders.shown import facts
from agent.rules.drawn import drawn_kw
from agent.rules.engine import all_rules
from buffer.block import is_live
from buffer.reader import JournalReader
from config.calendar import Window
from config.orders import Order
from config.site import Point, SiteConfig

SHOWN = 6  # readings of a meter, first and last of the stretch
_BY_STATE = frozenset(("treatment-off", "treatment-stopped", "stop-order", "off-shift", "load"))


@dataclass(frozen=True, slots=True)
class Limits:
    """A point's thresholds in ``unit`` (kW, or A of the largest phase) as the site file has them now, and
    what was ``read`` last before the alarm, in record ``i``; None: the journal has it no more."""

    point: str
    role: str
    unit: str
    on_above: str
    off_below: str
    hold_s: int
    read: str | None
    i: int | None


@dataclass(frozen=True, slots=True)
class Explained:
    """``record``: the one that raised the alarm; ``escalated`` and ``ended``: those that made a warning an
    alarm and that cleared it, if they did. ``rule``: its parameters now, None where the site has it no more.
    ``order``: the order it is about, as it stood then. ``points``: of rules that ask whether a point is on.
    ``records`` and ``blocks``: first and last that prove it, to the end of the violation or, while it is up,
    of the journal. ``readings``: by meter, up to the alarm; ``left_out`` of each are not shown. ``whole``:
    the journal still has all the blocks up to the alarm."""

    record: Record
    escalated: Record | None
    ended: Record | None
    rule: Mapping[str, Any] | None
    order: Mapping[str, Any] | None
    points: Sequence[Limits]
    records: tuple[int, int]
    blocks: tuple[int, int]
    readings: Mapping[str, tuple[Record, ...]]
    left_out: Mapping[str, int]
    whole: bool


def explain(reader: JournalReader, config: SiteConfig, wanted: str, book: Book) -> Explained | None:
    """The newest alarm of that id, or the one that a record of that number is about; None: there is none.
    ``book``: the orders."""
    life = _life(reader, wanted)
    if life is None:
        return None
    record, rule = life[0], parameters(config, life[0]["rule"])
    ended, escalated = _first(life, "cleared"), _first(life, "escalated")
    last_i = _newest(reader) if ended is None else ended.get("to_i", ended["i"])
    fired = record if escalated is None else escalated
    meters = meters_of(record["subjects"], config)
    kept, whole = _readings(reader, meters, (record["since_i"], fired["i"]))
    shown = {name: _ends(rows) for name, rows in kept.items()}
    by_state = rule is not None and rule["kind"] in _BY_STATE
    return Explained(
        record,
        escalated,
        ended,
        rule,
        _order(book, record, ZoneInfo(config.site.timezone)),
        tuple(_limits(p, kept) for p in config.points if by_state and p.id in fired["subjects"]),
        (record["since_i"], last_i),
        (block_of(reader, record["since_i"]), block_of(reader, last_i)),
        shown,
        {name: len(rows) - len(shown[name]) for name, rows in kept.items()},
        whole,
    )


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


def _life(reader: JournalReader, wanted: str) -> list[Record] | None:
    """The records of an alarm, from the one that raised it."""
    lives: dict[str, list[Record]] = {}
    found: list[Record] | None = None
    for record, _ in alarm_records(reader):
        name = record["id"]
        if record["state"] == "raised":
            lives[name] = []
        if name in lives:
            lives[name].append(record)
            if wanted in (name, str(record["i"])):
                found = lives[name]
    return found


def _first(life: Iterable[Record], state: str) -> Record | None:
    return next((record for record in life if record["state"] == state), None)


def _newest(reader: JournalReader) -> int:
    """The number of the newest record."""
    tail = reader.tail_records()
    return int(tail[-1]["i"]) if tail else reader.head().last_i


def _readings(
    reader: JournalReader, meters: frozenset[str], span: tuple[int, int]
) -> tuple[dict[str, list[Record]], bool]:
    """The live readings of some meters among the records of a stretch, and whether all of it is kept."""
    kept: dict[str, list[Record]] = {}
    whole = True
    for n in range(block_of(reader, span[0]), block_of(reader, span[1]) + 1):
        rows = _rows(reader, n)
        whole = whole and bool(rows)
        for row in rows:
            within = row["k"] == "reading" and span[0] <= row["i"] <= span[1]
            if within and is_live(row) and row["m"] in meters:
                kept.setdefault(row["m"], []).append(row)
    return kept, whole


def _order(book: Book, record: Record, zone: ZoneInfo) -> Mapping[str, Any] | None:
    """The order that an alarm names, as it stood when it was raised."""
    held = book.as_of(record["i"]).held["order"].get(record["facts"].get("order", ""))
    if held is None or not isinstance(held.given, Order):
        return None
    found = {name: value for name, value in facts(held, record["t"], zone).items() if name != "history"}
    return {**found, "grace_s": held.given.grace_s, "exempt_kw": f"{held.given.exempt_kw:f}"}


def _limits(point: Point, kept: Mapping[str, Sequence[Record]]) -> Limits:
    in_kw = point.on_above_a is None
    on, off = (point.on_above_kw, point.off_below_kw) if in_kw else (point.on_above_a, point.off_below_a)
    read, i = None, None
    for row in reversed(kept.get(point.meter, ())):
        values = {name: Decimal(text) for name, text in row["v"].items()}
        value = drawn_kw(values) if in_kw else _most_a(values)
        if value is not None:
            read, i = f"{value:f}", row["i"]
            break
    return Limits(point.id, point.role, "kW" if in_kw else "A", f"{on:f}", f"{off:f}", point.hold_s, read, i)


def _rows(reader: JournalReader, n: int) -> Sequence[Record]:
    """The records of a block, or of the tail behind the last one; none when they are no longer kept."""
    return reader.tail_records() if n > reader.head().n else records_of(reader.block(n))


def _most_a(values: Mapping[str, Decimal]) -> Decimal | None:
    return max((abs(values[name]) for name in ("i_a", "i_b", "i_c") if name in values), default=None)


def _ends(rows: list[Record]) -> tuple[Record, ...]:
    return tuple(rows if len(rows) <= SHOWN else [*rows[: SHOWN // 2], *rows[-SHOWN // 2 :]])

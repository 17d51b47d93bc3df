"""What would have fired: recorded data replayed under a configuration, beside what did fire. Writes nothing.

::

    journal  [.... warm-up ....|from ............. to]
                                 did:   alarm records         would:  changes of a fresh engine
                                 one row each, matched by alarm, change and time

The warm-up is as long as the rules' longest times, so that hold times and states are known at ``from``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.axis import Axis
from agent.dayrecords import remembered
from agent.history import Record, alarm_records, records_of
from agent.orders.book import Book
from agent.pastdays import baselines, last_summary, walk
from agent.replay import Replay
from agent.restore import horizon_ms
from agent.rules.engine import Engine
from buffer.block import decode_header
from buffer.instant import Instant
from buffer.note import decode
from buffer.reader import JournalReader
from config.calendar import Span
from config.site import SiteConfig

NEAR_MS = 90_000  # the same change, though a poll earlier or later
STATES = ("raised", "escalated", "cleared")
_STEP = 500  # blocks at a glance


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an alarm, UTC ms."""

    t: int
    id: str
    state: str
    level: str
    code: str


@dataclass(frozen=True, slots=True)
class Row:
    """``did``, ``would``: None where it did not happen."""

    did: Change | None
    would: Change | None

    @property
    def any(self) -> Change:
        """Either of them."""
        found = self.did or self.would
        assert found is not None, "a row has at least one side"
        return found


def did(reader: JournalReader, span: Span) -> list[Change]:
    """What is on record."""
    return [
        Change(record["t"], record["id"], record["state"], record["level"], record["code"])
        for record, _ in alarm_records(reader)
        if record["state"] in STATES and span[0] <= record["t"] < span[1]
    ]


def would(reader: JournalReader, config: SiteConfig, span: Span, book: Book) -> list[Change]:
    """What a fresh engine says of the same time."""
    first = _first_block(reader, span[0] - horizon_ms(config))
    if first is None:
        return []
    n, boot_id = first
    replay: Replay | None = None
    found: list[Change] = []
    for record in _records(reader, n):
        if record["t"] >= span[1] and record["q"] in "SM":
            break
        if replay is None:
            now = Instant(record["t"], record["mono"], record["q"], record["boot"], boot_id)
            replay = _begun(reader, config, now, book)
        found += _changes(replay, record, span)
    return found


def compare(before: Iterable[Change], after: Iterable[Change]) -> list[Row]:
    """Side by side, in the order of time."""
    left = list(after)
    rows = []
    for one in before:
        same = [
            two
            for two in left
            if (two.id, two.state) == (one.id, one.state) and abs(two.t - one.t) <= NEAR_MS
        ]
        best = min(same, key=lambda two: abs(two.t - one.t), default=None)
        if best is not None:
            left.remove(best)
        rows.append(Row(one, best))
    rows += [Row(None, two) for two in left]
    return sorted(rows, key=lambda row: (row.any.t, row.any.id))


def _begun(reader: JournalReader, config: SiteConfig, now: Instant, book: Book) -> Replay:
    axis = Axis.begin(now)
    engine = Engine(config, axis.at(now.mono_ms))
    n = last_summary(reader)
    days = [rows for rows in walk(reader, n) if rows[0]["t"] <= now.utc_ms]
    history: Mapping[str, Any] = {}
    for rows in days:
        history = remembered(history, rows, engine.zone)
    engine.recall(history)
    for order, found in baselines(reader, n, days):
        engine.fix(order, found)
    return Replay(engine, axis, book)


def _changes(replay: Replay, record: Record, span: Span) -> Iterator[Change]:
    for change in replay.take(record):
        ago_ms = replay.ruling.axis.at(record["mono"]) - change.at_ms
        t, alarm = record["t"] - ago_ms, change.alarm
        if change.change in STATES and span[0] <= t < span[1]:
            yield Change(t, alarm.key, change.change, alarm.level, alarm.code)


def _first_block(reader: JournalReader, utc_ms: int) -> tuple[int, str] | None:
    """The first block that ends behind a moment and has its body, and the boot it was written under."""
    head = reader.head().n
    for start in range(0, head + 1, _STEP):
        for info in reader.infos(start, min(head, start + _STEP - 1)):
            if info.utc_ms >= utc_ms and info.has_body:
                block = reader.block(info.n)
                assert block is not None
                return info.n, decode_header(decode(block.note).text).boot_id
    return None


def _records(reader: JournalReader, n: int) -> Iterator[Record]:
    for number in range(n, reader.head().n + 1):
        yield from records_of(reader.block(number))
    yield from reader.tail_records()

"""Shows the engine what the journal holds, record by record: at a start, and for ``sitebox rules replay``.

::

    boot     another boot of the machine: its monotonic time goes on behind the last one's on the axis
    reading  observed                      mains    passed on
    anchor, receipt                        what is known of the wall clock
    alarm    acknowledged: what happened and was seen is not raised again
    order    given, lifted, or its baseline fixed          declaration  made, or ended
    summary  a day is summed up
    step     somebody set the clock: from here until a witness speaks, no calendar

An order counts from the record that gave it: what was read before is not judged by what nobody knew then.
The engine judges whenever a second has passed between two records, as the recorder lets it live. Reads
nothing itself and writes nothing; what comes out are the changes of alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent import readings
from agent.axis import TRUSTED, Axis, Wall
from agent.orders.book import Book
from agent.rules.alarms import AlarmChange
from agent.rules.baseline import Baseline
from agent.rules.engine import Engine
from agent.ruling import TOLD, Ruling
from buffer.block import is_live
from buffer.instant import Instant

Record = Mapping[str, Any]
TICK_MS = 1_000  # the engine is asked at most so often


class Replay:
    """``take`` records in their order. ``ruling`` may be taken over when they end. ``book``: all orders and
    declarations the box knows of."""

    def __init__(self, engine: Engine, axis: Axis, book: Book) -> None:
        self.ruling = Ruling(engine, axis, Wall())
        self._all = book
        self._book: Book | None = None  # as of the newest record
        self._engine = engine
        self._wanted = engine.wanted
        self._ticked_ms = 0
        self.last_ms = 0  # how far the axis has run

    def take(self, record: Record) -> tuple[AlarmChange, ...]:
        """One record; gives what changed before it is taken in."""
        kind = record["k"]
        changes: tuple[AlarmChange, ...] = ()
        if self._book is None:
            self._know(self._all.as_of(record["i"] - 1), record)
        if kind == "boot":
            changes = self._boot(record)
        at_ms, wall = self.ruling.axis.at(record["mono"]), self.ruling.wall
        wall.shown_ms = record["t"] - record["mono"]
        if record["q"] in TRUSTED:
            wall.offset_ms = wall.shown_ms
        if at_ms - self._ticked_ms >= TICK_MS and at_ms > self.last_ms:
            changes += self._tick(record["mono"])
        self.last_ms = max(self.last_ms, at_ms)
        if kind == "reading":
            if is_live(record) and record["m"] in self._engine.meters:
                self.ruling.poll(readings.replayed(record, at_ms, self._wanted), stored=True)
        elif kind in TOLD:
            now = Instant(record["t"], record["mono"], record["q"], record["boot"], self.ruling.axis.boot_id)
            self.ruling.told(kind, record, now)
        else:
            self._said(kind, record)
        return changes

    def _said(self, kind: str, record: Record) -> None:
        """An order or a declaration, and what was found once and is on record."""
        if kind in ("order", "declaration") and "note" in record:
            assert self._book is not None, "take sees to that"
            self._know(self._book.take(record), record)
        elif record.get("op") == "baseline":
            self._engine.fix(record["id"], Baseline.take(record))
        elif record.get("what") == "day" and self._engine.daybook is not None:
            self._engine.daybook.written(record["day"], -1)
        elif kind == "alarm" and record["state"] == "acknowledged":
            self._engine.acknowledge(record["id"], record.get("by", ""), record.get("reason", ""))

    def _know(self, book: Book, record: Record) -> None:
        self._book = book
        self._engine.know(*book.known(record["t"] if record["q"] in TRUSTED else 0))

    def end(self) -> tuple[AlarmChange, ...]:
        """Judge what came since the last second passed."""
        mono_ms = self.ruling.axis.mono(self.last_ms)
        return () if mono_ms is None else self._tick(mono_ms)

    def _tick(self, mono_ms: int) -> tuple[AlarmChange, ...]:
        self._ticked_ms = self.ruling.axis.at(mono_ms)
        changes = self.ruling.tick(mono_ms)
        if self._engine.daybook is not None:
            for change in changes:
                self._engine.daybook.alarm(change)
        return changes

    def _boot(self, record: Record) -> tuple[AlarmChange, ...]:
        if record["id"] == self.ruling.axis.boot_id:
            return ()
        changes = self.end()  # what the old boot read belongs to it
        now = Instant(record["t"], record["mono"], "R", record["boot"], record["id"])
        self.ruling.axis = Axis.begin(now, self.ruling.axis, self.last_ms)
        self.ruling.wall = Wall()
        return changes

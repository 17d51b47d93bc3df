"""Shows the engine what the journal holds, record by record: at a start, and for ``sitebox rules replay``.

::

    boot     another boot of the machine: its monotonic time goes on behind the last one's on the axis
    reading  observed                      mains    passed on
    anchor, receipt                        what is known of the wall clock
    alarm    acknowledged: what happened and was seen is not raised again
    order    a baseline was fixed          summary  a day is summed up
    step     somebody set the clock: from here until a witness speaks, no calendar

The engine judges whenever a second has passed between two records, as the recorder lets it live. Reads
nothing itself and writes nothing; what comes out are the changes of alarms."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent import readings
from agent.axis import TRUSTED, Axis, Wall
from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from buffer.block import is_live
from buffer.instant import Instant

Record = Mapping[str, Any]
TICK_MS = 1_000  # the engine is asked at most so often


class Replay:
    """``take`` records in their order. ``axis`` and ``wall`` may be taken over when the records end."""

    def __init__(self, engine: Engine, axis: Axis) -> None:
        self.axis = axis
        self.wall = Wall()
        self._engine = engine
        self._wanted = engine.wanted
        self._ticked_ms = 0
        self.last_ms = 0  # how far the axis has run

    def take(self, record: Record) -> tuple[AlarmChange, ...]:
        """One record; gives what changed before it is taken in."""
        kind = record["k"]
        changes: tuple[AlarmChange, ...] = ()
        if kind == "boot":
            changes = self._boot(record)
        at_ms = self.axis.at(record["mono"])
        self.wall.shown_ms = record["t"] - record["mono"]
        if record["q"] in TRUSTED:
            self.wall.offset_ms = self.wall.shown_ms
        if at_ms - self._ticked_ms >= TICK_MS and at_ms > self.last_ms:
            changes += self._tick(record["mono"])
        self.last_ms = max(self.last_ms, at_ms)
        if kind == "reading":
            if is_live(record) and record["m"] in self._engine.meters:
                self._reading(record, at_ms)
        elif kind in _OTHERS:
            self._other(kind, record, at_ms)
        elif kind in ("order", "summary"):
            self._settled(record)
        return changes

    def _settled(self, record: Record) -> None:
        """What was found once and is on record: a baseline, the summaries of a day."""
        if record.get("op") == "baseline":
            self._engine.fix(record["id"], Decimal(record["kw"]), record["days"])
        elif record.get("what") == "day" and self._engine.daybook is not None:
            self._engine.daybook.written(record["day"], -1)

    def _reading(self, record: Record, at_ms: int) -> None:
        seen = readings.replayed(record, at_ms, self._wanted)
        self._engine.observe(seen)
        if self._engine.daybook is not None:
            self._engine.daybook.poll(seen.meter, seen.slow, bool(record["v"]), stored=True)

    def end(self) -> tuple[AlarmChange, ...]:
        """Judge what came since the last second passed."""
        mono_ms = self.axis.mono(self.last_ms)
        return () if mono_ms is None else self._tick(mono_ms)

    def _tick(self, mono_ms: int) -> tuple[AlarmChange, ...]:
        self._ticked_ms = self.axis.at(mono_ms)
        changes = self._engine.tick(self.axis.moment(mono_ms, self.wall))
        if self._engine.daybook is not None:
            for change in changes:
                self._engine.daybook.alarm(change)
        return changes

    def _boot(self, record: Record) -> tuple[AlarmChange, ...]:
        if record["id"] == self.axis.boot_id:
            return ()
        changes = self.end()  # what the old boot read belongs to it
        now = Instant(record["t"], record["mono"], "R", record["boot"], record["id"])
        self.axis = Axis.begin(now, self.axis, self.last_ms)
        self.wall = Wall()
        return changes

    def _other(self, kind: str, record: Record, at_ms: int) -> None:
        now = Instant(record["t"], record["mono"], record["q"], record["boot"], self.axis.boot_id)
        if kind == "alarm":
            if record["state"] == "acknowledged":
                self._engine.acknowledge(record["id"], record.get("by", ""), record.get("reason", ""))
        elif kind == "anchor":
            self.wall.hear(record["utc"] + record["mono"] - record["at"], now)
        elif kind == "receipt":
            self.wall.hear(record["time"], now)
        elif kind == "step":
            self.wall.stepped(now)
        elif record.get("source") != "meters":
            since_ms = self.axis.at(record["since_mono"]) if "since_mono" in record else at_ms
            self._engine.mains({"on": True, "off": False}.get(record.get("state", "")), since_ms)


_OTHERS = frozenset(("alarm", "anchor", "receipt", "step", "mains"))

"""The recorder: the only thread that writes the journal, the rules' engine and the alarm latches.

::

    inbox --> record --> journal (tail; commit when the oldest waits commit_s) --> seal --> Snapshot
                |                                                              ^
                +--> engine --> alarm records --------- early seal ------------+

It never touches a bus, an uplink or a socket. It must be given time: ``step(now)``; it reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from agent import readings
from agent.days import Days
from agent.inbox import ChoreDue, Inbox, Item, ReceiptHeard
from agent.rules.engine import Active, AlarmChange, Engine
from agent.rules.world import World
from buffer.instant import Instant
from buffer.journal import Cursor, Head, Journal, ReceiptRefused
from config.site import Journal as JournalSettings
from drivers.samples import PollResult

STEP_ITEMS = 500  # most items of one step, so that a burst cannot hold up a commit
EARLY_SEAL_MS = 5_000  # at most one early seal in so long (DESIGN 6)


@dataclass(frozen=True, slots=True)
class LastPoll:
    """The newest poll of a meter as status shows it; ``good_ms`` is the last one with a value."""

    mono_ms: int
    error: str | None
    good_ms: int | None
    values: Mapping[str, str]
    utc_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the recorder lets others see; replaced as a whole, never changed."""

    head: Head
    world: World
    alarms: tuple[Active, ...]
    polls: Mapping[str, LastPoll]
    cursors: Mapping[str, Cursor]
    dropped: int = 0
    refused: tuple[tuple[str, str], ...] = ()  # uplink, code of the last receipt refused


class Recorder:
    """Owner of the journal."""

    def __init__(
        self,
        journal: Journal,
        engine: Engine,
        inbox: Inbox,
        settings: JournalSettings,
        latch: Callable[[tuple[Active, ...]], None],
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._inbox = inbox
        self._settings = settings
        self._latch = latch
        self._polls: dict[str, LastPoll] = {}
        self._refused: dict[str, str] = {}
        self._dropped = 0
        self._sealed_ms = 0
        self._early_ms: int | None = None
        self._alarm_changed = False
        self.snapshot = self._look()

    def step(self, now: Instant) -> int:
        """Take what waits, let the rules see the time, commit and seal when due; gives the next due mono ms."""
        if self._sealed_ms == 0:
            self._sealed_ms = now.mono_ms
        items, dropped = self._inbox.take(STEP_ITEMS)
        for item in items:
            self._take(item, now)
        if dropped:
            self._dropped += dropped
            fields = {"what": "readings", "count": dropped, "reason": "queue full"}
            self._journal.append("loss", fields, now)
        self._alarms(self._engine.tick(now.mono_ms), now)
        self._write(now)
        self.snapshot = self._look()
        return self._next_due(now, len(items) == STEP_ITEMS)

    def close(self, now: Instant) -> None:
        """Clean stop: everything that waits becomes durable and sealed."""
        while True:
            items, _ = self._inbox.take(STEP_ITEMS)
            if not items:
                break
            for item in items:
                self._take(item, now)
        self._journal.close(now)
        self._latch(self._engine.active)

    def _take(self, item: Item, now: Instant) -> None:
        if isinstance(item, PollResult):
            self._reading(item, now)
        elif isinstance(item, ReceiptHeard):
            self._receipt(item, now)
        elif isinstance(item, ChoreDue):
            self._chore(item, now)
        else:
            self._journal.append(item.kind, item.fields, now)

    def _chore(self, chore: ChoreDue, now: Instant) -> None:
        if chore.name == "retention":
            self._journal.prune(now, self._settings)
            return
        day = self._days.turn(now, self._journal.head)
        if day is not None:
            self._journal.append("summary", day, now)

    def _reading(self, result: PollResult, now: Instant) -> None:
        at = _backdated(now, result.mono_ms)
        raw = tuple((frame.mono_ms, frame.way, frame.data) for frame in result.frames)
        record = self._journal.append("reading", readings.fields(result), at, raw)
        before = self._polls.get(result.meter)
        values = dict(before.values) if before else {}
        values.update({s.quantity: f"{s.value:f}" for s in result.samples if s.value is not None})
        good_ms = result.mono_ms if result.error is None else before.good_ms if before else None
        self._polls[result.meter] = LastPoll(
            result.mono_ms, result.error, good_ms, MappingProxyType(values), at.utc_ms
        )
        self._alarms(self._engine.observe(readings.observation(result, record)), at)

    def _receipt(self, heard: ReceiptHeard, now: Instant) -> None:
        try:
            self._journal.advance(heard.uplink, heard.receipt, heard.note, now)
        except ReceiptRefused as refused:
            self._refused[heard.uplink] = refused.code
        else:
            self._refused.pop(heard.uplink, None)

    def _alarms(self, changes: tuple[AlarmChange, ...], now: Instant) -> None:
        for change in changes:
            alarm = change.alarm
            fields: dict[str, object] = {
                "id": alarm.key,
                "rule": alarm.rule,
                "state": "raised" if change.raised else "cleared",
                "level": alarm.level,
                "code": alarm.code,
                "subjects": list(alarm.subjects),
                "facts": dict(alarm.facts),
                "since_i": alarm.since_record,
            }
            if alarm.since_ms is not None:
                fields["since_mono"] = alarm.since_ms
            if change.dur_ms is not None:
                fields["dur_ms"] = change.dur_ms
            record = self._journal.append("alarm", fields, now)
            if change.raised:
                self._engine.numbered(alarm.key, record)
            self._alarm_changed = True

    def _write(self, now: Instant) -> None:
        waiting = self._journal.pending_since_ms
        if waiting is not None and now.mono_ms - waiting >= self._settings.commit_s * 1000:
            self._journal.commit(now)
        if self._seal_due(now.mono_ms):
            self._journal.commit(now)
            self._journal.seal(now)
            self._sealed_ms = now.mono_ms
            if self._alarm_changed:
                self._early_ms = now.mono_ms
                self._latch(self._engine.active)
                self._alarm_changed = False

    def _seal_due(self, mono_ms: int) -> bool:
        if mono_ms - self._sealed_ms >= self._settings.seal_s * 1000 or self._journal.full:
            return True
        return self._alarm_changed and (self._early_ms is None or mono_ms - self._early_ms >= EARLY_SEAL_MS)

    def _next_due(self, now: Instant, more: bool) -> int:
        if more:
            return now.mono_ms
        due = [now.mono_ms + 500, self._sealed_ms + self._settings.seal_s * 1000]
        waiting = self._journal.pending_since_ms
        if waiting is not None:
            due.append(waiting + int(self._settings.commit_s * 1000))
        return min(due)

    def _look(self) -> Snapshot:
        return Snapshot(
            self._journal.head,
            self._engine.world,
            self._engine.active,
            MappingProxyType(dict(self._polls)),
            self._journal.cursors(),
            self._dropped,
            tuple(sorted(self._refused.items())),
        )


def _backdated(now: Instant, mono_ms: int) -> Instant:
    """The instant of an earlier moment of this boot, by the monotonic distance."""
    return replace(now, mono_ms=mono_ms, utc_ms=now.utc_ms - (now.mono_ms - mono_ms))

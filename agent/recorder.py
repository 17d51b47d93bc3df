"""The recorder: the only thread that writes the journal, the rules' engine and the alarm latches.

::

    inbox --> record --> journal (tail; commit when the oldest waits commit_s) --> seal --> Snapshot
                |                                                              ^
                +--> engine --> alarm records --------- early seal ------------+

It never touches a bus, an uplink or a socket. It must be given time: ``step(now)``; it reads no clock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, get_args

from agent import readings
from agent.asking import RulesAsked
from agent.daily import Daily
from agent.days import Kept
from agent.inbox import (
    ChoreDue,
    EventHeard,
    GivenBack,
    Inbox,
    Learnt,
    Owed,
    Recalled,
    ReceiptHeard,
    Remark,
    Rotate,
    Told,
)
from agent.lastpolls import LastPolls
from agent.mending import Mending
from agent.meters.book import Book
from agent.orders.asked import Asked
from agent.orders.clerk import Clerk
from agent.rotation import rotate
from agent.rules.alarms import AlarmChange
from agent.ruling import Ruling
from agent.snapshot import Snapshot
from agent.supervision import Pages, Supervision
from buffer.errors import ReceiptRefused, StoreFull
from buffer.instant import Instant
from buffer.journal import Journal, Retention
from buffer.scrub import Rot
from config.site import SiteConfig
from drivers.samples import PollResult

STEP_ITEMS = 500  # most items of one step, so that a burst cannot hold up a commit
_OTHER_HISTORY = ("SBX-JNL-012", "SBX-JNL-013")  # signed: a block that we lack, or have otherwise
EARLY_SEAL_MS = 5_000  # at most one early seal in so long (DESIGN 6)


class Keeper(Kept, Pages, Protocol):
    """The logbook as the recorder uses it: small documents that people read; the journal comes first. What
    cannot be written waits for ``again``; ``fault`` says why."""

    fault: str

    def learn(self, meter: str, unsupported: frozenset[str]) -> None:
        """Remember what a meter does not support."""

    def again(self) -> None:
        """Write what could not be written."""


class Recorder:
    """Owner of the journal."""

    # budget: what it writes, and all that is known of the time before this start
    def __init__(  # noqa: PLR0913 see above
        self,
        journal: Journal,
        rules: Ruling,
        inbox: Inbox,
        config: SiteConfig,
        keep: Keeper,
        book: Book,
        clerk: Clerk,
    ) -> None:
        self._journal = journal
        self._rules = Supervision(rules, keep)
        self._inbox = inbox
        self._settings = config.journal
        self._uplinks = tuple(uplink.id for uplink in config.uplinks if uplink.blocks)
        self._keep = keep
        self._book = book
        self._clerk = clerk
        self._daily = Daily(journal, self._rules, config, keep)
        self._polls = LastPolls()
        self._refused: dict[str, str] = {}
        self._dropped = 0  # readings that never reached the journal, since this start
        self._owed = {"queue full": 0, "card full": 0}  # of these, not yet in a loss record
        self._sealed_ms: int | None = None
        self._early_ms: int | None = None
        self._alarm_changed = False
        self._superseded = False
        self._mending = Mending(journal, self._append)
        self._takers = self._takes()
        self.snapshot = self._look()

    def listen(self, announce: Callable[[Mapping[str, Any]], object]) -> None:
        """Who is told of each alarm record as it was appended. Must not wait."""
        self._rules.announce = announce

    def step(self, now: Instant) -> int:
        """Take what waits, let the rules see the time, commit and seal when due; gives when to come again."""
        if self._sealed_ms is None:
            self._sealed_ms = now.mono_ms
        items, dropped = self._inbox.take(STEP_ITEMS)
        for item in items:
            self._takers[type(item)](item, now)
        self._own_up(dropped, now)
        self._alarms(self._rules.judge(now, bool(items)), now)
        self._daily.step(now)
        self._write(now)
        self.snapshot = self._look()
        return self._next_due(now, len(items) == STEP_ITEMS)

    def close(self, now: Instant) -> None:
        """Clean stop: everything that waits becomes durable and sealed."""
        while items := self._inbox.take(STEP_ITEMS)[0]:
            for item in items:
                self._takers[type(item)](item, now)
        with contextlib.suppress(StoreFull):  # what is not sealed stays durable in the tail
            self._journal.close(now)
        self._rules.keep(self._journal.head.n, now)
        self._clerk.sealed(self._journal.head)

    def _own_up(self, dropped: int, now: Instant) -> None:
        """One signed loss record for what the queue or the card did not take, once it can be written."""
        self._owed["queue full"] += dropped
        self._dropped += dropped
        for reason, count in self._owed.items():
            if count == 0:
                continue
            try:
                self._journal.append("loss", {"what": "readings", "count": count, "reason": reason}, now)
            except StoreFull:
                return
            self._owed[reason] = 0

    def _takes(self) -> dict[type, Callable[[Any, Instant], None]]:
        return {  # what is done with each kind of item
            PollResult: self._reading,
            ReceiptHeard: self._receipt,
            ChoreDue: self._chore,
            Learnt: lambda item, now: self._keep.learn(item.meter, item.unsupported),
            **dict.fromkeys(get_args(Told), self._told),
            Asked: self._asked,
            RulesAsked: lambda item, now: self._alarms(self._rules.answer(item), now),
            **dict.fromkeys((Rot, GivenBack), self._mending.take),
            Rotate: lambda item, now: rotate(item, self._journal, now),
            Owed: lambda item, now: self._rules.owed(item.ages_ms),
            Remark: self._remark,
        }

    def _asked(self, asked: Asked, now: Instant) -> None:
        self._alarm_changed |= self._clerk.take(asked, now)

    def _remark(self, remark: Remark, now: Instant) -> None:
        self._append(remark.kind, remark.fields, now)
        self._rules.event(remark.kind, remark.fields, now)

    def _chore(self, chore: ChoreDue, now: Instant) -> None:
        if chore.name == "retention":
            journal = self._settings
            keep = Retention(journal.keep_days, journal.raw_days, journal.max_mib * 1024 * 1024)
            self._journal.prune(now, keep, self._uplinks)
            self._keep.again()
            return
        for kind, fields in self._book.hourly(now):
            self._append(kind, fields, now)

    def _reading(self, result: PollResult, now: Instant) -> None:
        at = readings.backdated(now, result.mono_ms)
        record = self._append("reading", readings.fields(result), at, readings.raw_of(result.frames))
        for kind, fields in self._book.seen(result, record, at):
            self._append(kind, fields, at)
        self._polls.take(result, at.utc_ms)
        number = self._journal.head.last_i if record is None else record
        self._rules.see(result, number, at, stored=record is not None)

    def _told(self, item: Told, now: Instant) -> None:
        """What a meter was asked beside its polls: of its past with the frames that say so."""
        at, raw = now, tuple[tuple[int, str, bytes], ...]()
        if isinstance(item, Recalled | EventHeard):
            at, raw = readings.backdated(now, item.mono_ms), readings.raw_of(item.frames)
        for kind, fields in self._book.told(item, now):
            self._append(kind, fields, at, raw)
            self._rules.event(kind, fields, now)

    def _append(
        self,
        kind: str,
        fields: Mapping[str, Any],
        at: Instant,
        raw: Sequence[tuple[int, str, bytes]] = (),
    ) -> int | None:
        """Append, or count what a full card cannot take: reading goes on, one loss record follows."""
        try:
            return self._journal.append(kind, fields, at, raw)
        except StoreFull:
            self._owed["card full"] += 1
            self._dropped += 1
            return None

    def _receipt(self, heard: ReceiptHeard, now: Instant) -> None:
        try:
            self._journal.advance(heard.uplink, heard.receipt, heard.note, now)
        except ReceiptRefused as refused:
            self._refused[heard.uplink] = refused.code
            if refused.code in _OTHER_HISTORY and heard.note:
                with contextlib.suppress(OSError):  # the platform says it again
                    self._superseded |= self._journal.ending.mark(heard.note)
        except StoreFull:
            return  # the platform says it again with its next receipt
        else:
            self._refused.pop(heard.uplink, None)
            self._rules.hear(heard.receipt.time_ms, now)

    def _alarms(self, changes: tuple[AlarmChange, ...], now: Instant) -> None:
        for change in changes:
            kind, fields = self._rules.record_of(change)
            try:
                record = self._journal.append(kind, fields, now)
            except StoreFull:
                self._rules.engine.undo(change)
                continue
            self._rules.recorded(change, {**fields, "k": kind, "i": record, "t": now.utc_ms})
            self._alarm_changed = True
        self._rules.tell_baselines(self._journal.append, now)

    def _write(self, now: Instant) -> None:
        waiting = self._journal.pending_since_ms
        if waiting is not None and now.mono_ms - waiting >= self._settings.commit_s * 1000:
            self._journal.commit(now)
        if self._seal_due(now.mono_ms):
            self._seal(now)

    def _seal(self, now: Instant) -> None:
        self._sealed_ms = now.mono_ms
        try:
            self._journal.seal(now)
        except StoreFull:
            return  # the records stay durable in the tail; the next seal is due in its own time
        self._clerk.sealed(self._journal.head)
        if self._alarm_changed:
            self._early_ms = now.mono_ms
        self._rules.sealed(self._journal.head.n, now, self._alarm_changed)
        self._alarm_changed = False

    def _seal_due(self, mono_ms: int) -> bool:
        if self._sealed_ms is None or self._journal.full:
            return True
        if mono_ms - self._sealed_ms >= self._settings.seal_s * 1000:
            return True
        return self._alarm_changed and (self._early_ms is None or mono_ms - self._early_ms >= EARLY_SEAL_MS)

    def _next_due(self, now: Instant, more: bool) -> int:
        if more:
            return now.mono_ms
        due = [now.mono_ms + 500]
        waiting = self._journal.pending_since_ms
        if waiting is not None:
            due.append(waiting + int(self._settings.commit_s * 1000))
        return min(due)

    def _look(self) -> Snapshot:
        return Snapshot(
            self._journal.head,
            self._rules.sight,
            self._rules.active,
            self._polls.view(),
            self._journal.cursors(),
            self._dropped,
            tuple(sorted(self._refused.items())),
            self._keep.fault,
            self._book.gaps,
            self._book.wrong_clocks,
            self._journal.ratchet.fault,
            self._mending.found,
            self._journal.ratchet.stamp.keys.told,
            self._superseded,
        )

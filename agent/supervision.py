"""The rules at work in the daemon: the engine, the two times it runs by, and its pages in the logbook.

Belongs to the recorder and runs in its thread; the recorder writes what changes. Reads no clock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent import alarmrecords, readings
from agent.asking import RulesAsked
from agent.rules.alarms import Alarm, AlarmChange
from agent.rules.daycount import DayCount
from agent.rules.world import Sight
from agent.ruling import Ruling
from buffer.errors import StoreFull
from buffer.instant import Instant
from drivers.samples import PollResult

Append = Callable[[str, Mapping[str, Any], Instant], object]

JUDGE_MS = 1_000  # the rules are asked so often when nothing comes
PAGE_MS = 3_600_000  # the engine's memory is written down so often: a start reads the records since


class Pages(Protocol):
    """The logbook's pages of the rules."""

    def alarms(self, up: tuple[Alarm, ...], n: int) -> None:
        """Replace the alarm latches by those up as of block ``n``."""

    def engine(self, page: Mapping[str, Any], n: int) -> None:
        """Keep the engine's memory as of block ``n``."""


# budget: what the recorder asks of the rules, each in one call
class Supervision:
    """See the module."""

    def __init__(self, ruling: Ruling, pages: Pages) -> None:
        self._ruling = ruling
        self.engine, self._axis, self._wall = ruling.engine, ruling.axis, ruling.wall
        self._pages = pages
        self.announce: Callable[[Mapping[str, Any]], object] = dict  # told of each alarm record
        self._judged_ms: int | None = None
        self._paged_ms: int | None = None

    @property
    def sight(self) -> Sight:
        """What others may see."""
        return self.engine.world

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that are up."""
        return self.engine.active

    def see(self, result: PollResult, record: int, at: Instant, *, stored: bool) -> None:
        """One poll that stands in ``record``; behind it, if it was not ``stored``."""
        seen = readings.observation(result, record, self._axis.at(at.mono_ms))
        self._ruling.poll(seen, stored=stored)

    def hear(self, utc_ms: int, now: Instant) -> None:
        """A witness says what time it is: a platform's receipt, a meter's clock that was measured before."""
        self._wall.hear(utc_ms, now)

    def event(self, kind: str, fields: Mapping[str, Any], now: Instant) -> None:
        """A record that says something of the time, or of the mains."""
        self._ruling.told(kind, fields, now)

    def owed(self, ages_ms: Mapping[str, int]) -> None:
        """How old the oldest block is that each uplink has not confirmed."""
        for uplink, age_ms in ages_ms.items():
            self.engine.owed(uplink, age_ms)

    def judge(self, now: Instant, news: bool) -> tuple[AlarmChange, ...]:
        """Ask the rules, once a second at most and at once when something came."""
        self._wall.look(now)
        if not news and self._judged_ms is not None and now.mono_ms - self._judged_ms < JUDGE_MS:
            return ()
        self._judged_ms = now.mono_ms
        return self._ruling.tick(now.mono_ms)

    def answer(self, asked: RulesAsked) -> tuple[AlarmChange, ...]:
        """Say how the rules judge, or acknowledge an alarm: gives the change to record."""
        if asked.wish == "verdicts":
            asked.reply({"verdicts": self.engine.verdicts()})
            return ()
        change = self.engine.acknowledge(asked.alarm, asked.who, asked.reason)
        asked.reply({"up": change is not None})
        return () if change is None else (change,)

    def record_of(self, change: AlarmChange) -> tuple[str, dict[str, object]]:
        """Kind and fields of the record of a change."""
        if change.change == "excused":
            return "declaration", alarmrecords.covered(change)
        return "alarm", alarmrecords.fields(change, self._axis)

    def recorded(self, change: AlarmChange, record: Mapping[str, Any]) -> None:
        """A change stands in the journal as ``record``."""
        if change.raised:
            self.engine.numbered(change.alarm.key, record["i"])
        if self.engine.daybook is not None:
            self.engine.daybook.alarm(change)
        if record["k"] == "alarm":
            self.announce(record)

    def tell_baselines(self, append: Append, now: Instant) -> None:
        """Put each baseline on record when it is fixed; what a full card does not take comes again."""
        for name, found in self.engine.untold.items():
            with contextlib.suppress(StoreFull):
                append("order", {"op": "baseline", "id": name, **found.fields()}, now)
                self.engine.told(name)

    def over(self, now: Instant) -> tuple[DayCount, ...]:
        """Days of the plant that are over and not summed up."""
        book = self.engine.daybook
        return () if book is None else book.ended(self._axis.at(now.mono_ms))

    def blocked(self, n: int) -> None:
        """Block ``n`` holds everything so far."""
        if self.engine.daybook is not None:
            self.engine.daybook.sealed(n)

    def sealed(self, n: int, now: Instant, changed: bool) -> None:
        """Block ``n`` holds everything so far: the pages may speak of it."""
        self.blocked(n)
        if self._paged_ms is None or now.mono_ms - self._paged_ms >= PAGE_MS:
            self.keep(n, now)
        elif changed:
            self._pages.alarms(self.engine.active, n)

    def keep(self, n: int, now: Instant) -> None:
        """Write all pages as of block ``n``."""
        self._paged_ms = now.mono_ms
        self._pages.alarms(self.engine.active, n)
        axis = {"boot_id": self._axis.boot_id, "offset_ms": self._axis.offset_ms}
        self._pages.engine({**self.engine.page(), "axis": axis}, n)

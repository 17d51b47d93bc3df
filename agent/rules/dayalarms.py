"""How long alarms were up on a day, by rule, and by subject and rule; of that, how long as a warning that a
declaration made of them. Pure; fed with changes that are on record.

::

    since, or midnight      escalated            cleared, or midnight
    |--- declared ----------|                    |        of an alarm that was lowered first
    |--- ms -------------------------------------|
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.rules.alarms import Alarm, AlarmChange
from agent.rules.daycount import Counts, DayCount, count


class DayAlarms:
    """Owned by the daybook. ``page``: the alarms that a declaration keeps down, by key."""

    def __init__(self) -> None:
        self._lowered: set[str] = set()

    @property
    def page(self) -> list[str]:
        """For the logbook."""
        return sorted(self._lowered)

    def turn_to(self, page: Iterable[str]) -> None:
        """As a page says."""
        self._lowered = set(page)

    def take(self, day: DayCount, change: AlarmChange) -> None:
        """An alarm changed on this day."""
        alarm, key = change.alarm, change.alarm.key
        if change.raised:
            for table in _tables(day, alarm):
                count(table, alarm.rule, "raised", 1)
                count(table, alarm.rule, "warnings", alarm.level == "warning")
            if alarm.declared:
                self._lowered.add(key)
        elif change.change == "escalated" and key in self._lowered:
            _add(day, alarm, "declared", change.at_ms)
            self._lowered.discard(key)
        elif change.change == "cleared":
            self.lasted(day, alarm, change.at_ms if change.ended_ms is None else change.ended_ms)
            self._lowered.discard(key)

    def lasted(self, day: DayCount, alarm: Alarm, until_ms: int) -> None:
        """It was up on this day until then."""
        _add(day, alarm, "ms", until_ms)
        if alarm.declared:
            _add(day, alarm, "declared", until_ms)


def _add(day: DayCount, alarm: Alarm, name: str, until_ms: int) -> None:
    lasted_ms = until_ms - max(alarm.since_ms, day.begin_ms)
    if lasted_ms > 0:
        for table in _tables(day, alarm):
            count(table, alarm.rule, name, lasted_ms)


def _tables(day: DayCount, alarm: Alarm) -> Iterator[dict[str, Counts]]:
    yield day.alarms
    for name in alarm.subjects:
        yield day.subjects.setdefault(name, {})

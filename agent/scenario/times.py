"""The moments of a scenario's lines, in true time.

::

    08:20      08:20:15     the wall clock of the plant, as it truly is, on the day of ``begin``
    26:30                   hours go on: 02:30 of the next day
    2026-11-26 02:30        any day
    +1:30      +0:00:40     hours:minutes[:seconds] since ``begin``

A step of the box's clock (``clock``) changes none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from config.calendar import day_of, moment_ms
from config.values import Wrong

_SINCE = re.compile(r"\+([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))?")
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPAN = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,6})s)?")
_MOST_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Takes the moments of one scenario, as ms since its beginning."""

    begin_ms: int
    zone: ZoneInfo

    def take(self, line: str) -> tuple[int, str]:
        """The moment that a line begins with, and the rest of it. Raises Wrong."""
        first, _, rest = line.partition(" ")
        if _DAY.fullmatch(first):
            second, _, rest = rest.strip().partition(" ")
            first = f"{first} {second}"
        at_ms = self._ms(first)
        if at_ms is None or not 0 <= at_ms <= _MOST_MS:
            raise Wrong("SBX-SCN-010", value=first)
        return at_ms, rest.strip()

    def shown(self, at_ms: int) -> str:
        """``08:20:10`` on the day of ``begin``, ``26:30:00`` on the next."""
        first = moment_ms(f"{day_of(self.begin_ms, self.zone).isoformat()} 00:00", self.zone)
        hours, rest = divmod(self.begin_ms + at_ms - first, 3_600_000)
        return f"{hours:02d}:{rest // 60_000:02d}:{rest // 1000 % 60:02d}"

    def _ms(self, word: str) -> int | None:
        found = _SINCE.fullmatch(word)
        if found:
            return _seconds(found) * 1000
        found = _CLOCK.fullmatch(word)
        try:
            if found is None:
                return moment_ms(word, self.zone) - self.begin_ms
            days, hour = divmod(int(found[1]), 24)
            day = day_of(self.begin_ms, self.zone) + timedelta(days=days)
            text = f"{day.isoformat()} {hour:02d}:{found[2]}:{found[3] or '00'}"
            return moment_ms(text, self.zone) - self.begin_ms
        except ValueError:
            return None


def _seconds(found: re.Match[str]) -> int:
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def span_ms(word: str) -> int:
    """``90s``, ``10m``, ``1h30m``. Raises Wrong."""
    found = _SPAN.fullmatch(word)
    if not word or found is None:
        raise Wrong("SBX-SCN-013", value=word)
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours * 3600 + minutes * 60 + seconds) * 1000

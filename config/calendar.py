"""Times as orders and shifts write them: moments and windows in the plant's own time zone.

::

    "2026-11-25 24:00"             a moment; hour 24 is the next day's 00:00 (自25日24时起)
    "22:00-06:00"                  each day, over midnight
    "mon-fri 06:00-22:00"          the day is the one on which the window begins
    "sat,sun 00:00-24:00"

Pure; the wall clock is passed in as UTC ms. A local time that does not exist (summer time begins) means the
moment an hour later, one that exists twice the first of both.

>>> Window.parse("fri 22:00-06:00").minutes
480
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60
MINUTE_MS = 60_000
QUARTER_MS = 900_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME = r"([01][0-9]|2[0-3]|24):([0-5][0-9])"
_WINDOW = re.compile(rf"(?:([a-z,-]+) )?{_TIME}-{_TIME}")
_MOMENT = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[ T]{_TIME}(?::([0-5][0-9]))?")

Span = tuple[int, int]  # UTC ms, the end does not belong to it


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the day, on some days of the week (0 = Monday), in minutes since local midnight. An end
    at or before the start is on the next day."""

    start: int
    end: int
    days: frozenset[int] = frozenset(range(7))

    @classmethod
    def parse(cls, text: str) -> Window:
        """Take ``"[days ]HH:MM-HH:MM"``; ValueError for any other form."""
        found = _WINDOW.fullmatch(text)
        if found is None:
            raise ValueError(text)
        days, *numbers = found.groups()
        start, end = (_minutes(numbers[at], numbers[at + 1], text) for at in (0, 2))
        if start in (DAY_MIN, end):
            raise ValueError(text)
        return cls(start, end, frozenset(range(7)) if days is None else _days(days, text))

    @property
    def minutes(self) -> int:
        """Its length by the clock on the wall."""
        return (self.end - self.start) % DAY_MIN or DAY_MIN

    def begun_on(self, day: date, zone: ZoneInfo) -> Span | None:
        """The window that begins on a local day, if one does."""
        return _begun(self, day, zone)

    def __str__(self) -> str:
        days = "" if len(self.days) == 7 else ",".join(DAYS[day] for day in sorted(self.days)) + " "
        return f"{days}{_clock(self.start)}-{_clock(self.end)}"


@lru_cache(maxsize=512)
def _begun(window: Window, day: date, zone: ZoneInfo) -> Span | None:
    if day.weekday() not in window.days:
        return None
    end = window.end + DAY_MIN if window.end <= window.start else window.end
    return _at(day, window.start, zone), _at(day, end, zone)


@lru_cache(maxsize=512)
def _spans(window: Window, zone: ZoneInfo, hour: int) -> tuple[Span, ...]:
    day = _local(hour * 3_600_000, zone).date()
    around = (window.begun_on(day + timedelta(days=offset), zone) for offset in (-1, 0, 1))
    return tuple(span for span in around if span is not None)


def holding(window: Window, utc_ms: int, zone: ZoneInfo) -> Span | None:
    """The span of ``window`` that ``utc_ms`` lies in."""
    spans = _spans(window, zone, utc_ms // 3_600_000)
    return next((span for span in spans if span[0] <= utc_ms < span[1]), None)


def moment_ms(text: str, zone: ZoneInfo) -> int:
    """UTC ms of ``"2026-11-25 24:00"`` or ``"2026-11-25 08:30:15"`` in ``zone``; ValueError else."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, hour, minute, second = found.groups()
    minutes = _minutes(hour, minute, text)
    if minutes == DAY_MIN and second not in (None, "00"):
        raise ValueError(text)
    return _at(date.fromisoformat(day), minutes, zone) + int(second or 0) * 1000


def moment(utc_ms: int, zone: ZoneInfo) -> str:
    """``"2026-11-26 00:00"``, with seconds where there are any."""
    found = _local(utc_ms, zone)
    return found.strftime("%Y-%m-%d %H:%M:%S" if found.second else "%Y-%m-%d %H:%M")


def day_of(utc_ms: int, zone: ZoneInfo) -> date:
    """The local day."""
    return _day(utc_ms // QUARTER_MS, zone)


@lru_cache(maxsize=64)
def _day(quarter: int, zone: ZoneInfo) -> date:
    """Days begin on a quarter of an hour everywhere."""
    return _local(quarter * QUARTER_MS, zone).date()


def day_span(day: date, zone: ZoneInfo) -> Span:
    """A local day from midnight to midnight: 23, 24 or 25 hours."""
    return _at(day, 0, zone), _at(day, DAY_MIN, zone)


def _minutes(hour: str, minute: str, text: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if minutes > DAY_MIN:
        raise ValueError(text)
    return minutes


def _days(text: str, whole: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(whole)
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(found)


def _at(day: date, minutes: int, zone: ZoneInfo) -> int:
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)
    return int(wall.timestamp()) * 1000


def _local(utc_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(utc_ms // 1000, tz=UTC).astimezone(zone)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"

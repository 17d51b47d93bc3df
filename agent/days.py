"""The daily summary: how a day went, as the difference of the journal's birth-to-now sums.

The day is the plant's own (its time zone). The sums at the start of the day are kept in the logbook, so that
a restart inside a day changes nothing; without them counting starts anew, and ``from_n`` says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from buffer.head import Head
from buffer.instant import Instant


class Kept(Protocol):
    """Where the start of the running day is kept: one small document."""

    def load(self) -> Mapping[str, Any] | None: ...

    def store(self, document: Mapping[str, Any]) -> None: ...


class Days:
    """``turn`` gives the summary of the day that ended, once, and None otherwise."""

    def __init__(self, timezone: str, kept: Kept) -> None:
        self._zone = ZoneInfo(timezone)
        self._kept = kept

    def turn(self, now: Instant, head: Head) -> dict[str, object] | None:
        """Compare the plant's date with the running day's; any other date ends the day, so that a clock that
        was years ahead for a minute cannot silence the summaries for years."""
        today = datetime.fromtimestamp(now.utc_ms / 1000, tz=UTC).astimezone(self._zone).date().isoformat()
        begun = self._kept.load()
        if begun is not None and today == begun["day"]:
            return None
        self._kept.store({"day": today, "n": head.n, "sums": list(head.sums.values())})
        if begun is None:
            return None
        names = ("reads_ok", "reads_failed", "alarms", "boots", "lost")
        differences = [
            after - before for after, before in zip(head.sums.values(), begun["sums"], strict=True)
        ]
        return {
            "day": begun["day"],
            "from_n": begun["n"] + 1,
            "to_n": head.n,
            **dict(zip(names, differences, strict=True)),
        }

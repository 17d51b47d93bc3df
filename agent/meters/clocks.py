"""Each meter's clock against the box's: its offset and how sure it is, its jumps, the meter as a witness.

::

    sent ........ the meter takes its time ........ heard       offset = meter - box, at the middle
         <-------- error: half of it, and 0.5 s ------->        meters show whole seconds, cut off

Without a trusted time of its own the box measures no offset: the meter, less the offset it had when it was
last measured, is then a witness of what time it is; one that was never measured is none. Offsets are ms,
positive: the meter is ahead. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from buffer.instant import Instant

EVERY_MS: Final = 23 * 3_600_000 + 1_800_000  # once a day, where somebody looks each hour
HALF_SECOND_MS: Final = 500  # of what is shown as whole seconds
DRIFT: Final = 1e-5  # of a meter's clock, 0.9 s a day: a planning figure of ours
JUMP_MS: Final = 5_000  # beyond errors and drift: somebody set it


@dataclass(frozen=True, slots=True)
class Shown:
    """What a meter's clock showed between ``sent_ms`` and ``heard_ms`` of the monotonic clock."""

    meter: str
    at: datetime
    sent_ms: int
    heard_ms: int

    @property
    def mono_ms(self) -> int:
        """When, at best guess."""
        return (self.sent_ms + self.heard_ms) // 2

    @property
    def error_ms(self) -> int:
        """How far the guess may be off."""
        return (self.heard_ms - self.sent_ms + 1) // 2 + HALF_SECOND_MS


@dataclass(frozen=True, slots=True)
class Offset:
    """A measured offset; ``mono_ms`` of boot ``boot_id``, ``utc_ms`` by the box."""

    offset_ms: int
    error_ms: int
    utc_ms: int
    mono_ms: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Witness:
    """At ``mono_ms`` it was ``utc_ms``, give or take ``error_ms``, says ``meter``."""

    mono_ms: int
    utc_ms: int
    error_ms: int
    meter: str


class Clocks:
    """The last offset of each meter. ``limit_ms``: by meter, what is too far."""

    def __init__(self, zone: str, limits_ms: Mapping[str, int], last: Mapping[str, Offset]) -> None:
        self._zone = ZoneInfo(zone)
        self._limits_ms = limits_ms
        self.last = dict(last)

    def due(self, meter: str, now: Instant) -> bool:
        """True once a day, and after a start of the machine."""
        last = self.last.get(meter)
        return last is None or last.boot_id != now.boot_id or now.mono_ms - last.mono_ms >= EVERY_MS

    def measure(self, shown: Shown, now: Instant) -> tuple[Offset, list[dict[str, object]]]:
        """The offset, and the fields of the ``meter-event`` records that it makes."""
        behind_ms = now.utc_ms - now.mono_ms
        offset_ms = self.offset_ms(shown, behind_ms)
        utc_ms = shown.mono_ms + behind_ms
        offset = Offset(offset_ms, shown.error_ms, utc_ms, shown.mono_ms, now.boot_id)
        before, self.last[shown.meter] = self.last.get(shown.meter), offset
        events: list[dict[str, object]] = []
        if before is not None and abs(offset.offset_ms - before.offset_ms) > self._usual_ms(before, offset):
            events.append(
                {"m": shown.meter, "what": "clock-jump", "old": before.offset_ms, "new": offset.offset_ms}
            )
        event: dict[str, object] = {
            "m": shown.meter,
            "what": "clock",
            "mt": shown.at.isoformat(" ", "seconds"),
            "offset_ms": offset.offset_ms,
            "error_ms": offset.error_ms,
        }
        if self.over(shown.meter):
            event["over_ms"] = self._limits_ms[shown.meter]
        return offset, [*events, event]

    def offset_ms(self, shown: Shown, behind_ms: int) -> int:
        """Meter less box; ``behind_ms``: the box's wall clock less its monotonic one."""
        return self.utc_of(shown.at) + HALF_SECOND_MS - (shown.mono_ms + behind_ms)

    def witness(self, shown: Shown) -> Witness | None:
        """What time it was, by this meter; None if its clock was never measured: nothing bounds it."""
        last = self.last.get(shown.meter)
        if last is None:
            return None
        utc_ms = self.utc_of(shown.at) + HALF_SECOND_MS - last.offset_ms
        drift_ms = round(abs(utc_ms - last.utc_ms) * DRIFT)
        return Witness(shown.mono_ms, utc_ms, shown.error_ms + last.error_ms + drift_ms, shown.meter)

    def over(self, meter: str) -> bool:
        """Whether its last offset is surely beyond the limit."""
        last, limit_ms = self.last.get(meter), self._limits_ms.get(meter, 0)
        return bool(last is not None and limit_ms and abs(last.offset_ms) - last.error_ms > limit_ms)

    def utc_of(self, at: datetime) -> int:
        """A meter's own time as ms since 1970, if it were right."""
        return round(at.replace(tzinfo=self._zone).timestamp() * 1000)

    def meter_time(self, utc_ms: int, offset_ms: int) -> datetime:
        """What a meter with that offset shows at ``utc_ms``."""
        local = datetime.fromtimestamp(utc_ms / 1000, UTC).astimezone(self._zone)
        return local.replace(tzinfo=None) + timedelta(milliseconds=offset_ms)

    @staticmethod
    def _usual_ms(before: Offset, after: Offset) -> float:
        """How far two offsets may lie apart though nobody touched the clock."""
        return before.error_ms + after.error_ms + DRIFT * abs(after.utc_ms - before.utc_ms) + JUMP_MS


def dump(offset: Offset) -> dict[str, Any]:
    """As a logbook document."""
    return {
        "offset_ms": offset.offset_ms,
        "error_ms": offset.error_ms,
        "utc_ms": offset.utc_ms,
        "mono_ms": offset.mono_ms,
        "boot_id": offset.boot_id,
    }


def load(document: Mapping[str, Any]) -> Offset:
    """From a logbook document. Raises KeyError, TypeError, ValueError for any other."""
    return Offset(
        offset_ms=int(document["offset_ms"]),
        error_ms=int(document["error_ms"]),
        utc_ms=int(document["utc_ms"]),
        mono_ms=int(document["mono_ms"]),
        boot_id=str(document["boot_id"]),
    )

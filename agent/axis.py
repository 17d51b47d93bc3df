"""The axis: the one line of time on which the rules measure durations. It runs with the monotonic clock and
goes on over restarts of the daemon and the machine.

::

    boot A  mono 0 ......... 86 400 000        axis = mono + offset A
    boot B                    (off)  mono 0 .. axis = mono + offset B, never before the end of A

Within a boot the offset is fixed, so a step of the wall clock moves nothing. At the start of another boot the
wall clock says how long the machine was off, as well as it can; one that woke up in the past makes that pause
zero. The axis resembles UTC and is not: calendars use the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.rules.world import Moment
from buffer.instant import Instant

TRUSTED = "SM"  # letters of the clock by which calendars are judged
AGREE_MS = 600_000


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of one boot of the machine."""

    boot_id: str
    offset_ms: int

    @classmethod
    def begin(cls, now: Instant, before: Axis | None = None, last_ms: int = 0) -> Axis:
        """``before``: the axis when it was last written down, ``last_ms`` up to where it had run."""
        if before is not None and before.boot_id == now.boot_id:
            return before
        return cls(now.boot_id, max(now.utc_ms, last_ms) - now.mono_ms)

    def at(self, mono_ms: int) -> int:
        """A moment of this boot on the axis."""
        return mono_ms + self.offset_ms

    def mono(self, ms: int) -> int | None:
        """The monotonic time of a moment of this boot; None for one before it."""
        found = ms - self.offset_ms
        return found if found >= 0 else None

    def moment(self, mono_ms: int, wall: Wall) -> Moment:
        """A moment of this boot, as the rules want it."""
        return Moment(self.at(mono_ms), wall.utc_ms(mono_ms), self.boot_id, wall.read_ms(mono_ms))


@dataclass(slots=True)
class Wall:
    """The wall clock as calendars may use it: what is known of UTC in this boot of the machine.

    The kernel's word counts, and goes on counting when the time server is gone: the crystal is off by 500 ppm
    at most, seven minutes in ten days. Without it a witness does (a meter's own clock that was measured
    before, a platform's signed receipt), if it agrees with our clock within ``AGREE_MS``; one that does not
    agree proves nothing about either. Without any of these there is no calendar, and orders and shifts are
    not judged."""

    offset_ms: int | None = None  # UTC less monotonic time
    shown_ms: int | None = None  # the same of what the clock shows, trusted or not

    def look(self, now: Instant) -> None:
        """Hear the kernel."""
        self.shown_ms = now.utc_ms - now.mono_ms
        if now.letter in TRUSTED:
            self.offset_ms = now.utc_ms - now.mono_ms

    def hear(self, utc_ms: int, now: Instant) -> None:
        """Hear a witness who says that it is ``utc_ms`` now."""
        if self.offset_ms is None and abs(utc_ms - now.utc_ms) <= AGREE_MS:
            self.offset_ms = now.utc_ms - now.mono_ms

    def stepped(self, now: Instant) -> None:
        """Somebody set the clock: what was concluded from it no longer holds."""
        self.offset_ms = None
        self.look(now)

    def utc_ms(self, mono_ms: int) -> int | None:
        """UTC at a moment of this boot, as far as anybody knows."""
        return None if self.offset_ms is None else mono_ms + self.offset_ms

    def read_ms(self, mono_ms: int) -> int | None:
        """What the clock shows at a moment of this boot: days turn by it where nothing better is known."""
        return None if self.shown_ms is None else mono_ms + self.shown_ms

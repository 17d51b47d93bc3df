"""When each meter is polled: slots of the monotonic clock, never the wall clock. Pure.

A slot is ``floor((mono - phase) / period)`` of this start, per meter and class; ``phase`` (under a period)
places slot borders on whole wall-clock periods at the start and again only after a clock step::

    mono   ...|---- slot 17 ----|---- slot 18 ----|...      every_s = 10
    wall      16:40:10          16:40:20          16:40:30

Slots that were missed altogether (the process was stopped) come back as missed: each slot ends as a
reading, a failed read or a missed slot, so completeness can be proved (DESIGN 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.profile import PollClass


@dataclass(frozen=True, slots=True)
class Slot:
    """One poll of one meter: ``due_ms`` on the monotonic clock."""

    meter: str
    poll: PollClass
    number: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class Round:
    """One class of one meter, read each ``every_s``."""

    meter: str
    poll: PollClass
    every_s: int


@dataclass(frozen=True, slots=True)
class _Track:
    """One meter's one class: its period, its phase on the monotonic clock, its next slot number."""

    meter: str
    poll: PollClass
    period_ms: int
    phase_ms: int
    next_slot: int

    def slot(self, number: int) -> Slot:
        return Slot(self.meter, self.poll, number, number * self.period_ms + self.phase_ms)

    def current(self, mono_ms: int) -> int:
        return (mono_ms - self.phase_ms) // self.period_ms


def _start(one: Round, mono_ms: int, utc_ms: int) -> _Track:
    period_ms = one.every_s * 1000
    track = _Track(one.meter, one.poll, period_ms, (mono_ms - utc_ms) % period_ms, 0)
    # The running slot is polled at once: a started box shows values without waiting for a border.
    return replace(track, next_slot=track.current(mono_ms))


class Poller:
    """The slots of the meters of one bus. ``take`` is the only verb; it never gives a slot twice."""

    def __init__(self, rounds: Sequence[Round], mono_ms: int, utc_ms: int) -> None:
        self._tracks = [_start(one, mono_ms, utc_ms) for one in rounds]

    def rephase(self, mono_ms: int, utc_ms: int) -> None:
        """After a clock step: move the borders by less than one period; no slot number is used twice."""
        self._tracks = [
            replace(track, phase_ms=(mono_ms - utc_ms) % track.period_ms) for track in self._tracks
        ]

    def take(self, mono_ms: int) -> tuple[tuple[Slot, ...], tuple[Slot, ...]]:
        """The slots that are due and those that passed unserved, each exactly once."""
        due: list[Slot] = []
        missed: list[Slot] = []
        for index, track in enumerate(self._tracks):
            current = track.current(mono_ms)
            if track.next_slot > current:
                continue
            missed.extend(track.slot(number) for number in range(track.next_slot, current))
            due.append(track.slot(current))
            self._tracks[index] = replace(track, next_slot=current + 1)
        return tuple(due), tuple(missed)

    def next_due(self, mono_ms: int) -> int:
        """When ``take`` will next have something, mono ms."""
        return min((track.slot(track.next_slot).due_ms for track in self._tracks), default=mono_ms + 1000)

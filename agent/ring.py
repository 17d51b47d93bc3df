"""The last frames of one bus, for people who watch: bounded, and never in the bus' way.

::

    bus thread --put--> [ 41 | 42 | 43 ]  <--after(41)-- control thread: frames 42 and 43, none lost

Whoever reads too slowly is told how many frames he missed. Nothing here is evidence: that is the journal.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from drivers.samples import WireFrame

FRAMES: Final = 2048  # kept; a busy line at 9600 baud makes some 20 a second
ANSWER_FRAMES: Final = 200
ANSWER_BYTES: Final = 64 * 1024  # of frames in one answer; one frame is always given


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame: its number since start, and the meter that was being asked."""

    number: int
    meter: str
    frame: WireFrame


@dataclass(frozen=True, slots=True)
class Since:
    """What came behind a number. ``last``: ask again behind it; ``lost``: frames that had left the ring."""

    frames: tuple[Seen, ...]
    last: int
    lost: int


class Ring:
    """``put`` belongs to the bus thread, ``after`` to any other."""

    def __init__(self, frames: int = FRAMES) -> None:
        self._kept: deque[Seen] = deque(maxlen=frames)
        self._last = 0
        self._lock = threading.Lock()

    def put(self, meter: str, frame: WireFrame) -> None:
        """Keep a frame; the oldest gives way."""
        with self._lock:
            self._last += 1
            self._kept.append(Seen(self._last, meter, frame))

    def after(self, number: int) -> Since:
        """Frames behind ``number``, oldest first, as many as fit into one answer; a negative number: none,
        from now on."""
        with self._lock:
            last, kept = self._last, list(self._kept) if number >= 0 else []
        number = min(number, last)  # of an earlier daemon
        waiting = [seen for seen in kept if seen.number > number]
        if not waiting:
            return Since((), last, 0)
        given = _fitting(waiting)
        return Since(tuple(given), given[-1].number, waiting[0].number - number - 1)


def _fitting(waiting: list[Seen]) -> list[Seen]:
    size = 0
    for count, seen in enumerate(waiting):
        size += len(seen.frame.data)
        if count and (size > ANSWER_BYTES or count >= ANSWER_FRAMES):
            return waiting[:count]
    return waiting

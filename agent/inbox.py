"""The one bounded queue between the threads and the recorder.

When it is full the newest item is dropped and counted, never the reading in progress and never silently:
the recorder writes one loss record as soon as it moves again (DESIGN 6). Receipts and notes are few and
wait in the same line.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Literal

from agent.asking import RulesAsked
from agent.meters.clocks import Shown
from agent.orders.asked import Asked
from buffer.errors import KeyFault
from buffer.note import VerifierKey
from buffer.receipt import Receipt
from buffer.scrub import Rot
from buffer.verify import BlockData
from drivers.memory import Happened, Source, Stored
from drivers.samples import PollResult, WireFrame

CAPACITY = 5_000  # readings; some 10 MB, minutes of a stalled disk at 32 meters


@dataclass(frozen=True, slots=True)
class ReceiptHeard:
    """An uplink heard a receipt with a good signature; whether it is right the journal decides."""

    uplink: str
    receipt: Receipt
    note: bytes


@dataclass(frozen=True, slots=True)
class Remark:
    """Any other event worth a record: ``kind`` and its fields (``buffer`` record kinds)."""

    kind: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChoreDue:
    """A wall-clock chore that belongs to the recorder: "retention" or "meters"."""

    name: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """A meter was seen not to support some blocks or items: a page of the logbook, no evidence."""

    meter: str
    unsupported: frozenset[str]


@dataclass(frozen=True, slots=True)
class Recalled:
    """A meter told of its past: ``gap`` is the number of the gap it was asked for; heard at ``mono_ms``."""

    meter: str
    gap: int
    stored: Stored
    mono_ms: int
    frames: tuple[WireFrame, ...]


@dataclass(frozen=True, slots=True)
class RecallEnded:
    """The meter was asked for all of a gap, or the line failed ("interrupted"); "no memory": it has none."""

    meter: str
    gap: int
    ended: Literal["done", "interrupted", "no memory"]


@dataclass(frozen=True, slots=True)
class NothingKept:
    """The meter keeps nothing of ``source``: of no use to ask again for this gap."""

    meter: str
    gap: int
    source: Source


@dataclass(frozen=True, slots=True)
class ClockShown:
    """A meter's clock was read."""

    shown: Shown


@dataclass(frozen=True, slots=True)
class Rotate:
    """Somebody with the right to act wants another identity; ``said`` gets it, or the code of why not."""

    said: SimpleQueue[VerifierKey | KeyFault]


@dataclass(frozen=True, slots=True)
class Owed:
    """How old the oldest block is that each uplink has not confirmed, ms; 0: it has them all."""

    ages_ms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Blocks out of a platform's evidence that this store had lost."""

    blocks: tuple[BlockData, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Rise:
    """A counter of a meter went from ``old`` to ``new``, as record ``i`` says."""

    meter: str
    name: str
    old: int
    new: int
    i: int


@dataclass(frozen=True, slots=True)
class EventHeard:
    """A meter told an event record of its own; heard at ``mono_ms``."""

    meter: str
    happened: Happened
    mono_ms: int
    frames: tuple[WireFrame, ...]


@dataclass(frozen=True, slots=True)
class EventsEnded:
    """The meter was asked for the records behind ``rises``; ``ended`` as in `RecallEnded`."""

    meter: str
    rises: tuple[Rise, ...]
    ended: Literal["done", "interrupted", "no memory"]


Told = (
    Recalled | NothingKept | RecallEnded | ClockShown | EventHeard | EventsEnded
)  # what a meter was asked beside its polls
Item = (
    Learnt
    | PollResult
    | ReceiptHeard
    | Remark
    | ChoreDue
    | Rot
    | GivenBack
    | Owed
    | Rotate
    | Asked
    | RulesAsked
    | Told
)


class Inbox:
    """Thread-safe; ``put`` never waits."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._dropped = 0
        self._changed = threading.Condition()

    def put(self, item: Item) -> bool:
        """Hand an item to the recorder; False: the queue was full and the item is counted as lost."""
        with self._changed:
            if len(self._items) >= self._capacity:
                self._dropped += 1
                return False
            self._items.append(item)
            self._changed.notify()
            return True

    def take(self, most: int) -> tuple[tuple[Item, ...], int]:
        """Up to ``most`` items in order, and how many were dropped since the last call."""
        with self._changed:
            count = min(most, len(self._items))
            items = tuple(self._items.popleft() for _ in range(count))
            dropped, self._dropped = self._dropped, 0
            return items, dropped

    def wait(self, seconds: float) -> None:
        """Wait until something is there, at most so long."""
        with self._changed:
            if not self._items:
                self._changed.wait(max(0.0, seconds))

    def wake(self) -> None:
        """Let ``wait`` return."""
        with self._changed:
            self._changed.notify()

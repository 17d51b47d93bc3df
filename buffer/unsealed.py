"""The records between ``append`` and ``seal``: first they wait, then they are durable in the tail.

::

    take --> waiting --commit: one frame--> durable --restart--> (sealed)
                 ^                             |
                 +--------- compact -----------+   all in one frame of the other half, when the store is full

One generation at a time. Knows nothing of blocks; never forgets a record before it is told that it was
sealed.
"""

from __future__ import annotations

from dataclasses import replace

from buffer.frame import PAGE, Frame, claim, follow, pages
from buffer.sealing import Entry, Stamp
from buffer.tail import HALF, Tail


class Unsealed:
    """``generation`` is the number of the block that these records will become; ``running`` the hash of the
    head."""

    def __init__(self, tail: Tail, stamp: Stamp, generation: int, running: str) -> None:
        self._tail = tail
        self._stamp = stamp
        self.durable: list[Entry] = []
        self._waiting: list[Entry] = []
        self._bytes = {"rows": 0, "waiting": 0, "all": 0}
        self.since_ms: int | None = None
        self.restart(generation, running)

    def restart(self, generation: int, running: str, stamp: Stamp | None = None) -> None:
        """The durable ones are sealed; the next generation takes the other half. None may be waiting.
        ``stamp``: another one from now on."""
        assert not self._waiting
        self._stamp = self._stamp if stamp is None else stamp
        self._generation = generation
        self._seed = self._running = bytes.fromhex(running)
        self.durable = []
        self._bytes = {"rows": 0, "waiting": 0, "all": 0}
        self._tail.begin()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them, in order."""
        return (*self.durable, *self._waiting)

    @property
    def size(self) -> tuple[int, int]:
        """Records, and bytes of their rows."""
        return len(self.durable) + len(self._waiting), self._bytes["rows"]

    def room(self) -> int:
        """Bytes left in the half after the next commit."""
        return self._tail.room - pages(self._bytes["waiting"]) * PAGE

    def fits(self, entry: Entry, spare: int) -> bool:
        """Whether there is room for one more, with ``spare`` bytes left."""
        size = self._bytes["waiting"] + _size(entry)
        return pages(size) * PAGE <= self._tail.room - spare

    def take(self, entry: Entry) -> None:
        """One more waits."""
        mono_ms = entry.record["mono"]
        self._waiting.append(entry)
        self._bytes["rows"] += len(entry.row)
        self._bytes["waiting"] += _size(entry)
        self._bytes["all"] += _size(entry)
        self.since_ms = mono_ms if self.since_ms is None else min(self.since_ms, mono_ms)

    def commit(self) -> None:
        """Make what waits durable. OSError: nothing of it may be believed."""
        if not self._waiting:
            return
        frame = self._frame()
        self._tail.write(frame)
        self._running = frame.running
        self.durable += self._waiting
        self._waiting, self._bytes["waiting"], self.since_ms = [], 0, None

    def compact(self) -> bool:
        """Write everything into the other half as one frame, without the padding of many. The half left
        behind stays as it is until the next time, so a cut finds the one or the other. False: it would free
        little."""
        if self._bytes["all"] > HALF // 2:
            return False
        self._waiting, self.durable = list(self.entries), []
        self._running = self._seed
        self._tail.begin()
        self.commit()
        return True

    def _frame(self) -> Frame:
        rows = b"".join(one.row for one in self._waiting)
        raw = b"".join(one.raw for one in self._waiting)
        frame = Frame(self._generation, self._waiting[0].i, len(self._waiting), rows, raw, b"")
        frame = replace(frame, running=follow(self._running, frame))
        signature = self._stamp.keys.ratchet.sign(claim(self._stamp.box, self._stamp.epoch, frame))
        return replace(frame, signature=signature)


def _size(entry: Entry) -> int:
    return len(entry.row) + len(entry.raw)

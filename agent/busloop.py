"""One bus, its poller and the requests of technicians: what the bus thread runs.

The thread sleeps on an event until the next slot, the next exchange or a request; nobody else touches
the bus.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.inbox import Learnt
from agent.poller import Poller, Slot
from agent.ring import Ring
from drivers.bus import Bus, BusState, Job
from drivers.errand import Errand
from drivers.results import unasked
from drivers.samples import PollResult, WireFrame


@dataclass(slots=True)
class _Asked:
    """A technician's read on its way."""

    done: threading.Event = field(default_factory=threading.Event)
    result: PollResult | None = None


class BusLoop:
    """``step`` belongs to the bus thread; ``read`` may be called from any other."""

    def __init__(
        self,
        make: Callable[[Callable[[PollResult], None], Callable[[str, WireFrame], None]], Bus],
        poller: Poller,
        put: Callable[[PollResult | Learnt], object],
    ) -> None:
        self.ring = Ring()
        self.bus = make(self._take, self.ring.put)
        self._poller = poller
        self._put = put
        self._known = dict(self.bus.unsupported())
        self._asked: dict[int, _Asked] = {}
        self._lock = threading.Lock()
        self._token = 0
        self._wake = threading.Event()
        self._rephase: tuple[int, int] | None = None

    def _take(self, result: PollResult) -> None:
        """The bus hands each finished poll here: a technician's to him, all others to the recorder."""
        if result.poll != "read":
            self._put(result)
            return
        with self._lock:
            asked = self._asked.pop(result.token, None)
        if asked is not None:
            asked.result = result
            asked.done.set()

    def step(self, mono_ms: int) -> int:
        """Queue what is due, run at most one exchange; gives the next due mono ms."""
        if self._rephase is not None:
            (mono, utc), self._rephase = self._rephase, None
            self._poller.rephase(mono, utc)
        due, missed = self._poller.take(mono_ms)
        for slot in missed:
            self._put(unasked(_job(slot), "overrun", mono_ms))
        for slot in due:
            self.bus.submit(_job(slot))
        slot_ms = self._poller.next_due(mono_ms)
        next_ms = min(self.bus.step(mono_ms, slot_ms), slot_ms)
        self._remember()
        return next_ms

    def _remember(self) -> None:
        """Hand on what was learnt of a meter, once."""
        for meter, unsupported in self.bus.unsupported().items():
            if unsupported != self._known.get(meter):
                self._known[meter] = unsupported
                self._put(Learnt(meter, unsupported))

    def wait(self, seconds: float) -> None:
        """Sleep until the next thing is due or somebody asks."""
        self._wake.wait(max(0.0, seconds))
        self._wake.clear()

    def state(self) -> BusState:
        """How the bus stands; any thread."""
        return self.bus.state()

    def wake(self) -> None:
        """Let ``wait`` return."""
        self._wake.set()

    def release(self) -> None:
        """The daemon stops: nobody waits for a read any longer."""
        with self._lock:
            for asked in self._asked.values():
                asked.done.set()
        self.wake()

    def rephase(self, mono_ms: int, utc_ms: int) -> None:
        """The wall clock stepped: the slot borders follow with the next step."""
        self._rephase = (mono_ms, utc_ms)
        self.wake()

    def errand(self, errand: Errand) -> None:
        """Run an errand in the line's free moments; any thread."""
        self.bus.errand(errand)
        self.wake()

    def read(self, meter: str, mono_ms: int, timeout_s: float) -> PollResult | None:
        """Read all items of a meter once, between the live polls; None when the line was not free in time."""
        asked = _Asked()
        with self._lock:
            self._token += 1
            token = self._token
            self._asked[token] = asked
        self.bus.submit(Job(meter, "read", 0, mono_ms, token))
        self.wake()
        asked.done.wait(timeout_s)
        with self._lock:
            self._asked.pop(token, None)
        return asked.result


def _job(slot: Slot) -> Job:
    return Job(slot.meter, slot.poll, slot.number, slot.due_ms)
